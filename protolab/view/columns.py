"""Conversations as columns of bytes: what a widget needs of a hundred thousand units without explaining one of them.

`columns` costs thirteen bytes and some two microseconds a unit and is made at once; kind, lane and marks need each unit
explained, so a `Survey` makes them in pieces, as long as somebody asks.
"""

from __future__ import annotations

import sys
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import chain
from operator import itemgetter, sub
from typing import Any, NamedTuple

from protolab.capture import End
from protolab.conversation import CHECKPOINT_EVERY, Conversation
from protolab.fields import Side
from protolab.units import Unit

Conversations = Sequence[Conversation[Any, Any]]

# The bits of `sides`: whose a row is, and what else is known of it at once.
SERVER, UNFINISHED, END = 1, 2, 4
# The bits of `flags`, which only explaining a unit tells.
FINDINGS, DISCARDS = 1, 2
NO_LANE = -1
Row = tuple[float, int, int, int, int]  # when, owner, number, side bits, size
_WHEN = itemgetter(0)
_KINDS = 255  # the largest index that fits in a byte: kinds past it share that one


class Columns(NamedTuple):
    """One entry for each row, little-endian. A row is a unit or, marked END in `sides`, the end of a side.

    `sides` (uint8), `sizes` in bytes (uint32), `owners`, the index of the row's conversation (uint16; empty when there is
    one only), `numbers`, which unit of its conversation, or which of its ends by time (uint32), and `times` in seconds
    (float64; empty when the captures are logical: then views count steps).
    """

    sides: bytes
    sizes: bytes
    owners: bytes
    numbers: array[int]
    times: bytes


def columns(conversations: Conversations, logical: bool) -> Columns:
    """The rows of several conversations: by time, or, where times mean nothing, one conversation after another."""
    runs = [_steps(owner, conversation) for owner, conversation in enumerate(conversations)]
    rows = list(chain.from_iterable(runs) if logical or len(runs) < 2 else merge(*runs, key=_WHEN))
    times, owners, numbers, sides, sizes = (map(itemgetter(column), rows) for column in range(5))
    return Columns(
        bytes(sides),
        little(array("I", (min(size, 2**32 - 1) for size in sizes))),
        little(array("H", owners)) if len(runs) > 1 else b"",
        array("I", numbers),
        b"" if logical else little(array("d", times)),
    )


def _steps(owner: int, conversation: Conversation[Any, Any]) -> list[Row]:
    """The units of a conversation, and its ends among them by time. No place is made for each: there may be many."""
    order, sizes, times = conversation.order, [], []
    for side in Side:
        starts, marks = conversation.starts[side], conversation.connection.marks[side]
        stops = [*starts[1:], conversation.scanned[side]][: len(starts)]
        sizes.append(list(map(sub, stops, starts)))
        times.append([marks.times[bisect_left(marks.ends, stop)] for stop in stops])
    rows: list[Row] = [
        (times[unit & 1][unit >> 1], owner, number, unit & 1, sizes[unit & 1][unit >> 1])
        for number, unit in enumerate(order)
    ]
    for number, side, start, stop, at, _ in conversation.places(len(order)):
        rows.append((at, owner, number, side | UNFINISHED, stop - start))
    late: list[Row] = [(end.at, owner, index, end.side | END, 0) for index, end in enumerate(ends(conversation))]
    return list(merge(rows, late, key=_WHEN)) if rows and late and late[0][0] < rows[-1][0] else rows + late


def ends(conversation: Conversation[Any, Any]) -> list[End]:
    """The ends of a conversation by time: what `numbers` counts in rows marked END."""
    return sorted(conversation.connection.ends, key=lambda end: end.at)


def little(column: array[Any]) -> bytes:
    """An array's bytes, little-endian: what typed arrays read in every browser there is."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


class Survey:
    """What explaining each unit of a conversation tells: kind, marks and lane, a byte, a byte and four for each unit.

    `kinds` is the list of names that kinds are indexes of, shared by the surveys of one widget; it grows. What was said
    of a complete unit stays when bytes are added.
    """

    def __init__(self, conversation: Conversation[Any, Any], kinds: list[str]) -> None:
        self.conversation = conversation
        self.kinds = kinds
        self.of = (bytearray(), bytearray(), array("i"))  # kind, flags, lane of the complete units so far

    def extend(self, first: int, until: float) -> tuple[int, list[bytes]]:
        """How many units are surveyed from `first` on, and their three columns.

        Goes on from where the last call ended until all are, or until the clock (`time.monotonic`) says `until`.
        """
        complete = sum(map(len, self.conversation.starts))
        while (done := len(self.of[0])) < complete:  # at least one piece, however late it is
            last = min(done - done % CHECKPOINT_EVERY + CHECKPOINT_EVERY, complete)
            self._take(self.of, self.conversation[done:last])
            if time.monotonic() > until:
                break
        kinds, flags, lanes = self.of[0][first:], self.of[1][first:], self.of[2][first:]
        if len(self.of[0]) == complete:  # what is not complete yet may change, so it is not kept
            self._take((kinds, flags, lanes), self.conversation[max(complete, first) :])
        return len(kinds), [bytes(kinds), bytes(flags), little(lanes)]

    def _take(self, of: tuple[bytearray, bytearray, array[int]], units: Iterable[Unit]) -> None:
        kinds, flags, lanes = of
        for unit in units:
            kinds.append(kind_of(unit, self.kinds))
            flags.append(flags_of(unit))
            lanes.append(lane_of(unit))


def kind_of(unit: Unit, kinds: list[str]) -> int:
    """The index of the unit's kind in `kinds`, to which a new one is added; a byte can tell 256 of them apart."""
    if unit.kind not in kinds:
        if len(kinds) > _KINDS:
            return _KINDS
        kinds.append(unit.kind)
    return kinds.index(unit.kind)


def flags_of(unit: Unit) -> int:
    """The unit's marks as bits."""
    return (FINDINGS if unit.findings else 0) | (DISCARDS if unit.discards else 0)


def lane_of(unit: Unit) -> int:
    """The unit's lane, or NO_LANE."""
    return NO_LANE if unit.lane is None else unit.lane
