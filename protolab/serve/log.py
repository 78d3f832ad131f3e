"""A log in a ring: servers write to it from the lab's thread, a learner looks at it when they want to (law 10).

Nothing here prints: what a thread prints lands under whichever cell ran last. The ring keeps the newest `size` entries; the
oldest fall out and are counted.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """One line: when (seconds since the log began), and what happened."""

    at: float
    text: str


class Log:
    """The newest entries, oldest first. `lost` counts those that fell out of the ring."""

    def __init__(self, size: int = 1000) -> None:
        self.entries: deque[Entry] = deque(maxlen=size)
        self.lost = 0
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        """Add a line."""
        if len(self.entries) == self.entries.maxlen:
            self.lost += 1
        self.entries.append(Entry(time.monotonic() - self._began, text))

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self.entries))

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        lines = [f"({self.lost} older lines fell out of the log)"] if self.lost else []
        return "\n".join(lines + [entry.text for entry in self]) or "(nothing logged yet)"
