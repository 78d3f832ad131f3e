"""websocket.Client: which endings it comes back from, which it gives up on, and what it says then."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from protolab import websocket
from protolab.errors import LabError
from protolab.protocols.websocket.client_events import Dropped
from protolab.serve.returning import MaxAttempts, Rule
from tests.protocols.websocket.clients import Heard, echo, quick, run, served

pytestmark = pytest.mark.live


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
    first = iter([True])

    async def dismiss_once(connection: ServerConnection) -> None:
        if next(first, False):
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
