"""A Conversation: the units of one connection, both sides, in the order in which they were complete.

What stays in memory is one array of unit starts for each side (8 bytes a unit) and a checkpoint of the decoder's state
every few hundred units; everything else is made when it is looked at. A protocol says three things: where units start
(`scan`), how state moves past a unit (`advance`), and what a unit means given that state (`explain`).
"""

from __future__ import annotations

import copy
import itertools
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar, overload

from protolab.capture import Connection
from protolab.draw import Drawn
from protolab.fields import CLIENT, SERVER, Side
from protolab.findings import Finding
from protolab.units import Place, Unit, Units

State = TypeVar("State")
Context = TypeVar("Context")
CHECKPOINT_EVERY = 256  # units
SCANS = 100  # of both sides, until none is overtaken: what comes meanwhile may answer what the other side said unseen
MERGED_AHEAD = 4096  # units brought into order at a time

_new = tuple.__new__  # NamedTuple without its keyword handling, for the line that runs for every unit


class Conversation(Drawn, Sequence[Unit], ABC, Generic[State, Context]):
    """The units of one connection as a sequence: index it, slice it, walk it; call `update` when bytes were added."""

    protocol = ""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.starts = (array("Q"), array("Q"))  # where each complete unit starts, for each side
        self.scanned = [0, 0]  # where the complete units of each side end
        self._order = array("Q")  # unit index * 2 + side, in the order of arrival
        self._merged = [0, 0]  # how many of each side's units are in _order
        self._checkpoints: list[State] = []
        self._tails: tuple[Place, ...] = ()
        self.update()

    # What a protocol says.

    @abstractmethod
    def scan(self) -> None:
        """Append to `starts` and move `scanned` past every unit that is complete now; called again when bytes were added.

        Units of a side follow each other without gaps: a unit ends where the next one starts, the last at `scanned`.
        """

    @abstractmethod
    def begin(self) -> State:
        """The decoder's state before the first unit; `copy.copy` must give one of its own."""

    @abstractmethod
    def advance(self, state: State, place: Place, data: bytes) -> Context:
        """Move the state past a unit, and return what `explain` needs to know of it."""

    @abstractmethod
    def explain(self, place: Place, data: bytes, context: Context) -> Unit:
        """The unit, explained."""

    # What every conversation does.

    def update(self) -> None:
        """Take in the bytes that came since the last look. Units that were complete do not change."""
        for _ in range(SCANS):
            turns = self.connection.turns
            self.scan()
            if turns == self.connection.turns:
                break
        tails = []
        for side in Side:
            if self.scanned[side] < (size := self.connection.size(side)):
                turn, at = self.connection.arrival(side, size)
                tails.append((turn, Place(0, side, self.scanned[side], size, at, complete=False)))
        complete = sum(map(len, self.starts))
        self._tails = tuple(tail._replace(number=complete + i) for i, (_, tail) in enumerate(sorted(tails)))

    def _merge(self, until: int) -> None:
        """Bring both sides' units into one order, by the segment that brought each unit's last byte, up to unit `until`."""
        marks = self.connection.marks
        position = [bisect_left(marks[side].ends, self._end(side, self._merged[side])) for side in Side]

        def turn(side: Side) -> int | None:
            """The turn of the segment that completes this side's next unit."""
            if self._merged[side] == len(self.starts[side]):
                return None
            ends, end = marks[side].ends, self._end(side, self._merged[side])
            while ends[position[side]] < end:
                position[side] += 1
            return marks[side].turns[position[side]]

        turns = [turn(side) for side in Side]
        while len(self._order) <= until:
            client, server = turns
            if client is None and server is None:
                return
            side = SERVER if client is None or (server is not None and server < client) else CLIENT
            if turns[1 - side] is None:  # nobody to wait for
                self._order.extend(range(self._merged[side] * 2 + side, len(self.starts[side]) * 2, 2))
                self._merged[side] = len(self.starts[side])
                return
            self._order.append(self._merged[side] * 2 + side)
            self._merged[side] += 1
            turns[side] = turn(side)

    def _end(self, side: Side, index: int) -> int:
        starts = self.starts[side]
        return starts[index + 1] if index + 1 < len(starts) else self.scanned[side]

    def place(self, number: int) -> Place:
        """Where unit `number` (from 0) stands."""
        return next(self.places(number))

    def _spans(self, first: int) -> Iterator[tuple[int, Side, int, int]]:
        """Number, side, start and end of the complete units from unit `first` on."""
        complete = len(self.starts[0]) + len(self.starts[1])
        if first >= complete:
            return
        self._merge(first)
        side, index = Side(self._order[first] & 1), self._order[first] >> 1
        indexes = [index, first - index] if side is CLIENT else [first - index, index]
        # The loop runs for every unit of a long capture, so what it does is left to C as far as that goes.
        client, server = (
            zip(
                self.starts[side][index:],
                itertools.chain(self.starts[side][index + 1 :], [self.scanned[side]]),
                strict=False,
            )
            for side, index in zip(Side, indexes, strict=True)
        )
        order = self._order
        for number in range(first, complete):
            if number >= len(order):
                self._merge(number + MERGED_AHEAD)
            if order[number] & 1:
                yield number, SERVER, *next(server)
            else:
                yield number, CLIENT, *next(client)

    @property
    def order(self) -> array[int]:
        """The complete units in their order, each as its index among its side's units * 2 + side; not to be changed."""
        self._merge(len(self))
        return self._order

    def places(self, first: int = 0) -> Iterator[Place]:
        """The places from unit `first` on; no unit is explained for them."""
        marks, seen = self.connection.marks, [0, 0]
        for number, side, start, end in self._spans(first):
            seen[side] = mark = bisect_left(marks[side].ends, end, seen[side])
            yield _new(Place, (number, side, start, end, marks[side].times[mark], True))
        yield from self._tails[max(first - len(self) + len(self._tails), 0) :]

    def _walk(self, first: int, state: State) -> Iterator[tuple[Place, bytes, Context]]:
        # From the start everything will be looked at, so one copy of each stream is cheaper than one for each unit.
        streams = [bytes(stream) for stream in self.connection.streams] if first == 0 else self.connection.streams
        advance, checkpoints = self.advance, self._checkpoints
        for place in self.places(first):
            number, side, start, end, _, _ = place
            if number % CHECKPOINT_EVERY == 0 and number // CHECKPOINT_EVERY == len(checkpoints):
                checkpoints.append(copy.copy(state))
            data = streams[side][start:end]
            if data.__class__ is not bytes:
                data = bytes(data)
            yield place, data, advance(state, place, data)

    def _from(self, number: int) -> Iterator[tuple[Place, bytes, Context]]:
        """The walk from unit `number` on, with the state brought there from the nearest checkpoint."""
        nearest = min(number // CHECKPOINT_EVERY, len(self._checkpoints) - 1)
        state = copy.copy(self._checkpoints[nearest]) if nearest >= 0 else self.begin()
        first = max(nearest, 0) * CHECKPOINT_EVERY
        return itertools.islice(self._walk(first, state), number - first, None)

    def __len__(self) -> int:
        return len(self.starts[0]) + len(self.starts[1]) + len(self._tails)

    @overload
    def __getitem__(self, index: int) -> Unit: ...
    @overload
    def __getitem__(self, index: slice) -> Units: ...
    def __getitem__(self, index: int | slice) -> Unit | Units:
        if isinstance(index, slice):
            first, last, stride = index.indices(len(self))
            if stride < 1:
                return Units(self[number] for number in range(first, last, stride))
            return Units(
                self.explain(*step) for step in itertools.islice(self._from(first), 0, max(last - first, 0), stride)
            )
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"no unit {index}: this conversation has {len(self)}")
        return self.explain(*next(self._from(number)))

    def __iter__(self) -> Iterator[Unit]:
        return itertools.starmap(self.explain, self._from(0))

    def at(self, side: Side, offset: int) -> Unit:
        """The unit that holds byte `offset` of one side's stream."""
        if not 0 <= offset < self.connection.size(side):
            raise IndexError(f"no byte {offset} from the {side}: it said {self.connection.size(side)} bytes")
        if offset >= self.scanned[side]:
            return self[next(tail.number for tail in self._tails if tail.side == side)]
        index = bisect_right(self.starts[side], offset) - 1
        self._merge(len(self))
        return self[self._order.index(index * 2 + side)]

    @property
    def findings(self) -> list[tuple[Unit, Finding]]:
        """Every broken rule, with the unit it is in."""
        return [(unit, finding) for unit in self for finding in unit.findings]

    def __repr__(self) -> str:
        return f"<{self.protocol} conversation, {len(self)} units>"
