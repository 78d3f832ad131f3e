"""An HTTP/2 connection as it stands before a frame: both peers, and the streams that are open or were.

Both peers are followed from where the bytes passed: what a side sends is judged by what that side itself did before, since
what the other did may not have reached it yet.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from protolab.fields import CLIENT, SERVER
from protolab.findings import Discard, Finding, Rule
from protolab.protocols.grpc import rules
from protolab.protocols.grpc.peer import Moved, Pairs, Peer, Reading
from protolab.protocols.grpc.states import CLOSED, NAMES, OPEN
from protolab.protocols.grpc.streams import ENDED, MOST_CLOSED, MOST_STREAMS, RESET, UNKNOWN, Stream, moved, pair
from protolab.units import Place
from protolab.wire import http2
from protolab.wire.hpack_table import EMPTY, Table
from protolab.wire.http2 import Head

FRAME, START, REST = "frame", "preface", "rest of a frame"  # kinds of units
_STREAM_ID = (5, 9)
_CLOSED = (CLOSED, CLOSED)
_NO_TABLES = (EMPTY, EMPTY)
_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every frame


class Step:
    """One unit and what it did: the context that it is explained from, and that a layer above goes on from.

    `head` is None where there is no frame's header. `reading` is the header block that the frame completes, `stream` its
    stream after it, `moves` the windows that it moved, `tables` the header tables of client and server after it, `applied`
    the settings that it puts in force, `answers` the number of the unit that it acknowledges, `opened` the stream that it
    opens, or 0, `lost` why its header block cannot be read. `turn` is left to the layer above: what the frame is to a call.
    """

    # What most units do not do is said once, here, and not for every unit.
    findings: tuple[Finding, ...] = ()
    discards: tuple[Discard, ...] = ()
    reading: Reading | None = None
    stream: Stream | None = None
    moves: tuple[Moved, ...] = ()
    applied: Pairs = ()
    answers: int | None = None
    opened = 0
    lost = ""
    turn: Any = None

    def __init__(self, kind: str, place: Place, data: bytes, head: Head | None) -> None:
        self.kind = kind
        self.place = place
        self.data = data
        self.head = head
        self.tables: tuple[Table, Table] = _NO_TABLES

    @property
    def headers(self) -> list[tuple[bytes | None, bytes | None]]:
        """The header list that the frame completes: name and value of each, None for what is not known; else nothing."""
        return self.reading.headers if self.reading is not None else []

    @property
    def content(self) -> bytes:
        """What a frame carries between its padding: of DATA, its part of the stream's bytes."""
        if self.head is None:
            return b""
        start, end = http2.content(self.data, self.head)
        return self.data[start:end]

    def breaks(self, rule: Rule, start: int, end: int, says: str = "") -> None:
        """A rule that the unit breaks at its bytes [start, end), as far as they are there."""
        size = len(self.data)
        start = min(start, size - 1)
        self.findings += (rule.at(start, max(min(end, size), start + 1), self.place.side, says),)

    def discard(self, why: str, section: str) -> None:
        """The whole unit is ignored by who receives it."""
        self.discards += (Discard(0, len(self.data), why, f"RFC 9113 section {section}"),)


class State:
    """Both peers, the open streams, and what is remembered of closed ones. Streams never change, so a copy is cheap."""

    def __init__(self, midway: bool) -> None:
        self.midway = midway
        self.peers = (Peer(CLIENT, midway), Peer(SERVER, midway))
        self.streams: dict[int, Stream] = {}
        self.closed: dict[int, Stream] = {}  # the last ones that closed
        self.forgotten = 0  # the highest of those that closed before them

    def __copy__(self) -> State:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        client, server = self.peers
        other.peers = (copy(client), copy(server))
        other.streams, other.closed = dict(self.streams), dict(self.closed)
        return other

    @property
    def tables(self) -> tuple[Table, Table]:
        return (self.peers[0].decoder.table, self.peers[1].decoder.table)

    def opener(self, stream: int) -> Peer:
        """Who opens a stream of that number (section 5.1.1)."""
        return self.peers[CLIENT if stream % 2 else SERVER]

    def find(self, step: Step, head: Head, opening: bool = False) -> Stream | None:
        """The stream that a frame is on, or None; findings where its sender may not send that there.

        `opening` says that the frame may open it, so it is no finding that nobody has.
        """
        number, side = head.stream, step.place.side
        stream = self.streams.get(number)
        if stream is None:
            stream = self.closed.get(number)
            if stream is None:
                return self._unknown(step, head, opening)
            if not stream.stopped[side]:  # only the other side ended it, which may not have arrived yet
                if stream.stopped[1 - side] & RESET:  # else it is followed no more, since too many are open
                    step.discard(f"stream {number} was reset before this arrived", "5.1")
                return None
        stopped = stream.stopped[side]
        if stopped & RESET and head.type == http2.RST_STREAM:  # what answers frames that come later than that
            step.discard(f"the {side} has reset stream {number} before", "5.4.2")
            return None
        if stopped & RESET or (stopped & ENDED and head.type in (http2.DATA, http2.HEADERS, http2.PUSH_PROMISE)):
            how = "reset" if stopped & RESET else "ended"
            step.breaks(rules.ENDED, *_STREAM_ID, f"the {side} has {how} stream {number} before")
            return None
        return stream if number in self.streams else None

    def _unknown(self, step: Step, head: Head, opening: bool) -> Stream | None:
        """A stream that is neither open nor remembered as closed."""
        number, opener = head.stream, self.opener(head.stream)
        if self.midway:
            if opening and number > opener.last and step.place.side is opener.side:
                return None
            # It may be one that was open before the recording began, or has closed since: nothing can be said of it.
            stream = Stream((OPEN, OPEN), said=(UNKNOWN, UNKNOWN))
            return self.put(number, stream)
        if number > opener.last:
            if not opening or step.place.side is SERVER:
                step.breaks(rules.IDLE, *_STREAM_ID, f"nobody has opened stream {number}")
            return None
        if number > self.forgotten:
            says = f"stream {number} was never opened, and cannot be any more: {opener.last} was"
            step.breaks(rules.ORDER if opening else rules.ENDED, *_STREAM_ID, says)
        elif opening and step.place.side is opener.side:
            step.breaks(rules.ENDED, *_STREAM_ID, f"stream {number} was closed long before")
        else:  # how is forgotten, so whether this was on its way then
            step.discard(f"stream {number} was closed long before, or is older than those that are followed", "5.1")
        return None

    def put(self, number: int, stream: Stream) -> Stream:
        """Keep a stream as it is now: among the open ones, or among those that closed."""
        if stream[0] != _CLOSED:
            if number not in self.streams:
                if len(self.streams) >= MOST_STREAMS:
                    self._close(next(iter(self.streams)))
                self.opener(number).open += 1
            self.streams[number] = stream
        elif number in self.streams:
            self.streams[number] = stream
            self._close(number)
        return stream

    def _close(self, number: int) -> None:
        self.opener(number).open -= 1
        self.closed[number] = self.streams.pop(number)
        if len(self.closed) > MOST_CLOSED:
            oldest = next(iter(self.closed))
            del self.closed[oldest]
            self.forgotten = max(self.forgotten, oldest)

    def move(self, step: Step, head: Head, stream: Stream, end: bool = False) -> Stream:
        """The stream after a frame on it has moved both peers' states; `end` is END_STREAM. It is kept, too."""
        side, type = step.place.side, head.type
        states, windows, stopped, said, announced, sent = stream
        after = moved(states, side, NAMES[type], end)
        if end:
            stopped = pair(stopped, side, stopped[side] | ENDED)
        elif type == http2.RST_STREAM:
            stopped = pair(stopped, side, stopped[side] | RESET)
        step.stream = stream = _new(Stream, (after, windows, stopped, said, announced, sent))
        return self.put(head.stream, stream)
