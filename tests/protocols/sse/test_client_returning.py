"""sse.Client after a stream: it comes back where it was, not too soon, not for ever, and not when nobody wants it to."""

from __future__ import annotations

import asyncio
import time

import pytest

from protolab import sse
from protolab.errors import LabError
from protolab.protocols.sse.client import ReadyState
from protolab.protocols.sse.endings import StreamError
from protolab.serve.returning import MaxAttempts, Reconnecting, Rule
from tests.protocols.sse.scripted import GONE, OK, Heard, Talk, forward, quick, run, served, told

pytestmark = pytest.mark.live


def test_a_stream_that_ends_is_resumed_after_the_last_id_whatever_was_cut_off() -> None:
    async def main() -> None:
        async with served(
            OK + b"id: \xc3\xa9\ndata: one\n\nid: lost\ndata: cut of",
            OK + b"data: two\n\nid\ndata: three\n\n",
            OK + b"id: 4\n\n: and no data",
            OK,
            GONE,
        ) as server:
            client = sse.Client(server.url, **quick())
            heard = Heard(client)
            assert await told(client) == ["one", "two", "three"]
        assert server.asked("Last-Event-ID") == [None, "é", None, "4", "4"]
        assert client.last_event_id == "4" and client.closed and client.failure is None
        assert client.ending is not None and client.ending.status == 204 and client.ending.rule is Rule.DONE
        assert [name for name, _ in heard.told[:3]] == ["connected", "disconnected", "reconnecting"]
        assert [one.number for one in heard.all("connected")] == [1, 2, 3, 4]

    run(main())


def test_a_connection_that_breaks_is_taken_up_again() -> None:
    async def broken(talk: Talk) -> None:
        await talk.say(OK + b"id: 1\ndata: one\n\n")
        talk.writer.transport.abort()

    async def main() -> None:
        short = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\nid: 2\ndata: two\n\n"
        async with served(broken, short, b"", b"HTTP/1.", GONE) as server:
            client = sse.Client(server.url, **quick())
            heard = Heard(client)
            assert await told(client) == ["one", "two"]
        assert server.asked("Last-Event-ID") == [None, "1", "2", "2", "2"]
        second = heard.all("disconnected")[1]
        assert second.rule is Rule.AGAIN and "middle of the body" in second.reason
        assert ["before there was a response" in str(one.error) for one in heard.all("error")] == [True, True]

    run(main())


def test_it_waits_at_least_as_long_as_the_server_says() -> None:
    async def main() -> None:
        async with served(OK + b"retry: 70\n\ndata: x\n\nretry: 7x\n\n", OK + b"data: y\n\n", GONE) as server:
            client = sse.Client(server.url, **quick())
            heard = Heard(client)
            began = time.monotonic()
            assert await told(client) == ["x", "y"]
            assert time.monotonic() - began >= 0.14 and client.retry == 70
        waits: list[Reconnecting] = heard.all("reconnecting")
        assert len(waits) == 2 and all(0.07 <= one.delay <= 0.08 and one.attempt == 1 for one in waits)

    run(main())


def test_no_retry_is_believed_beyond_an_hour() -> None:
    async def main() -> None:
        async with served(OK + b"retry: " + b"9" * 30 + b"\n\n") as server, sse.Client(server.url, **quick()) as client:
            heard = Heard(client)
            assert 3600 <= (await heard.until("reconnecting")).delay <= 3600.01
            assert client.ready_state is ReadyState.CONNECTING

    run(main())


def test_it_gives_up_after_so_many_attempts_in_a_row_that_came_to_nothing() -> None:
    async def main() -> None:
        async with served(OK + b"data: 1\n\n", OK + b"data: 2\n\n", OK) as server:
            client = sse.Client(server.url, **quick(max_attempts=2))
            heard = Heard(client)
            with pytest.raises(LabError, match="Gave up after 2 attempts"):
                await told(client)
        assert len(server.requests) == 4  # an event ends the row of failures, an empty stream does not
        (gave_up,) = heard.all("max_attempts")
        assert isinstance(gave_up, MaxAttempts) and gave_up.attempts == 2
        assert client.ready_state is ReadyState.CLOSED and isinstance(client.failure, StreamError)

    run(main())


def test_nobody_there_is_tried_again_until_somebody_is() -> None:
    async def main() -> None:
        async with served(GONE) as server:
            pass
        client = sse.Client(server.url, **quick(max_attempts=3))
        heard = Heard(client)
        with pytest.raises(LabError, match="Gave up after 3 attempts"):
            await client
        assert [one.doing for one in heard.all("error")] == ["connecting"] * 4

    run(main())


def test_a_silent_connection_counts_as_broken_and_a_comment_is_a_sign_of_life() -> None:
    async def talking(talk: Talk) -> None:
        await talk.say(OK)
        await heard.until("connected")
        for beat in range(1, 9):
            forward(800)
            await talk.say(b":\nretry: %d\n" % beat)
            while client.retry != beat:  # noqa: ASYNC110  # what it waits for is the client on this loop
                await asyncio.sleep(0)
        await talk.say(b"data: one\n\n")
        await heard.until("message")
        forward(1001)
        await talk.hold()

    async def main() -> None:
        nonlocal client, heard
        async with served(talking, GONE) as server:
            client = sse.Client(server.url, **quick(silence=1000))
            heard = Heard(client, "connected", "message", "disconnected")
            assert await told(client) == ["one"]
        (ending,) = heard.all("disconnected")
        assert "not a byte came for 1000 seconds" in ending.reason and ending.rule is Rule.AGAIN

    client: sse.Client
    heard: Heard
    run(main(), patience=100_000)


def test_a_server_that_takes_the_request_and_says_nothing_is_asked_again() -> None:
    async def mute(talk: Talk) -> None:
        forward(1001)
        await talk.hold()

    async def main() -> None:
        async with served(mute, GONE) as server:
            client = sse.Client(server.url, **quick(open_timeout=1000))
            heard = Heard(client)
            assert await told(client) == []
        assert len(server.requests) == 2 and isinstance(heard.all("error")[0].error, TimeoutError)

    run(main(), patience=100_000)


@pytest.mark.parametrize(
    ("said", "states"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", {"error": [2]}),
        (b"SSH-2.0\r\n", {"error": [2]}),
        (OK + b"data: " + b"x" * 2000, {"disconnected": [2]}),
        (b"", {"error": [0, 0], "max_attempts": [2]}),
        (GONE, {}),
    ],
)
def test_what_is_final_is_told_by_a_client_that_is_closed(said: bytes, states: dict[str, list[int]]) -> None:
    async def main() -> None:
        async with served(said) as server:
            client = sse.Client(server.url, **quick(max_attempts=1, max_event=1000))
            seen: dict[str, list[int]] = {}
            for name in ("error", "disconnected", "max_attempts"):
                client.on(name, lambda _, name=name: seen.setdefault(name, []).append(client.ready_state))
            with pytest.raises(LabError):
                await client
                await told(client)
            assert seen == states and client.ready_state == 2

    run(main())


def test_ready_states_are_those_of_an_event_source() -> None:
    async def main() -> None:
        async def one(talk: Talk) -> None:
            await talk.say(OK + b"data: x\n\n")

        async with served(one, Talk.hold) as server:
            client = sse.Client(server.url, **quick())
            seen: list[tuple[str, int]] = []
            for name in ("connected", "message", "disconnected", "reconnecting"):
                client.on(name, lambda _, name=name: seen.append((name, client.ready_state)))
            assert client.ready_state == 0
            heard = Heard(client, "reconnecting")
            client.start()
            await heard.until("reconnecting")
            assert seen == [("connected", 1), ("message", 1), ("disconnected", 0), ("reconnecting", 0)]
            await client.close()
            assert client.ready_state == 2 and repr(client) == "<event stream client, closed>"
            await client.close()
            with pytest.raises(LabError, match="Make another"):
                await client
            assert await told(client) == ["x"]

    run(main())
