"""The messages of both subprotocols as they are judged: whose they are, what shape they must have, what each breach is called.

Which there are say the tables that servers and clients obey too (`subprotocols`). Nothing here knows what was said before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from protolab.fields import Side
from protolab.findings import Rule
from protolab.protocols.graphql import rules, shapes, subprotocols
from protolab.protocols.graphql.parser import parse
from protolab.protocols.graphql.shapes import Spot
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT, Shape

TYPES: dict[str, dict[str, dict[Side, Shape]]] = {  # of each protocol: its types, and the shape of each by who says it
    protocol: {
        type: {side: types[type] for side, types in zip(Side, both, strict=True) if type in types}
        for type in (*both[0], *both[1])
    }
    for protocol in (TRANSPORT, LEGACY)
    for both in [(subprotocols.CLIENT[protocol], subprotocols.SERVER[protocol])]
}
_STREAMING = re.compile(r"@\s*(?:defer|stream|live)\b")  # directives by which a query has more results than one


class Breaches(NamedTuple):
    """What one of the protocols calls each breach; None where it allows that."""

    text: Rule
    object: Rule
    no_type: Rule
    type: Rule
    others_type: Rule
    side: Rule
    no_id: Rule
    id: Rule
    empty_id: Rule
    payload: Rule
    unknown: Rule  # the server speaks of an operation that never was
    over: Mapping[str, Rule]  # or of one that is over: by how it ended
    stops: str  # how a client ends an operation, and where that stands
    clause: str
    init_twice: Rule | None = None
    ack: Rule | None = None
    early: Rule | None = None
    taken: Rule | None = None
    stopped_unknown: Rule | None = None
    second: Rule | None = None


RULES_OF = {
    TRANSPORT: Breaches(
        rules.NOT_JSON, rules.NOT_OBJECT, rules.TYPE_MISSING, rules.TYPE, rules.LEGACY_TYPE, rules.WRONG_SIDE,
        rules.ID_MISSING, rules.ID_TYPE, rules.ID_EMPTY, rules.PAYLOAD, rules.ID_UNKNOWN,
        {"complete": rules.AFTER_COMPLETE, "error": rules.AFTER_ERROR}, "completed", "graphql-transport-ws, Complete",
        rules.INIT_TWICE, rules.ACK_UNASKED, rules.UNACKNOWLEDGED, rules.ID_TAKEN, rules.COMPLETE_UNKNOWN,
        rules.SECOND_RESULT,
    ),
    LEGACY: Breaches(  # an id that is taken: the operation that has it is stopped first
        rules.L_NOT_JSON, rules.L_NOT_JSON, rules.L_TYPE, rules.L_TYPE, rules.L_MODERN, rules.L_SIDE,
        rules.L_ID, rules.L_ID, rules.L_ID, rules.L_PAYLOAD, rules.L_UNKNOWN,
        {"complete": rules.L_AFTER}, "stopped", "subscriptions-transport-ws, GQL_STOP",
    ),
}  # fmt: skip


def id(value: dict[str, Any], broken: Breaches) -> Iterator[Spot]:
    if "id" not in value:
        yield Spot(broken.no_id, ())
    elif not isinstance(value["id"], str):
        yield Spot(broken.id, ("id",), f"an id must be a string, not {shapes.kind(value['id'])}")
    elif not value["id"]:
        yield Spot(broken.empty_id, ("id",))


def payload(shape: str, said: str, value: dict[str, Any], rule: Rule) -> Iterator[Spot]:
    """What is wrong with a payload that is to have the shape (`subprotocols.Shape`)."""
    path = ("payload",)
    found: Any = value.get("payload")
    where = path if "payload" in value else ()
    if shape == "object?":
        if found is not None and not isinstance(found, dict):
            yield Spot(rule, where, f"the payload of {said} must be an object or null, not {shapes.kind(found)}")
    elif shape == "errors":
        if not isinstance(found, list) or not found:
            what = "an empty one" if found == [] else shapes.kind(found)
            yield Spot(rule, where, f"{said} needs a list of errors as payload, not {what}")
        else:
            yield from shapes.errors(found, path)
    elif shape and not isinstance(found, dict):
        # Servers of old put a list of errors into "error": the reference implementation reads both.
        if shape != "error" or not isinstance(found, list):
            yield Spot(rule, where, f"{said} needs an object as payload, not {shapes.kind(found)}")
    elif shape == "request":
        # A document that was parsed already is one to the older protocol.
        parsed = said == "start" and isinstance(found.get("query"), dict)
        yield from shapes.request({**found, "query": ""} if parsed else found, path, rule)
    elif shape == "result":
        yield from shapes.response(found, path)


def single(payload: Any) -> bool:
    """Whether a request is for one result at most (graphql-transport-ws, Single result operation)."""
    query = payload.get("query") if isinstance(payload, dict) else None
    if not isinstance(query, str) or _STREAMING.search(query):
        return False
    document, name = parse(query.encode("utf-8", "replace")), payload.get("operationName")
    operation = document.operation(name if isinstance(name, str) else None)
    return document.problem is None and operation is not None and operation.kind != "subscription"
