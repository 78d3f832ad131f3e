"""What both sides say in the tests of decoding: HTTP requests and responses, and messages on a socket."""

from __future__ import annotations

import json
from typing import Any

from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.wire.websocket_frames import Frame
from tests.decoding import Said, record, sound
from tests.protocols.websocket.heads import request as upgrade
from tests.protocols.websocket.heads import response as switching

C, S = Side.CLIENT, Side.SERVER
MASK = b"\x01\x80\xfe\x7f"
NEW, JSON = "application/graphql-response+json", "application/json"
MODERN, LEGACY = "graphql-transport-ws", "graphql-ws"


def written(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def post(value: Any, media: str | None = JSON, path: str = "/graphql", more: str = "") -> Said:
    """A POST; `value` is JSON, or the body's bytes."""
    body = written(value)
    lines = [f"POST {path} HTTP/1.1", "Host: a", f"Accept: {NEW}", f"Content-Length: {len(body)}", *more.splitlines()]
    lines += [f"Content-Type: {media}"] if media else []
    return C, "\r\n".join([*lines, "", ""]).encode() + body


def get(query: str) -> Said:
    return C, f"GET /graphql{query} HTTP/1.1\r\nHost: a\r\nAccept: {NEW}\r\n\r\n".encode()


def reply(status: int, value: Any, media: str | None = NEW, chunks: int = 0, more: str = "") -> Said:
    """A response; with `chunks`, in so many."""
    body = written(value)
    lines = [f"HTTP/1.1 {status} X", *more.splitlines(), *([f"Content-Type: {media}"] if media else [])]
    if not chunks:
        return S, "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
    size = len(body) // chunks + 1
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return S, "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode() + sent


def client(value: Any, opcode: int = 1, **more: Any) -> Said:
    return C, Frame(opcode, written(value), key=MASK, **more).encode()


def server(value: Any, opcode: int = 1, **more: Any) -> Said:
    return S, Frame(opcode, written(value), **more).encode()


def close(side: Side, code: int) -> Said:
    frame = Frame(8, code.to_bytes(2), key=MASK if side is C else None)
    return side, frame.encode()


def opening(subprotocol: str | None = MODERN, offered: str | None = None) -> list[Said]:
    head = upgrade("GET /graphql HTTP/1.1", subprotocols=offered or subprotocol)
    return [(C, head), (S, switching(subprotocol=subprotocol))]


INIT, ACK = client({"type": "connection_init"}), server({"type": "connection_ack"})


def subscribe(id: Any = "1", query: Any = "subscription S { tick }", **more: Any) -> Said:
    return client({"type": "subscribe", "id": id, "payload": {"query": query, **more}})


def next_(id: Any = "1", **payload: Any) -> Said:
    return server({"type": "next", "id": id, "payload": payload or {"data": {"tick": 1}}})


def complete(side: Side, id: Any = "1") -> Said:
    return (client if side is C else server)({"type": "complete", "id": id})


def decoded(*said: Said) -> Conversation[Any, Any]:
    """The conversation, with the laws checked."""
    return sound(record(said), "graphql")


def socket(*said: Said, subprotocol: str | None = MODERN) -> Conversation[Any, Any]:
    """A conversation on a socket that is acknowledged, or, with another subprotocol, only open."""
    ready = [INIT, ACK] if subprotocol == MODERN else []
    return decoded(*opening(subprotocol), *ready, *said)


def broken(conversation: Conversation[Any, Any]) -> list[tuple[str, bytes]]:
    """The rules that are broken, each with the bytes at fault as they are meant: unmasked."""
    found = []
    for unit, finding in conversation.findings:
        data = unit.data
        if unit.kind == "frame" and data[1] & 0x80:
            frame = Frame.decode(data)
            data = data[: len(data) - len(frame.payload)] + frame.payload
        found.append((finding.rule.id, data[finding.start : finding.end]))
    return found
