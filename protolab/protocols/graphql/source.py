"""A subscription's results as they come, and what is needed to end it at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

from protolab.protocols.graphql.trace import Trace


class Subscription:
    """An async iterator of results. `aclose()` may be called by anyone at any time, also while somebody waits for the next.

    An async generator cannot be closed while it runs, nor runs its `finally` when it is closed before it began: which is how
    sources stay behind when their subscriber is gone. So what waits is a task here, closing cancels that first, and nothing
    stands between this object and the source. `run(event)` makes a result of an event.
    """

    def __init__(
        self, source: AsyncIterable[Any], run: Callable[[Any], Awaitable[dict[str, Any]]], trace: Trace | None = None
    ) -> None:
        self._source = aiter(source)
        self._run = run
        self._trace = trace
        self._waiting: asyncio.Task[dict[str, Any]] | None = None
        self._closed = False

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> dict[str, Any]:
        if self._closed:
            raise StopAsyncIteration
        self._waiting = asyncio.create_task(self._next())
        try:
            return await self._waiting
        except asyncio.CancelledError:
            if self._closed:  # somebody closed it meanwhile: that is the end, and no cancellation of who waits
                raise StopAsyncIteration from None
            await self.aclose()
            raise
        except EOFError:
            await self.aclose()
            raise StopAsyncIteration from None
        except BaseException:  # the source itself failed, and is over
            await self.aclose()
            raise
        finally:
            self._waiting = None

    async def _next(self) -> dict[str, Any]:
        start = 0.0 if self._trace is None else self._trace.now()
        try:
            event = await anext(self._source)
        except StopAsyncIteration:  # which no task can end with
            raise EOFError from None
        if self._trace is not None:
            self._trace.add("event", start)
        return await self._run(event)

    async def aclose(self) -> None:
        """End it: the source is closed when this returns. Safe to call twice."""
        self._closed = True
        waiting = self._waiting
        if waiting is not None and not waiting.done():
            waiting.cancel()
            await asyncio.wait([waiting])
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()
