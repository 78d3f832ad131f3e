"""Formats that two or more protocols ride on: bytes to fields, as pure functions (law 1). No socket, no loop, no pixels."""
