"""What an event server remembers, so that a client that was cut off gets what it missed, and no one else's events."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import NamedTuple


class Kept(NamedTuple):
    """An event in the ring: its id, whom it is for (None: everyone), and its bytes."""

    id: int
    targets: frozenset[str] | None
    data: bytes


class Missed(NamedTuple):
    """What one client has missed: the `events` still kept, and, if that is not all of it, the reason (else "")."""

    events: list[bytes]
    reason: str = ""


class History:
    """The newest events, numbered from `first` up: at most `most` of at most `size` bytes together (the newest always
    stays). Older ones are forgotten.

    >>> history = History(most=2, size=1000)
    >>> for text in (b"a", b"b", b"c"):
    ...     _ = history.add(text, None)
    >>> history.since("2", "ada"), history.oldest
    (Missed(events=[b'c'], reason=''), 2)
    """

    def __init__(self, most: int = 1000, size: int = 256 << 10, first: int = 1) -> None:
        self.most = most
        self.size = size
        self.last = first - 1  # the newest id
        self.oldest = first  # the id that follows those which are forgotten
        self.bytes = 0
        self._kept: deque[Kept] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, data: bytes, targets: Collection[str] | None) -> int:
        """Keep an event under the next id, which is returned."""
        self.last += 1
        self._kept.append(Kept(self.last, None if targets is None else frozenset(targets), data))
        self.bytes += len(data)
        while len(self._kept) > max(self.most, 1) or (self.bytes > self.size and len(self._kept) > 1):
            forgotten = self._kept.popleft()
            self.oldest = forgotten.id + 1
            self.bytes -= len(forgotten.data)
        return self.last

    def skip(self) -> int:
        """An id for an event that nobody will ask for again."""
        self.last += 1
        return self.last

    def since(self, last_id: str, client_id: str) -> Missed:
        """What a client has missed whose last event id is that. What it says is not believed: any string will do.

        An id is one of ours if it is written as we write it and not above the newest. If it is not, or events after it
        are forgotten (for whomever they were), all that is kept for this client is handed back, with the reason.
        """
        reason, after = "", 0
        if not (last_id.isascii() and last_id.isdigit() and len(last_id) < 20 and str(int(last_id)) == last_id):
            reason = "unknown id"
        elif (after := int(last_id)) > self.last:
            reason, after = "id not given out yet", 0
        elif after < self.oldest - 1:
            reason = "too old"
        events = []
        for kept in reversed(self._kept):
            if kept.id <= after:
                break
            if kept.targets is None or client_id in kept.targets:
                events.append(kept.data)
        return Missed(events[::-1], reason)
