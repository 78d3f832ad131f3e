"""A subscription as its client sees it: an async iterator over what it brings, which ends with the loop that reads it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from protolab.errors import LabError
from protolab.protocols.graphql.client_errors import Result, TooSlow
from protolab.protocols.graphql.client_session import is_response


class Inlet:
    """What the connection puts results into, for one operation: at most `most` wait to be read, then it is ended.

    `stop` ends the operation at the server. An inlet that is `once` is of a query or mutation, which is never asked again.
    """

    def __init__(self, request: Mapping[str, Any], most: int, stop: Callable[[Inlet], object], *, once: bool) -> None:
        self.request = request
        self.once = once
        self.id = ""
        self.over = False
        self._most = most
        self._stop = stop
        self._results: deque[Result] = deque()
        self._failure: Exception | None = None
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def put(self, result: Result) -> None:
        """One result. Who has left `most` of them unread is told so in place of the rest."""
        if self.over:
            return
        if len(self._results) >= self._most:
            self.end()
            self._failure = TooSlow(
                f"{self._most} results of this subscription were not read, and it was completed.",
                "Read faster, in a task of its own, or give the client a larger inbox.",
            )
            return
        self._results.append(result)
        self._news.set()

    async def room(self) -> None:
        """Once much waits to be read, give its reader a turn: what came in one burst does not make it slow."""
        if 2 * len(self._results) >= self._most:
            await asyncio.sleep(0)

    def finish(self, failure: Exception | None = None) -> None:
        """No more will come."""
        if not self.over:
            self.over = True
            self._failure = failure
            self._news.set()

    def end(self) -> None:
        """Its reader has left: free the source."""
        if not self.over:
            self.finish()
            self._stop(self)

    def forget(self) -> None:
        """As `end`, from wherever the garbage collector runs."""
        if not self.over:
            with suppress(RuntimeError):  # the loop is closed, and everything on it gone
                self._loop.call_soon_threadsafe(self.end)

    async def get(self) -> Result | None:
        """The next result; None when all have come. Raises what ended it instead, if it was not its own end."""
        while not self._results:
            if self.over:
                failure, self._failure = self._failure, None
                if failure is not None:
                    raise failure
                return None
            self._news.clear()
            await self._news.wait()
        return self._results.popleft()


class Subscription:
    """Iterate over it for the data of each event; with `raw`, for each `Result`, errors and all.

    Leaving the loop ends it: by break, by an exception, by `aclose()`, by being cancelled. An event with errors raises
    GraphQLError, with the data that there is; the subscription goes on, and `anext` gives the next event. A request error
    is raised too, and is its end. Ended or LabError: the connection was lost, and to come back did not help or would not.

    `await subscription.begun()`, or `async with subscription:`, waits until the server has it, so that no event after that
    is missed.
    """

    def __init__(self, inlet: Inlet, begun: Callable[[Inlet], Awaitable[None]], *, raw: bool) -> None:
        self._inlet = inlet
        self._begun = begun
        self._raw = raw

    @property
    def id(self) -> str:
        """What it is called on the wire."""
        return self._inlet.id

    async def begun(self) -> Self:
        """Wait until the server has got it. LabError: it never will."""
        await self._begun(self._inlet)
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            result = await self._inlet.get()
        except asyncio.CancelledError:
            self._inlet.end()
            raise
        if result is None:
            raise StopAsyncIteration
        return result if self._raw else result.unwrap()

    async def aclose(self) -> None:
        """End it. Safe to call twice."""
        self._inlet.end()

    async def __aenter__(self) -> Self:
        return await self.begun()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._inlet.forget()

    def __repr__(self) -> str:
        return f"<subscription {self.id}, {'over' if self._inlet.over else 'on'}>"


def result_of(value: Any) -> Result:
    """A GraphQL response from JSON (GraphQL section 7.1). LabError: it is none."""
    if is_response(value):
        extensions = value.get("extensions")
        return Result(
            value.get("data"), value.get("errors") or [], extensions if isinstance(extensions, dict) else None
        )
    raise LabError("The answer is JSON, and no GraphQL response.", "Is GraphQL served at this path?")
