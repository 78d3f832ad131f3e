"""Event streams, WHATWG HTML section 9.2.5 and 9.2.6: from bytes to events, exactly as a browser reads them.

`parse` and `Parser` make events of chunks of bytes, however they are cut. What each byte of a stream is for is told by
`event_lines`, and where blocks end in a captured connection by `event_blocks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from protolab.errors import LabError

BOM = b"\xef\xbb\xbf"
LIMIT = 16 * 2**20  # of one line in bytes, and of the data of one event in characters; past it the parser gives up
LONGEST_WAIT = 2**31 - 1  # milliseconds of reconnection time: what the timers of browsers can count, some 24 days


class Event(NamedTuple):
    """An event as it is handed to the program: `last_event_id` is the stream's at that point, not only this event's own.

    >>> Event("message", '{"tea": 1}').json()
    {'tea': 1}
    """

    type: str
    data: str
    last_event_id: str = ""

    def json(self) -> Any:
        """The data, read as JSON; ValueError when it is none."""
        return json.loads(self.data)


class EventTooBig(LabError):
    """The stream holds a line, or an event, of more than the parser's limit: give up on it, nothing after it is read."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This event stream has a line or an event of more than {limit:,} bytes.",
            "Close it; if the server means well, parse with a higher limit.",
        )


class Parser:
    """Events from bytes, pushed in as they come: `feed` gives the events that are complete with these bytes.

    `last_event_id` is what a client names when it comes back: the id as of the last blank line, since an event that is cut
    off does not count. Pass it on to the parser of the next connection: browsers keep it over a reconnection. `retry` is
    the reconnection time in milliseconds, None as long as the stream has not set one.

    >>> parser = Parser()
    >>> parser.feed(b"id: 7\\ndata: Te"), parser.feed(b"a\\r"), parser.feed(b"\\n\\r\\n")
    ([], [], [Event(type='message', data='Tea', last_event_id='7')])
    """

    def __init__(self, last_event_id: str = "", limit: int = LIMIT) -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self.limit = limit
        self._id = last_event_id  # the id buffer: what the next blank line makes the last event id
        self._type = ""
        self._data: list[str] = []  # a value for each data line since the last blank line
        self._size = 0  # of them, in characters, each line end counted as one
        self._line = bytearray()  # the line that has not ended yet
        self._after_cr = False  # a CR has ended the line; a LF that comes now belongs to it
        self._first = True  # no line has ended yet: the next one may begin with a BOM
        self._failed = False

    def __copy__(self) -> Parser:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._data, other._line = self._data.copy(), self._line.copy()
        return other

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete. EventTooBig: past the limit; events before it are given out first."""
        events: list[Event] = []
        if not self._failed:
            self._failed = not self._take(chunk, events)
        if self._failed and not events:
            raise EventTooBig(self.limit)
        return events

    def _take(self, chunk: bytes, events: list[Event]) -> bool:
        """Append the events that these bytes complete; False when the limit is passed."""
        if not chunk:
            return True
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
            if not chunk:
                self._after_cr = False
                return True
        self._after_cr = chunk[-1:] == b"\r"
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = chunk.rfind(b"\n")
        if end < 0:
            self._line += chunk
            return len(self._line) <= self.limit
        # Line ends are ASCII, and no UTF-8 decoder swallows ASCII after a broken sequence: whole lines decode on their own.
        self._line += chunk[:end]
        block, self._line = self._line, bytearray(chunk[end + 1 :])
        long = len(block) > self.limit or len(self._line) > self.limit
        if self._first:
            self._first = False
            if block.startswith(BOM):
                del block[: len(BOM)]
        if not long:
            return self._read(block.decode("utf-8", "replace").split("\n"), events)
        for line in (*block.split(b"\n"), self._line):
            if len(line) > self.limit:
                return False
            if line is not self._line and not self._read([line.decode("utf-8", "replace")], events):
                return False
        return True

    def _read(self, lines: list[str], events: list[Event]) -> bool:
        """Section 9.2.6, line by line; False when an event's data passes the limit."""
        data = self._data
        for line in lines:
            if not line:
                self.last_event_id = self._id
                if data:
                    events.append(Event(self._type or "message", "\n".join(data), self._id))
                    data.clear()
                    self._size = 0
                self._type = ""
                continue
            name, _, value = line.partition(":")  # a comment has no name
            if value[:1] == " ":
                value = value[1:]
            if name == "data":
                data.append(value)
                self._size += len(value) + 1
                if self._size > self.limit:
                    return False
            elif name == "event":
                self._type = value
            elif name == "id":
                if "\0" not in value:
                    self._id = value
            elif name == "retry":
                wait = reconnection_time(value)
                self.retry = self.retry if wait is None else wait
        return True


def parse(chunks: bytes | Iterable[bytes]) -> Iterator[Event]:
    """The events of a stream that comes in chunks, cut anywhere. What the end of the stream cuts off is no event.

    EventTooBig: a line or an event is beyond reason. LabError: text was given, not bytes.

    >>> [event.data for event in parse([b"data: one\\n\\nda", b"ta: two\\n", b"\\ndata: cut off"])]
    ['one', 'two']
    """
    parser = Parser()
    for chunk in [chunks] if isinstance(chunks, bytes | bytearray | memoryview) else chunks:
        try:
            data = memoryview(chunk).tobytes()  # bytes(5) would be five NULs
        except TypeError:
            kind = type(chunk).__name__
            raise LabError(f"An event stream is parsed from bytes, not from {kind}.", "Give text.encode().") from None
        yield from parser.feed(data)
    yield from parser.feed(b"")  # raises what the last events went before


def reconnection_time(value: str) -> int | None:
    """The milliseconds that a `retry` field asks for, None when it is to be ignored: only ASCII digits count.

    >>> reconnection_time("2500"), reconnection_time("9" * 99), reconnection_time("+1"), reconnection_time("")
    (2500, 2147483647, None, None)
    """
    if not value.isascii() or not value.isdigit():
        return None
    digits = value.lstrip("0") or "0"
    return min(int(digits), LONGEST_WAIT) if len(digits) <= 10 else LONGEST_WAIT
