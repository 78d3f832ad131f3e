"""What a recording is: append-only bytes for each side of each connection, and the marks of when they came.

A capture is written by one thread (the tap's) and may be read by any other at the same time, without a lock: bytes
are only ever appended, a segment is published (`turns` goes up) after all that belongs to it is in place, and readers
copy what they look at. A reader that needs both sides as of one moment asks for `sizes()`.
"""

from __future__ import annotations

import os
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from protolab.draw import Drawn
from protolab.fields import Side

# The bounds of a capture. From the first one reached nothing more is kept: the rest is counted, not stored.
DEFAULT_LIMIT = 64 * 2**20  # bytes of payload
MOST_SEGMENTS = 2**20  # each costs 24 bytes besides its payload
MOST_CONNECTIONS = 10_000  # each costs about 2 kB before it says a word


class Segment(NamedTuple):
    """One read of the tap: when (seconds since the capture began), whose, and which bytes of that side's stream."""

    at: float
    side: Side
    offset: int
    length: int


class End(NamedTuple):
    """How a side stopped talking: "FIN" (it said all it had to say) or "RST" (it broke off).

    `turn` is how many segments of the connection came before it: the order, where two times are equal.
    """

    at: float
    side: Side
    how: str
    turn: int


class Marks:
    """When the bytes of one side came: for each segment its end offset, its time, and its turn among both sides'."""

    __slots__ = ("ends", "times", "turns")

    def __init__(self) -> None:
        self.ends = array("Q")
        self.times = array("d")
        self.turns = array("Q")


class Connection(Drawn):
    """One TCP connection: two byte streams, the segments that made them, and how each side ended.

    `client` and `server` are the addresses as text ("127.0.0.1:53122"); `at` is when it was opened. `midway` is True
    when the recording began after the connection did, so the first byte kept is not the first byte said. `dropped`
    counts, for each side, bytes that came after the capture was full: always the end of a stream, never a hole in it.
    `turns` counts the segments of both sides.
    """

    def __init__(
        self, capture: Capture, number: int, client: str, server: str, *, midway: bool = False, at: float = 0.0
    ) -> None:
        self.capture = capture
        self.number = number
        self.client = client
        self.server = server
        self.midway = midway
        self.at = at
        self.streams = [bytearray(), bytearray()]
        self.marks = (Marks(), Marks())
        self.ends: list[End] = []
        self.dropped = [0, 0]
        self.turns = 0

    def add(self, side: Side, data: bytes, at: float | None = None) -> bool:
        """Append what a side said; `at` defaults to now. False when some of it was not kept."""
        capture = self.capture
        whole = True
        if capture.full or len(data) > capture.limit - capture.size or capture.segments == MOST_SEGMENTS:
            whole, data = False, self._drop(side, data)
        if not data:
            return whole
        stream, marks = self.streams[side], self.marks[side]
        # Marks first, so that no reader finds a byte without them; `turns` last, so that what it counts is all there.
        marks.times.append(time.monotonic() - capture.began if at is None else at)
        marks.turns.append(self.turns)
        marks.ends.append(len(stream) + len(data))
        try:
            stream += data
        except BufferError:  # a reader in another thread holds a view of it: leave it that one, and go on with a copy
            self.streams[side] = stream + data
        capture.size += len(data)
        capture.segments += 1
        self.turns += 1
        return whole

    def _drop(self, side: Side, data: bytes) -> bytes:
        """Mark the capture full, count what does not fit, and return what does."""
        capture = self.capture
        room = 0 if capture.full or capture.segments == MOST_SEGMENTS else capture.limit - capture.size
        capture.full = True
        kept = data[: max(room, 0)]
        self.dropped[side] += len(data) - len(kept)
        capture.dropped += len(data) - len(kept)
        return kept

    def end(self, side: Side, how: str, at: float | None = None) -> None:
        """Note that a side stopped talking, by "FIN" or "RST"."""
        self.ends.append(End(self.capture.now() if at is None else at, side, how, self.turns))

    def ended(self, side: Side) -> bool:
        """Whether that side stopped talking: nothing more will come from it."""
        return any(end.side is side for end in self.ends)

    def size(self, side: Side) -> int:
        """How many bytes of that side are kept."""
        return len(self.streams[side])

    def sizes(self) -> tuple[int, int]:
        """How many bytes of each side are kept, as of one moment: no segment is in that came after one that is not."""
        turns = self.turns
        counts = [bisect_left(self.marks[side].turns, turns) for side in Side]
        client, server = (self.marks[side].ends[counts[side] - 1] if counts[side] else 0 for side in Side)
        return client, server

    def read(self, side: Side, start: int = 0, end: int | None = None) -> bytes:
        """A copy of that side's bytes [start, end)."""
        # The slice is one step under the interpreter's lock. A memoryview would keep the tap from appending.
        return bytes(self.streams[side][start:end])

    def arrival(self, side: Side, end: int) -> tuple[int, float]:
        """The turn and the time of the segment that brought the byte before offset `end`; IndexError if none did."""
        marks = self.marks[side]
        index = bisect_left(marks.ends, end)
        return marks.turns[index], marks.times[index]

    @property
    def segments(self) -> Iterator[Segment]:
        """Every segment of both sides that there is now, in the order in which they came."""
        position, offsets = [0, 0], [0, 0]
        client = self.marks[Side.CLIENT]
        for turn in range(self.turns):  # each turn is one side's
            first = position[Side.CLIENT]
            side = Side.CLIENT if first < len(client.turns) and client.turns[first] == turn else Side.SERVER
            marks, index, offset = self.marks[side], position[side], offsets[side]
            offsets[side], position[side] = marks.ends[index], index + 1
            yield Segment(marks.times[index], side, offset, marks.ends[index] - offset)

    @property
    def events(self) -> Iterator[Segment | End]:
        """The segments and the ends that there are now, in their order."""
        ends = list(self.ends)
        for turn, segment in enumerate(self.segments):
            while ends and ends[0].turn <= turn:
                yield ends.pop(0)
            yield segment
        yield from ends

    def __repr__(self) -> str:
        client, server = self.sizes()
        return f"<connection {self.number}: {client} bytes from client, {server} from server>"


class Capture(Drawn):
    """A recording of one or more connections, in the order in which they were opened.

    It keeps at most `limit` bytes of what was said, and a bounded number of segments and connections. At the first
    bound reached it is `full` for good: the tap goes on relaying, `dropped` counts the bytes and `missed` the
    connections that were not kept, and every view says so aloud.
    """

    def __init__(self, name: str = "capture", limit: int = DEFAULT_LIMIT) -> None:
        self.name = name
        self.limit = limit
        self.connections: list[Connection] = []
        self.size = 0  # bytes kept
        self.segments = 0  # segments kept
        self.full = False
        self.dropped = 0  # bytes that came after it was full
        self.missed = 0  # connections that came after there were too many
        self.logical = False  # views show logical times instead of measured ones
        self.began = time.monotonic()

    def now(self) -> float:
        """Seconds since the capture began, on a clock that never goes back."""
        return time.monotonic() - self.began

    def connect(
        self, client: str = "", server: str = "", *, midway: bool = False, at: float | None = None
    ) -> Connection:
        """Begin to record one more connection. When there are too many it is counted, and what it says is dropped."""
        number = len(self.connections) + self.missed + 1
        opened = self.now() if at is None else at
        connection = Connection(self, number, client, server, midway=midway, at=opened)
        if len(self.connections) < MOST_CONNECTIONS:
            self.connections.append(connection)
        else:
            self.full = True
            self.missed += 1
        return connection

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file: pcapng when the name ends in .pcapng, else JSON lines that `Capture.load` reads."""
        from protolab.capture import files

        files.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Capture:
        """The capture in a file of JSON lines; LabError says which line is wrong, and what to do."""
        from protolab.capture import files

        return files.load(path)

    def __len__(self) -> int:
        return len(self.connections)

    def __getitem__(self, index: int) -> Connection:
        return self.connections[index]

    def __repr__(self) -> str:
        return f"<capture {self.name}: {len(self.connections)} connections, {self.size} bytes>"
