"""What a unit's line in the ladder says."""

from __future__ import annotations

import json

from protolab.units import Unit
from protolab.wire import http1_bodies
from protolab.wire.event_stream import Event

SHOWN = 60  # characters of an event's data that a title quotes


def entitle(unit: Unit) -> str:
    """Type, data and id of an event: `notification {"title":"Tea"} id 4`; the fields of a block that dispatches none."""
    if unit.kind == "request head":
        title = http1_bodies.entitle(unit)
        last = [str(line.value)[:SHOWN] for line in unit.field.children if line.name.lower() == "last-event-id"]
        return f"{title.removesuffix(' HTTP/1.1')}, Last-Event-ID {last[-1]}" if last else title
    if unit.kind in ("response head", "body", "chunk", "last chunk"):
        return http1_bodies.entitle(unit)
    if not unit.place.complete:
        return f"{unit.kind}, {len(unit.data)} bytes so far"
    tree = next((derived.field for derived in unit.field.derived if derived.name == "block"), unit.field)
    said = {line.name: line for line in tree.children}
    event = unit.field.value
    if isinstance(event, Event):
        own = any(line.name == "id" and "\0" not in str(line.value) for line in tree.children) and event.last_event_id
        return f"{event.type} {shown(event.data)}" + (f" id {own}" if own else "")
    if unit.kind == "comment":
        return f"comment {shown(str(said['comment'].value))}".rstrip()
    fields = [f"{name} {said[name].value}" for name in ("event", "id", "retry") if name in said]
    if unit.kind == "fields":
        return f"{', '.join(fields) or 'unknown fields'}: no event"
    return f"{unit.kind}, {len(unit.data)} bytes"


def shown(text: str) -> str:
    """The text as it is when it is a JSON object or list, else in quotes; cut after `SHOWN` characters.

    >>> shown('{"tea": 1}'), shown("tea")
    ('{"tea": 1}', '"tea"')
    """
    plain = text[:1] in ("{", "[") and "\\n" not in text
    cut = text[:SHOWN] if plain else json.dumps(text[:SHOWN], ensure_ascii=False)
    return cut + (f"... ({len(text)} characters)" if len(text) > SHOWN else "")
