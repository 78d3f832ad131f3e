"""Every rule of graphql-transport-ws (PROTOCOL.md of graphql-ws), each held by a probe; none may end in 1006."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from protolab.protocols.graphql.server_session import Close, Say
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT
from protolab.protocols.graphql.transport_ws import TransportSession
from protolab.protocols.graphql.websocket_transport import Bounds
from tests.protocols.graphql.sockets import Peer, peer, run, serving, subscribe, until

INIT: dict[str, Any] = {"type": "connection_init"}
ACK = {"type": "connection_ack"}
PING, PONG = {"type": "ping"}, {"type": "pong"}
HELLO = {"id": "1", "type": "next", "payload": {"data": {"hello": "Hello, world!"}}}
FOREVER = "subscription { counter(interval: 10) }"
SUBSCRIBED = [INIT, subscribe(FOREVER)]
FIRST = {"id": "1", "type": "next", "payload": {"data": {"counter": 1}}}


def done(id: str = "1") -> dict[str, Any]:
    return {"id": id, "type": "complete"}


class Probe(NamedTuple):
    """What is said, and what is heard: messages, and a close code at the end where the server closes."""

    name: str
    said: list[Any]
    heard: list[Any]
    code: int = 0
    reason: str = ""


def failed(message: str, id: str = "1") -> Any:
    """An `error` message whose first error says so."""

    def check(said: Any) -> bool:
        return (
            said["type"] == "error"
            and said["id"] == id
            and set(said) == {"id", "type", "payload"}
            and message in said["payload"][0]["message"]
        )

    return check


PROBES = [
    # The connection
    Probe("connection_init is acknowledged", [INIT], [ACK]),
    Probe("connection_init may have a payload", [INIT | {"payload": {"token": "t"}}], [ACK]),
    Probe("connection_init may have null as payload", [INIT | {"payload": None}], [ACK]),
    Probe("connection_init with a string as payload", [INIT | {"payload": "t"}], [], 4400, "payload"),
    Probe("connection_init with a list as payload", [INIT | {"payload": []}], [], 4400, "payload"),
    Probe("connection_init with a number as payload", [INIT | {"payload": 1}], [], 4400, "payload"),
    Probe("connection_init twice", [INIT, INIT], [ACK], 4429, "Too many initialisation requests"),
    Probe("connection_init twice, at once", [INIT, INIT, INIT], [ACK], 4429),
    Probe("unknown members are passed over", [INIT | {"more": [1]}], [ACK]),
    # Signs of life
    Probe("a ping before connection_init", [PING], [PONG]),
    Probe("a ping", [INIT, PING], [ACK, PONG]),
    Probe("a ping's payload comes back", [INIT, PING | {"payload": {"a": [1]}}], [ACK, PONG | {"payload": {"a": [1]}}]),
    Probe("a ping with null", [PING | {"payload": None}], [PONG]),
    Probe("a ping with a string", [INIT, PING | {"payload": "x"}], [ACK], 4400, "payload"),
    Probe("a pong that nobody asked for", [INIT, PONG], [ACK]),
    Probe("a pong before connection_init", [PONG], []),
    Probe("a pong with a payload", [INIT, PONG | {"payload": {"a": 1}}], [ACK]),
    Probe("a pong with a list", [INIT, PONG | {"payload": [1]}], [ACK], 4400, "payload"),
    # What is no message
    Probe("text that is no JSON", ["oops"], [], 4400, "not JSON"),
    Probe("text that is no JSON, later", [INIT, "{"], [ACK], 4400, "not JSON"),
    Probe("empty text", [""], [], 4400, "JSON"),
    Probe("an array", ["[]"], [], 4400, "object"),
    Probe("a number", ["1"], [], 4400, "object"),
    Probe("a string", ['"connection_init"'], [], 4400, "object"),
    Probe("null", ["null"], [], 4400, "object"),
    Probe("true", ["true"], [], 4400, "object"),
    Probe("an empty object", ["{}"], [], 4400, "type"),
    Probe("a type that is a number", [{"type": 1}], [], 4400, "type"),
    Probe("a type that is null", [{"type": None}], [], 4400, "type"),
    Probe("an unknown type", [{"type": "hello"}], [], 4400, '"hello"'),
    Probe("an unknown type, after the ack", [INIT, {"type": "hello"}], [ACK], 4400, '"hello"'),
    Probe("an unknown type of 1,000 characters", [{"type": "é" * 1000}], [], 4400, "ééé"),
    Probe("a type of the wrong case", [{"type": "Connection_Init"}], [], 4400, "Connection_Init"),
    Probe("a binary frame", [b'{"type":"connection_init"}'], [], 4400, "binary"),
    Probe("a binary frame, after the ack", [INIT, b"\0\xff"], [ACK], 4400, "binary"),
    Probe("two keys of one name", ['{"type":"ping","type":"pong"}'], [], 4400, "twice"),
    Probe("NaN", ['{"type":"ping","payload":{"a":NaN}}'], [], 4400, "NaN"),
    Probe("half a surrogate pair", ['{"type":"ping","payload":{"a":"\\ud800"}}'], [], 4400, "surrogate"),
    Probe("100,000 brackets", ["[" * 100_000], [], 4400, "nested"),
    # What only a server says, and the older protocol
    Probe("connection_ack from a client", [INIT, ACK], [ACK], 4400, "connection_ack"),
    Probe("next from a client", [INIT, HELLO], [ACK], 4400, "next"),
    Probe("error from a client", [INIT, {"id": "1", "type": "error", "payload": []}], [ACK], 4400, "error"),
    Probe("start", [INIT, subscribe("{ hello }") | {"type": "start"}], [ACK], 4400, "start"),
    Probe("stop", [INIT, {"id": "1", "type": "stop"}], [ACK], 4400, "stop"),
    Probe("connection_terminate", [INIT, {"type": "connection_terminate"}], [ACK], 4400, "connection_terminate"),
    # subscribe
    Probe("subscribe before connection_init", [subscribe("{ hello }")], [], 4401, "Unauthorized"),
    Probe("subscribe without an id", [INIT, {"type": "subscribe", "payload": {"query": "{ hello }"}}], [ACK], 4400, "id"),
    Probe("subscribe with an empty id", [INIT, subscribe("{ hello }", "")], [ACK], 4400, "id"),
    Probe("subscribe with a number as id", [INIT, subscribe("{ hello }", 1)], [ACK], 4400, "id"),
    Probe("subscribe with null as id", [INIT, subscribe("{ hello }", None)], [ACK], 4400, "id"),
    Probe("subscribe with a list as id", [INIT, subscribe("{ hello }", ["1"])], [ACK], 4400, "id"),
    Probe("subscribe without a payload", [INIT, {"id": "1", "type": "subscribe"}], [ACK], 4400, "payload"),
    Probe("subscribe with null as payload", [INIT, {"id": "1", "type": "subscribe", "payload": None}], [ACK], 4400, "payload"),
    Probe("subscribe with a string", [INIT, {"id": "1", "type": "subscribe", "payload": "{ hello }"}], [ACK], 4400, "payload"),
    Probe("subscribe with a list", [INIT, {"id": "1", "type": "subscribe", "payload": []}], [ACK], 4400, "payload"),
    Probe("subscribe without a query", [INIT, {"id": "1", "type": "subscribe", "payload": {}}], [ACK], 4400, "query"),
    Probe("a query that is null", [INIT, subscribe(None)], [ACK], 4400, "query"),  # type: ignore[arg-type]
    Probe("a query that is a number", [INIT, subscribe(1)], [ACK], 4400, "query"),  # type: ignore[arg-type]
    Probe("a query that is an object", [INIT, subscribe({})], [ACK], 4400, "query"),  # type: ignore[arg-type]
    Probe("variables that are a list", [INIT, subscribe("{ hello }", variables=[])], [ACK], 4400, "variables"),
    Probe("variables that are a string", [INIT, subscribe("{ hello }", variables="{}")], [ACK], 4400, "variables"),
    Probe("variables that are null", [INIT, subscribe("{ hello }", variables=None)], [ACK, HELLO, done()]),
    Probe("an operation name that is a number", [INIT, subscribe("{ hello }", operationName=1)], [ACK], 4400, "operationName"),
    Probe("an operation name that is null", [INIT, subscribe("{ hello }", operationName=None)], [ACK, HELLO, done()]),
    Probe("extensions that are a list", [INIT, subscribe("{ hello }", extensions=[])], [ACK], 4400, "extensions"),
    Probe("extensions that are an object", [INIT, subscribe("{ hello }", extensions={"a": 1})], [ACK, HELLO, done()]),
    Probe("an id in use", [*SUBSCRIBED, subscribe("{ hello }")], [ACK], 4409, "Subscriber for 1 already exists"),
    Probe("a long id in use", [INIT, subscribe(FOREVER, "é" * 500), subscribe(FOREVER, "é" * 500)], [ACK], 4409, "Subscriber"),
    Probe("an id of a query in use", [INIT, *[subscribe("{ trouble { slow(seconds: 5) } }")] * 2], [ACK], 4409),
    # What comes of it
    Probe("a query", [INIT, subscribe("{ hello }")], [ACK, HELLO, done()]),
    Probe(
        "a query with variables",
        [INIT, subscribe("query($a: String) { hello(name: $a) }", variables={"a": "Zoë"})],
        [ACK, {"id": "1", "type": "next", "payload": {"data": {"hello": "Hello, Zoë!"}}}, done()],
    ),
    Probe(
        "one operation of two",
        [INIT, subscribe("query A { hello } query B { hello(name: \"b\") }", operationName="A")],
        [ACK, HELLO, done()],
    ),
    Probe("an id that is used again", [INIT, subscribe("{ hello }")], [ACK, HELLO, done()]),
    Probe("an id with anything in it", [INIT, subscribe("{ hello }", '"\n\0é')], [ACK, HELLO | {"id": '"\n\0é'}, done('"\n\0é')]),
    Probe(
        "a mutation",
        [INIT, subscribe('mutation { createPost(input: {title: "x"}) { title } }')],
        [ACK, {"id": "1", "type": "next", "payload": {"data": {"createPost": {"title": "x"}}}}, done()],
    ),
    Probe(
        "a subscription",
        [INIT, subscribe("subscription { countdown(from: 1, interval: 0) }")],
        [
            ACK,
            {"id": "1", "type": "next", "payload": {"data": {"countdown": 1}}},
            {"id": "1", "type": "next", "payload": {"data": {"countdown": 0}}},
            done(),
        ],
    ),
    Probe("a document with a syntax error", [INIT, subscribe("{")], [ACK, failed("Syntax Error")]),
    Probe("an empty document", [INIT, subscribe("")], [ACK, failed("Syntax Error")]),
    Probe("a document that is not valid", [INIT, subscribe("{ nope }")], [ACK, failed("Cannot query field")]),
    Probe("an unknown operation name", [INIT, subscribe("{ hello }", operationName="B")], [ACK, failed('no operation "B"')]),
    Probe("no operation named, of two", [INIT, subscribe("query A { hello } query B { hello }")], [ACK, failed("several")]),
    Probe("a variable that is missing", [INIT, subscribe("query($i: ID!) { user(id: $i) { id } }")], [ACK, failed("$i")]),
    Probe("a subscription that cannot begin", [INIT, subscribe("subscription { broken }")], [ACK, failed("fails on purpose")]),
    Probe("a subscription to two fields", [INIT, subscribe("subscription { counter a: counter }")], [ACK, failed("one")]),
    Probe("a hash that nobody registered", [
        INIT,
        {"id": "1", "type": "subscribe", "payload": {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}},
    ], [ACK, failed("PersistedQueryNotFound")]),
    # complete
    Probe("complete of an unknown id", [INIT, done("7")], [ACK]),
    Probe("complete before connection_init", [done("7")], []),
    Probe("complete without an id", [INIT, {"type": "complete"}], [ACK], 4400, "id"),
    Probe("complete with a number as id", [INIT, {"type": "complete", "id": 1}], [ACK], 4400, "id"),
    Probe("complete before anything came", [*SUBSCRIBED, done()], [ACK]),
    Probe("complete twice", [*SUBSCRIBED, done(), done()], [ACK]),
    Probe("complete of a query", [INIT, subscribe("{ trouble { slow(seconds: 5) } }"), done()], [ACK]),
    Probe("an id after its complete", [*SUBSCRIBED, done(), subscribe("{ hello }")], [ACK, HELLO, done()]),
]  # fmt: skip


@pytest.mark.parametrize("probe", PROBES, ids=[probe.name for probe in PROBES])
def test_what_is_said_and_what_is_heard(probe: Probe) -> None:
    async def story() -> None:
        async with serving() as (_, where), peer(where) as client:
            await client.say(*probe.said)
            heard: list[Any] = []
            while len(heard) < len(probe.heard) + bool(probe.code):
                heard.append(await client.hear())
                if heard[-1] == FIRST and FIRST not in probe.heard:
                    heard.pop()  # how far a subscription came before it is ended is no rule
            if not probe.code:
                assert [said for said in await client.all() if said != FIRST] == []
            else:
                code, reason = heard.pop()
                assert code == probe.code and probe.reason in reason and reason and len(reason.encode()) <= 123
            for said, wanted in zip(heard, probe.heard, strict=True):
                assert wanted(said) if callable(wanted) else said == wanted

    run(story())


def test_there_are_as_many_probes_as_a_strict_reading_has_and_more() -> None:
    assert len(PROBES) >= 62 and len({probe.name for probe in PROBES}) == len(PROBES)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([TRANSPORT], TRANSPORT),
        ([LEGACY], LEGACY),
        ([LEGACY, TRANSPORT], TRANSPORT),
        (["mqtt", TRANSPORT], TRANSPORT),
        (["mqtt"], 4406),
        (["Graphql-Transport-Ws"], 4406),
        ([], 4406),
    ],
)
def test_the_subprotocol_is_negotiated_or_closed_with_4406(offered: list[Any], chosen: Any) -> None:
    async def story() -> None:
        async with serving() as (_, where), connect(f"ws://{where}", subprotocols=offered or None) as connection:
            if chosen == 4406:
                assert await Peer(connection).hear() == (4406, "Subprotocol not acceptable")
            else:
                assert connection.subprotocol == chosen
                await Peer(connection).acknowledged()

    run(story())


def test_who_does_not_introduce_itself_in_time_is_closed_with_4408() -> None:
    async def story() -> None:
        async with serving(bounds=Bounds(init=0.02)) as (_, where), peer(where) as client:
            await client.say(PING)
            assert await client.hear() == PONG
            assert await client.hear() == (4408, "Connection initialisation timeout")
        async with serving(bounds=Bounds(init=0.02)) as (_, where), peer(where) as client:
            await client.acknowledged()
            await asyncio.sleep(0.05)  # the time passes, and nothing comes of it
            assert await client.all() == []

    run(story())


def test_on_connect_decides_who_comes_in() -> None:
    async def admit(payload: dict[str, Any] | None) -> Any:
        if payload is None:
            raise RuntimeError("a secret")
        await asyncio.sleep(0)
        return {"hello": payload["user"]} if payload["user"] == "ada" else payload["user"] != "eve"

    async def story() -> None:
        async with serving(on_connect=admit) as (server, where):
            async with peer(where) as client:
                await client.say(INIT | {"payload": {"user": "ada"}})
                assert await client.hear() == ACK | {"payload": {"hello": "ada"}}
            async with peer(where) as client:
                await client.say(INIT | {"payload": {"user": "bob"}})
                assert await client.hear() == ACK
            async with peer(where) as client:
                await client.say(INIT | {"payload": {"user": "eve"}})
                assert await client.hear() == (4403, "Forbidden")
            async with peer(where) as client:
                await client.say(INIT)
                assert await client.hear() == (4500, "Internal server error")
            assert "a secret" in repr(server.log)
            async with peer(where) as client:  # nobody is in before the answer is given
                await client.say(INIT | {"payload": {"user": "ada"}}, subscribe("{ hello }"))
                assert await client.hear() == (4401, "Unauthorized")

    run(story())


def test_field_errors_come_with_the_results_and_end_nothing() -> None:
    async def story() -> None:
        async with serving() as (_, where), peer(where) as client:
            await client.acknowledged()
            await client.say(subscribe("subscription { countdown(from: 2, interval: 0, failAt: 1) }"))
            heard = [await client.hear() for _ in range(4)]
            assert [said["type"] for said in heard] == ["next", "next", "next", "complete"]
            assert heard[1]["payload"]["data"] == {"countdown": None}
            assert heard[1]["payload"]["errors"][0]["path"] == ["countdown"]
            await client.say(subscribe("{ trouble { secret fine } }"))
            said = (await client.hear())["payload"]
            assert said["data"] == {"trouble": {"secret": None, "fine": "fine"}}
            assert said["errors"][0]["message"] == "Internal server error"

    run(story())


def test_what_is_asked_first_begins_first() -> None:
    async def story() -> None:
        async with serving() as (_, where), peer(where) as client:
            await client.acknowledged()
            post = 'mutation { createPost(input: {title: "news"}) { id } }'
            await client.say(subscribe("subscription { postCreated { title } }", "s"), subscribe(post, "m"))
            heard = [await client.hear() for _ in range(3)]
            assert {"id": "s", "type": "next", "payload": {"data": {"postCreated": {"title": "news"}}}} in heard

    run(story())


def test_one_operation_too_many_is_refused_and_the_others_go_on() -> None:
    async def story() -> None:
        async with serving(bounds=Bounds(operations=2)) as (_, where), peer(where) as client:
            await client.acknowledged()
            await client.say(*(subscribe(FOREVER, id) for id in "123"))
            heard = sorted([await client.hear() for _ in range(3)], key=lambda said: said["id"])
            assert [said["type"] for said in heard] == ["next", "next", "error"]
            assert heard[2]["payload"][0]["extensions"] == {"code": "TOO_MANY_OPERATIONS"}
            await client.say(done("1"), subscribe("{ hello }", "3"))
            assert await client.hear() == HELLO | {"id": "3"}

    run(story())


def test_a_message_above_the_bound_is_closed_with_1009_and_bad_utf_8_with_1007() -> None:
    async def story() -> None:
        async with serving(bounds=Bounds(message=1000)) as (_, where):
            async with peer(where) as client:
                await client.say(subscribe("x" * 2000))
                assert (await client.hear())[0] == 1009
            async with peer(where) as client:
                await client.connection.send(b"\xff\xfe", text=True)
                assert (await client.hear())[0] == 1007

    run(story())


def test_one_socket_too_many_is_refused_with_503_and_a_page_of_another_site_with_403() -> None:
    async def story() -> None:
        async with serving(bounds=Bounds(sockets=1)) as (_, where), peer(where) as client:
            with pytest.raises(InvalidStatus) as refused:
                await peer(where).__aenter__()
            assert refused.value.response.status_code == 503
            await client.acknowledged()
        async with serving(origins=["https://friend.example"]) as (_, where):
            with pytest.raises(InvalidStatus) as refused:
                await peer(where, origin="https://evil.example").__aenter__()
            assert refused.value.response.status_code == 403
            async with peer(where, origin="https://friend.example") as client:
                await client.acknowledged()
            async with peer(where, origin=f"http://{where.partition('/')[0]}") as client:
                await client.acknowledged()

    run(story())


def test_the_session_says_nothing_once_it_is_closed_or_an_operation_is_over() -> None:
    session = TransportSession()
    session.receive(json.dumps(INIT))
    assert session.acknowledge() == [Say(b'{"type":"connection_ack"}')] and session.acknowledge() == []
    session.receive(json.dumps(subscribe("{ hello }")))
    assert session.complete("1") == b'{"id":"1","type":"complete"}'
    assert session.complete("1") is None and session.error("1", [{"message": "late"}]) is None
    assert session.close(4500) == [Close(4500, "Internal server error")]
    assert session.receive("{}") == [] and session.overdue() == [] and session.close(4400, "x") == []


def test_a_stopped_server_completes_what_runs_and_closes_with_1001() -> None:
    async def story() -> None:
        async with serving() as (server, where), peer(where) as client:
            await client.acknowledged()
            await client.say(subscribe("subscription { postCreated { id } }"))
            await until(lambda: server.store.created.listeners)
            await server.stop()
            assert await client.hear() == done()
            assert (await client.hear())[0] == 1001
            assert not server.store.created.listeners

    run(story())
