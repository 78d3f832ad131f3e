"""The WebSocket client: `async with websocket.connect(server.url) as connection: ...`, or `await` it."""

from __future__ import annotations

from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as library_connect

from protolab import repeat
from protolab.serve import Log
from protolab.serve.websocket_peers import LabClientConnection


class connect(library_connect):  # in lower case as the library's own, since it is called like a function
    """Connect to the server at `url`, by `await`, or by `async with`, which closes the connection when the block ends.

    `options` are those of `websockets.asyncio.client.connect`, with other defaults: no compression unless asked for
    (`compression="deflate"`), no proxy, and a User-Agent without a version. In a repeatable run there are no keepalive
    pings, which would come when a clock says so. `log` holds what the library had to report; it prints nothing.

    Raises OSError (nobody listens), TimeoutError, or `websockets.exceptions.InvalidHandshake` (it would not upgrade).
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.log = Log(100)
        defaults: dict[str, Any] = {
            "compression": None,
            "proxy": None,
            "user_agent_header": "protolab",
            "ping_interval": None if repeat.on() else 20,
            "close_timeout": 2,
            "logger": self.log.logger("protolab.websocket.client"),
            "create_connection": LabClientConnection,
        }
        super().__init__(url, **defaults | options)

    async def connect(self) -> ClientConnection:
        """What `await` and `async with` do."""
        try:
            return await super().connect()
        except ConnectionRefusedError as error:
            error.add_note(f"Nobody listens at {self.uri}: start the server, and connect to the url of its handle.")
            raise
