"""Header blocks explained to the bit: a field for each representation of RFC 7541 section 6, named by the header it says."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from protolab.fields import Derived, Field, unparsed
from protolab.wire import huffman
from protolab.wire.hpack import INCREMENTAL, INDEXED, KINDS, NEVER, PLAIN, PREFIX, UPDATE, Block, Line
from protolab.wire.hpack_primitives import integer, string
from protolab.wire.hpack_table import FIRST_DYNAMIC

UNKNOWN = "unknown header"
LONGEST_KEPT = 256  # bytes of a representation that is remembered with its field
_PATTERNS = {
    INDEXED: ("1", "name and value stand in a table"),
    INCREMENTAL: ("01", "the value is spelled, and the header joins the dynamic table"),
    PLAIN: ("0000", "the value is spelled, the table stays as it is"),
    NEVER: ("0001", "the value is spelled, and nobody on the way may put it into a table"),
    UPDATE: ("001", "the dynamic table gets another size"),
}


def tree(block: bytes, read: Block) -> Field:
    """A whole header block as a field.

    >>> from protolab.wire import hpack
    >>> block = bytes.fromhex("82418cf1e3c2e5f23a6ba0ab90f4ff")
    >>> tree(block, hpack.read(block)).find(":authority").value
    'www.example.com'
    """
    return Field("header block", 0, len(block), None, summary(read), fields(block, read))


def fields(block: bytes, read: Block, start: int = 0) -> tuple[Field, ...]:
    """The representations of a block, which tile it; offsets count from `start` before it."""
    found = [
        (_remembered if line[1] - line[0] <= LONGEST_KEPT else _line)(
            block[line[0] : line[1]], start + line[0], line[2:]
        )
        for line in read.lines
    ]
    at = read.lines[-1].end if read.lines else 0
    if at < len(block):
        why = read.problems[-1].says if read.problems else f"more than {len(read.lines)} headers"
        found.append(unparsed(start + at, start + len(block), why))
    return tuple(found)


def summary(read: Block) -> str:
    """How many headers a block has, and what its coding saved."""
    count = len(read.headers)
    return f"{count} header{'' if count == 1 else 's'}, {read.saved} bytes saved" if count else "no headers"


def text(value: bytes | None) -> str | bytes | None:
    """A name or value as text where it is printable text, as bytes where it is not.

    >>> text(b"POST"), text(bytes(2))
    ('POST', b'\\x00\\x00')
    """
    if value is None:
        return None
    try:
        said = value.decode()
    except UnicodeDecodeError:
        return value
    return said if said.isprintable() else value


def shown(value: bytes | None) -> str:
    """A name or value as one line, whatever it is.

    >>> shown(b"POST"), shown(bytes(2)), shown(None)
    ('POST', '0x0000', '?')
    """
    found = text(value)
    return "?" if found is None else found if isinstance(found, str) else f"0x{found.hex()}"


def _line(said: bytes, at: int, rest: tuple[Any, ...]) -> Field:
    """The field of a representation whose bytes begin at offset `at`; `rest` is what a `Line` says beside where it is."""
    return _explained(said, Line(0, len(said), *rest)).shifted(at)


_remembered = lru_cache(2048)(_line)  # a connection says the same headers over and over, at the same places


def _explained(block: bytes, line: Line) -> Field:
    start, end, kind = line.start, line.end, line.kind
    pattern, says = _PATTERNS[kind]
    bits = len(pattern)
    number = integer(block, start, PREFIX[kind])
    mark = Field("representation", start, start + 1, KINDS[kind], f"{pattern}: {says}", bits=(0, bits))
    if kind == UPDATE:
        count = len(line.evicted)
        note = f"the dynamic table holds at most {line.refers} bytes from here on" + (
            f"; {count} entr{'y goes' if count == 1 else 'ies go'}" if count else ""
        )
        size = _integer("size", block, start, number.end, bits, line.refers, "")
        return Field("dynamic table size update", start, end, line.refers, note, (mark, size))
    name = UNKNOWN if line.name is None else shown(line.name)
    points = _integer("index", block, start, number.end, bits, number.value, _refers(line))
    children: tuple[Field, ...] = (mark, points)
    at = number.end
    if kind != INDEXED:
        if not line.refers:
            children += (_string("name", block, at),)
            at = children[-1].end
        children += (_string("value", block, at),)
    return Field(name, start, end, text(line.value), _note(line), children)


def _refers(line: Line) -> str:
    """What an index points to."""
    if not line.refers:
        return "0: the name is spelled, too" if line.kind != INDEXED else "0 refers to nothing"
    where = "static" if line.refers < FIRST_DYNAMIC else "dynamic"
    if line.why and line.name is None:
        return f"{where} entry, not known: {line.why}"
    what = f"{shown(line.name)}: {shown(line.value)}" if line.kind == INDEXED else f"the name {shown(line.name)}"
    return f"{where} entry: {what}"


def _note(line: Line) -> str:
    parts = []
    if line.kind == INDEXED:
        where = "static" if line.refers < FIRST_DYNAMIC else "dynamic"
        parts.append(f"{where} entry {line.refers}")
        if line.entry is not None and line.entry.origin >= 0:
            parts.append(f"added by unit {line.entry.origin}")
    else:
        parts.append(KINDS[line.kind])
    if line.evicted:
        parts.append("evicts " + ", ".join(shown(entry.name) for entry in line.evicted[:4]))
        if len(line.evicted) > 4:
            parts[-1] += f" and {len(line.evicted) - 4} more"
    if line.why:
        parts.append(line.why)
    elif line.saved > 0:
        parts.append(f"saves {line.saved} byte{'' if line.saved == 1 else 's'}")
    return ", ".join(parts)


def _integer(name: str, block: bytes, start: int, end: int, skip: int, value: int, note: str) -> Field:
    """An integer after `skip` bits of its first byte; over more than one byte it has its prefix and continuation below."""
    if end == start + 1:
        return Field(name, start, end, value, note, bits=(skip, 8))
    most = (1 << (8 - skip)) - 1
    parts = [Field("prefix", start, start + 1, most, f"all ones: {most} plus what follows", bits=(skip, 8))]
    for position in range(start + 1, end):
        byte, shift = block[position], 7 * (position - start - 1)
        more = byte >= 128
        says = "another byte follows" if more else "the last byte"
        parts.append(Field("more", position, position + 1, more, says, bits=(0, 1)))
        parts.append(
            Field("bits", position, position + 1, byte & 0x7F, f"times 2 to the power of {shift}", bits=(1, 8))
        )
    return Field(name, start, end, value, note, tuple(parts), bits=(skip, 8 * (end - start)))


def _string(name: str, block: bytes, at: int) -> Field:
    """A string literal: whether it is Huffman-coded, its length, its bytes."""
    said = string(block, at)
    raw = block[said.start : said.end]
    count = len(raw)
    mark = Field(
        "H", at, at + 1, said.coded, "Huffman-coded" if said.coded else "the bytes stand as they are", bits=(0, 1)
    )
    length = _integer("length", block, at, said.start, 1, count, f"{count} byte{'' if count == 1 else 's'}")
    children: tuple[Field, ...] = (mark, length)
    value = text(said.text)
    if raw and not said.coded:
        children += (Field("text", said.start, said.end, value),)
    elif raw:
        children += (_huffman(raw, said.start, said.end, said.wrong),)
    return Field(name, at, said.end, value, said.wrong, children)


def _huffman(raw: bytes, start: int, end: int, wrong: str) -> Field:
    decoded, _ = huffman.decode(raw)
    how = f"Huffman code: {len(raw)} bytes say {len(decoded)}" + (f", then {wrong}" if wrong else "")
    inner = Field("text", 0, len(decoded), text(decoded))
    return Field("Huffman data", start, end, raw, wrong, derived=(Derived("Huffman-decoded", decoded, inner, how),))
