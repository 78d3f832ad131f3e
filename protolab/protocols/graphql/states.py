"""The states of GraphQL on a connection as tables: of the connection as one peer sees it, and of an operation on it.

Several operations may be active at a time; what is stepped through is the newest of them, so that its whole life shows.
"""

from __future__ import annotations

from protolab.fields import Side
from protolab.machines import Machine
from protolab.protocols.graphql import sockets
from protolab.units import Unit
from protolab.wire import http1

# graphql-transport-ws, ConnectionInit, ConnectionAck and Ping; the older protocol has the same life. What a connection of
# HTTP goes through is that of its requests: it stays at its beginning.
_BEATS = ("sends ping", "receives ping", "sends pong", "receives pong")
_OPERATES = ("sends a message of an operation", "receives a message of an operation")
_SOCKET, _WAITING, _READY, _CLOSED = "socket open", "waiting for connection_ack", "ready", "closed"
CONNECTION = Machine(
    "connection",
    "HTTP",
    {
        ("HTTP", "sends 101"): _SOCKET,
        ("HTTP", "receives 101"): _SOCKET,
        (_SOCKET, "sends connection_init"): _WAITING,
        (_SOCKET, "receives connection_init"): _WAITING,
        (_WAITING, "sends connection_ack"): _READY,
        (_WAITING, "receives connection_ack"): _READY,
        **{(state, event): state for state in (_SOCKET, _WAITING, _READY) for event in _BEATS},
        **{(_READY, event): _READY for event in _OPERATES},
        **{
            (state, f"{what} a Close"): _CLOSED
            for state in (_SOCKET, _WAITING, _READY, _CLOSED)
            for what in ("sends", "receives")
        },
        **{(_CLOSED, event): _CLOSED for event in ("receives a message of an operation", "receives ping")},
    },
)

# Subscribe, Next, Error and Complete; and a request over HTTP.
_OVER = ("completed", "failed", "cancelled", "answered")
OPERATION = Machine(
    "newest operation",
    "none",
    {
        **{(state, "subscribe"): "active" for state in ("none", "active", *_OVER)},  # a newer one beside an active one
        **{(state, "request"): "asked" for state in ("none", *_OVER)},
        ("asked", "response"): "answered",
        ("asked", "request"): "asked",
        ("active", "next"): "active",
        ("active", "error"): "failed",
        ("active", "the server's complete"): "completed",
        ("active", "the client's complete"): "cancelled",
        ("cancelled", "next"): "cancelled",  # it was on its way, and is ignored
        ("cancelled", "error"): "cancelled",
        ("cancelled", "the server's complete"): "cancelled",
        ("completed", "the client's complete"): "completed",  # they crossed
        ("failed", "the client's complete"): "failed",
        ("asked", "next"): "asked",  # on an event stream
        ("asked", "the server's complete"): "answered",
    },
)
MACHINES = (CONNECTION, OPERATION)
MIDWAY = {CONNECTION: _READY, OPERATION: "active"}  # where a recording that began midway begins

_EVENTS = {"subscribe": "subscribe", "start": "subscribe", "next": "next", "data": "next", "error": "error"}
_INIT = ("connection_init", "connection_ack")


def past(machine: Machine, state: str, event: str) -> str:
    """The state after an event, allowed or not: a breach moves nothing.

    >>> past(OPERATION, "active", "next"), past(OPERATION, "failed", "next")
    ('active', 'failed')
    """
    return machine.after(state, event) or state


def moves(unit: Unit) -> tuple[tuple[Side, Machine, str], ...]:
    """Which machines a complete unit moves, whose, and by which event."""
    if not unit.place.complete:
        return ()
    if unit.kind == "frame":
        return _frame(unit)
    if unit.kind == "request head":
        if http1.request(unit.data).get("Upgrade") is not None:
            return ()
        return tuple((side, OPERATION, "request") for side in Side)
    if unit.kind == "response head":
        status = http1.response(unit.data).status
        if status == 101:
            return _both(unit, CONNECTION, "101")
        stream = "text/event-stream" in (http1.response(unit.data).get("Content-Type") or "")
        return () if status < 200 or stream else tuple((side, OPERATION, "response") for side in Side)
    event = getattr(unit.field.value, "type", "")
    if unit.kind == "event" and event in ("next", "complete"):
        return tuple((side, OPERATION, "next" if event == "next" else "the server's complete") for side in Side)
    return ()


def _both(unit: Unit, machine: Machine, what: str) -> tuple[tuple[Side, Machine, str], ...]:
    return (unit.side, machine, f"sends {what}"), (unit.side.other, machine, f"receives {what}")


def _frame(unit: Unit) -> tuple[tuple[Side, Machine, str], ...]:
    said = sockets.message(unit)
    if said is None:
        return ()
    if said.kind == "close":
        return _both(unit, CONNECTION, "a Close")
    value = said.value[0]
    type_ = value.get("type") if isinstance(value, dict) else None
    if type_ in _INIT or type_ in ("ping", "pong"):
        return _both(unit, CONNECTION, str(type_))
    if not isinstance(type_, str):
        return ()
    if type_ in ("complete", "stop"):
        event = f"the {unit.side}'s complete"
    elif type_ in _EVENTS:
        event = _EVENTS[type_]
    else:
        return ()
    newest = event == "subscribe" or any(each.note == sockets.NEWEST for each in sockets.ids(unit))
    own = tuple((side, OPERATION, event) for side in Side) if newest else ()
    return (*_both(unit, CONNECTION, "a message of an operation"), *own)
