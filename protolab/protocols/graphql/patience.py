"""Who has waited too long, where many wait equally long: one timer for all, since who came first is late first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import takewhile
from typing import Generic, TypeVar

Who = TypeVar("Who")


class Patience(Generic[Who]):
    """Calls `late(who)` for each that began to wait, and did not end it within `seconds`.

    It holds those that wait, and nobody else.
    """

    def __init__(self, seconds: float, late: Callable[[Who], None]) -> None:
        self.seconds = seconds
        self.late = late
        self._since: dict[Who, float] = {}  # in the order in which they came
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._since)

    def begin(self, who: Who) -> None:
        """It waits from now on."""
        loop = asyncio.get_running_loop()
        self._since[who] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._look)

    def end(self, who: Who) -> None:
        """It waits no more, if it did."""
        self._since.pop(who, None)

    def stop(self) -> None:
        """Nobody waits any more."""
        self._since.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """The timer went off for somebody, who may have ended since: look who is late, and wait for the next."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [who for who, _ in takewhile(lambda item: item[1] + self.seconds <= now, self._since.items())]
        for who in late:
            del self._since[who]
        first = next(iter(self._since.values()), None)
        self._timer = None if first is None else loop.call_at(first + self.seconds, self._look)
        for who in late:
            self.late(who)
