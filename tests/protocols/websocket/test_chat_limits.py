"""The chat's bounds: what a client may cost, the close code or the error it gets, and what the others notice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from protolab.protocols.websocket.chat import ChatServer, Limits
from protolab.serve.fanout import WhenFull
from protolab.wire.websocket_frames import PING, Frame
from tests.protocols.websocket.chatting import PATIENCE, Guest, guests, until

KB = 1 << 10


def test_a_message_too_long_is_closed_with_1009_and_the_longest_is_not() -> None:
    async def story() -> None:
        async with guests(ChatServer(limits=Limits(message=200)), 2) as (ann, bob):
            text = '{"type":"chat","payload":{"room":"tea","message":"%s"}}'
            await ann.join("tea")
            await ann.connection.send(text % ("x" * (200 - len(text) + 2)))
            assert len((await ann.hears("chat"))["message"]) == 202 - len(text)
            await bob.connection.send(text % ("x" * (201 - len(text) + 2)))
            assert (await bob.closed())[0] == 1009
            await ann.connection.send(["x" * 150, "x" * 51])  # in two fragments: the message counts, not the frame
            assert (await ann.closed())[0] == 1009

    asyncio.run(story())


def test_who_talks_too_fast_is_closed_with_1008_and_has_left_the_room() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(rate=1, burst=20))
        async with guests(server, 2) as (ann, bob):
            await ann.join("tea")
            await bob.join("tea")
            for number in range(40):
                await bob.say("chat", room="tea", message=str(number))
            code, reason = await bob.closed()
            assert (code, reason) == (1008, "too many messages: the rate here is 1 a second")
            await ann.hears("system", command="user_joined")
            assert [(await ann.hears("chat"))["message"] for _ in range(19)] == [str(number) for number in range(19)]
            assert await ann.hears("system", command="user_left", user=bob.id)
            assert repr(server.log).count("1008") == 1  # once: what came after it was read and forgotten

    asyncio.run(story())


def test_rooms_members_and_rooms_of_one_client_are_bounded() -> None:
    async def story() -> None:
        limits = Limits(rooms=3, members=2, rooms_per_client=2, name=8)
        async with guests(ChatServer(limits=limits), 3) as (ann, bob, eve):

            async def refused(guest: Guest, room: str) -> str:
                await guest.say("room", action="join", room=room)
                return await guest.error()

            await ann.join("a")
            await ann.join("b")
            assert await refused(ann, "c") == "too_many_rooms"
            assert await refused(ann, "x" * 9) == "bad_room_name"
            await ann.join("a")  # who is in stays in
            await bob.join("c")
            assert await refused(bob, "d") == "full"  # no fourth room
            await bob.join("a")
            await ann.hears("system", command="user_joined")
            assert await refused(eve, "a") == "full"  # no third member
            await ann.leave("a")
            await bob.hears("system", command="user_left")
            await eve.join("a")
            await eve.say("system", command="get_stats")
            assert (await eve.hears("system"))["data"]["rooms"] == {"a": 2, "b": 1, "c": 1}

    asyncio.run(story())


def test_when_the_house_is_full_the_next_one_gets_503() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(clients=2))
        async with guests(server, 2) as (ann, _):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://127.0.0.1:{server.port}")
            assert refused.value.response.status_code == 503
            await ann.connection.close()
            await until(lambda: len(server.connections) == 1)
            async with guests(server):
                assert server.statistics().clients == 2

    asyncio.run(story())


def test_a_silent_connection_is_pinged_and_let_go() -> None:
    async def story() -> None:
        server = ChatServer(keepalive=0.05, limits=Limits(grace=0.2))
        async with guests(server, 2) as (ann, bob):
            await bob.join("tea")
            await ann.join("tea")
            await bob.hears("system", command="user_joined")
            ann.connection.transport.pause_reading()  # no pong will come
            assert await bob.hears("system", command="user_left", user=ann.id)
            assert await bob.silent()
            ann.connection.transport.abort()

    asyncio.run(story())


class Flood:
    """A room where ann talks, bob listens, and slow, who is in it too, does not read."""

    def __init__(self, server: ChatServer, ann: Guest, bob: Guest, slow: Guest) -> None:
        self.server, self.ann, self.bob, self.slow = server, ann, bob, slow
        self.sent = 0

    @property
    def held(self) -> int:
        """The most that the server holds for any client, in bytes."""
        fanout = self.server.fanout
        return max(member.size + member.transport.get_write_buffer_size() for member in fanout.members)

    async def talk(self, messages: int) -> None:
        """Ann says that many things, and bob hears each."""
        for _ in range(messages):
            await self.ann.say("chat", room="tea", message=f"{self.sent} " + "x" * 2000)
            for guest in (self.ann, self.bob):
                while (message := await guest.next())["type"] != "chat":
                    assert message["payload"]["command"] in ("user_joined", "user_left")
                assert message["payload"]["message"].startswith(f"{self.sent} ")
            assert self.held <= 64 * KB + 2 * self.server.limits.pending
            self.sent += 1


async def flood(server: ChatServer) -> Flood:
    ann, bob, slow = await _three(server)
    for guest in (slow, bob, ann):
        await guest.say("room", action="join", room="tea")
    await until(lambda: server.statistics().rooms.get("tea") == 3)
    for guest in (ann, bob):
        while (await guest.next())["type"] != "room":
            pass
    slow.connection.transport.pause_reading()
    return Flood(server, ann, bob, slow)


async def _three(server: ChatServer) -> list[Guest]:
    url = f"ws://127.0.0.1:{server.port}"
    connections = [await connect(url, compression=None, max_size=None, max_queue=None) for _ in range(3)]
    return [Guest(connection, json.loads(await connection.recv())) for connection in connections]


LIMITS: dict[str, Any] = {"pending": 64 * KB, "rate": 1e6, "burst": 1_000_000}


def test_a_slow_reader_is_evicted_the_others_hear_everything_and_it_sees_1013_if_it_reads_in_time() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(**LIMITS, grace=PATIENCE))
        await server.start()
        room = await flood(server)
        while not server.fanout.counts.evicted:
            await room.talk(100)
            assert room.sent < 20_000, "the kernel cannot have taken 40 MB"
        await room.talk(50)
        assert server.statistics().rooms == {"tea": 2}
        assert server.statistics().counts.dropped > 0
        room.slow.connection.transport.resume_reading()
        heard = []
        with pytest.raises(Exception, match="1013"):
            while True:
                heard.append(await room.slow.next())
        said = [int(message["payload"]["message"].split()[0]) for message in heard if message["type"] == "chat"]
        assert said == list(range(len(said)))  # whole messages, none missing, and then the Close
        assert room.slow.connection.close_code == 1013
        await server.stop()

    asyncio.run(story())


def test_what_waits_for_a_slow_reader_goes_before_the_goodbye() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(**LIMITS, grace=PATIENCE))
        await server.start()
        room = await flood(server)
        slow = server.clients[room.slow.id].member
        while not slow.size:
            await room.talk(10)
        assert slow.open
        stopping = asyncio.create_task(server.stop())
        await room.bob.closed()  # the Close is on its way to slow, too
        room.slow.connection.transport.resume_reading()
        heard = 0
        with pytest.raises(Exception, match="1001"):
            while message := await room.slow.next():
                heard += message["type"] == "chat"
        assert heard == room.sent
        await stopping

    asyncio.run(story())


def test_an_evicted_client_that_never_reads_is_cut_off_after_the_grace() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(**LIMITS, grace=0.1))
        await server.start()
        room = await flood(server)
        while not server.fanout.counts.evicted:
            await room.talk(100)
        await until(lambda: len(server.connections) == 2)
        await server.stop()
        room.slow.connection.transport.abort()

    asyncio.run(story())


def test_with_drop_oldest_a_slow_reader_stays_and_is_told_how_many_it_missed() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(**LIMITS), when_full=WhenFull.DROP_OLDEST)
        await server.start()
        room = await flood(server)
        while server.fanout.counts.dropped < 100:
            await room.talk(100)
        room.slow.connection.transport.resume_reading()
        expected = missed = 0
        while expected < room.sent:
            message = await room.slow.next()
            if message["type"] == "chat":
                assert int(message["payload"]["message"].split()[0]) == expected
                expected += 1
            elif message["payload"].get("command") == "dropped":  # in the place of what is missing
                expected += message["payload"]["count"]
                missed += message["payload"]["count"]
        assert server.statistics().counts.dropped == missed
        assert await room.slow.silent()
        await server.stop()

    asyncio.run(story())


def test_who_pings_and_never_reads_the_pongs_is_cut_off() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(pending=16 * KB, grace=PATIENCE))
        async with guests(server, 2) as (ann, slow):
            transport = slow.connection.transport
            transport.pause_reading()
            ping = Frame(PING, b"x" * 125, key=b"\0\0\0\0").encode()
            most = 0
            while len(server.connections) == 2:
                transport.write(ping * 100)  # to the transport: the client library would wait for a kernel with room
                most = max(most, *(c.transport.get_write_buffer_size() for c in server.connections))
                await asyncio.sleep(0)
            assert most < server.fanout.most + 512 * KB  # and what one read can bring
            assert server.fanout.counts.evicted == 1
            await until(lambda: len(server.connections) == 1)
            assert await ann.silent()
            transport.abort()

    asyncio.run(story())
