"""UpdatesServer over WebSocket: readers that come early, late, that talk, and that fall behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from protolab import lab, websocket

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()


def test_every_reader_is_told_every_update_in_order_early_or_late_and_whatever_it_says() -> None:
    server = websocket.UpdatesServer()
    handle = lab.start(server)

    async def main() -> list[list[str | bytes]]:
        async with websocket.connect(handle.url) as early:
            for _ in range(100):
                await early.send("not asked for")
            await server.publish("one")
            async with websocket.connect(handle.url) as late:
                await server.publish("zwei 😀")
                return [[await reader.recv() for _ in range(2)] for reader in (early, late)]

    assert lab.run(main()) == [["one", "zwei 😀"]] * 2


def test_a_late_reader_is_told_what_is_still_kept() -> None:
    server = websocket.UpdatesServer(keep=2)
    handle = lab.start(server)

    async def main() -> list[str | bytes]:
        for text in ("one", "two", "three"):
            await server.publish(text)
        async with websocket.connect(handle.url) as reader:
            return [await reader.recv(), await reader.recv()]

    assert lab.run(main()) == ["two", "three"]


def test_a_reader_that_falls_behind_what_is_kept_is_closed_with_1008() -> None:
    server = websocket.UpdatesServer(keep=1)
    handle = lab.start(server)

    async def main() -> tuple[int, str]:
        async with websocket.connect(handle.url) as reader:
            await server.updates.awaited.wait()
            await server.publish("one")
            await server.publish("two")  # before the reader's turn comes
            with pytest.raises(ConnectionClosed) as closed:
                await reader.recv()
            assert closed.value.rcvd is not None
            return closed.value.rcvd.code, closed.value.rcvd.reason

    assert lab.run(main()) == (1008, "updates before number 2 are forgotten")


def test_a_stop_says_goodbye_to_readers_that_wait() -> None:
    server = websocket.UpdatesServer()
    handle = lab.start(server)

    async def main() -> int | None:
        async with websocket.connect(handle.url) as reader:
            await server.updates.awaited.wait()
            stopping = asyncio.create_task(server.stop())
            with pytest.raises(ConnectionClosed):
                await reader.recv()
            await stopping
            return reader.close_code

    assert lab.run(main()) == 1001
    assert not server.serving
