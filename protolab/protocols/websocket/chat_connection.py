"""One connection of the chat: the library's, with what the fan-out needs of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.protocol import State

from protolab.serve.fanout import Member


class Connection(ServerConnection):
    """A connection of the library's whose own writes stand in one order with the fan-out's.

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
        """Bytes came, and the library may have answered pings at once: who sends those and reads nothing is evicted."""
        super().data_received(data)
        if self.member is not None and self.transport.get_write_buffer_size() > self.member.fanout.most:
            self.member.evict()


def without_date(connection: ServerConnection, request: Request, response: Response) -> None:
    """Take the Date out of a 101, for repeatable runs. RFC 9110 section 6.6.1 asks for it in 2xx to 4xx only."""
    if response.status_code == 101:
        del response.headers["Date"]


def logger(log: Callable[[str], None]) -> logging.Logger:
    """A logger for the library that writes its warnings and errors to `log`, never to a kernel's standard error."""
    made = logging.Logger("protolab.websocket", logging.WARNING)  # not getLogger: one each, and nobody else's
    made.addHandler(_ToLog(log))
    return made


class _ToLog(logging.Handler):
    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.log(record.getMessage() + (f": {cause!r}" if cause else ""))
