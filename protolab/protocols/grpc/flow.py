"""Flow control as data: every window that a frame moved, and who stood before a closed one (RFC 9113 section 6.9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protolab.fields import Side
from protolab.protocols.grpc.connection import Step
from protolab.protocols.grpc.http2_conversation import Http2Conversation
from protolab.wire import http2


class Window(NamedTuple):
    """A window that unit `unit` moved at `at`: what `side` may still send on a stream, or on the connection (stream 0).

    `by` is what moved it: the name of a frame's type. `before` is None where the window is new with this stream.
    """

    unit: int
    at: float
    stream: int
    side: Side
    before: int | None
    after: int
    by: str


class Blocked(NamedTuple):
    """A side that could send nothing on a stream: from unit `since` to unit `until`, None when it was never freed.

    `window` is what was used up: "connection", "stream" or "both". `freed_by` names the frame that gave room again, or ended
    the stream. `proven` says that it had more to say, for it went on once it could.
    """

    side: Side
    stream: int
    window: str
    since: int
    since_at: float
    until: int | None
    until_at: float | None
    freed_by: str
    proven: bool

    @property
    def seconds(self) -> float | None:
        """How long it lasted; None when it was never freed."""
        return None if self.until_at is None else self.until_at - self.since_at


def windows(conversation: Http2Conversation) -> Iterator[Window]:
    """Every move of a window, in order: also each stream's two, when it opens."""
    for step in conversation.steps():
        yield from _moved(step)


def _moved(step: Step) -> Iterator[Window]:
    head, (number, _, _, _, at, _) = step.head, step.place
    if head is None:
        return
    by = head.name + (" ACK" if step.applied else "")
    if step.opened and step.stream is not None:
        for side in Side:
            if (room := step.stream.windows[side]) is not None:
                used = sum(move.before - move.after for move in step.moves if move[:2] == (step.opened, side))
                yield Window(number, at, step.opened, side, None, room + used, by)
    for stream, side, before, after in step.moves:
        yield Window(number, at, stream, side, before, after, by)


def blocked(conversation: Http2Conversation) -> list[Blocked]:
    """Who was blocked, on which stream, by which window, from when to when, and what freed it; in the order in which it began.

    A side counts as blocked on a stream when DATA leaves no room there and it has not ended the stream, and on every other
    stream of its when the connection's window is used up; the latter only where it turns out that it had more to say.
    """
    sides = [_Watch(side) for side in Side]
    for step in conversation.steps():
        head = step.head
        if head is None or not step.place.complete:
            continue
        for window in _moved(step):
            sides[window.side].move(window)
        if head.stream:
            sides[step.place.side].spoke(step)
            if head.type == http2.RST_STREAM:
                sides[1 - step.place.side].reset(step, head.stream)
        for side in sides:
            side.free(step, f"{head.name} ACK" if step.applied else head.name)
    found = [each for side in sides for each in side.rest()]
    return sorted(found, key=lambda each: (each.since, each.stream))


class _Watch:
    """What one side may send, where it has no room now, and where it got room but has not yet gone on."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.room: dict[int, int] = {}  # of each stream it may still send on; of the connection under 0
        self.shut: dict[int, tuple[Blocked, bool]] = {}  # by stream; and whether this stream's own DATA shut it
        self.freed: dict[int, list[tuple[Blocked, bool]]] = {}
        self.found: list[Blocked] = []

    def move(self, window: Window) -> None:
        if window.before is None or window.stream == 0 or window.stream in self.room:
            self.room[window.stream] = window.after

    def spoke(self, step: Step) -> None:
        """A frame of this side on a stream: it may prove that it was blocked, it may end the stream, it may shut a window."""
        head = step.head
        assert head is not None
        number, more = head.stream, head.type == http2.DATA and head.length > 0
        if head.type in (http2.DATA, http2.HEADERS, http2.RST_STREAM):
            for was, own in self.freed.pop(number, ()):
                if more or (own and head.type == http2.RST_STREAM):
                    self.found.append(was._replace(proven=more))
        ended = head.type == http2.RST_STREAM or (
            head.type in (http2.DATA, http2.HEADERS) and head.flags & http2.END_STREAM
        )
        if ended:
            self.room.pop(number, None)
            shut = self.shut.pop(number, None)
            if shut is not None and shut[1] and head.type == http2.RST_STREAM:
                self.found.append(_until(shut[0], step, head.name))
            return
        if head.type not in (http2.DATA, http2.HEADERS) or number not in self.room:
            return
        if self.room.get(0, 1) <= 0:
            for stream in self.room:
                if stream:
                    self._shut(step, stream, own=more and stream == number)
        elif more and self.room[number] <= 0:
            self._shut(step, number, own=True)

    def _shut(self, step: Step, stream: int, own: bool) -> None:
        if stream in self.shut:
            return
        connection, mine = self.room.get(0, 1) <= 0, self.room[stream] <= 0
        window = "both" if connection and mine else "connection" if connection else "stream"
        since = Blocked(self.side, stream, window, step.place.number, step.place.at, None, None, "", False)
        self.shut[stream] = (since, own)

    def free(self, step: Step, by: str) -> None:
        """Whatever has room again was freed by this unit."""
        if not self.shut or self.room.get(0, 1) <= 0:
            return
        for stream in [each for each in self.shut if self.room.get(each, 1) > 0]:
            was, own = self.shut.pop(stream)
            if was.since != step.place.number:
                self.freed.setdefault(stream, []).append((_until(was, step, by), own))

    def reset(self, step: Step, number: int) -> None:
        """The other side has reset a stream: nothing can be said there any more."""
        self.room.pop(number, None)
        for was, own in self.freed.pop(number, ()):
            if own:
                self.found.append(was)
        shut = self.shut.pop(number, None)
        if shut is not None and shut[1]:
            self.found.append(_until(shut[0], step, "RST_STREAM"))

    def rest(self) -> list[Blocked]:
        """Everything found, with what was not settled when the recording ended."""
        left = [was for pairs in self.freed.values() for was, own in pairs if own]
        return [*self.found, *left, *(was for was, own in self.shut.values() if own)]


def _until(was: Blocked, step: Step, by: str) -> Blocked:
    return was._replace(until=step.place.number, until_at=step.place.at, freed_by=by)
