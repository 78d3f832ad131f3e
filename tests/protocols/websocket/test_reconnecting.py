"""websocket.Client: what it survives, what it gives up on, what it keeps and drops, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from protolab import lab, websocket
from protolab.errors import LabError
from protolab.fields import Side
from protolab.protocols.websocket.client_events import EVENTS, Connected, Dropped, Failed, MaxAttempts, Reconnecting
from protolab.protocols.websocket.retry import Ending, Rule
from protolab.serve.backoff import Backoff

pytestmark = pytest.mark.live
PATIENCE = 20  # seconds that anything may take


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test, which must leave no task behind."""

    async def guarded() -> None:
        async with asyncio.timeout(PATIENCE):
            await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    asyncio.run(guarded())


def quick(**options: Any) -> Any:
    """What makes a client come back within milliseconds."""
    return {"backoff": Backoff(0.002, 0.01, stable=0), "later": (0.03, 0.04)} | options


class Heard:
    """All that a client said to its handlers, in order; `until` waits for more of it."""

    def __init__(self, client: websocket.Client, *events: str) -> None:
        self.told: list[tuple[str, Any]] = []
        self._news = asyncio.Event()
        for event in events or EVENTS:
            client.on(event, self._hear(event))

    def _hear(self, event: str) -> Callable[[Any], None]:
        def hear(argument: Any) -> None:
            self.told.append((event, argument))
            self._news.set()

        return hear

    def all(self, event: str) -> list[Any]:
        return [argument for name, argument in self.told if name == event]

    async def until(self, event: str, many: int = 1) -> Any:
        """The last argument of `event`, once it has been told that many times."""
        while len(self.all(event)) < many:
            self._news.clear()
            await self._news.wait()
        return self.all(event)[many - 1]


@asynccontextmanager
async def served(
    handler: Callable[[ServerConnection], Awaitable[None]],
    admit: Callable[[ServerConnection, Request], Response | None] | None = None,
) -> AsyncIterator[str]:
    """The url of a server on this loop."""
    async with serve(handler, "127.0.0.1", 0, process_request=admit, compression=None, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


# Coming back


def test_it_survives_a_cut_and_sends_what_was_queued_meanwhile() -> None:
    async def main() -> None:
        server = lab.start(websocket.EchoServer())
        client = websocket.Client(server.url, **quick())
        heard = Heard(client)

        @client.on("disconnected")
        async def away(ending: Ending) -> None:
            assert not client.connected
            if ending.rule is Rule.AGAIN:
                assert await client.send("said while away") is False
                assert await client.send({"and": "so on"}) is False and client.waiting == 2

        async with client:
            assert await client.send("before") is True
            assert await heard.until("message") == "before"
            assert server.cut() == 1
            assert await heard.until("message", 3) == {"and": "so on"}
            assert await client.send("after") is True
            assert await heard.until("message", 4) == "after"
        assert heard.all("message") == ["before", "said while away", {"and": "so on"}, "after"]
        first, last = heard.all("disconnected")
        assert (first.code, first.by, first.rule) == (1006, "network", Rule.AGAIN)
        assert (last.code, last.by, last.rule) == (1000, "client", Rule.DONE)
        assert [one.number for one in heard.all("connected")] == [1, 2]
        assert [name for name, _ in heard.told if name != "message"] == [
            "connected", "disconnected", "reconnecting", "connected", "disconnected",
        ]  # fmt: skip
        assert (client.counts.connections, client.counts.sent, client.counts.dropped) == (2, 4, 0)
        assert client.closed and client.failure is None and repr(client) == "<websocket client, closed>"

    run(main())


def test_a_server_whose_port_is_closed_for_a_while_is_found_again() -> None:
    async def main() -> None:
        server = lab.start(websocket.EchoServer(), tap=False)
        url, port = server.url, int(server.url.rsplit(":", 1)[1].strip("/"))
        client = websocket.Client(url, **quick(max_attempts=None))
        heard = Heard(client)
        async with client:
            await asyncio.to_thread(server.stop)
            assert (await heard.until("disconnected")).code == 1001
            failed = await heard.until("error", 3)
            assert failed.doing == "connecting" and isinstance(failed.error, ConnectionRefusedError)
            await client.send("still there?")
            await asyncio.to_thread(lambda: lab.start(websocket.EchoServer(), tap=False, port=port))
            assert await heard.until("message") == "still there?"

    run(main())


def test_await_waits_for_a_server_that_is_not_there_yet() -> None:
    async def main() -> None:
        async with served(echo) as url:
            pass
        port = int(url.rsplit(":", 1)[1].strip("/"))
        client = websocket.Client(url, **quick(max_attempts=None))
        heard = Heard(client)
        waiting = asyncio.ensure_future(client)
        await heard.until("reconnecting", 2)
        assert not waiting.done()
        async with serve(echo, "127.0.0.1", port):
            assert await waiting is client and client.connected and await client is client
            await client.close()

    run(main())


def test_delays_grow_are_reported_and_begin_anew_after_a_stable_time() -> None:
    async def flap(connection: ServerConnection) -> None:
        connection.transport.abort()

    async def attempts(stable: float) -> list[Reconnecting]:
        async with served(flap) as url:
            client = websocket.Client(url, backoff=Backoff(0.001, 0.004, stable=stable), max_attempts=None)
            heard = Heard(client)
            client.start()
            await heard.until("reconnecting", 5)
            await client.close()
            return heard.all("reconnecting")[:5]

    async def main() -> None:
        unstable = await attempts(stable=60)
        assert [one.attempt for one in unstable] == [1, 2, 3, 4, 5]
        assert all(
            0 <= one.delay <= top for one, top in zip(unstable, (0.001, 0.002, 0.004, 0.004, 0.004), strict=True)
        )
        assert [one.attempt for one in await attempts(stable=0)] == [1] * 5

    run(main())


def test_two_thousand_quick_cuts_leave_neither_tasks_nor_connections() -> None:
    async def main() -> None:
        cuts, enough = 0, asyncio.Event()

        async def cut(connection: ServerConnection) -> None:
            nonlocal cuts
            cuts += 1
            connection.transport.abort()
            if cuts >= 2000:
                enough.set()

        async with served(cut) as url:
            client = websocket.Client(url, backoff=Backoff(0, 0, stable=0), max_attempts=None)
            client.start()
            await enough.wait()
            assert len(asyncio.all_tasks()) < 20
            await client.close()
        assert client.counts.connections >= 1990 and len(client.log) == 1000 < client.log.lost

    async def guarded() -> None:
        async with asyncio.timeout(100):
            await main()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(guarded())


def test_a_repeatable_run_waits_as_long_every_time_and_says_the_same_bytes() -> None:
    async def once() -> tuple[list[float], bytes]:
        with lab.repeatable():
            server = lab.start(websocket.EchoServer())
            client = websocket.Client(server.url, backoff=Backoff(0.001, 0.01))
            heard = Heard(client)
            async with client:
                for number in range(1, 4):
                    await client.send_chat(f"Hello {number}")
                    await heard.until("message", number)
                    server.cut()
                    await heard.until("connected", number + 1)
            said = b"".join(server.capture[number].read(Side.CLIENT) for number in range(3))
        return [one.delay for one in heard.all("reconnecting")], said

    async def main() -> None:
        first = await once()
        assert first == await once() and len(set(first[0])) == 3

    run(main())


def test_a_server_that_falls_silent_is_noticed_by_the_keepalive() -> None:
    async def deaf_at_first(connection: ServerConnection) -> None:
        if client.counts.connections < 2:
            connection.transport.pause_reading()
        await connection.wait_closed()

    async def main() -> None:
        nonlocal client
        async with served(deaf_at_first) as url:
            client = websocket.Client(url, **quick(ping_interval=0.02, ping_timeout=0.02, close_timeout=0.02))
            heard = Heard(client)
            client.start()
            ending = await heard.until("disconnected")
            assert (ending.code, ending.by, ending.rule) == (1011, "client", Rule.AGAIN)
            await heard.until("connected", 2)
            await client.close()

    client: Any = None
    run(main())


# Giving up


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003])
def test_after_a_fatal_code_it_does_not_come_back(code: int) -> None:
    async def dismiss(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(code, "that is that")

    async def main() -> None:
        async with served(dismiss) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client)
            async with client:
                await client.send("?")
                with pytest.raises(
                    LabError, match=rf"server with {code} \(.*\): that is that\. To come back would not help"
                ):
                    async for _ in client:
                        pass
                assert client.closed and client.counts.connections == 1
                with pytest.raises(LabError, match="that is that"):
                    await client.send("one more thing")
            (ending,) = heard.all("disconnected")
            assert ending[:4] == (code, "that is that", "server", Rule.NEVER)
            assert not heard.all("reconnecting")

    run(main())


@pytest.mark.parametrize("code", [1001, 1011, 1014, 3008, 4000])
def test_after_a_passing_trouble_it_comes_back(code: int) -> None:
    run(_comes_back(code, least=0))


@pytest.mark.parametrize("code", [1012, 1013])
def test_a_server_that_asks_for_time_gets_it(code: int) -> None:
    run(_comes_back(code, least=0.03))


async def _comes_back(code: int, least: float) -> None:
    async def dismiss_once(connection: ServerConnection) -> None:
        if client.counts.connections < 2:
            await connection.close(code)
        await echo(connection)

    async with served(dismiss_once) as url:
        client = websocket.Client(url, **quick())
        heard = Heard(client)
        client.start()
        assert (await heard.until("disconnected")).code == code
        await heard.until("connected", 2)
        assert least <= heard.all("reconnecting")[0].delay <= max(least + 0.01, 0.01)
        await client.close()


@pytest.mark.parametrize("code", [1000, None])
def test_a_server_that_says_goodbye_is_let_go(code: int | None) -> None:
    async def goodbye(connection: ServerConnection) -> None:
        await connection.send("goodbye")
        if code is None:
            connection.protocol.send_close()
            connection.send_data()
        else:
            await connection.close(code)
        await connection.wait_closed()

    async def main() -> None:
        async with served(goodbye) as url, websocket.Client(url, **quick()) as client:
            assert [message async for message in client] == ["goodbye"]
            assert client.closed and client.failure is None and client.ending is not None
            assert (client.ending.code, client.ending.rule) == (code or 1005, Rule.DONE)
            with pytest.raises(LabError, match="done: closed by the server"):
                await client.send("?")

    run(main())


def test_a_server_that_breaks_the_protocol_is_not_asked_again() -> None:
    async def masked(connection: ServerConnection) -> None:
        connection.transport.write(b"\x81\x81abcd\x00")
        await connection.wait_closed()

    async def main() -> None:
        async with served(masked) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client)
            client.start()
            ending = await heard.until("disconnected")
            assert (ending.code, ending.by, ending.rule) == (1002, "client", Rule.NEVER)
            await client.close()

    run(main())


def test_rules_of_its_own_say_what_private_codes_mean() -> None:
    async def dismiss(connection: ServerConnection) -> None:
        await connection.close(4401, "who are you?")

    async def main() -> None:
        async with served(dismiss) as url:
            client = websocket.Client(url, **quick(rules={4401: Rule.NEVER}))
            client.start()
            with pytest.raises(LabError, match="4401"):
                async for _ in client:
                    pass
            await client.close()

    run(main())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426, 501])
def test_a_refused_handshake_ends_it(status: int) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus(status), "no\n")

    async def main() -> None:
        async with served(echo, refuse) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client)
            with pytest.raises(LabError, match=f"The handshake was refused with {status}"):
                await client
            assert client.closed and [name for name, _ in heard.told] == ["error"]
            with pytest.raises(LabError, match=str(status)):
                client.start()

    run(main())


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (b"", Rule.AGAIN),
        (b"HTTP/1.1 101 Switch", Rule.AGAIN),
        (b"SSH-2.0-OpenSSH\r\n", Rule.NEVER),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Rule.NEVER),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Rule.NEVER),
    ],
)
def test_half_an_answer_is_asked_for_again_and_a_wrong_one_is_not(answer: bytes, rule: Rule) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            client = websocket.Client(url, **quick(max_attempts=2))
            heard = Heard(client)
            with pytest.raises(LabError, match="Gave up after 2" if rule is Rule.AGAIN else "would not help"):
                await client
            assert len(heard.all("error")) == (3 if rule is Rule.AGAIN else 1)

    run(main())


@pytest.mark.parametrize(("status", "after"), [(503, "0"), (429, None), (408, "never mind")])
def test_a_handshake_refused_for_now_is_tried_again(status: int, after: str | None) -> None:
    refused = 0

    def refuse_twice(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal refused
        if refused == 2:
            return None
        refused += 1
        response = connection.respond(HTTPStatus(status), "later\n")
        if after is not None:
            response.headers["Retry-After"] = after
        return response

    async def main() -> None:
        async with served(echo, refuse_twice) as url, websocket.Client(url, **quick()) as client:
            assert client.counts.connections == 1 and refused == 2

    run(main())


def test_retry_after_is_waited_for() -> None:
    def full(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full\n")
        response.headers["Retry-After"] = "120"
        return response

    async def main() -> None:
        async with served(echo, full) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client)
            client.start()
            assert 120 <= (await heard.until("reconnecting")).delay <= 120.01
            await client.close()

    run(main())


@pytest.mark.parametrize("attempts", [0, 3])
def test_after_max_attempts_it_says_so_and_ends(attempts: int) -> None:
    async def main() -> None:
        async with served(echo) as url:
            pass
        client = websocket.Client(url, **quick(max_attempts=attempts))
        heard = Heard(client)
        await client.send("never to arrive")
        with pytest.raises(LabError, match=f"Gave up after {attempts} attempts.*Look whether the server runs"):
            await client
        assert [one.attempt for one in heard.all("reconnecting")] == list(range(1, attempts + 1))
        (gave_up,) = heard.all("max_attempts")
        assert isinstance(gave_up, MaxAttempts) and gave_up.attempts == attempts and gave_up.after.code is None
        assert heard.all("dropped") == [Dropped(("never to arrive",), "the client has ended")]

    run(main())


# What is kept and dropped


def test_at_the_bound_the_oldest_are_dropped_told_of_and_counted() -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick(queue=3, queue_bytes=20))
            heard = Heard(client)
            for number in range(5):
                assert await client.send(f"{number}") is False
            assert heard.all("dropped") == [
                Dropped((f"{number}",), "too many messages wait for a connection") for number in (0, 1)
            ]
            await client.send("nineteen bytes here")
            assert heard.all("dropped")[2].messages == ("2", "3") and client.waiting == 2
            async with client:
                assert await heard.until("message", 2) == "nineteen bytes here"
            assert heard.all("message") == ["4", "nineteen bytes here"] and client.counts.dropped == 4

    run(main())


def test_what_waited_for_too_long_is_dropped_instead_of_sent() -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick(ttl=0))
            heard = Heard(client)
            await client.send("old news")
            async with client:
                await client.send("news")
                assert await heard.until("message") == "news"
            assert heard.all("dropped") == [Dropped(("old news",), "they waited for too long")]

    run(main())


def test_closing_drops_what_still_waits_and_says_so() -> None:
    async def main() -> None:
        client = websocket.Client("ws://127.0.0.1:9/", **quick())
        heard = Heard(client)
        await client.send(b"\x00\x01")
        await client.close()
        assert heard.told == [("dropped", Dropped((b"\x00\x01",), "the client was closed"))]
        with pytest.raises(LabError, match="This client is closed"):
            await client.send("too late")

    run(main())


def test_what_handlers_of_connected_say_goes_before_what_waited() -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client, "message")
            outside: list[bool] = []

            @client.on("connected")
            async def join(connected: Connected) -> None:
                assert await client.send("join") is True
                other = asyncio.create_task(client.send("from elsewhere, meanwhile"))
                outside.append(await other)

            await client.send("waited")
            async with client:
                await heard.until("message", 3)
            assert heard.all("message") == ["join", "waited", "from elsewhere, meanwhile"] and outside == [False]

    run(main())


def test_text_bytes_and_json_are_sent_as_what_they_are_and_nothing_else_is() -> None:
    async def main() -> None:
        async with served(echo) as url, websocket.Client(url, **quick()) as client:
            said = [
                "text",
                b"bytes",
                bytearray(b"array"),
                {"ä": [1, None]},
                ["a", 1],
                "{not json",
                '{"a":' * 100_000,
                "",
            ]
            for each in said:
                await client.send(each)
            await client.send_binary(memoryview(b"view"))
            messages = aiter(client)
            assert [await anext(messages) for _ in range(9)] == [
                "text", b"bytes", b"array", {"ä": [1, None]}, '["a",1]', "{not json", '{"a":' * 100_000, "", b"view",
            ]  # fmt: skip
            for wrong in ({"a": float("nan")}, {"a": object()}, "\ud800", {1, 2}):
                with pytest.raises((TypeError, ValueError)):
                    await client.send(wrong)
            for number in (5, "text"):
                with pytest.raises(TypeError):
                    await client.send_binary(number)
            await client.send("still here")
            assert await anext(messages) == "still here" and client.counts.connections == 1

    run(main())


def test_who_iterates_slowly_slows_the_server_and_loses_nothing_who_never_does_costs_no_memory() -> None:
    async def pour(connection: ServerConnection) -> None:
        for number in range(500):
            await connection.send(str(number))
        await connection.close()

    async def main() -> None:
        async with served(pour) as url:
            async with websocket.Client(url, **quick(queue=5)) as client:
                messages = aiter(client)
                assert [message async for message in messages] == [str(number) for number in range(500)]
                assert client.counts.unread == 0
            client = websocket.Client(url, **quick(queue=5))
            heard = Heard(client)
            async with client:
                await heard.until("disconnected")
                assert [message async for message in client] == [str(number) for number in range(495, 500)]
            assert len(heard.all("message")) == 500 and client.counts.unread == 495

    run(main())


def test_iterating_goes_on_through_cuts() -> None:
    async def once(connection: ServerConnection) -> None:
        await connection.send(f"from connection {client.counts.connections}")
        await connection.close(1001)

    async def main() -> None:
        nonlocal client
        async with served(once) as url:
            client = websocket.Client(url, **quick())
            seen = []
            async with client:
                async for message in client:
                    seen.append(message)
                    if len(seen) == 5:
                        break
            assert len(set(seen)) == 5

    client: Any = None
    run(main())


# Events


def test_no_message_can_pose_as_an_event_of_the_client() -> None:
    async def hostile(connection: ServerConnection) -> None:
        for kind in (*EVENTS, "chat", "type:chat"):
            await connection.send(json.dumps({"type": kind, "payload": {"posing as": kind}}))
        await connection.send('{"type": "chat"}')
        await connection.send('{"type": ["chat"]}')
        await connection.wait_closed()

    async def main() -> None:
        async with served(hostile) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client, *EVENTS, "chat", *(f"type:{event}" for event in EVENTS), "type:type:chat")
            async with client:
                await heard.until("message", len(EVENTS) + 4)
            assert heard.all("connected") == [Connected(1, None)]
            assert not heard.all("error") and not heard.all("dropped") and not heard.all("max_attempts")
            for event in EVENTS:
                assert heard.all(f"type:{event}") == [{"posing as": event}]
            assert heard.all("chat") == [{"posing as": "chat"}, {"type": "chat"}]
            assert heard.all("type:type:chat") == [{"posing as": "type:chat"}]

    run(main())


def test_a_handler_that_raises_is_reported_and_harms_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick())

            @client.on("chat")
            def broken(payload: object) -> None:
                raise KeyError("colour")

            @client.on("chat")
            async def cancelled(payload: object) -> None:
                task = asyncio.ensure_future(asyncio.Event().wait())
                task.cancel()
                await task

            @client.on("error")
            async def broken_too(failed: Failed) -> None:
                raise ValueError("in the handler of errors")

            heard = Heard(client)
            async with client:
                await client.send_chat("Hello")
                assert (await heard.until("message"))["payload"]["message"] == "Hello"
                client.off("chat", broken)
                client.off("chat", cancelled)
                await client.send_chat("Hello again")
                await heard.until("message", 2)
            first, second = heard.all("error")
            assert first.doing == second.doing == "handling type:chat"
            assert isinstance(first.error, KeyError) and "cancelled" in str(second.error)
            assert sum("in the handler of errors" in entry.text for entry in client.log) == 2
            assert any("KeyError('colour')" in entry.text for entry in client.log)
            with pytest.raises(ValueError):
                client.off("chat", broken)

    run(main())
    assert capfd.readouterr() == ("", "")


def test_a_servers_ping_is_answered_and_its_reconnect_obeyed() -> None:
    said: list[Any] = []

    async def command(connection: ServerConnection) -> None:
        await connection.send('{"type": "system", "payload": {"command": "ping"}}')
        said.append(json.loads(await connection.recv())["payload"]["command"])
        if len(said) < 3:
            await connection.send('{"type": "system", "payload": {"command": "reconnect"}}')
        try:
            said.append(await connection.recv())
        except ConnectionClosed as closed:
            said.append((closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None)

    async def main() -> None:
        async with served(command) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client, *EVENTS, "system")
            client.start()
            assert (await heard.until("disconnected")).rule is Rule.AGAIN
            await heard.until("system", 3)
            assert [payload["command"] for payload in heard.all("system")] == ["ping", "reconnect", "ping"]
            await client.send("thank you")
            await client.close()
        assert said == ["pong", (1000, "coming back, as told"), "pong", "thank you"]

    run(main())


def test_its_pings_are_those_of_the_application_and_of_the_protocol() -> None:
    async def main() -> None:
        server = lab.start(websocket.ChatServer())
        client = websocket.Client(server.url, **quick())
        heard = Heard(client, "system")
        assert await client.ping() is False and client.waiting == 0
        with pytest.raises(LabError, match="no connection"):
            await client.round_trip()
        async with client:
            assert await client.ping() is True
            assert (await heard.until("system", 2))["command"] == "pong"
            began = time.monotonic()
            assert 0 < await client.round_trip() <= time.monotonic() - began

    run(main())


# Ending


def test_closing_says_1000_and_waits_for_the_answer() -> None:
    async def main() -> None:
        server = lab.start(websocket.EchoServer())
        client = await websocket.Client(server.url, **quick())
        assert repr(client) == "<websocket client, connected>"
        await client.close(reason="enough")
        await client.close()
        assert client.ending is not None and client.ending[:3] == (1000, "enough", "client")
        assert server.capture[0].read(Side.SERVER).endswith(b"\x88\x08\x03\xe8enough")

    run(main())


def test_closing_during_backoff_does_not_wait_for_it() -> None:
    async def main() -> None:
        async with served(echo) as url:
            pass
        client = websocket.Client(url, backoff=Backoff(1000, 1000, tokens=lambda n: b"\xff" * n))
        heard = Heard(client)
        waiting = asyncio.ensure_future(client)
        assert (await heard.until("reconnecting")).delay > 999
        began = time.monotonic()
        await client.close()
        assert time.monotonic() - began < 2 and client.closed
        with pytest.raises(LabError, match="closed"):
            await waiting

    run(main())


@pytest.mark.parametrize("event", ["connected", "message", "disconnected", "reconnecting"])
def test_a_handler_may_close_the_client(event: str) -> None:
    async def once(connection: ServerConnection) -> None:
        await connection.send("Hello")
        if event not in ("connected", "message"):
            connection.transport.abort()
        await connection.wait_closed()

    async def main() -> None:
        async with served(once) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client)
            client.on(event, lambda _: client.close())
            client.start()
            async for _ in client:
                pass
            assert client.closed and client.counts.connections == 1 and client.failure is None
            if event in ("connected", "message"):
                assert heard.all("disconnected")[0][:3] == (1000, "", "client")
            assert len(heard.all(event)) == 1

    run(main())


def test_closing_lets_a_handler_come_to_its_end() -> None:
    async def abort(connection: ServerConnection) -> None:
        connection.transport.abort()

    async def main() -> None:
        async with served(abort) as url:
            client = websocket.Client(url, **quick())
            inside, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

            @client.on("disconnected")
            async def save(_: Ending) -> None:
                inside.set()
                await go_on.wait()
                done.set()

            client.start()
            await inside.wait()
            closing = asyncio.ensure_future(client.close())
            asyncio.get_running_loop().call_soon(go_on.set)
            await closing
            assert done.is_set() and client.closed and client.counts.connections == 1

    run(main())


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (1006, ""), (999, ""), (5000, ""), (1000, "\N{BUG}" * 31)])
def test_a_close_that_no_frame_can_carry_is_refused_and_changes_nothing(code: int, reason: str) -> None:
    async def main() -> None:
        async with served(echo) as url, websocket.Client(url, **quick()) as client:
            with pytest.raises(LabError, match="No Close frame can carry"):
                await client.close(code, reason)
            assert client.connected and await client.send("still here")

    run(main())


def test_closing_cancels_a_handler_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protolab.protocols.websocket.reconnecting._GRACE", 0.01)

    async def main() -> None:
        async with served(echo) as url:
            client = await websocket.Client(url, **quick())
            inside, cancelled = asyncio.Event(), asyncio.Event()

            async def endless(_: object) -> None:
                inside.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    cancelled.set()

            client.on("message", endless)
            await client.send("go")
            await inside.wait()
            await client.close()
            assert cancelled.is_set() and client.closed

    run(main())


def test_cancelling_the_first_wait_ends_the_client_and_cancelling_a_later_one_does_not() -> None:
    async def main() -> None:
        async with served(echo) as url:
            client = websocket.Client(url, **quick())
            heard = Heard(client)
            async with client:
                pass
            assert heard.all("disconnected")[0].code == 1000
        impatient = websocket.Client(url, **quick(max_attempts=None))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await impatient
        assert impatient.closed
        patient = websocket.Client(url, **quick(max_attempts=None))
        patient.start()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await patient
        assert not patient.closed
        await patient.close()

    run(main())


def test_closing_does_not_wait_for_one_who_iterates_no_more() -> None:
    async def pour(connection: ServerConnection) -> None:
        for number in range(100):
            await connection.send(str(number))
        await connection.wait_closed()

    async def main() -> None:
        async with served(pour) as url:
            client = websocket.Client(url, **quick(queue=3))
            fourth = asyncio.Event()
            client.on("message", lambda text: fourth.set() if text == "4" else None)
            async with client:
                messages = aiter(client)
                assert await anext(messages) == "0"
                await fourth.wait()  # three are kept, and this one waits for room
                await asyncio.sleep(0)
                assert client.counts.received == 5
                began = time.monotonic()
            assert time.monotonic() - began < 1.5 and client.closed
            assert await anext(messages) in ("1", "2")

    run(main())


def test_a_close_that_is_cancelled_still_ends_it() -> None:
    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()  # it will not answer a Close
        await connection.wait_closed()

    async def main() -> None:
        async with served(deaf) as url:
            client = await websocket.Client(url, **quick())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.close()
            await client.close()
            assert client.closed

    run(main())


def test_mistakes_show_at_once_and_not_in_a_task() -> None:
    with pytest.raises(Exception, match="http"):
        websocket.Client("http://127.0.0.1/")
    with pytest.raises(ValueError, match="compression"):
        websocket.Client("ws://127.0.0.1/", compression="zip")


# A whole conversation


def test_two_clients_chat_and_one_that_is_cut_off_joins_again_and_says_what_it_had_to_say() -> None:
    async def main() -> None:
        server = lab.start(websocket.ChatServer())
        ann, ben = websocket.Client(server.url, **quick()), websocket.Client(server.url, **quick())
        heard = {client: Heard(client, "chat", "room", "system", "type:error", "disconnected") for client in (ann, ben)}
        for client in (ann, ben):

            @client.on("connected")
            async def join(_: Connected, client: websocket.Client = client) -> None:
                await client.send({"type": "room", "payload": {"action": "join", "room": "tea"}})

            @client.on("disconnected")
            async def say(ending: Ending, client: websocket.Client = client) -> None:
                if ending.rule is Rule.AGAIN:
                    await client.send_chat("I was away", "tea")

        async with ann, ben:
            await heard[ann].until("room")
            await heard[ben].until("room")
            await ann.send_chat("Hello", "tea")
            said = await heard[ben].until("chat")
            assert said["message"] == "Hello" and said["room"] == "tea"
            await ann.send_chat("Hello?", "nobody's")
            assert (await heard[ann].until("type:error"))["code"] == "not_in_room"
            assert server.cut() == 2
            for client in (ann, ben):  # both come back, join, and say what waited; each hears at least its own
                await heard[client].until("room", 2)
                while not any(payload["message"] == "I was away" for payload in heard[client].all("chat")):
                    await heard[client].until("chat", len(heard[client].all("chat")) + 1)
            await ben.send_chat("Welcome back", "tea")
            while heard[ann].all("chat")[-1]["message"] != "Welcome back":
                await heard[ann].until("chat", len(heard[ann].all("chat")) + 1)
        assert [one.code for one in heard[ann].all("disconnected")] == [1006, 1000]

    run(main())
