"""websocket.Client: what it survives, how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection, serve

from protolab import lab, websocket
from protolab.errors import LabError
from protolab.fields import Side
from protolab.protocols.websocket.client_events import Connected
from protolab.protocols.websocket.retry import Ending
from protolab.serve.backoff import Backoff
from protolab.serve.returning import Reconnecting, Rule
from tests.protocols.websocket.clients import Heard, echo, quick, run, served

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()


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
            again = asyncio.ensure_future(client)
            await heard.until("reconnecting", len(heard.all("reconnecting")) + 1)
            assert not again.done()
            await asyncio.to_thread(lambda: lab.start(websocket.EchoServer(), tap=False, port=port))
            assert await heard.until("message") == "still there?" and await again is client

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
    first = iter([True])

    async def deaf_at_first(connection: ServerConnection) -> None:
        if next(first, False):
            connection.transport.pause_reading()
        await connection.wait_closed()

    async def main() -> None:
        async with served(deaf_at_first) as url:
            client = websocket.Client(url, **quick(ping_interval=0.02, ping_timeout=0.02, close_timeout=0.02))
            heard = Heard(client)
            client.start()
            ending = await heard.until("disconnected")
            assert (ending.code, ending.by, ending.rule) == (1011, "client", Rule.AGAIN)
            await heard.until("connected", 2)
            await client.close()

    run(main())


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
    monkeypatch.setattr("protolab.serve.returning.GRACE", 0.01)

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


def test_a_client_that_is_forgotten_ends_with_its_loop_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    async def forgetful(url: str) -> websocket.Client:
        return await websocket.Client(url, **quick())

    server = lab.start(websocket.EchoServer())
    began = time.monotonic()
    client = asyncio.run(forgetful(server.url))
    assert time.monotonic() - began < 5 and client.closed and not client.connected
    assert [end.side for end in server.capture[0].ends][:1] == [Side.CLIENT]
    assert capfd.readouterr() == ("", "")


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
