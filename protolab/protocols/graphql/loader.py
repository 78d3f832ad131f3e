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

    async def load(self, key: Any) -> Any:
        """What the backend has for `key`."""
        if not self.batching:
            return (await self.fetch([key])).get(key)
        if key not in self._known:
            self._known[key] = asyncio.get_running_loop().create_future()
            self._queue.append(key)
            if len(self._queue) == 1:  # a task starts when this turn's resolvers have all asked
                self._ticking = asyncio.create_task(self._tick())
        return await asyncio.shield(self._known[key])  # who is cancelled takes nobody else along

    async def _tick(self) -> None:
        keys, self._queue = self._queue, []
        start = 0.0 if self.trace is None else self.trace.now()
        try:
            found = await self.fetch(keys)
        except BaseException as error:
            for key in keys:
                self._known[key].set_exception(error)
                self._known[key].exception()  # looked at: nobody may be left to hear it
            if not isinstance(error, Exception):
                raise
        else:
            for key in keys:
                self._known[key].set_result(found.get(key))
        finally:
            if self.trace is not None:
                self.trace.add("batch", start, field=self.name, keys=tuple(keys))
