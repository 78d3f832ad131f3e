"""gRPC over HTTP/2 (RFC 9113) and HPACK (RFC 7541): its card, and what `from protolab import grpc` offers, when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protolab.protocols import Card, public
from protolab.wire import http2


def _frames(said: bytes) -> bool:
    """Whether frames begin here, or after the rest of one."""
    return http2.plausible(said) or http2.next_frame(said)[1]


def _recognise(client: bytes, server: bytes, midway: bool) -> int:
    preface = http2.PREFACE
    if len(client) >= 14 and preface.startswith(client[: len(preface)]):  # "PRI * HTTP/2.0"
        return 95
    if not midway and not client and http2.plausible(server) and server[3] == http2.SETTINGS:
        return 80  # the server spoke first: its preface is a SETTINGS frame on stream 0 (RFC 9113 section 3.4)
    if midway and (client or server):
        return 60 if all(_frames(said) for said in (client, server) if said) else 1
    return 0


CARD = Card(
    "grpc",
    "gRPC over HTTP/2",
    ("RFC 9113", "RFC 7541", "gRPC over HTTP/2"),
    recognise=_recognise,
    servers={"users": "server:UserServer"},
    scenarios={
        "unary": "scenarios:UNARY",
        "stream": "scenarios:STREAM",
        "four-calls": "scenarios:FOUR_CALLS",
        "errors": "scenarios:ERRORS",
        "retry": "scenarios:RETRY",
        "flow": "scenarios:FLOW",
        "headers": "scenarios:HEADERS",
    },
)

_PUBLIC = {
    "UserServer": "server",
    "UserServiceClient": "client",
    "LessonsClient": "client",
    "CallFailed": "errors",
    "Retry": "channel",
    "users": "messages",
    "lessons": "messages",
    "schema": "protos",
    "proto": "protos",
    "tables": "header_tables",
    "windows": "flow",
    "blocked": "flow",
    "calls": "outcomes",
    "read_messages": "outcomes",
    "read_values": "outcomes",
    "decode_with": "schemas",
    "forget": "schemas",
    "RULES": "catalogue",
    "Frame": "protolab.wire.http2",
}
if TYPE_CHECKING:  # the same once more, for editors and type checkers
    from protolab.protocols.grpc.catalogue import RULES as RULES
    from protolab.protocols.grpc.channel import Retry as Retry
    from protolab.protocols.grpc.client import LessonsClient as LessonsClient
    from protolab.protocols.grpc.client import UserServiceClient as UserServiceClient
    from protolab.protocols.grpc.errors import CallFailed as CallFailed
    from protolab.protocols.grpc.flow import blocked as blocked
    from protolab.protocols.grpc.flow import windows as windows
    from protolab.protocols.grpc.header_tables import tables as tables
    from protolab.protocols.grpc.messages import lessons as lessons
    from protolab.protocols.grpc.messages import users as users
    from protolab.protocols.grpc.outcomes import calls as calls
    from protolab.protocols.grpc.outcomes import read_messages as read_messages
    from protolab.protocols.grpc.outcomes import read_values as read_values
    from protolab.protocols.grpc.protos import proto as proto
    from protolab.protocols.grpc.protos import schema as schema
    from protolab.protocols.grpc.schemas import decode_with as decode_with
    from protolab.protocols.grpc.schemas import forget as forget
    from protolab.protocols.grpc.server import UserServer as UserServer
    from protolab.wire.http2 import Frame as Frame

__all__ = ["CARD", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = public(__name__, _PUBLIC)
