"""Decoding GraphQL: the laws for any bytes and any cut, then what conversations say on each carrier."""

from __future__ import annotations

import json
import random
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import protocols
from protolab.capture import Connection
from protolab.fields import Side
from tests.decoding import Said, derived, facts, record, sound
from tests.protocols.graphql.talk import (
    ACK,
    INIT,
    JSON,
    LEGACY,
    MODERN,
    C,
    S,
    client,
    close,
    complete,
    decoded,
    get,
    next_,
    opening,
    post,
    reply,
    server,
    socket,
    subscribe,
)  # fmt: skip
from tests.protocols.websocket.heads import request as upgrade
from tests.protocols.websocket.heads import response as switching

QUERY = "query Q($id: ID!) {\n  user(id: $id) {\n    email\n  }\n}"
ERROR = {"message": "private", "locations": [{"line": 3, "column": 5}], "path": ["user", "email"]}
PARTIAL = {"data": {"user": {"email": None}}, "errors": [ERROR]}
ASKED = {"query": QUERY, "variables": {"id": "7"}, "operationName": None}
HTTP: list[Said] = [
    post(ASKED),
    reply(200, PARTIAL),
    get("?query=%7Buser(id%3A%201)%7Bname%7D%7D&variables=%7B%22a%22%3A+1%7D&operationName="),
    reply(200, {"data": {"user": {"name": "Ann"}}}, chunks=3),
    post([{"query": "{a}"}, {"query": "{b}"}]),
    reply(200, [{"data": {"a": 1}}, {"data": {"b": 2}}]),
    post({"query": "{ a(b: ) }"}),
    reply(400, {"errors": [{"message": "Syntax Error", "locations": [{"line": 1, "column": 8}]}]}),
    (C, b"GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n"),
    (S, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
]
SOCKET: list[Said] = [
    *opening(),
    INIT,
    server({"type": "ping", "payload": {"at": 1}}),
    client({"type": "pong"}),
    ACK,
    subscribe("1", "subscription OnPost { postCreated { id } }"),
    subscribe("2", QUERY, variables={"id": "7"}),
    next_("1", data={"postCreated": {"id": "7"}}),
    next_("2", **PARTIAL),
    complete(S, "2"),
    complete(C, "1"),
    next_("1", data={"postCreated": {"id": "8"}}),
    subscribe("1", "{ a "),
    server({"type": "error", "id": "1", "payload": [{"message": "Syntax", "locations": [{"line": 1, "column": 5}]}]}),
    client(b"", 9),
    close(C, 1000),
    close(S, 1000),
]
TALKS = {"http": HTTP, "socket": SOCKET}


# The laws.

texts = st.sampled_from([
    "{", "}", "(", ")", "$id", "query Q", "subscription", "mutation M", "fragment F on U", "...", "... on U", "a", ": ",
    '"s"', '"""b"""', "[", "]", "1", "-", "@skip(if: true)", "\n", "#c\n", "\u00e9", "\ufeff", "\ud800", "!", "=", ",",
])  # fmt: skip
documents = st.lists(texts, max_size=10).map(" ".join)
values = st.recursive(
    st.none() | st.integers(-3, 9) | st.sampled_from(["", "1", "x", "next", "subscribe", "complete", "connection_init"]),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "type", "payload", "query", "variables", "errors", "data", "locations", "path", "line"]),
        below | documents,
        max_size=4,
    ),
    max_leaves=10,
)  # fmt: skip
messages = values | st.builds(
    lambda type, id, payload: {"type": type, "id": id, "payload": payload},
    st.sampled_from(
        ["subscribe", "next", "error", "complete", "connection_init", "connection_ack", "start", "data", "stop"]
    ),
    st.sampled_from(["1", "2", "", 3]),
    st.builds(lambda query, value: {"query": query, "variables": value}, documents, values) | values,
)
frames = st.builds(
    lambda make, value, opcode, fin: make(value, opcode, fin=fin),
    st.sampled_from([client, server]),
    messages | st.binary(max_size=20),
    st.sampled_from([1, 1, 1, 0, 2, 8]),
    st.sampled_from([True, True, False]),
)
exchanges = st.one_of(
    st.builds(post, messages | st.binary(max_size=20), st.sampled_from([JSON, None, "text/plain"])),
    st.builds(
        reply, st.sampled_from([200, 294, 400, 405, 500]), messages | st.binary(max_size=9), chunks=st.integers(0, 3)
    ),
    st.builds(lambda text: get("?" + text), st.text("query=variables&operationName%7B{}+ ab", max_size=30)),
    st.tuples(st.sampled_from(Side), st.binary(max_size=20)),
)


@given(
    st.lists(frames | exchanges | st.sampled_from(SOCKET), max_size=10), st.sampled_from([MODERN, LEGACY, None, "x"])
)
@settings(max_examples=100, deadline=None)
def test_any_messages_decode_and_every_byte_is_explained(said: list[Said], subprotocol: str | None) -> None:
    sound(record([*opening(subprotocol), *said]), "graphql")


@given(st.lists(exchanges | st.sampled_from(HTTP) | frames, max_size=8), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_exchange_decodes_and_every_byte_is_explained(said: list[Said], midway: bool) -> None:
    sound(record(said, midway), "graphql")


def whole(name: str) -> tuple[Connection, list[tuple[object, ...]]]:
    connection = record(TALKS[name])
    return connection, [facts(unit) for unit in sound(connection)]


@pytest.mark.parametrize("name", TALKS)
def test_every_prefix_decodes_and_what_was_complete_stays_the_same(name: str) -> None:
    _, expected = whole(name)
    growing = record([])
    conversation = protocols.decode(growing, "graphql")
    for side, data in TALKS[name]:
        for at in range(0, len(data), 7):
            growing.add(side, data[at : at + 7])
            conversation.update()
            seen = [facts(unit) for unit in conversation if unit.place.complete]
            assert seen == expected[: len(seen)]
        sound(growing, "graphql")
    assert [facts(unit) for unit in conversation] == expected


@pytest.mark.parametrize("name", TALKS)
@pytest.mark.parametrize("seed", range(3))
def test_the_result_does_not_depend_on_how_tcp_cut_the_bytes(name: str, seed: int) -> None:
    _, expected = whole(name)
    chance = random.Random(seed)
    cut: list[Said] = []
    for side, data in TALKS[name]:
        while data:
            size = chance.randint(1, 40)
            cut.append((side, data[:size]))
            data = data[size:]
    assert [facts(unit) for unit in sound(record(cut))] == expected


def test_a_unit_reached_by_its_number_is_the_unit_met_on_the_way() -> None:
    said = [*opening(), INIT, ACK, subscribe("1", QUERY)]
    said += [next_("1", **PARTIAL) if number % 3 else subscribe(str(number), QUERY) for number in range(600)]
    walked = [facts(unit) for unit in protocols.decode(record(said))]
    fresh = protocols.decode(record(said))
    for number in (604, 0, 300, 256, 255, 511, -1):
        assert facts(fresh[number]) == walked[number]


def test_the_carrier_s_units_keep_their_kinds_and_places() -> None:
    for name, carrier in (("http", "http"), ("socket", "websocket")):
        connection, _ = whole(name)
        ours, theirs = protocols.decode(connection, "graphql"), protocols.decode(connection, carrier)
        assert [(unit.kind, unit.place) for unit in ours] == [(unit.kind, unit.place) for unit in theirs]
        assert ours.protocol == "graphql" and protocols.recognise(connection).name == "graphql"


# What conversations say.


def test_titles_say_what_is_asked_and_answered() -> None:
    assert [unit.title for unit in decoded(*SOCKET)][2:15] == [
        "connection_init",
        'ping {"at":1}',
        "pong",
        "connection_ack",
        "subscribe 1 subscription OnPost { postCreated }",
        "subscribe 2 query Q { user }",
        'next 1 {"postCreated":{"id":"7"}}',
        "next 2 data + 1 error at user.email",
        "complete 2",
        "complete 1",
        'next 1 {"postCreated":{"id":"8"}}',
        "subscribe 1 no GraphQL: { a ",
        "error 1 1 error: Syntax",
    ]
    titles = [unit.title for unit in decoded(*HTTP)]
    assert titles[1] == "query Q { user }"
    assert titles[3] == "200 data + 1 error at user.email"
    assert titles[4] == "GET query { user }"
    assert titles[9] == 'last chunk: 200 {"user":{"name":"Ann"}}'
    assert titles[11] == "batch of 2: query { a }, query { b }"
    assert titles[13] == "200 batch of 2"
    assert titles[-4:] == ["400 1 error: Syntax Error", "GET /elsewhere HTTP/1.1", "HTTP/1.1 200 OK", "body, 2 bytes"]


def test_the_document_s_tokens_stand_in_the_bytes_of_the_body() -> None:
    unit = decoded(*HTTP)[1]
    found = {field.name: unit.data[field.start : field.end] for _, field in unit.field.walk()}
    assert found["operation type"] == b"query"
    assert found["operation name"] == b"Q"
    assert found["variable definition"] == b"$id: ID!"
    assert found["line end"] == b"\\n", "as it is escaped in JSON"
    operation = unit.field.find("operation")
    assert json.loads(b'"' + unit.data[operation.start : operation.end] + b'"') == QUERY
    assert unit.field.find("selection set").end == operation.end


def test_variables_are_matched_to_their_uses_and_values() -> None:
    unit = decoded(*HTTP)[1]
    definition = unit.field.find("variable definition")
    argument = unit.field.find("argument")
    use = argument.find("variable")
    assert unit.data[use.start : use.end] == b"$id"
    assert definition.note == f'used at bytes {use.start}-{use.end - 1}; given "7"'
    inner = definition.find("variable")
    assert use.note == f'ID!, defined at bytes {inner.start}-{inner.end - 1}; given "7"'


def test_a_variable_that_a_fragment_uses_belongs_to_the_operation_that_spreads_it() -> None:
    query = "query($a: Int) { ...F } fragment F on Q { x(y: $a, z: $b) }"
    unit = decoded(post({"query": query, "variables": {}}))[1]
    notes = [field.note for _, field in unit.field.walk() if field.name == "variable"]
    assert notes[1].startswith("Int, defined at") and notes[1].endswith("no value given")
    assert notes[2] == "this operation does not define it"


@pytest.mark.parametrize("masked", ["http", "socket"])
def test_an_error_points_at_its_token_with_a_caret(masked: str) -> None:
    conversation = decoded(*TALKS[masked])
    answer = next(unit for unit in conversation if "data + 1 error" in unit.title)
    place = answer.field
    if masked == "socket":
        place = place.find("payload")
    location = next(field for _, field in place.walk() if field.note.startswith("points at"))
    pointed = location.derived[0]
    line, carets = (child.value for child in pointed.field.children)
    assert line == "    email" and carets == "    ^^^^^"
    (source,) = pointed.sources
    written = conversation.connection.read(source.side, source.start, source.end)
    request = conversation.at(source.side, source.start)
    if masked == "socket":  # the very bytes, masked
        offset = source.start - request.place.start
        unmasked = derived(request.field, "unmasked payload")
        payload = request.field.find("payload")
        written = unmasked.data[offset - payload.start : offset - payload.start + len(written)]
    assert written == b"email"
    assert f"of the document in unit {request.place.number}" in location.note
    path = next(field for _, field in place.walk() if field.note.startswith("user.email: selected by email"))
    assert [child.value for child in path.children if child.name.startswith("[")] == ["user", "email"]


CARETS = {  # what an error points at: the document, line, column, what is said, and what is drawn
    "a tab": ("{\r\n\ta nope }", 2, 4, "nope, bytes 6-9", "\ta nope }", "\t  ^^^^"),
    "wide characters": ('{ a(b: "\u65e5") nope }', 1, 13, "nope, bytes 14-17", '{ a(b: "\u65e5") nope }', " " * 13 + "^^^^"),
    "UTF-16 units": ('{ a(b: "\U0001f600") nope }', 1, 14, "nope, bytes 15-18", '{ a(b: "\U0001f600") nope }', " " * 13 + "^^^^"),
    "the end": ("{ a", 1, 4, "the end of the document", "{ a", "   ^"),
    "a line's end": ('{ a(b: "x\n', 1, 10, "the end of a line of the document", '{ a(b: "x', " " * 9 + "^"),
}  # fmt: skip


@pytest.mark.parametrize("name", CARETS)
def test_carets_stand_under_what_they_point_at(name: str) -> None:
    query, line, column, says, drawn, under = CARETS[name]
    error = {"message": "m", "locations": [{"line": line, "column": column}]}
    answer = decoded(post({"query": query}), reply(400, {"errors": [error]}))[-1]
    location = next(field for _, field in answer.field.walk() if field.note.startswith("points at"))
    assert location.note.startswith(f"points at {says}")
    assert [child.value for child in location.derived[0].field.children] == [drawn, under]


def test_a_query_string_is_taken_apart_where_it_stands() -> None:
    unit = decoded(*HTTP)[4]
    assert unit.kind == "request head"
    query = unit.field.find("query")
    said = {field.name: unit.data[field.start : field.end] for _, field in query.walk()}
    assert said["begin selection set"] == b"%7B"
    assert said["int"] == b"1"
    assert derived(unit.field, "query").data == b"{user(id: 1){name}}"
    assert unit.field.find("variables").find("a").value == 1
    assert unit.field.find("Host").value == "a"


def test_a_response_in_chunks_is_joined_in_its_last_one() -> None:
    unit = decoded(*HTTP)[9]
    joined = derived(unit.field, "body")
    assert joined.data == b'{"data": {"user": {"name": "Ann"}}}'
    assert joined.field.find("name").value == "Ann"
    assert b"".join(decoded(*HTTP).connection.read(*source) for source in joined.sources) == joined.data


def test_fragments_and_compression_hide_no_message() -> None:
    packer = zlib.compressobj(wbits=-15)
    text = json.dumps({"type": "subscribe", "id": "1", "payload": {"query": QUERY, "id": 5}}).encode()
    packed = (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    heads = [
        (C, upgrade("GET /graphql HTTP/1.1", subprotocols=MODERN, deflate="")),
        (S, switching(subprotocol=MODERN, deflate="")),
    ]
    conversation = decoded(*heads, INIT, ACK, client(packed, rsv1=True), next_("1", **PARTIAL))
    assert conversation[4].title == "subscribe 1 query Q { user }"
    assert derived(conversation[4].field, "text message").field.find("operation").value == "Q"
    assert next(field for _, field in conversation[5].field.walk() if field.note.startswith("points at email"))
    parts = [client(text[:30], fin=False), client(text[30:], 0)]
    conversation = decoded(*opening(), INIT, ACK, *parts, next_("1", **PARTIAL))
    assert conversation[5].title == "subscribe 1 query Q { user }"
    assert not conversation.findings


def test_the_trap_in_the_names_is_told_at_the_handshake() -> None:
    for conversation in (decoded(*opening(LEGACY)), decoded(*opening(MODERN))):
        for unit in conversation:
            assert "the names are a trap" in unit.field.find("Sec-WebSocket-Protocol").note


def test_what_came_after_the_client_had_completed_is_a_discard_and_no_fault() -> None:
    late = decoded(*SOCKET)[12]
    assert [discard.why for discard in late.discards] == [
        "the client completed this operation: what was on its way is ignored"
    ]
    assert not late.findings


def test_conversations_that_keep_the_rules_break_none() -> None:
    assert [(finding.rule.id, unit.place.number - 1) for unit, finding in decoded(*SOCKET).findings] == [
        ("graphql-syntax", 12)
    ]
    assert [finding.rule.id for _, finding in decoded(*HTTP).findings] == ["graphql-syntax"]


def test_a_page_at_the_same_url_is_no_graphql() -> None:
    page = (S, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>")
    conversation = decoded((C, b"GET /graphql HTTP/1.1\r\nAccept: text/html\r\nHost: a\r\n\r\n"), page)
    assert not conversation.findings
    assert conversation[0].title == "GET /graphql HTTP/1.1"


def test_a_connection_recorded_from_the_middle_on_accuses_nobody_of_what_came_before() -> None:
    said = [next_("9"), complete(C, "8"), subscribe("1"), next_("1"), complete(S, "1")]
    conversation = sound(record(said, midway=True), "graphql")
    assert not conversation.findings
    assert conversation[2].title == "subscribe 1 subscription S { tick }"


def test_depth_and_size_exhaust_nothing() -> None:
    deep = "{a" * 30_000
    conversation = socket(subscribe("1", deep), client(b"[" * 50_000), subscribe("2", "{" + "a " * 20_000 + "}"))
    assert len(conversation) == 7


FAILED = {"data": {"a": None}, "errors": [{"message": "m", "path": ["a"], "locations": [{"line": 1, "column": 2}]}]}
GROWING = {
    "a batch that fails": lambda n: [post([{"query": "{ a }"}] * n), reply(200, [FAILED] * n)],
    "a document": lambda n: [post({"query": "query($x: Int) {" + "a(b: $x)\n" * n + "}"}), reply(200, {"data": {}})],
    "a response": lambda n: [post({"query": "{ a }"}), reply(200, {"data": {"a": [{"b": 1}] * n}})],
    "a socket": lambda n: [*opening(), INIT, ACK, subscribe()] + [next_()] * n,
    "chunks": lambda n: [post({"query": "{ a }"}), reply(200, {"data": {"a": "x" * n * 9}}, chunks=n)],
}


def calls(said: list[Said]) -> int:
    """How many functions are called to decode it: a measure that no other program upsets."""
    count, connection = 0, record(said)

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(called)
    try:
        for unit in protocols.decode(connection, "graphql"):
            assert unit.title
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", GROWING)
def test_four_times_as_much_takes_four_times_as_long(name: str) -> None:
    calls(GROWING[name](30))  # what is imported and remembered once
    assert calls(GROWING[name](120)) < 5 * calls(GROWING[name](30))
