"""Decoding event streams: the laws for any bytes and any cut, however HTTP carries them, then what conversations say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import protocols
from protolab.capture import Connection
from protolab.fields import Side
from protolab.units import Unit
from protolab.wire.event_stream import Event
from tests.decoding import Said, derived, facts, record, sound
from tests.protocols.sse.streams import CASES, HEAD, REQUEST, chunked, cuts, exchange, message

C, S = Side.CLIENT, Side.SERVER


def events(connection: Connection) -> list[Event]:
    return [unit.field.value for unit in sound(connection, "sse") if unit.kind == "event"]


def plain(said: list[bytes], head: bytes = HEAD) -> Connection:
    """The stream without chunks: with a length, or until the server ends it."""
    connection = record([(C, REQUEST), (S, head + b"\r\n"), *((S, part) for part in said)])
    connection.end(S, "FIN")
    return connection


# Every stream that web-platform-tests check.


@pytest.mark.parametrize("name", CASES)
def test_chunks_may_be_cut_anywhere(name: str) -> None:
    data, expected = CASES[name]
    for parts in cuts(data, 1):
        assert events(record(exchange(*parts))) == expected, parts
    assert events(record(exchange(*(data[i : i + 1] for i in range(len(data)))))) == expected


@pytest.mark.parametrize("name", ["bom", "newlines-mixed", "newlines", "utf-8-broken", "field-id-null"])
def test_chunks_may_be_cut_twice(name: str) -> None:
    data, expected = CASES[name]
    for parts in cuts(data, 2):
        conversation = protocols.decode(record(exchange(*parts)))
        assert [unit.field.value for unit in conversation if unit.kind == "event"] == expected, parts


@pytest.mark.parametrize("name", CASES)
def test_without_chunks_the_events_are_the_same(name: str) -> None:
    data, expected = CASES[name]
    length = HEAD + b"Content-Length: %d\r\n" % len(data)
    assert events(plain([data])) == events(plain([data], length)) == expected
    for parts in cuts(data, 1):
        assert events(plain(parts)) == expected
    connection = plain([data])
    in_one = [facts(unit) for unit in sound(connection)]
    for head in (HEAD, length):
        bytewise = plain([data[i : i + 1] for i in range(len(data))], head)
        whole = plain([data], head)
        assert [facts(unit) for unit in sound(bytewise)] == [facts(unit) for unit in sound(whole)]
    assert in_one


# The laws.

POST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
HEADS = [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 20\r\n\r\n"]
SNIPPETS = [b"data: x\n\n", b"data: x\r\r", b"\n", b"\r", b": c\n\n", b"5\r\ndata:", b"\r\n", b"0\r\n\r\n", b"zz\r\n"]
stream = st.one_of(
    st.tuples(st.just(S), st.sampled_from([chunked([data], end=False) for data, _ in CASES.values()])),
    st.tuples(st.just(S), st.sampled_from(SNIPPETS)),
    st.tuples(st.just(S), st.sampled_from([*(HEAD + rest for rest in HEADS), b"HTTP/1.1 204 No\r\n\r\n"])),
    st.tuples(st.just(C), st.sampled_from([REQUEST, REQUEST.replace(b"GET", b"HEAD"), POST])),
    st.tuples(st.sampled_from(Side), st.binary(max_size=40)),
)


@given(st.lists(stream, max_size=10), st.booleans(), st.booleans())
@settings(max_examples=500, deadline=None)
def test_any_bytes_decode_and_every_byte_is_explained(said: list[Said], midway: bool, ended: bool) -> None:
    connection = record(said, midway)
    if ended:
        connection.end(S, "FIN")
    sound(connection, "sse")
    sound(record([*exchange(end=False), *said]))


@given(st.lists(stream, max_size=6), st.booleans(), st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_any_bytes_mean_the_same_however_tcp_cuts_them(said: list[Said], midway: bool, size: int) -> None:
    said = [each for each in said if each[0] is S]  # a request that comes after its answer is none
    said = said if midway else [*exchange(end=False), *said]
    expected = [facts(unit) for unit in sound(record(said, midway), "sse")]
    growing = record([], midway)
    conversation = protocols.decode(growing, "sse")
    for side, data in said:
        for at in range(0, len(data), size):
            growing.add(side, data[at : at + size])
            conversation.update()
    assert [facts(unit) for unit in conversation] == expected


CONVERSATION: list[Said] = [
    *exchange(
        b"\xef\xbb\xbfretry: 3000\n\n",
        b"event: connected\ndata: {}\nid: 1\n\n: beat\n\ndata: two\r",
        b"\ndata: lines\r\n\r",
        b"\nid: 3\n\n",
        b"data: cut",
    ),
    (C, b'POST /api/broadcast HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\n{"data":"tea"}'[:-1]),
    (S, b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    *exchange(b"data: again\n\n", request=REQUEST[:-2] + b"Last-Event-ID: 3\r\n\r\n", end=False),
]


def whole() -> list[tuple[object, ...]]:
    return [facts(unit) for unit in sound(record(CONVERSATION))]


def test_every_prefix_decodes_and_what_was_complete_stays_the_same() -> None:
    expected = whole()
    growing = record([])
    conversation = protocols.decode(growing, "sse")
    for side, data in CONVERSATION:
        for at in range(len(data)):
            growing.add(side, data[at : at + 1])
            conversation.update()
            complete = [facts(unit) for unit in conversation if unit.place.complete]
            assert complete == expected[: len(complete)]
            assert len(conversation) - len(complete) <= 1
        sound(growing, "sse")
    assert [facts(unit) for unit in conversation] == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_result_does_not_depend_on_how_tcp_cut_the_bytes(seed: int) -> None:
    chance = random.Random(seed)
    cut: list[Said] = []
    for side, data in CONVERSATION:
        while data:
            size = chance.randint(1, 9)
            cut.append((side, data[:size]))
            data = data[size:]
    assert [facts(unit) for unit in sound(record(cut))] == whole()


def test_a_unit_reached_by_its_number_is_the_unit_met_on_the_way() -> None:
    blocks = [b"id: %d\ndata: message %d\n\n" % (i, i) if i % 3 else b"data: no id %d\r\n\r\n" % i for i in range(600)]
    said = exchange(*(b"".join(blocks)[i : i + 50] for i in range(0, sum(map(len, blocks)), 50)), end=False)
    conversation = sound(record(said))
    walked = [facts(unit) for unit in conversation]
    assert len(walked) == 602
    fresh = protocols.decode(record(said))
    for number in (601, 0, 300, 256, 255, 511, -1):
        assert facts(fresh[number]) == walked[number]
    assert [facts(unit) for unit in fresh[250:260]] == walked[250:260]
    assert facts(fresh.at(S, fresh[400].place.end - 1)) == walked[400]


# What conversations say.


def names(unit: Unit) -> list[tuple[str, object]]:
    return [(field.name, field.value) for field in unit.field.children]


def test_each_block_is_one_unit_with_every_line_explained() -> None:
    units = sound(record(exchange(b"event: notification\nid: 4\ndata: Tea\nretry: 10\n: hm\n\n")))
    assert [unit.kind for unit in units] == ["request head", "response head", "event", "last chunk"]
    event = units[2]
    assert event.field.value == Event("notification", "Tea", "4")
    assert event.title == 'notification "Tea" id 4'
    assert names(event) == [
        ("chunk size", 52),
        ("chunk line end", None),
        ("event", "notification"),
        ("id", "4"),
        ("data", "Tea"),
        ("retry", 10),
        ("comment", "hm"),
        ("blank line", None),
        ("chunk line end", None),
    ]
    assert [(part.name, event.data[part.start : part.end]) for part in event.field.find("data").children] == [
        ("field name", b"data"),
        ("colon", b":"),
        ("space", b" "),
        ("value", b"Tea"),
        ("line end", b"\n"),
    ]
    assert event.field.note == 'last event ID "4", reconnection time 10 ms'
    assert event.field.find("blank line").note == "dispatches an event of type notification"


def test_a_chunk_with_three_events_is_three_units() -> None:
    units = sound(record(exchange(b"data: 1\n\ndata: 2\n\ndata: 3\n\n")))
    assert [unit.title for unit in units][2:] == ['message "1"', 'message "2"', 'message "3"', "last chunk"]
    assert [[name for name, _ in names(unit)][:1] for unit in units[2:5]] == [["chunk size"], ["data"], ["data"]]
    assert names(units[4])[-1] == ("chunk line end", None)


def test_an_event_over_three_chunks_is_one_unit_with_its_parts_joined() -> None:
    connection = record(exchange(b"da", b"ta: Te", b"a\ndata: cup\n\n"))
    (unit,) = (unit for unit in sound(connection) if unit.kind == "event")
    assert [name for name, _ in names(unit) if name.startswith("part")] == ["part 1 of 3", "part 2 of 3", "part 3 of 3"]
    block, data = derived(unit.field, "block"), derived(unit.field, "data")
    assert block.data == b"data: Tea\ndata: cup\n\n"
    assert [line.value for line in block.field.children if line.name == "data"] == ["Tea", "cup"]
    assert b"".join(connection.read(*source) for source in block.sources) == block.data
    assert (data.data, unit.field.value) == (b"Tea\ncup", Event("message", "Tea\ncup"))
    assert [connection.read(*source) for source in data.sources] == [b"Te\r\n10\r\na"[:2] + b"\r\nd\r\na", b"cup"]


def test_a_block_that_ends_with_cr_waits_for_what_may_be_its_lf() -> None:
    connection = record(exchange(b"data: a\r\r", end=False))
    conversation = sound(connection)
    assert not conversation[-1].place.complete
    connection.add(S, chunked([b"\ndata: b\r\r"], end=False))
    conversation.update()
    assert [unit.field.value for unit in conversation[2:3]] == [Event("message", "a")]
    assert conversation[2].data.endswith(b"\n"), "the LF is its own"
    connection.add(S, b"0\r\n\r\n")
    conversation.update()
    assert [unit.title for unit in conversation[2:]] == ['message "a"', 'message "b"', "last chunk"]


def test_blocks_that_dispatch_nothing_say_what_they_are() -> None:
    stream = b"retry: 5\n\nid: 1\n\n: beat\n\n\nevent: x\n\nfoo: bar\n\n"
    units = sound(record(exchange(stream)))[2:-1]
    assert [(unit.kind, unit.title) for unit in units] == [
        ("fields", "retry 5: no event"),
        ("fields", "id 1: no event"),
        ("comment", 'comment "beat"'),
        ("blank line", "blank line, 1 bytes"),
        ("fields", "event x: no event"),
        ("fields", "unknown fields: no event"),
    ]
    assert [unit.field.note for unit in units][-1] == 'last event ID "1", reconnection time 5 ms'


DISCARDS = {
    "BOM": (b"\xef\xbb\xbfdata: x\n\n", b"\xef\xbb\xbf", "9.2.5", "BOM"),
    "comment": (b"data: x\n: beat\n\n", b": beat\n", "9.2.6", "colon"),
    "event without data": (b"event: x\nid: 1\n\n", b"event: x\n", "9.2.6", "without data"),
    "bad retry": (b"retry: 1s\ndata: x\n\n", b"retry: 1s\n", "9.2.6", "ASCII digits"),
    "id with NUL": (b"id: 1\x00\ndata: x\n\n", b"id: 1\x00\n", "9.2.6", "NUL"),
    "cut off": (b"data: x\n\nid: 7\ndata: late\n", b"id: 7\ndata: late\n", "9.2.6", "stream ended"),
    "unknown field": (b"data: x\nfoo: bar\n\n", b"foo: bar\n", "9.2.6", "no field has this name"),
    "leading space": (b"data: x\n data: y\n\n", b" data: y\n", "9.2.6", "a space is part of the name"),
    "case": (b"data: x\nData: y\n\n", b"Data: y\n", "9.2.6", "case-sensitive"),
    "BOM inside": (b"data: x\n\xef\xbb\xbfdata: y\n\n", b"\xef\xbb\xbfdata: y\n", "9.2.6", "a BOM is dropped once"),
    "overwritten": (b"event: a\nevent: b\ndata: x\n\n", b"event: a\n", "9.2.6", "takes its place"),
}


@pytest.mark.parametrize("name", DISCARDS)
def test_what_is_thrown_away_is_said_with_its_bytes_and_its_clause(name: str) -> None:
    data, thrown, section, why = DISCARDS[name]
    for said in (exchange(data), exchange(*(data[i : i + 30] for i in range(0, len(data), 30)))):
        ((unit, discard),) = ((unit, each) for unit in sound(record(said)) for each in unit.discards)
        assert unit.data[discard.start : discard.end] == thrown
        assert discard.clause == f"WHATWG HTML section {section}"
        assert why in discard.why
    ((unit, discard),) = ((u, each) for u in sound(record(exchange(*cutting(data)))) for each in u.discards)
    raw = derived(unit.field, "block").data if unit.field.derived else unit.data
    assert thrown in raw
    assert why in discard.why


def cutting(data: bytes) -> list[bytes]:
    """Every byte a chunk."""
    return [data[i : i + 1] for i in range(len(data))]


def test_an_event_cut_off_by_the_end_of_the_connection_is_thrown_away() -> None:
    connection = record(exchange(b"data: x\n\ndata: late\n", end=False))
    assert not sound(connection)[-1].discards, "more may come"
    connection.end(S, "RST")
    unit = sound(connection)[-1]
    ((discard,), findings) = unit.discards, unit.findings
    assert unit.data[discard.start : discard.end] == b"data: late\n"
    assert not findings


def test_the_last_event_id_and_the_reconnection_time_are_said_at_each_point() -> None:
    stream = b"data: a\n\nid: 1\ndata: b\n\nretry: 9\n\nid\ndata: c\n\n"
    units = sound(record(exchange(stream)))[2:-1]
    assert [unit.field.note for unit in units] == [
        "",
        'last event ID "1"',
        'last event ID "1", reconnection time 9 ms',
        "reconnection time 9 ms",
    ]


def test_a_client_that_comes_back_keeps_its_last_event_id() -> None:
    request = REQUEST[:-2] + b"Last-Event-ID: 7\r\n\r\n"
    connection = record(exchange(b"data: a\n\n", request=request))
    assert events(connection) == [message("a", "7")]


def test_other_requests_on_the_connection_are_plain_http() -> None:
    units = sound(record(CONVERSATION))
    assert [unit.kind for unit in units] == [
        "request head", "response head", "fields", "event", "comment", "event", "fields", "cut off", "last chunk",
        "request head", "body", "response head", "body",
        "request head", "response head", "event",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "state", "note"),
    [
        (b"204 No Content", "CLOSED", "not to come back"),
        (b"307 Temporary Redirect\r\nLocation: /other\r\nContent-Length: 0", "CONNECTING", "follows"),
        (b"302 Found\r\nContent-Length: 0", "CLOSED", "status is 302"),
        (b"404 Not Found\r\nContent-Length: 0", "CLOSED", "status is 404"),
        (b"200 OK\r\nContent-Type: text/html\r\nContent-Length: 0", "CLOSED", "type is text/html"),
        (b"200 OK\r\nContent-Type: TEXT/event-STREAM;x=y", "OPEN", "begins after"),
        (b"200 OK\r\nContent-Type: text/html\r\nContent-Type: text/event-stream, x", "OPEN", "begins after"),
        (b"200 OK\r\nContent-Type: text/event-stream, text/html\r\nContent-Length: 0", "CLOSED", "text/html"),
        (b"200 OK\r\nContent-Type: text/event-stream-x\r\nContent-Length: 0", "CLOSED", "type is"),
        (b"200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip", "OPEN", "compressed (gzip)"),
        (b"200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: br, chunked", "OPEN", "compressed (br)"),
        (b"200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: Identity", "OPEN", "begins after"),
    ],
)
def test_an_answer_says_what_an_event_source_makes_of_it(answer: bytes, state: str, note: str) -> None:
    units = sound(record([(C, REQUEST), (S, b"HTTP/1.1 " + answer + b"\r\n\r\n")]))
    assert units[1].field.value == state
    assert note in units[1].field.note


def test_a_compressed_stream_stays_a_body() -> None:
    head = HEAD + b"Content-Encoding: gzip\r\n"
    units = sound(record(exchange(b"\x1f\x8b\n\n\n\n", head=head)))
    assert [unit.kind for unit in units] == ["request head", "response head", "chunk", "last chunk"]


@pytest.mark.parametrize("split", range(2, 24))
def test_a_capture_that_starts_midway_says_what_it_cannot_know(split: int) -> None:
    said = chunked([b"id: 1\ndata: before\n\n", b"data: a\n\n", b"id: 3\ndata: b\n\n"], end=False)
    units = sound(record([(S, said[split:])], midway=True), "sse")
    assert [unit.title for unit in units if unit.kind == "event"][-2:] == ['message "a"', 'message "b" id 3']
    assert not [finding for unit in units for finding in unit.findings]
    last = units[-1]
    assert last.field.note == 'last event ID "3"'
    assert "chunk size" in [name for name, _ in names(last)]


def test_a_stream_without_chunks_that_starts_midway() -> None:
    units = sound(record([(S, b"ta: before\n\ndata: a\n\nid: 3\ndata: b\n\n")], midway=True), "sse")
    assert [(unit.kind, unit.title) for unit in units][1:] == [("event", 'message "a"'), ("event", 'message "b" id 3')]
    assert units[0].kind == "end of a block"
    assert "not known" in units[1].field.note


@pytest.mark.parametrize("said", [b"id: 7\nevent: x\n\n", b"\xa9\nid\n\n", b"two, three\n\n", b"\n"])
def test_of_a_line_that_has_lost_its_beginning_nothing_is_said(said: bytes) -> None:
    connection = record([(S, said + b"data:y\n\n")], midway=True)
    rest, event = sound(connection)
    assert protocols.recognise(connection).name == "sse"
    assert rest.field.children[0].name == "rest of a line" and not rest.findings and not rest.discards
    assert event.field.value == message("y") and event.field.note.startswith("last event ID not known")


@pytest.mark.parametrize("midway", [False, True])
def test_streams_are_recognised(midway: bool) -> None:
    said = [(S, b"data: tea\n\n")] if midway else CONVERSATION
    assert protocols.recognise(record(said, midway)).name == "sse"
    assert protocols.recognise(record([(S, HEAD + b"\r\n")])).name == "sse"
    assert protocols.recognise(record([(C, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")])).name == "http"
    frames = [(C, b"\x81\x82mask\0\0"), (S, b"\x81\x09tea:\ndata:")]
    assert protocols.recognise(record(frames, midway=True)).name == "websocket"


def test_titles_stay_short() -> None:
    unit = sound(record(exchange(b"data: " + b"x" * 10_000 + b"\n\n")))[2]
    assert unit.title == 'message "' + "x" * 60 + '"... (10000 characters)'
