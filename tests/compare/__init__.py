"""WebSocket compared with HTTP."""
