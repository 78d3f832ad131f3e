"""HTTP/2 frames explained to the bit: the header of RFC 9113 section 4.1, and each type's payload as section 6 lays it out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from protolab.fields import Derived, Field, unparsed
from protolab.wire import http2, http2_settings
from protolab.wire.http2 import HEAD_SIZE, PADDED, PREFACE, Head

Fields = tuple[Field, ...]


def preface(data: bytes) -> Field:
    """The client's preface (section 3.4), whole or not."""
    note = "so no server of HTTP/1.1 takes the client for its own" if data == PREFACE else "not what HTTP/2 begins with"
    if len(data) < len(PREFACE) and PREFACE.startswith(data):
        note = f"{len(data)} of {len(PREFACE)} bytes so far"
    return Field("preface", 0, len(data), data, note)


def tree(
    data: bytes, head: Head | None, inner: Fields | None = None, derived: tuple[Derived, ...] = (), note: str = ""
) -> Field:
    """The field tree of the frame that `data` holds, whole or cut short; `head` is None when its header is not complete.

    `inner` explains what it carries (`http2.content`), offsets from the frame's start; without it that is one plain field.
    `note` is said of a whole frame.
    """
    if head is None:
        note = f"{len(data)} of {HEAD_SIZE} bytes so far"
        return Field("frame", 0, len(data), None, note, (Field("frame header", 0, len(data), None, "cut off"),))
    size = len(data) - HEAD_SIZE
    if size != head.length:
        note = f"{size} of {head.length} bytes of payload so far"
    children = opening(data[:HEAD_SIZE])
    if size:
        children += _payload(data, head, inner)
    return Field(head.name, 0, len(data), None, note, children, None, derived)


def opening(head: bytes) -> Fields:
    """The fields of a frame's first nine bytes. Equal ones are shared."""
    return (*_type(head[:5]), *_stream(head[5:9]))


@lru_cache(1024)
def _type(said: bytes) -> Fields:
    length, type, flags = int.from_bytes(said[:3]), said[3], said[4]
    return (
        Field("length", 0, 3, length, f"{length} byte{'' if length == 1 else 's'} of payload"),
        Field("type", 3, 4, type, http2.name(type)),
        Field("flags", 4, 5, flags, _flags_note(type, flags), _flag_bits(type, flags)),
    )


@lru_cache(1024)
def _stream(said: bytes) -> Fields:
    stream = int.from_bytes(said) & http2.LARGEST_WINDOW
    return (
        Field("R", 5, 6, said[0] >= 128, "reserved: must be 0", bits=(0, 1)),
        Field("stream", 5, 9, stream, "the connection itself" if not stream else _opened_by(stream), bits=(1, 32)),
    )


def _opened_by(stream: int) -> str:
    return "opened by the client" if stream % 2 else "opened by the server"


def _flags_note(type: int, flags: int) -> str:
    named = [name for bit, name in http2.FLAGS.get(type, {}).items() if flags & bit]
    return ", ".join(reversed(named)) if named else "none"


def _flag_bits(type: int, flags: int) -> Fields:
    """Each named flag as its bit, the unused ones between them as runs."""
    names, found, start = http2.FLAGS.get(type, {}), [], 0
    for position in range(8):
        bit = 0x80 >> position
        if bit not in names:
            continue
        if start < position:
            found.append(_unused(flags, start, position))
        found.append(Field(names[bit], 4, 5, bool(flags & bit), bits=(position, position + 1)))
        start = position + 1
    return (*found, *([_unused(flags, start, 8)] if start < 8 else []))


def _unused(flags: int, start: int, end: int) -> Field:
    value = flags >> (8 - end) & ((1 << (end - start)) - 1)
    return Field("unused", 4, 5, value, "ignored by who does not know them" if value else "", bits=(start, end))


def _payload(data: bytes, head: Head, inner: Fields | None) -> Fields:
    """Everything after the frame's header."""
    size, at = len(data), HEAD_SIZE
    start, end = http2.content(data, head)
    before: Fields = ()
    if head.flags & PADDED and PADDED in http2.FLAGS.get(head.type, ()):
        before = (Field("pad length", at, at + 1, data[at], "bytes of padding at the end"),)
        at += 1
        if start > end or end < start or size - at < data[at - 1]:
            rest = (unparsed(at, size, "the padding is longer than what is left of the frame"),) if at < size else ()
            return (*before, *rest)
    stop = size - (data[at - 1] if before else 0)
    if head.type == http2.HEADERS and head.flags & http2.PRIORITY_FLAG:
        before += _parts(data, at, stop, *_PRIORITY)
    elif head.type == http2.PUSH_PROMISE:
        before += _parts(data, at, stop, *_PROMISED)
    at = before[-1].end if before else at
    if inner is not None:
        found = inner
    elif at < stop:
        found = _LAYOUTS.get(head.type, _plain)(data, at, stop)
    else:
        found = ()
    padding = (Field("padding", stop, size, data[stop:], _zeros(data[stop:])),) if stop < size else ()
    return (*before, *found, *padding)


def _zeros(padding: bytes) -> str:
    return "should be zeros" if padding.strip(b"\0") else "zeros"


Part = tuple[str, int, Callable[[int], str]]  # name, width in bits, what a value means


def _parts(data: bytes, start: int, end: int, *parts: Part) -> Fields:
    """Numbers one after another; those that the frame is too short for are left as they are."""
    found: list[Field] = []
    bit, last = start * 8, end * 8
    for name, width, says in parts:
        if bit + width > last:
            break
        first, final = bit // 8, -(-(bit + width) // 8)
        value = int.from_bytes(data[first:final]) >> (final * 8 - bit - width) & ((1 << width) - 1)
        bits = None if bit % 8 == 0 and width % 8 == 0 else (bit % 8, bit % 8 + width)
        found.append(Field(name, first, final, value, says(value), bits=bits))
        bit += width
    if bit % 8:  # only the reserved bit fitted: it cannot, as what follows it ends at a byte
        found, bit = found[:-1], bit // 8 * 8
    at = bit // 8
    if at < end and len(found) < len(parts):
        found.append(unparsed(at, end, f"too short for {parts[len(found)][0]}"))
    return tuple(found)


def _silent(value: int) -> str:
    return ""


def _bytes(value: int) -> str:
    return f"{value} byte{'' if value == 1 else 's'}"


_RESERVED: Part = ("R", 1, lambda value: "reserved: must be 0")
_CODE: Part = ("error code", 32, http2.error)
_PRIORITY: tuple[Part, ...] = (
    ("exclusive", 1, _silent),
    ("stream dependency", 31, _silent),
    ("weight", 8, lambda value: f"a weight of {value + 1}: one more than is written"),
)
_PROMISED: tuple[Part, ...] = (_RESERVED, ("promised stream", 31, _silent))


def _plain(data: bytes, start: int, end: int) -> Fields:
    return (Field("payload", start, end, data[start:end]),)


def _named(name: str) -> Callable[[bytes, int, int], Fields]:
    """A payload that is one field of that name."""
    return lambda data, start, end: (Field(name, start, end, data[start:end]),)


def _fixed(*parts: Part, then: str = "") -> Callable[[bytes, int, int], Fields]:
    """A payload that is numbers one after another, and then perhaps bytes."""

    def layout(data: bytes, start: int, end: int) -> Fields:
        found = _parts(data, start, end, *parts)
        at = found[-1].end
        if at < end:
            rest = Field(then, at, end, _text(data[at:end])) if then else unparsed(at, end, "beyond the frame's size")
            found += (rest,)
        return found

    return layout


def _text(data: bytes) -> str | bytes:
    return data.decode() if data.isascii() and data.decode().isprintable() else data


def _settings(data: bytes, start: int, end: int) -> Fields:
    found: list[Field] = []
    for at in range(start, end - 5, 6):
        key, value = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 6])
        known = http2_settings.SETTINGS.get(key)
        name, says = http2_settings.name(key), known.says if known else "ignored"
        parts = (Field("identifier", at, at + 2, key, name), Field("value", at + 2, at + 6, value))
        found.append(Field(name, at, at + 6, value, says, parts))
    rest = (end - start) % 6
    return (*found, *((unparsed(end - rest, end, "not six bytes: no setting"),) if rest else ()))


def _altsvc(data: bytes, start: int, end: int) -> Fields:
    """RFC 7838 section 4: the origin's length, the origin, and the field value."""
    found = _parts(data, start, end, ("origin length", 16, _bytes))
    at = found[-1].end
    if found[0].name == "unparsed" or at == end:
        return found
    length = int.from_bytes(data[start:at])
    middle = min(at + length, end)
    if at < middle:
        found += (Field("origin", at, middle, _text(data[at:middle])),)
    if middle < end:
        found += (Field("alternative services", middle, end, _text(data[middle:end])),)
    return found


def _origin(data: bytes, start: int, end: int) -> Fields:
    """RFC 8336 section 2.1: origins, each with its length before it."""
    found: list[Field] = []
    at = start
    while end - at >= 2:
        length = int.from_bytes(data[at : at + 2])
        if at + 2 + length > end:
            break
        found.append(Field("origin length", at, at + 2, length, _bytes(length)))
        if length:
            found.append(Field("origin", at + 2, at + 2 + length, _text(data[at + 2 : at + 2 + length])))
        at += 2 + length
    return (*found, *((unparsed(at, end, "not a whole entry"),) if at < end else ()))


_LAYOUTS: dict[int, Callable[[bytes, int, int], Fields]] = {
    http2.DATA: _named("data"),
    http2.HEADERS: _named("header block fragment"),
    http2.PRIORITY: _fixed(*_PRIORITY),
    http2.RST_STREAM: _fixed(_CODE),
    http2.SETTINGS: _settings,
    http2.PUSH_PROMISE: _named("header block fragment"),
    http2.PING: _named("opaque data"),
    http2.GOAWAY: _fixed(_RESERVED, ("last stream", 31, _silent), _CODE, then="debug data"),
    http2.WINDOW_UPDATE: _fixed(_RESERVED, ("increment", 31, _bytes)),
    http2.CONTINUATION: _named("header block fragment"),
    http2.ALTSVC: _altsvc,
    http2.ORIGIN: _origin,
    http2.PRIORITY_UPDATE: _fixed(_RESERVED, ("prioritized stream", 31, _silent), then="priority"),
}
