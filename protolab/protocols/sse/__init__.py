"""Server-Sent Events, WHATWG HTML section 9.2: its card, and what `from protolab import sse` offers, imported when asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protolab.protocols import Card, public

_TYPE = rb"\n(?:accept|content-type):[^\n]*text/event-stream"
_ASKED = re.compile(_TYPE, re.I)
_LINE = re.compile(rb"(?:\A|[\r\n]|\xef\xbb\xbf)(?:data|event|id|retry):|\A(?:[0-9A-Fa-f]+\r\n)?:[^\n\r]*[\n\r]")


def _recognise(client: bytes, server: bytes, midway: bool) -> int:
    if _ASKED.search(client) or _ASKED.search(server):
        return 80
    return 45 if midway and not client and _LINE.search(server) else 0  # a client has nothing to say in a stream


CARD = Card(
    "sse",
    "Server-Sent Events",
    ("WHATWG HTML 9.2", "RFC 9110", "RFC 9112"),
    recognise=_recognise,
    servers={"events": "server:EventServer"},
    scenarios={name: f"scenarios:{name.upper()}" for name in ("stream", "resume", "targets", "discards")},
)

_PUBLIC = {
    "parse": "protolab.wire.event_stream",
    "Parser": "protolab.wire.event_stream",
    "Event": "protolab.wire.event_stream",
    "Client": "client",
    "ReadyState": "client",
    "StreamError": "endings",
    "Rule": "protolab.serve.returning",
    "EventServer": "server",
    "Limits": "server",
    "WhenFull": "protolab.serve.fanout",
    "UpdatesServer": "updates",
    "Backoff": "protolab.serve.backoff",
    "RULES": "rules",
}
if TYPE_CHECKING:  # the same once more, for editors and type checkers
    from protolab.protocols.sse.client import Client as Client
    from protolab.protocols.sse.client import ReadyState as ReadyState
    from protolab.protocols.sse.endings import StreamError as StreamError
    from protolab.protocols.sse.rules import RULES as RULES
    from protolab.protocols.sse.server import EventServer as EventServer
    from protolab.protocols.sse.server import Limits as Limits
    from protolab.protocols.sse.updates import UpdatesServer as UpdatesServer
    from protolab.serve.backoff import Backoff as Backoff
    from protolab.serve.fanout import WhenFull as WhenFull
    from protolab.serve.returning import Rule as Rule
    from protolab.wire.event_stream import Event as Event
    from protolab.wire.event_stream import Parser as Parser
    from protolab.wire.event_stream import parse as parse

__all__ = ["CARD", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = public(__name__, _PUBLIC)
