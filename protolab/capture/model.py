"""What a recording is: append-only bytes for each side of each connection, and the marks of when they came.

A capture is written by one thread (the tap's) and may be read by any other at the same time: bytes are only ever appended,
and readers copy what they look at, so no lock is needed under the interpreter's own.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from protolab.draw import Drawn
from protolab.fields import Side

DEFAULT_LIMIT = 64 * 2**20  # bytes of payload that a capture keeps; what comes after is counted, not kept


class Segment(NamedTuple):
    """One read of the tap: when (seconds since the capture began), whose, and which bytes of that side's stream."""

    at: float
    side: Side
    offset: int
    length: int


class End(NamedTuple):
    """How a side stopped talking: "FIN" (it said all it had to say) or "RST" (it broke off)."""

    at: float
    side: Side
    how: str


class Marks:
    """When the bytes of one side came: for each segment its end offset, its time, and its turn among both sides'."""

    __slots__ = ("ends", "times", "turns")

    def __init__(self) -> None:
        self.ends = array("Q")
        self.times = array("d")
        self.turns = array("Q")


class Connection(Drawn):
    """One TCP connection: two byte streams, the segments that made them, and how each side ended.

    `client` and `server` are the addresses as text. `midway` is True when the recording began after the connection did, so
    the first byte kept is not the first byte said. `dropped` counts, for each side, bytes that came after the limit.
    """

    def __init__(
        self, capture: Capture, number: int, client: str = "", server: str = "", *, midway: bool = False
    ) -> None:
        self.capture = capture
        self.number = number
        self.client = client
        self.server = server
        self.midway = midway
        self.streams = (bytearray(), bytearray())
        self.marks = (Marks(), Marks())
        self.ends: list[End] = []
        self.dropped = [0, 0]
        self._turn = 0

    def add(self, side: Side, data: bytes, at: float | None = None) -> None:
        """Append what a side said; `at` defaults to now. Past the capture's limit, bytes are counted and not kept."""
        room = self.capture.limit - self.capture.size
        if self.dropped[side] or len(data) > room:  # once a stream has a hole, nothing after it may be kept
            kept = b"" if self.dropped[side] else data[: max(room, 0)]
            self.dropped[side] += len(data) - len(kept)
            data = kept
        if not data:
            return
        stream, marks = self.streams[side], self.marks[side]
        stream += data
        self.capture.size += len(data)
        marks.times.append(self.capture.now() if at is None else at)
        marks.turns.append(self._turn)
        self._turn += 1
        marks.ends.append(len(stream))  # last: readers look here to know how much there is

    def end(self, side: Side, how: str, at: float | None = None) -> None:
        """Note that a side stopped talking, by "FIN" or "RST"."""
        self.ends.append(End(self.capture.now() if at is None else at, side, how))

    def size(self, side: Side) -> int:
        """How many bytes of that side are kept."""
        ends = self.marks[side].ends
        return ends[-1] if ends else 0

    def read(self, side: Side, start: int = 0, end: int | None = None) -> bytes:
        """A copy of that side's bytes [start, end)."""
        return bytes(self.streams[side][start:end])

    def arrival(self, side: Side, end: int) -> tuple[int, float]:
        """The turn and the time of the segment that brought the byte before stream offset `end`."""
        marks = self.marks[side]
        index = bisect_left(marks.ends, end)
        return marks.turns[index], marks.times[index]

    @property
    def segments(self) -> Iterator[Segment]:
        """Every segment of both sides, in the order in which they came."""
        position, offsets = [0, 0], [0, 0]
        while True:
            sides = [side for side in Side if position[side] < len(self.marks[side].ends)]
            if not sides:
                return
            side = min(sides, key=lambda side: self.marks[side].turns[position[side]])
            marks, index = self.marks[side], position[side]
            yield Segment(marks.times[index], side, offsets[side], marks.ends[index] - offsets[side])
            offsets[side], position[side] = marks.ends[index], index + 1

    def __repr__(self) -> str:
        return f"<connection {self.number}: {self.size(Side.CLIENT)} bytes from client, {self.size(Side.SERVER)} from server>"


class Capture(Drawn):
    """A recording of one or more connections, in the order in which they were opened.

    It keeps at most `limit` bytes of what was said. When that is reached the tap goes on relaying, each connection counts
    what it dropped, and every view says so aloud.
    """

    def __init__(self, name: str = "capture", limit: int = DEFAULT_LIMIT) -> None:
        self.name = name
        self.limit = limit
        self.connections: list[Connection] = []
        self.size = 0
        self.logical = False
        self._began = time.monotonic()

    def now(self) -> float:
        """Seconds since the capture began, on a clock that never goes back."""
        return time.monotonic() - self._began

    def connect(self, client: str = "", server: str = "", *, midway: bool = False) -> Connection:
        """Begin to record one more connection."""
        connection = Connection(self, len(self.connections) + 1, client, server, midway=midway)
        self.connections.append(connection)
        return connection

    @property
    def dropped(self) -> int:
        """How many bytes came after the limit was reached and were not kept."""
        return sum(sum(connection.dropped) for connection in self.connections)

    def __len__(self) -> int:
        return len(self.connections)

    def __getitem__(self, index: int) -> Connection:
        return self.connections[index]

    def __repr__(self) -> str:
        return f"<capture {self.name}: {len(self.connections)} connections, {self.size} bytes>"
