"""The project's tests. Each folder mirrors one of the package; `tools` holds what several of them need."""
