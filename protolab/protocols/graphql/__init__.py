"""GraphQL over HTTP, WebSocket and event streams: its card, and what `from protolab import graphql` offers, lazily."""

from __future__ import annotations

import re

from protolab.protocols import Card, public

_REQUEST = re.compile(
    rb"[A-Z]+ (?:https?://[^/\s]+)?/graphql(?:[/?]\S*)? HTTP/1\.\d\r?\n"
    rb"|[^\0]*?\n(?:accept|content-type):[^\n]*application/graphql-response\+json"
    rb"|[^\0]*?\nsec-websocket-protocol:[^\n]*\bgraphql-(?:transport-)?ws\b",
    re.I,
)
_RESPONSE = re.compile(
    rb"HTTP/1\.\d [^\0]*?\n(?:content-type: *application/graphql-response\+json"
    rb"|sec-websocket-protocol: *graphql-(?:transport-)?ws[ \t]*\r?\n)",
    re.I,
)


def _recognise(client: bytes, server: bytes, midway: bool) -> int:
    return 95 if _REQUEST.match(client) or _RESPONSE.match(server) else 0


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
    "decode": "decode",
}
__all__ = ["CARD", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = public(__name__, _PUBLIC)
