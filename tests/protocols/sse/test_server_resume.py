"""The event server and our client through the lab's tap, which cuts: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from protolab import lab, sse
from protolab.serve.backoff import Backoff
from tests.protocols.sse.peers import Event, Listener

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()


def test_a_client_that_is_cut_off_again_and_again_hears_each_event_once_and_in_order() -> None:
    server = sse.EventServer(retry=1)
    handle = lab.start(server)

    async def story() -> tuple[list[str], int]:
        heard: list[str] = []
        url = f"{handle.url}?client_id=ada"
        async with asyncio.timeout(20), sse.Client(url, backoff=Backoff(base=0.01, cap=0.01)) as client:

            async def listen() -> None:
                async for event in client:
                    if event.type != "connected":
                        heard.append(event.last_event_id)
                        if event.data == "end":
                            return

            listening = asyncio.create_task(listen())
            for number in range(200):
                await server.broadcast("message", f"{number}", ["ada"] if number % 3 else None)
                await server.broadcast("message", "not hers", ["bob"])
                if number % 40 == 20:
                    handle.cut()
                await asyncio.sleep(0)
            await server.broadcast("message", "end")
            await listening
            return heard, client.counts.connections

    heard, connections = lab.run(story())
    assert heard == [str(number) for number in range(1, 401, 2)] + ["401"]
    assert connections > 1


def test_204_ends_our_client_for_good() -> None:
    server = sse.EventServer(retry=1)
    handle = lab.start(server)

    async def story() -> list[str]:
        async with asyncio.timeout(20):
            client = sse.Client(f"{handle.url}?client_id=ada", backoff=Backoff(base=0.01, cap=0.01))
            types = []
            async with client:
                async for event in client:
                    types.append(event.type)
                    if event.type == "connected":
                        await server.broadcast("alert", "goodbye")
                    if event.type == "alert":
                        await server.dismiss("ada")
            assert client.ready_state == sse.client.ReadyState.CLOSED
            return types

    assert lab.run(story()) == ["connected", "alert"]


def test_the_same_server_started_again_remembers() -> None:
    async def story() -> None:
        server = sse.EventServer(keepalive=None, heartbeat=None)
        for run in range(3):
            listener = await Listener.open(await server.start(), "ada", str(run) if run else None)
            await listener.event()
            await server.broadcast("message", f"{run}")
            assert await listener.event() == Event("message", f"{run}", str(run + 1))
            await server.stop()
            assert await listener.rest() == [] and listener.ended
            listener.close()

    asyncio.run(story())
