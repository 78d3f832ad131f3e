"""The server's side of a subscription socket without any I/O: messages in, actions out.

    session = TransportSession()
    for action in session.receive('{"type":"connection_init"}'):
        ...  # Initialise(payload): ask whoever decides, then say session.acknowledge(...) or session.refuse()

`TransportSession` (graphql-transport-ws) and `LegacySession` (graphql-ws) are spoken to alike. Whoever drives one does what
the actions say, in their order: sends, closes, begins and ends operations.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from protolab.protocols.graphql.request import Malformed, Request, load, read
from protolab.protocols.graphql.subprotocols import ACKNOWLEDGED, CLIENT, CODES, INITIALISING, OPENED, reason

MOST = 1000  # operations on one socket at a time


class Say(NamedTuple):
    """Send this message, as text."""

    data: bytes


class Close(NamedTuple):
    """Close the connection. Whatever comes after it is not answered."""

    code: int
    reason: str


class Initialise(NamedTuple):
    """The client introduced itself; `acknowledge` or `refuse` once it is known who that is."""

    payload: dict[str, Any] | None


class Begin(NamedTuple):
    """Begin this operation; what comes of it is said by `envelope`, `error` and `complete`."""

    id: str
    request: Request


class End(NamedTuple):
    """End this operation at once, and free its source."""

    id: str


Action = Say | Close | Initialise | Begin | End


class ServerSession(ABC):
    """What both subprotocols have in common. `running` are the ids of the operations that run.

    At most `most` operations run at a time; one more is refused by an error of its own, and the others go on.
    """

    name: ClassVar[str]
    result: ClassVar[str]  # the type of the message that carries a result

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.state = OPENED
        self.closed = False
        self.running: dict[str, None] = {}

    def receive(self, data: str | bytes) -> list[Action]:
        """What follows from a message. Total: anything may come."""
        if self.closed:
            return []
        try:
            return self._hear(self._read(data))
        except Malformed as wrong:
            return self._malformed(wrong.problem)

    def acknowledge(self, payload: dict[str, Any] | None = None) -> list[Action]:
        """The client may come in."""
        if self.closed or self.state is not INITIALISING:
            return []
        self.state = ACKNOWLEDGED
        return [Say(message("connection_ack", payload))]

    def overdue(self) -> list[Action]:
        """The time for connection_init is over."""
        return self.close(4408) if self.state is OPENED else []

    def fail(self) -> list[Action]:
        """Something went wrong here, and the conversation cannot go on."""
        return self.close(4500)

    def beat(self) -> bytes | None:
        """A sign of life, where the subprotocol has one for clients that know no pings of WebSocket."""
        return None

    @abstractmethod
    def refuse(self) -> list[Action]:
        """The client may not come in."""

    def close(self, code: int, words: str = "") -> list[Action]:
        """Close, with the words of the protocol if there are no better ones."""
        if self.closed:
            return []
        self.closed = True
        ended: list[Action] = [End(id) for id in self.running]
        self.running.clear()
        return [*ended, Close(code, reason(words or CODES[code].words))]

    # What is said of an operation.

    def envelope(self, id: str) -> tuple[bytes, bytes]:
        """What stands before and after a result, in JSON: the result itself is the same for everyone, and encoded once."""
        return b'{"id":%b,"type":"%b","payload":' % (_json(id), self.result.encode()), b"}"

    def error(self, id: str, errors: list[dict[str, Any]]) -> bytes | None:
        """The operation could not begin, or its source failed. That ends it. None: it had ended, and nothing may be said."""
        return self._last(id, "error", self._errors(errors))

    def complete(self, id: str) -> bytes | None:
        """All is said. None: it had ended."""
        return self._last(id, "complete")

    # For the two below

    @abstractmethod
    def _hear(self, said: dict[str, Any]) -> list[Action]: ...
    @abstractmethod
    def _malformed(self, problem: str) -> list[Action]: ...
    @abstractmethod
    def _errors(self, errors: list[dict[str, Any]]) -> Any: ...

    def _last(self, id: str, kind: str, payload: Any = None) -> bytes | None:
        if id not in self.running:
            return None
        del self.running[id]
        return message(kind, payload, id)

    def _start(self, id: str, payload: dict[str, Any]) -> list[Action]:
        request = read(payload, ("payload",))
        if len(self.running) >= self.most:
            problem = f"{self.most} operations run on this socket, which is the limit: complete one first."
            errors = [{"message": problem, "extensions": {"code": "TOO_MANY_OPERATIONS"}}]
            return [Say(message("error", self._errors(errors), id))]
        self.running[id] = None
        return [Begin(id, request)]

    def _read(self, data: str | bytes) -> dict[str, Any]:
        """The message, of a type and shape that a client may send. Malformed: it is not."""
        if isinstance(data, bytes):
            raise Malformed("Messages are text, and this one is binary.")
        found = load(data)
        if not isinstance(found, dict):
            raise Malformed("A message is a JSON object.")
        kind = found.get("type")
        if not isinstance(kind, str):
            raise Malformed('A message has a "type", which is a string.')
        shape = CLIENT[self.name].get(kind)
        if shape is None:
            raise Malformed(f"A client sends no message of type {_short(kind)}.")
        if shape.id and (not isinstance(id := found.get("id"), str) or not id):
            raise Malformed(f'{kind} has an "id", which is a string and not empty.')
        payload = found.get("payload")
        if shape.payload == "object?" and not isinstance(payload, dict | None):
            raise Malformed(f'The "payload" of {kind} is an object, or absent.')
        if shape.payload == "request" and not isinstance(payload, dict):
            raise Malformed(f'The "payload" of {kind} is an object: {{"query": "..."}}.')
        return found


def message(kind: str, payload: Any = None, id: str | None = None) -> bytes:
    """A message in JSON.

    >>> message("complete", id="1")
    b'{"id":"1","type":"complete"}'
    """
    whole = {} if id is None else {"id": id}
    whole["type"] = kind
    if payload is not None:
        whole["payload"] = payload
    return _json(whole)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _short(text: str) -> str:
    """A text of the client's, quoted in a message that is to stay short."""
    return json.dumps(text if len(text) <= 40 else text[:40] + "…", ensure_ascii=False)
