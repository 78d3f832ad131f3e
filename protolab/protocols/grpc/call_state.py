"""The calls of a connection as they stand before a frame, and what one is to its call: what `exchange` and `inbox` share."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

from protolab.fields import Side
from protolab.findings import Rule
from protolab.protocols.grpc import metadata
from protolab.protocols.grpc.connection import State, Step
from protolab.protocols.grpc.peer import Reading
from protolab.protocols.grpc.talks import Piece, Said, Talk
from protolab.wire.hpack import Block

MOST_HEADS = 64  # header blocks that are remembered


class Heads(NamedTuple):
    """What a header block says, by name, and which of its headers break a rule by themselves."""

    block: Block
    said: dict[bytes | None, bytes | None]
    broken: tuple[tuple[Rule, int, int, str], ...]


class GrpcState(State):
    """Both peers, the streams, and the calls on them."""

    def __init__(self, midway: bool) -> None:
        super().__init__(midway)
        self.talks: dict[int, Talk] = {}
        self.memo: dict[tuple[bytes, str], Heads] = {}  # what blocks said that came last; calls repeat their headers

    def heads(self, reading: Reading, kind: str) -> Heads:
        """What a block says. A block that is read once for many frames (`blocks`) is looked at once, too."""
        block = reading.block
        found = self.memo.get((reading.data, kind))
        if found is None or found.block is not block:
            broken = [
                (rule, line[0], line[1], says)
                for line in block.lines
                if line[4] is not None
                for rule, says in metadata.wrong(kind, line[4], line[5])
            ]
            broken += metadata.repeated(block)
            found = Heads(block, dict(block.headers), tuple(broken))
            if len(self.memo) >= MOST_HEADS:
                self.memo.clear()
            self.memo[reading.data, kind] = found
        return found

    def __copy__(self) -> GrpcState:
        other = super().__copy__()
        assert isinstance(other, GrpcState)
        other.talks = {number: copy(talk) for number, talk in self.talks.items()}
        return other


class Turn(NamedTuple):
    """What a frame is to a call. `kind` is "request", "response" or "trailers" for a header block, else "".

    `pieces` are the messages in DATA, and `rest` is where what is not shown of them begins.
    """

    talk: Talk
    kind: str = ""
    pieces: tuple[Piece, ...] = ()
    rest: int = 0
    status: Said | None = None


def moved(talk: Talk, step: Step) -> None:
    if talk.reset is None:
        talk.last, talk.last_at = step.place.number, step.place.at


def end_of(state: GrpcState, talk: Talk, step: Step, side: Side) -> None:
    """END_STREAM of a side."""
    talk.ended[side] = step.place.number
    if talk.ended[1 - side] is not None or talk.reset is not None:
        state.talks.pop(talk.stream, None)
