"""What a unit's line in the ladder says, where it carries GraphQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protolab.protocols.graphql.exchange import Body
from protolab.protocols.graphql.parser import parse
from protolab.protocols.graphql.session import Verdict
from protolab.protocols.graphql.sockets import Text
from protolab.protocols.graphql.streams import Told
from protolab.units import Unit
from protolab.wire import json_text

SHOWN = 60  # characters of data that a title quotes


def message(said: Text, verdict: Verdict) -> str:
    """Type, id and what is said: `subscribe 1 subscription OnPost { postCreated }`, `next 1 {"postCreated":{"id":"7"}}`."""
    value = said.value[0]
    if not isinstance(value, dict) or not verdict.type:
        return f"no message: {shown(said.data.decode('utf-8', 'replace'))}"
    payload = value.get("payload")
    match verdict.type:
        case "subscribe" | "start":
            about = asked(payload)
        case "next" | "data":
            about = answered(payload)
        case "error" | "connection_error":
            errors = payload if isinstance(payload, list) else [payload]
            about = _errors(errors)
        case _:
            about = "" if payload is None else shown(json_text.written(payload))
    return " ".join(part for part in (shown(verdict.type), shown(verdict.id), about) if part)


def body(unit: Unit, said: Body, carrier: Callable[[Unit], str]) -> str:
    """`query Q { user }`, `200 data + 1 error at user.email`; what the carrier says of a body that cannot be read."""
    batch = isinstance(said.value, list)
    if said.requests:
        some = [asked(each) for each in (said.value if batch else [said.value])[:3]]
        about = ", ".join(part for part in some if part)
        about = f"batch of {len(said.value)}: {about}" if batch else about
    else:
        about = f"batch of {len(said.value)}" if batch else answered(said.value)
        about = f"{said.status} {about}" if about else ""
    if not about:
        return carrier(unit)
    return about if unit.kind == "body" else f"{unit.kind}: {about}"


def event(said: Told) -> str:
    """`next {"tick":1}`, `next data + 1 error at user.email`, `complete`."""
    if said.payload:
        id, payload = said.value.get("id"), said.value.get("payload")
        return " ".join(part for part in (shown(said.type), shown(str(id)), answered(payload)) if part)
    return f"{shown(said.type)} {answered(said.value)}".rstrip()


def target(unit: Unit, value: dict[str, Any], carrier: Callable[[Unit], str]) -> str:
    """`GET query Q { user }`; what the carrier says where there is no document."""
    return f"{unit.data.split(b' ')[0].decode('latin-1')} {about}" if (about := asked(value)) else carrier(unit)


def asked(request: Any) -> str:
    """The operation that a request means: `query Q { user }`."""
    if not isinstance(request, dict):
        return ""
    query, name = request.get("query"), request.get("operationName")
    if isinstance(query, str) and query:
        document = parse(query.encode("utf-8", "replace"))
        if document.problem is not None:
            return f"no GraphQL: {shown(query)}"
        operation = document.operation(name if isinstance(name, str) and name else None)
        return shown(str(operation)) if operation is not None else f"{len(document.operations)} operations"
    extensions = request.get("extensions")
    persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    if isinstance(persisted, dict):
        return f"persisted query {str(persisted.get('sha256Hash'))[:8]}"
    return ""


def answered(response: Any) -> str:
    """What a response says: its data, or that there is some and where the errors are."""
    if not isinstance(response, dict):
        return ""
    errors, data = response.get("errors"), response.get("data")
    if isinstance(errors, list) and errors:
        return f"data + {_errors(errors, True)}" if data is not None else _errors(errors)
    return shown(json_text.written(data)) if "data" in response else shown(json_text.written(response))


def _errors(errors: list[Any], there: bool = False) -> str:
    """How many errors, and where or what the first one is."""
    count = f"{len(errors)} error{'' if len(errors) == 1 else 's'}"
    first = errors[0] if errors and isinstance(errors[0], dict) else {}
    path = first.get("path")
    if there and isinstance(path, list):
        return f"{count} at {shown('.'.join(map(str, path)))}"
    return f"{count}: {shown(str(first['message']))}" if "message" in first else count


def shown(text: str) -> str:
    """The text, cut after `SHOWN` characters."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
