"""Hand an accepted request's connection over from tornado to an asyncio transport, for a response that goes on and on.

tornado reads the request and everything is checked by its handler; from then on the connection only has to carry bytes
that are the same for many clients, which the fan-out (`protolab.serve.fanout`) does several times as fast over a plain
transport as over tornado's own way of writing, with a tenth of the memory for each client.

    stream = await hand_over(self, partial(gone, client))  # in a RequestHandler, instead of finish()
    member = fanout.join(stream.transport)
    member.send(stream.head + stream.frame(b"data: first\\n\\n"))
    fanout.publish(chunk(b"data: to all\\n\\n"), those_with_chunks)
    stream.end()

The body is chunked, so that a client can tell the end from a cut (RFC 9112 section 8); each datum is framed once, as one
chunk, for all. An HTTP/1.0 client knows no chunks: its body ends with the connection. Either way the connection serves
no other request (`Connection: close` says so), and what a client still sends on it is read and forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado.web import RequestHandler

LAST = b"0\r\n\r\n"  # the last chunk and no trailers, RFC 9112 section 7.1
_PATIENCE = 2.0  # seconds a client has to take the last words, before its connection is cut


def chunk(data: bytes) -> bytes:
    """Bytes as one chunk of a chunked body; there is none of no bytes, which would be the last.

    >>> chunk(b"data: 1")
    b'7\\r\\ndata: 1\\r\\n'
    """
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class Stream(asyncio.Protocol):
    """A response that goes on: its `transport`, its `head` to send first, and whether its body is `chunked`.

    `lost` is called once, when the connection is gone for whatever reason. A client that says FIN is gone: nothing tells
    one that closed from one that would still read, and HTTP's clients do not half-close.
    """

    __slots__ = ("_cut", "_lost", "chunked", "head", "transport")

    transport: asyncio.Transport

    def __init__(self, head: bytes, chunked: bool, lost: Callable[[], None]) -> None:
        self.head = head
        self.chunked = chunked
        self._lost = lost
        self._cut: asyncio.TimerHandle | None = None

    def frame(self, data: bytes) -> bytes:
        """Bytes as they are written in this body."""
        return chunk(data) if self.chunked else data

    def end(self) -> None:
        """End the body and the connection; after two seconds without success, cut it. The fan-out is left before that."""
        if self.transport.is_closing():
            return
        if self.chunked:
            self.transport.write(LAST)
        self.transport.close()
        self._cut = asyncio.get_running_loop().call_later(_PATIENCE, self.transport.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Nothing that comes now can be answered before a response that has no end; none of it is kept."""

    def eof_received(self) -> None:
        self.transport.abort()  # not close(), which would wait until all that is pending is read, by nobody

    def connection_lost(self, error: Exception | None) -> None:
        if self._cut is not None:
            self._cut.cancel()
        self._lost()


async def hand_over(handler: RequestHandler, lost: Callable[[], None]) -> Stream:
    """Take the connection of a request away from tornado, with the status and headers that `handler` has set.

    Nothing is written: send `head` first. Let `lost` not refer to the handler, which has all that tornado kept for the
    request in tow: three times the memory of the stream itself.

    ConnectionError: the client has gone meanwhile (`lost` is not called then).
    """
    chunked = handler.request.version != "HTTP/1.0"
    handler.set_header("Connection", "close")
    if chunked:
        handler.set_header("Transfer-Encoding", "chunked")
    lines = [f"HTTP/1.1 {handler.get_status()} {handler._reason}"]
    lines += [f"{name}: {value}" for name, value in handler._headers.get_all()]
    stream = Stream("\r\n".join([*lines, "", ""]).encode("latin-1"), chunked, lost)
    await take_over(handler, stream)
    return stream


async def take_over(handler: RequestHandler, protocol: asyncio.BaseProtocol) -> None:
    """Let an asyncio protocol speak on the connection of a request from now on. ConnectionError: the client has gone."""
    connection = handler.detach()
    if connection.closed():
        raise ConnectionResetError("the client has gone")
    own = connection.socket.dup()  # so that tornado can let its own go
    connection.close()  # and forget what the client has sent already after its request
    try:
        await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, own)
    except BaseException:
        own.close()
        raise
