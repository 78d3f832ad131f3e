"""A unit taken apart for widgets: flat lists of fields and of buffers, every text made here.

A field says its depth, its buffer and its span; what was derived is one more buffer, and its heading one more row. So
JavaScript links fields and bytes by offsets alone, and knows no format.
"""

from __future__ import annotations

from typing import Any

from protolab.fields import Derived, Field
from protolab.findings import Discard, Finding
from protolab.units import Unit
from protolab.view.rows import NAME, extent
from protolab.view.text import NOTE, bit_lines, elided, field_value

FIELDS = 5_000  # of one unit; more are counted, not listed
MARKS = 200  # findings, and discards, of one unit
BYTES = 2**18  # of one buffer; the first ones are handed over, and `size` says how many there are


def parts(field: Field, data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """The tree as rows in the order of the bytes, and the buffers that they count in.

    A row is {name, value, note, where, depth, buffer, start, end}; `bits`, drawn as text, where it is narrower than its
    bytes; `leaf` where it has no children; `derives` where it is the heading of derived bytes, whose buffer it names.

    >>> found, buffers = parts(Field("all", 0, 2, children=(Field("a", 0, 1, 5), Field("b", 1, 2))), b"ab")
    >>> [(row["depth"], row["name"], row["value"]) for row in found["fields"]], buffers
    ([(0, 'all', ''), (1, 'a', '5'), (1, 'b', '')], [b'ab'])
    """
    fields: list[dict[str, Any]] = []
    buffers = [_buffer("bytes", "", data)]
    sent = [data[:BYTES]]
    left = 0
    todo: list[tuple[Field | Derived, bytes, int, int]] = [(field, data, 0, 0)]
    while todo:  # not by recursion: a tree may be deeper than Python's stack
        node, within, buffer, depth = todo.pop()
        full = len(fields) >= FIELDS
        left += full
        if isinstance(node, Derived):
            if full:
                continue
            buffers.append(_buffer(elided(node.name, NAME), elided(node.how), node.data))
            sent.append(node.data[:BYTES])
            fields.append(_heading(node, len(buffers) - 1, depth))
            todo.append((node.field, node.data, len(buffers) - 1, depth + 1))
            continue
        if not full:
            fields.append(_row(node, within, buffer, depth))
        below: list[Field | Derived] = [*node.children, *node.derived]
        todo += [(each, within, buffer, depth + 1) for each in reversed(below)]
    return {"fields": fields, "left": left, "buffers": buffers}, sent


def unit_parts(unit: Unit) -> tuple[dict[str, Any], list[bytes]]:
    """The parts of a unit, with its findings and discards."""
    found, sent = parts(unit.field, unit.data)
    found["findings"] = [_finding(each) for each in unit.findings[:MARKS]]
    found["discards"] = [_discard(each) for each in unit.discards[:MARKS]]
    found["unlisted"] = max(len(unit.findings) - MARKS, 0) + max(len(unit.discards) - MARKS, 0)
    return found, sent


def _row(node: Field, data: bytes, buffer: int, depth: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": elided(node.name, NAME),
        "value": field_value(node, None),
        "note": elided(node.note, NOTE),
        "where": extent(node),
        "depth": depth,
        "buffer": buffer,
        "start": node.start,
        "end": node.end,
        "leaf": not node.children,
    }
    if node.bits is not None:
        row["bits"] = "  ".join(bit_lines(node, data))
    return row


def _heading(node: Derived, buffer: int, depth: int) -> dict[str, Any]:
    size = len(node.data)
    where = f"{size:,} byte{'' if size == 1 else 's'} derived"
    return {
        "name": elided(node.name, NAME),
        "value": "",
        "note": elided(node.how, NOTE),
        "where": where,
        "depth": depth,
        "buffer": buffer,
        "start": 0,
        "end": size,
        "leaf": False,
        "derives": True,
    }


def _buffer(name: str, how: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "how": how, "size": len(data)}


def _finding(found: Finding) -> dict[str, Any]:
    rule = found.rule
    return {
        "says": elided(f"{rule.id}: {found.message} [{rule.clause}]", 600),
        "more": f"At fault: the {found.side}. A conforming peer's answer: {elided(rule.reaction or 'it owes none')}. "
        f"To mend it: {elided(rule.mend)}.",
        "start": found.start,
        "end": found.end,
    }


def _discard(found: Discard) -> dict[str, Any]:
    says = f"thrown away, as a receiver may: {elided(found.why)} [{elided(found.clause)}]"
    return {"says": says, "more": "", "start": found.start, "end": found.end}
