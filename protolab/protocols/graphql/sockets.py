"""GraphQL on WebSocket: which of the two subprotocols was agreed on, and what a frame says as a whole message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from protolab.fields import Derived, Field
from protolab.protocols.graphql.session import Asked
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT
from protolab.units import Unit
from protolab.wire import http1, json_text

_HEADER = "Sec-WebSocket-Protocol"
TRAP = (
    "the names are a trap: graphql-transport-ws is the protocol of today, which the npm package graphql-ws speaks; "
    "the subprotocol graphql-ws is the older one, of the package subscriptions-transport-ws"
)

NEWEST = "the newest operation"  # what is noted beside the id of a message about it


class Text(NamedTuple):
    """What a frame says as a message: "text", "binary" or "close".

    `data` are the message's bytes. `at` is the half-open range of the payload in the unit, where that is this message alone
    and not compressed; `where` says what holds its tree: the payload itself ("payload"), the unmasked payload
    ("unmasked payload"), or what was joined or inflated ("text message").
    """

    kind: str
    data: bytes
    at: tuple[int, int] | None
    where: str = ""
    code: int | None = None
    value: tuple[Any, bool] = (None, False)

    def asked(self, unit: Unit) -> Asked:
        """The request in this message, to point into."""
        base = unit.place.start + self.at[0] if self.at is not None and self.where == "payload" else None
        if self.where == "unmasked payload" and self.at is not None:
            base = unit.place.start + self.at[0]  # masking moves no byte
        return Asked(unit.place.number, unit.side, self.data, ("payload",), base)


def offered(data: bytes) -> tuple[str, ...]:
    """The subprotocols that a request head offers."""
    return tuple(http1.elements(http1.request(data).get(_HEADER) or ""))


def chosen(data: bytes) -> str | None:
    """The subprotocol that a response head agrees to; None for none."""
    return http1.response(data).get(_HEADER)


def named(unit: Unit) -> Unit:
    """A head of the handshake, with what its subprotocol means beside it."""
    children = []
    for child in unit.field.children:
        if child.name.lower() == _HEADER.lower():
            spoken = re.findall(rf"{TRANSPORT}|{LEGACY}", str(child.value))
            if spoken:
                child = child._replace(note="; ".join(part for part in (child.note, TRAP) if part))
        children.append(child)
    return unit._replace(field=unit.field._replace(children=tuple(children)))


def ids(unit: Unit) -> Iterator[Field]:
    """The `id` members of the messages in a frame, wherever the carrier has their text."""
    todo = [unit.field]
    while todo:
        field = todo.pop()
        if field.name == "id":
            yield field
        todo += [*field.children, *(each.field for each in field.derived)]


def message(unit: Unit) -> Text | None:
    """The message that a frame completes; None when it is a control frame, or a fragment of more to come."""
    names = {field.name: field for field in unit.field.children}
    payload = names.get("payload")
    opcode = names["opcode"].value if "opcode" in names else None
    at = (payload.start, payload.end) if payload is not None else None
    if opcode == 8:
        content = _content(payload)
        code = next((field for field in content.children if field.name == "close code"), None) if content else None
        if payload is None or content is None or code is None:
            return Text("close", b"", None)
        start = payload.start + code.start - content.start
        return Text("close", b"", (start, start + code.end - code.start), code=int(str(code.value)))
    whole = next(
        (
            each
            for each in (*unit.field.derived, *(payload.derived if payload else ()))
            if each.name.endswith(" message")
        ),
        None,
    )
    if whole is not None:
        if whole.name == "text message" and not whole.field.note:
            return Text("text", whole.data, at, "text message", value=json_text.load(whole.data))
        return Text("binary", b"", at) if whole.name == "binary message" else None
    if names.get("FIN", Field("", 0, 0)).value is not True or opcode not in (1, 2):
        return None
    if opcode == 2:
        return Text("binary", b"", at)
    if payload is None:
        return Text("text", b"", None, "", value=(None, False))
    if (unmasked := _unmasked(payload)) is not None:
        return Text("text", unmasked.data, at, "unmasked payload", value=json_text.load(unmasked.data))
    data = unit.data[payload.start : payload.end]
    return Text("text", data, at, "payload", value=json_text.load(data))


def _unmasked(payload: Field) -> Derived | None:
    return next((each for each in payload.derived if each.name == "unmasked payload"), None)


def _content(payload: Field | None) -> Field | None:
    if payload is None:
        return None
    unmasked = _unmasked(payload)
    return payload if unmasked is None else unmasked.field
