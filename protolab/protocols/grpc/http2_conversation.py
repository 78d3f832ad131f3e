"""The HTTP/2 layer of a conversation: the client's preface and both sides' frames, with the state that each one moves.

What is said in calls and messages is a layer above, in `decode`, and goes on from each `Step`.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.protocols.grpc import explain, rules, turns
from protolab.protocols.grpc.connection import FRAME, REST, START, State, Step
from protolab.units import Place, Unit
from protolab.wire import http2
from protolab.wire.http2 import HEAD_SIZE, PREFACE


class Http2Conversation(Conversation[State, Step]):
    """The units of an HTTP/2 connection; a unit's lane is its stream."""

    protocol = "grpc"

    def __init__(self, connection: Connection) -> None:
        self._frames: list[int | None] = [None, None]  # where frames begin on each side, once that is known
        self._looked = [0, 0]  # of a side that began midway: how far a frame's beginning was looked for
        super().__init__(connection)

    def scan(self) -> None:
        for side in Side:
            stream = self.connection.streams[side]
            if self._frames[side] is None:
                self._frames[side] = begins = self._beginning(side, stream)
                if begins:
                    self.starts[side].append(0)
                    self.scanned[side] = begins
            if self._frames[side] is not None:
                self.scanned[side] = http2.scan(stream, self.scanned[side], self.starts[side])

    def _beginning(self, side: Side, stream: bytearray) -> int | None:
        """Where the frames of a side begin, or None while that cannot be told. More bytes change no answer."""
        said = bytes(stream[: len(PREFACE)])
        if side is Side.CLIENT and (said == PREFACE or PREFACE.startswith(said)):
            return len(PREFACE) if said == PREFACE else None
        if len(said) < HEAD_SIZE:
            return None
        if http2.plausible(said):
            return 0
        if self.connection.midway:
            return self._next_frame(side, stream)
        if side is Side.SERVER:
            return 0
        return len(PREFACE) if len(said) == len(PREFACE) else None  # a wrong one

    def _next_frame(self, side: Side, stream: bytearray) -> int | None:
        """The first offset where a frame may begin, and after it the next one."""
        self._looked[side], settled = http2.next_frame(stream, self._looked[side])
        return self._looked[side] if settled else None

    def begin(self) -> State:
        return State(self.connection.midway)

    def advance(self, state: State, place: Place, data: bytes) -> Step:
        begins = self._frames[place.side]
        kind = FRAME
        if begins is None or place.start < begins:
            kind = START if place.side is Side.CLIENT and not self.connection.midway else REST
            if place.side is Side.CLIENT and PREFACE.startswith(data):
                kind = START
            if kind is START and begins is None and len(data) < HEAD_SIZE and not PREFACE.startswith(data):
                kind = FRAME  # it may be one without a preface
        step = turns.take(state, place, data, kind)
        if not place.complete and self.connection.ended(place.side):
            step.breaks(rules.CUT_OFF, 0, len(data))
        return step

    def explain(self, place: Place, data: bytes, context: Step) -> Unit:
        return explain.unit(self.protocol, context)

    def steps(self, first: int = 0) -> Iterator[Step]:
        """Every unit from `first` on, judged and not explained: cheaper than units by far."""
        for _, _, step in self._from(first):
            yield step
