"""The lines of a block of an event stream as fields, and what is thrown away of them, WHATWG HTML section 9.2.6."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from protolab.fields import Field
from protolab.findings import Discard
from protolab.wire.event_stream import BOM, reconnection_time

PARSING = "WHATWG HTML section 9.2.5"
READING = "WHATWG HTML section 9.2.6"

_LINE = re.compile(rb"([^\r\n]*)(\r\n?|\n|\Z)")
_LINE_END = re.compile(rb"\r\n?|\n")
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


def read_lines(data: bytes, first: bool = False, blank: str = "", headless: bool = False) -> Lines:
    r"""The lines of a block's bytes. `first`: a BOM may begin it, since it begins the stream; `blank`: a note for its end;
    `headless`: its first line has lost its beginning, so nobody knows what it says.

    >>> [(line.name, line.value) for line in read_lines(b"id: 4\ndata: Tea\n: hi\n\n").fields]
    [('id', '4'), ('data', 'Tea'), ('comment', 'hi'), ('blank line', None)]
    """
    fields: list[Field] = []
    discards: list[Discard] = []
    split: list[Field] = []
    last: dict[str, Field] = {}  # of each kind that a later one overwrites
    at = whole = first_end(data) if headless else 0
    known = after_data = False
    if at:
        fields.append(Field("rest of a line", 0, at, None, "its beginning was not recorded"))
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
        name = line.partition(b":")[0]
        known = known or name in _NAMES
        if field.name == "unknown field" and ending and (after_data or not known):
            prose = b":" not in line or not name.replace(b"-", b"").replace(b"_", b"").isalnum()
            if prose and _meant(name) not in _NAMES:
                split.append(field)
        after_data = after_data or field.name == "data"
    if "event" in last and not after_data and not headless:
        field = last["event"]
        discards.append(Discard(field.start, field.end, "without data no event is dispatched", READING))
    return Lines(tuple(fields), tuple(discards), _invalid(data, whole), tuple(split))


def first_end(data: bytes) -> int:
    """Where the first line ends; 0 when there is no line end."""
    match = _LINE_END.search(data)
    return match.end() if match else 0


def _invalid(data: bytes, at: int) -> tuple[int, int] | None:
    """The first bytes from `at` on that are not UTF-8, or None. A character that the end of the data cuts off is not wrong.

    >>> _invalid(b"data: caf\\xe9\\n", 0), _invalid(b"data: caf\\xc3", 0)
    ((9, 10), None)
    """
    try:
        codecs.utf_8_decode(data[at:], "strict", False)
    except UnicodeDecodeError as error:
        return at + error.start, at + error.end
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
    meant = _meant(name)
    if meant not in _NAMES:
        return "no field has this name"
    why = "names are case-sensitive" if name.strip() == name else "a space is part of the name"
    if name.startswith(BOM):
        why = "a BOM is dropped once, where the stream begins; here it is part of the name"
    return f"this is not {meant.decode()}: {why}"


def _meant(name: bytes) -> bytes:
    """The name as whoever wrote this may have meant it."""
    return name.removeprefix(BOM).strip().lower()
