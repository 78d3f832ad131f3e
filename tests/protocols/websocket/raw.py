"""A WebSocket peer made of bytes, for saying what no library would."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from protolab.wire.websocket_frames import Frame, read_head

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HEADERS = {
    "Host": "lab.local",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def dial(url: str) -> socket.socket:
    """A TCP connection to the server at `url`."""
    where = urlsplit(url)
    return socket.create_connection((where.hostname, where.port), 10)


def request(first: str = "GET / HTTP/1.1", **headers: str | None) -> bytes:
    """A handshake request, with headers replaced (underscores stand for hyphens) or, by None, left out."""
    chosen = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [first, *(f"{name}: {value}" for name, value in chosen.items() if value is not None)]
    return "".join(line + "\r\n" for line in lines).encode() + b"\r\n"


def head(peer: socket.socket) -> bytes:
    """The HTTP head that the peer sends, to its empty line."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = peer.recv(1)
        assert byte, f"it hung up after {data!r}"
        data += byte
    return data


def frame(peer: socket.socket) -> Frame:
    """The next frame that the peer sends."""
    data = b""
    while (found := read_head(data)) is None or len(data) < found.size + found.length:
        byte = peer.recv(1)
        assert byte, f"it hung up after {data!r}"
        data += byte
    return Frame.decode(data)


def upgraded(url: str, **headers: str | None) -> socket.socket:
    """A TCP connection to the server at `url` that has become a WebSocket one."""
    peer = dial(url)
    peer.sendall(request(**headers))
    assert head(peer).startswith(b"HTTP/1.1 101 ")
    return peer
