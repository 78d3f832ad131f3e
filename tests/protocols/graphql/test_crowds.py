"""Many subscriptions, slow ones, and ones that vanish: sources are freed at once, and every client is bounded."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import struct
import time
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, GraphQLString
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from protolab.protocols.graphql.server import GraphQLServer
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT
from protolab.protocols.graphql.websocket_transport import Bounds
from protolab.wire.websocket_frames import TEXT, Frame
from tests.protocols.graphql.sockets import Peer, peer, run, serving, subscribe, until
from tests.protocols.websocket.raw import upgraded

NEWS = "subscription { postCreated { title author { name } } }"
BIG = 100_000


def counted(live: bool = False) -> tuple[GraphQLSchema, dict[str, int]]:
    """A schema whose sources count how many of them there are, and the count."""
    counts = {"sources": 0, "events": 0}

    async def source(*_: Any) -> Any:
        counts["sources"] += 1
        try:
            while True:
                counts["events"] += 1
                yield {"big": "x" * BIG, "small": str(counts["events"])}
                await asyncio.sleep(0)
        finally:
            counts["sources"] -= 1

    async def silence(*_: Any) -> Any:
        counts["sources"] += 1
        try:
            await asyncio.Event().wait()
            yield {}
        finally:
            counts["sources"] -= 1

    fields = {
        name: GraphQLField(
            GraphQLString,
            subscribe=silence if name == "silent" else source,
            resolve=lambda event, _, name=name: event[name],
        )
        for name in ("big", "small", "silent")
    }
    for field in fields.values():
        field.extensions = {"live": live}
    query = GraphQLObjectType("Query", {"hello": GraphQLField(GraphQLString, resolve=lambda *_: "hello")})
    return GraphQLSchema(query, subscription=GraphQLObjectType("Subscription", fields)), counts


def test_a_thousand_subscriptions_on_ten_sockets_share_one_source() -> None:
    async def story() -> None:
        async with serving() as (server, where):
            peers = [await (await enter(where)).acknowledged() for _ in range(10)]
            for client in peers:
                await client.say(*(subscribe(NEWS, f"s{number}") for number in range(100)))
            await until(lambda: sum(len(one.operations) for one in server.sockets.open) == 1000)
            await until(lambda: server.store.created.listeners)
            assert server.hub.sources == len(server.store.created.listeners) == 1
            began = time.process_time()
            for number in range(10):
                await server.store.create_post("1", f"news {number}", "")
                for client in peers:
                    heard = [await client.hear() for _ in range(100)]
                    assert {said["id"] for said in heard} == {f"s{number}" for number in range(100)}
                    assert all(said["payload"] == heard[0]["payload"] for said in heard)
                    assert heard[0]["payload"]["data"]["postCreated"]["title"] == f"news {number}"
            assert time.process_time() - began < 5
            for client in peers:  # those that leave free what they had, and only that
                await client.say({"id": "s0", "type": "complete"})
                await client.say({"id": "x", "type": "subscribe", "payload": {"query": "{ hello }"}})
                assert (await client.hear())["id"] == "x"
            assert sum(len(one.operations) for one in server.sockets.open) <= 1000
            for client in peers:
                await client.connection.close()
            await until(lambda: not server.sockets.open and not server.store.created.listeners)

    run(story())


async def enter(where: str) -> Peer:
    return Peer(await connect(f"ws://{where}", subprotocols=[Subprotocol(TRANSPORT)], compression=None))


def test_sources_of_their_own_are_freed_at_once_however_their_client_leaves() -> None:
    async def story() -> None:
        schema, counts = counted()
        server = GraphQLServer(schema=schema)
        async with serving(server) as (_, where):
            for leave in ("complete", "close", "abort", "protocol error"):
                client = await (await enter(where)).acknowledged()
                for id in ("1", "2", "3"):
                    await client.say(subscribe("subscription { silent }", id))
                await until(lambda: counts["sources"] == 3)
                match leave:
                    case "complete":
                        await client.say(*({"id": id, "type": "complete"} for id in "123"))
                    case "close":
                        await client.connection.close()
                    case "abort":
                        client.connection.transport.abort()
                    case "protocol error":
                        await client.say("oops")
                await until(lambda: counts["sources"] == 0)
                assert not server.hub._tasks
                client.connection.transport.abort()
            gc.collect()
            await until(lambda: not server.sockets.open)

    run(story())


def test_a_source_that_fails_while_it_is_closed_harms_nobody() -> None:
    async def source(*_: Any) -> Any:
        try:
            yield {"news": "one"}
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("no goodbye")

    async def story() -> None:
        for live in (True, False):
            schema, _ = counted(live)
            assert schema.subscription_type is not None
            field = schema.subscription_type.fields["silent"]
            field.subscribe, field.resolve = source, lambda event, _: event["news"]
            async with serving(GraphQLServer(schema=schema)) as (server, where), peer(where) as client:
                await client.acknowledged()
                await client.say(subscribe("subscription { silent }"))
                assert (await client.hear())["payload"] == {"data": {"silent": "one"}}
                await client.say({"id": "1", "type": "complete"}, subscribe("{ hello }"))
                assert (await client.hear())["payload"] == {"data": {"hello": "hello"}}
                assert await client.all() == [{"id": "1", "type": "complete"}]
                await until(lambda: "no goodbye" in repr(server.log))

    run(story())


def test_a_source_of_its_own_waits_for_a_client_that_does_not_read() -> None:
    async def story() -> None:
        schema, counts = counted()
        server = GraphQLServer(schema=schema, keepalive=None)
        async with serving(server) as (_, where):
            url = f"ws://{where}"
            talk = await asyncio.to_thread(_deaf, url, subscribe("subscription { big }"))
            await until(lambda: counts["events"] > 3)
            await _still(lambda: counts["events"])
            (one,) = server.sockets.open
            assert one.member.open and one.member.size + one.transport.get_write_buffer_size() < 8 * BIG
            async with peer(where) as client:  # and nobody else waits
                await client.acknowledged()
                await client.say(subscribe("{ hello }"))
                assert (await client.hear())["payload"] == {"data": {"hello": "hello"}}
            kill(talk)
            await until(lambda: counts["sources"] == 0)

    run(story())


def test_live_events_wait_for_nobody_and_who_does_not_read_is_closed_with_1013() -> None:
    async def story() -> None:
        async with serving(keepalive=None, bounds=Bounds(grace=0.5)) as (server, where):
            talk = await asyncio.to_thread(
                _deaf, f"ws://{where}", subscribe("subscription { postCreated { title content } }")
            )
            await until(lambda: server.store.created.listeners)
            (deaf,) = server.sockets.open
            async with peer(where) as client:
                await client.acknowledged()
                await client.say(subscribe(NEWS))
                await until(lambda: server.hub.sources == 2)
                for number in range(400):
                    await server.store.create_post("1", f"{number}", "x" * 10_000)
                    title = (await client.hear())["payload"]["data"]["postCreated"]["title"]
                    assert title == f"{number}"
                    if deaf.session.closed:
                        break
                assert deaf.session.closed and "1013" in repr(server.log)
                await until(lambda: server.hub.sources == 1)
            said = await asyncio.to_thread(_drain, talk)
            assert struct.pack("!H", 1013) + b"you read too slowly" in said[-200:]
            await until(lambda: not server.sockets.open)

    run(story())


def test_an_older_client_that_does_not_read_is_closed_too() -> None:
    async def story() -> None:
        schema, counts = counted(live=True)
        async with serving(GraphQLServer(schema=schema, keepalive=None)) as (server, where):
            start = subscribe("subscription { big }") | {"type": "start"}
            talk = await asyncio.to_thread(_deaf, f"ws://{where}", start, LEGACY)
            await until(lambda: counts["sources"] == 1)
            await until(lambda: counts["sources"] == 0)
            assert "1013" in repr(server.log)
            kill(talk)
            await until(lambda: not server.sockets.open)

    run(story())


def test_pings_that_nobody_reads_the_answers_of_end_with_the_connection() -> None:
    async def story() -> None:
        async with serving(keepalive=None) as (server, where):
            talk = await asyncio.to_thread(_deaf, f"ws://{where}", {"type": "ping", "payload": {"a": "x" * 50_000}})
            await until(lambda: server.sockets.open)
            (one,) = server.sockets.open
            ping = Frame(
                TEXT, json.dumps({"type": "ping", "payload": {"a": "x" * 50_000}}).encode(), key=b"1234"
            ).encode()

            def flood() -> None:
                try:
                    for _ in range(500):
                        talk.sendall(ping)
                except OSError:
                    return

            flooding = asyncio.create_task(asyncio.to_thread(flood))
            await until(lambda: one.session.closed)
            talk.shutdown(socket.SHUT_RDWR)
            await flooding
            talk.close()
            await until(lambda: not server.sockets.open)

    run(story())


def test_a_peer_that_vanished_without_a_word_is_noticed_by_pings() -> None:
    async def story() -> None:
        async with serving(keepalive=0.05, bounds=Bounds(grace=0.1)) as (server, where):
            talk = await asyncio.to_thread(_deaf, f"ws://{where}", subscribe(NEWS))
            await until(lambda: server.store.created.listeners)
            await until(lambda: not server.store.created.listeners)  # it answers no ping
            talk.close()

    run(story())


def test_subscriptions_over_event_streams_are_freed_bounded_and_shared() -> None:
    async def story() -> None:
        async with serving() as (server, where):
            host, port = where.partition("/")[0].split(":")
            body = json.dumps({"query": NEWS}).encode()
            head = (
                "POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
            )
            request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
            streams = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
            for reader, writer in streams:
                writer.write(request)
                await reader.readuntil(b":\n\n\r\n")
            await until(lambda: server.store.created.listeners)
            assert server.hub.sources == 1 and len(server.streams.open) == 20
            await server.store.create_post("1", "news", "")
            for reader, _ in streams:
                said = await reader.readuntil(b"\n\n\r\n")
                assert (
                    b'event: next\ndata: {"data":{"postCreated":{"title":"news","author":{"name":"Ada"}}}}\n\n' in said
                )
            for _, writer in streams[:10]:
                writer.transport.abort()
            for _, writer in streams[10:]:
                writer.close()
            await until(lambda: not server.streams.open and not server.store.created.listeners)

    run(story())


def _deaf(url: str, said: Any, name: str = TRANSPORT) -> socket.socket:
    """A client that says this and never reads."""
    talk = upgraded(url, first="GET /graphql HTTP/1.1", Sec_WebSocket_Protocol=name)
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)
    for one in ({"type": "connection_init"}, said):
        talk.sendall(Frame(TEXT, json.dumps(one).encode(), key=b"1234").encode())
    return talk


def kill(talk: socket.socket) -> None:
    """End a connection by a reset, as a process does that dies with unread data."""
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()


def _drain(talk: socket.socket) -> bytes:
    said = b""
    with talk:
        while more := talk.recv(1 << 16):
            said += more
    return said


async def _still(value: Any) -> None:
    """Until a value has not changed for a hundred turns of the loop."""
    same, last = 0, value()
    while same < 100:
        await asyncio.sleep(0.001)
        same, last = (same + 1, last) if value() == last else (0, value())
