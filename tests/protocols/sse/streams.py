"""Event streams as bytes and the events that WHATWG HTML section 9.2 makes of them, and how HTTP carries them.

The cases stand for the behaviours that the eventsource folder of web-platform-tests checks, under the names used there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protolab.fields import Side
from protolab.wire.event_stream import Event
from tests.decoding import Said

REQUEST = b"GET /api/events HTTP/1.1\r\nHost: lab.local\r\nAccept: text/event-stream\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"


def message(data: str, id: str = "", type: str = "message") -> Event:
    return Event(type, data, id)


LONG = "x" * 40
CASES: dict[str, tuple[bytes, list[Event]]] = {
    "bom": (b"\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n", [message("1"), message("3")]),
    "bom-2": (b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\n", [message("2")]),
    "bom-alone": (b"\xef\xbb\xbf\n\ndata:1\n\n", [message("1")]),
    "bom-cut": (b"\xef\xbbdata:1\n\ndata:2\n\n", [message("2")]),
    "comments": (
        f"data:1\r:\0\n:\r\ndata:2\n:{LONG}\rdata:3\n:data:fail\r:{LONG}\ndata:4\n\n".encode(),
        [message("1\n2\n3\n4")],
    ),
    "comment-alone": (b"id:1\ndata:a\n\n:\n\ndata:b\n\n", [message("a", "1"), message("b", "1")]),
    "data-before-final-empty-line": (b"retry:1000\ndata:test1\n\nid:test\ndata:test2", [message("test1")]),
    "data-before-final-line-end": (b"data:test1\n\nid:test\ndata:test2\n", [message("test1")]),
    "field-data": (b"data:\n\ndata\ndata\n\ndata:test\n\n", [message(""), message("\n"), message("test")]),
    "field-event": (b"event:test\ndata:x\n\ndata:x\n\n", [message("x", type="test"), message("x")]),
    "field-event-empty": (b"event: \ndata:data\n\n", [message("data")]),
    "field-event-twice": (b"event:a\nevent: b\ndata:x\n\n", [message("x", type="b")]),
    "field-event-without-data": (b"event:test\n\ndata:x\n\n", [message("x")]),
    "field-id": (b"id:1\ndata:a\n\ndata:b\n\n", [message("a", "1"), message("b", "1")]),
    "field-id-2": (b"id:1\ndata:a\n\nid\ndata:b\n\nid:\ndata:c\n\n", [message("a", "1"), message("b"), message("c")]),
    "field-id-3": (b"id: 7\n\ndata:a\n\n", [message("a", "7")]),
    "field-id-null": (b"id:1\ndata:a\n\nid:\0x\ndata:b\n\n", [message("a", "1"), message("b", "1")]),
    "field-parsing": (
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        [message("\0\n 2\n1\n3\n\n4")],
    ),
    "field-retry-bogus": (b"retry:3000\nretry:1000x\ndata:x\n\n", [message("x")]),
    "field-retry-empty": (b"retry\ndata:test\n\n", [message("test")]),
    "field-unknown": (
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        [message("test\n\ntest")],
    ),
    "leading-space": (b"data:\ttest\rdata: \ndata:test\n\n", [message("\ttest\n\ntest")]),
    "newlines": (b"data:test\r\ndata\ndata:test\r\n\r", [message("test\n\ntest")]),
    "newlines-cr": (b"data:1\r\rdata:2\r\r", [message("1"), message("2")]),
    "newlines-crlf": (b"data:1\r\n\r\ndata:2\r\n\r\n", [message("1"), message("2")]),
    "newlines-mixed": (b"data:1\n\r\ndata:2\r\n\rdata:3\r\n\n\n\r\r", [message("1"), message("2"), message("3")]),
    "newlines-of-unicode": (
        "data:a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n\n".encode(),
        [message("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg")],
    ),
    "null-character": (b"data:\0\n\n\n\n", [message("\0")]),
    "utf-8": ("data:ok\u2026\n\n".encode(), [message("ok\u2026")]),
    "utf-8-broken": (b"data:\xe2\x80\ndata:\xff\xf0\x9f\x98x\n\n", [message("\ufffd\n\ufffd\ufffdx")]),
    "utf-8-astral": ("event:\U0001f375\nid:\u00e9\ndata:\U0001f600\n\n".encode(), [Event("\U0001f375", "\U0001f600", "\u00e9")]),
    "event-data": (
        b"data:msg\ndata:msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
        [message("msg\nmsg"), message(""), message("end")],
    ),
    "colons": (b"data:a: b\nid::\n:\n\n", [message("a: b", ":")]),
}  # fmt: skip


def cuts(data: bytes, points: int) -> Iterator[list[bytes]]:
    """The data cut at every one, or every two, of the places between its bytes."""
    for first in range(len(data) + 1):
        if points == 1:
            yield [data[:first], data[first:]]
        else:
            yield from ([data[:first], data[first:second], data[second:]] for second in range(first, len(data) + 1))


def chunked(parts: Sequence[bytes], end: bool = True) -> bytes:
    """The parts, each as one chunk, with the last chunk unless the stream goes on."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part) + (b"0\r\n\r\n" if end else b"")


def exchange(*parts: bytes, end: bool = True, request: bytes = REQUEST, head: bytes = HEAD) -> list[Said]:
    """A request, and its answer in chunks."""
    said = head + b"Transfer-Encoding: chunked\r\n\r\n"
    return [(Side.CLIENT, request), (Side.SERVER, said), (Side.SERVER, chunked(parts, end))]
