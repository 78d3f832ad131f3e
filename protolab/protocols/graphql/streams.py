"""GraphQL on an event stream: the protocol of graphql-sse, in both of its modes.

In the mode of distinct connections an event's data is the response itself; in that of a single connection it is an object
with the operation's `id` and its `payload`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from protolab.fields import Field
from protolab.findings import Finding
from protolab.protocols.graphql import rules, shapes
from protolab.protocols.graphql.session import Asked
from protolab.protocols.graphql.shapes import Path, Spot
from protolab.units import Unit
from protolab.wire import json_text


class Told(NamedTuple):
    """What an event says: its type and data, the data's value, what it breaks, and what was asked.

    `at` is where the data stand in the unit, where they stand there in one piece.
    """

    type: str
    data: bytes
    at: tuple[int, int] | None
    value: Any
    payload: Path  # where in the value the response is
    spots: tuple[Spot, ...]
    asked: Asked | None


def unheard(unit: Unit) -> tuple[Finding, ...]:
    """What a block that dispatches nothing breaks: a `complete` without data reaches no listener."""
    for _, field in unit.field.walk():
        if field.name == "event" and field.value in ("next", "complete"):
            return (rules.UNHEARD.at(field.start, field.end, unit.side),)
    return ()


def told(unit: Unit, asked: tuple[tuple[Path, Asked], ...], over: bool) -> Told | None:
    """The event in a unit, judged; `over` says that the stream's `complete` came before."""
    event = unit.field.value
    type_, text = getattr(event, "type", None), getattr(event, "data", None)
    if not isinstance(type_, str) or not isinstance(text, str):
        return None
    data = text.encode("utf-8", "replace")
    value, sound = json_text.load(data) if data else (None, True)
    single = not asked and isinstance(value, dict) and "id" in value and not value.keys() & {"data", "errors"}
    path: Path = ("payload",) if single else ()
    spots = tuple(_judged(type_, value, sound, bool(data), path, over))
    request = asked[0][1] if len(asked) == 1 and not single else None
    return Told(type_, data, _place(unit, data), value, path, spots, request)


def _judged(type_: str, value: Any, sound: bool, said: bool, path: Path, over: bool) -> Iterator[Spot]:
    if over:
        yield Spot(rules.AFTER_STREAM, None)
    if type_ == "next":
        if not sound or not said:
            yield Spot(rules.EVENT_DATA, None)
            return
        if path and (not isinstance(value.get("id"), str) or not value["id"]):
            yield Spot(rules.EVENT_DATA, ("id",), "an id must be a string, and not empty")
        yield from shapes.response(value.get("payload") if path else value, path)
    elif type_ != "complete":
        yield Spot(rules.EVENT_TYPE, None, f"there is no event {type_[:60]!r}")


def _place(unit: Unit, data: bytes) -> tuple[int, int] | None:
    found = _line(unit.field, data)
    return None if found is None or unit.data[found.start : found.end] != data else (found.start, found.end)


def _line(field: Field, data: bytes) -> Field | None:
    """The value of the one line that holds all of an event's data."""
    lines = [child for child in field.children if child.name == "data"]
    if len(lines) != 1 or not data:
        return None
    return next((child for child in lines[0].children if child.name == "value"), None)


def value_field(unit: Unit, said: Told) -> Field | None:
    """The field that the data's tree goes into."""
    return _line(unit.field, said.data) if said.at is not None else None
