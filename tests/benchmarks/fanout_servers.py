"""The servers that fanout.py compares: `python -m tests.benchmarks.fanout_servers NAME` runs one and prints its port."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from protolab.protocols.websocket.chat import ChatServer, Limits
from protolab.protocols.websocket.chat_messages import frame
from protolab.serve.fanout import Fanout, WhenFull

Say = Callable[[str], object]
LOOSE = Limits(rate=1e9, burst=10**9)


async def room(connection: ServerConnection, say: Say) -> None:
    """One client's stay: all that it says is said to everyone."""
    try:
        async for message in connection:
            said = say(str(message))
            if asyncio.isfuture(said):
                await said
    except ConnectionClosed:
        pass


async def gather() -> int:
    """The sample's way: one send for each client, and wait for all."""
    clients: set[ServerConnection] = set()

    async def stay(connection: ServerConnection) -> None:
        clients.add(connection)
        try:
            await room(connection, lambda text: asyncio.gather(*(c.send(text) for c in clients), return_exceptions=True))
        finally:
            clients.discard(connection)

    return await listen(stay)


async def library_broadcast() -> int:
    """websockets.broadcast: written to every transport at once, whatever is still there."""
    clients: set[ServerConnection] = set()

    async def stay(connection: ServerConnection) -> None:
        clients.add(connection)
        try:
            await room(connection, lambda text: broadcast(clients, text))
        finally:
            clients.discard(connection)

    return await listen(stay)


async def fanout() -> int:
    """The fan-out, bare: what is said, encoded once."""
    everyone = Fanout()

    async def stay(connection: ServerConnection) -> None:
        member = everyone.join(connection.transport)
        try:
            await room(connection, lambda text: everyone.publish(frame(text.encode())))
        finally:
            member.leave()

    return await listen(stay)


async def chat(when_full: WhenFull = WhenFull.EVICT) -> int:
    """The chat server, with its JSON, rooms, checks and counts."""
    return await ChatServer(limits=LOOSE, when_full=when_full).start()


async def listen(stay: Callable[[ServerConnection], object]) -> int:
    """The library's server without compression; the port."""
    server = await serve(stay, "127.0.0.1", 0, compression=None, backlog=2048, ping_interval=None)  # type: ignore[arg-type]
    return int(server.sockets[0].getsockname()[1])


SERVERS = {
    "gather": gather,
    "broadcast": library_broadcast,
    "fanout": fanout,
    "chat": chat,
    "chat, drop oldest": partial(chat, WhenFull.DROP_OLDEST),
}


async def main(name: str) -> None:
    """Run until killed."""
    print(await SERVERS[name](), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
