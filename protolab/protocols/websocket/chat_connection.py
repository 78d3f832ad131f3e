"""One connection of the chat: a server's connection in the fan-out, and in the set of all connections."""

from __future__ import annotations

import asyncio
from typing import Any

from protolab.serve.websocket_peers import InFanout, LabServerConnection


class Connection(InFanout, LabServerConnection):
    """`everyone` is the set that it is in from its TCP connection's first moment to its last."""

    def __init__(self, *args: Any, everyone: set[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.everyone = everyone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a TCP connection; the handshake is yet to come."""
        self.everyone.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection ended."""
        self.everyone.discard(self)
        super().connection_lost(exc)
