"""GraphQL over HTTP, WebSocket and event streams: its card, and what `from protolab import graphql` offers, lazily."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protolab.protocols import Card, public

_REQUEST = re.compile(
    rb"[A-Z]+ (?=\S+ HTTP/1\.\d\r?\n)[^\s?]*?/graphql(?=[/? ])"
    rb"|[^\0]*?\n(?:accept|content-type):[^\n]*application/graphql-response\+json"
    rb"|[^\0]*?\nsec-websocket-protocol:[^\n]*\bgraphql-(?:transport-)?ws\b",
    re.I,
)
_RESPONSE = re.compile(
    rb"HTTP/1\.\d [^\0]*?\n(?:content-type: *application/graphql-response\+json"
    rb"|sec-websocket-protocol: *graphql-(?:transport-)?ws[ \t]*\r?\n)",
    re.I,
)
# At any other path (many a server has "/"): a parameter or a member that is called query, and begins like a document.
_KEYWORD = rb"(?:query|mutation|subscription|fragment)\b[^&\s\"]*?"
_PARAMETER = re.compile(
    rb"GET [^\s?]*\?(?:[^\s]*&)?query=(?:\+|%20|%0A)*(?:" + _KEYWORD + rb")?(?:%7B|\{)(?!%22|\"|\$)", re.I
)
_MEMBER = re.compile(rb'"query"\s*:\s*"(?:\\[nrt]|[\s,])*(?:\{|#|(?:query|mutation|subscription|fragment)\b)')


def _recognise(client: bytes, server: bytes, midway: bool) -> int:
    if _REQUEST.match(client) or _RESPONSE.match(server) or _PARAMETER.match(client):
        return 95
    head, _, body = client.partition(b"\r\n\r\n")
    return 95 if head.startswith(b"POST ") and body.lstrip()[:1] in (b"{", b"[") and _MEMBER.search(body) else 0


CARD = Card(
    "graphql",
    "GraphQL",
    ("GraphQL September 2025", "GraphQL over HTTP", "graphql-transport-ws", "graphql-sse"),
    recognise=_recognise,
    servers={"graphql": "server:GraphQLServer"},
    scenarios={name: f"scenarios:{name.upper()}" for name in ("query", "subscription", "legacy", "errors")},
)

_PUBLIC = {
    "GraphQLServer": "server",
    "Bounds": "websocket_transport",
    "Client": "client",
    "Ended": "client_errors",
    "Engine": "engine",
    "GraphQLError": "client_errors",
    "Limits": "limits",
    "RULES": "rules",
    "Context": "schema",
    "Persisted": "persisted",
    "Refusal": "engine",
    "Request": "request",
    "Store": "store",
    "users_and_posts": "schema",
}
if TYPE_CHECKING:  # the same once more, for editors and type checkers
    from protolab.protocols.graphql.client import Client as Client
    from protolab.protocols.graphql.client_errors import Ended as Ended
    from protolab.protocols.graphql.client_errors import GraphQLError as GraphQLError
    from protolab.protocols.graphql.engine import Engine as Engine
    from protolab.protocols.graphql.engine import Refusal as Refusal
    from protolab.protocols.graphql.limits import Limits as Limits
    from protolab.protocols.graphql.persisted import Persisted as Persisted
    from protolab.protocols.graphql.request import Request as Request
    from protolab.protocols.graphql.rules import RULES as RULES
    from protolab.protocols.graphql.schema import Context as Context
    from protolab.protocols.graphql.schema import users_and_posts as users_and_posts
    from protolab.protocols.graphql.server import GraphQLServer as GraphQLServer
    from protolab.protocols.graphql.store import Store as Store
    from protolab.protocols.graphql.websocket_transport import Bounds as Bounds

__all__ = ["CARD", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = public(__name__, _PUBLIC)
