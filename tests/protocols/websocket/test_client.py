"""websocket.connect: what it says in a handshake, how it masks, what it does with a server that breaks the rules."""

from __future__ import annotations

import asyncio
import socket
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protolab import lab, websocket
from protolab.fields import Side
from protolab.protocols.websocket.handshake import accept
from protolab.wire.websocket_frames import CLOSE, CONTINUATION, PONG, TEXT, Frame
from tests.protocols.websocket.raw import frame, head

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()


@contextmanager
def served(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server made of bytes: `script` talks to the first client, after the upgrade."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with listener.accept()[0] as peer:
                peer.settimeout(10)
                key = head(peer).partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
                peer.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: " + accept(key) + b"\r\n\r\n"
                )
                script(peer)
        except BaseException as error:
            failures.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=work)
        thread.start()
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(10)
    assert not failures, failures


def test_the_request_says_what_rfc_6455_asks_for_and_a_name_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody is there: a client that asked it would fail
    monkeypatch.setenv("ws_proxy", "http://127.0.0.1:9")

    async def main() -> bytes:
        server = lab.start(websocket.EchoServer())
        async with websocket.connect(server.url + "a?b=c", additional_headers={"X-Mine": "1"}):
            pass
        return server.capture[0].read(Side.CLIENT)

    lines = asyncio.run(main()).split(b"\r\n\r\n")[0].split(b"\r\n")
    assert lines[0] == b"GET /a?b=c HTTP/1.1"
    names = [line.split(b":")[0] for line in lines[1:]]
    assert b" ".join(names) == (b"Host Upgrade Connection Sec-WebSocket-Key Sec-WebSocket-Version X-Mine User-Agent")
    assert lines[-1] == b"User-Agent: protolab"
    assert len(b64decode(lines[4].split(b": ")[1])) == 16


def test_it_works_on_the_callers_loop_and_on_the_labs_awaited_or_as_a_block() -> None:
    async def block(url: str) -> str | bytes:
        async with websocket.connect(url) as connection:
            await connection.send("Hello")
            return await connection.recv()

    async def awaited(url: str) -> str | bytes:
        connection = await websocket.connect(url)
        await connection.send("Hello")
        try:
            return await connection.recv()
        finally:
            await connection.close()

    url = lab.start(websocket.EchoServer()).url
    for way in (block, awaited):
        assert asyncio.run(way(url)) == "Hello"
        assert lab.run(way(url)) == "Hello"


def test_every_frame_has_a_masking_key_of_its_own_and_unmasks_to_what_was_said() -> None:
    said = ["Hello", b"\x00" * 126, "x" * 65_536, ""]

    async def main() -> bytes:
        server = lab.start(websocket.EchoServer())
        async with websocket.connect(server.url) as connection:
            for message in said:
                await connection.send(message)
                assert await connection.recv() == message
        return server.capture[0].read(Side.CLIENT)

    data = asyncio.run(main()).partition(b"\r\n\r\n")[2]
    frames = []
    while data:
        frames.append(Frame.decode(data))
        data = data[len(frames[-1].encode()) :]
    assert [one.payload for one in frames] == [b"Hello", b"\x00" * 126, b"x" * 65_536, b"", b"\x03\xe8"]
    assert len({one.key for one in frames}) == 5 and None not in {one.key for one in frames}


def test_a_close_inside_a_fragmented_message_is_answered_as_any_other() -> None:
    """RFC 6455 sections 5.4 and 5.5.1; Autobahn's case 7.1.5."""

    def script(peer: socket.socket) -> None:
        peer.sendall(Frame(TEXT, b"unfinished", fin=False).encode() + Frame(CLOSE, b"\x03\xe8").encode())
        answer = frame(peer)
        assert (answer.opcode, answer.payload) == (CLOSE, b"\x03\xe8")

    async def main(url: str) -> int | None:
        async with websocket.connect(url) as connection:
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            return connection.close_code

    with served(script) as url:
        assert asyncio.run(main(url)) == 1000


def test_a_masked_server_is_failed_with_1002_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    def script(peer: socket.socket) -> None:
        peer.sendall(Frame(TEXT, b"Hello", key=b"abcd").encode())
        answer = frame(peer)
        assert (answer.opcode, answer.payload[:2]) == (CLOSE, b"\x03\xea")

    async def main(url: str) -> None:
        async with websocket.connect(url) as connection:
            with pytest.raises(ConnectionClosed, match="1002"):
                await connection.recv()

    with served(script) as url:
        asyncio.run(main(url))
    assert capfd.readouterr() == ("", "")


def test_fragments_and_pings_between_them_are_put_together() -> None:
    def script(peer: socket.socket) -> None:
        peer.sendall(Frame(TEXT, b"\xe2\x82", fin=False).encode() + Frame(0x9, b"still there?").encode())
        assert frame(peer)[:2] == (PONG, b"still there?")
        peer.sendall(Frame(CONTINUATION, b"\xac").encode() + Frame(CLOSE, b"\x03\xe8").encode())
        assert frame(peer).opcode == CLOSE

    async def main(url: str) -> str | bytes:
        async with websocket.connect(url) as connection:
            return await connection.recv()

    with served(script) as url:
        assert asyncio.run(main(url)) == "€"


def test_a_refusal_is_an_error_that_holds_the_answer() -> None:
    async def main() -> None:
        server = lab.start(websocket.EchoServer())
        with pytest.raises(InvalidStatus) as refused:
            await websocket.connect(server.url, additional_headers={"Host": "two.hosts"})
        assert refused.value.response.status_code == 400
        assert b"one Host header" in (refused.value.response.body or b"")

    asyncio.run(main())


def test_where_nobody_listens_the_error_says_what_to_do() -> None:
    async def main() -> None:
        async with lab.start(websocket.EchoServer()) as server:
            url = server.url
        with pytest.raises(ConnectionRefusedError) as refused:
            await websocket.connect(url)
        assert refused.value.__notes__ == [f"Nobody listens at {url}: start the server, and connect to the url of its handle."]

    asyncio.run(main())


def test_a_connection_says_how_it_stands_and_not_where_in_memory() -> None:
    async def main() -> list[str]:
        async with websocket.connect(lab.start(websocket.EchoServer()).url) as connection:
            before = repr(connection)
        return [before, repr(connection)]

    assert asyncio.run(main()) == ["<websocket connection, open>", "<websocket connection, closed>"]
