"""Rooms shared by two servers through a real Redis."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest

from protolab.errors import LabError
from protolab.protocols.websocket.chat import ChatServer
from protolab.protocols.websocket.redis_rooms import RedisBus
from tests.protocols.websocket.chatting import Guest, guests, until
from tests.tools import need


class Redis:
    """A redis-server on a port of its own, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.program = need("redis-server")
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process: Popen[bytes] | None = None

    async def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = Popen([self.program, *options], stdout=DEVNULL)  # noqa: ASYNC220
        await until(self.answers)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    started = Redis(tmp_path)
    yield started
    started.kill()


@asynccontextmanager
async def two_servers(redis: Redis) -> AsyncIterator[tuple[ChatServer, ChatServer, Guest, Guest]]:
    """Two servers on one bus, and a guest at each, both in the room tea; every join has been heard."""
    await redis.start()
    one, two = (ChatServer(bus=RedisBus(redis.url)) for _ in range(2))
    try:
        async with guests(one) as (ann,), guests(two) as (bob,):
            await ann.join("tea")
            await until(lambda: two.bus.heard == 1)  # else bob, joining meanwhile, may hear that ann did
            await bob.join("tea")
            assert await ann.hears("system", command="user_joined") == {
                "command": "user_joined",
                "room": "tea",
                "user": bob.id,
            }
            yield one, two, ann, bob
    finally:
        await one.stop()
        await two.stop()


def test_chat_joining_and_leaving_cross_over_and_nothing_is_heard_twice(redis: Redis) -> None:
    async def story() -> None:
        async with two_servers(redis) as (one, _, ann, bob):
            assert ann.id != bob.id
            await bob.say("chat", room="tea", message="Hello over there")
            heard = [await guest.hears("chat") for guest in (ann, bob)]
            assert heard[0] == heard[1]
            assert heard[0]["sender"] == bob.id
            await ann.say("chat", room="tea", message="Hello yourself")
            assert (await ann.hears("chat"))["message"] == (await bob.hears("chat"))["message"] == "Hello yourself"
            await bob.leave("tea")
            assert await ann.hears("system") == {"command": "user_left", "room": "tea", "user": bob.id}
            assert await ann.silent() and await bob.silent()
            assert one.statistics().bus == {
                "connected": True, "lost": 0, "published": 2, "heard": 3, "dropped": 0, "ignored": 0,
            }  # fmt: skip

    asyncio.run(story())


def test_a_guest_who_breaks_off_is_missed_on_the_other_server(redis: Redis) -> None:
    async def story() -> None:
        async with two_servers(redis) as (_, _, ann, bob):
            bob.connection.transport.abort()
            assert await ann.hears("system") == {"command": "user_left", "room": "tea", "user": bob.id}

    asyncio.run(story())


def test_a_server_that_stops_takes_leave_of_the_others(redis: Redis) -> None:
    async def story() -> None:
        async with two_servers(redis) as (_, two, ann, bob):
            await two.stop()
            assert await ann.hears("system") == {"command": "user_left", "room": "tea", "user": bob.id}

    asyncio.run(story())


def test_a_lost_redis_is_reported_rooms_go_on_and_the_bus_comes_back(redis: Redis) -> None:
    async def story() -> None:
        async with two_servers(redis) as (one, two, ann, bob):
            redis.kill()
            await until(lambda: not (one.bus.connected or two.bus.connected))
            assert "Redis is lost" in repr(one.log)
            await ann.say("chat", room="tea", message="Anyone?")
            assert (await ann.hears("chat"))["message"] == "Anyone?"
            assert one.statistics().bus["lost"] == one.statistics().bus["dropped"] == 1
            await redis.start()
            await until(lambda: one.bus.connected and two.bus.connected)
            await ann.say("chat", room="tea", message="Back")
            assert (await bob.hears("chat"))["message"] == "Back"  # and "Anyone?" never came
            assert "Redis is back" in repr(one.log)

    asyncio.run(story())


def test_what_no_server_of_ours_would_say_is_ignored(redis: Redis) -> None:
    async def story() -> None:
        from redis.asyncio import Redis as Client

        async with two_servers(redis) as (one, _, ann, _), Client.from_url(redis.url) as stranger:
            for foreign in (
                b"", b"\n", b"x\ntea\n", b"x\ntea\n[]", b'x\ntea\n{"type":"chat","payload":{"room":"coffee"}}',
                b'x\ntea\n{"type":"error","payload":{"room":"tea"}}', b"x\n\xff\n{}", b"x\ntea\n" + b"[" * 10_000,
            ):  # fmt: skip
                await stranger.publish(one.bus.channel, foreign)
            await until(lambda: one.bus.ignored == 8)
            assert await ann.silent()

    asyncio.run(story())


def test_what_waits_for_redis_is_bounded_and_the_loss_counted(redis: Redis) -> None:
    async def story() -> None:
        await redis.start()
        bus = RedisBus(redis.url, backlog=3)
        await bus.start(lambda room, text: None, lambda text: None)
        for number in range(10):  # in one turn of the loop: nothing can be taken from it meanwhile
            bus.publish("tea", b"%d" % number)
        assert bus.statistics()["dropped"] == 7
        await bus.stop()
        assert bus.statistics()["published"] == 3
        await bus.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())


def test_without_the_package_the_bus_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(LabError, match=r"pip install 'protolab\[redis\]'"):
        RedisBus()


def test_without_a_redis_the_server_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"redis://someone:secret@127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(LabError, match="redis-server") as told:
            asyncio.run(ChatServer(bus=RedisBus(url)).start())
    assert "secret" not in str(told.value)
    with pytest.raises(LabError, match="redis://"):
        RedisBus("nonsense")
