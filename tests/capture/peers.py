"""Real peers for tests of the tap: servers on loopback, a tap before them, sockets that do what a test tells them."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from protolab.capture import Capture, End
from protolab.capture.tap import Tap

T = TypeVar("T")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SOON = 10  # seconds until a test that waits in vain fails


@dataclass
class Bench:
    """A tap at work, with what it writes to."""

    tap: Tap
    capture: Capture
    port: int = 0
    log: list[str] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


def bench(target: int, limit: int | None = None, host: str = "127.0.0.1") -> Bench:
    """A tap before a port, not started."""
    capture = Capture("test") if limit is None else Capture("test", limit)
    log: list[str] = []
    return Bench(Tap(host, target, capture, log=log.append), capture, log=log)


@asynccontextmanager
async def tapped(handler: Handler, limit: int | None = None, host: str = "127.0.0.1") -> AsyncIterator[Bench]:
    """A server that runs `handler` for each connection, and a tap before it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    at = bench(server.sockets[0].getsockname()[1], limit, host)
    at.port = await at.tap.start()
    try:
        yield at
    finally:
        await at.tap.stop()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def pair(limit: int | None = None) -> AsyncIterator[tuple[Bench, socket.socket, socket.socket]]:
    """The two sockets of a connection through a tap, client and server, not blocking."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    at = bench(listener.getsockname()[1], limit)
    at.port = await at.tap.start()
    client = socket.socket()
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", at.port))
    server, _ = await soon(loop.sock_accept(listener))
    try:
        yield at, client, server
    finally:
        await at.tap.stop()
        for end in (client, server, listener):
            end.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say back what is said, until the other side has finished."""
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def soon(waiting: Awaitable[T]) -> T:
    """The result, or TimeoutError when it does not come soon."""
    return await asyncio.wait_for(waiting, SOON)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until something holds; TimeoutError when it does not soon."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - the tap sets no event: it is its loop that has to turn
            await asyncio.sleep(0)


@asynccontextmanager
async def slow_lookup() -> AsyncIterator[threading.Event]:
    """Names are not looked up until the event is set, so whoever dials "localhost" waits."""
    looked_up = threading.Event()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as executor:
        loop.set_default_executor(executor)
        executor.submit(looked_up.wait)
        try:
            yield looked_up
        finally:
            looked_up.set()


async def receive(end: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes, or fewer when the stream ends."""
    data = b""
    while len(data) < count and (more := await soon(asyncio.get_running_loop().sock_recv(end, count - len(data)))):
        data += more
    return data


def reset(end: socket.socket) -> None:
    """Break off."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def ends(capture: Capture, index: int = 0) -> list[tuple[str, str]]:
    """Who ended how, in order."""
    return [(str(event.side), event.how) for event in capture[index].events if isinstance(event, End)]
