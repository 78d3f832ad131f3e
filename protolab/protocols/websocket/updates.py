"""Updates over WebSocket: a reader connects and is told, with nothing to ask for."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from protolab import repeat
from protolab.serve import Server
from protolab.serve.updates import Updates
from protolab.serve.websocket_peers import LabServerConnection

_GOODBYE = 2.0  # seconds a client has to answer a Close before its connection is dropped


class UpdatesServer(Server):
    """Sends each update to every reader as a text message, those that it still keeps (`keep`) to one that comes late.

    Each reader goes through the updates at its own pace; one that falls more than `keep` behind is closed with 1008.
    What a reader says is read and not minded. `await publish(text)`, on the lab's loop, tells the news.
    """

    name = "updates-websocket"
    scheme = "ws"
    path = "/updates"

    def __init__(self, *, keep: int = 1000, keepalive: float | None = 20) -> None:
        super().__init__()
        self.updates = Updates(keep)
        self.keepalive = keepalive
        self._listener: Listener | None = None

    async def publish(self, text: str) -> int:
        """Tell an update (one line) and return its number: `lab.run(server.publish("news"))`."""
        return self.updates.publish(text)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        self._listener = await serve(
            self._talk,
            host,
            port,
            max_size=2**16,
            compression=None,
            server_header=None,  # a version would differ between machines, and nobody needs to know it
            ping_interval=None if repeat.on() else self.keepalive,
            ping_timeout=self.keepalive,
            close_timeout=_GOODBYE,
            logger=self.log.logger("protolab.websocket.updates"),
            create_connection=LabServerConnection,
        )
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection with 1001 (going away), and free the port."""
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
            self._listener = None

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._listener is not None and self._listener.is_serving()

    async def _talk(self, connection: ServerConnection) -> None:
        telling = asyncio.create_task(self._tell(connection))
        try:
            with suppress(ConnectionClosed):
                async for _ in connection:  # so that its pings and its Close are read, whatever else it says
                    continue
        finally:
            telling.cancel()

    async def _tell(self, connection: ServerConnection) -> None:
        """Send what was kept, then what comes."""
        told = max(self.updates.count - self.updates.keep, 0)
        with suppress(ConnectionClosed):
            try:
                while True:
                    for text in await self.updates.after(told):
                        await connection.send(text)
                        told += 1
            except LookupError as error:
                await connection.close(1008, str(error))
