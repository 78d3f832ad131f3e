"""Flow-control windows at every frame, and who was blocked: written by hand, and as grpcio does it."""

from __future__ import annotations

import grpc.aio
import pytest

from protolab.capture import Connection
from protolab.fields import Side
from protolab.protocols.grpc.flow import Blocked, Window, blocked, windows
from protolab.protocols.grpc.http2_conversation import Http2Conversation
from protolab.wire import http2
from protolab.wire.http2_settings import INITIAL_WINDOW_SIZE
from tests.decoding import Said, sound
from tests.protocols.grpc.talk import BEGUN, START, TRAILERS, C, S, client, decoded, request, response, server, start
from tests.protocols.grpc.traffic import SERVICE, recorded, unary

SMALL = start({INITIAL_WINDOW_SIZE: 10}, {INITIAL_WINDOW_SIZE: 5})


def moved(*said: list[Said]) -> list[tuple[int, int, str, int | None, int, str]]:
    """Unit, stream, side, before, after and by what of each move after the beginning."""
    found = windows(http2_conversation(*said))
    return [(w.unit - BEGUN, w.stream, str(w.side), w.before, w.after, w.by) for w in found]


def http2_conversation(*said: list[Said]) -> Http2Conversation:
    conversation = decoded(*said)
    assert isinstance(conversation, Http2Conversation)
    return conversation


def test_every_move_is_told_with_what_it_was_and_is() -> None:
    padded = http2.data(1, b"abc", pad=2)  # padding counts, and the byte that tells of it (section 6.1)
    assert moved(START, request(), client(padded), server(http2.window_update(1, 6), http2.window_update(0, 1))) == [
        (0, 1, "client", None, 65535, "HEADERS"),
        (0, 1, "server", None, 65535, "HEADERS"),
        (1, 0, "client", 65535, 65529, "DATA"),
        (1, 1, "client", 65535, 65529, "DATA"),
        (2, 1, "client", 65529, 65535, "WINDOW_UPDATE"),
        (3, 0, "client", 65529, 65530, "WINDOW_UPDATE"),
    ]


def test_settings_move_streams_when_they_are_acknowledged_and_not_the_connection() -> None:
    smaller = http2.settings({INITIAL_WINDOW_SIZE: 2})
    said = [
        *request(),
        *client(http2.data(1, b"1234")),
        *server(smaller, http2.data(1, b"")),
        *client(http2.settings(ack=True)),
    ]
    assert moved(SMALL, said)[2:] == [
        (1, 0, "client", 65535, 65531, "DATA"),
        (1, 1, "client", 5, 1, "DATA"),
        (4, 1, "client", 1, -2, "SETTINGS ACK"),  # below zero: section 6.9.2
    ]
    more = [*said, *request(3), *server(http2.window_update(1, 3))]
    assert moved(SMALL, more)[5:] == [
        (5, 3, "client", None, 2, "HEADERS"),
        (5, 3, "server", None, 10, "HEADERS"),
        (6, 1, "client", -2, 1, "WINDOW_UPDATE"),
    ]


def waits(*said: list[Said]) -> list[tuple[str, int, str, int, int | None, str, bool]]:
    found = blocked(http2_conversation(*said))
    return [
        (
            str(b.side),
            b.stream,
            b.window,
            b.since - BEGUN,
            None if b.until is None else b.until - BEGUN,
            b.freed_by,
            b.proven,
        )
        for b in found
    ]


FULL = [*request(), *client(http2.data(1, b"12345"))]  # units 0 and 1: the stream's window is used up


def test_a_stream_whose_window_is_used_up_is_blocked_until_it_gets_more() -> None:
    more = [*server(http2.window_update(0, 9), http2.window_update(1, 2)), *client(http2.data(1, b"67"))]
    assert waits(SMALL, FULL, more) == [
        ("client", 1, "stream", 1, 3, "WINDOW_UPDATE", True),
        ("client", 1, "stream", 4, None, "", False),
    ]
    (first, _) = blocked(http2_conversation(SMALL, FULL, more))
    assert first.seconds == pytest.approx(0.002) and first.until_at is not None


def test_a_setting_can_free_a_stream() -> None:
    more = [*server(http2.settings({INITIAL_WINDOW_SIZE: 7})), *client(http2.settings(ack=True), http2.data(1, b"6"))]
    assert waits(SMALL, FULL, more) == [("client", 1, "stream", 1, 3, "SETTINGS ACK", True)]


def test_who_had_nothing_more_to_say_was_not_blocked() -> None:
    ended = [*request(), *client(http2.data(1, b"12345", end=True))]
    assert waits(SMALL, ended) == []
    assert waits(SMALL, FULL, server(http2.window_update(1, 9)), client(http2.data(1, b"", end=True))) == []
    trailers = [*response(), *server(http2.data(1, bytes(10)), http2.headers(1, TRAILERS, end=True))]
    assert waits(SMALL, ended, trailers) == []


def test_a_reset_ends_the_wait() -> None:
    assert waits(SMALL, FULL, server(http2.rst_stream(1, 8))) == [("client", 1, "stream", 1, 2, "RST_STREAM", False)]


def test_the_connection_s_window_blocks_every_stream_that_had_more_to_say() -> None:
    wide = start({}, {INITIAL_WINDOW_SIZE: 100_000})
    fill = [http2.data(1, bytes(16384)) for _ in range(3)]
    used = [*request(1), *request(3), *request(5), *client(*fill, http2.data(1, bytes(16383)))]  # units 3 to 6
    more = [
        *server(http2.window_update(0, 10)),
        *client(http2.data(3, b"x"), http2.data(1, b"x"), http2.data(5, b"", end=True)),
    ]
    assert waits(wide, used, more) == [
        ("client", 1, "connection", 6, 7, "WINDOW_UPDATE", True),
        ("client", 3, "connection", 6, 7, "WINDOW_UPDATE", True),
    ]


def test_midway_nothing_is_made_up() -> None:
    conversation = sound(
        decoded(request(), client(http2.data(1, b"\0\x00\x10\x00\x00" + bytes(70000))), midway=True).connection, "grpc"
    )
    assert isinstance(conversation, Http2Conversation)
    assert list(windows(conversation)) == [] and blocked(conversation) == [] and not conversation.findings


@pytest.fixture(scope="module")
def slow() -> Connection:
    """A client that leaves a stream of 300 kB unread while it makes other calls; the server may send about 65 kB ahead."""

    async def talk(channel: grpc.aio.Channel) -> None:
        call = channel.unary_stream(f"/{SERVICE}/Count")(b"300")
        assert len(await call.read()) == 1000
        for _ in range(30):
            await unary(channel, "Echo")(b"meanwhile")
        for _ in range(299):
            assert len(await call.read()) == 1000
        assert await call.read() is grpc.aio.EOF

    return recorded(talk, [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 10000)])


def test_a_slow_reader_is_what_blocks_a_server(slow: Connection) -> None:
    conversation = sound(slow)
    assert isinstance(conversation, Http2Conversation) and not conversation.findings
    longest = max(blocked(conversation), key=lambda wait: (wait.until or 0) - wait.since)
    assert (longest.side, longest.stream, longest.window, longest.freed_by) == (S, 1, "stream", "WINDOW_UPDATE")
    assert longest.proven and longest.until is not None and longest.seconds
    between = list(conversation.steps())[longest.since : longest.until]
    meanwhile = [step for step in between if (b":path", f"/{SERVICE}/Echo".encode()) in step.headers]
    assert len(meanwhile) > 5, "other calls went on"
    # The windows add up: what was given and what was sent make what is left, for both sides and every stream.
    room: dict[tuple[int, Side], int] = {(0, C): 65535, (0, S): 65535}
    for window in windows(conversation):
        if window.before is not None:
            assert room[window.stream, window.side] == window.before
        room[window.stream, window.side] = window.after
    assert min(room.values()) >= 0


def test_rows_are_plain_data() -> None:
    (first, *_) = windows(http2_conversation(SMALL, FULL))
    assert isinstance(first, Window) and first._asdict()["by"] == "HEADERS"
    (only,) = blocked(http2_conversation(SMALL, FULL))
    assert isinstance(only, Blocked) and only.seconds is None
