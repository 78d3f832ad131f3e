"""The server's side of graphql-transport-ws, PROTOCOL.md of graphql-ws. Whoever breaks it is closed, and told why."""

from __future__ import annotations

from typing import Any, ClassVar

from protolab.protocols.graphql.server_session import Action, End, Initialise, Say, ServerSession, message
from protolab.protocols.graphql.subprotocols import BREACHES, CONNECTION, INITIALISING, RUNNING, TRANSPORT


class TransportSession(ServerSession):
    """A socket that speaks graphql-transport-ws.

    >>> session = TransportSession()
    >>> session.receive('{"type":"ping"}'), session.receive('{"type":"subscribe","id":"1","payload":{"query":"{a}"}}')
    ([Say(data=b'{"type":"pong"}')], [Close(code=4401, reason='Unauthorized')])
    """

    name: ClassVar[str] = TRANSPORT
    result: ClassVar[str] = "next"

    def refuse(self) -> list[Action]:
        return self.close(4403)

    def _hear(self, said: dict[str, Any]) -> list[Action]:
        kind, id, payload = said["type"], said.get("id", ""), said.get("payload")
        if CONNECTION.after(self.state, kind) is None:
            return self.close(BREACHES[self.state, kind])
        match kind:
            case "connection_init":
                self.state = INITIALISING
                return [Initialise(payload)]
            case "ping":
                return [Say(message("pong", payload))]
            case "subscribe":
                if id in self.running:
                    return self.close(BREACHES[RUNNING, kind], f"Subscriber for {id} already exists")
                return self._start(id, said["payload"])
            case "complete" if id in self.running:
                del self.running[id]
                return [End(id)]
        return []  # a pong, or complete of an operation that is over: both sides may have said so at the same time

    def _malformed(self, problem: str) -> list[Action]:
        return self.close(4400, problem)

    def _errors(self, errors: list[dict[str, Any]]) -> Any:
        return errors
