"""EchoServer, asked by our client, by wsproto, and by bytes that no library would send."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosedError
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from protolab import lab, websocket
from protolab.fields import Side
from protolab.wire.websocket_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame
from tests.capture.peers import until
from tests.protocols.websocket.raw import dial, frame, head, request, upgraded

pytestmark = pytest.mark.live
MASK = bytes(4)
BYE = Frame(CLOSE, b"\x03\xe8", key=MASK).encode()


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()


def echo(**options: object) -> lab.Handle:
    return lab.start(websocket.EchoServer(**options))  # type: ignore[arg-type]


def test_text_comes_back_as_text_and_bytes_as_bytes_on_any_path() -> None:
    messages = ["Hello", "", "grüße 😀", b"", b"\x00\xff", "x" * 70_000, b"y" * 70_000]

    async def main() -> list[str | bytes]:
        async with websocket.connect(echo().url + "some/where?else") as connection:
            answers = []
            for message in messages:
                await connection.send(message)
                answers.append(await connection.recv())
            return answers

    assert asyncio.run(main()) == messages


def test_a_fragmented_message_comes_back_whole_however_many_fragments_it_has() -> None:
    with upgraded(echo().url) as peer:
        middle = Frame(CONTINUATION, b"a", fin=False, key=MASK).encode()
        nothing = Frame(CONTINUATION, b"", fin=False, key=MASK).encode()
        peer.sendall(Frame(TEXT, b"a", fin=False, key=MASK).encode() + (middle + nothing) * 5000)
        peer.sendall(Frame(PING, b"between", key=MASK).encode())
        assert frame(peer) == Frame(PONG, b"between", form=7)
        peer.sendall(Frame(CONTINUATION, b"a", key=MASK).encode())
        assert frame(peer) == Frame(TEXT, b"a" * 5002, form=16)


def test_empty_fragments_alone_make_an_empty_message_of_their_type() -> None:
    with upgraded(echo().url) as peer:
        for opcode in (TEXT, BINARY):
            peer.sendall(Frame(opcode, b"", fin=False, key=MASK).encode() + Frame(CONTINUATION, key=MASK).encode())
            assert frame(peer) == Frame(opcode, b"", form=7)


def test_a_close_inside_a_fragmented_message_is_answered_as_any_other() -> None:
    """RFC 6455 sections 5.4 and 5.5.1; Autobahn's case 7.1.5."""
    with upgraded(echo().url) as peer:
        peer.sendall(Frame(TEXT, b"unfinished", fin=False, key=MASK).encode() + BYE)
        assert frame(peer) == Frame(CLOSE, b"\x03\xe8", form=7)
        assert peer.recv(1) == b""


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Frame(TEXT, b"\xff", key=MASK).encode(), 1007),
        (Frame(TEXT, b"\xe2\x82", fin=False, key=MASK).encode() + Frame(CONTINUATION, b"A", key=MASK).encode(), 1007),
        (Frame(BINARY, bytes(101), key=MASK).encode(), 1009),
        (Frame(BINARY, bytes(99), fin=False, key=MASK).encode() + Frame(CONTINUATION, b"ab", key=MASK).encode(), 1009),
        (Frame(TEXT, b"Hello").encode(), 1002),
        (Frame(TEXT, b"Hello", rsv1=True, key=MASK).encode(), 1002),
        (Frame(CONTINUATION, b"Hello", key=MASK).encode(), 1002),
        (Frame(CLOSE, b"\x03", key=MASK).encode(), 1002),
    ],
)
def test_what_breaks_a_rule_is_answered_with_its_close_code_and_a_fin(said: bytes, code: int) -> None:
    server = echo(max_size=100)
    with upgraded(server.url) as peer:
        peer.sendall(said)
        answer = frame(peer)
        assert (answer.opcode, int.from_bytes(answer.payload[:2])) == (CLOSE, code)
        assert peer.recv(1) == b""


def test_the_101_says_what_rfc_6455_asks_for_and_nothing_that_differs_between_machines() -> None:
    server = echo()
    with upgraded(server.url):
        pass
    assert server.capture[0].read(Side.SERVER).split(b"\r\n") == [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    ("asked", "status", "header"),
    [
        (request(Sec_WebSocket_Version="8"), b"426 Upgrade Required", b"\r\nSec-WebSocket-Version: 13\r\n"),
        (request(Sec_WebSocket_Version="8"), b"426 Upgrade Required", b"\r\nUpgrade: websocket\r\n"),
        (request(Upgrade=None), b"426 Upgrade Required", b"\r\nUpgrade: websocket\r\n"),
        (request("POST / HTTP/1.1"), b"405 Method Not Allowed", b"\r\nAllow: GET\r\n"),
        (request(Host=None), b"400 Bad Request", b""),
        (request(Sec_WebSocket_Version=None), b"400 Bad Request", b""),
        (request(Sec_WebSocket_Key="c2hvcnQ="), b"400 Bad Request", b""),
    ],
)
def test_a_handshake_that_cannot_be_accepted_is_refused_by_the_book_and_logged(
    asked: bytes, status: bytes, header: bytes
) -> None:
    server = echo()
    with dial(server.url) as peer:
        peer.sendall(asked)
        answer = head(peer)
    assert answer.startswith(b"HTTP/1.1 " + status) and header in answer
    assert b"\r\nDate: " in answer  # RFC 9110 section 6.6.1
    assert f"refused a handshake: {status.decode()}" in repr(server.log)


def test_in_a_repeatable_run_a_refusal_has_no_date_either() -> None:
    with lab.repeatable():
        server = echo()
        with dial(server.url) as peer:
            peer.sendall(request(Host=None))
            assert b"Date" not in head(peer)


def test_the_first_subprotocol_offered_that_is_spoken_is_chosen_and_none_is_not_an_error() -> None:
    async def chosen(url: str, *offered: str) -> str | None:
        async with websocket.connect(url, subprotocols=list(offered) or None) as connection:
            return connection.subprotocol

    url = echo(subprotocols=["b", "c"]).url
    assert asyncio.run(chosen(url, "a", "c", "b")) == "c"
    assert asyncio.run(chosen(url, "a")) is None
    assert asyncio.run(chosen(url)) is None


def test_compression_is_agreed_on_only_when_both_sides_want_it() -> None:
    async def agreed(url: str, wanted: str | None) -> list[str]:
        async with websocket.connect(url, compression=wanted) as connection:
            await connection.send("Hello " * 50)
            assert await connection.recv() == "Hello " * 50
            return [extension.name for extension in connection.protocol.extensions]

    plain = lab.start(websocket.EchoServer(), name="plain")
    deflating = lab.start(websocket.EchoServer(compression="deflate"), name="deflating")
    assert asyncio.run(agreed(plain.url, "deflate")) == []
    assert asyncio.run(agreed(deflating.url, None)) == []
    assert asyncio.run(agreed(deflating.url, "deflate")) == ["permessage-deflate"]
    assert deflating.capture[0].size(Side.SERVER) > 300 > deflating.capture[1].size(Side.SERVER)


def test_wsproto_is_understood_with_compression_too() -> None:
    with dial(echo(compression="deflate").url) as peer:
        library = WSConnection(ConnectionType.CLIENT)
        peer.sendall(library.send(Request(host="lab.local", target="/", extensions=[PerMessageDeflate()])))
        heard: list[object] = []
        while not any(isinstance(event, CloseConnection) for event in heard):
            data = peer.recv(4096)
            assert data
            library.receive_data(data)
            for event in library.events():
                heard.append(event)
                if isinstance(event, AcceptConnection):
                    assert event.extensions
                    peer.sendall(library.send(TextMessage("Hello")) + library.send(BytesMessage(b"\x00" * 2000)))
                elif sum(isinstance(one, Message) for one in heard) == 2 and isinstance(event, Message):
                    peer.sendall(library.send(CloseConnection(1000, "done")))
    assert [event.data for event in heard if isinstance(event, Message)] == ["Hello", b"\x00" * 2000]
    assert heard[-1] == CloseConnection(1000, "done")


def test_stopping_says_1001_to_every_client() -> None:
    async def main() -> None:
        async with lab.start(websocket.EchoServer()) as server:
            connections = [await websocket.connect(server.url) for _ in range(3)]
        for connection in connections:
            with pytest.raises(Exception, match="1001"):
                await connection.recv()
        assert "client 3 was closed with 1001" in repr(server.log)

    asyncio.run(main())


def test_the_log_tells_who_came_and_how_they_left(capfd: pytest.CaptureFixture[str]) -> None:
    async def main(url: str) -> None:
        async with websocket.connect(url + "room"):
            pass
        connection = await websocket.connect(url)
        await connection.close(4000, "enough")
        with pytest.raises(ConnectionClosedError, match="1009"):
            async with websocket.connect(url) as big:
                await big.send("x" * 101)
                await big.recv()
        rude = await websocket.connect(url)
        rude.transport.abort()

    server = echo(max_size=100)
    asyncio.run(main(server.url))
    server.settle()
    server.stop()
    assert repr(server.log).splitlines() == [
        "client 1 connected, to /room",
        "client 1 closed with 1000",
        "client 2 connected, to /",
        "client 2 closed with 4000: enough",
        "client 3 connected, to /",
        "client 3 was closed with 1009: frame with 101 bytes exceeds limit of 100 bytes",
        "client 4 connected, to /",
        "client 4 broke off",
    ]
    assert capfd.readouterr() == ("", "")


def test_a_client_that_answers_no_keepalive_ping_is_dropped_and_one_that_does_is_kept() -> None:
    url = echo(keepalive=0.1).url
    with upgraded(url) as deaf:
        assert frame(deaf).opcode == PING
        assert frame(deaf).payload == b"\x03\xf3keepalive ping timeout"
    with upgraded(url) as alive:
        for _ in range(3):
            ping = frame(alive)
            assert ping.opcode == PING
            alive.sendall(Frame(PONG, ping.payload, key=MASK).encode())


def test_frames_that_come_with_the_request_are_answered_after_it() -> None:
    with dial(echo().url) as eager:
        eager.sendall(request() + Frame(PING, b"early", key=MASK).encode() + Frame(TEXT, b"too", key=MASK).encode())
        assert head(eager).startswith(b"HTTP/1.1 101 ")
        assert frame(eager).payload == b"early"
        assert frame(eager).payload == b"too"


def test_a_client_that_reads_nothing_does_not_hold_up_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protolab.protocols.websocket.server._GOODBYE", 0.1)

    async def stall() -> None:
        server = websocket.EchoServer(max_size=2**25)
        port = await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        await reader.readuntil(b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(Frame(BINARY, bytes(2**24), key=MASK).encode())
        async with asyncio.timeout(20):
            await until(lambda: any(peer.transport.get_write_buffer_size() for peer in server._connections))
            await server.stop()
        assert not server.serving
        writer.transport.abort()

    asyncio.run(stall())


@pytest.mark.parametrize(
    "said",
    [
        [Frame(TEXT, b"caf\xe9", key=MASK)],
        [Frame(TEXT, b"caf\xc3", fin=False, key=MASK), Frame(CONTINUATION, b"e", key=MASK)],
        [Frame(TEXT, b"caf\xc3", fin=False, key=MASK), Frame(CONTINUATION, b"", key=MASK)],
    ],
)
def test_text_that_is_not_utf8_is_not_overlooked_when_a_close_comes_right_behind_it(said: list[Frame]) -> None:
    with upgraded(echo().url) as peer:
        peer.sendall(b"".join(f.encode() for f in [*said, Frame(CLOSE, b"\x03\xe8", key=MASK)]))
        assert frame(peer).payload[:2] == (1007).to_bytes(2)
