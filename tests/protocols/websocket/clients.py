"""What the tests of websocket.Client share: servers on the loop, ears for all that a client tells, and a check for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from protolab import websocket
from protolab.protocols.websocket.client_events import EVENTS
from protolab.serve.backoff import Backoff

PATIENCE = 20  # seconds that anything may take


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test, which must leave no task behind."""

    async def guarded() -> None:
        async with asyncio.timeout(PATIENCE):
            await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    asyncio.run(guarded())


def quick(**options: Any) -> Any:
    """What makes a client come back within milliseconds."""
    return {"backoff": Backoff(0.002, 0.01, stable=0), "later": (0.03, 0.04)} | options


class Heard:
    """All that a client said to its handlers, in order; `until` waits for more of it."""

    def __init__(self, client: websocket.Client, *events: str) -> None:
        self.told: list[tuple[str, Any]] = []
        self._news = asyncio.Event()
        for event in events or EVENTS:
            client.on(event, self._hear(event))

    def _hear(self, event: str) -> Callable[[Any], None]:
        def hear(argument: Any) -> None:
            self.told.append((event, argument))
            self._news.set()

        return hear

    def all(self, event: str) -> list[Any]:
        return [argument for name, argument in self.told if name == event]

    async def until(self, event: str, many: int = 1) -> Any:
        """The last argument of `event`, once it has been told that many times."""
        while len(self.all(event)) < many:
            self._news.clear()
            await self._news.wait()
        return self.all(event)[many - 1]


@asynccontextmanager
async def served(
    handler: Callable[[ServerConnection], Awaitable[None]],
    admit: Callable[[ServerConnection, Request], Response | None] | None = None,
) -> AsyncIterator[str]:
    """The url of a server on this loop."""
    async with serve(handler, "127.0.0.1", 0, process_request=admit, compression=None, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)
