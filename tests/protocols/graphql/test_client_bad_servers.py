"""Servers that break the protocol, by script, and what graphql.Client makes of each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from protolab.errors import LabError
from protolab.protocols.graphql.client import Client, Ended, GraphQLError
from protolab.protocols.graphql.client_errors import after
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT
from protolab.serve.backoff import Backoff
from tests.protocols.graphql.sockets import run, until

pytestmark = pytest.mark.live
ACK = {"type": "connection_ack"}
NEXT = {"id": "1", "type": "next", "payload": {"data": {"a": 1}}}
DONE = {"id": "1", "type": "complete"}
A = [{"a": 1}]


class Script(NamedTuple):
    """What a server says after connection_init and after subscribe; what the client gets, and closes with (0: it does not).

    `gets` are the events, and then, where that is not the end, what is raised. A close code in what is said closes.
    """

    name: str
    on_init: list[Any]
    on_subscribe: list[Any]
    gets: list[Any]
    closes: int = 0
    raises: str = ""


SCRIPTS = [
    Script("one that does it right", [ACK], [NEXT, DONE], A),
    Script("bad JSON in place of the ack", ["{"], [], [], 4004, "not JSON"),
    Script("bad JSON later", [ACK], [NEXT, "oops"], A, 4004, "not JSON"),
    Script("an array", [ACK], ["[]"], [], 4004, "object"),
    Script("null", ["null"], [], [], 4004, "object"),
    Script("no type", [ACK], [{"id": "1"}], [], 4004, "no message of type"),
    Script("an unknown type", [ACK], [{"type": "hello"}], [], 4004, "hello"),
    Script("the older protocol's data", [ACK], [NEXT | {"type": "data"}], [], 4004, "data"),
    Script("what only a client says", [ACK], [{"type": "connection_init"}], [], 4004, "connection_init"),
    Script("a binary message", [ACK], [json.dumps(NEXT).encode()], [], 4004, "binary"),
    Script("a second ack", [ACK], [ACK], [], 4004, "second time"),
    Script("next before the ack", [NEXT], [], [], 4004, "before connection_ack"),
    Script("next without an id", [ACK], [{"type": "next", "payload": {"data": {}}}], [], 4004, "id"),
    Script("next with a number as id", [ACK], [NEXT | {"id": 1}], [], 4004, "id"),
    Script("next without a payload", [ACK], [{"id": "1", "type": "next"}], [], 4004, "payload"),
    Script("next with a list", [ACK], [NEXT | {"payload": []}], [], 4004, "payload"),
    Script("next with neither data nor errors", [ACK], [NEXT | {"payload": {}}], [], 4004, "payload"),
    Script("next with a number as data", [ACK], [NEXT | {"payload": {"data": 5}}], [], 4004, "payload"),
    Script("next with a text as errors", [ACK], [NEXT | {"payload": {"data": {}, "errors": "No."}}], [], 4004, "payload"),
    Script("next with null for no errors", [ACK], [NEXT | {"payload": {"data": {"a": 1}, "errors": None}}, DONE], A),
    Script("depth", [ACK], ['{"id":"1","type":"next","payload":{"data":{"a":' + "[" * 999 + "]" * 999 + "}}}"], [], 4004, "deep"),
    Script("a burst", [ACK], [*[NEXT] * 1500, DONE], A * 1500),  # more than the inbox holds, and its reader is there
    Script("error with an object", [ACK], [{"id": "1", "type": "error", "payload": {"message": "No."}}], [], 4004, "payload"),
    Script("error with nothing in it", [ACK], [{"id": "1", "type": "error", "payload": []}], [], 4004, "payload"),
    Script("an ack with a text", [ACK | {"payload": "x"}], [], [], 4004, "payload"),
    Script("complete without an id", [ACK], [{"type": "complete"}], [], 4004, "id"),
    Script("ids that nobody knows", [ACK], [NEXT | {"id": "7"}, DONE | {"id": "8"}, NEXT, DONE], A),
    Script("next after complete", [ACK], [NEXT, DONE, NEXT, NEXT], A),
    Script("complete after error", [ACK], [{"id": "1", "type": "error", "payload": [{"message": "No."}]}, DONE], [], 0, "No."),
    Script("pings, asked and unasked pongs", [{"type": "ping"}, ACK], [{"type": "pong"}, {"type": "ping"}, NEXT, DONE], A),
    Script("nothing at all", [], [], [], 4504, "acknowledgement timeout"),
    Script("a Close in place of the ack", [4400], [], [], 0, "4400"),
    Script("4401", [ACK], [4401], [], 0, "4401"),
    Script("4409", [ACK], [NEXT, 4409], A, 0, "4409"),
    Script("4429", [4429], [], [], 0, "4429"),
    Script("4500", [ACK], [4500], [], 0, "4500"),
    Script("1000 in the middle", [ACK], [NEXT, 1000], A),
    Script("1008", [ACK], [1008], [], 0, "1008"),
    Script("text that is no UTF-8", [ACK], [b"\xff", "as text"], [], 1007, "1007"),
]  # fmt: skip


async def speak(connection: ServerConnection, said: list[Any]) -> None:
    for number, one in enumerate(said):
        if isinstance(one, int):
            await connection.close(one, "by script")
        elif isinstance(one, bytes) and said[number + 1 :] == ["as text"]:
            return await connection.send(one, text=True)
        else:
            await connection.send(one if isinstance(one, str | bytes) else json.dumps(one))


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])
def test_what_a_client_makes_of_a_server(script: Script) -> None:
    closed: list[int] = []

    async def server(connection: ServerConnection) -> None:
        try:
            assert json.loads(await connection.recv()) == {"type": "connection_init"}
            await speak(connection, script.on_init)
            while json.loads(await connection.recv())["type"] != "subscribe":
                continue
            await speak(connection, script.on_subscribe)
            while True:
                await connection.recv()
        except ConnectionClosed as ended:
            closed.append(ended.rcvd.code if ended.rcvd else 1006)

    async def story() -> None:
        async with listening(server) as url:
            async with Client(url, ack_timeout=10 if script.on_init else 0.1, max_attempts=0) as client:
                got: list[Any] = []
                try:
                    async for event in client.subscribe("subscription { a }"):
                        got.append(event)
                except (Ended, GraphQLError) as error:
                    assert script.raises and script.raises in str(error)
                else:
                    assert not script.raises
                assert got == script.gets
            await until(lambda: closed)
            said_by_script = [one for one in script.on_init + script.on_subscribe if isinstance(one, int)]
            assert closed[0] == (script.closes or (said_by_script or [1000])[0])

    run(story())


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "cut off"),
        (_HEAD[:20], "cut off"),
        (_HEAD + b"Content-Length: 20\r\n\r\n{", "cut off"),
        (_HEAD + b"Content-Length: -2\r\n\r\n{}", "Content-Length"),
        (_HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "Content-Length"),
        (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", "chunk"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "status line"),
        (_HEAD + b"\r\n" + b"[" * 99_999, "deep"),
        (_HEAD + b'\r\n{"data":{"a":"\xff"}}', "UTF-8"),
        (_HEAD + b'\r\n{"data":[]}', "no GraphQL response"),
    ],
)
def test_what_cannot_be_an_answer_is_trouble_on_the_way(said: bytes, why: str) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listener:
            url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/graphql"
            async with Client(url, get=True, subscriptions="sse", max_attempts=0) as client:
                with pytest.raises(LabError, match=why):
                    await client.query("{ a }")
                with pytest.raises(LabError):
                    await anext(client.subscribe("subscription { a }"))

    run(story())


class listening:
    """A server with this handler; the url it is reached at."""

    def __init__(
        self, handler: Callable[[ServerConnection], Awaitable[None]], name: str = TRANSPORT, chosen: str | None = ""
    ) -> None:
        self.handler = handler
        self.name = name
        self.chosen = name if chosen == "" else chosen

    async def __aenter__(self) -> str:
        def select(connection: ServerConnection, offered: Any) -> Subprotocol | None:
            assert offered == [self.name]
            return None if self.chosen is None else Subprotocol(self.chosen)

        self.server = await serve(
            self.handler,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol(TRANSPORT), Subprotocol(LEGACY), Subprotocol("mqtt")],
            select_subprotocol=select,
            compression=None,
        )
        return f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/graphql"

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()


@pytest.mark.parametrize("chosen", [None, "mqtt", LEGACY])
def test_a_server_that_speaks_another_subprotocol_is_left(chosen: str | None) -> None:
    heard: list[Any] = []

    async def server(connection: ServerConnection) -> None:
        try:
            heard.append(await connection.recv())
        except ConnectionClosed as ended:
            heard.append(ended.rcvd and ended.rcvd.code)

    async def story() -> None:
        async with listening(server, chosen=chosen) as url, Client(url) as client:
            with pytest.raises(Ended, match="subprotocol") as raised:
                await anext(client.subscribe("subscription { a }"))
            assert raised.value.rule.name == "NEVER"
        assert heard in ([4406], [None], [1002], [])  # the library itself leaves one whose choice was never offered

    run(story())


RETRIED = [1001, 1005, 1006, 1011 + 1, 1013, 1014, 4403, 4408, 4499, 4504, 3000, 4321]
FATAL = [1002, 1003, 1007, 1008, 1009, 1010, 1011, 1015, 4004, 4005, 4400, 4401, 4406, 4409, 4429, 4500]


def test_the_codes_say_whether_to_come_back() -> None:
    assert {code: after(code, "").rule.name in ("AGAIN", "LATER") for code in RETRIED + FATAL} == dict.fromkeys(
        RETRIED, True
    ) | dict.fromkeys(FATAL, False)
    assert after(1000, "").rule.name == "DONE"


@pytest.mark.parametrize("code", [1001, 4403, 4408, 4499, 1006])
def test_after_a_passing_code_the_subscription_is_begun_again(code: int) -> None:
    ids: list[str] = []

    async def server(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps(ACK))
        asked = json.loads(await connection.recv())
        assert asked["payload"] == {"query": "subscription { a }"}
        ids.append(asked["id"])
        if len(ids) < 3:
            await connection.send(json.dumps(NEXT))
            if code == 1006:
                connection.transport.abort()
            else:
                await connection.close(code)
        else:
            await connection.send(json.dumps(NEXT))
            await connection.send(json.dumps(DONE))
            await connection.wait_closed()

    async def story() -> None:
        async with listening(server) as url, Client(url, backoff=Backoff(0, 0.001)) as client:
            assert [event async for event in client.subscribe("subscription { a }")] == A * 3
            assert ids == ["1"] * 3

    run(story())


def test_it_gives_up_after_so_many_attempts_and_says_why() -> None:
    async def server(connection: ServerConnection) -> None:
        await connection.close(4403, "who are you?")

    async def story() -> None:
        async with listening(server) as url, Client(url, backoff=Backoff(0, 0.001), max_attempts=3) as client:
            with pytest.raises(Ended, match=r"4403: who are you\?") as ended:
                await anext(client.subscribe("subscription { a }"))
            assert (ended.value.code, ended.value.reason) == (4403, "who are you?")
            assert getattr(client.link, "connections", 0) == 4

    run(story())


LEGACY_SCRIPTS = [
    ([ACK, {"type": "ka"}], [NEXT | {"type": "data"}, {"type": "ka"}, DONE], A, ""),
    ([ACK], [{"id": "1", "type": "error", "payload": {"message": "No."}}], [], "No."),
    ([ACK], [{"id": "1", "type": "error", "payload": [{"message": "No."}]}], [], "No."),
    ([ACK], [{"type": "connection_error", "payload": {"message": "?"}}, NEXT | {"type": "data"}, DONE], A, ""),
    ([{"type": "connection_error", "payload": {"message": "Who?"}}], [], [], "let us in: Who?"),
    ([ACK], [NEXT], [], "4004"),
    ([ACK], ["oops"], [], "4004"),
]


@pytest.mark.parametrize(("on_init", "on_start", "gets", "raises"), LEGACY_SCRIPTS)
def test_the_older_protocol(on_init: list[Any], on_start: list[Any], gets: list[Any], raises: str) -> None:
    async def server(connection: ServerConnection) -> None:
        try:
            await connection.recv()
            await speak(connection, on_init)
            assert json.loads(await connection.recv()) == {"id": "1", "type": "start", "payload": {"query": "{ a }"}}
            await speak(connection, on_start)
            async for _ in connection:
                continue
        except ConnectionClosed:
            return

    async def story() -> None:
        async with listening(server, LEGACY) as url, Client(url, subscriptions=LEGACY, max_attempts=0) as client:
            got: list[Any] = []
            try:
                async for event in client.subscribe("{ a }"):
                    got.append(event)
            except (Ended, GraphQLError) as error:
                assert raises and raises in str(error)
            else:
                assert not raises
            assert got == gets

    run(story())
