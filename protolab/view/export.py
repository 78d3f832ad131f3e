"""Trees as JSON: what programs, and later widgets, read. JavaScript draws what stands here and decodes nothing.

Bytes are hexadecimal, once for each buffer: a field says `start` and `end` in its buffer, so nothing is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from protolab.fields import Derived, Field
from protolab.findings import Discard, Finding
from protolab.units import Unit
from protolab.view.text import elided

Item = TypeVar("Item")
EXACT = 2**53 - 1  # JavaScript's largest exact integer; a larger one goes as text
BYTES = 2**13  # bytes of one buffer, or characters of one text, that are written out unless all are asked for
ITEMS = 500  # children of one field, or findings of one unit, that are written out unless all are asked for


def unit(unit: Unit, limit: int | None = BYTES) -> dict[str, Any]:
    """A unit as JSON. Its time is not here: a unit does not know whether its capture shows times."""
    place = unit.place
    found: dict[str, Any] = {
        "protocol": unit.protocol,
        "kind": unit.kind,
        "number": place.number,
        "side": str(place.side),
        "start": place.start,
        "end": place.end,
        "complete": place.complete,
        "title": clean(unit.title),
        "bytes": buffer(unit.data, limit),
        "field": field(unit.field, limit),
        "findings": [finding(each) for each in _some(unit.findings, limit)],
        "discards": [discard(each) for each in _some(unit.discards, limit)],
    }
    if unit.lane is not None:
        found["lane"] = unit.lane
    return found


def field(node: Field, limit: int | None = BYTES) -> dict[str, Any]:
    """A field and all below it. What is empty (no bits, no note, no children, nothing derived) is left out."""
    found: dict[str, Any] = {
        "name": clean(node.name),
        "start": node.start,
        "end": node.end,
        "value": value(node.value, limit),
    }
    if node.bits is not None:
        found["bits"] = list(node.bits)
    if node.note:
        found["note"] = clean(node.note)
    if node.children:
        found["children"] = [field(child, limit) for child in _some(node.children, limit)]
        if len(found["children"]) < len(node.children):
            found["left_out"] = len(node.children) - len(found["children"])
    if node.derived:
        found["derived"] = [derived(each, limit) for each in node.derived]
    return found


def derived(node: Derived, limit: int | None = BYTES) -> dict[str, Any]:
    """Derived bytes with their own tree; `sources` only where they are not the bytes of the field above."""
    found: dict[str, Any] = {"name": clean(node.name), "how": clean(node.how), "bytes": buffer(node.data, limit)}
    if node.sources:
        found["sources"] = [{"side": str(side), "start": start, "end": end} for side, start, end in node.sources]
    found["field"] = field(node.field, limit)
    return found


def finding(found: Finding) -> dict[str, Any]:
    """A broken rule: where, which, whose fault, what a conforming peer answers, how to mend it."""
    return {
        "rule": found.rule.id,
        "message": clean(found.message),
        "clause": found.rule.clause,
        "side": str(found.side),
        "start": found.start,
        "end": found.end,
        "reaction": found.rule.reaction,
        "mend": found.rule.mend,
    }


def discard(found: Discard) -> dict[str, Any]:
    """Bytes that a receiver threw away."""
    return {"start": found.start, "end": found.end, "why": clean(found.why), "clause": found.clause}


def buffer(data: bytes, limit: int | None = BYTES) -> dict[str, Any]:
    """Bytes as hexadecimal; when only the first `limit` are written, `length` still says how many there are."""
    return {"length": len(data), "hex": (data if limit is None else data[:limit]).hex()}


def value(thing: object, limit: int | None = BYTES) -> Any:
    """A field's value: JSON's own kinds as they are, bytes as a buffer, integers past 2**53 and all else as text."""
    match thing:
        case None | bool():
            return thing
        case int():
            return (
                int(thing) if abs(thing) <= EXACT else elided(str(thing)) if thing.bit_length() <= 512 else hex(thing)
            )
        case str():
            long = limit is not None and len(thing) > limit
            return clean(f"{thing[:limit]}... ({len(thing)} characters)" if long else str(thing))
        case bytes() | bytearray() | memoryview():
            return buffer(bytes(thing), limit)
        case Mapping():
            return {clean(str(key)): value(item, limit) for key, item in thing.items()}
        case tuple() | list():
            return [value(item, limit) for item in thing]
        case float() if thing - thing == 0:  # neither infinite nor NaN, which JSON cannot say
            return thing
    return clean(str(thing))


def _some(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    return items if limit is None else items[:ITEMS]


def clean(text: str) -> str:
    """Text that UTF-8 can carry: a lone surrogate, which no JSON message may hold, becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode()
