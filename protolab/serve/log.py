"""A log in a ring: servers write to it from the lab's thread, a learner looks at it when they want to (law 10).

Nothing here prints: what a thread prints lands under whichever cell ran last. The ring keeps the newest `size` entries;
the oldest fall out and are counted.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from protolab.plain import printable

LONGEST = 2000  # characters of a line; what is longer is cut


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
        """Add a line. It may quote a stranger: what a terminal would obey is spelled."""
        if len(text) > LONGEST:
            text = f"{text[:LONGEST]}... ({len(text):,} characters)"
        if not text.isprintable():
            text = "\n".join(map(printable, text.split("\n")))
        if len(self.entries) == self.entries.maxlen:
            self.lost += 1
        self.entries.append(Entry(time.monotonic() - self._began, text))

    def logger(self, name: str) -> logging.Logger:
        """A logger for a library to write its warnings and errors to: they become lines here, and go nowhere else."""
        made = logging.Logger(name, logging.WARNING)  # not getLogger: no parents, so no handlers but this one
        made.addHandler(_Into(self))
        return made

    def __iter__(self) -> Iterator[Entry]:
        while True:
            try:
                return iter(tuple(self.entries))
            except RuntimeError:  # a line was added in the lab's thread meanwhile: look again
                continue

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        lines = [f"({self.lost} older lines fell out of the log)"] if self.lost else []
        return "\n".join(lines + [entry.text for entry in self]) or "(nothing logged yet)"


class _Into(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.log(record.getMessage() + (f": {cause!r}" if cause is not None else ""))
