"""HTTP/2 connections: whatever the bytes, wherever they are cut, and wherever the recording began."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import protocols
from protolab.capture import Connection
from protolab.conversation import CHECKPOINT_EVERY
from protolab.fields import Side
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.protocols.grpc.peer import MOST_PENDING
from protolab.protocols.grpc.streams import MOST_CLOSED, MOST_STREAMS
from protolab.wire import http2
from protolab.wire.hpack_encoder import Encoder, literal
from tests.decoding import Said, derived, facts, record, sound
from tests.protocols.grpc.talk import (
    BEGUN,
    REQUEST,
    START,
    TRAILERS,
    C,
    S,
    broken,
    call,
    client,
    decoded,
    only,
    request,
    response,
    server,
    start,
)
from tests.protocols.grpc.traffic import everything, recorded

ENCODER = Encoder()
HEADERS = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.B/C"), (b"x-long", b"value " * 3 + b".")]
BLOCK = ENCODER.encode(HEADERS)
AGAIN = ENCODER.encode(HEADERS)
SAID: list[Said] = [
    *start({1: 4096, 0xAAAA: 1}, {3: 100, 5: 20000}),
    *client(http2.headers(1, BLOCK[:5], last=False), http2.continuation(1, BLOCK[5:9], last=False)),
    *client(http2.continuation(1, BLOCK[9:]), http2.data(1, b"\0\0\0\0\x01x", pad=5, end=True)),
    *server(http2.ping(b"12345678"), http2.window_update(0, 1000), http2.window_update(1, 5)),
    *client(http2.ping(b"12345678", ack=True), http2.headers(3, AGAIN, end=True, pad=0, priority=(1, 3, True))),
    *response(1),
    *server(http2.data(1, b"\0\0\0\0\0"), http2.headers(1, TRAILERS, end=True), http2.rst_stream(3, 8)),
    *server(
        http2.Frame(0xBB, 0, 7, b"extension"), http2.Frame(http2.ALTSVC, 0, 1, b"\0\0h2=:1"), http2.goaway(3, 0, b"bye")
    ),
]


@pytest.fixture(scope="module")
def live() -> Connection:
    """Fresh traffic of grpcio, both sides, with every kind of call."""
    return recorded(everything)


def test_a_conversation_reads_like_what_was_said() -> None:
    assert [unit.title for unit in decoded(SAID)] == [
        "the client's preface",
        "SETTINGS HEADER_TABLE_SIZE 4096, unknown setting 0xaaaa 1",
        "SETTINGS MAX_CONCURRENT_STREAMS 100, MAX_FRAME_SIZE 20000",
        "SETTINGS ACK",
        "SETTINGS ACK",
        "HEADERS stream 1, more to come",
        "CONTINUATION stream 1, more to come",
        "CONTINUATION stream 1 POST /a.B/C",
        "DATA stream 1, 6 bytes and 6 of padding, END_STREAM",
        "PING",
        "WINDOW_UPDATE connection, 1000 bytes more",
        "WINDOW_UPDATE stream 1, 5 bytes more",
        "PING ACK",
        "HEADERS stream 3 POST /a.B/C, END_STREAM",
        "HEADERS stream 1 200",
        "DATA stream 1 message {}",
        "HEADERS stream 1 status 0 OK, END_STREAM",
        "RST_STREAM stream 3 CANCEL",
        "unknown type 0xbb stream 7, 9 bytes",
        "ALTSVC stream 1",
        "GOAWAY last stream 3, NO_ERROR 'bye'",
    ]


def test_a_unit_knows_its_stream_and_what_answers_what() -> None:
    conversation = decoded(SAID)
    assert [unit.lane for unit in conversation][4:10] == [None, 1, 1, 1, 1, None]
    assert conversation[3].field.note.startswith("answers unit 1; puts in force HEADER_TABLE_SIZE 4096")
    assert conversation[12].field.note == "answers unit 9"
    ((discard,),) = [unit.discards for unit in conversation if unit.discards]
    assert discard.clause == "RFC 9113 section 5.5"


def test_a_header_block_over_several_frames_is_derived_with_its_sources() -> None:
    conversation = decoded(SAID)
    joined = derived(conversation[7].field, "header block")
    assert joined.data == BLOCK and len(joined.sources) == 3
    stream = conversation.connection.read(C)
    assert b"".join(stream[source.start : source.end] for source in joined.sources) == BLOCK
    assert [(field.name, field.value) for field in joined.field.children] == [
        (n.decode(), v.decode()) for n, v in HEADERS
    ]


def test_a_step_hands_headers_and_content_to_the_layer_above() -> None:
    conversation = decoded(SAID)
    assert isinstance(conversation, GrpcConversation)
    steps = list(conversation.steps())
    assert [step.headers for step in steps if step.headers][:2] == [HEADERS, HEADERS]
    (said,) = [step for step in steps if step.head and step.head.type == http2.DATA and step.place.side is C]
    assert said.content == b"\0\0\0\0\x01x" and said.stream is not None
    assert said.stream.states == ("half-closed (local)", "half-closed (remote)")


def test_every_prefix_is_stable(live: Connection) -> None:
    whole = [facts(unit) for unit in sound(record(SAID))]
    for size in range(1, len(SAID) + 1):
        units = list(sound(record(SAID[:size])))
        assert [facts(unit) for unit in units] == whole[: len(units)] and len(units) == size
    parts = [
        (segment.side, live.read(segment.side, segment.offset, segment.offset + segment.length))
        for segment in live.segments
    ]
    expected = [facts(unit) for unit in sound(live)]
    growing = record([])
    conversation = protocols.decode(growing, "grpc")
    for side, data in parts:
        growing.add(side, data)
        conversation.update()
    assert [facts(unit) for unit in conversation] == expected


def test_every_cut_of_the_bytes_decodes_the_same() -> None:
    stream = {side: b"".join(data for who, data in SAID if who is side) for side in Side}
    expected = [facts(unit) for unit in sound(record(SAID))]
    for size in (1, 2, 7):
        pieces = [(who, data[at : at + size]) for who, data in SAID for at in range(0, len(data), size)]
        assert [facts(unit) for unit in sound(record(pieces))] == expected
    for cut in range(len(stream[C])):
        sound(record([(C, stream[C][:cut]), (S, stream[S])]), "grpc")


def test_random_access_is_the_walk(live: Connection) -> None:
    connection = record([*START, *(item for number in range(100) for item in call(2 * number + 1))])
    walked = [facts(unit) for unit in sound(connection)]
    assert len(walked) > CHECKPOINT_EVERY
    for number in (0, 1, CHECKPOINT_EVERY - 1, CHECKPOINT_EVERY, CHECKPOINT_EVERY + 7, len(walked) - 1):
        assert facts(protocols.decode(connection)[number]) == walked[number]
        conversation = protocols.decode(connection)
        list(conversation)
        assert facts(conversation[number]) == walked[number]


def test_live_traffic_breaks_no_rule(live: Connection) -> None:
    conversation = sound(live)
    assert protocols.recognise(live).name == "grpc" and not conversation.findings
    assert not [unit for unit in conversation if unit.discards]


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_mutated_bytes_never_raise_and_always_tile(data: st.DataObject) -> None:
    said = [(side, bytearray(part)) for side, part in SAID]
    for _ in range(data.draw(st.integers(1, 4))):
        _, part = said[data.draw(st.integers(0, len(said) - 1))]
        at = data.draw(st.integers(0, len(part) - 1))
        part[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        part += b"" if part else b"\0"
    sound(record([(side, bytes(part)) for side, part in said], data.draw(st.booleans())), "grpc")


@given(st.lists(st.tuples(st.sampled_from(Side), st.binary(min_size=1, max_size=60)), max_size=6), st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_bytes_at_all_are_explained(said: list[Said], midway: bool) -> None:
    sound(record([*START[:-1], *said] if not midway else said, midway), "grpc")


def test_mutations_of_live_traffic_are_explained(live: Connection) -> None:
    chance = random.Random(9113)
    client, server = (live.read(side)[:4000] for side in Side)
    for _ in range(30):
        parts = []
        for side, data in ((C, client), (S, server)):
            broken = bytearray(data)
            for _ in range(chance.randrange(1, 6)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            parts.append((side, bytes(broken)))
        sound(record(parts), "grpc")


# A recording that began late.


@pytest.mark.parametrize("cut", [0, 1, 30])
def test_midway_every_header_that_can_be_known_is_right(live: Connection, cut: int) -> None:
    whole = [unit for unit in sound(live) if unit.kind == "frame"]
    begins = {side: [unit for unit in whole if unit.side is side][8].place.start - cut for side in Side}
    late = sound(record([(side, live.read(side)[begins[side] :]) for side in Side], midway=True))
    assert protocols.recognise(late.connection).name == "grpc" and not late.findings
    expected = {(unit.side, unit.place.start): unit for unit in whole}
    unknown = known = 0
    for unit in late:
        if unit.kind != "frame":
            assert cut and unit.field.note == "it began before the capture"
            continue
        true = expected[unit.side, unit.place.start + begins[unit.side]]
        if unit.title.startswith("DATA"):  # where its message begins may not be known
            continue
        for ours, theirs in zip(unit.field.children, true.field.children, strict=True):
            if ours.name == "unknown header" or (ours.value is None and theirs.value is not None):
                assert "inserted before the capture began" in ours.note
                unknown += 1
            else:
                assert (ours.name, ours.value) == (theirs.name, theirs.value)
                known += 1
    assert unknown > 10 and known > 1000


def test_midway_a_continuation_whose_beginning_is_not_there_is_a_hole() -> None:
    conversation = decoded(client(http2.continuation(1, literal(b"a", b"b")), http2.data(1, b"x")), midway=True)
    assert not conversation.findings
    assert conversation[0].field.note == "the header block began before the capture"


def test_a_server_that_speaks_http1_is_explained_and_found() -> None:
    connection = record([(C, http2.PREFACE + http2.settings().encode()), (S, b"HTTP/1.1 400 Bad Request\r\n\r\n")])
    assert ("first-not-settings", 3, 4) in [each[1:] for each in broken(sound(connection, "grpc"))]
    sound(record([(C, b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n"), (S, b"HTTP/1.1 101 X\r\n\r\n")]), "grpc")
    assert protocols.recognise(record([(C, b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n")])).name == "http"


# What goes on past a breach.


def test_frames_between_the_parts_of_a_block_do_not_lose_it() -> None:
    conversation = decoded(
        START, client(http2.headers(1, REQUEST[:4], last=False), http2.ping(), http2.continuation(1, REQUEST[4:]))
    )
    assert broken(conversation) == [(BEGUN + 1, "header-block-interrupted", 3, 4)]
    assert derived(conversation[BEGUN + 2].field, "header block").field.find(":path").value == "/a.B/C"


def test_a_block_that_is_never_finished_makes_holes_not_errors() -> None:
    conversation = decoded(
        START,
        client(http2.headers(1, literal(b"a", b"b"), last=False)),
        client(http2.headers(3, BLOCK), http2.headers(5, AGAIN)),
    )
    assert {rule for _, rule, _, _ in broken(conversation)} == {"header-block-interrupted"}
    assert conversation[BEGUN + 2].field.find(":path").value == "/a.B/C"


def test_what_was_on_the_way_when_a_stream_was_reset_is_thrown_away() -> None:
    conversation = decoded(START, request(), response(), client(http2.rst_stream(1, 8)), server(http2.data(1, b"late")))
    assert not conversation.findings
    assert conversation[-1].discards[0].why == "stream 1 was reset before this arrived"


def test_streams_beyond_goaway_are_thrown_away() -> None:
    conversation = decoded(START, server(http2.goaway(1)), request(1), request(3))
    assert not conversation.findings
    assert [unit.discards != () for unit in conversation[BEGUN + 1 :]] == [False, True]


def test_binary_metadata_is_allowed_where_the_peer_said_so() -> None:
    raw = literal(b"x-bin", b"\0\0\r\n")
    assert only(decoded(START, request(block=REQUEST + raw)))[1] == "header-value"
    assert not decoded(start({}, {0xFE03: 1}), request(block=REQUEST + raw)).findings


def test_what_is_remembered_is_bounded() -> None:
    many = [*START, *(item for number in range(MOST_STREAMS + 5) for item in request(2 * number + 1))]
    assert not decoded(many, response(2 * MOST_STREAMS - 1), response(1))[-1].discards, "nobody has closed it"
    conversation = decoded(many)
    assert isinstance(conversation, GrpcConversation) and not conversation.findings
    state = conversation.begin()
    for place in conversation.places():
        conversation.advance(state, place, conversation.connection.read(place.side, place.start, place.end))
    assert len(state.streams) == MOST_STREAMS and len(state.closed) == 5
    calls = [START, *(call(2 * number + 1) for number in range(MOST_CLOSED + 5))]
    assert not decoded(*calls, server(http2.window_update(1, 5))).findings, "it may have been on its way"
    assert only(decoded(*calls, request(1)))[1] == "closed-stream"
    unanswered = decoded(START, client(*[http2.settings({4: number}) for number in range(MOST_PENDING + 5)]))
    assert not unanswered.findings
