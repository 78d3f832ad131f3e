"""Conversations worth looking at, each live against a server of its own, each with its frozen recording in `captures/`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols import Scenario
from protolab.protocols.sse.audience import Subscriber
from protolab.protocols.sse.client import Client
from protolab.protocols.sse.server import EventServer
from protolab.serve import Server
from protolab.serve.backoff import Backoff
from protolab.serve.handover import Stream
from protolab.wire.event_stream import Event

_RETRY = 10  # milliseconds: nobody wants to wait for a recording


class Flaky(EventServer):
    """An event server whose second event finds nobody: every stream breaks before it is said."""

    def __init__(self) -> None:
        super().__init__(retry=_RETRY)
        self._streams: list[Stream] = []

    def begin(self, subscriber: Subscriber, stream: Stream, last_id: str) -> None:
        """Remember the stream, to break it."""
        self._streams.append(stream)
        super().begin(subscriber, stream, last_id)

    def say(self, event: str, data: Any, targets: Iterable[str] | None = None) -> int:
        """Break the streams when it is time, and say it."""
        if self.history.last == 1:
            for stream in self._streams:
                stream.transport.abort()
        return super().say(event, data, targets)


class Says(Server):
    """Answers the first request with these bytes, and any other with 204, which tells a client to stay away."""

    name = "says"
    scheme = "http"
    path = "/events"

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self.said = said
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        self._server = await asyncio.start_server(self._meet, host, port, limit=2**14)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up, and free the port."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            said, self.said = self.said, b"HTTP/1.1 204 No Content\r\n\r\n"
            writer.write(said)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.log(f"no request: {error!r}")
        finally:
            writer.close()


@asynccontextmanager
async def _reading(url: str, client_id: str) -> AsyncIterator[AsyncIterator[Event]]:
    """The events that a client of that name gets, once it is connected."""
    async with Client(f"{url}?client_id={client_id}", backoff=Backoff(0, 0)) as client:
        events = aiter(client)
        await anext(events)  # connected
        yield events


async def _post(url: str, action: str, **body: Any) -> None:
    """Ask the server at `url` to say something."""
    where = urlsplit(url)
    said = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    head = (
        f"POST /api/{action} HTTP/1.1\r\nHost: {repeat.authority(where.netloc)}\r\nUser-Agent: protolab\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(head.encode() + said)
        answer = await reader.readline()
        while await reader.read(2**14):
            continue
    finally:
        writer.close()
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise LabError(f"The server would not say that: {answer!r}.", "Look into its log.")


async def _stream(url: str) -> None:
    async with _reading(url, "ada") as events:
        await _post(url, "notify", title="Tea", message="It is ready.\nIn the kitchen.", priority="high")
        await anext(events)
        await _post(url, "broadcast", event="message", data="one line\nand another")
        await anext(events)


async def _resume(url: str) -> None:
    async with _reading(url, "ada") as events:
        for cups in range(1, 4):
            await _post(url, "update", update_data={"cups": cups})
            await anext(events)


async def _targets(url: str) -> None:
    async with _reading(url, "ada") as ada, _reading(url, "bob") as bob:
        await _post(url, "update", update_data={"for": "ada only"}, target_clients=["ada"])
        await _post(url, "broadcast", event="alert", data="for both")
        for events, many in ((ada, 2), (bob, 1)):
            for _ in range(many):
                await anext(events)


async def _discards(url: str) -> None:
    async with Client(url, backoff=Backoff(0, 0)) as client:
        async for _ in client:
            continue


_THROWN_AWAY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n"
    b"\xef\xbb\xbf: a byte order mark before it, and a comment for nobody\nid: 1\ndata: kept\n\n"
    b"event: update\n\n"
    b"retry: soon\nid: 2\0\ndata: kept, but neither the time nor the id\n\n"
    b"Data: a field that nobody knows\nid: 3\n\n"
    b"id: 4\ndata: cut off"
)

STREAM = Scenario("a notification and a message, posted by one client and read by another", EventServer, _stream)
RESUME = Scenario("a stream that breaks, and goes on where it was", Flaky, _resume)
TARGETS = Scenario("two clients, and an event for one of them", EventServer, _targets)
DISCARDS = Scenario("a stream of which most is thrown away", lambda: Says(_THROWN_AWAY), _discards)
