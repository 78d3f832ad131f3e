"""Streams of an HTTP/2 connection: where both peers stand, what each may still send, and how frames move them.

A `Stream` never changes: a frame makes another one. So a checkpoint of the decoder shares them, and can be taken cheaply.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from protolab.fields import CLIENT, Side
from protolab.protocols.grpc.states import IDLE, STREAM, past, stream_events

MOST_STREAMS = 1024  # open at once that are followed: of more, the oldest is taken for closed
MOST_CLOSED = 256  # closed ones whose end is remembered; of older ones it is known only that they were used
ENDED, RESET = 1, 2  # how a side stopped sending: END_STREAM, RST_STREAM

NOT_COUNTED = -2  # whatever content-length says: the answer to HEAD has no content (RFC 9110 section 8.6)
NO_HEADERS, HEADERS, TRAILERS, UNKNOWN = range(4)  # what a side has said of its message


class Stream(NamedTuple):
    """One stream. What stands in pairs is the client's, then the server's: `states` as each peer sees it (a peer's view is
    as of the frames that passed here), `windows` what each side may still send (None: not known), `stopped` how each side
    stopped sending, `said` what it has said of its message, `announced` its content-length (-1: none; or `NOT_COUNTED`),
    `sent` its bytes.
    """

    states: tuple[str, str] = (IDLE, IDLE)
    windows: tuple[int | None, int | None] = (None, None)
    stopped: tuple[int, int] = (0, 0)
    said: tuple[int, int] = (NO_HEADERS, NO_HEADERS)
    announced: tuple[int, int] = (-1, -1)
    sent: tuple[int, int] = (0, 0)


def pair(values: tuple[int, int], side: Side, value: int) -> tuple[int, int]:
    """The pair with another value for that side."""
    return (value, values[1]) if side is CLIENT else (values[0], value)


@cache
def moved(states: tuple[str, str], side: Side, name: str, end: bool) -> tuple[str, str]:
    """Both peers' states after a frame of `side`; `end` is END_STREAM.

    >>> moved(("idle", "idle"), Side.CLIENT, "HEADERS", True)
    ('half-closed (local)', 'half-closed (remote)')
    """
    now = list(states)
    for peer, event in stream_events(side, name, end):
        now[peer] = past(STREAM, now[peer], event)
    return now[0], now[1]


def windowed(stream: Stream, side: Side, window: int) -> Stream:
    """The stream with another window for what that side may send."""
    states, (client, server), stopped, said, announced, sent = stream
    windows = (window, server) if side is CLIENT else (client, window)
    return _new(Stream, (states, windows, stopped, said, announced, sent))


_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every frame
