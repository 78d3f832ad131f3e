"""The two WebSocket subprotocols of GraphQL as tables: their names, messages and close codes, which both peers obey.

The names are a well-known trap. `graphql-ws` on the wire is the *old* protocol, that of the library
subscriptions-transport-ws; the newer library called graphql-ws speaks `graphql-transport-ws`. They share message names that
mean the same (connection_init, connection_ack, complete) and differ in those around an operation, so a client that offers
one name and speaks the other comes in, and fails at its first operation.

Sources: PROTOCOL.md of graphql-ws, and of subscriptions-transport-ws.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.machines import Machine

TRANSPORT = "graphql-transport-ws"
LEGACY = "graphql-ws"
SUBPROTOCOLS = (TRANSPORT, LEGACY)  # the better one first

LONGEST_REASON = 123  # bytes that a Close frame holds beside its code, RFC 6455 section 5.5


class Code(NamedTuple):
    """A close code: the words that PROTOCOL.md has for it ("" where it leaves them to the peer), and what it means."""

    words: str
    meaning: str


CODES: dict[int, Code] = {
    4004: Code("", "the client cannot make sense of what the server sent"),
    4005: Code("", "something failed within the client"),
    4400: Code("", "a message that the protocol does not allow"),
    4401: Code("Unauthorized", "subscribe came before connection_ack; it says nothing about credentials"),
    4403: Code("Forbidden", "the server does not accept what connection_init said"),
    4406: Code("Subprotocol not acceptable", "none of the subprotocols that the client offered is spoken here"),
    4408: Code("Connection initialisation timeout", "connection_init did not come in time"),
    4409: Code("", "subscribe with the id of an operation that is still running"),
    4429: Code("Too many initialisation requests", "connection_init came a second time"),
    4499: Code("Terminated", "the client gave the connection up without a closing handshake"),
    4500: Code("Internal server error", "something failed within the server"),
    4504: Code("Connection acknowledgement timeout", "connection_ack did not come in time"),
}


class Shape(NamedTuple):
    """What a message holds besides its type: whether it has an `id`, and the kind of its payload.

    payload is "object?" (may be absent or null), "request", "result", "errors", "error" (one object), "null?" or "" (ignored).
    """

    id: bool
    payload: str


# What each side may send. A type that is not here, or is the other side's, breaks the protocol (4400).
CLIENT: dict[str, dict[str, Shape]] = {
    TRANSPORT: {
        "connection_init": Shape(False, "object?"),
        "ping": Shape(False, "object?"),
        "pong": Shape(False, "object?"),
        "subscribe": Shape(True, "request"),
        "complete": Shape(True, ""),
    },
    LEGACY: {
        "connection_init": Shape(False, "object?"),
        "start": Shape(True, "request"),
        "stop": Shape(True, ""),
        "connection_terminate": Shape(False, ""),
    },
}
SERVER: dict[str, dict[str, Shape]] = {
    TRANSPORT: {
        "connection_ack": Shape(False, "object?"),
        "ping": Shape(False, "object?"),
        "pong": Shape(False, "object?"),
        "next": Shape(True, "result"),
        "error": Shape(True, "errors"),
        "complete": Shape(True, ""),
    },
    LEGACY: {
        "connection_ack": Shape(False, "object?"),
        "connection_error": Shape(False, "error"),
        "ka": Shape(False, ""),
        "data": Shape(True, "result"),
        "error": Shape(True, "error"),
        "complete": Shape(True, ""),
    },
}

# A connection, as both sides see it. An event is a message's type.
OPENED, INITIALISING, ACKNOWLEDGED = "opened", "initialising", "acknowledged"
_ANY_TIME = {(state, event): state for state in (OPENED, INITIALISING, ACKNOWLEDGED) for event in ("ping", "pong")}
CONNECTION = Machine(
    "connection",
    OPENED,
    {
        (OPENED, "connection_init"): INITIALISING,
        (INITIALISING, "connection_ack"): ACKNOWLEDGED,
        **_ANY_TIME,
        **{(ACKNOWLEDGED, event): ACKNOWLEDGED for event in ("subscribe", "next", "error", "complete")},
        **{(state, "complete"): state for state in (OPENED, INITIALISING)},  # of an id that nobody knows: ignored
    },
)
RUNNING = "running"  # of an operation, as far as a message about it matters

# What a server closes with when a message comes that its state does not allow.
BREACHES: dict[tuple[str, str], int] = {
    (OPENED, "subscribe"): 4401,
    (INITIALISING, "subscribe"): 4401,
    (INITIALISING, "connection_init"): 4429,
    (ACKNOWLEDGED, "connection_init"): 4429,
    (RUNNING, "subscribe"): 4409,
}


def reason(text: str) -> str:
    """As much of a text as fits into a Close frame; what is cut off ends in an ellipsis.

    >>> len(reason("é" * 100).encode()), reason("short")
    (123, 'short')
    """
    if len(text.encode()) <= LONGEST_REASON:
        return text
    return text.encode()[: LONGEST_REASON - 3].decode("utf-8", "ignore") + "…"


def choose(offered: list[str]) -> str | None:
    """The subprotocol to speak with a client that offers these, or None.

    >>> choose(["graphql-ws", "graphql-transport-ws"]), choose(["soap"])
    ('graphql-transport-ws', None)
    """
    return next((name for name in SUBPROTOCOLS if name in offered), None)
