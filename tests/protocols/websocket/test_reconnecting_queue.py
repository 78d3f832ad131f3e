"""websocket.Client: what waits to be sent or read, in which order, and what is dropped."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from websockets.asyncio.server import ServerConnection

from protolab import websocket
from protolab.errors import LabError
from protolab.protocols.websocket.client_events import Connected, Dropped
from tests.protocols.websocket.clients import Heard, echo, quick, run, served

pytestmark = pytest.mark.live


def test_at_the_bound_the_oldest_are_dropped_told_of_and_counted() -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick(queue=3, queue_bytes=20))
            heard = Heard(client)
            for number in range(5):
                assert await client.send(f"{number}") is False
            assert heard.all("dropped") == [
                Dropped((f"{number}",), "too many messages wait for a connection") for number in (0, 1)
            ]
            await client.send("nineteen bytes here")
            assert heard.all("dropped")[2].messages == ("2", "3") and client.waiting == 2
            async with client:
                assert await heard.until("message", 2) == "nineteen bytes here"
            assert heard.all("message") == ["4", "nineteen bytes here"] and client.counts.dropped == 4

    run(main())


def test_what_waited_for_too_long_is_dropped_instead_of_sent() -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick(ttl=0))
            heard = Heard(client)
            await client.send("old news")
            async with client:
                await client.send("news")
                assert await heard.until("message") == "news"
            assert heard.all("dropped") == [Dropped(("old news",), "they waited for too long")]

    run(main())


def test_closing_drops_what_still_waits_and_says_so() -> None:
    async def main() -> None:
        client = websocket.Client("ws://127.0.0.1:9/", **quick())
        heard = Heard(client)
        await client.send(b"\x00\x01")
        await client.close()
        assert heard.told == [("dropped", Dropped((b"\x00\x01",), "the client was closed"))]
        with pytest.raises(LabError, match="This client is closed"):
            await client.send("too late")

    run(main())


def test_what_handlers_of_connected_say_goes_before_what_waited() -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client, "message")
            outside: list[bool] = []

            @client.on("connected")
            async def join(connected: Connected) -> None:
                assert await client.send("join") is True
                other = asyncio.create_task(client.send("from elsewhere, meanwhile"))
                outside.append(await other)

            await client.send("waited")
            async with client:
                await heard.until("message", 3)
            assert heard.all("message") == ["join", "waited", "from elsewhere, meanwhile"] and outside == [False]

    run(main())


def test_what_waits_is_kept_for_a_connection_that_lives() -> None:
    first = iter([True])

    async def close_once(connection: ServerConnection) -> None:
        if next(first, False):
            await connection.close(1001)
        await echo(connection)

    async def main() -> None:
        async with served(close_once) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client)

            @client.on("connected")
            async def too_late(connected: Connected) -> None:
                if connected.number == 1:
                    assert client._connection is not None
                    await client._connection.wait_closed()

            await client.send("waited")
            client.start()
            assert await heard.until("message") == "waited" and heard.all("connected")[-1].number == 2
            await client.close()

    run(main())


def test_text_bytes_and_json_are_sent_as_what_they_are_and_nothing_else_is() -> None:
    async def main() -> None:
        async with served(echo) as url, websocket.Client(url, **quick()) as client:
            said = [
                "text",
                b"bytes",
                bytearray(b"array"),
                {"ä": [1, None]},
                ["a", 1],
                "{not json",
                '{"a":' * 100_000,
                "",
            ]
            for each in said:
                await client.send(each)
            await client.send_binary(memoryview(b"view"))
            messages = aiter(client)
            assert [await anext(messages) for _ in range(9)] == [
                "text", b"bytes", b"array", {"ä": [1, None]}, '["a",1]', "{not json", '{"a":' * 100_000, "", b"view",
            ]  # fmt: skip
            for wrong in ({"a": float("nan")}, {"a": object()}, "\ud800", {1, 2}):
                with pytest.raises((TypeError, ValueError)):
                    await client.send(wrong)
            for number in (5, "text"):
                with pytest.raises(TypeError):
                    await client.send_binary(number)
            await client.send("still here")
            assert await anext(messages) == "still here" and client.counts.connections == 1

    run(main())


def test_who_iterates_slowly_slows_the_server_and_loses_nothing_who_never_does_costs_no_memory() -> None:
    async def pour(connection: ServerConnection) -> None:
        for number in range(500):
            await connection.send(str(number))
        await connection.close()

    async def main() -> None:
        async with served(pour) as url:
            async with websocket.Client(url, **quick(queue=5)) as client:
                messages = aiter(client)
                assert [message async for message in messages] == [str(number) for number in range(500)]
                assert client.counts.unread == 0
            client = websocket.Client(url, **quick(queue=5))
            heard = Heard(client)
            async with client:
                await heard.until("disconnected")
                assert [message async for message in client] == [str(number) for number in range(495, 500)]
            assert len(heard.all("message")) == 500 and client.counts.unread == 495

    run(main())


def test_iterating_goes_on_through_cuts() -> None:
    numbers = count(1)

    async def once(connection: ServerConnection) -> None:
        await connection.send(f"from connection {next(numbers)}")
        await connection.close(1001)

    async def main() -> None:
        async with served(once) as url:
            client = websocket.Client(url, **quick())
            seen = []
            async with client:
                async for message in client:
                    seen.append(message)
                    if len(seen) == 5:
                        break
            assert seen == [f"from connection {number}" for number in range(1, 6)]

    run(main())
