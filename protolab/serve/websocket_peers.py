"""What our WebSocket servers and clients share: the `websockets` library's connections, changed where a lab needs it.

The library speaks the protocol. Four things are ours: what it answers to a Close inside a fragmented message, what a
101 says beyond what RFC 6455 asks for, where a client's randomness comes from, and how a connection stands in a fan-out.
The first three are done in subclasses of the library's sans-I/O protocol, which our connections put in place of the one
that they are given.
"""

from __future__ import annotations

import base64
import dataclasses
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Awaitable, Generator
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader
from websockets.typing import DataLike, Subprotocol

from protolab import repeat
from protolab.serve.fanout import Member
from protolab.wire.http1 import HOST, TARGET, elements
from protolab.wire.websocket_frames import mask, read_head

_END = b"\r\n\r\n"  # of a request's head


class _Lengths(StreamReader):
    """The library's reader, watching how the length of each frame is written."""

    def at_eof(self) -> Generator[None, None, bool]:
        """The library asks this before each frame, so what is read exactly next is a header's first two bytes."""
        self._wanted = 2
        return (yield from super().at_eof())

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        """Read `n` bytes. RFC 6455 section 5.2: "the minimal number of bytes MUST be used"; the library lets more pass."""
        data = yield from super().read_exact(n)
        wanted, self._wanted = self._wanted, 0
        if wanted == n == 2:
            self._wanted = {126: 126, 127: 0x10000}.get(data[1] & 0x7F, 0)  # the least that the next bytes may say
        elif wanted and int.from_bytes(data) < wanted:
            raise ProtocolError("length not written in the fewest bytes")
        return data

    _wanted = 0


class _Strict(Protocol):
    """Where the library is laxer than RFC 6455, or answers another code: a Close ends an unfinished message and is
    answered like any other, and a length is written in the fewest bytes.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.reader = _Lengths()
        self.parser = self.parse()  # the one that the library has begun reads from its own reader
        next(self.parser)

    def recv_frame(self, frame: Frame) -> None:
        # RFC 6455 section 5.4: control frames may stand in the middle of a fragmented message, and section 5.5.1 makes
        # no exception for Close. The library fails such a connection with 1002; with nothing unfinished it would not.
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        # Section 8.1: text that is not UTF-8 fails the connection. The library looks when the program reads the message,
        # and by then it may have answered a Close that came right behind it.
        if frame.opcode is Opcode.TEXT:
            self._text = getincrementaldecoder("utf-8")()
        if self._text is not None and frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._text.decode(frame.data, frame.fin)  # UnicodeDecodeError: the library answers 1007
            self._text = None if frame.fin else self._text
        super().recv_frame(frame)

    _text: IncrementalDecoder | None = None


class LabServerProtocol(_Strict, ServerProtocol):
    """A server's side of the protocol, without any I/O."""

    _refused = False  # the request cannot be read, and was answered so

    def send_eof(self) -> None:
        """End the stream. Section 4.2.1 wants a request that cannot be read answered; the library only hangs up."""
        unread = isinstance(self.handshake_exc, InvalidMessage) and not isinstance(
            self.handshake_exc.__cause__, EOFError
        )
        if self.state is State.CONNECTING and unread and not self._refused:
            self._refused = True
            return self.send_response(self.reject(400, "This is not a request that can be read.\n"))
        super().send_eof()

    def accept(self, request: Request) -> Response:
        """The answer to a handshake request; see the comments for where it is not the library's."""
        upgrades = [name.lower() for value in request.headers.get_all("Upgrade") for name in elements(value)]
        if "websocket" in upgrades and upgrades[1:]:  # section 4.2.1: one that contains it; the library wants it alone
            headers = request.headers.copy()
            del headers["Upgrade"]
            headers["Upgrade"] = "websocket"
            request = dataclasses.replace(request, headers=headers)
        hosts, versions = (request.headers.get_all(name) for name in ("Host", "Sec-WebSocket-Version"))
        if len(hosts) != 1:  # RFC 9112 section 3.2
            response = self.reject(400, f"A request has one Host header, and this one has {len(hosts)}.\n")
        elif not HOST.fullmatch(hosts[0]):
            response = self.reject(400, "This Host header names no server.\n")
        elif not TARGET.fullmatch(request.path):  # section 3.2
            response = self.reject(400, "This is not a path that a request can have.\n")
        else:
            response = super().accept(request)
        if response.status_code == 400 and versions not in ([], ["13"]):
            # RFC 6455 section 4.4 wants our version named; RFC 9110 section 15.5.22 wants Upgrade with 426.
            response = self.reject(426, "This server speaks version 13 of WebSocket (RFC 6455).\n")
            response.headers["Upgrade"] = "websocket"
            response.headers["Sec-WebSocket-Version"] = "13"
        if response.status_code != 101:
            self.logger.warning("refused a handshake: %d %s", response.status_code, response.reason_phrase)
        if response.status_code == 101 or repeat.on():
            # RFC 9110 section 6.6.1: a 1xx may go without Date, and so must whatever a server without a clock says,
            # which in a repeatable run ours is.
            del response.headers["Date"]
        return response

    def select_subprotocol(self, subprotocols: Any) -> Subprotocol | None:
        """The first one offered that we speak, or none: RFC 6455 section 4.2.2 lets a server go on without."""
        return next((name for name in subprotocols if name in (self.available_subprotocols or ())), None)


class _Client(_Strict, ClientProtocol):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tokens = repeat.token_source()  # one for each connection
        self.key = base64.b64encode(self.tokens(16)).decode()

    def connect(self) -> Request:
        """The handshake request, which in a repeatable run calls the server by its logical name."""
        request = super().connect()
        headers = Headers(
            (name, repeat.authority(value) if name == "Host" else value) for name, value in request.headers.raw_items()
        )
        return dataclasses.replace(request, headers=headers)

    def send_frame(self, frame: Frame) -> None:
        # Section 10.3: masking keys must be unpredictable, and they are unless a repeatable run is asked for. The
        # library draws them inside `serialize`, out of our reach, so we have it serialize without one and mask here.
        data = frame.serialize(mask=False, extensions=self.extensions)
        head = read_head(data)
        assert head is not None
        key = self.tokens(4)
        self.writes += [bytes((data[0], data[1] | 0x80)) + data[2 : head.size] + key + mask(data[head.size :], key)]


class LabServerConnection(ServerConnection):
    """The server's side of a connection: what `create_connection` of the library's `serve` is to be.

    `serve`'s own `select_subprotocol` has no say then; ours takes the first that a client offers and the server speaks.
    """

    def __init__(self, protocol: ServerProtocol, server: Server, **options: Any) -> None:
        ours = LabServerProtocol(
            origins=protocol.origins,
            extensions=protocol.available_extensions,
            subprotocols=protocol.available_subprotocols,
            max_size=(protocol.max_message_size, protocol.max_fragment_size),
            logger=protocol.logger,
        )
        super().__init__(ours, server, **options)
        self._tail = b""  # the last bytes of the request's head so far
        self._early = b""  # what came after it and before our answer: no more than the loop reads in those few turns

    def data_received(self, data: bytes) -> None:
        """Bytes came. What follows the request waits until it is answered."""
        if self.state is State.CONNECTING and self.response is None:
            data = self._only_the_request(data)
        super().data_received(data)

    def send_data(self) -> None:
        """The library writes; after the 101 it may read on."""
        super().send_data()
        if self._early and self.state is State.OPEN:
            self.loop.call_soon(self._catch_up)

    def _only_the_request(self, data: bytes) -> bytes:
        """What of `data` belongs to the request's head; the rest waits for our answer.

        RFC 6455 section 4.1 has a client wait for the 101. The library would answer the frames of one that does not
        before it answers the request: with a pong, say, and then the 101.
        """
        end = 0
        if self.request is None:
            seen = self._tail + data
            found = seen.find(_END)
            end = len(data) if found < 0 else found + len(_END) - len(self._tail)
            self._tail = seen[-len(_END) + 1 :]
        self._early += data[end:]
        return data[:end]

    def _catch_up(self) -> None:
        early, self._early = self._early, b""
        if early and not self.transport.is_closing():
            self.data_received(early)


class LabClientConnection(ClientConnection):
    """The client's side of a connection: what `create_connection` of the library's `connect` is to be."""

    protocol: _Client

    def __init__(self, protocol: ClientProtocol, **options: Any) -> None:
        ours = _Client(
            protocol.uri,
            origin=protocol.origin,
            extensions=protocol.available_extensions,
            subprotocols=protocol.available_subprotocols,
            max_size=(protocol.max_message_size, protocol.max_fragment_size),
            logger=protocol.logger,
        )
        super().__init__(ours, **options)

    def __repr__(self) -> str:
        return f"<websocket connection, {self.state.name.lower()}>"

    async def ping(self, data: DataLike | None = None) -> Awaitable[float]:
        """Send a ping, with four random bytes unless `data` is given; returns a future of the round-trip time."""
        return await super().ping(self.protocol.tokens(4) if data is None else data)


class InFanout(Connection):
    """A connection where the library's own writes stand in one order with the fan-out's.

    `member` is its place in the fan-out, once it is through the handshake.
    """

    member: Member | None = None

    def send_data(self) -> None:
        """The library writes: a pong, a ping, a Close. What was said to this client before its Close goes before it."""
        if self.member is not None and self.member.open and self.state is not State.OPEN:
            self.member.flush(anyway=True)
            self.member.leave()
        super().send_data()

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection ended."""
        if self.member is not None:
            self.member.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came. Who sends pings and does not read the pongs, which the library writes at once, is cut off."""
        super().data_received(data)
        if self.member is not None and self.transport.get_write_buffer_size() > self.member.fanout.most:
            self.member.evict()
            self.transport.abort()  # no grace: it goes on sending pings, and the library answering them


async def receive(connection: Connection) -> str | bytes:
    """The next message, in however many fragments it comes.

    The library's `recv` gives up on a message of more than 4,096 fragments, since empty ones could be sent without
    end. Here empty ones are not kept, so the connection's `max_size` bounds what is. Cancelled in the middle of a
    message it leaves the connection unusable, as `recv_streaming` does.
    """
    parts: list[Any] = []
    nothing: str | bytes = b""
    async for part in connection.recv_streaming():
        nothing = type(part)()
        if part:
            parts.append(part)
    message: str | bytes = nothing.join(parts)
    return message
