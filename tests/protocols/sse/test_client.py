"""sse.Client against servers of raw bytes: what it asks, what it takes and tells, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from protolab import sse
from protolab.protocols.sse.client import Connected
from protolab.protocols.sse.endings import Ending
from protolab.serve.returning import Rule
from tests.protocols.sse.scripted import GONE, OK, Heard, Talk, quick, run, served, told

pytestmark = pytest.mark.live


def test_it_asks_for_a_stream_as_the_standard_says_and_names_no_id_that_it_does_not_have() -> None:
    async def main() -> None:
        async with served(GONE) as server:
            client = sse.Client(server.url + "?room=a b", headers={"Authorization": "Bearer x", "accept": "text/*"})
            assert await told(client) == []
        (head,) = server.requests
        assert head.start == ("GET", "/events?room=a%20b", "HTTP/1.1")
        lines = [(header.name, header.value) for header in head.headers]
        assert lines == [
            ("Host", server.url.split("/")[2]),
            ("User-Agent", "protolab"),
            ("Accept-Encoding", "identity"),
            ("Cache-Control", "no-store"),
            ("Authorization", "Bearer x"),
            ("accept", "text/*"),
        ]

    run(main())


def test_events_come_by_type_with_their_ids_and_as_json() -> None:
    stream = b'event: update\nid: 1\ndata: {"a":\ndata: 1}\n\ndata: plain\n\nevent: connected\ndata: theirs\n\n'

    async def main() -> None:
        async with served(OK + stream, GONE) as server:
            client = sse.Client(server.url, **quick())
            heard = Heard(client, "update", "message", "event:connected", "connected")
            got = [event async for event in client]
        assert [(event.type, event.data, event.last_event_id) for event in got] == [
            ("update", '{"a":\n1}', "1"),
            ("message", "plain", "1"),
            ("connected", "theirs", "1"),
        ]
        assert got[0].json() == {"a": 1}
        with pytest.raises(ValueError):
            got[1].json()
        assert heard.all("update") == got[:1] and heard.all("message") == got[1:2]
        assert heard.all("event:connected") == got[2:] and heard.all("connected") == [Connected(1, server.url)]

    run(main())


def test_the_body_may_be_chunked_counted_or_end_with_the_connection_and_be_cut_anywhere() -> None:
    stream = b"\xef\xbb\xbfid: 1\r\ndata: one\r\n\r\n"

    async def bytewise(talk: Talk) -> None:
        head = OK[:-2] + b"Transfer-Encoding: Chunked\r\n\r\n"
        body = b"".join(b"%x ;ext=1\r\n%c\r\n" % (1, byte) for byte in stream) + b"0\r\nTrailer: x\r\n\r\n"
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        await talk.say(*(bytes([byte]) for byte in early + head + body))
        await talk.hold()

    async def counted(talk: Talk) -> None:
        await talk.say(OK[:-2] + b"Content-Length: %d\r\n\r\n" % len(stream) + stream + b"data: not of the body\n\n")
        await talk.hold()

    async def main() -> None:
        async with served(bytewise, counted, OK.replace(b"1.1", b"1.0") + stream, GONE) as server:
            assert await told(sse.Client(server.url, **quick())) == ["one"] * 3
        assert server.asked("Last-Event-ID") == [None, "1", "1", "1"]

    run(main())


@pytest.mark.parametrize("event", ["message", "connected"])
def test_it_can_be_closed_from_a_handler(event: str) -> None:
    async def main() -> None:
        async def endless(talk: Talk) -> None:
            await talk.say(OK + b"id: 1\ndata: first\n\nid: 2\ndata: second\n\n")
            await talk.hold()

        async with served(endless) as server:
            client = sse.Client(server.url, **quick())
            client.on(event, lambda _: client.close())
            heard = Heard(client)
            data = await told(client)
            assert data == (["first"] if event == "message" else [])
            (ending,) = heard.all("disconnected")
            assert isinstance(ending, Ending) and (ending.by, ending.rule) == ("client", Rule.DONE)
            assert client.last_event_id == ("1" if event == "message" else "")
            assert not heard.all("reconnecting") and client.closed
            await client.close()

    run(main())


def test_what_a_handler_raises_is_told_and_logged_and_does_no_harm() -> None:
    async def main() -> None:
        async with served(OK + b"data: a\n\ndata: b\n\n", GONE) as server:
            client = sse.Client(server.url, **quick())
            heard = Heard(client, "error")
            calls: list[str] = []

            @client.on("message")
            def bad(event: sse.Event) -> None:
                calls.append(event.data)
                raise ZeroDivisionError(event.data)

            @client.on("message")
            async def good(event: sse.Event) -> None:
                await asyncio.sleep(0)
                calls.append(event.data.upper())
                if event.data == "a":
                    client.off("message", bad)

            assert await told(client) == ["a", "b"]
        assert calls == ["a", "A", "B"]
        assert [one.doing for one in heard.all("error")] == ["handling event:message"]
        assert "ZeroDivisionError('a')" in repr(client.log)

    run(main())


def test_an_iteration_that_is_cancelled_loses_nothing_and_the_next_goes_on() -> None:
    async def main() -> None:
        go = asyncio.Event()

        async def slow(talk: Talk) -> None:
            await talk.say(OK + b"data: 1\n\n")
            await go.wait()
            await talk.say(b"data: 2\n\n")
            await talk.hold()

        async with served(slow) as server, sse.Client(server.url, **quick()) as client:
            got: list[str] = []

            async def read() -> None:
                async for event in client:
                    got.append(event.data)
                    seen.set()

            seen = asyncio.Event()
            task = asyncio.create_task(read())
            await seen.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client.connected
            go.set()
            assert (await anext(aiter(client))).data == "2" and got == ["1"]

    run(main())


def test_who_reads_slowly_slows_the_server_down_and_loses_nothing() -> None:
    async def main() -> None:
        sent = 0

        async def flood(talk: Talk) -> None:
            nonlocal sent
            await talk.say(OK)
            for sent in range(400):
                await talk.say(b"data: %d %s\n\n" % (sent, b"x" * 20_000))
            await talk.say(b"event: end\ndata:\n\n")

        async with served(flood, GONE) as server, sse.Client(server.url, **quick(queue=4)) as client:
            numbers = []
            async for event in client:
                if event.type == "end":
                    break
                numbers.append(int(event.data.split()[0]))
                if not numbers[-1]:
                    for _ in range(500):  # turns of the loop
                        await asyncio.sleep(0)
                    assert sent < 399
            assert numbers == list(range(400)) and client.counts.unread == 0

    run(main())


def test_with_nobody_iterating_the_newest_events_are_kept() -> None:
    async def main() -> None:
        async with served(OK + b"".join(b"data: %d\n\n" % n for n in range(9)), Talk.hold) as server:
            client = sse.Client(server.url, **quick(queue=3))
            heard = Heard(client)
            client.start()
            await heard.until("disconnected")
            await client.close()
            assert await told(client) == ["6", "7", "8"] and client.counts.unread == 6

    run(main())


def test_a_client_that_nobody_waits_for_any_more_hangs_up() -> None:
    async def main() -> None:
        async def trickle(talk: Talk) -> None:
            await talk.say(OK[:9])
            await talk.hold()

        async with served(trickle) as server:
            client = sse.Client(server.url, **quick())
            waiting = asyncio.ensure_future(client)
            await server.until(requests=1, still_open=1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert client.closed
            await server.until(requests=1, still_open=0)

    run(main())


def test_a_handler_that_never_comes_to_an_end_is_cancelled_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protolab.serve.returning.GRACE", 0.05)

    async def main() -> None:
        async with served(OK + b"data: x\n\n") as server:
            client = sse.Client(server.url, **quick())
            busy = asyncio.Event()

            @client.on("message")
            async def forever(event: sse.Event) -> None:
                busy.set()
                await asyncio.Event().wait()

            client.start()
            await busy.wait()
            await client.close()
            assert client.closed and client.ready_state == 2

    run(main())
