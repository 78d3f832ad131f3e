"""An HTTP/1.1 connection: heads, bodies and chunks, both sides, requests matched to responses."""

from __future__ import annotations

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Side, unparsed
from protolab.units import Place, Unit
from protolab.wire.http1_bodies import Splitter, entitle, part
from protolab.wire.http1_rules import CUT_OFF


def decode(connection: Connection) -> HttpConversation:
    """The heads, bodies and chunks of a connection; after a change of protocol the rest stays `unparsed`."""
    return HttpConversation(connection)


class HttpConversation(Conversation[None, None]):
    protocol = "http"

    def __init__(self, connection: Connection) -> None:
        self._http = Splitter()
        super().__init__(connection)

    def scan(self) -> None:
        ended = [self.connection.ended(side) for side in Side]
        self._http.split(self.connection.streams, self.starts, ended)
        self.scanned[:] = self._http.at

    def begin(self) -> None:
        return None

    def advance(self, state: None, place: Place, data: bytes) -> None:
        return None

    def explain(self, place: Place, data: bytes, context: None) -> Unit:
        kind = self._http.kind(place.side, self.starts[place.side], place.start)
        if kind is None:
            field = unparsed(0, len(data), "another protocol, agreed on in the heads before")
            return Unit(self.protocol, "bytes", place, data, field, (), (), lambda unit: f"{len(unit.data)} bytes")
        name, field, findings = part(kind, place.side, data)
        if not place.complete and self.connection.ended(place.side):
            findings = (*findings, CUT_OFF.at(0, len(data), place.side))
        return Unit(self.protocol, name, place, data, field, findings, (), entitle)
