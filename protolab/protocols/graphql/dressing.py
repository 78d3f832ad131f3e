"""Units of a carrier dressed in the GraphQL that they carry: its tree in their fields, its findings, its title."""

from __future__ import annotations

from protolab.fields import Derived, Field
from protolab.findings import Finding
from protolab.protocols.graphql import parameters, payloads, pointing, streams, titles
from protolab.protocols.graphql.exchange import Body
from protolab.protocols.graphql.session import Verdict
from protolab.protocols.graphql.shapes import Path
from protolab.protocols.graphql.sockets import NEWEST, Text
from protolab.units import Unit
from protolab.wire import http1_bodies


def body(unit: Unit, said: Body) -> Unit:
    """A body, or the last chunk of one, with the request or the response in it."""
    asked = pointing.questions(said.value, said.answers)
    tree, findings = payloads.message(said.data, unit.side, said.requests, asked, said.spots, "body")
    if said.at is not None:
        field = tree._replace(value=None)
    else:
        count = len(said.sources)
        how = f"the data of {count} chunk{'' if count == 1 else 's'} joined"
        field = unit.field._replace(derived=(*unit.field.derived, Derived("body", said.data, tree, how, said.sources)))
        findings = tuple(_whole(found, unit) for found in findings)
    return unit._replace(
        field=field,
        findings=(*unit.findings, *findings),
        entitle=lambda unit: titles.body(unit, said, http1_bodies.entitle),
    )


def message(unit: Unit, said: Text, verdict: Verdict) -> Unit:
    """A frame that completes a message, with the message's tree where the carrier has its text."""
    requests: list[Path] = [("payload",)] if verdict.type in ("subscribe", "start") else []
    asked: list[tuple[Path, pointing.Question]] = []
    if verdict.type in ("next", "data", "error") and verdict.asked is not None:
        asked = pointing.questions(said.value[0], [(("payload",), verdict.asked)])
    if not said.data:
        spots = tuple(spot.rule.at(0, len(unit.data), unit.side, spot.detail) for spot in verdict.spots)
        return unit._replace(findings=(*unit.findings, *spots))
    tree, found = payloads.message(said.data, unit.side, requests, asked, verdict.spots, "text")
    if verdict.newest:
        tree = _noted(tree)
    findings = tuple(
        each._replace(start=each.start + said.at[0], end=each.end + said.at[0])
        if said.at is not None and said.where != "text message"
        else _whole(each, unit, said.at)
        for each in found
    )
    return unit._replace(
        field=_frame(unit.field, said, tree),
        findings=(*unit.findings, *findings),
        entitle=lambda unit: titles.message(said, verdict),
    )


def _noted(tree: Field) -> Field:
    """The message's tree with the word beside its id that it is about the newest operation."""
    top = next((child for child in tree.children if child.name == "object"), tree)
    children = tuple(child._replace(note=NEWEST) if child.name == "id" else child for child in top.children)
    return payloads.swap(tree, top, top._replace(children=children))


def event(unit: Unit, said: streams.Told) -> Unit:
    """An event with the response in its data."""
    answers = pointing.questions(said.value, [(said.payload, said.asked)] if said.asked is not None else [])
    if not said.data:
        found = tuple(spot.rule.at(0, len(unit.data), unit.side, spot.detail) for spot in said.spots)
        return unit._replace(findings=(*unit.findings, *found), entitle=lambda _: titles.event(said))
    tree, found = payloads.message(said.data, unit.side, (), answers, said.spots, "data")
    if said.type != "next":
        found = tuple(each for each in found if not each.rule.id.startswith("json-"))
    into, field = streams.value_field(unit, said), unit.field
    if into is not None and said.at is not None:
        field = payloads.swap(field, into, into._replace(children=tree.shifted(into.start).children))
        found = tuple(each._replace(start=each.start + into.start, end=each.end + into.start) for each in found)
    else:
        lines = Derived("data", said.data, tree, "the event's data, its lines joined")
        field = field._replace(derived=(*field.derived, lines))
        found = tuple(_whole(each, unit) for each in found)
    return unit._replace(field=field, findings=(*unit.findings, *found), entitle=lambda _: titles.event(said))


def _whole(found: Finding, unit: Unit, at: tuple[int, int] | None = None) -> Finding:
    """A finding in bytes that are not the unit's own, at all of the unit's bytes that they came from."""
    start, end = at if at is not None and at[0] < at[1] else (0, len(unit.data))
    return found._replace(start=start, end=end)


def _frame(field: Field, said: Text, tree: Field) -> Field:
    if said.where == "text message" and any(each.name == said.where for each in field.derived):
        return field._replace(derived=_dressed(field.derived, said.where, tree))
    children = []
    for child in field.children:
        if child.name == "payload":
            if said.where == "payload":
                child = child._replace(children=tree.shifted(child.start).children)
            else:
                child = child._replace(derived=_dressed(child.derived, said.where, tree))
        children.append(child)
    return field._replace(children=tuple(children))


def _dressed(derived: tuple[Derived, ...], name: str, tree: Field) -> tuple[Derived, ...]:
    return tuple(
        each._replace(field=each.field._replace(children=tree.children)) if each.name == name else each
        for each in derived
    )


def head(unit: Unit) -> Unit:
    """A request head, with the parameters in its target."""
    line = next((child for child in unit.field.children if child.name == "request line"), None)
    target = next((child for child in line.children if child.name == "target"), None) if line is not None else None
    if line is None or target is None:
        return unit
    raw = unit.data[target.start : target.end]
    found = parameters.parameters(raw)
    value, _ = parameters.request(found)
    if "query" not in value and "extensions" not in value:
        return unit
    variables = value.get("variables")
    contents: dict[int, Field] = {}
    for each in found:
        if each.name == "query" and each.value.data:
            _, tree, derived = payloads.placed_document(each.value, variables if isinstance(variables, dict) else {})
            contents[each.begin] = tree._replace(derived=derived)
        elif each.name in ("variables", "extensions") and each.value.data:
            contents[each.begin] = payloads.placed_json(each.value, each.name)
    new = target._replace(children=tuple(child.shifted(target.start) for child in parameters.tree(raw, contents)))
    return unit._replace(
        field=payloads.swap(unit.field, target, new),
        entitle=lambda unit: titles.target(unit, value, http1_bodies.entitle),
    )
