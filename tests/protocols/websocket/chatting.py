"""Guests for the chat server's tests: real clients over loopback, which wait for what they hear and never sleep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from protolab.protocols.websocket.chat import ChatServer

PATIENCE = 10  # seconds that anything may take


class Guest:
    """A client in the chat; `id` is what the server's welcome called it."""

    def __init__(self, connection: ClientConnection, welcome: dict[str, Any]) -> None:
        self.connection = connection
        self.welcome = welcome
        self.id: str = welcome["payload"]["id"]

    async def say(self, kind: str, **payload: object) -> None:
        await self.connection.send(json.dumps({"type": kind, "payload": payload}))

    async def next(self) -> dict[str, Any]:
        """The next message, whatever it is."""
        async with asyncio.timeout(PATIENCE):
            message: dict[str, Any] = json.loads(await self.connection.recv())
            return message

    async def hears(self, kind: str, **about: object) -> dict[str, Any]:
        """The payload of the next message, which must be of that kind and hold `about`."""
        message = await self.next()
        assert message["type"] == kind and about.items() <= message["payload"].items(), message
        payload: dict[str, Any] = message["payload"]
        return payload

    async def error(self) -> str:
        """The code of the error that comes next."""
        payload = await self.hears("error")
        assert set(payload) == {"code", "message"} and payload["message"]
        code: str = payload["code"]
        return code

    async def join(self, room: str) -> None:
        await self.say("room", action="join", room=room)
        assert await self.hears("room") == {"action": "joined", "room": room}

    async def leave(self, room: str) -> None:
        await self.say("room", action="leave", room=room)
        assert await self.hears("room") == {"action": "left", "room": room}

    async def silent(self) -> bool:
        """Whether nothing was said before the server answered a ping of the chat's own."""
        await self.say("system", command="ping")
        return (await self.next())["payload"].get("command") == "pong"

    async def closed(self) -> tuple[int | None, str | None]:
        """Read to the end; the close code and reason that came."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    await self.connection.recv()
            except Exception:
                await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  # what is asked here sets no event
            await asyncio.sleep(0.005)  # a poll within a timeout, not a guess at how long it takes


@asynccontextmanager
async def guests(server: ChatServer, number: int = 1, **options: Any) -> AsyncIterator[list[Guest]]:
    """That many guests who have had their welcome. Starts the server when it is not running, and then stops it too."""
    async with AsyncExitStack() as stack:
        if not server.port:
            await server.start()
            stack.push_async_callback(server.stop)
        url = f"ws://127.0.0.1:{server.port}"
        there = []
        for _ in range(number):
            # max_queue=None: what a test leaves unheard does not keep a guest from hearing that the others close.
            opened = connect(url, compression=None, proxy=None, max_queue=None, **options)
            connection = await stack.enter_async_context(opened)
            there.append(Guest(connection, json.loads(await connection.recv())))
        yield there
