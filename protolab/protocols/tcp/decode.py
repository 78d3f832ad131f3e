"""Bytes of an unknown protocol: a unit is what one side said before the other spoke."""

from __future__ import annotations

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import CLIENT, SERVER, Side, unparsed
from protolab.units import Place, Unit


def decode(connection: Connection) -> TcpConversation:
    """The turns of a connection, as bytes that stay `unparsed`."""
    return TcpConversation(connection)


class TcpConversation(Conversation[None, None]):
    protocol = "tcp"

    def __init__(self, connection: Connection) -> None:
        self._seen = [0, 0]  # segments of each side that were looked at
        self._speaker: Side | None = None
        super().__init__(connection)

    def scan(self) -> None:
        """A turn is complete when the other side has spoken after it; the last one stays open."""
        seen, marks = self._seen, self.connection.marks
        client = marks[CLIENT].turns
        for turn in range(sum(seen), self.connection.turns):  # each is one side's, as in `Connection.segments`
            side = CLIENT if seen[CLIENT] < len(client) and client[seen[CLIENT]] == turn else SERVER
            if self._speaker is not None and self._speaker is not side:
                other = self._speaker
                self.starts[other].append(self.scanned[other])
                self.scanned[other] = marks[other].ends[seen[other] - 1]
            self._speaker = side
            seen[side] += 1

    def begin(self) -> None:
        return None

    def advance(self, state: None, place: Place, data: bytes) -> None:
        return None

    def explain(self, place: Place, data: bytes, context: None) -> Unit:
        field = unparsed(0, len(data), "bytes of a protocol that is not known here")
        return Unit(self.protocol, "bytes", place, data, field, (), (), lambda unit: f"{len(unit.data)} bytes")
