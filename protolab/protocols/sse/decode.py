"""An event stream over HTTP/1.1, both sides: heads, then one unit for each block of the stream, each line explained.

Other requests and responses on the same connection (a POST that publishes, say) are heads and bodies as in plain HTTP.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import deque
from copy import copy
from itertools import pairwise
from typing import NamedTuple

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.findings import Finding, Rule
from protolab.protocols.sse import heads, rules
from protolab.protocols.sse.blocks import ANEW, Block, Ids, explain_block
from protolab.protocols.sse.titles import entitle
from protolab.units import Place, Unit
from protolab.wire import http1_bodies
from protolab.wire.event_blocks import BLOCK, BROKEN, CUT, PLAIN, StreamSplitter, pieces
from protolab.wire.event_lines import first_end
from protolab.wire.event_stream import Parser
from protolab.wire.http1_bodies import BODY, HEAD, LAST_CHUNK

IDLE = 60.0  # seconds of silence after which common proxies cut a connection


def decode(connection: Connection) -> SseConversation:
    """The units of a connection that carries event streams; one recorded `midway` begins inside a stream."""
    return SseConversation(connection)


class Stream:
    """What is known of one event stream before a block of it."""

    def __init__(self, resumed: str | None, framing: str = "close", midway: bool = False) -> None:
        self.parser = Parser(resumed or "", limit=sys.maxsize)  # the very one that clients read with
        self.left = 0 if framing == "chunked" else PLAIN  # of the chunk in which the next block begins
        self.counted = framing == "length"  # so it may be over before the connection is
        self.seeking = midway
        self.first = not midway  # the next block begins the stream
        self.headless = midway  # the next block's beginning was not recorded
        self.known = not midway  # whether the last event id is
        self.ids = Ids(resumed)
        self.at: float | None = None  # when the head, or the block before, came

    def __copy__(self) -> Stream:
        other = object.__new__(Stream)
        other.__dict__.update(self.__dict__)
        other.parser = copy(self.parser)
        return other


class State:
    """What is known of both sides before a unit."""

    def __init__(self, midway: bool) -> None:
        self.asks: deque[heads.Ask] = deque()  # requests that have no answer yet
        self.stream: Stream | None = Stream(None, midway=True) if midway else None
        self.last: heads.Answer | None = None
        self.method = ""  # of the request that `last` answers

    def __copy__(self) -> State:
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        other.asks, other.stream = self.asks.copy(), copy(self.stream)
        return other

    def bodiless(self) -> Rule | None:
        """The rule that a body breaks after the last response, if it does."""
        if self.method == "HEAD":
            return rules.HEAD_WITH_BODY
        return rules.BODY_FORBIDDEN if self.last and self.last.status in (204, 304) else None


class Part(NamedTuple):
    """The context of a unit that is plain HTTP: its kind, and what a head settled."""

    kind: int
    settled: heads.Ask | heads.Answer | None = None
    findings: tuple[Finding, ...] = ()
    value: str | None = None


Context = Part | Block


class SseConversation(Conversation[State, Context]):
    protocol = "sse"

    def __init__(self, connection: Connection) -> None:
        self._http = StreamSplitter(connection.midway)
        super().__init__(connection)

    def scan(self) -> None:
        ended = [self.connection.ended(side) for side in Side]
        self._http.split(self.connection.streams, self.starts, ended)
        self.scanned[:] = self._http.at

    def begin(self) -> State:
        return State(self.connection.midway)

    def advance(self, state: State, place: Place, data: bytes) -> Context:
        side = place.side
        kind = self._http.kind(side, self.starts[side], place.start)
        if kind is None:
            return Part(BODY)
        if kind in (BLOCK, CUT) and state.stream is not None:
            return self._block(state.stream, kind, place, data)
        if kind == HEAD and place.complete:
            return self._head(state, place, data)
        if kind in (LAST_CHUNK, BROKEN) and state.stream is not None:
            stream, state.stream = state.stream, None
            return Part(kind, findings=self._before(stream, place), value=heads.CONNECTING)
        if kind == BODY and side is Side.SERVER and (rule := state.bodiless()):
            return Part(kind, findings=(rule.at(0, len(data), side),))
        return Part(kind)

    def _head(self, state: State, place: Place, data: bytes) -> Part:
        if place.side is Side.CLIENT:
            ask = heads.read_request(data)
            state.asks.append(ask)
            return Part(HEAD, ask)
        asked = state.asks[0] if state.asks else None
        answer = heads.read_response(data, asked)
        if not answer.interim:
            if state.asks:
                state.asks.popleft()
            state.last, state.method = answer, asked.method if asked else ""
            state.stream = None
            if answer.stream and state.method != "HEAD":
                state.stream = Stream(asked.last_event_id if asked else None, answer.framing)
                state.stream.at = place.at
        return Part(HEAD, answer, self._after(state.stream, place) if state.stream else ())

    def _before(self, stream: Stream, place: Place) -> tuple[Finding, ...]:
        """That nothing came for too long before a unit of a stream, or in the middle of it."""
        if stream.at is None or place.at - stream.at <= IDLE:
            return ()
        marks = self.connection.marks[place.side]
        first, last = bisect_right(marks.ends, place.start), bisect_left(marks.ends, place.end)
        idle = max(later - at for at, later in pairwise((stream.at, *marks.times[first : last + 1])))
        return (rules.silence(idle, place, "before this"),) if idle > IDLE else ()

    def _after(self, stream: Stream, place: Place) -> tuple[Finding, ...]:
        """That nothing came for too long after the last unit of a stream, until the connection ended."""
        connection = self.connection
        ends, kept = connection.ends, not connection.dropped[place.side]
        last = ends and kept and not stream.counted and place.end == connection.size(place.side)
        idle = ends[0].at - place.at if last else 0.0
        return (rules.silence(idle, place, "after this, until the connection ended"),) if idle > IDLE else ()

    def _block(self, stream: Stream, kind: int, place: Place, data: bytes) -> Block:
        """Read a block with the clients' own parser, and note what the ids and the clock say."""
        found, left, seeking = pieces(data, stream.left, stream.seeking)
        payload = b"".join([data[piece.start : piece.end] for piece in found if not piece.name])
        block = Block(found, payload, stream.ids, stream.first, stream.headless)
        silence = (*self._before(stream, place), *self._after(stream, place))
        if not place.complete:
            ended = self.connection.ended(place.side)
            return block._replace(cut=ended, inside=ended and 0 < left < PLAIN, silence=silence)
        parser = stream.parser
        events = parser.feed(payload[first_end(payload) if stream.headless else 0 :])
        stream.known = stream.known or bool(parser.last_event_id)
        block = block._replace(
            cut=kind == CUT,
            last=kind == CUT and left == PLAIN,
            event=events[0] if events and not stream.headless else None,
            last_event_id=parser.last_event_id,
            known=stream.known,
            retry=parser.retry,
            silence=silence,
        )
        stream.left, stream.seeking, stream.at = left, seeking, place.at
        stream.first = stream.headless = False
        if events:
            known = Ids() if events[0].type in ANEW else stream.ids
            stream.ids = known.after(parser.last_event_id)
        return block

    def explain(self, place: Place, data: bytes, context: Context) -> Unit:
        if isinstance(context, Block):
            return explain_block(place, data, context)
        findings: tuple[Finding, ...]
        if context.settled is not None:
            field, findings = context.settled.field, context.settled.findings
            name = field.name
        elif context.kind == BROKEN:
            field, findings = http1_bodies.chunk(data, place.side)
            name = "chunk"
        else:
            name, field, findings = http1_bodies.part(context.kind, place.side, data)
        if context.value is not None:
            field = field._replace(value=context.value, note="the stream is over; an EventSource comes back")
        return Unit(self.protocol, name, place, data, field, (*findings, *context.findings), (), entitle)
