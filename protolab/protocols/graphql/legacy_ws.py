"""The server's side of the older graphql-ws, PROTOCOL.md of subscriptions-transport-ws. Trouble is told, and it goes on."""

from __future__ import annotations

from typing import Any, ClassVar

from protolab.protocols.graphql.request import Malformed
from protolab.protocols.graphql.server_session import Action, End, Initialise, Say, ServerSession, message
from protolab.protocols.graphql.subprotocols import ACKNOWLEDGED, INITIALISING, LEGACY, OPENED


class LegacySession(ServerSession):
    """A socket that speaks graphql-ws, as that name is meant on the wire.

    >>> LegacySession().receive("oops")
    [Say(data=b'{"type":"connection_error","payload":{"message":"This is not JSON: Expecting value at line 1 column 1."}}')]
    """

    name: ClassVar[str] = LEGACY
    result: ClassVar[str] = "data"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._early: list[Action] = []  # what follows once the client is acknowledged, at most `most`

    def acknowledge(self, payload: dict[str, Any] | None = None) -> list[Action]:
        early, self._early = self._early, []
        return [*super().acknowledge(payload), *early]

    def refuse(self) -> list[Action]:
        # This protocol has no codes: the library that made it says the reason in a message, and closes with 1011.
        return [Say(_trouble("Forbidden")), *self.close(1011, "Forbidden")]

    def beat(self) -> bytes | None:
        return message("ka") if self.state is ACKNOWLEDGED and not self.closed else None

    def _hear(self, said: dict[str, Any]) -> list[Action]:
        kind, id, payload = said["type"], said.get("id", ""), said.get("payload")
        match kind:
            case "connection_init" if self.state is OPENED:
                self.state = INITIALISING
                return [Initialise(payload)]
            case "connection_terminate":
                return self.close(1000, "Terminated by the client")
            case "start" if self.state is not OPENED:
                # An id in use: the new operation takes the place of the old.
                ended: list[Action] = self._stop(id)
                try:
                    begun = self._start(id, said["payload"])
                except Malformed as wrong:
                    begun = [Say(message("error", {"message": wrong.problem}, id))]
                if self.state is ACKNOWLEDGED:
                    return [*ended, *begun]
                self._early += begun
                if len(self._early) > self.most:  # not all of them operations, which `_start` counts
                    return self.close(1008, "You said too much before connection_ack.")
                return []
            case "stop":
                if id not in self.running:
                    return []
                return [*self._stop(id), Say(message("complete", None, id))]
        return self._malformed(f"{kind} has no place here: the connection is {self.state}.")

    def _stop(self, id: str) -> list[Action]:
        if id not in self.running:
            return []
        del self.running[id]
        kept = [action for action in self._early if getattr(action, "id", None) != id]
        early, self._early = self._early != kept, kept
        return [] if early else [End(id)]

    def _malformed(self, problem: str) -> list[Action]:
        return [Say(_trouble(problem))]

    def _errors(self, errors: list[dict[str, Any]]) -> Any:
        return errors[0]  # the payload is one object


def _trouble(problem: str) -> bytes:
    return message("connection_error", {"message": problem})
