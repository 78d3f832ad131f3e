"""A batching loader: what resolvers ask for one by one, the backend is asked for at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any

from protolab.protocols.graphql.trace import Trace

Fetch = Callable[[list[Any]], Awaitable[Mapping[Any, Any]]]


class Loader:
    """Collects the keys asked for in one turn of the loop and fetches them together: one call for a whole level of a tree.

    `fetch(keys)` returns a mapping; a key that is not in it loads None. What was loaded is kept, so make one loader for each
    request: one shared by all would show yesterday's data, or another user's. With `batching` off every `load` is a call.
    """

    def __init__(self, name: str, fetch: Fetch, *, batching: bool = True, trace: Trace | None = None) -> None:
        self.name = name
        self.fetch = fetch
        self.batching = batching
        self.trace = trace
        self._known: dict[Hashable, asyncio.Future[Any]] = {}
        self._queue: list[Any] = []
        self._ticking: asyncio.Task[None] | None = None

    def load(self, key: Any) -> Awaitable[Any]:
        """What the backend has for `key`, to be awaited."""
        if not self.batching:
            return self._alone(key)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = asyncio.get_running_loop().create_future()
            self._queue.append(key)
            if len(self._queue) == 1:  # a task starts when this turn's resolvers have all asked
                self._ticking = asyncio.create_task(self._tick())
        return known

    async def _alone(self, key: Any) -> Any:
        return (await self.fetch([key])).get(key)

    async def _tick(self) -> None:
        keys, self._queue = self._queue, []
        waiting = [self._known[key] for key in keys]
        start = 0.0 if self.trace is None else self.trace.now()
        try:
            found = await self.fetch(keys)
        except Exception as error:
            for known in waiting:
                if not known.done():  # it is when who waited was cancelled
                    known.set_exception(error)
                    known.exception()  # looked at: nobody may be left to hear it
        else:
            for key, known in zip(keys, waiting, strict=True):
                if not known.done():
                    known.set_result(found.get(key))
        finally:
            if self.trace is not None:
                self.trace.add("batch", start, field=self.name, keys=tuple(keys))
