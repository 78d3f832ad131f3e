"""UpdatesServer as an event stream: readers that come early, late, again, that fall behind and that go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from protolab import sse
from tests.protocols.sse.peers import Event, Listener, send, until

pytestmark = pytest.mark.live


async def read(port: int, last_id: str | None = None, version: str = "1.1") -> Listener:
    """A reader whose request is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    resume = "" if last_id is None else f"Last-Event-ID: {last_id}\r\n"
    writer.write(f"GET /updates HTTP/{version}\r\nHost: x\r\n{resume}\r\n".encode())
    async with asyncio.timeout(10):
        return Listener(reader, writer, await reader.readuntil(b"\r\n\r\n"))


def run(story: Any, **options: Any) -> None:
    """Tell a story to a server and its port, and see that it is gone afterwards, with all that it held."""

    async def main() -> None:
        server = sse.UpdatesServer(**options)
        port = await server.start()
        try:
            async with asyncio.timeout(20):
                await story(server, port)
        finally:
            await server.stop()
        assert not server.held and not server.serving
        assert not [entry.text for entry in server.log if "failed" in entry.text]
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_every_reader_is_told_every_update_in_order_early_or_late() -> None:
    async def story(server: sse.UpdatesServer, port: int) -> None:
        early, old = await read(port), await read(port, version="1.0")
        assert early.status == 200 and early.headers.pop("Date")
        assert early.headers == {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "Transfer-Encoding": "chunked",
        }
        assert await server.publish("one") == 1
        late = await read(port)
        assert await server.publish("zwei 😀") == 2
        for reader in (early, late, old):
            assert await reader.events(2) == [Event("", "one", "1"), Event("", "zwei 😀", "2")]
        stopping = asyncio.create_task(server.stop())
        for reader in (early, late, old):
            assert await reader.rest() == []
            assert reader.ended == reader.chunked
            reader.close()
        await stopping

    run(story)


def test_an_update_is_one_event_of_its_text_and_number() -> None:
    async def story(server: sse.UpdatesServer, port: int) -> None:
        reader = await read(port)
        await server.updates.awaited.wait()
        await server.publish("news")
        raw = await reader.reader.readuntil(b"\n\n\r\n")
        assert raw == b"12\r\nid: 1\ndata: news\n\n\r\n"
        reader.close()
        await until(lambda: not server.held)

    run(story)


def test_who_comes_back_is_told_what_came_after_its_id_and_who_invents_one_hears_resync() -> None:
    async def story(server: sse.UpdatesServer, port: int) -> None:
        for number in range(1, 6):
            await server.publish(f"{number}")
        again = await read(port, "4")
        assert await again.event() == Event("", "5", "5")
        forgotten = await read(port, "1")
        resync, *kept = await forgotten.events(3)
        assert (resync.name, resync.json) == ("resync", {"reason": "updates before number 4 are forgotten"})
        assert kept == [Event("", "4", "4"), Event("", "5", "5")]
        for invented in ("6", "-1", "x", "9" * 40):
            reader = await read(port, invented)
            resync, *kept = await reader.events(3)
            assert resync.name == "resync" and resync.json["reason"].endswith("was never given")
            assert [event.id for event in kept] == ["4", "5"]
            reader.close()
        again.close()
        forgotten.close()

    run(story, keep=2)


def test_a_quiet_stream_is_kept_alive_by_comments() -> None:
    async def story(server: sse.UpdatesServer, port: int) -> None:
        reader = await read(port)
        assert [event.name for event in await reader.events(3)] == ["comment"] * 3
        await server.publish("news")
        while (event := await reader.event()).name == "comment":
            continue
        assert event == Event("", "news", "1")
        reader.close()

    run(story, keepalive=0.01)


def test_readers_that_go_leave_nothing_behind() -> None:
    async def story(server: sse.UpdatesServer, port: int) -> None:
        readers = [await read(port) for _ in range(20)]
        await until(lambda: len(server.held) == 20)
        for number, reader in enumerate(readers):
            reader.cut() if number % 2 else reader.close()
        await until(lambda: not server.held)

    run(story)


def test_anything_else_is_refused() -> None:
    async def story(server: sse.UpdatesServer, port: int) -> None:
        wrong, nowhere = await send(port, "POST", "/updates", {}), await send(port, "GET", "/")
        assert (wrong.status, wrong.headers["Allow"], nowhere.status) == (405, "GET", 404)
        assert all("Server" not in each.headers for each in (wrong, nowhere))
        assert [entry.text for entry in server.log] == ["405 POST /updates", "404 GET /"]

    run(story)
