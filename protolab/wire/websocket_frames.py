"""WebSocket frames, RFC 6455 section 5: where they start, what their bits mean, and how to build any of them.

The functions go from cheap to dear. `scan` only finds where frames start; `read_head` reads one header; `tree` explains one
frame to the bit; `Frame` is the whole frame as values that `encode` turns back into the very same bytes, valid or not.
"""

from __future__ import annotations

from array import array
from functools import cache
from typing import NamedTuple

from protolab.fields import Derived, Field

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every frame
OPCODES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}

# Section 5.2: the second byte alone says how far it is to the next frame, unless an extended length follows (0 here).
_STEP = tuple(0 if second & 0x7F > 125 else 2 + (second & 0x7F) + (second >> 7) * 4 for second in range(256))


class Head(NamedTuple):
    """A frame's header. `form` is how its length is written, in bits: 7, 16 or 64; `size` is the header's own size in bytes,
    so a masking key stands in the four bytes before it.
    """

    fin: bool
    rsv1: bool
    rsv2: bool
    rsv3: bool
    opcode: int
    masked: bool
    form: int
    length: int
    size: int

    @property
    def control(self) -> bool:
        """Opcodes 8 to F are control frames (section 5.5)."""
        return self.opcode >= 8


class Frame(NamedTuple):
    """One frame as values, legal or not; `payload` is unmasked. `length` lies about the payload's size when it is set.

    >>> Frame(TEXT, b"Hello").encode()
    b'\\x81\\x05Hello'
    >>> Frame.decode(b"\\x81\\x05Hello").payload
    b'Hello'
    """

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False
    key: bytes | None = None
    form: int | None = None
    length: int | None = None

    def encode(self) -> bytes:
        """The bytes of this frame. ValueError names a value that no frame can hold."""
        if not 0 <= self.opcode <= 15:
            raise ValueError(f"opcode {self.opcode} does not fit in four bits; use 0 to 15")
        if self.key is not None and len(self.key) != 4:
            raise ValueError(f"a masking key has 4 bytes, not {len(self.key)}")
        length = len(self.payload) if self.length is None else self.length
        form = self.form or (7 if length <= 125 else 16 if length <= 0xFFFF else 64)
        if form not in (7, 16, 64) or not 0 <= length < (126 if form == 7 else 1 << form):
            raise ValueError(f"length {length} cannot be written in {form} bits; use form 7, 16 or 64")
        first = self.fin << 7 | self.rsv1 << 6 | self.rsv2 << 5 | self.rsv3 << 4 | self.opcode
        second = (self.key is not None) << 7 | (length if form == 7 else 126 if form == 16 else 127)
        extended = b"" if form == 7 else length.to_bytes(form // 8)
        if self.key is None:
            return bytes((first, second)) + extended + self.payload
        return bytes((first, second)) + extended + self.key + mask(self.payload, self.key)

    @classmethod
    def decode(cls, data: bytes) -> Frame:
        """The frame that starts `data`; a payload cut short keeps the length that was announced. ValueError: no header."""
        head = read_head(data)
        if head is None:
            raise ValueError(f"{len(data)} bytes are not yet a frame header")
        payload = data[head.size : head.size + head.length]
        key = data[head.size - 4 : head.size] if head.masked else None
        if key is not None:
            payload = mask(payload, key)
        length = None if len(payload) == head.length else head.length
        return cls(head.opcode, payload, head.fin, head.rsv1, head.rsv2, head.rsv3, key, head.form, length)


def mask(data: bytes, key: bytes) -> bytes:
    """Section 5.3: byte i of the payload XOR byte i mod 4 of the key; the same operation masks and unmasks.

    Done as one XOR of two big integers: in pure Python that is twenty times as fast as a loop.

    >>> mask(bytes.fromhex("7f9f4d5158"), bytes.fromhex("37fa213d"))
    b'Hello'
    """
    size = len(data)
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data) ^ int.from_bytes(stream)).to_bytes(size)


def scan(data: bytes | bytearray, start: int, starts: array[int]) -> int:
    """Append to `starts` where each complete frame from `start` on begins; return where the first incomplete one does."""
    position, append, step, size = start, starts.append, _STEP, len(data)
    before = len(starts)
    try:
        while True:  # the bounds check is the IndexError: no comparison for each frame
            second = data[position + 1]
            if distance := step[second]:
                append(position)
                position += distance
            elif second & 1:  # 127: the length stands in eight bytes
                head = read_head(data, position)
                if head is None:
                    return position
                append(position)
                position += head.size + head.length
            else:  # 126: in two
                length = data[position + 2] << 8 | data[position + 3]
                append(position)
                position += length + (8 if second & 0x80 else 4)
    except IndexError:
        if position > size and len(starts) > before:
            return starts.pop()
    return position


def read_head(data: bytes | bytearray, at: int = 0) -> Head | None:
    """The header that starts at offset `at`, or None when it is not complete."""
    if len(data) < at + 2:
        return None
    head = _short_head(data[at], data[at + 1])
    if head.form > 7:
        extended = head.form // 8
        length = int.from_bytes(data[at + 2 : at + 2 + extended])
        fin, rsv1, rsv2, rsv3, opcode, masked, form, _, size = head
        head = _new(Head, (fin, rsv1, rsv2, rsv3, opcode, masked, form, length, size + extended))
    return head if len(data) >= at + head.size else None


@cache
def _short_head(first: int, second: int) -> Head:
    """What the first two bytes say of the header; the length is right unless `form` says that it stands elsewhere."""
    form = {126: 16, 127: 64}.get(second & 0x7F, 7)
    flags = (bool(first & 0x80), bool(first & 0x40), bool(first & 0x20), bool(first & 0x10))
    return Head(*flags, first & 0x0F, bool(second & 0x80), form, second & 0x7F, 2 + (second >> 7) * 4)


@cache
def opening(first: int, second: int) -> tuple[Field, ...]:
    """The fields of a frame's first two bytes. Equal headers share them: offsets count from the frame's start."""
    opcode, length = first & 0x0F, second & 0x7F
    name = OPCODES.get(opcode, f"reserved {opcode:X}")
    family = "control" if opcode >= 8 else "data"
    fin = "the last (or only) fragment of its message" if first & 0x80 else "more fragments follow"
    if length < 126:
        says = f"{length} bytes of payload" if length != 1 else "1 byte of payload"
    else:
        says = f"{length} means: the length stands in the next {16 if length == 126 else 64} bits"
    masked = "a masking key follows, the payload is XORed with it" if second & 0x80 else "the payload stands as it is"
    rsv = ("reserved for extensions: not used", "set: an extension gives it meaning")
    return (
        Field("FIN", 0, 1, bool(first & 0x80), fin, bits=(0, 1)),
        Field("RSV1", 0, 1, bool(first & 0x40), rsv[first >> 6 & 1], bits=(1, 2)),
        Field("RSV2", 0, 1, bool(first & 0x20), rsv[first >> 5 & 1], bits=(2, 3)),
        Field("RSV3", 0, 1, bool(first & 0x10), rsv[first >> 4 & 1], bits=(3, 4)),
        Field("opcode", 0, 1, opcode, f"{name}: a {family} frame", bits=(4, 8)),
        Field("MASK", 1, 2, bool(second & 0x80), masked, bits=(0, 1)),
        Field("payload length", 1, 2, length, says, bits=(1, 8)),
    )


def tree(data: bytes, head: Head | None, payload: Field | None = None, derived: tuple[Derived, ...] = ()) -> Field:
    """The field tree of the frame that `data` holds, whole or cut short.

    `head` is None when the header itself is cut short. `payload` explains the bytes after the header (offsets from the
    frame's start); without it they are one plain field. `derived` hangs on the frame.
    """
    size = len(data)
    if head is None:
        return Field("frame", 0, size, None, "cut off in its header", _cut_header(data))
    children = opening(data[0], data[1])
    at = head.size - 4 if head.masked else head.size
    if head.form > 7:
        says = f"{head.length} bytes of payload, as one big-endian number"
        children += (Field("extended payload length", 2, at, head.length, says),)
    if head.masked:
        # tuple.__new__ skips the keyword handling of NamedTuple: these lines run for every frame of a long capture
        key = _new(Field, ("masking key", at, at + 4, data[at : at + 4], _KEY_NOTE, (), None, ()))
        if payload is not None:
            return _new(Field, ("frame", 0, size, None, "", (*children, key, payload), None, derived))
        children += (key,)
    if payload is not None:
        children += (payload,)
    elif head.size < size:
        children += (Field("payload", head.size, size, data[head.size :]),)
    return _new(Field, ("frame", 0, size, None, "", children, None, derived))


_KEY_NOTE = "byte i of the payload is XORed with byte i mod 4 of this"


def _cut_header(data: bytes) -> tuple[Field, ...]:
    """The fields of a header that is cut short."""
    if len(data) < 2:
        return opening(data[0], 0)[:5] if data else ()
    children, at, end = opening(data[0], data[1]), 2, {126: 4, 127: 10}.get(data[1] & 0x7F, 2)
    for name in ("extended payload length", "masking key"):
        if at < min(end, len(data)):
            children += (Field(name, at, min(end, len(data)), None, "cut off" if end > len(data) else ""),)
        at, end = end, len(data)
    return children
