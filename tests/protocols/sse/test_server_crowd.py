"""A thousand clients, one of which never reads: the others miss nothing, memory is bounded, and a stop ends them all."""

from __future__ import annotations

import asyncio
import resource

import psutil
import pytest

from protolab.protocols.sse.server import EventServer
from protolab.serve.handover import LAST

pytestmark = pytest.mark.live
CLIENTS = 1000


class Client(asyncio.Protocol):
    """It asks for the stream and keeps the ids of the events it hears."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tail = b""
        self.ids: list[int] = []
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(f"GET /api/events?client_id={self.name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        *whole, self.tail = (self.tail + data).split(b"\n\n")
        for event in whole:
            if b"event: message" in event:
                self.ids.append(int(event.partition(b"id: ")[2].partition(b"\n")[0]))
            elif b"event: connected" in event:
                self.begun.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set()


def test_a_thousand_clients_of_which_one_never_reads() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * CLIENTS + 200
    if soft < needed <= hard or hard == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    process = psutil.Process()

    async def story() -> None:
        loop = asyncio.get_running_loop()
        files = process.num_fds()
        server = EventServer(keepalive=None, heartbeat=None)
        port = await server.start()
        clients = []
        for number in range(CLIENTS):
            _, client = await loop.create_connection(lambda name=f"c{number}": Client(name), "127.0.0.1", port)
            clients.append(client)
        await asyncio.gather(*(client.begun.wait() for client in clients))
        assert len(server.clients) == CLIENTS
        dead = clients[0]
        dead.transport.pause_reading()  # type: ignore[attr-defined]
        members = {name: member for member, name in zip(server.audience.fanout.members, server.clients, strict=True)}
        fanout = server.audience.fanout
        bound = fanout.limit + fanout.high_water + fanout.limit  # pending, and in the transport
        before, said = process.memory_info().rss, 0
        while "c0" in server.clients:
            said = await server.broadcast("message", "x" * 30_000, ["c0", "c1"])
            said = await server.broadcast("message", {"n": said}) if said % 9 == 0 else said
            await asyncio.sleep(0)
            member = members["c0"]
            assert member.size + member.transport.get_write_buffer_size() <= bound
        assert server.audience.fanout.counts.evicted == 1
        for _ in range(20):
            said = await server.broadcast("message", "y" * 100)
        await asyncio.gather(*(heard(client, said) for client in clients[1:]))
        everyone = [number for number in clients[1].ids if number in set(clients[2].ids)]
        assert clients[1].ids == list(range(1, said + 1))  # all that was said, in order
        assert all(client.ids == everyone for client in clients[2:])
        assert len(everyone) >= 20
        assert process.memory_info().rss - before < 64 << 20
        await server.stop()
        dead.transport.abort()
        await asyncio.gather(*(client.over.wait() for client in clients))
        assert all(client.tail.endswith(LAST) for client in clients[1:])  # each was told that this is the end
        assert not server.audience.subscribers and not server.audience.fanout.members
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(0)
        assert process.num_fds() <= files

    async def heard(client: Client, last: int) -> None:
        while client.ids[-1:] != [last]:  # noqa: ASYNC110  # what it waits for is the loop itself
            await asyncio.sleep(0.005)

    async def main() -> None:
        async with asyncio.timeout(60):
            await story()

    try:
        asyncio.run(main())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
