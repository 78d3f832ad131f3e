"""graphql.Client against our server: by each way to subscribe, what is data, what is an error, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from protolab import lab
from protolab.errors import LabError
from protolab.fields import Side
from protolab.protocols.graphql.client import Client, Ended, GraphQLError, TooSlow
from protolab.protocols.graphql.persisted import Persisted
from protolab.protocols.graphql.server import GraphQLServer
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT
from protolab.protocols.graphql.websocket_transport import Bounds
from protolab.serve.backoff import Backoff
from tests.protocols.graphql.sockets import run, serving, until

WAYS = [("http", TRANSPORT), ("http", LEGACY), ("http", "sse"), ("ws", TRANSPORT), ("ws", LEGACY)]
ways = pytest.mark.parametrize(("scheme", "way"), WAYS, ids=[f"{scheme} {way}" for scheme, way in WAYS])
POST = 'mutation { createPost(input: {title: "news"}) { title } }'


@ways
def test_queries_mutations_and_batches_give_data(scheme: str, way: str) -> None:
    async def story() -> None:
        async with serving() as (_, where), Client(f"{scheme}://{where}", subscriptions=way) as client:
            assert await client.query("query($n: String) { hello(name: $n) }", {"n": "Zoë"}) == {"hello": "Hello, Zoë!"}
            assert await client.query("query A { hello } query B { users { id } }", operation="A") == {
                "hello": "Hello, world!"
            }
            assert await client.mutate(POST) == {"createPost": {"title": "news"}}
            first, second, third = await client.batch(
                ["{ hello }", ("query($n: String) { hello(name: $n) }", {"n": "x"}), {"query": "{ nope }"}]
            )
            assert (first.data, second.data) == ({"hello": "Hello, world!"}, {"hello": "Hello, x!"})
            assert third.data is None and "Cannot query" in third.errors[0]["message"]
            together = await asyncio.gather(*(client.query("{ hello }") for _ in range(20)))
            assert together == [{"hello": "Hello, world!"}] * 20

    run(story())


@ways
def test_what_the_server_says_is_a_graphql_error_with_places_and_what_there_is_all_the_same(
    scheme: str, way: str
) -> None:
    async def story() -> None:
        async with serving() as (_, where), Client(f"{scheme}://{where}", subscriptions=way) as client:
            with pytest.raises(GraphQLError) as partial:
                await client.query("{ trouble { refused fine } }")
            error = partial.value
            assert error.data == {"trouble": {"refused": None, "fine": "fine"}}
            assert error.paths == [["trouble", "refused"]] and error.locations == [[{"line": 1, "column": 13}]]
            assert error.extensions == [{"code": "FORBIDDEN"}]
            assert str(error) == "You may not see this. (at trouble.refused, line 1 column 13)"
            with pytest.raises(GraphQLError, match="Syntax Error") as refused:
                await client.query("{")
            assert refused.value.data is None and not isinstance(refused.value, LabError)
            result = await client.execute("{ trouble { refused fine } }")
            assert result.data == error.data and result.errors == error.errors

    run(story())


@ways
def test_a_subscription_is_iterated_and_ends(scheme: str, way: str) -> None:
    async def story() -> None:
        async with serving() as (_, where), Client(f"{scheme}://{where}", subscriptions=way) as client:
            document = "subscription($from: Int!) { countdown(from: $from, interval: 0) }"
            both = await asyncio.gather(*(_all(client.subscribe(document, {"from": n})) for n in (2, 3)))
            assert both == [[{"countdown": n} for n in range(m, -1, -1)] for m in (2, 3)]
            with pytest.raises(GraphQLError, match="on purpose"):
                await _all(client.subscribe("subscription { broken }"))
            with pytest.raises(GraphQLError, match="Cannot query"):
                await _all(client.subscribe("subscription { nope }"))

    run(story())


async def _all(subscription: Any) -> list[Any]:
    return [event async for event in subscription]


@ways
def test_an_event_with_errors_is_raised_and_the_next_one_comes_all_the_same(scheme: str, way: str) -> None:
    async def story() -> None:
        async with serving() as (_, where), Client(f"{scheme}://{where}", subscriptions=way) as client:
            document = "subscription { countdown(from: 2, interval: 0, failAt: 1) }"
            events = client.subscribe(document)
            assert await anext(events) == {"countdown": 2}
            with pytest.raises(GraphQLError) as failed:
                await anext(events)
            assert failed.value.paths == [["countdown"]]
            assert await _all(events) == [{"countdown": 0}]
            raw = await _all(client.subscribe(document, raw=True))
            assert [bool(result.errors) for result in raw] == [False, True, False]

    run(story())


@ways
def test_leaving_the_loop_frees_the_source_however_it_is_left(scheme: str, way: str) -> None:
    async def story() -> None:
        async with serving() as (server, where), Client(f"{scheme}://{where}", subscriptions=way) as client:
            listeners = server.store.created.listeners

            async def begin() -> Any:
                subscription = await client.subscribe("subscription { postCreated { title } }").begun()
                await until(lambda: listeners)
                return subscription

            async def reads(subscription: Any, leave: bool) -> None:
                async for event in subscription:
                    assert event == {"postCreated": {"title": "news"}}
                    if leave:
                        break

            # by break: nobody holds the iterator any more
            reading = asyncio.create_task(reads(await begin(), True))
            await client.mutate(POST)
            await reading
            gc.collect()
            await until(lambda: not listeners)
            # by aclose, also while somebody waits for the next event
            subscription = await begin()
            reading = asyncio.create_task(reads(subscription, False))
            await subscription.aclose()
            await reading
            await until(lambda: not listeners)
            # by being cancelled
            reading = asyncio.create_task(reads(await begin(), False))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            await until(lambda: not listeners)
            # by the end of a block
            async with client.subscribe("subscription { postCreated { title } }"):
                await until(lambda: listeners)
            await until(lambda: not listeners)
            # by the end of the client
            subscription = await begin()
            await client.close()
            assert await _all(subscription) == []
            await until(lambda: not listeners)
            with pytest.raises(LabError, match="closed"):
                client.subscribe("subscription { postCreated { title } }")

    run(story())


@ways
def test_who_does_not_read_is_completed_and_told(scheme: str, way: str) -> None:
    async def story() -> None:
        async with serving() as (server, where), Client(f"{scheme}://{where}", subscriptions=way, inbox=5) as client:
            events = client.subscribe("subscription { counter(interval: 0.001) }")
            assert await anext(events) == {"counter": 1}
            await until(lambda: events._inlet.over)
            got = []
            with pytest.raises(TooSlow, match="5 results"):
                async for event in events:
                    got.append(event)
            assert got == [{"counter": number} for number in range(2, 7)]
            await until(lambda: not server.hub._tasks or way == "sse")
            assert await client.query("{ hello }") == {"hello": "Hello, world!"}

    run(story())


def test_one_socket_carries_all_and_one_http_connection_serves_many() -> None:
    async def story() -> None:
        async with serving() as (server, where), Client(f"http://{where}") as client:
            events = [client.subscribe("subscription { counter(interval: 5) }") for _ in range(50)]
            assert [await anext(each) for each in events] == [{"counter": 1}] * 50
            assert len({each.id for each in events}) == 50 and len(server.sockets.open) == 1
            for _ in range(5):
                await client.query("{ hello }")
            assert client.http is not None and len(client.http._kept) == 1
            await client.ping()

    run(story())


def test_a_ping_where_no_socket_is_open_is_not_waited_for() -> None:
    async def story() -> None:
        async with serving() as (_, where), Client(f"http://{where}") as client:
            with pytest.raises(LabError, match="no open socket"):
                await client.ping()
            assert [event async for event in client.subscribe("subscription { counter(to: 1) }")] == [{"counter": 1}]
            await client.ping()
            await client.close()
            with pytest.raises(LabError, match="no open socket"):
                await client.ping()

    run(story())


def test_headers_and_payload_go_along_and_the_payload_is_asked_for_each_time() -> None:
    async def story() -> None:
        seen: list[Any] = []

        async def token() -> dict[str, Any]:
            return {"token": len(seen)}

        def admit(payload: Any) -> bool:
            seen.append(payload)
            return payload == {"token": 1}

        async with serving(on_connect=admit) as (_, where):
            async with Client(f"ws://{where}", payload=token, backoff=Backoff(0, 0.01)) as client:
                assert await _all(client.subscribe("subscription { countdown(from: 0, interval: 0) }")) == [
                    {"countdown": 0}
                ]
                assert seen == [{"token": 0}, {"token": 1}]  # 4403 is worth another try
            async with Client(f"http://{where}", headers={"Origin": "https://evil.example"}) as client:
                with pytest.raises(GraphQLError, match="another site"):
                    await client.query("{ hello }")
                with pytest.raises(Ended, match="refused with 403"):
                    await _all(client.subscribe("subscription { counter }"))

    run(story())


@pytest.mark.parametrize("get", [False, True])
def test_persisted_queries_are_sent_by_their_hash(get: bool) -> None:
    async def story() -> None:
        async with serving() as (server, where), Client(f"http://{where}", persisted=True, get=get) as client:
            for _ in range(3):
                assert await client.query("{ hello }") == {"hello": "Hello, world!"}
            assert len(server.engine.persisted) == 1
        async with serving(persisted=Persisted(0)) as (_, where), Client(f"http://{where}", persisted=True) as client:
            assert await client.query("{ hello }") == {"hello": "Hello, world!"}
            assert not client.persisted

    run(story())


def test_trouble_on_the_way_is_a_lab_error() -> None:
    async def story() -> None:
        async with serving() as (_, where):
            host = where.partition("/")[0]
            async with Client(f"http://{host}/rest/users") as client:
                with pytest.raises(LabError, match=r"no GraphQL response|not with a GraphQL"):
                    await client.query("{ hello }")
            async with Client(f"http://{where}", timeout=0.05) as client:
                with pytest.raises(LabError, match=r"within 0\.05 seconds"):
                    await client.query("{ trouble { slow(seconds: 5) } }")
                client.timeout = 30
                assert await client.query("{ hello }") == {"hello": "Hello, world!"}
            async with Client(f"ws://{where}", timeout=0.05) as client:
                with pytest.raises(LabError, match=r"within 0\.05 seconds"):
                    await client.query("{ trouble { slow(seconds: 5) } }")
        for scheme, way in WAYS:
            options: Any = {"subscriptions": way, "max_attempts": 1, "backoff": Backoff(0, 0.001)}
            async with Client(f"{scheme}://{where}", **options) as client:
                with pytest.raises(LabError):
                    await client.query("{ hello }")
                with pytest.raises(LabError):
                    await _all(client.subscribe("subscription { counter }"))
        for url in ("ftp://x/graphql", "graphql", "http:///graphql"):
            with pytest.raises(LabError, match="no URL"):
                Client(url)
        with pytest.raises(LabError, match="graphql-transport-ws"):
            Client("http://x/graphql", subscriptions="carrier pigeon")

    run(story())


@pytest.mark.parametrize("way", [TRANSPORT, LEGACY, "sse"])
def test_a_subscription_survives_its_server(way: str) -> None:
    async def story() -> None:
        async with serving() as (server, where):
            port = int(where.partition("/")[0].rpartition(":")[2])
            backoff = Backoff(0.005, 0.01)
            async with Client(f"http://{where}", subscriptions=way, backoff=backoff, max_attempts=None) as client:
                events = client.subscribe("subscription { counter(interval: 10) }")
                assert await anext(events) == {"counter": 1}
                for socket in tuple(server.sockets.open):
                    socket.transport.abort()
                for stream in tuple(server.streams.open):
                    assert stream._stream is not None
                    stream._stream.transport.abort()
                assert await anext(events) == {"counter": 1}
                waiting = asyncio.create_task(anext(events))
                await asyncio.sleep(0)
                await _vanish(server)
                async with serving() as (another, _):
                    await another.stop()
                    await another.start(port=port)
                    assert await waiting == {"counter": 1}

    run(story())


async def _vanish(server: Any) -> None:
    """Break every connection off, and stop."""
    server._http.stop()
    for socket in tuple(server.sockets.open):
        socket.transport.abort()
    for stream in tuple(server.streams.open):
        stream._stream.transport.abort()
    await until(lambda: not server.sockets.open and not server.streams.open)


def test_a_query_on_a_socket_that_breaks_is_not_sent_again() -> None:
    async def story() -> None:
        async with serving() as (server, where), Client(f"ws://{where}", backoff=Backoff(0, 0.01)) as client:
            asked = asyncio.create_task(client.mutate('mutation { createPost(input: {title: "x"}) { id } }'))
            slow = asyncio.create_task(client.query("{ trouble { slow(seconds: 5) } }"))
            await asked
            await until(lambda: server.hub._tasks)
            for socket in tuple(server.sockets.open):
                socket.transport.abort()
            with pytest.raises(Ended, match="1006"):
                await slow
            assert len(await server.store.posts()) == 101
            assert await client.query("{ hello }") == {"hello": "Hello, world!"}

    run(story())


def test_too_many_operations_on_a_socket_are_told_of_one_by_one() -> None:
    async def story() -> None:
        async with serving(bounds=Bounds(operations=1)) as (_, where), Client(f"ws://{where}") as client:
            events = client.subscribe("subscription { counter(interval: 5) }")
            assert await anext(events) == {"counter": 1}
            with pytest.raises(GraphQLError) as refused:
                await client.query("{ hello }")
            assert refused.value.extensions == [{"code": "TOO_MANY_OPERATIONS"}]

    run(story())


@ways
def test_a_repeatable_run_says_the_same_bytes_each_time(scheme: str, way: str) -> None:
    async def talk(url: str) -> None:
        async with Client(f"{scheme}{url.removeprefix('http')}", subscriptions=way) as client:
            await client.query("{ hello }")
            async with client.subscribe("subscription { postCreated { title createdAt } }") as events:
                await client.mutate(POST)
                await anext(events)
            await _all(client.subscribe("subscription { countdown(from: 1, interval: 0) }"))

    def once() -> list[tuple[bytes, bytes]]:
        with lab.repeatable():
            handle = lab.start(GraphQLServer(page=False))
            try:
                lab.run(talk(handle.url))
                handle.stop()
                return [(each.read(Side.CLIENT), each.read(Side.SERVER)) for each in handle.capture]
            finally:
                handle.stop()

    first, second = once(), once()
    assert first and first == second and all(b"Host: lab.local\r\n" in client for client, _ in first)
