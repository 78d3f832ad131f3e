"""News for whoever listens: each listener has a queue of its own, bounded, and leaves no trace when it goes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from graphql import GraphQLError


class Feed:
    """Hands what is published to every listener. One that lets more than `most` pile up is told so, and dropped."""

    def __init__(self, most: int = 100) -> None:
        self.most = most
        self.listeners: dict[Listener, None] = {}  # in the order in which they came: so they are told

    def publish(self, news: Any) -> None:
        """Tell everyone who listens now."""
        for listener in tuple(self.listeners):
            listener.hear(news)

    def listen(self) -> Listener:
        """A listener, who hears what is published from now on."""
        return Listener(self)


class Listener:
    """An async iterator over a feed's news. `aclose()` leaves the feed at once."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._news: deque[Any] = deque()
        self._waiting: asyncio.Future[None] | None = None
        feed.listeners[self] = None

    def hear(self, news: Any) -> None:
        """Let news wait until they are asked for."""
        self._news.append(news)
        if len(self._news) > self._feed.most:
            self._feed.listeners.pop(self, None)  # what waits is still told; then comes the error, in __anext__
        self._wake()

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> Any:
        while not self._news:
            if self not in self._feed.listeners:
                raise StopAsyncIteration
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if len(self._news) == 1 and self not in self._feed.listeners:
            self._news.clear()
            problem = f"You fell {self._feed.most} events behind, and the rest is lost: subscribe again."
            raise GraphQLError(problem, extensions={"code": "TOO_SLOW"})
        return self._news.popleft()

    async def aclose(self) -> None:
        """Listen no more. Safe to call twice, and while somebody waits for the next."""
        self._feed.listeners.pop(self, None)
        self._news.clear()
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
