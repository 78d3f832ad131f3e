"""GraphQL on a connection: what carries it, explained by its own protocol, and the GraphQL inside on top of that.

The units are those of the carrier: heads, bodies and chunks of HTTP, frames of WebSocket, events of an event stream. Where a
unit completes a GraphQL message, the message's JSON is a tree in it, with the document's tokens in their bytes.
"""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

from protolab import protocols
from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Side, Source
from protolab.findings import Discard, Finding
from protolab.protocols.graphql import dressing, sockets, streams
from protolab.protocols.graphql.exchange import Body, Exchange
from protolab.protocols.graphql.session import Session, Verdict
from protolab.units import Place, Unit
from protolab.wire import http1

CARRIERS = ("websocket", "sse", "http")
_LOOK = 2**16  # bytes of each side's beginning by which the carrier is chosen


def decode(connection: Connection) -> GraphQLConversation:
    """The units of a connection that carries GraphQL, on whichever of HTTP, WebSocket and event streams it does."""
    return GraphQLConversation(connection)


class State:
    """What is known before a unit: of the carrier, of the HTTP exchanges, and of the socket's session."""

    def __init__(self, carrier: Any, midway: bool) -> None:
        self.carrier = carrier
        self.exchange = Exchange()
        self.session = Session(None, midway)

    def __copy__(self) -> State:
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        other.carrier, other.exchange, other.session = copy(self.carrier), copy(self.exchange), copy(self.session)
        return other


class Context(NamedTuple):
    """A unit as its carrier explains it, and what GraphQL makes of it."""

    unit: Unit
    body: Body | None = None
    message: sockets.Text | None = None
    verdict: Verdict | None = None
    event: streams.Told | None = None
    findings: tuple[Finding, ...] = ()
    subprotocols: bool = False  # its head names one of the two


class GraphQLConversation(Conversation[State, Context]):
    protocol = "graphql"

    def __init__(self, connection: Connection) -> None:
        self.carrier = _carrier(connection)
        super().__init__(connection)

    def scan(self) -> None:
        if not any(self.starts):  # what carries it shows in the first head; from the first unit on it stays
            carrier = _carrier(self.connection)
            if carrier.protocol != self.carrier.protocol:
                self.carrier = carrier
                self._checkpoints.clear()  # of a unit that was not complete, as the other carrier had it
        self.carrier.scan()
        self.starts, self.scanned = self.carrier.starts, self.carrier.scanned

    def begin(self) -> State:
        return State(self.carrier.begin(), self.connection.midway)

    def advance(self, state: State, place: Place, data: bytes) -> Context:
        unit = self.carrier.explain(place, data, self.carrier.advance(state.carrier, place, data))
        if not place.complete:
            return Context(unit)
        if unit.kind.endswith(" head"):  # whoever fetches a stream is no EventSource: what binds only that is no breach
            unit = unit._replace(
                findings=tuple(each for each in unit.findings if not each.rule.clause.startswith("WHATWG"))
            )
        match unit.kind:
            case "request head":
                found, _ = state.exchange.ask(place.number, data, place.start)
                return Context(unit, findings=tuple(found), subprotocols=bool(sockets.offered(data)))
            case "response head":
                found, response = state.exchange.answer(data)
                if response is None and b" 101 " in data[:14]:
                    state.session = Session(sockets.chosen(data))
                    return Context(unit, subprotocols=state.session.protocol is not None)
                return Context(unit, findings=tuple(found))
            case "body" | "chunk" | "last chunk":
                return Context(unit, self._body(state.exchange, unit))
            case "event":
                return self._event(state.exchange, unit)
            case "fields":
                return Context(unit, findings=streams.unheard(unit))
            case "frame":
                return self._frame(state.session, unit)
        return Context(unit)

    @staticmethod
    def _body(exchange: Exchange, unit: Unit) -> Body | None:
        side, start = unit.side, unit.place.start
        complete = exchange.asked if side is Side.CLIENT else exchange.answered
        if unit.kind == "body":
            return complete(unit.place.number, unit.data, 0, (Source(side, start, start + len(unit.data)),))
        if unit.kind == "last chunk":
            data, sources = exchange.joined(side)
            return complete(unit.place.number, data, None, sources)
        for child in unit.field.children:
            if child.name == "chunk data":
                exchange.add(
                    side, unit.data[child.start : child.end], Source(side, start + child.start, start + child.end)
                )
        return None

    @staticmethod
    def _event(exchange: Exchange, unit: Unit) -> Context:
        response = exchange.response
        request = response.request if response is not None else None
        if request is not None and not request.graphql:
            return Context(unit)
        found = streams.told(unit, request.asked if request is not None else (), exchange.over)
        if found is not None and found.type == "complete" and not found.payload and not isinstance(found.value, dict):
            exchange.over = True
        return Context(unit, event=found)

    @staticmethod
    def _frame(session: Session, unit: Unit) -> Context:
        side, number = unit.side, unit.place.number
        found = sockets.message(unit)
        if found is None:
            return Context(unit)
        if found.kind == "close":
            at = found.at or (0, len(unit.data))
            spots = session.close(side, found.code)
            return Context(unit, findings=tuple(spot.rule.at(*at, side, spot.detail) for spot in spots))
        if found.kind == "binary":
            at = found.at or (0, len(unit.data))
            return Context(
                unit, findings=tuple(spot.rule.at(*at, side, spot.detail) for spot in session.binary(side, number))
            )
        value, sound = found.value
        return Context(unit, message=found, verdict=session.take(side, number, value, sound, found.asked(unit)))

    def explain(self, place: Place, data: bytes, context: Context) -> Unit:
        unit = context.unit
        if context.subprotocols:
            unit = sockets.named(unit)
        if context.findings:
            unit = unit._replace(findings=(*unit.findings, *context.findings))
        if context.body is not None:
            return dressing.body(unit, context.body)
        if context.event is not None:
            return dressing.event(unit, context.event)
        if context.message is not None and context.verdict is not None:
            unit = dressing.message(unit, context.message, context.verdict)
            if context.verdict.late:
                late = Discard(0, len(data), context.verdict.late, context.verdict.clause)
                unit = unit._replace(discards=(*unit.discards, late))
            return unit
        return dressing.head(unit) if unit.kind == "request head" and place.complete else unit


def _carrier(connection: Connection) -> Conversation[Any, Any]:
    """The conversation of the protocol that carries this, by the client's first head; where there is none, by both sides."""
    client, server = (connection.read(side, 0, _LOOK) for side in Side)
    if client and not connection.midway:
        end = http1.head_end(client)
        client, server = (client[:end] if end > 0 else client), b""
    cards = [card for card in protocols.cards() if card.name in CARRIERS]
    best = max(cards, key=lambda card: (card.recognise(client, server, connection.midway), card.name == "http"))
    return protocols.decode(connection, best.name)
