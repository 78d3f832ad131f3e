"""The echo server: it says back whatever it is told, as text or as bytes, whichever came."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from protolab import repeat
from protolab.serve import Server
from protolab.serve.websocket_peers import LabServerConnection, receive

_GOODBYE = 2.0  # seconds a client has to answer a Close before its connection is dropped


class EchoServer(Server):
    """Echoes every message to whoever sent it; any path will do, and a fragmented message comes back whole.

    A message may have `max_size` bytes (counted after inflation); a longer one is answered with 1009. `compression`
    "deflate" accepts permessage-deflate from clients that offer it. Of the `subprotocols` a client offers, the first
    that is named here is chosen. Every `keepalive` seconds a client is sent a ping, and dropped when as much time goes
    by without a pong; None sends none, and neither does a repeatable run, since such pings come when a clock says so.
    """

    name = "echo"
    scheme = "ws"

    def __init__(
        self,
        *,
        max_size: int = 2**20,
        compression: str | None = None,
        subprotocols: Sequence[str] = (),
        keepalive: float | None = 20,
    ) -> None:
        super().__init__()
        self.max_size = max_size
        self.compression = compression
        self.subprotocols = tuple(subprotocols)
        self.keepalive = keepalive
        self._listener: Listener | None = None
        self._clients = 0
        self._connections: set[ServerConnection] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        self._listener = await serve(
            self._echo,
            host,
            port,
            max_size=self.max_size,
            compression=self.compression,
            subprotocols=[Subprotocol(name) for name in self.subprotocols] or None,
            server_header=None,  # a version would differ between machines, and nobody needs to know it
            ping_interval=None if repeat.on() else self.keepalive,
            ping_timeout=self.keepalive,
            close_timeout=_GOODBYE,
            logger=self.log.logger("protolab.websocket.server"),
            create_connection=LabServerConnection,
        )
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection with 1001 (going away), and free the port."""
        if self._listener is not None:
            self._listener.close()
            try:
                async with asyncio.timeout(2 * _GOODBYE):
                    await self._listener.wait_closed()
            except TimeoutError:  # who reads nothing lets nobody say goodbye
                for connection in self._connections:
                    connection.transport.abort()
                await self._listener.wait_closed()
            self._listener = None

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._listener is not None and self._listener.is_serving()

    async def _echo(self, connection: ServerConnection) -> None:
        self._clients += 1
        self._connections.add(connection)
        who = f"client {self._clients}"
        assert connection.request is not None
        self.log(f"{who} connected, to {connection.request.path}")
        try:
            while True:
                await connection.send(await receive(connection))
        except ConnectionClosed as closed:
            self.log(f"{who} {_farewell(closed)}")
        finally:
            self._connections.discard(connection)


def _farewell(closed: ConnectionClosed) -> str:
    """Who closed a connection, and with what."""
    if closed.rcvd is None and closed.sent is None:
        return "broke off"
    theirs = closed.sent is None or closed.rcvd_then_sent
    said = closed.rcvd if theirs else closed.sent
    assert said is not None
    return f"{'' if theirs else 'was '}closed with {int(said.code)}" + (f": {said.reason}" if said.reason else "")
