"""How event streams end: clients that go, that are dismissed, that do not read, and a server that stops."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest

from protolab.protocols.sse.server import EventServer, Limits
from protolab.serve.fanout import WhenFull
from tests.protocols.sse.peers import Listener, send, serving, until

pytestmark = pytest.mark.live


def test_a_client_that_goes_is_noticed_at_once_however_it_goes() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            for leave in (Listener.cut, Listener.close, lambda listener: listener.writer.write_eof()):
                listener = await Listener.open(port)
                await listener.event()
                assert server.clients == {"ada": 1}
                leave(listener)
                await until(lambda: not server.audience.subscribers)
                assert not server.clients and not server.audience.fanout.members
                listener.close()

    asyncio.run(story())


def test_what_a_client_says_after_its_request_is_read_and_forgotten() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            listener = await Listener.open(port, more="\r\nGET /api/clients HTTP/1.1\r\nHost: x\r\n")
            await listener.event()
            for _ in range(100):
                listener.writer.write(b"POST /api/broadcast HTTP/1.1\r\n" * 1000)
                await listener.writer.drain()
            await server.broadcast("message", "still here")
            assert (await listener.event()).data == "still here"
            listener.close()

    asyncio.run(story())


def test_a_dismissed_client_sees_its_streams_end_and_204_until_it_is_admitted() -> None:
    async def story() -> None:
        async with serving(limits=Limits(dismissed=2)) as (server, port):
            ada, tab, bob = [await Listener.open(port, name) for name in ("ada", "ada", "bob")]
            await server.broadcast("message", "last")
            answer = await send(port, "DELETE", "/api/clients/ada")
            assert answer.json == {"status": "dismissed", "connections": 2}
            for each in (ada, tab):
                assert [event.name for event in await each.rest()] == ["connected", "message"]
                assert each.ended
            for _ in range(2):
                refused = await send(port, "GET", "/api/events?client_id=ada", Last_Event_ID="0")
                assert (refused.status, refused.body) == (204, b"")
                assert "Content-Type" not in refused.headers
            assert server.clients == {"bob": 1}
            await server.admit("ada")
            back = await Listener.open(port, "ada")
            assert (await back.event()).name == "connected"
            for name in ("x", "y", "z"):
                assert await server.dismiss(name) == 0
            assert list(server.dismissed) == ["y", "z"]
            back.close()
            bob.close()

    asyncio.run(story())


def test_a_stop_ends_each_stream_after_what_was_said_and_a_second_one_does_nothing() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            chunked, plain = [await Listener.open(port, version=version) for version in ("1.1", "1.0")]
            idle = await asyncio.open_connection("127.0.0.1", port)
            await server.broadcast("message", "last words")
            assert server.serving
            await server.stop()
            assert not server.serving
            for each in (chunked, plain):
                assert [event.data for event in await each.rest()][1:] == ["last words"]
            assert chunked.ended
            assert await idle[0].read() == b""
            idle[1].close()
            await server.stop()

    asyncio.run(story())


def test_a_stop_or_a_dismissal_at_any_moment_of_a_request_leaves_nothing_behind() -> None:
    async def story(turns: int, stop: bool) -> None:
        async with serving() as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /api/events?client_id=ada HTTP/1.1\r\nHost: x\r\n\r\n")
            for _ in range(turns):
                await asyncio.sleep(0)
            await (server.stop() if stop else server.dismiss("ada"))
            said = b""
            with contextlib.suppress(ConnectionResetError):  # it may be stopped before it reads the request
                async with asyncio.timeout(10):
                    said = await reader.read() if stop else await reader.readuntil(b"\r\n\r\n")
            assert not said or said.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204"))
            writer.close()

    for stop in (True, False):
        for turns in range(15):
            asyncio.run(story(turns, stop))


def test_a_stop_does_not_wait_for_a_client_that_reads_nothing() -> None:
    async def story() -> None:
        server = EventServer(keepalive=None, heartbeat=None)
        listener = await Listener.open(await server.start())
        listener.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not (server.audience.fanout.members and next(iter(server.audience.fanout.members)).size):
            await server.broadcast("message", "x" * 30_000)
            await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):  # as the lab does
                await server.stop()
        async with asyncio.timeout(1):
            await server.stop()
        assert not server.audience.subscribers
        assert asyncio.all_tasks() == {asyncio.current_task()}
        listener.cut()

    asyncio.run(story())


def test_who_does_not_read_is_cut_off_and_resumes_with_nothing_lost_or_doubled() -> None:
    async def story() -> None:
        async with serving(limits=Limits(kept=5000, kept_bytes=8 << 20)) as (server, port):
            slow = await Listener.open(port, "slow")
            slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
            said = 0
            while "slow" in server.clients:
                said = await server.broadcast("message", "x" * 5000)
                await asyncio.sleep(0)
            assert server.audience.fanout.counts.evicted == 1
            slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
            heard = []
            with contextlib.suppress(ConnectionResetError, asyncio.IncompleteReadError):
                while True:
                    heard.append(await slow.event())
            again = await Listener.open(port, "slow", heard[-1].id)
            while int(heard[-1].id or 0) < said:
                heard.append(await again.event())
            ids = [int(event.id) for event in heard if event.name == "message" and event.id]
            assert ids == list(range(1, said + 1))
            assert "resync" not in [event.name for event in heard]
            slow.close()
            again.close()

    asyncio.run(story())


def test_who_may_lose_the_oldest_is_told_how_many_and_hears_the_newest() -> None:
    async def story() -> None:
        async with serving(when_full=WhenFull.DROP_OLDEST) as (server, port):
            slow = await Listener.open(port, "slow")
            slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
            said = 0
            while not server.audience.fanout.counts.dropped:
                said = await server.broadcast("message", "x" * 5000)
                await asyncio.sleep(0)
            slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
            heard = [await slow.event()]
            while heard[-1].id != str(said):
                heard.append(await slow.event())
            names = [event.name for event in heard]
            gap = names.index("resync")
            assert heard[gap].json == {"reason": "too slow", "lost": server.audience.fanout.counts.dropped}
            ids = [int(event.id or 0) for event in heard]
            assert ids[gap + 1] - ids[gap - 1] == heard[gap].json["lost"] + 1
            assert server.clients == {"slow": 1}
            slow.close()

    asyncio.run(story())


def test_a_replay_of_the_whole_history_makes_no_client_look_slow() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            for _ in range(60):
                await server.broadcast("message", "x" * 5000)
            kept = len(server.history)
            assert server.history.bytes <= server.limits.kept_bytes
            listener = await Listener.open(port, "ada", "0")
            heard = await listener.events(kept + 2)
            assert [event.name for event in heard[:2]] == ["connected", "resync"]
            assert heard[-1].id == "60" and server.clients == {"ada": 1}
            listener.close()

    asyncio.run(story())


def test_httpx_reads_the_stream_to_its_clean_end() -> None:
    async def story() -> None:
        async with serving() as (server, port), httpx.AsyncClient() as client:
            address = f"http://127.0.0.1:{port}/api/events"
            async with client.stream("GET", address, params={"client_id": "zoë & co"}) as answer:
                assert answer.headers["content-type"] == "text/event-stream"
                lines = answer.aiter_lines()
                assert await anext(lines) == "retry: 2000"
                assert server.clients == {"zoë & co": 1}
                stopping = asyncio.create_task(server.stop())
                assert [line async for line in lines][:2] == ["id: 0", "event: connected"]
                await stopping

    asyncio.run(story())


def test_an_empty_request_line_and_other_noise_harm_nobody() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            listener = await Listener.open(port)
            await listener.event()
            for noise in (
                b"\r\n\r\n\r\n",
                b"\x16\x03\x01\x00\xa5" + bytes(300),
                b"GET / HTTP/9.9\r\n\r\n",
                b"G" * 70_000,
            ):
                with contextlib.suppress(ConnectionError, ValueError, IndexError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(noise)
                    writer.write_eof()
                    await asyncio.wait_for(reader.read(), 10)
                    writer.close()
            await server.broadcast("message", "unharmed")
            assert (await listener.event()).data == "unharmed"
            listener.close()

    asyncio.run(story())
