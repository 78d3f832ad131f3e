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
        self._known: dict[Hashable, tuple[Any, Exception | None]] = {}
        self._asked: dict[Hashable, list[asyncio.Future[Any]]] = {}  # on their way, with those who wait for each
        self._queue: list[Any] = []
        self._ticking: asyncio.Task[None] | None = None

    def load(self, key: Any) -> Awaitable[Any]:
        """What the backend has for `key`, to be awaited."""
        if not self.batching:
            return self._alone(key)
        # A future for each who waits: where a field fails, those beside it are cancelled with all that they wait for.
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if key in self._known:
            _give(answer, *self._known[key])
        elif key in self._asked:
            self._asked[key].append(answer)
        else:
            self._asked[key] = [answer]
            self._queue.append(key)
            if len(self._queue) == 1:  # a task starts when this turn's resolvers have all asked
                self._ticking = asyncio.create_task(self._tick())
        return answer

    async def _alone(self, key: Any) -> Any:
        return (await self.fetch([key])).get(key)

    async def _tick(self) -> None:
        keys, self._queue = self._queue, []
        start = 0.0 if self.trace is None else self.trace.now()
        known: list[tuple[Any, Exception | None]]
        try:
            found = await self.fetch(keys)
            known = [(found.get(key), None) for key in keys]
        except Exception as error:
            known = [(None, error)] * len(keys)
        finally:
            if self.trace is not None:
                self.trace.add("batch", start, field=self.name, keys=tuple(keys))
        for key, answer in zip(keys, known, strict=True):
            self._known[key] = answer
            for asked in self._asked.pop(key):
                _give(asked, *answer)


def _give(answer: asyncio.Future[Any], value: Any, failure: Exception | None) -> None:
    """Answer who asked, unless it was cancelled meanwhile."""
    if answer.done():
        return
    if failure is None:
        answer.set_result(value)
    else:
        answer.set_exception(failure)
        answer.exception()  # looked at: nobody may be left to hear it
