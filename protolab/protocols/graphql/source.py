"""A subscription's results as they come, and what is needed to end it at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from graphql import ExecutionResult

from protolab.protocols.graphql.trace import Trace


class Subscription:
    """An async iterator of results. `aclose()` may be called by anyone at any time, also while somebody waits for the next.

    An async generator cannot be closed while it runs, which is how sources stay behind when their subscriber is gone. So
    what waits for it is a task here, and closing cancels that first.
    """

    def __init__(
        self,
        source: AsyncIterator[ExecutionResult],
        told: Callable[[ExecutionResult], dict[str, Any]],
        trace: Trace | None = None,
    ) -> None:
        self._source = source
        self._told = told
        self._trace = trace
        self._waiting: asyncio.Task[ExecutionResult] | None = None
        self._closed = False

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> dict[str, Any]:
        if self._closed:
            raise StopAsyncIteration
        self._waiting = asyncio.create_task(self._next())
        try:
            done = await self._waiting
        except asyncio.CancelledError:
            if self._closed:  # somebody closed it meanwhile: that is the end, and no cancellation of who waits
                raise StopAsyncIteration from None
            await self.aclose()
            raise
        except EOFError:
            self._closed = True
            raise StopAsyncIteration from None
        finally:
            self._waiting = None
        return self._told(done)

    async def _next(self) -> ExecutionResult:
        try:
            done = await anext(self._source)
        except StopAsyncIteration:  # which no task can end with
            raise EOFError from None
        if self._trace is not None:
            self._trace.add("event", self._trace.now())
        return done

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
