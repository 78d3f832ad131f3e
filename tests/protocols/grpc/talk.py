"""Conversations of HTTP/2 written frame by frame."""

from __future__ import annotations

from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.protocols.grpc.rules import RULES
from protolab.units import Unit
from protolab.wire import http2
from protolab.wire.hpack import PLAIN
from protolab.wire.hpack_encoder import indexed, literal
from protolab.wire.http2 import Frame
from tests.decoding import Said, record, sound

C, S = Side.CLIENT, Side.SERVER
# :method POST, :scheme http, :path /a.B/C, te trailers, content-type application/grpc; none of it joins the table
REQUEST = (
    indexed(3)
    + indexed(6)
    + literal(4, b"/a.B/C", PLAIN)
    + literal(b"te", b"trailers", PLAIN)
    + literal(31, b"application/grpc", PLAIN)
)
RESPONSE = indexed(8) + literal(31, b"application/grpc", PLAIN)
TRAILERS = literal(b"grpc-status", b"0", PLAIN)

CLIENT_START = [(C, http2.PREFACE), (C, http2.settings().encode())]
SERVER_START = [(S, http2.settings().encode()), (S, http2.settings(ack=True).encode())]
START: list[Said] = [*CLIENT_START, *SERVER_START, (C, http2.settings(ack=True).encode())]
BEGUN = len(START)  # the number of the first unit after it


def start(client: dict[int, int] | None = None, server: dict[int, int] | None = None) -> list[Said]:
    """The beginning of a connection with these settings, all of it acknowledged."""
    return [
        (C, http2.PREFACE),
        (C, http2.settings(client or {}).encode()),
        (S, http2.settings(server or {}).encode()),
        (S, http2.settings(ack=True).encode()),
        (C, http2.settings(ack=True).encode()),
    ]


def say(side: Side, *frames: Frame | bytes) -> list[Said]:
    return [(side, frame if isinstance(frame, bytes) else frame.encode()) for frame in frames]


def client(*frames: Frame | bytes) -> list[Said]:
    return say(C, *frames)


def server(*frames: Frame | bytes) -> list[Said]:
    return say(S, *frames)


def request(stream: int = 1, end: bool = False, block: bytes = REQUEST) -> list[Said]:
    return client(http2.headers(stream, block, end=end))


def response(stream: int = 1, end: bool = False, block: bytes = RESPONSE) -> list[Said]:
    return server(http2.headers(stream, block, end=end))


def call(stream: int = 1) -> list[Said]:
    """A whole unary call."""
    return [
        *request(stream),
        *client(http2.data(stream, b"\0\0\0\0\x02\x08\x01", end=True)),
        *response(stream),
        *server(http2.data(stream, b"\0\0\0\0\0")),
        *response(stream, end=True, block=TRAILERS),
    ]


def decoded(*said: list[Said], midway: bool = False) -> Conversation:
    """The conversation after a sound beginning, or one that began midway; the laws are checked."""
    parts = [item for part in said for item in part]
    return sound(record(parts, midway), "grpc")


def broken(conversation: Conversation) -> list[tuple[int, str, int, int]]:
    """Every finding of HTTP/2: its unit's number, its rule, its byte range."""
    return [
        (unit.place.number, finding.rule.id, finding.start, finding.end)
        for unit, finding in conversation.findings
        if finding.rule.id in RULES
    ]


def only(conversation: Conversation) -> tuple[Unit, str, int, int]:
    """The one finding of HTTP/2 in a conversation."""
    ((unit, finding),) = [each for each in conversation.findings if each[1].rule.id in RULES]
    return unit, finding.rule.id, finding.start, finding.end
