"""A call while it is being followed: what its headers said, and where its messages stand in DATA.

Of a message that is spread over frames only the places of its bytes are kept; the stream still has the bytes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from protolab.fields import Side, Source
from protolab.wire.protobuf_schema import Method

PREFIX = 5  # bytes before a message: a flag, and its length in four bytes
MOST_PIECES = 1000  # messages of one frame that are shown; those after them are counted, and explained as one field

_unpack = struct.Struct(">BI").unpack_from
_new = tuple.__new__


class Parts(NamedTuple):
    """Where the bytes of a message stand, its prefix not counted: the last part, and by `before` those before it."""

    before: Parts | None
    source: Source

    def sources(self) -> tuple[Source, ...]:
        """The parts in order."""
        found: list[Source] = []
        part: Parts | None = self
        while part is not None:
            found.append(part.source)
            part = part.before
        return tuple(found[::-1])


class Piece(NamedTuple):
    """The unit's bytes [start, end) of message `number` (from 0) of its side; `skip` bytes of it came before.

    `prefix` is what is known of the five bytes before the message, this piece included. `parts` is None for a message that
    is whole in its frame.
    """

    start: int
    end: int
    skip: int
    prefix: bytes
    number: int
    parts: Parts | None

    @property
    def flag(self) -> int:
        return self.prefix[0]

    @property
    def length(self) -> int | None:
        """How long the message is, once that is known."""
        return int.from_bytes(self.prefix[1:]) if len(self.prefix) == PREFIX else None

    @property
    def body(self) -> int:
        """Where the message itself begins in the unit, or goes on."""
        return min(self.start + max(PREFIX - self.skip, 0), self.end)

    @property
    def complete(self) -> bool:
        """Whether the message ends with this piece."""
        return len(self.prefix) == PREFIX and self.skip + self.end - self.start == PREFIX + int.from_bytes(
            self.prefix[1:]
        )


class Open(NamedTuple):
    """A message that has begun: `got` bytes of it are there, prefix included."""

    prefix: bytes = b""
    got: int = 0
    parts: Parts | None = None


NOTHING = Open()


class Talk:
    """One stream, as a call. What stands in pairs is the client's, then the server's."""

    __slots__ = (
        "accepts", "answered", "attempts", "began", "began_at", "codec", "counts", "encodings", "ended", "gone", "grpc", "http",
        "last", "last_at", "method", "open", "page", "path", "reset", "status", "stream", "timeout", "trailed", "web",
    )  # fmt: skip

    def __init__(self, stream: int, unit: int, at: float) -> None:
        self.stream = stream
        self.path: bytes | None = None  # None: not known
        self.method: Method | None = None  # as a .proto file declares it
        self.grpc = False  # whether it is a call at all; else it is a request of HTTP/2 that is none
        self.codec = b""  # what the content-type says that messages are: "proto", "json"
        self.web = b""  # the content-type, where it is one of gRPC-Web's
        self.began, self.began_at = unit, at
        self.last, self.last_at = unit, at  # the last unit of it
        self.timeout: int | None = None  # nanoseconds
        self.attempts = 0  # grpc-previous-rpc-attempts
        self.accepts: frozenset[bytes] | None = None  # what the client says it can decompress
        self.encodings: list[bytes] = [b"", b""]  # grpc-encoding
        self.open: list[Open | None] = [None, None]  # None: where messages begin is not known
        self.counts = [0, 0]  # messages that were complete
        self.ended: list[int | None] = [None, None]  # the unit with END_STREAM
        self.http: int | None = None  # :status
        self.page = False  # the response is none of gRPC, so its content is no messages
        self.answered = False  # response headers came that did not end the stream
        self.trailed: int | None = None  # the unit with the trailers, or with Trailers-Only
        self.status: Said | None = None
        self.reset: Reset | None = None
        self.gone: Reset | None = None  # GOAWAY left it out

    def __copy__(self) -> Talk:
        other = object.__new__(Talk)
        for name in Talk.__slots__:
            setattr(other, name, getattr(self, name))
        for name in ("encodings", "open", "counts", "ended"):
            setattr(other, name, list(getattr(self, name)))
        return other


class Said(NamedTuple):
    """The status that came in grpc-status: None where that is no number. `details` are the bytes of google.rpc.Status."""

    code: int | None
    message: str
    details: bytes | None
    unit: int
    only: bool  # Trailers-Only: in the response's only header block


class Reset(NamedTuple):
    """RST_STREAM on a call, or GOAWAY that leaves it out."""

    side: Side
    error: int
    unit: int
    at: float


def pieces(
    now: Open, number: int, data: bytes, start: int, end: int, place: int, side: Side
) -> tuple[list[Piece], int, Open, int]:
    """Cut DATA's content [start, end) of the unit into messages, of which `now` has begun and `number` came before.

    Gives the pieces, where what is not shown of them begins, what is open then, and how many messages came. `place` is where
    the unit begins in its side's stream.
    """
    found: list[Piece] = []
    at = start
    while at < end:
        if len(found) >= MOST_PIECES:
            break
        if now is NOTHING and end - at >= PREFIX:
            stop = at + PREFIX + _unpack(data, at)[1]
            if stop <= end:  # by far the most: a whole message
                found.append(_new(Piece, (at, stop, 0, data[at : at + PREFIX], number, None)))
                number, at = number + 1, stop
                continue
        piece, now = _part(now, data, at, end, number, place, side)
        found.append(piece)
        at = piece.end
        if piece.complete:
            number, now = number + 1, NOTHING
    rest = at
    while at < end:  # counted, not kept
        if now is NOTHING and end - at >= PREFIX and (stop := at + PREFIX + _unpack(data, at)[1]) <= end:
            number, at = number + 1, stop
            continue
        piece, now = _part(now, data, at, end, number, place, side)
        at = piece.end
        if piece.complete:
            number, now = number + 1, NOTHING
    return found, rest, now, number


def _part(now: Open, data: bytes, at: int, end: int, number: int, place: int, side: Side) -> tuple[Piece, Open]:
    """The next piece of a message that is not whole in this frame."""
    prefix, skip, parts = now
    body = at
    if len(prefix) < PREFIX:
        body = min(at + PREFIX - len(prefix), end)
        prefix += data[at:body]
    stop = end if len(prefix) < PREFIX else min(end, at + PREFIX + int.from_bytes(prefix[1:]) - skip)
    if body < stop:
        parts = Parts(parts, Source(side, place + body, place + stop))
    return Piece(at, stop, skip, prefix, number, parts), Open(prefix, skip + stop - at, parts)
