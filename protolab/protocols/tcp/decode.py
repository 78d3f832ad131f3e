"""Bytes of an unknown protocol: a unit is what one side said before the other spoke."""

from __future__ import annotations

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Side, unparsed
from protolab.units import Place, Unit


def decode(connection: Connection) -> TcpConversation:
    """The turns of a connection, as bytes that stay `unparsed`."""
    return TcpConversation(connection)


class TcpConversation(Conversation[None, None]):
    protocol = "tcp"

    def scan(self) -> None:
        """A turn is complete when the other side has spoken after it; the last one stays open."""
        said = [0, 0]
        last: Side | None = None
        for segment in self.connection.segments:
            if last is not None and last != segment.side and said[last] > self.scanned[last]:
                self.starts[last].append(self.scanned[last])
                self.scanned[last] = said[last]
            last = segment.side
            said[last] = segment.offset + segment.length

    def begin(self) -> None:
        return None

    def advance(self, state: None, place: Place, data: bytes) -> None:
        return None

    def explain(self, place: Place, data: bytes, context: None) -> Unit:
        field = unparsed(0, len(data), "bytes of a protocol that is not known here")
        return Unit(self.protocol, "bytes", place, data, field, (), (), lambda unit: f"{len(unit.data)} bytes")
