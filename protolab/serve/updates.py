"""Updates in order, numbered from 1: what a server has to tell its readers, by whatever protocol it tells them."""

from __future__ import annotations

import asyncio
from collections import deque


class Updates:
    """A list that grows and can be waited for. It keeps the newest `keep` updates; older ones are forgotten.

    All of it runs on one event loop. `awaited` is set while somebody waits for the next update.

    >>> updates = Updates(keep=2)
    >>> updates.publish("one"), updates.publish("two"), updates.since(1)
    (1, 2, ['two'])
    """

    def __init__(self, keep: int = 1000) -> None:
        self.keep = keep
        self.count = 0  # how many were published
        self.awaited = asyncio.Event()
        self._kept: deque[str] = deque(maxlen=keep)
        self._news = asyncio.Event()

    def publish(self, text: str) -> int:
        """Append an update, wake who waits for it, and return its number. ValueError: it is more than one line."""
        if "\n" in text or "\r" in text:
            raise ValueError("an update is one line, since lines are how a response with several tells them apart")
        self._kept.append(text)
        self.count += 1
        self.awaited.clear()
        self._news.set()
        self._news = asyncio.Event()
        return self.count

    def since(self, number: int) -> list[str]:
        """The updates after that number; none when there is nothing new. LookupError: some of them are forgotten."""
        new = self.count - number
        if new > len(self._kept):
            raise LookupError(f"updates before number {self.count - len(self._kept) + 1} are forgotten")
        return list(self._kept)[-new:] if new > 0 else []

    async def after(self, number: int) -> list[str]:
        """The updates after that number, once there is one."""
        while self.count <= number:
            self.awaited.set()
            await self._news.wait()
        return self.since(number)
