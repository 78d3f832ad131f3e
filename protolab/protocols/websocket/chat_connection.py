"""One connection of the chat: a server's connection, with what the fan-out needs of it."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.protocol import State

from protolab.protocols.websocket.peers import LabServerConnection
from protolab.serve.fanout import Member


class Connection(LabServerConnection):
    """A connection where the library's own writes stand in one order with the fan-out's.

    `everyone` is the set that it is in from its TCP connection's first moment to its last; `member` is its place in the
    fan-out, once it is through the handshake.
    """

    def __init__(self, *args: Any, everyone: set[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.everyone = everyone
        self.member: Member | None = None

    def send_data(self) -> None:
        """The library writes: a pong, a ping, a Close. What was said to this client before its Close goes before it."""
        if self.member is not None and self.member.open and self.state is not State.OPEN:
            self.member.flush(anyway=True)
            self.member.leave()
        super().send_data()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a TCP connection; the handshake is yet to come."""
        self.everyone.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection ended."""
        self.everyone.discard(self)
        if self.member is not None:
            self.member.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came. Who sends pings and does not read the pongs, which the library writes at once, is cut off."""
        super().data_received(data)
        if self.member is not None and self.transport.get_write_buffer_size() > self.member.fanout.most:
            self.member.evict()
            self.transport.abort()  # no grace: it goes on sending pings, and the library answering them
