"""Handshake heads to be varied by tests: each argument replaces a header's value; None leaves the header out."""

from __future__ import annotations

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def _head(start: str, headers: dict[str, str | None]) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode()


def request(
    start: str = "GET /chat HTTP/1.1",
    *,
    host: str | None = "server.example.com",
    upgrade: str | None = "websocket",
    connection: str | None = "Upgrade",
    key: str | None = KEY,
    version: str | None = "13",
    subprotocols: str | None = None,
    deflate: str | None = None,
    extensions: str | None = None,
) -> bytes:
    """A request to upgrade; `deflate` are the parameters of an offer of permessage-deflate."""
    return _head(
        start,
        {
            "Host": host,
            "Upgrade": upgrade,
            "Connection": connection,
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": version,
            "Sec-WebSocket-Protocol": subprotocols,
            "Sec-WebSocket-Extensions": extensions if deflate is None else "permessage-deflate" + deflate,
        },
    )


def response(
    start: str = "HTTP/1.1 101 Switching Protocols",
    *,
    upgrade: str | None = "websocket",
    connection: str | None = "Upgrade",
    accept: str | None = ACCEPT,
    subprotocol: str | None = None,
    deflate: str | None = None,
    extensions: str | None = None,
) -> bytes:
    """An answer that agrees."""
    return _head(
        start,
        {
            "Upgrade": upgrade,
            "Connection": connection,
            "Sec-WebSocket-Accept": accept,
            "Sec-WebSocket-Protocol": subprotocol,
            "Sec-WebSocket-Extensions": extensions if deflate is None else "permessage-deflate" + deflate,
        },
    )
