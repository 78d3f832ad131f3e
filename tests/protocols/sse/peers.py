"""A client of event streams for tests of the server: plain sockets, and a reader that knows only what the tests need."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from protolab.protocols.sse.server import EventServer

PATIENCE = 10.0


class Answer(NamedTuple):
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Event(NamedTuple):
    """One block of a stream, as its lines say; comments are one too."""

    name: str
    data: str
    id: str | None = None
    retry: str | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.data)


def split_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split(" ")[1]), {
        name: value for name, _, value in (line.partition(": ") for line in lines if line)
    }


async def ask(port: int, raw: bytes) -> Answer:
    """Say that, and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(raw)
            said = await reader.read()
    finally:
        writer.close()
    head, _, body = said.partition(b"\r\n\r\n")
    return Answer(*split_head(head), body)


async def send(port: int, method: str, target: str, body: Any = None, **headers: str) -> Answer:
    """A request with a JSON body (bytes: as they are); underscores in the names of headers become hyphens."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = {"Host": "x", "Connection": "close"} | {name.replace("_", "-"): text for name, text in headers.items()}
    if body is not None:
        lines = {"Content-Type": "application/json", "Content-Length": str(len(data))} | lines
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return await ask(port, f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + data)


class Listener:
    """One event stream, as its client has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self.reader = reader
        self.writer = writer
        self.status, self.headers = split_head(head)
        self.chunked = self.headers.get("Transfer-Encoding") == "chunked"
        self.ended = False  # as the protocol asks
        self.text = b""

    @classmethod
    async def open(
        cls,
        port: int,
        client_id: str | None = "ada",
        last_id: str | None = None,
        *,
        version: str = "1.1",
        more: str = "",
    ) -> Listener:
        query = "" if client_id is None else f"?client_id={client_id}"
        resume = "" if last_id is None else f"Last-Event-ID: {last_id}\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET /api/events{query} HTTP/{version}\r\nHost: x\r\nAccept: text/event-stream\r\n{resume}{more}\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(PATIENCE):
            return cls(reader, writer, await reader.readuntil(b"\r\n\r\n"))

    async def event(self) -> Event:
        """The next block. EOFError: the stream ended, or was cut."""
        async with asyncio.timeout(PATIENCE):
            while b"\n\n" not in self.text:
                await self._more()
        block, _, self.text = self.text.partition(b"\n\n")
        fields: dict[str, list[str]] = {}
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        one = {name: values[-1] for name, values in fields.items()}
        if "" in one:
            return Event("comment", one[""])
        return Event(one.get("event", ""), "\n".join(fields.get("data", [])), one.get("id"), one.get("retry"))

    async def events(self, number: int) -> list[Event]:
        return [await self.event() for _ in range(number)]

    async def rest(self) -> list[Event]:
        """All there is until the end."""
        found = []
        try:
            while True:
                found.append(await self.event())
        except EOFError:
            return found

    async def _more(self) -> None:
        if not self.chunked:
            if not (more := await self.reader.read(2**16)):
                raise EOFError
            self.text += more
            return
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size + 2)
        assert data.endswith(b"\r\n")
        self.text += data[:-2]
        if not size:
            self.ended = True
            assert await self.reader.read() == b""
            raise EOFError

    def cut(self) -> None:
        """Break off with a reset."""
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[EventServer, int]]:
    """A server that says nothing by itself, and at the end holds nothing any more."""
    server = EventServer(**{"keepalive": None, "heartbeat": None, **options})
    port = await server.start()
    try:
        yield server, port
    finally:
        async with asyncio.timeout(10):
            await server.stop()
    assert not server.audience.subscribers and not server.clients and not server.audience.fanout.members
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def until(true: Any) -> None:
    """Let the loop turn until something the server has to notice is so."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # what it waits for is the loop itself
            await asyncio.sleep(0)
