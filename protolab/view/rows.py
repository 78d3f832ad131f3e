"""A field tree as a flat run of rows: what the text and the HTML form of a unit both draw.

Derived bytes follow the field they hang on, as rows that are one level further in (`within`); a chain of derivations is
numbered, so that it reads as steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from protolab.fields import Derived, Field
from protolab.view.text import NOTE, bit_lines, elided, field_value, hex_lines

NAME = 80  # characters of a field's name


class Row(NamedTuple):
    """One field: `lines` are (offset, bytes, ASCII); a field with children has its bytes on the rows below it."""

    depth: int
    within: int  # 0 in the unit's own bytes, 1 in what was derived from them, and so on
    lines: tuple[tuple[str, str, str], ...]
    name: str
    value: str
    note: str
    extent: str  # "bytes 0-3, bits 4-7": where the field stands, in words


class Heading(NamedTuple):
    """The line above derived bytes: what they are and how they came to be."""

    depth: int
    within: int
    name: str
    says: str


def rows(
    field: Field, data: bytes | None, depth: int = 0, within: int = 0, above: Field | None = None
) -> Iterator[Row | Heading]:
    """Every field from `field` down, in the order of the bytes. `data` is the buffer it tiles; None shows no bytes.

    A text that the field above says already is not said again, and neighbours that are mere punctuation (one or two bytes,
    no letter or digit, no value, no note) share a row.
    """
    told = above is not None and isinstance(field.value, str) and field.value in (above.name, above.value)
    value = "" if told else field_value(field, data)
    name, note = elided(field.name, NAME), elided(field.note, NOTE)
    yield Row(depth, within, _lines(field, data), name, value, note, extent(field))
    for plain, run in groupby(field.children, lambda child: data is not None and _punctuation(child, data)):
        if plain and data is not None:
            yield _joined(tuple(run), data, depth + 1, within)
        else:
            for child in run:
                yield from rows(child, data, depth + 1, within, field)
    for number, derived in enumerate(field.derived, 1):
        yield from derived_rows(derived, depth + 1, within + 1, number if len(field.derived) > 1 else 0)


def _lines(field: Field, data: bytes | None) -> tuple[tuple[str, str, str], ...]:
    """The offset, bytes (or bits) and ASCII of one field; a field with children has its bytes on their rows."""
    if data is None:
        return ((str(field.start), "", ""),)
    if field.children:
        return ()
    if field.bits is not None:
        return tuple((str(field.start) if i == 0 else "", text, "") for i, text in enumerate(bit_lines(field, data)))
    shown = hex_lines(data[field.start : field.end], field.start)
    return tuple(("" if at is None else str(at), text, ascii) for at, text, ascii in shown)


def _punctuation(field: Field, data: bytes) -> bool:
    if field.value is not None or field.note or field.children or field.derived or field.bits:
        return False
    piece = data[field.start : field.end]
    return 0 < len(piece) <= 2 and not any(byte >= 128 or chr(byte).isalnum() for byte in piece)


def _joined(run: tuple[Field, ...], data: bytes, depth: int, within: int) -> Row:
    """One row for a run of punctuation."""
    whole = Field(", ".join(field.name for field in run), run[0].start, run[-1].end)
    return Row(depth, within, _lines(whole, data), elided(whole.name, NAME), "", "", extent(whole))


def derived_rows(derived: Derived, depth: int, within: int, number: int = 0) -> Iterator[Row | Heading]:
    """Derived bytes: a heading that says how they came to be, then their tree. `number` counts the steps of a chain."""
    says = [f"{len(derived.data):,} byte{'' if len(derived.data) == 1 else 's'}"]
    if derived.how:
        says.append(elided(derived.how))
    if sources := [source for source in derived.sources if source.end > source.start]:
        places = [f"{source.side} bytes {source.start}-{source.end - 1}" for source in sources[:8]]
        more = len(sources) - len(places)
        says.append(f"from {', '.join(places)}{f' and {more} more places' if more else ''}")
    name = elided(derived.name, NAME)
    yield Heading(depth, within, f"step {number}: {name}" if number else name, "; ".join(says))
    yield from below(derived.field, derived.data, depth, within)


def below(field: Field, data: bytes | None, depth: int = 0, within: int = 0) -> Iterator[Row | Heading]:
    """The rows under a heading that names `field` already: its own row only if that says something more."""
    if field.children and field.value is None and not field.note and not field.derived:
        for child in field.children:
            yield from rows(child, data, depth, within, field)
    else:
        yield from rows(field, data, depth, within)


def extent(field: Field) -> str:
    """Where a field stands, in words.

    >>> extent(Field("opcode", 0, 1, 1, bits=(4, 8))), extent(Field("key", 2, 6))
    ('byte 0, bits 4-7', 'bytes 2-5')
    """
    size = field.end - field.start
    where = f"{'bytes' if size > 1 else 'byte' if size else 'at byte'} {field.start}"
    where += f"-{field.end - 1}" if size > 1 else ""
    if field.bits is None:
        return where
    first, last = field.bits[0], field.bits[1] - 1
    return f"{where}, bit {first}" if first == last else f"{where}, bits {first}-{last}"
