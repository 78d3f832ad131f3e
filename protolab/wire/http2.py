"""HTTP/2 frames, RFC 9113 section 4: where they start, what their headers mean, and how to build any of them.

From cheap to dear: `scan` only finds where frames start; `read_head` reads one header; `content` finds what a frame carries
between its padding; `http2_fields.tree` explains a frame to the bit. `Frame` is a whole frame as values that `encode` turns
into bytes, valid or not, and the functions below it build each type as section 6 lays it out.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # what a client says first (section 3.4)
HEAD_SIZE = 9
DEFAULT_FRAME_SIZE = 16384  # bytes of payload, until SETTINGS_MAX_FRAME_SIZE allows more (section 4.2)
LARGEST_PAYLOAD = 2**24 - 1
DEFAULT_WINDOW = 65535  # bytes (section 6.9.2)
LARGEST_WINDOW = 2**31 - 1

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ALTSVC, ORIGIN, PRIORITY_UPDATE = 0xA, 0xC, 0x10  # RFC 7838, RFC 8336, RFC 9218
FRAMES = {
    DATA: "DATA",
    HEADERS: "HEADERS",
    PRIORITY: "PRIORITY",
    RST_STREAM: "RST_STREAM",
    SETTINGS: "SETTINGS",
    PUSH_PROMISE: "PUSH_PROMISE",
    PING: "PING",
    GOAWAY: "GOAWAY",
    WINDOW_UPDATE: "WINDOW_UPDATE",
    CONTINUATION: "CONTINUATION",
    ALTSVC: "ALTSVC",
    ORIGIN: "ORIGIN",
    PRIORITY_UPDATE: "PRIORITY_UPDATE",
}
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 0x1, 0x1, 0x4, 0x8, 0x20
FLAGS: Mapping[int, Mapping[int, str]] = {  # by type, by bit; every other bit is unused (section 4.1)
    DATA: {PADDED: "PADDED", END_STREAM: "END_STREAM"},
    HEADERS: {PRIORITY_FLAG: "PRIORITY", PADDED: "PADDED", END_HEADERS: "END_HEADERS", END_STREAM: "END_STREAM"},
    SETTINGS: {ACK: "ACK"},
    PUSH_PROMISE: {PADDED: "PADDED", END_HEADERS: "END_HEADERS"},
    PING: {ACK: "ACK"},
    CONTINUATION: {END_HEADERS: "END_HEADERS"},
}
ERRORS = {  # section 7
    0x0: "NO_ERROR",
    0x1: "PROTOCOL_ERROR",
    0x2: "INTERNAL_ERROR",
    0x3: "FLOW_CONTROL_ERROR",
    0x4: "SETTINGS_TIMEOUT",
    0x5: "STREAM_CLOSED",
    0x6: "FRAME_SIZE_ERROR",
    0x7: "REFUSED_STREAM",
    0x8: "CANCEL",
    0x9: "COMPRESSION_ERROR",
    0xA: "CONNECT_ERROR",
    0xB: "ENHANCE_YOUR_CALM",
    0xC: "INADEQUATE_SECURITY",
    0xD: "HTTP_1_1_REQUIRED",
}
# Frames of a fixed size (section 6); a SETTINGS frame is a multiple of six, and empty with ACK.
SIZES = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
ON_STREAM = frozenset({DATA, HEADERS, PRIORITY, RST_STREAM, PUSH_PROMISE, CONTINUATION})  # never on stream 0
ON_CONNECTION = frozenset({SETTINGS, PING, GOAWAY, ORIGIN, PRIORITY_UPDATE})  # on stream 0 only

_new = tuple.__new__  # NamedTuple without its keyword handling, for the line that runs for every frame
_unpack_head = struct.Struct(">HBBBI").unpack_from


class Head(NamedTuple):
    """A frame's header (section 4.1). `length` is that of the payload; `reserved` is the bit before the stream id."""

    length: int
    type: int
    flags: int
    reserved: bool
    stream: int

    @property
    def name(self) -> str:
        return name(self.type)


def name(type: int) -> str:
    """A frame type's name.

    >>> name(4), name(0xBB)
    ('SETTINGS', 'unknown type 0xbb')
    """
    return FRAMES.get(type) or f"unknown type 0x{type:02x}"


def error(code: int) -> str:
    """An error code's name.

    >>> error(8), error(99)
    ('CANCEL', 'unknown error 0x63')
    """
    return ERRORS.get(code) or f"unknown error 0x{code:x}"


def read_head(data: bytes | bytearray, at: int = 0) -> Head | None:
    """The header that starts at offset `at`, or None when it is not complete.

    >>> read_head(bytes.fromhex("000004 03 00 00000001 00000008"))
    Head(length=4, type=3, flags=0, reserved=False, stream=1)
    """
    try:
        high, low, type, flags, stream = _unpack_head(data, at)
    except struct.error:
        return None
    return _new(Head, (high << 8 | low, type, flags, stream >> 31 == 1, stream & 0x7FFFFFFF))


def scan(data: bytes | bytearray, start: int, starts: array[int]) -> int:
    """Append to `starts` where each complete frame from `start` on begins; return where the first incomplete one does."""
    position, append, size, before = start, starts.append, len(data), len(starts)
    unpack = _unpack_length
    try:
        while True:  # the end of the data is an exception: no comparison for each frame
            append(position)
            position += (unpack(data, position)[0] >> 8) + HEAD_SIZE
    except struct.error:  # fewer than four bytes are left: the last one appended is not complete
        position = starts.pop()
    while len(starts) > before and position > size:  # one that ends beyond the data is not complete either
        position = starts.pop()
    return position


_unpack_length = struct.Struct(">I").unpack_from


def plausible(data: bytes | bytearray, at: int = 0) -> bool:
    """Whether the nine bytes at `at` may well begin a frame: for recordings that began in the middle of something.

    >>> plausible(bytes(9)), plausible(bytes.fromhex("000000 04 01 00000000"))
    (False, True)
    """
    head = read_head(data, at)
    if head is None or head.type not in FRAMES or head.reserved or head.length > DEFAULT_FRAME_SIZE:
        return False
    if head.flags & ~sum(FLAGS.get(head.type, ())) or head.length != SIZES.get(head.type, head.length):
        return False
    if head.type == SETTINGS and (head.length % 6 or (head.flags & ACK and head.length)):
        return False
    if head.type == DATA and not head.length and not head.flags:
        return False  # allowed, and nobody's: the zeros of somebody's payload are not to look like such frames
    return not head.stream if head.type in ON_CONNECTION else bool(head.stream) or head.type not in ON_STREAM


def next_frame(data: bytes | bytearray, at: int = 0) -> tuple[int, bool]:
    """The first offset from `at` on where a frame may well begin and another after it; True when that is settled.

    False: where it looks like one, the bytes end before the next frame's header could confirm it; look there again.

    >>> said = b"the rest of something" + settings().encode() + ping().encode()
    >>> next_frame(said), next_frame(said[:31])
    ((21, True), (21, False))
    """
    for start in range(at, len(data) - HEAD_SIZE + 1):
        if plausible(data, start):
            after = start + HEAD_SIZE + int.from_bytes(data[start : start + 3])
            if after + HEAD_SIZE > len(data):
                return start, False
            if plausible(data, after):
                return start, True
    return max(at, len(data) - HEAD_SIZE + 1), False


def content(data: bytes, head: Head) -> tuple[int, int]:
    """Where what a frame carries starts and ends in the frame, without padding, priority and a promised stream's id.

    Where bytes are missing, or the padding is longer than there is room for, it ends before it starts.

    >>> content(frame := data(1, b"Hello", pad=2).encode(), read_head(frame))
    (10, 15)
    """
    start, end = HEAD_SIZE, len(data)
    _, type, flags, _, _ = head
    if flags & PADDED and start < end and type in (DATA, HEADERS, PUSH_PROMISE):
        end -= data[start]
        start += 1
    if type == HEADERS and flags & PRIORITY_FLAG:
        start += 5
    elif type == PUSH_PROMISE:
        start += 4
    return start, max(end, 0)


class Frame(NamedTuple):
    """One frame as values, legal or not. `length` lies about the payload's size when it is set.

    >>> Frame(PING, payload=b"12345678").encode().hex(" ")
    '00 00 08 06 00 00 00 00 00 31 32 33 34 35 36 37 38'
    """

    type: int
    flags: int = 0
    stream: int = 0
    payload: bytes = b""
    reserved: bool = False
    length: int | None = None

    def encode(self) -> bytes:
        """The bytes of this frame. ValueError names a value that no frame can hold."""
        length = len(self.payload) if self.length is None else self.length
        for what, value, bits in (
            ("length", length, 24),
            ("type", self.type, 8),
            ("flags", self.flags, 8),
            ("stream", self.stream, 31),
        ):
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{what} {value} does not fit in {bits} bits")
        head = length << 48 | self.type << 40 | self.flags << 32 | self.reserved << 31 | self.stream
        return head.to_bytes(HEAD_SIZE) + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Frame:
        """The frame that starts `data`; a payload cut short keeps the length that was announced. ValueError: no header."""
        head = read_head(data)
        if head is None:
            raise ValueError(f"{len(data)} bytes are not yet a frame header, which has {HEAD_SIZE}")
        payload = data[HEAD_SIZE : HEAD_SIZE + head.length]
        length = None if len(payload) == head.length else head.length
        return cls(head.type, head.flags, head.stream, payload, head.reserved, length)


def data(stream: int, payload: bytes = b"", end: bool = False, pad: int | None = None) -> Frame:
    """A DATA frame (section 6.1); `pad` bytes of padding are announced and added."""
    flags = (END_STREAM if end else 0) | (PADDED if pad is not None else 0)
    return Frame(DATA, flags, stream, _padded(payload, pad))


def headers(
    stream: int,
    block: bytes,
    end: bool = False,
    last: bool = True,
    pad: int | None = None,
    priority: tuple[int, int, bool] | None = None,
) -> Frame:
    """A HEADERS frame (section 6.2) with a header block, or with its first part when it is not the `last`.

    `priority` is the stream it depends on, its weight (1 to 256) and whether it is exclusive.
    """
    flags = (END_STREAM if end else 0) | (END_HEADERS if last else 0) | (PADDED if pad is not None else 0)
    if priority is not None:
        flags |= PRIORITY_FLAG
        block = _priority(*priority) + block
    return Frame(HEADERS, flags, stream, _padded(block, pad))


def continuation(stream: int, block: bytes, last: bool = True) -> Frame:
    """A CONTINUATION frame (section 6.10): the next part of a header block."""
    return Frame(CONTINUATION, END_HEADERS if last else 0, stream, block)


def priority(stream: int, depends_on: int = 0, weight: int = 16, exclusive: bool = False) -> Frame:
    """A PRIORITY frame (section 6.3, deprecated)."""
    return Frame(PRIORITY, 0, stream, _priority(depends_on, weight, exclusive))


def rst_stream(stream: int, code: int) -> Frame:
    """A RST_STREAM frame (section 6.4)."""
    return Frame(RST_STREAM, 0, stream, code.to_bytes(4))


def settings(values: Mapping[int, int] | Iterable[tuple[int, int]] = (), ack: bool = False) -> Frame:
    """A SETTINGS frame (section 6.5).

    >>> settings({4: 65535}).encode().hex()
    '00000604000000000000040000ffff'
    """
    pairs = values.items() if isinstance(values, Mapping) else values
    payload = b"".join(key.to_bytes(2) + value.to_bytes(4) for key, value in pairs)
    return Frame(SETTINGS, ACK if ack else 0, 0, payload)


def push_promise(stream: int, promised: int, block: bytes, last: bool = True, pad: int | None = None) -> Frame:
    """A PUSH_PROMISE frame (section 6.6)."""
    flags = (END_HEADERS if last else 0) | (PADDED if pad is not None else 0)
    return Frame(PUSH_PROMISE, flags, stream, _padded(promised.to_bytes(4) + block, pad))


def ping(payload: bytes = bytes(8), ack: bool = False) -> Frame:
    """A PING frame (section 6.7)."""
    return Frame(PING, ACK if ack else 0, 0, payload)


def goaway(last_stream: int, code: int = 0, debug: bytes = b"") -> Frame:
    """A GOAWAY frame (section 6.8)."""
    return Frame(GOAWAY, 0, 0, last_stream.to_bytes(4) + code.to_bytes(4) + debug)


def window_update(stream: int, increment: int) -> Frame:
    """A WINDOW_UPDATE frame (section 6.9), of the connection on stream 0."""
    return Frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4))


def _padded(payload: bytes, pad: int | None) -> bytes:
    return payload if pad is None else bytes([pad]) + payload + bytes(pad)


def _priority(depends_on: int, weight: int, exclusive: bool) -> bytes:
    return (exclusive << 31 | depends_on).to_bytes(4) + bytes([weight - 1])
