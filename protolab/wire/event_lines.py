"""The lines of a block of an event stream as fields, and what is thrown away of them, WHATWG HTML section 9.2.6."""

from __future__ import annotations

import re
from typing import NamedTuple

from protolab.fields import Field
from protolab.findings import Discard
from protolab.wire.event_stream import BOM, reconnection_time

PARSING = "WHATWG HTML section 9.2.5"
READING = "WHATWG HTML section 9.2.6"

_LINE = re.compile(rb"([^\r\n]*)(\r\n?|\n|\Z)")
_ENDS = {b"\n": "LF", b"\r": "CR", b"\r\n": "CR LF"}
_NAMES = {b"data", b"event", b"id", b"retry"}


class Lines(NamedTuple):
    """A block's lines: their fields, and the bytes that a reader throws away. `invalid` is the first range that is not
    UTF-8, and `split` the lines that look like text which a bare line end cut off from its `data`.
    """

    fields: tuple[Field, ...]
    discards: tuple[Discard, ...]
    invalid: tuple[int, int] | None
    split: tuple[Field, ...]


def read_lines(data: bytes, first: bool = False, blank: str = "") -> Lines:
    r"""The lines of a block's bytes. `first`: a BOM may begin it, since it begins the stream; `blank`: a note for its end.

    >>> [(line.name, line.value) for line in read_lines(b"id: 4\ndata: Tea\n: hi\n\n").fields]
    [('id', '4'), ('data', 'Tea'), ('comment', 'hi'), ('blank line', None)]
    """
    fields: list[Field] = []
    discards: list[Discard] = []
    split: list[Field] = []
    last: dict[str, Field] = {}  # of each kind that a later one overwrites
    at, after_data = 0, False
    if first and data.startswith(BOM):
        fields.append(Field("BOM", 0, len(BOM), None, "says that what follows is UTF-8, which it is anyway"))
        discards.append(Discard(0, len(BOM), "one BOM may begin the stream, and is dropped", PARSING))
        at = len(BOM)
    while at < len(data):
        match = _LINE.match(data, at)
        assert match is not None  # it matches anything
        line, ending, at = match[1], match[2], match.end()
        if not line:
            fields.append(Field("blank line", match.start(), at, None, blank))
            continue
        field, why = _line(line, match.start(), ending)
        fields.append(field)
        if why:
            discards.append(Discard(field.start, field.end, why, READING))
        elif field.name in ("event", "id"):
            if before := last.get(field.name):
                discards.append(
                    Discard(before.start, before.end, f"a later {field.name} field takes its place", READING)
                )
            last[field.name] = field
        if field.name == "unknown field" and (after_data or not any(each.name in _KNOWN for each in fields)):
            name = line.partition(b":")[0]
            prose = b":" not in line or not name.replace(b"-", b"").replace(b"_", b"").isalnum()
            if prose and name.strip().lower() not in _NAMES:
                split.append(field)
        after_data = after_data or field.name == "data"
    if "event" in last and not after_data:
        field = last["event"]
        discards.append(Discard(field.start, field.end, "without data no event is dispatched", READING))
    return Lines(tuple(fields), tuple(discards), invalid(data), tuple(split))


_KNOWN = {"data", "event", "id", "retry"}


def invalid(data: bytes) -> tuple[int, int] | None:
    """The first bytes that are not UTF-8, or None.

    >>> invalid(b"data: caf\\xe9\\n")
    (9, 10)
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start, error.end
    return None


def _line(line: bytes, start: int, ending: bytes) -> tuple[Field, str]:
    """One line, and why it is thrown away, if it is."""
    name, colon, rest = line.partition(b":")
    space = rest[:1] == b" "
    text = rest[space:].decode("utf-8", "replace")
    value: object = text
    kind, why, note = "unknown field", "", ""
    if not name and colon:
        kind, why = "comment", "a comment: it begins with a colon"
    elif name in _NAMES:
        kind = name.decode()
        if kind == "id" and "\0" in text:
            why = "an id with NUL in it is ignored"
        elif kind == "retry":
            value = reconnection_time(text)
            if value is None:
                value, why = text, "a retry that is not all ASCII digits is ignored"
            else:
                note = f"reconnection time: {value} ms"
    else:
        value, why = line.decode("utf-8", "replace"), _unknown(name)
    at = start + len(name)
    parts = [
        Field("field name", start, at, name.decode("utf-8", "replace")),
        Field("colon", at, at + len(colon)),
        Field("space", at + len(colon), at + len(colon) + space),
        Field("value", at + len(colon) + space, start + len(line), text),
        Field("line end", start + len(line), start + len(line) + len(ending), None, _ENDS.get(ending, "")),
    ]
    note = f"ignored: {why}" if why else note
    if not ending:
        note = "its line end has not come"
    children = tuple(part for part in parts if part.end > part.start)
    return Field(kind, start, start + len(line) + len(ending), value, note, children), why


def _unknown(name: bytes) -> str:
    """Why no field has this name."""
    known = name.strip().lower()
    if known not in _NAMES:
        return "no field has this name"
    return f"this is not {known.decode()}: " + (
        "names are case-sensitive" if name.strip() == name else "a space is part of the name"
    )
