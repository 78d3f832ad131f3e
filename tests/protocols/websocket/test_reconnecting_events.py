"""websocket.Client: who is told of what, what a server may tell it to do, and handlers that fail."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from protolab import lab, websocket
from protolab.errors import LabError
from protolab.protocols.websocket.client_events import EVENTS, Connected
from protolab.serve.handlers import Failed
from protolab.serve.returning import Rule
from tests.protocols.websocket.clients import Heard, echo, quick, run, served

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()


def test_no_message_can_pose_as_an_event_of_the_client() -> None:
    async def hostile(connection: ServerConnection) -> None:
        for kind in (*EVENTS, "chat", "type:chat"):
            await connection.send(json.dumps({"type": kind, "payload": {"posing as": kind}}))
        await connection.send('{"type": "chat"}')
        await connection.send('{"type": ["chat"]}')
        await connection.wait_closed()

    async def main() -> None:
        async with served(hostile) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client, *EVENTS, "chat", *(f"type:{event}" for event in EVENTS), "type:type:chat")
            async with client:
                await heard.until("message", len(EVENTS) + 4)
            assert heard.all("connected") == [Connected(1, None)]
            assert not heard.all("error") and not heard.all("dropped") and not heard.all("max_attempts")
            for event in EVENTS:
                assert heard.all(f"type:{event}") == [{"posing as": event}]
            assert heard.all("chat") == [{"posing as": "chat"}, {"type": "chat"}]
            assert heard.all("type:type:chat") == [{"posing as": "type:chat"}]

    run(main())


def test_a_handler_that_raises_is_reported_and_harms_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick())

            @client.on("chat")
            def broken(payload: object) -> None:
                raise KeyError("colour")

            @client.on("chat")
            async def cancelled(payload: object) -> None:
                task = asyncio.ensure_future(asyncio.Event().wait())
                task.cancel()
                await task

            @client.on("error")
            async def broken_too(failed: Failed) -> None:
                raise ValueError("in the handler of errors")

            heard = Heard(client)
            async with client:
                await client.send_chat("Hello")
                assert (await heard.until("message"))["payload"]["message"] == "Hello"
                client.off("chat", broken)
                client.off("chat", cancelled)
                await client.send_chat("Hello again")
                await heard.until("message", 2)
            first, second = heard.all("error")
            assert first.doing == second.doing == "handling type:chat"
            assert isinstance(first.error, KeyError) and "cancelled" in str(second.error)
            assert sum("in the handler of errors" in entry.text for entry in client.log) == 2
            assert any("KeyError('colour')" in entry.text for entry in client.log)
            with pytest.raises(ValueError):
                client.off("chat", broken)

    run(main())
    assert capfd.readouterr() == ("", "")


def test_a_servers_ping_is_answered_and_its_reconnect_obeyed() -> None:
    said: list[Any] = []

    async def command(connection: ServerConnection) -> None:
        await connection.send('{"type": "system", "payload": {"command": "ping"}}')
        said.append(json.loads(await connection.recv())["payload"]["command"])
        if len(said) < 3:
            await connection.send('{"type": "system", "payload": {"command": "reconnect"}}')
        try:
            said.append(await connection.recv())
        except ConnectionClosed as closed:
            said.append((closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None)

    async def main() -> None:
        async with served(command) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client, *EVENTS, "system")
            client.start()
            assert (await heard.until("disconnected")).rule is Rule.AGAIN
            await heard.until("system", 3)
            assert [payload["command"] for payload in heard.all("system")] == ["ping", "reconnect", "ping"]
            await client.send("thank you")
            await client.close()
        assert said == ["pong", (1000, "coming back, as told"), "pong", "thank you"]

    run(main())


def test_a_reconnect_is_no_way_around_a_dismissal() -> None:
    async def command(connection: ServerConnection) -> None:
        await connection.send('{"type": "system", "payload": {"command": "reconnect"}}')
        await connection.close(1008, "go away")

    async def main() -> None:
        async with served(command) as url:
            client = websocket.Client(url, **quick())
            client.start()
            with pytest.raises(LabError, match="go away"):
                async for _ in client:
                    pass
            assert client.counts.connections == 1

    run(main())


def test_its_pings_are_those_of_the_application_and_of_the_protocol() -> None:
    async def main() -> None:
        server = lab.start(websocket.ChatServer())
        client = websocket.Client(server.url, **quick())
        heard = Heard(client, "system")
        assert await client.ping() is False and client.waiting == 0
        with pytest.raises(LabError, match="no connection"):
            await client.round_trip()
        async with client:
            assert await client.ping() is True
            assert (await heard.until("system", 2))["command"] == "pong"
            began = time.monotonic()
            assert 0 < await client.round_trip() <= time.monotonic() - began

    run(main())
