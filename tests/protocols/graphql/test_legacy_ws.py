"""The older subprotocol, `graphql-ws` on the wire: trouble is told in messages, and the socket stays."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from protolab.protocols.graphql.subprotocols import LEGACY
from protolab.protocols.graphql.websocket_transport import Bounds
from tests.protocols.graphql.sockets import Peer, peer, run, serving, until

pytestmark = pytest.mark.live
INIT = {"type": "connection_init"}
ACK = {"type": "connection_ack"}


def start(query: str, id: Any = "1", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "start", "payload": {"query": query, **more}}


async def settled(client: Peer) -> list[Any]:
    """All that was said before the answer to something that is asked now."""
    await client.say(start("{ hello }", "the end"))
    heard: list[Any] = []
    while not heard or heard[-1] != {"id": "the end", "type": "complete"}:
        heard.append(await client.hear())
    return heard[:-2]


TROUBLE = [
    ("oops", "not JSON"),
    ("[]", "object"),
    ("1", "object"),
    ("{}", "type"),
    (b"{}", "binary"),
    ({"type": "hello"}, "hello"),
    ({"type": "subscribe", "id": "1", "payload": {"query": "{ hello }"}}, "subscribe"),
    ({"type": "complete", "id": "1"}, "complete"),
    ({"type": "ping"}, "ping"),
    ({"type": "start", "payload": {"query": "{ hello }"}}, "id"),
    ({"type": "start", "id": "1"}, "payload"),
    ({"type": "stop"}, "id"),
    (INIT, "no place here"),
]


@pytest.mark.parametrize(("said", "why"), TROUBLE, ids=[str(said)[:30] for said, _ in TROUBLE])
def test_what_cannot_be_understood_is_answered_by_connection_error_and_it_goes_on(said: Any, why: str) -> None:
    async def story() -> None:
        async with serving() as (_, where), peer(where, LEGACY) as client:
            await client.acknowledged()
            await client.say(said)
            (heard,) = await settled(client)
            assert heard["type"] == "connection_error" and why in heard["payload"]["message"] and "id" not in heard

    run(story())


REFUSED = [
    (start("{"), "Syntax Error"),
    (start("{ nope }"), "Cannot query field"),
    (start("{ hello }", operationName="B"), 'no operation "B"'),
    (start("subscription { broken }"), "on purpose"),
    (start("{ hello }", variables=[]), "variables"),
    ({"type": "start", "id": "1", "payload": {}}, "query"),
]


@pytest.mark.parametrize(("said", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_an_operation_that_cannot_begin_is_an_error_with_one_object(said: Any, why: str) -> None:
    async def story() -> None:
        async with serving() as (_, where), peer(where, LEGACY) as client:
            await client.acknowledged()
            await client.say(said)
            (heard,) = await settled(client)
            assert heard["type"] == "error" and heard["id"] == "1" and why in heard["payload"]["message"]

    run(story())


def test_queries_mutations_and_subscriptions_come_as_data_and_complete() -> None:
    async def story() -> None:
        async with serving() as (_, where), peer(where, LEGACY) as client:
            await client.acknowledged()
            await client.say(start("subscription { countdown(from: 1, interval: 0, failAt: 0) }"))
            first, second, last = [await client.hear() for _ in range(3)]
            assert first == {"id": "1", "type": "data", "payload": {"data": {"countdown": 1}}}
            assert second["payload"]["data"] == {"countdown": None} and second["payload"]["errors"]
            assert last == {"id": "1", "type": "complete"}
            await client.say(start('mutation { createPost(input: {title: "x"}) { title } }'))
            heard = await settled(client)
            assert heard[0]["payload"] == {"data": {"createPost": {"title": "x"}}} and heard[1]["type"] == "complete"

    run(story())


def test_start_may_follow_connection_init_at_once_and_nothing_runs_before_the_ack() -> None:
    async def admit(payload: dict[str, Any] | None) -> bool:
        return payload is not None

    async def story() -> None:
        async with serving(on_connect=admit) as (server, where):
            async with peer(where, LEGACY) as client:
                await client.say(
                    INIT | {"payload": {}}, start("{ hello }"), start("{ hello }", "2"), {"type": "stop", "id": "2"}
                )
                heard = [await client.hear() for _ in range(4)]
                assert sorted(json.dumps(said) for said in heard if said["type"] != "data") == sorted(
                    [json.dumps(ACK)] + [json.dumps({"id": id, "type": "complete"}) for id in "12"]
                )
            async with peer(where, LEGACY) as client:
                await client.say(INIT, start('mutation { createPost(input: {title: "x"}) { id } }'))
                assert (await client.hear())["payload"] == {"message": "Forbidden"}
                assert await client.hear() == (1011, "Forbidden")
                assert len(await server.store.posts()) == 100

    run(story())


def test_who_says_too_much_before_the_ack_is_closed() -> None:
    async def never(_: Any) -> None:
        await asyncio.Event().wait()

    async def story() -> None:
        async with serving(on_connect=never, bounds=Bounds(operations=3)) as (_, where), peer(where, LEGACY) as client:
            await client.say(INIT, *[start("{ hello }", "x", variables=7)] * 4)
            assert (await client.hear())[0] == 1008

    run(story())


def test_start_before_connection_init_is_refused() -> None:
    async def story() -> None:
        async with serving() as (_, where), peer(where, LEGACY) as client:
            await client.say(start("{ hello }"))
            assert (await client.hear())["type"] == "connection_error"
            await client.acknowledged()
            assert await settled(client) == []

    run(story())


def test_stop_frees_the_source_and_an_id_in_use_replaces_its_operation() -> None:
    async def story() -> None:
        async with serving() as (server, where), peer(where, LEGACY) as client:
            await client.acknowledged()
            listeners = server.store.created.listeners
            await client.say(start("subscription { postCreated { id } }"))
            await until(lambda: listeners)
            await client.say(start("{ hello }"))
            assert (await client.hear())["payload"] == {"data": {"hello": "Hello, world!"}}
            await until(lambda: not listeners)
            assert await client.hear() == {"id": "1", "type": "complete"}
            await client.say(start("subscription { postCreated { title } }", "2"))
            await until(lambda: listeners)
            await client.say({"type": "stop", "id": "2"}, {"type": "stop", "id": "2"})
            assert await client.hear() == {"id": "2", "type": "complete"}
            await until(lambda: not listeners)
            assert await settled(client) == []

    run(story())


def test_terminate_is_a_goodbye_and_silence_is_closed() -> None:
    async def story() -> None:
        async with serving(bounds=Bounds(init=0.02)) as (_, where):
            async with peer(where, LEGACY) as client:
                await client.acknowledged()
                await client.say({"type": "connection_terminate"})
                assert (await client.hear())[0] == 1000
            async with peer(where, LEGACY) as client:
                assert await client.hear() == (4408, "Connection initialisation timeout")

    run(story())


def test_signs_of_life_come_at_intervals() -> None:
    async def story() -> None:
        async with serving(keepalive=0.02) as (_, where), peer(where, LEGACY) as client:
            await client.acknowledged()
            assert [await client.hear() for _ in range(2)] == [{"type": "ka"}] * 2

    run(story())
