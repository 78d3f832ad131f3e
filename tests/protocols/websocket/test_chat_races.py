"""Storms: clients join, leave, break off and talk, all at once, and what each hears still makes sense."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from protolab.protocols.websocket.chat import ChatServer, Limits
from tests.protocols.websocket.chatting import Guest, guests, until

LOOSE = Limits(rate=1e6, burst=1_000_000)
ROOMS = ("tea", "coffee", "water")


async def wander(guest: Guest, seed: int) -> None:
    """Two hundred steps of someone who cannot decide; some break off in the middle of it."""
    dice = random.Random(seed)
    with suppress(ConnectionClosed):
        for _ in range(200):
            room = dice.choice(ROOMS)
            match dice.choice(("join", "leave", "chat", "chat", "ping", "nonsense")):
                case "chat":
                    await guest.say("chat", room=room, message="Hi")
                case "ping":
                    await guest.say("system", command="ping")
                case "nonsense":
                    await guest.connection.send("{")
                case action:
                    await guest.say("room", action=action, room=room)
            if dice.random() < 0.004:
                guest.connection.transport.abort()
                return
        await guest.say("system", command="get_stats")


async def listen(guest: Guest) -> list[tuple[str, dict[str, object]]]:
    """All that a guest hears, up to the answer to its last question or the end."""
    heard = []
    with suppress(ConnectionClosed):
        while not heard or heard[-1][1].get("command") != "stats":
            message = await guest.next()
            heard.append((message["type"], message["payload"]))
    return heard


def makes_sense(guest: Guest, heard: list[tuple[str, dict[str, object]]]) -> None:
    """Of a room, a guest hears nothing before joining it and nothing after leaving; nobody joins or leaves it twice."""
    there: dict[object, set[object]] = {}  # room: those whom the guest has heard join
    unknown: dict[object, set[object]] = {}  # room: those who had not been there, as far as it heard
    for kind, payload in heard:
        room = payload.get("room")
        if kind == "room":
            if payload["action"] == "joined":
                there.setdefault(room, set())
                unknown.setdefault(room, set())
            else:
                del there[room], unknown[room]
        elif kind == "chat":
            assert room in there
            assert payload["sender"] not in unknown[room]
        elif payload.get("command") == "user_joined":
            assert payload["user"] not in there[room] and payload["user"] != guest.id
            there[room].add(payload["user"])
            unknown[room].discard(payload["user"])
        elif payload.get("command") == "user_left":
            assert payload["user"] not in unknown[room] and payload["user"] != guest.id
            there[room].discard(payload["user"])
            unknown[room].add(payload["user"])


def test_a_storm_of_joining_leaving_and_breaking_off_while_everyone_talks() -> None:
    async def story() -> None:
        server = ChatServer(limits=LOOSE)
        async with guests(server, 24) as everyone:
            hearing = [asyncio.create_task(listen(guest)) for guest in everyone]
            await asyncio.gather(*(wander(guest, seed) for seed, guest in enumerate(everyone)))
            heard = await asyncio.gather(*hearing)
            left = sum(guest.connection.close_code is None for guest in everyone)
            await until(lambda: len(server.clients) <= left)
            for guest, all_of_it in zip(everyone, heard, strict=True):
                makes_sense(guest, all_of_it)
            kinds = Counter(kind for all_of_it in heard for kind, _ in all_of_it)
            assert min(kinds[kind] for kind in ("chat", "room", "error", "system")) > 100
            assert 0 < left < 24  # some broke off, some stayed
            assert "failed" not in repr(server.log)
            assert server.fanout.counts.evicted == 0
            for room, size in server.rooms.sizes().items():
                assert size == sum(room in client.rooms for client in server.clients.values()) > 0
        assert (server.connections, server.clients, server.rooms.sizes()) == (set(), {}, {})

    asyncio.run(story())


def test_everyone_in_a_room_hears_the_same_in_the_same_order() -> None:
    async def story() -> None:
        async with guests(ChatServer(limits=LOOSE), 10) as everyone:
            for number, guest in enumerate(everyone):
                await guest.join("tea")
                for other in everyone[:number]:
                    await other.hears("system", command="user_joined")

            async def talk(guest: Guest) -> None:
                for number in range(50):
                    await guest.say("chat", room="tea", message=f"{guest.id} {number}")

            talking = asyncio.gather(*map(talk, everyone))
            lists = [[(await guest.hears("chat"))["message"] for _ in range(500)] for guest in everyone]
            await talking
            assert all(each == lists[0] for each in lists)
            for guest in everyone:
                assert [said for said in lists[0] if said.startswith(guest.id + " ")] == [
                    f"{guest.id} {number}" for number in range(50)
                ]

    asyncio.run(story())


def test_everyone_breaking_off_at_once_leaves_nothing_behind() -> None:
    async def story() -> None:
        server = ChatServer(limits=LOOSE)
        async with guests(server, 50) as everyone:
            for guest in everyone:
                for room in ROOMS:
                    await guest.say("room", action="join", room=room)
            await until(lambda: server.statistics().rooms == dict.fromkeys(ROOMS, 50))
            for guest in everyone:
                guest.connection.transport.abort()
            await until(lambda: not server.clients)
            assert (server.connections, server.rooms.sizes(), server.fanout.members) == (set(), {}, {})
            assert "failed" not in repr(server.log)

    asyncio.run(story())


def test_many_evicted_in_the_same_turn_is_no_different() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(grace=0.1))
        async with guests(server, 60) as everyone:
            for guest in everyone:
                await guest.say("room", action="join", room="tea")
            await until(lambda: server.statistics().rooms == {"tea": 60})
            for member in tuple(server.fanout.members):
                member.evict()
            await until(lambda: not server.clients)
            assert (await asyncio.gather(*(guest.closed() for guest in everyone)))[0][0] == 1013
            assert server.rooms.sizes() == {}
            assert server.fanout.counts.evicted == 60

    asyncio.run(story())
