"""A Conversation: the units of one connection, both sides, in the order in which they were complete.

What stays in memory is one array of unit starts for each side (8 bytes a unit) and a checkpoint of the decoder's state
every few hundred units; everything else is made when it is looked at. A protocol says three things: where units start
(`scan`), how state moves past a unit (`advance`), and what a unit means given that state (`explain`).
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from protolab.capture import Connection
from protolab.draw import Drawn
from protolab.fields import Side
from protolab.findings import Finding
from protolab.units import Place, Unit, Units

State = TypeVar("State")
Context = TypeVar("Context")
CHECKPOINT_EVERY = 256


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
        """The decoder's state before the first unit; must survive `copy.deepcopy`."""

    @abstractmethod
    def advance(self, state: State, place: Place, data: bytes) -> Context:
        """Move the state past a unit, and return what `explain` needs to know of it."""

    @abstractmethod
    def explain(self, place: Place, data: bytes, context: Context) -> Unit:
        """The unit, explained."""

    # What every conversation does.

    def update(self) -> None:
        """Take in the bytes that came since the last look. Units that were complete do not change."""
        self.scan()
        self._merge()
        tails = []
        for side in Side:
            if self.scanned[side] < (size := self.connection.size(side)):
                at = self.connection.arrival(side, size)[1]
                tails.append(Place(0, side, self.scanned[side], size, at, complete=False))
        tails.sort(key=lambda tail: self.connection.arrival(tail.side, tail.end))
        self._tails = tuple(tail._replace(number=len(self._order) + i) for i, tail in enumerate(tails))

    def _merge(self) -> None:
        """Bring both sides' new units into one order: by the segment that brought each unit's last byte."""
        marks = [self.connection.marks[side] for side in Side]
        position = [bisect_left(marks[side].ends, self._end(side, self._merged[side])) for side in Side]
        while True:
            side, best = None, None
            for candidate in Side:
                if self._merged[candidate] < len(self.starts[candidate]):
                    ends = marks[candidate].ends
                    end = self._end(candidate, self._merged[candidate])
                    while position[candidate] < len(ends) and ends[position[candidate]] < end:
                        position[candidate] += 1
                    turn = marks[candidate].turns[position[candidate]]
                    if best is None or turn < best:
                        side, best = candidate, turn
            if side is None:
                return
            self._order.append(self._merged[side] * 2 + side)
            self._merged[side] += 1

    def _end(self, side: Side, index: int) -> int:
        starts = self.starts[side]
        return starts[index + 1] if index + 1 < len(starts) else self.scanned[side]

    def place(self, number: int) -> Place:
        """Where unit `number` (from 0) stands."""
        if number >= len(self._order):
            return self._tails[number - len(self._order)]
        side, index = Side(self._order[number] & 1), self._order[number] >> 1
        end = self._end(side, index)
        return Place(number, side, self.starts[side][index], end, self.connection.arrival(side, end)[1])

    def _walk(self, first: int, state: State) -> Iterator[tuple[Place, bytes, Context]]:
        for number in range(first, len(self)):
            if number % CHECKPOINT_EVERY == 0 and number // CHECKPOINT_EVERY == len(self._checkpoints):
                self._checkpoints.append(copy.deepcopy(state))
            place = self.place(number)
            data = self.connection.read(place.side, place.start, place.end)
            yield place, data, self.advance(state, place, data)

    def _from(self, number: int) -> Iterator[tuple[Place, bytes, Context]]:
        """The walk from unit `number` on, with the state brought there from the nearest checkpoint."""
        nearest = min(number // CHECKPOINT_EVERY, len(self._checkpoints) - 1)
        if nearest < 0:
            walk = self._walk(0, self.begin())
        else:
            walk = self._walk(nearest * CHECKPOINT_EVERY, copy.deepcopy(self._checkpoints[nearest]))
        return (step for step in walk if step[0].number >= number)

    def __len__(self) -> int:
        return len(self._order) + len(self._tails)

    @overload
    def __getitem__(self, index: int) -> Unit: ...
    @overload
    def __getitem__(self, index: slice) -> Units: ...
    def __getitem__(self, index: int | slice) -> Unit | Units:
        if isinstance(index, slice):
            return Units(self[number] for number in range(*index.indices(len(self))))
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"no unit {index}: this conversation has {len(self)}")
        return self.explain(*next(self._from(number)))

    def __iter__(self) -> Iterator[Unit]:
        return (self.explain(*step) for step in self._from(0))

    def at(self, side: Side, offset: int) -> Unit:
        """The unit that holds byte `offset` of one side's stream."""
        if not 0 <= offset < self.connection.size(side):
            raise IndexError(f"no byte {offset} from the {side}: it said {self.connection.size(side)} bytes")
        if offset >= self.scanned[side]:
            return self[next(tail.number for tail in self._tails if tail.side == side)]
        index = bisect_right(self.starts[side], offset) - 1
        return self[self._order.index(index * 2 + side)]

    @property
    def findings(self) -> list[tuple[Unit, Finding]]:
        """Every broken rule, with the unit it is in."""
        return [(unit, finding) for unit in self for finding in unit.findings]

    def __repr__(self) -> str:
        return f"<{self.protocol} conversation, {len(self)} units>"
