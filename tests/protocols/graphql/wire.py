"""A GraphQL server to talk to, and HTTP said byte by byte: no client library stands between a test and what it asserts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

from protolab.protocols.graphql.server import GraphQLServer

RESPONSE = "application/graphql-response+json"
JSON = "application/json"


class Answer(NamedTuple):
    """What a server said: status, reason, fields with lower-case names, body."""

    status: int
    reason: str
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def media(self) -> str:
        """The media type without parameters."""
        return self.fields.get("content-type", "").partition(";")[0]

    @property
    def codes(self) -> list[str]:
        """The extensions.code of each error."""
        return [error.get("extensions", {}).get("code") for error in self.json["errors"]]


class Peer:
    """One connection to a server, on which requests are said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, data: bytes, method: str = "POST") -> Answer:
        """Say bytes, hear an answer."""
        self.writer.write(data)
        return await self.hear(method)

    async def hear(self, method: str = "POST") -> Answer:
        """The next answer. TimeoutError: none comes; IncompleteReadError: the server broke off instead."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.rstrip().split("\r\n")
            named = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            size = 0 if method == "HEAD" else int(named.get("content-length", 0))
            body = await self.reader.readexactly(size)
        _, status, reason = line.split(" ", 2)
        return Answer(int(status), reason, named, body)


def message(method: str, target: str, fields: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request; Host and Content-Length come by themselves."""
    fields = {"Host": "lab.local", **({"Content-Length": str(len(body))} if body else {}), **fields}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def post(body: Any, accept: str | None = RESPONSE, **fields: str) -> bytes:
    """A POST of JSON (bytes as they are), with `Some-Field` given as `some_field`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in {"content_type": JSON, **fields}.items()}
    return message("POST", "/graphql", {**({"Accept": accept} if accept else {}), **named}, data)


def get(accept: str | None = RESPONSE, method: str = "GET", **parameters: str) -> bytes:
    """A GET with these parameters."""
    target = "/graphql?" + urlencode(parameters)
    return message(method, target, {"Accept": accept} if accept else {})


class Served(NamedTuple):
    """A running server."""

    server: GraphQLServer
    port: int

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Peer]:
        """A connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Peer(reader, writer)
        finally:
            writer.close()

    async def ask(self, data: bytes, method: str = "POST") -> Answer:
        """Say one request on a connection of its own."""
        async with self.connect() as peer:
            return await peer.say(data, method)


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Served]:
    """A server with these options, while the block runs."""
    server = GraphQLServer(**options)
    port = await server.start()
    try:
        yield Served(server, port)
    finally:
        await server.stop()
