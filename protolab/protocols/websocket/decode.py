"""A WebSocket connection, both sides: the handshake's heads, then frames, each explained to the bit and judged."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Derived, Field, Side, Source, unparsed
from protolab.findings import Finding
from protolab.protocols.websocket import handshake, rules
from protolab.protocols.websocket.close_codes import close_body
from protolab.protocols.websocket.deflate import Agreement
from protolab.protocols.websocket.messages import Direction, Message, Step
from protolab.protocols.websocket.titles import entitle
from protolab.units import Place, Unit
from protolab.wire import http1_bodies, websocket_frames
from protolab.wire.http1_bodies import HEAD, Splitter
from protolab.wire.http1_rules import CUT_OFF
from protolab.wire.websocket_frames import BINARY, CLOSE, OPCODES, TEXT


def decode(connection: Connection) -> WebSocketConversation:
    """The units of a WebSocket connection. A `midway` one has no handshake: it begins with frames."""
    return WebSocketConversation(connection)


class State:
    """What is known of both peers before a unit."""

    def __init__(self, midway: bool) -> None:
        self.offer: handshake.Offer | None = None
        self.answered = midway  # with a 101: from then on frames are in order
        self.directions = (Direction(Side.CLIENT, midway=midway), Direction(Side.SERVER, midway=midway))

    def __copy__(self) -> State:
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        client, server = self.directions
        other.directions = (copy(client), copy(server))
        return other

    def settle(self, agreement: Agreement | None, strange: bool) -> None:
        """The server has accepted: from here on both sides speak frames, compressed ones if that was agreed on."""
        self.answered = True
        client, server = (Direction(side, agreement, strange=strange) for side in Side)
        self.directions = (client, server)


EARLY = -1  # the kind of what a client says after asking to change protocols and before it is answered


class Part(NamedTuple):
    """The context of a unit that is HTTP: its kind, and what the handshake made of it."""

    kind: int
    settled: handshake.Offer | handshake.Answer | None = None


Context = Part | Step


class WebSocketConversation(Conversation[State, Context]):
    protocol = "websocket"

    def __init__(self, connection: Connection) -> None:
        self._http = Splitter()
        if connection.midway:
            self._http.upgraded = [0, 0]
        super().__init__(connection)

    def scan(self) -> None:
        http, streams = self._http, self.connection.streams
        ended = [self.connection.ended(side) for side in Side]
        http.split(streams, self.starts, ended)
        for side in Side:
            if http.upgraded[side] is not None:
                http.at[side] = websocket_frames.scan(streams[side], http.at[side], self.starts[side])
            self.scanned[side] = http.at[side]

    def begin(self) -> State:
        return State(self.connection.midway)

    def advance(self, state: State, place: Place, data: bytes) -> Context:
        number, side, start, _, _, complete = place
        upgraded = self._http.upgraded[side]
        if upgraded is not None and start >= upgraded:
            step = state.directions[side].step(data, number, start, complete, state.directions[1 - side])
            if not state.answered and side is Side.CLIENT:
                step = step._replace(findings=(rules.EARLY_DATA.at(0, len(data), side), *step.findings))
            if not complete and self.connection.ended(side):
                step = step._replace(findings=(*step.findings, rules.CUT_OFF.at(0, len(data), side)))
            return step
        kind = self._http.kind(side, self.starts[side], start)
        if kind is None or kind != HEAD or not place.complete:
            early = side is Side.CLIENT and self._http.waiting and kind == HEAD
            return Part(EARLY if early else HEAD if kind is None else kind)
        if place.side is Side.CLIENT:
            state.offer = handshake.read_request(data, place.start)
            return Part(kind, state.offer if state.offer.upgrade else None)
        answer = handshake.read_response(data, state.offer)
        if answer.accepted:
            state.settle(answer.agreement, answer.strange)
        return Part(kind, answer)

    def judged(self) -> Iterator[Step]:
        """Every complete frame judged and none explained: for looking through a long capture for findings."""
        state, streams = self.begin(), [bytes(stream) for stream in self.connection.streams]
        for number, side, start, end in self._spans(0):
            data = streams[side][start:end]
            upgraded = self._http.upgraded[side]
            if upgraded is not None and start >= upgraded and state.answered:
                yield state.directions[side].step(data, number, start, True, state.directions[1 - side])
            elif isinstance(context := self.advance(state, Place(number, side, start, end, 0.0), data), Step):
                yield context

    def explain(self, place: Place, data: bytes, context: Context) -> Unit:
        if isinstance(context, Part):
            findings: tuple[Finding, ...]
            if context.settled is not None:
                field, findings = context.settled.field, context.settled.findings
                name = field.name
            elif context.kind == EARLY:
                name, field = "early data", unparsed(0, len(data), "what this is depends on the server's answer")
                findings = (rules.EARLY_DATA.at(0, len(data), Side.CLIENT),)
            else:
                name, field, findings = http1_bodies.part(context.kind, place.side, data)
                if not place.complete and self.connection.ended(place.side):
                    findings = (*findings, CUT_OFF.at(0, len(data), place.side))
            return Unit(self.protocol, name, place, data, field, findings, (), http1_bodies.entitle)
        return _new(
            Unit,
            (
                "websocket",
                "frame",
                place,
                data,
                _frame(data, context, place),
                context.findings,
                context.discards,
                entitle,
                None,
            ),
        )


_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every frame
_UNMASKED = "each byte XORed with the masking key's byte at its offset mod 4"


def _frame(data: bytes, step: Step, place: Place) -> Field:
    """The tree of a frame: its payload's own fields, what was unmasked, and the message that it completes."""
    head, payload, size = step.head, step.payload, len(data)
    message: tuple[Derived, ...] = ()
    if step.message is not None:
        message = (_message(step.message),)
    elif step.inflated is not None and head is not None and head.fin:
        source = _new(Source, (place.side, place.start + head.size, place.end))
        message = (_message(_new(Message, (step.opcode, True, step.inflated, (source,), ""))),)
    if head is None or size == head.size:
        return websocket_frames.tree(data, head, None, message)
    if step.text is not None:
        content = _new(Field, ("text", 0, len(payload), step.text, "", (), None, ()))
    else:
        content = _content(step.opcode, payload, step.inflated is not None or (head.rsv1 and not head.control))
    note = content.note if len(payload) == head.length else f"{len(payload)} of {head.length} bytes so far"
    value = payload if content.value is None else content.value
    children: tuple[Field, ...] = ()
    if head.masked:
        message = (_new(Derived, ("unmasked payload", payload, content, _UNMASKED, ())), *message)
    else:
        children = content.shifted(head.size).children
    field = _new(Field, ("payload", head.size, size, value, note, children, None, message))
    return websocket_frames.tree(data, head, field)


def _content(opcode: int, payload: bytes, compressed: bool) -> Field:
    """What a frame's unmasked payload says, as far as this frame alone tells."""
    if compressed:
        return _new(Field, ("compressed data", 0, len(payload), payload, "DEFLATE data (RFC 7692)", (), None, ()))
    if opcode == CLOSE:
        return close_body(payload)
    if opcode == TEXT:
        return _text("text", payload)
    return Field(OPCODES.get(opcode, "data") if opcode >= BINARY else "data", 0, len(payload), payload)


def _text(name: str, data: bytes) -> Field:
    return _new(Field, (name, 0, len(data), data.decode("utf-8", "backslashreplace"), "", (), None, ()))


def _message(message: Message) -> Derived:
    name, data, sources = f"{OPCODES[message.opcode]} message", message.data, message.sources
    if data is None:
        return Derived(name, b"", Field(name, 0, 0, None, f"cannot be known: {message.why}"), "", sources)
    how = f"{len(sources)} fragments joined" if len(sources) > 1 else ""
    if message.compressed:
        packed = sum([source.end - source.start for source in sources])
        how += f"{', ' if how else ''}inflated from {packed} to {len(data)} bytes"
    field = _text(name, data) if message.opcode == TEXT else Field(name, 0, len(data), data)
    return _new(Derived, (name, data, field, how, sources))
