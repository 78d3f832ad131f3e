"""What the tests of subscription sockets share: a server on the loop, and a peer that says anything at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from protolab.protocols.graphql.server import GraphQLServer
from protolab.protocols.graphql.subprotocols import TRANSPORT

PATIENCE = 60  # seconds that anything may take


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test, which must leave no task behind."""

    async def guarded() -> None:
        async with asyncio.timeout(PATIENCE):
            await main
        await until(lambda: not asyncio.all_tasks() - {asyncio.current_task()}, asyncio.all_tasks)

    asyncio.run(guarded())


async def until(fact: Callable[[], object], show: Callable[[], object] | None = None) -> None:
    """Give the loop its turns until it is so."""
    for _ in range(2000):
        if fact():
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"it never came to be; {show() if show else ''}")


@asynccontextmanager
async def serving(server: GraphQLServer | None = None, **options: Any) -> AsyncIterator[tuple[GraphQLServer, str]]:
    """A server on this loop, and the `host:port/path` it is reached at. Stopped, it has nothing left."""
    server = server or GraphQLServer(**options)
    port = await server.start()
    try:
        yield server, f"127.0.0.1:{port}/graphql"
    finally:
        await server.stop()
        assert not server.sockets.open and not server.streams.open and not server.hub.sources
        assert not server.store.created.listeners


class Peer:
    """A socket's client made of messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, *said: Any) -> None:
        """Send messages: bytes and texts as they are, anything else as JSON."""
        for one in said:
            await self.connection.send(one if isinstance(one, str | bytes) else json.dumps(one))

    async def hear(self) -> Any:
        """The next message, or (code, reason) of the Close."""
        try:
            return json.loads(await self.connection.recv())
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")

    async def all(self) -> list[Any]:
        """All that was said before an answer to a ping that is sent now, or up to the Close."""
        end = {"type": "pong", "payload": {"the": "end"}}
        heard: list[Any] = []
        try:
            await self.say({"type": "ping", "payload": end["payload"]})
        except ConnectionClosed:
            heard = []
        while not heard or isinstance(heard[-1], dict):
            said = await self.hear()
            if said == end:
                return heard
            heard.append(said)
        return heard

    async def acknowledged(self) -> Peer:
        """Through connection_init."""
        await self.say({"type": "connection_init"})
        assert await self.hear() == {"type": "connection_ack"}
        return self


@asynccontextmanager
async def peer(where: str, name: str | None = TRANSPORT, **options: Any) -> AsyncIterator[Peer]:
    """A peer that offered this subprotocol."""
    names = [Subprotocol(name)] if name else None
    async with connect(f"ws://{where}", subprotocols=names, compression=None, **options) as connection:
        yield Peer(connection)


def subscribe(query: str, id: Any = "1", **more: Any) -> dict[str, Any]:
    """A subscribe message."""
    return {"id": id, "type": "subscribe", "payload": {"query": query, **more}}
