"""What `handle.capture` holds when it is looked at: all that was said before."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from protolab import lab, websocket
from protolab.fields import Side
from protolab.protocols import decode
from protolab.serve import Server

pytestmark = pytest.mark.live


def ends(server: lab.Handle) -> list[tuple[Side, str]]:
    return [(end.side, end.how) for end in server.capture[-1].ends]


def test_after_a_client_has_closed_the_capture_holds_both_closes_and_both_fins() -> None:
    async def main() -> None:
        server = lab.start(websocket.EchoServer())
        for number in range(1, 11):
            async with websocket.connect(server.url) as connection:
                await connection.send("Hello")
                await connection.recv()
            assert ends(server) == [(Side.SERVER, "FIN"), (Side.CLIENT, "FIN")]
            assert len(server.capture) == number
            assert [unit.title for unit in decode(server.capture[-1])][-2:] == ["close 1000", "close 1000"]
            assert server.capture[-1].read(Side.SERVER).endswith(b"\x81\x05Hello\x88\x02\x03\xe8")

    asyncio.run(main())


def test_the_answer_to_what_was_just_sent_is_in_too() -> None:
    async def main() -> None:
        server = lab.start(websocket.EchoServer())
        async with websocket.connect(server.url) as connection:
            for number in range(10):
                await connection.send(f"{number:02}")
                assert server.capture[0].read(Side.SERVER).endswith(b"\x81\x02%02d" % number)

    asyncio.run(main())


class Talker(Server):
    """Says what it is told to, at once or for ever, and hangs up when `done` is set."""

    scheme = "tcp"

    def __init__(self, *, forever: bool) -> None:
        super().__init__()
        self.forever = forever

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        self.done = asyncio.Event()
        self.listener = await asyncio.start_server(self.talk, host, port)
        return int(self.listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.done.set()
        self.listener.close()
        await self.listener.wait_closed()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self.forever and not self.done.is_set() and not writer.is_closing():
            writer.write(b"and so on ")
            await asyncio.sleep(0)
        await self.done.wait()
        writer.write(b"bye")
        writer.close()


def call(server: lab.Handle) -> socket.socket:
    where = urlsplit(server.url)
    return socket.create_connection((where.hostname, where.port), 10)


def test_a_server_that_takes_its_time_after_the_clients_fin_is_waited_for_once_and_not_again() -> None:
    server = lab.start(Talker(forever=False))
    with call(server) as client:
        client.shutdown(socket.SHUT_WR)
        server.settle(timeout=0.3)
        assert ends(server) == [(Side.CLIENT, "FIN")]
        waits = []
        for _ in range(5):
            before = lab.run(now())
            server.settle(timeout=60)
            waits.append(lab.run(now()) - before)
        assert max(waits) < 30
        server.stop()
        assert client.recv(100) == b"bye"
    assert server.capture[0].read(Side.SERVER) == b"bye"


async def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_conversation_that_goes_on_for_ever_is_not_waited_for() -> None:
    server = lab.start(Talker(forever=True), limit=1000)
    with call(server) as client:
        assert client.recv(10) == b"and so on "
        before = lab.run(now())
        server.settle(timeout=60)
        assert lab.run(now()) - before < 30


def test_on_the_labs_own_loop_the_capture_is_given_as_it_stands() -> None:
    server = lab.start(websocket.EchoServer())

    async def look() -> int:
        async with websocket.connect(server.url):
            return len(server.capture)

    assert lab.run(look()) == 1
