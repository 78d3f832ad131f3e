"""The tap: a relay between any TCP client and server that records every byte, and changes none.

What the two sides would have seen of each other they see through it: bytes in order, a side that says it has finished
while the other goes on (half-close), a side that breaks off (reset), a side that reads slowly (back-pressure). What
TCP does not show is not passed on either: how the bytes were cut into segments, and a reset by a side that had said
FIN and is sent nothing.

Each connection is a pair of `_End`s. An end records a read before it passes it on, so whoever has seen an answer
finds it in the capture. All of it runs in one event loop; other threads may read the capture meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from protolab.capture.model import Capture, Connection
from protolab.errors import LabError
from protolab.fields import Side

# close() then sends RST at once, and leaves no TIME_WAIT behind. Windows has 16-bit fields here.
_RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
_READ = 2**18  # bytes read at a time


class Tap:
    """A relay in front of `target_host`:`target_port` that records into `capture`.

    `log` is called with a line for each thing worth telling, in the loop's thread. While `refuse` is True new
    connections are reset at once. Call everything in the event loop that `start` ran in.
    """

    def __init__(
        self, target_host: str, target_port: int, capture: Capture, *, log: Callable[[str], object] | None = None
    ) -> None:
        if not 0 < target_port < 65536:
            raise LabError(f"{target_port} is not a port that a server can have.", "Give one from 1 to 65535.")
        self.target = (target_host, target_port)
        self.capture = capture
        self.refuse = False
        self._log = (lambda text: None) if log is None else log  # a Log with no lines yet is false
        self._server: asyncio.Server | None = None
        self._open = False  # started and not stopped
        self._links: set[_Link] = set()
        self._full_said = False
        # One buffer for all reads: asyncio fills it and hands it over in one step. Without it asyncio allocates 256 kB for
        # each read, which the C library maps and unmaps every time: measured, 72 us of CPU for a round trip instead of 20.
        self._buffer = memoryview(bytearray(_READ))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port (the system picks one for 0). OSError says that it could not."""
        if self._server is not None:
            raise LabError("This tap is already started.", "Stop it first, or make another one.")
        if port == self.target[1] and self.target[0] in (host, "localhost", "127.0.0.1", "::1"):
            raise LabError(f"A tap on port {port} would stand before itself.", "Let it listen on another port.")
        loop, self._open = asyncio.get_running_loop(), True
        self._server = await loop.create_server(lambda: _Link(self).client, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, break off what is still connected, and return when it is gone. Safe to call twice."""
        server, self._server, self._open = self._server, None, False
        if server is not None:
            # asyncio loses a socket that it has accepted and not yet wrapped when the server closes (3.11 to 3.13): so accept
            # no more, give what was accepted two turns of the loop to become a link, and close then.
            with suppress(NotImplementedError):  # Windows accepts in another way
                for listener in server.sockets:
                    asyncio.get_running_loop().remove_reader(listener.fileno())
            for _ in range(2):
                await asyncio.sleep(0)
            server.close()
        links = list(self._links)
        for link in links:
            link.reset(Side.CLIENT, Side.SERVER)
        if links:
            await asyncio.wait([link.gone for link in links])
        if server is not None:
            await server.wait_closed()

    def cut(self, connection_number: int | None = None) -> int:
        """Break the connection of that number off, or all, with a reset to both sides; return how many were cut."""
        links = [
            link for link in self._links if connection_number in (None, link.connection.number) and not link.broken
        ]
        for link in links:
            self._log(f"connection {link.connection.number}: cut")
            link.reset(Side.CLIENT, Side.SERVER)
        return len(links)

    @property
    def live(self) -> int:
        """How many connections are open now."""
        return len(self._links)

    @property
    def pending(self) -> int:
        """How many bytes wait here for somebody who reads slowly. Back-pressure bounds them."""
        ends = (end for link in list(self._links) for end in (link.client, link.server) if end.here)
        return sum(end.transport.get_write_buffer_size() for end in ends)

    def __repr__(self) -> str:
        return f"<tap before {_address(self.target)}, {self.live} connections open>"

    def _say_full(self) -> None:
        if not self._full_said:
            self._full_said = True
            self._log(
                f"the capture is full, with {self.capture.size} bytes in {self.capture.segments} segments: what comes "
                "now is passed on and counted, but not kept; Capture(limit=...) sets how much is"
            )


class _Link:
    """A connection through the tap: its two ends, and what is known of both together."""

    __slots__ = ("broken", "client", "connection", "dialing", "gone", "loop", "server", "tap")

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.loop = asyncio.get_running_loop()
        self.connection = Connection(tap.capture, 0, "", "")  # until the client's address is known
        self.client, self.server = _End(self, Side.CLIENT), _End(self, Side.SERVER)
        self.client.other, self.server.other = self.server, self.client
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self.broken = False  # a side broke off, or the tap did
        self.dialing: asyncio.Task[None] | None = None

    def open(self) -> None:
        """The client is here: record it, and dial the server."""
        tap = self.tap
        tap._links.add(self)
        if not tap._open:
            self.reset()
            return
        address = self.client.transport.get_extra_info("peername") or ("", 0)
        self.connection = tap.capture.connect(_address(address), _address(tap.target))
        self.client.add = self.server.add = self.connection.add
        if tap.refuse:
            tap._log(f"connection {self.connection.number}: refused, as the tap was told to")
            self.reset(Side.SERVER)
        else:
            self.dialing = self.loop.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            await self.loop.create_connection(lambda: self.server, *self.tap.target)
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot be one
            reason = "connection refused" if isinstance(error, ConnectionRefusedError) else error
            self.tap._log(
                f"connection {self.connection.number}: no server at {_address(self.tap.target)} ({reason}), so the "
                "client is reset; start the server, or check the address"
            )
            self.dialing = None
            self.reset(Side.SERVER)
        finally:
            self.dialing = None
            self.check()

    def reset(self, *sides: Side) -> None:
        """Note that `sides` broke off, and pass it on: every end still there closes with a reset."""
        if self.broken:
            return
        self.broken = True
        for side in sides:
            self.connection.end(side, "RST")
        if self.dialing is not None:
            self.dialing.cancel()
        self.client.abort()
        self.server.abort()

    def check(self) -> None:
        """Let go of the link when neither end nor the dialling is left."""
        if self.dialing is None and not self.client.here and not self.server.here and not self.gone.done():
            self.tap._links.discard(self)
            self.gone.set_result(None)


class _End(asyncio.BufferedProtocol):
    """One end of a link: `side` is who is at it. What it reads is recorded and written to the `other` end."""

    __slots__ = ("_held", "add", "buffer", "finished", "here", "link", "other", "pass_on", "side", "transport")
    other: _End
    transport: asyncio.Transport

    def __init__(self, link: _Link, side: Side) -> None:
        self.link = link
        self.side = side
        self.buffer = link.tap._buffer
        self.add = link.connection.add
        self.pass_on: Callable[[bytes], object] = self._hold
        self.here = False  # connected now
        self.finished = False  # it said FIN
        self._held: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.here = True
        if self.side is Side.CLIENT:
            self.link.open()
        elif self.link.broken:
            self.abort()
        else:
            self.pass_on = self.other.transport.write
            self.other._let_go(self.transport)

    def _hold(self, data: bytes) -> None:
        """Keep the first bytes of a client until its server is reached, and read no more until then."""
        self._held.append(data)
        self.transport.pause_reading()

    def _let_go(self, server: asyncio.Transport) -> None:
        """The server is reached: pass on what was held, in its order, and go on reading."""
        self.pass_on = server.write
        self.transport.resume_reading()  # before the writes, which may pause it again
        for data in self._held:
            server.write(data)
        self._held.clear()
        if self.finished:
            server.write_eof()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self.buffer[:nbytes])  # a copy, since what cannot be sent at once is kept
        if not self.add(self.side, data):
            self.link.tap._say_full()
        self.pass_on(data)

    def eof_received(self) -> bool:
        self.finished = True
        self.link.connection.end(self.side, "FIN")
        if self.other.here:
            self.other.transport.write_eof()
            if self.other.finished:  # both have said all they had to say: close when the last of it is passed on
                self.transport.close()
                self.other.transport.close()
        return True  # this side may still listen

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.here = False
        if error is not None and not self.link.broken:
            self._take_rest()
            self.link.reset(self.side)
        self.link.check()

    def _take_rest(self) -> None:
        """Read what came before the reset: where a write fails first, asyncio leaves unread what a peer would read."""
        end = self.transport.get_extra_info("socket")
        with socket.fromfd(end.fileno(), end.family, end.type) as copy, suppress(OSError):
            while count := copy.recv_into(self.buffer):
                self.buffer_updated(count)

    def abort(self) -> None:
        """Close now, with a reset: what was not yet sent is lost, as it would be between the two without a tap."""
        if self.here:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()


def _address(address: tuple[object, ...]) -> str:
    """An address as text.

    >>> _address(("127.0.0.1", 80)), _address(("::1", 80, 0, 0))
    ('127.0.0.1:80', '[::1]:80')
    """
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
