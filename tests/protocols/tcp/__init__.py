"""Plain HTTP/1.1."""
