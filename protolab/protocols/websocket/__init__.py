"""WebSocket, RFC 6455 with RFC 7692: its card, and what `from protolab import websocket` offers, imported when asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protolab.protocols import Card, public

_UPGRADE = re.compile(rb"\n(?:upgrade:[^\n]*websocket|sec-websocket-(?:key|accept):)", re.I)


def _recognise(client: bytes, server: bytes, midway: bool) -> int:
    if _UPGRADE.search(client) or _UPGRADE.search(server):
        return 90
    if midway:
        plausible = [
            first & 0x70 in (0, 0x40) and first & 0x0F in (0, 1, 2, 8, 9, 10) for first in (*client[:1], *server[:1])
        ]
        return (
            40
            if all(plausible) and (not client[1:] or client[1] & 0x80) and (not server[1:] or not server[1] & 0x80)
            else 2
        )
    return 0


CARD = Card(
    "websocket",
    "WebSocket",
    ("RFC 6455", "RFC 7692"),
    recognise=_recognise,
    servers={"echo": "server:EchoServer", "chat": "chat:ChatServer"},
    scenarios={name: f"scenarios:{name.upper()}" for name in ("hello", "fragments", "compressed", "unmasked", "chat")},
)

_PUBLIC = {
    "connect": "client",
    "EchoServer": "server",
    "ChatServer": "chat",
    "Client": "reconnecting",
    "Backoff": "protolab.serve.backoff",
    "Rule": "protolab.serve.returning",
    "UpdatesServer": "updates",
    "accept": "handshake",
    "ending": "closing",
    "RULES": "rules",
    "raw_connect": "raw",
    "judge_server": "conformance",
    "conformance": "",
    "Frame": "protolab.wire.websocket_frames",
}
if TYPE_CHECKING:  # the same once more, for editors and type checkers
    from protolab.protocols.websocket import conformance as conformance
    from protolab.protocols.websocket.chat import ChatServer as ChatServer
    from protolab.protocols.websocket.client import connect as connect
    from protolab.protocols.websocket.closing import ending as ending
    from protolab.protocols.websocket.conformance import judge_server as judge_server
    from protolab.protocols.websocket.handshake import accept as accept
    from protolab.protocols.websocket.raw import raw_connect as raw_connect
    from protolab.protocols.websocket.reconnecting import Client as Client
    from protolab.protocols.websocket.rules import RULES as RULES
    from protolab.protocols.websocket.server import EchoServer as EchoServer
    from protolab.protocols.websocket.updates import UpdatesServer as UpdatesServer
    from protolab.serve.backoff import Backoff as Backoff
    from protolab.serve.returning import Rule as Rule
    from protolab.wire.websocket_frames import Frame as Frame

__all__ = ["CARD", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = public(__name__, _PUBLIC)
