"""The client's side of a subscription socket without any I/O: messages in, what they mean out. For both subprotocols.

A server that breaks the protocol is answered with a Close of its own code (4004: bad response); what it says of operations
that nobody knows, or knows any more, is passed over, since both sides may end an operation at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from protolab.protocols.graphql.request import Malformed, load
from protolab.protocols.graphql.server_session import Close, Say, message
from protolab.protocols.graphql.subprotocols import (
    ACKNOWLEDGED,
    INITIALISING,
    LEGACY,
    OPENED,
    SERVER,
    TRANSPORT,
    reason,
)


class Acknowledged(NamedTuple):
    """The server lets us in."""

    payload: dict[str, Any] | None


class Told(NamedTuple):
    """One result of an operation."""

    id: str
    result: dict[str, Any]


class Refused(NamedTuple):
    """An operation that cannot begin, or go on. It is over."""

    id: str
    errors: list[dict[str, Any]]


class Completed(NamedTuple):
    """An operation whose results have all come."""

    id: str


class Pong(NamedTuple):
    """A pong, to a ping of ours or unasked."""

    payload: dict[str, Any] | None


class Rejected(NamedTuple):
    """The older protocol's connection_error: before connection_ack it means that we may not come in."""

    payload: dict[str, Any]


Heard = Acknowledged | Told | Refused | Completed | Pong | Rejected | Say | Close


class ClientSession:
    """A socket of the subprotocol `name`. `running` are the ids of the operations that we began.

    >>> session = ClientSession("graphql-transport-ws")
    >>> session.begin(), session.receive('{"type":"connection_ack"}')
    (b'{"type":"connection_init"}', [Acknowledged(payload=None)])
    >>> session.subscribe("1", {"query": "{ hello }"})
    b'{"id":"1","type":"subscribe","payload":{"query":"{ hello }"}}'
    >>> session.receive('{"id":"1","type":"next","payload":{"data":{"hello":"x"}}}')
    [Told(id='1', result={'data': {'hello': 'x'}})]
    >>> session.receive("oops")
    [Close(code=4004, reason='This is not JSON: Expecting value at line 1 column 1.')]
    """

    def __init__(self, name: str = TRANSPORT) -> None:
        self.name = name
        self.legacy = name == LEGACY
        self.state = OPENED
        self.closed = False
        self.running: set[str] = set()

    # What we say

    def begin(self, payload: Mapping[str, Any] | None = None) -> bytes:
        """Introduce ourselves."""
        self.state = INITIALISING
        return message("connection_init", payload)

    def subscribe(self, id: str, request: Mapping[str, Any]) -> bytes:
        """Begin an operation."""
        self.running.add(id)
        return message("start" if self.legacy else "subscribe", request, id)

    def complete(self, id: str) -> bytes | None:
        """End an operation; None: it has ended."""
        if id not in self.running:
            return None
        self.running.discard(id)
        return message("stop" if self.legacy else "complete", None, id)

    def ping(self, payload: Mapping[str, Any] | None = None) -> bytes:
        """Ask for a sign of life (the older protocol cannot)."""
        return message("ping", payload)

    # What we hear

    def receive(self, data: str | bytes) -> list[Heard]:
        """What a message means. Total: anything may come."""
        if self.closed:
            return []
        try:
            return self._hear(data)
        except Malformed as wrong:
            return self.close(4004, wrong.problem)

    def close(self, code: int, words: str) -> list[Heard]:
        """Give up on this server."""
        self.closed = True
        return [Close(code, reason(words))]

    def _hear(self, data: str | bytes) -> list[Heard]:
        said = self._read(data)
        kind, id = said["type"], said.get("id", "")
        payload: Any = said.get("payload")
        match kind:
            case "connection_ack":
                if self.state is not INITIALISING:
                    raise Malformed("connection_ack came a second time.")
                self.state = ACKNOWLEDGED
                return [Acknowledged(payload)]
            case "ping":
                return [Say(message("pong", payload))]
            case "pong":
                return [Pong(payload)]
            case "ka":
                return []
            case "connection_error":
                return [Rejected(payload)]
        if self.state is not ACKNOWLEDGED:
            raise Malformed(f"{kind} came before connection_ack.")
        if id not in self.running:
            return []
        if kind in ("next", "data"):
            return [Told(id, payload)]
        self.running.discard(id)
        if kind == "error":
            return [Refused(id, payload if isinstance(payload, list) else [payload])]
        return [Completed(id)]

    def _read(self, data: str | bytes) -> dict[str, Any]:
        """The message, of a type and shape that a server may send. Malformed: it is not."""
        if isinstance(data, bytes):
            raise Malformed("Messages are text, and this one is binary.")
        said = load(data)
        if not isinstance(said, dict):
            raise Malformed("A message is a JSON object.")
        kind = said.get("type")
        shape = SERVER[self.name].get(kind) if isinstance(kind, str) else None
        if shape is None:
            raise Malformed(f"A server sends no message of type {json.dumps(kind)[:40]}.")
        if shape.id and (not isinstance(id := said.get("id"), str) or not id):
            raise Malformed(f'{kind} has an "id", which is a string and not empty.')
        payload = said.get("payload")
        if not _fits(payload, shape.payload, self.legacy):
            raise Malformed(f'The "payload" of {kind} is not what it must be.')
        return said


def _fits(payload: Any, kind: str, legacy: bool) -> bool:
    match kind:
        case "object?":
            return isinstance(payload, dict | None)
        case "result":
            return is_response(payload)
        case "errors":
            return _errors(payload)
        case "error":  # one object; servers were seen to send a list, as the newer protocol has it
            return isinstance(payload, dict) or _errors(payload)
    return True


def is_response(value: Any) -> bool:
    """Whether it is a GraphQL response, GraphQL section 7.1; what servers write for no errors is passed over."""
    if not isinstance(value, dict):
        return False
    errors = value.get("errors") or []
    listed = isinstance(errors, list) and all(isinstance(error, dict) for error in errors)
    return listed and isinstance(value.get("data"), dict | None) and ("data" in value or bool(errors))


def _errors(value: Any) -> bool:
    """Whether it is a list of GraphQL errors, GraphQL section 7.1.2."""
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(each, dict) and isinstance(each.get("message"), str) for each in value)
    )
