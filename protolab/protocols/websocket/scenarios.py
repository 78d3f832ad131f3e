"""Conversations worth looking at, each live against one of our servers, each with its frozen recording in `captures/`."""

from __future__ import annotations

import json

from protolab.protocols import Scenario
from protolab.protocols.websocket.chat import ChatServer
from protolab.protocols.websocket.client import connect
from protolab.protocols.websocket.raw import raw_connect
from protolab.protocols.websocket.server import EchoServer
from protolab.wire.websocket_frames import TEXT, Frame


async def _hello(url: str) -> None:
    async with connect(url) as client:
        await client.send("Hello")
        await client.recv()
        await (await client.ping(b"still there?"))


async def _fragments(url: str) -> None:
    async with connect(url) as client:
        await client.send(["one message, ", "in three ", "pieces"])
        await client.recv()
        await client.send(bytes(range(16)))
        await client.recv()
        await client.close(4000, "that is all")


async def _compressed(url: str) -> None:
    async with connect(url, compression="deflate") as client:
        for text in ("to be, or not to be", "to be, or not to be", "", "that is the question"):
            await client.send(text)
            await client.recv()


async def _unmasked(url: str) -> None:
    async with raw_connect(url) as client:
        await client.send(Frame(TEXT, b"Hello"))
        await client.ending()


async def _chat(url: str) -> None:
    async with connect(url) as ada, connect(url) as bob:
        for client in (ada, bob):
            await client.recv()  # welcome
        for client in (ada, bob):
            await client.send(json.dumps({"type": "room", "payload": {"action": "join", "room": "tea"}}))
            await client.recv()
        await ada.recv()  # bob joined
        await ada.send(json.dumps({"type": "chat", "payload": {"room": "tea", "message": "Hello, Bob"}}))
        for client in (ada, bob):
            await client.recv()
        await bob.close()
        await ada.recv()  # bob left


HELLO = Scenario("a greeting, a ping, a goodbye", EchoServer, _hello)
FRAGMENTS = Scenario("a message in three pieces, some bytes, a close with a reason", EchoServer, _fragments)
COMPRESSED = Scenario("the same text twice, compressed", lambda: EchoServer(compression="deflate"), _compressed)
UNMASKED = Scenario("a client that does not mask, and what a server makes of it", EchoServer, _unmasked)
CHAT = Scenario("two clients in a room", ChatServer, _chat)
