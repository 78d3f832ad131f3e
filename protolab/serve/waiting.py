"""Queues for what waits to be sent or to be read, bounded in number and in bytes. What falls out is handed back or counted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, NamedTuple, Self, TypeVar

Item = TypeVar("Item")


class _Entry(NamedTuple, Generic[Item]):
    since: float
    size: int
    item: Item


class Waiting(Generic[Item]):
    """At most `most` items of at most `size` bytes together; at a bound the oldest fall out, and `put` returns them.

    The newest always stays, even alone above `size`. `ttl` seconds later, if given, an item is stale: see `expire`. Time is
    handed in.

    >>> waiting = Waiting(most=2, size=100, ttl=5)
    >>> waiting.put("a", 1, now=0), waiting.put("b", 1, now=3), waiting.put("c", 1, now=4)
    ([], [], ['a'])
    >>> waiting.expire(now=8), waiting.take()
    (['b'], 'c')
    """

    __slots__ = ("_entries", "bytes", "most", "size", "ttl")

    def __init__(self, most: int, size: int, ttl: float | None = None) -> None:
        self.most = most
        self.size = size
        self.ttl = ttl
        self.bytes = 0
        self._entries: deque[_Entry[Item]] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def fits(self, size: int) -> bool:
        """Whether an item of `size` bytes would push none out."""
        return not self._entries or (len(self._entries) < self.most and self.bytes + size <= self.size)

    def put(self, item: Item, size: int, now: float) -> list[Item]:
        """Let an item wait; returns those that fell out for it, oldest first."""
        self._entries.append(_Entry(now, size, item))
        self.bytes += size
        out = []
        while len(self._entries) > 1 and (len(self._entries) > self.most or self.bytes > self.size):
            out.append(self.take())
        return out

    def take(self) -> Item:
        """The oldest item, which waits no more. IndexError: there is none."""
        entry = self._entries.popleft()
        self.bytes -= entry.size
        return entry.item

    def expire(self, now: float) -> list[Item]:
        """Take out, and return, what has waited for `ttl` seconds or longer."""
        out = []
        while self.ttl is not None and self._entries and now - self._entries[0].since >= self.ttl:
            out.append(self.take())
        return out

    def clear(self) -> list[Item]:
        """Take out, and return, all."""
        return [self.take() for _ in range(len(self._entries))]


class Inbox(Generic[Item]):
    """Items that come, for those who iterate over them: `async for item in inbox`.

    While somebody iterates none is lost: `put` waits for room. Before and after, the oldest fall out at the bounds,
    which are those of `Waiting`. Two who iterate share the items.
    """

    def __init__(self, most: int, size: int) -> None:
        self._items: Waiting[Item] = Waiting(most, size)
        self._readers = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._hurried = False
        self._closed = False
        self._failure: Exception | None = None

    async def put(self, item: Item, size: int) -> int:
        """Let an item wait; returns how many fell out for it."""
        while self._readers and not self._hurried and not self._items.fits(size):
            self._room.clear()
            await self._room.wait()
        self._news.set()
        return len(self._items.put(item, size, 0.0))

    def hurry(self) -> None:
        """From now on `put` waits for nobody."""
        self._hurried = True
        self._room.set()

    def close(self, failure: Exception | None = None) -> None:
        """No more will come: who iterates comes to the end, or to `failure`, once all has been read."""
        self._closed = True
        self._failure = failure
        self._news.set()
        self.hurry()

    def __aiter__(self) -> AsyncIterator[Item]:
        return _Reader(self)


class _Reader(Generic[Item]):
    """Somebody who iterates over an inbox, which counts those there are and holds none of them."""

    def __init__(self, inbox: Inbox[Item]) -> None:
        self._inbox = inbox
        inbox._readers += 1

    def __del__(self) -> None:
        self._inbox._readers -= 1
        self._inbox._room.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        inbox = self._inbox
        while not inbox._items:
            if inbox._failure is not None:
                raise inbox._failure
            if inbox._closed:
                raise StopAsyncIteration
            inbox._news.clear()
            await inbox._news.wait()
        inbox._room.set()
        return inbox._items.take()
