"""An HTTP/1.1 connection: heads, bodies and chunks, both sides, requests matched to responses, what was compressed inflated."""

from __future__ import annotations

from typing import NamedTuple

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Derived, Field, Side, Source, unparsed
from protolab.findings import Finding
from protolab.units import Place, Unit
from protolab.wire import http1_content
from protolab.wire.http1_bodies import BODY, CHUNK, HEAD, LAST_CHUNK, SIZE_LINE, Splitter, entitle, part
from protolab.wire.http1_rules import CUT_OFF, ENCODED


def decode(connection: Connection) -> HttpConversation:
    """The heads, bodies and chunks of a connection; after a change of protocol the rest stays `unparsed`."""
    return HttpConversation(connection)


class Chunks(NamedTuple):
    """Where the data of a body's chunks stand, as a chain, the newest first: a checkpoint of the state shares it."""

    before: Chunks | None
    source: Source


class Body(NamedTuple):
    """The body that a side is in: what was done to its content, and the chunks of it that came."""

    codings: tuple[str, ...] = ()
    chunks: Chunks | None = None


class State:
    """What is known of both sides before a unit."""

    def __init__(self) -> None:
        self.bodies = (Body(), Body())


class HttpConversation(Conversation[State, Body | None]):
    protocol = "http"

    def __init__(self, connection: Connection) -> None:
        self._http = Splitter()
        super().__init__(connection)

    def scan(self) -> None:
        ended = [self.connection.ended(side) for side in Side]
        self._http.split(self.connection.streams, self.starts, ended)
        self.scanned[:] = self._http.at

    def begin(self) -> State:
        return State()

    def advance(self, state: State, place: Place, data: bytes) -> Body | None:
        """The body that is complete with this unit, where it is compressed."""
        side, body = place.side, state.bodies[place.side]
        kind = self._http.kind(side, self.starts[side], place.start) if place.complete else None
        if kind == HEAD:
            self._enter(state, side, Body(http1_content.codings(data)))
        elif kind == CHUNK and body.codings and (size := SIZE_LINE.match(data)):
            start = place.start + size.end()
            source = Source(side, start, start + int(size[1], 16))
            self._enter(state, side, body._replace(chunks=Chunks(body.chunks, source)))
        return body if kind in (BODY, LAST_CHUNK) and body.codings else None

    @staticmethod
    def _enter(state: State, side: Side, body: Body) -> None:
        client, server = state.bodies
        state.bodies = (body, server) if side is Side.CLIENT else (client, body)

    def explain(self, place: Place, data: bytes, context: Body | None) -> Unit:
        kind = self._http.kind(place.side, self.starts[place.side], place.start)
        if kind is None:
            field = unparsed(0, len(data), "another protocol, agreed on in the heads before")
            return Unit(self.protocol, "bytes", place, data, field, (), (), lambda unit: f"{len(unit.data)} bytes")
        name, field, findings = part(kind, place.side, data)
        if context is not None:
            field, more = self._content(context, data, field, place.side)
            findings += more
        if not place.complete and self.connection.ended(place.side):
            findings = (*findings, CUT_OFF.at(0, len(data), place.side))
        return Unit(self.protocol, name, place, data, field, findings, (), entitle)

    def _content(self, body: Body, data: bytes, field: Field, side: Side) -> tuple[Field, tuple[Finding, ...]]:
        """The field of a body's last part with the whole content, inflated, and what is wrong with that."""
        sources: list[Source] = []
        chunks = body.chunks
        while chunks is not None:
            sources.append(chunks.source)
            chunks = chunks.before
        sources.reverse()
        if field.name == "last chunk":
            data = b"".join(self.connection.read(*source) for source in sources)
        if not data:
            return field, ()
        said, how = http1_content.decode(data, body.codings), ", ".join(body.codings)
        findings = (ENCODED.at(field.start, field.end, side, said.why),) if said.wrong else ()
        if said.data is None:
            return field._replace(note=f"{how}, and the content cannot be known: {said.why}"), findings
        how = f"{how}: inflated from {len(data)} to {len(said.data)} bytes"
        tree = Field("content", 0, len(said.data), said.data)
        return field._replace(derived=(Derived("content", said.data, tree, how, tuple(sources)),)), findings
