"""A WebSocket connection, both sides: the handshake's heads, then frames, each explained to the bit and judged."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Derived, Field, Side, Source
from protolab.protocols.websocket import handshake, rules
from protolab.protocols.websocket.close_codes import close_body
from protolab.protocols.websocket.deflate import Agreement
from protolab.protocols.websocket.messages import Direction, Message, Step
from protolab.protocols.websocket.titles import entitle
from protolab.units import Place, Unit
from protolab.wire import http1_bodies, websocket_frames
from protolab.wire.http1_bodies import HEAD, Splitter
from protolab.wire.websocket_frames import BINARY, CLOSE, OPCODES, TEXT


def decode(connection: Connection) -> WebSocketConversation:
    """The units of a WebSocket connection. A `midway` one has no handshake: it begins with frames."""
    return WebSocketConversation(connection)


class State:
    """What is known of both peers before a unit."""

    def __init__(self, midway: bool) -> None:
        self.offer: handshake.Offer | None = None
        self.answered = midway
        self.accepted = midway
        self.directions = (Direction(Side.CLIENT, midway=midway), Direction(Side.SERVER, midway=midway))

    def __copy__(self) -> State:
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        client, server = self.directions
        other.directions = (copy(client), copy(server))
        return other

    def settle(self, answer: handshake.Answer) -> None:
        """Take in the server's answer: from here on both sides speak frames, perhaps compressed ones."""
        self.answered, self.accepted = True, answer.accepted
        if answer.accepted:
            agreement: Agreement | None = answer.agreement
            self.directions = (Direction(Side.CLIENT, agreement), Direction(Side.SERVER, agreement))


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
        ended = [any(end.side is side for end in self.connection.ends) for side in Side]
        http.split(streams, self.starts, ended)
        if http.waiting and http.upgraded[Side.CLIENT] is None and not self.connection.size(Side.SERVER):
            http.upgraded[Side.CLIENT] = http.at[Side.CLIENT]  # frames before any answer: too early, yet frames
        for side in Side:
            if http.upgraded[side] is not None:
                http.at[side] = websocket_frames.scan(streams[side], http.at[side], self.starts[side])
            self.scanned[side] = http.at[side]

    def begin(self) -> State:
        return State(self.connection.midway)

    def advance(self, state: State, place: Place, data: bytes) -> Context:
        http, side = self._http, place.side
        upgraded = http.upgraded[side]
        if upgraded is not None and place.start >= upgraded:
            direction = state.directions[side]
            step = direction.step(data, place.number, place.start, place.complete, state.directions[1 - side])
            if not state.answered and side is Side.CLIENT:
                step = step._replace(findings=(rules.EARLY_DATA.at(0, len(data), side), *step.findings))
            return step
        kind = http.kind(side, self.starts[side], place.start)
        if kind is None or kind != HEAD or not place.complete:
            return Part(HEAD if kind is None else kind)
        if place.side is Side.CLIENT:
            state.offer = handshake.read_request(data, place.start)
            return Part(kind, state.offer if state.offer.upgrade else None)
        answer = handshake.read_response(data, state.offer)
        if answer.accepted:
            state.settle(answer)
        return Part(kind, answer)

    def judged(self) -> Iterator[Step]:
        """Every frame judged and none explained: for looking through a long capture for findings."""
        return (context for _, _, context in self._from(0) if isinstance(context, Step))

    def explain(self, place: Place, data: bytes, context: Context) -> Unit:
        if isinstance(context, Part):
            name, field, findings = http1_bodies.part(context.kind, place.side, data)
            if context.settled is not None:
                field, findings = context.settled.field, context.settled.findings
            return Unit(self.protocol, name, place, data, field, findings, (), http1_bodies.entitle)
        findings = context.findings
        return _new(
            Unit,
            (
                "websocket",
                "frame",
                place,
                data,
                _frame(data, context, place),
                findings,
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
    message: tuple[Derived, ...] = () if step.message is None else (_message(step.message),)
    if step.message is None and step.inflated is not None and head is not None and head.fin:
        source = Source(place.side, place.start + head.size, place.end)
        message = (_message(Message(step.opcode, True, step.inflated, (source,))),)
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
        return Field("compressed data", 0, len(payload), payload, "DEFLATE data (RFC 7692)")
    if opcode == CLOSE:
        return close_body(payload)
    if opcode == TEXT:
        return Field("text", 0, len(payload), payload.decode("utf-8", "backslashreplace"))
    return Field(OPCODES.get(opcode, "data") if opcode >= BINARY else "data", 0, len(payload), payload)


def _message(message: Message) -> Derived:
    name = f"{OPCODES[message.opcode]} message"
    if message.data is None:
        return Derived(name, b"", Field(name, 0, 0, None, f"cannot be known: {message.why}"), "", message.sources)
    pieces, how = len(message.sources), []
    if pieces > 1:
        how.append(f"{pieces} fragments joined")
    if message.compressed:
        packed = sum(source.end - source.start for source in message.sources)
        how.append(f"inflated from {packed} to {len(message.data)} bytes")
    return Derived(
        name,
        message.data,
        _content(message.opcode, message.data, False)._replace(name=name),
        ", ".join(how),
        message.sources,
    )
