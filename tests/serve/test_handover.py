"""hand_over, from a real tornado server to real sockets: heads, chunks, the end, and clients that have gone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from protolab.serve import handover
from protolab.serve.handover import LAST, Stream, chunk, hand_over

pytestmark = pytest.mark.live
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class House:
    """A server that hands each connection over; what became of them."""

    def __init__(self) -> None:
        self.streams: asyncio.Queue[Stream] = asyncio.Queue()
        self.over = asyncio.Event()  # the one connection is lost, or was before it could be handed over
        self.lost = 0
        self.failed: list[Exception] = []
        self.before: Callable[[RequestHandler], None] = lambda handler: None

    def lose(self) -> None:
        self.lost += 1
        self.over.set()


class Handler(RequestHandler):
    def initialize(self, house: House) -> None:
        self.house = house

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "text/x")
        self.clear_header("Server")
        self.clear_header("Date")

    async def get(self) -> None:
        self.house.before(self)
        try:
            stream = await hand_over(self, self.house.lose)
        except ConnectionError as error:
            self.house.failed.append(error)
            self.house.over.set()
        else:
            self.house.streams.put_nowait(stream)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[House, int]]:
    """A server of one connection, after which no socket is left."""
    house, files = House(), psutil.Process().num_fds
    before = files()
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", Handler, {"house": house})], log_function=lambda handler: None))
    server.add_sockets(sockets)
    async with asyncio.timeout(10):
        try:
            yield house, sockets[0].getsockname()[1]
            await house.over.wait()
            assert house.lost + len(house.failed) == 1
            assert not server._connections  # tornado knows nothing of it any more
        finally:
            server.stop()
        while files() > before:  # noqa: ASYNC110  # our end, and the client's, close in the next turns
            await asyncio.sleep(0)


def test_a_response_goes_on_in_chunks_and_ends_with_the_last_one() -> None:
    async def story() -> None:
        async with serving() as (house, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ASK)
            stream = await house.streams.get()
            stream.transport.write(stream.head + stream.frame(b"one") + stream.frame(b"") + stream.frame(b"x" * 26))
            assert await reader.readuntil(b"\r\n\r\n") == (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            stream.end()
            stream.end()
            assert await reader.read() == b"3\r\none\r\n1a\r\n" + b"x" * 26 + b"\r\n" + LAST
            writer.close()

    asyncio.run(story())


def test_nothing_of_the_request_is_kept_while_the_response_goes_on() -> None:
    async def story() -> None:
        async with serving() as (house, port):
            handlers: list[weakref.ref[RequestHandler]] = []
            house.before = lambda handler: handlers.append(weakref.ref(handler))
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ASK)
            stream = await house.streams.get()
            for _ in range(5):
                await asyncio.sleep(0)  # turns of the loop, in which tornado lets go
            gc.collect()
            assert [handler() for handler in handlers] == [None]
            stream.end()
            writer.close()

    asyncio.run(story())


def test_to_http_1_0_the_end_of_the_connection_is_the_end_of_the_body() -> None:
    async def story() -> None:
        async with serving() as (house, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            stream = await house.streams.get()
            assert not stream.chunked and b"Transfer-Encoding" not in stream.head
            stream.transport.write(stream.frame(b"one"))
            stream.end()
            assert await reader.read() == b"one"
            writer.close()

    asyncio.run(story())


def test_what_a_client_sent_along_with_its_request_disturbs_nothing() -> None:
    async def story() -> None:
        async with serving() as (house, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ASK * 3 + b"\0" * 10_000)
            stream = await house.streams.get()
            for _ in range(50):
                writer.write(bytes(10_000))
                await writer.drain()
            stream.transport.write(b"heard")
            assert await reader.readexactly(5) == b"heard"
            assert house.streams.empty()
            writer.transport.abort()
            await house.over.wait()

    asyncio.run(story())


@pytest.mark.parametrize("how", ["reset", "close", "half"])
def test_a_client_that_goes_is_noticed_even_with_much_still_to_read(how: str) -> None:
    async def story() -> None:
        async with serving() as (house, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(ASK)
            stream = await house.streams.get()
            stream.transport.write(bytes(20 << 20))
            if how == "reset":
                writer.transport.abort()
            elif how == "close":
                writer.close()
            else:
                writer.write_eof()
            await house.over.wait()
            assert stream.transport.is_closing()
            writer.transport.abort()

    asyncio.run(story())


def test_a_client_that_does_not_take_the_last_words_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_PATIENCE", 0.05)

    async def story() -> None:
        async with serving() as (house, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(ASK)
            stream = await house.streams.get()
            stream.transport.write(bytes(20 << 20))
            stream.end()
            await house.over.wait()
            writer.transport.abort()

    asyncio.run(story())


def test_a_client_that_went_before_is_a_connection_error() -> None:
    async def story() -> None:
        async with serving() as (house, port):
            house.before = lambda handler: handler.request.connection.stream.close()  # type: ignore[union-attr,attr-defined]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ASK)
            assert await reader.read() == b""
            await house.over.wait()
            assert house.failed and not house.lost
            writer.close()

    asyncio.run(story())


def test_a_chunk_of_nothing_would_be_the_end_and_is_left_out() -> None:
    assert chunk(b"") == b""
    assert chunk(bytes(255)) == b"ff\r\n" + bytes(255) + b"\r\n"
