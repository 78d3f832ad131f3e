"""Servers of raw bytes for the tests of sse.Client: what they say is written out, and what they are asked is kept."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from protolab import sse
from protolab.serve.backoff import Backoff
from protolab.wire import http1

PATIENCE = 20  # seconds that anything may take
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
GONE = b"HTTP/1.1 204 No Content\r\n\r\n"


class Talk:
    """One connection to the server: the request that came on it, and a way to answer."""

    def __init__(self, request: http1.Head, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        self.request = request
        self.writer = writer
        self.reader = reader

    async def say(self, *pieces: bytes) -> None:
        """Write each piece, with a turn of the loop after it."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def hold(self) -> None:
        """Until the client hangs up."""
        while await self.reader.read(1000):
            continue


Answer = bytes | Callable[[Talk], Awaitable[None]]


class Server:
    """What it was asked, in order; `url` is where it listens."""

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        self.answers = answers
        self.requests: list[http1.Head] = []
        self.open = 0
        self.url = ""
        self._news = asyncio.Event()

    def asked(self, name: str) -> list[str | None]:
        """That header of each request so far."""
        return [request.get(name) for request in self.requests]

    async def until(self, requests: int, still_open: int) -> None:
        """Until it was asked that often, and so many connections are left."""
        while (len(self.requests), self.open) != (requests, still_open):
            self._news.clear()
            await self._news.wait()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            request = http1.request(await reader.readuntil(b"\r\n\r\n"))
            answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
            self.requests.append(request)
            self._news.set()
            talk = Talk(request, writer, reader)
            await (talk.say(answer) if isinstance(answer, bytes) else answer(talk))
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self.open -= 1
            self._news.set()
            writer.close()


@asynccontextmanager
async def served(*answers: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server that gives the first answer to its first request, and so on, the last to all that follow."""
    script = Server(answers)
    talks: set[asyncio.Task[None]] = set()

    def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(script.talk(reader, writer)))

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls)
    host = "localhost" if tls else "127.0.0.1"
    script.url = f"{'https' if tls else 'http'}://{host}:{server.sockets[0].getsockname()[1]}/events"
    try:
        yield script
    finally:
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def forward(seconds: float) -> None:
    """Put the running loop's clock forward, so that a test needs neither wait nor be quick."""
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds  # type: ignore[method-assign]


def run(main: Coroutine[Any, Any, None], patience: float = PATIENCE) -> None:
    """Run a test, which must leave no task behind. `patience` is in seconds of its loop's clock."""

    async def guarded() -> None:
        async with asyncio.timeout(patience):
            await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    asyncio.run(guarded())


def quick(**options: Any) -> Any:
    """What makes a client come back within milliseconds."""
    return {"backoff": Backoff(0.002, 0.01)} | options


async def told(client: sse.Client) -> list[str]:
    """What all its events say, until the client ends."""
    return [event.data async for event in client]


class Heard:
    """All that a client said to its handlers, in order; `until` waits for more of it."""

    def __init__(self, client: sse.Client, *events: str) -> None:
        self.told: list[tuple[str, Any]] = []
        self._news = asyncio.Event()
        for event in events or client.own:
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
