"""The chat server, by what its clients hear: every kind of message, identity, origins, and taking leave."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols.websocket.chat import ChatServer, Limits
from tests.protocols.websocket.chatting import guests, until


def recent(timestamp: str) -> bool:
    """Whether an ISO 8601 time is in UTC and now."""
    then = datetime.fromisoformat(timestamp)
    return then.utcoffset() == timedelta(0) and abs(datetime.now(UTC) - then) < timedelta(minutes=1)


def test_a_guest_is_welcomed_by_the_name_that_the_server_gave() -> None:
    async def story() -> None:
        async with guests(ChatServer(), 2) as (ann, bob):
            for guest in (ann, bob):
                assert guest.welcome["type"] == "system"
                payload = guest.welcome["payload"]
                assert set(payload) == {"command", "id", "message", "timestamp"}
                assert payload["command"] == "welcome" and recent(payload["timestamp"])
            assert ann.id != bob.id

    asyncio.run(story())


def test_the_upgrade_tells_neither_date_nor_version() -> None:
    async def story() -> None:
        async with guests(ChatServer()) as (ann,):
            assert ann.connection.response is not None
            assert sorted(ann.connection.response.headers) == ["connection", "sec-websocket-accept", "upgrade"]

    asyncio.run(story())


def test_no_extension_is_agreed_on_even_when_offered() -> None:
    async def story() -> None:
        server = ChatServer()
        async with guests(server) as (ann,), connect(f"ws://127.0.0.1:{server.port}", compression="deflate") as other:
            assert other.protocol.extensions == []
            assert json.loads(await other.recv())["payload"]["command"] == "welcome"
            assert await ann.silent()

    asyncio.run(story())


def test_chat_reaches_everyone_in_the_room_the_sender_too_and_nobody_else() -> None:
    async def story() -> None:
        async with guests(ChatServer(), 3) as (ann, bob, eve):
            await ann.join("tea")
            await bob.join("tea")
            await ann.hears("system", command="user_joined", user=bob.id)
            await eve.join("coffee")
            await bob.say("chat", room="tea", message="Grüß Gott \U0001f375")
            heard = await ann.hears("chat")
            assert heard == await bob.hears("chat")
            assert recent(heard.pop("timestamp"))
            assert heard == {"room": "tea", "message": "Grüß Gott \U0001f375", "sender": bob.id}
            assert await eve.silent()

    asyncio.run(story())


def test_who_and_when_is_the_servers_word_and_nothing_else_is_passed_on() -> None:
    async def story() -> None:
        async with guests(ChatServer(), 2) as (ann, bob):
            await ann.join("tea")
            await bob.say("room", action="join", room="tea", user=ann.id, id=ann.id)
            assert await bob.hears("room") == {"action": "joined", "room": "tea"}
            assert await ann.hears("system") == {"command": "user_joined", "room": "tea", "user": bob.id}
            lies = {"sender": ann.id, "timestamp": "1999-12-31", "admin": True, "message": "It is me", "room": "tea"}
            await bob.connection.send(json.dumps({"type": "chat", "payload": lies, "sender": ann.id, "to": "all"}))
            message = await ann.next()
            assert set(message) == {"type", "payload"}
            assert set(message["payload"]) == {"message", "room", "sender", "timestamp"}
            assert message["payload"]["sender"] == bob.id and recent(message["payload"]["timestamp"])
            await bob.say("system", command="user_left", room="tea", user=ann.id)
            await bob.hears("chat")
            assert await bob.error() == "unknown_command"
            assert await ann.silent()

    asyncio.run(story())


def test_joining_and_leaving_are_told_to_the_others_and_acknowledged() -> None:
    async def story() -> None:
        async with guests(ChatServer(), 2) as (ann, bob):
            await ann.join("tea")
            await bob.join("tea")
            assert await ann.hears("system") == {"command": "user_joined", "room": "tea", "user": bob.id}
            await bob.join("tea")  # again: acknowledged, and no news to anyone
            assert await ann.silent()
            await bob.leave("tea")
            assert await ann.hears("system") == {"command": "user_left", "room": "tea", "user": bob.id}
            await ann.say("chat", room="tea", message="Alone")
            await ann.hears("chat")
            assert await bob.silent()

    asyncio.run(story())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_who_disconnects_has_left_all_rooms(how: str) -> None:
    async def story() -> None:
        server = ChatServer()
        async with guests(server, 2) as (ann, bob):
            for room in ("tea", "coffee"):
                await bob.join(room)
                await ann.join(room)
                await bob.hears("system", command="user_joined")
            await bob.join("bob's own")
            if how == "close":
                await bob.connection.close()
            else:
                bob.connection.transport.abort()
            left = [await ann.hears("system", command="user_left", user=bob.id) for _ in range(2)]
            assert [payload["room"] for payload in left] == ["tea", "coffee"]
            await ann.say("system", command="get_stats")
            assert await ann.hears("system") == {
                "command": "stats",
                "data": {"total_clients": 1, "total_rooms": 2, "rooms": {"tea": 1, "coffee": 1}},
            }
            assert server.statistics().rooms == {"tea": 1, "coffee": 1}  # and bob's own is no more

    asyncio.run(story())


def test_an_empty_room_vanishes() -> None:
    async def story() -> None:
        server = ChatServer()
        async with guests(server) as (ann,):
            await ann.join("tea")
            assert server.statistics().rooms == {"tea": 1}
            await ann.leave("tea")
            assert (server.statistics().rooms, len(server.rooms)) == ({}, 0)

    asyncio.run(story())


def test_ping_is_answered_with_pong() -> None:
    async def story() -> None:
        async with guests(ChatServer()) as (ann,):
            await ann.say("system", command="ping")
            payload = await ann.hears("system", command="pong")
            assert set(payload) == {"command", "timestamp"} and recent(payload["timestamp"])

    asyncio.run(story())


def test_what_is_not_understood_is_answered_with_an_error_and_costs_no_more() -> None:
    async def story() -> None:
        async with guests(ChatServer(), 2) as (ann, bob):
            await bob.join("tea")
            for text, code in (
                ("{", "bad_json"),
                ("[" * 15_000, "bad_json"),
                ("7", "bad_shape"),
                ('{"type":"chat","payload":"Hi"}', "bad_shape"),
                ('{"type":"x","payload":{}}', "unknown_type"),
                ('{"type":"room","payload":{"action":"x","room":"tea"}}', "unknown_action"),
                ('{"type":"system","payload":{"command":"x"}}', "unknown_command"),
                ('{"type":"chat","payload":{"room":"tea","message":" "}}', "empty_message"),
                ('{"type":"chat","payload":{"room":"tea","message":"Hi"}}', "not_in_room"),
                ('{"type":"chat","payload":{"message":"Hi"}}', "not_in_room"),
                ('{"type":"room","payload":{"action":"leave","room":"tea"}}', "not_in_room"),
                ('{"type":"room","payload":{"action":"join","room":"a\\u0000"}}', "bad_room_name"),
            ):
                await ann.connection.send(text)
                assert await ann.error() == code
            assert await ann.silent() and await bob.silent()  # both are still there, and bob heard nothing of it

    asyncio.run(story())


def test_a_binary_message_is_closed_with_1003() -> None:
    async def story() -> None:
        async with guests(ChatServer()) as (ann,):
            await ann.connection.send(b"\x00\x01")
            assert await ann.closed() == (1003, "this chat understands text only")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        (["https://good.example"], "https://good.example", 101),
        (["https://good.example"], "https://evil.example", 403),
        (["https://good.example"], None, 403),
        (["https://good.example", None], None, 101),
        (None, "https://evil.example", 101),
    ],
)
def test_origins(allowed: list[str | None] | None, origin: str | None, status: int) -> None:
    async def story() -> None:
        server = ChatServer(origins=allowed)
        url = f"ws://127.0.0.1:{await server.start()}"
        try:
            async with connect(url, origin=origin) as connection:  # type: ignore[arg-type]
                assert connection.response is not None and connection.response.status_code == status
        except InvalidStatus as refused:
            assert refused.response.status_code == status
        finally:
            await server.stop()

    asyncio.run(story())


def test_stopping_takes_leave_of_everyone_with_1001_after_all_that_was_said() -> None:
    async def story() -> None:
        server = ChatServer()
        async with guests(server, 3) as everyone:
            for guest in everyone:
                await guest.say("room", action="join", room="tea")
            await until(lambda: server.statistics().rooms.get("tea") == 3)
            server.fanout.publish(b"\x81\x02{}")  # pending still when the server is stopped
            await server.stop()
            for guest in everyone:
                heard = []
                while heard[-1:] != [{}]:
                    heard.append(await guest.next())
                assert await guest.closed() == (1001, "")
        assert (server.connections, server.clients, len(server.rooms), server.fanout.members) == (set(), {}, 0, {})
        await server.stop()
        assert not server.serving and server.port == 0

    asyncio.run(story())


def test_stopping_waits_neither_for_who_does_not_read_nor_for_who_never_spoke() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(grace=0.2))
        async with guests(server) as (ann,):
            _, mute = await asyncio.open_connection("127.0.0.1", server.port)
            await until(lambda: len(server.connections) == 2)
            ann.connection.transport.pause_reading()
            (member,) = server.fanout.members
            while not member.size:  # until ann's kernel is full, and the server's, and the server's transport
                server.fanout.publish(b"\x81\x7e\x03\xe8" + b"x" * 1000)
                await asyncio.sleep(0)
            assert member.open
            async with asyncio.timeout(5):
                await server.stop()
            assert not server.connections
            mute.close()
            ann.connection.transport.abort()

    asyncio.run(story())


def test_a_server_can_be_started_again_but_not_twice() -> None:
    async def story() -> None:
        server = ChatServer()
        for _ in range(2):
            assert not server.serving
            async with guests(server) as (ann,):
                await ann.join("tea")
                assert server.serving
                with pytest.raises(LabError, match="Stop it first"):
                    await server.start()
                other = ChatServer()
                with pytest.raises(OSError, match="in use"):
                    await other.start(port=server.port)
                assert not other.serving

    asyncio.run(story())


def test_a_stop_that_was_cancelled_can_be_made_again() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(grace=0.2))
        async with guests(server) as (ann,):
            ann.connection.transport.pause_reading()
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0)
            stopping.cancel()
            await asyncio.wait([stopping])
            await server.stop()
            assert not server.connections and not server.serving
            ann.connection.transport.abort()

    asyncio.run(story())


def test_a_server_that_cannot_listen_says_so_and_nothing_is_left() -> None:
    async def story() -> None:
        with pytest.raises(OSError):
            await ChatServer().start(host="203.0.113.1")  # TEST-NET-3: nobody's here
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())


def test_in_a_repeatable_run_names_and_times_are_the_same_each_time() -> None:
    async def told() -> list[object]:
        async with guests(ChatServer(), 2) as (ann, bob):
            await ann.join("tea")
            await bob.join("tea")
            await ann.hears("system", command="user_joined")
            await bob.say("chat", room="tea", message="Hi")
            return [ann.welcome, bob.welcome, await ann.hears("chat"), await bob.hears("chat")]

    repeat.switch(1)
    try:
        first, second = asyncio.run(told()), asyncio.run(told())
    finally:
        repeat.switch(None)
    assert first == second
    assert re.findall(r"user-\d", json.dumps(first)) == ["user-1", "user-2", "user-2", "user-2"]
    assert "2000-01-01T00:00:03.000+00:00" in json.dumps(first)
