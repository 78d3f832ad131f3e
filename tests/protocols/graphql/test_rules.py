"""Planted violations: each is found once, at its bytes, at the side at fault, and nothing else is."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from protolab.fields import Side
from protolab.protocols.graphql import messages, subprotocols
from protolab.protocols.graphql.rules import RULES
from protolab.wire.websocket_frames import Frame
from tests.decoding import Said, record, sound
from tests.protocols.graphql.talk import (
    ACK,
    INIT,
    JSON,
    LEGACY,
    MODERN,
    NEW,
    C,
    S,
    broken,
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

QUERY = {"query": "{ a }"}
M = {"message": "m"}
E = {"errors": [M]}
OK = {"data": {"a": 1}}
ON = opening()
READY = [*ON, INIT, ACK]
PONG = client({"type": "pong"})
OLD = [*opening(LEGACY), INIT, ACK]


def start(id: Any = "1", **more: Any) -> Said:
    return client({"type": "start", "id": id, "payload": QUERY, **more})


CASES: list[tuple[str, str, Side, bytes, list[Said]]] = [
    # graphql-transport-ws: any message
    ("binary", "binary-message", C, b'{"type": "pong"}', [*READY, client({"type": "pong"}, 2)]),
    ("no JSON", "not-json", S, b"hi!", [*READY, server(b"hi!")]),
    ("a list", "not-an-object", C, b"[]", [*READY, client([])]),
    ("no type", "type-missing", C, b'{"id": "1"}', [*READY, client({"id": "1"})]),
    ("type no string", "type-missing", S, b"7", [*READY, server({"type": 7})]),
    ("unknown type", "type", C, b'"halt"', [*READY, client({"type": "halt"})]),
    ("legacy start", "legacy-type", C, b'"start"', [*READY, client({"type": "start", "id": "1", "payload": QUERY})]),
    ("legacy data", "legacy-type", S, b'"data"', [*READY, subscribe(), server({"type": "data", "id": "1", "payload": OK})]),
    ("client next", "wrong-side", C, b'"next"', [*READY, client({"type": "next", "id": "1", "payload": OK})]),
    ("server subscribe", "wrong-side", S, b'"subscribe"', [*READY, server({"type": "subscribe", "id": "1", "payload": QUERY})]),
    ("no id", "id-missing", C, b'{"type": "complete"}', [*READY, client({"type": "complete"})]),
    ("id 1", "id-type", C, b"1", [*READY, client({"type": "subscribe", "id": 1, "payload": QUERY})]),
    ("id empty", "id-empty", C, b'""', [*READY, subscribe("")]),
    ("no payload", "payload", C, b'{"type": "subscribe", "id": "1"}', [*READY, client({"type": "subscribe", "id": "1"})]),
    ("no query", "payload", C, b"{}", [*READY, client({"type": "subscribe", "id": "1", "payload": {}})]),
    ("query 1", "payload", C, b"1", [*READY, subscribe(query=1)]),
    ("variables []", "payload", C, b"[]", [*READY, subscribe(variables=[])]),
    ("operationName 1", "payload", C, b"1", [*READY, subscribe(operationName=1)]),
    ("init 1", "payload", C, b"1", [*ON, client({"type": "connection_init", "payload": 1}), ACK]),
    ("ping []", "payload", S, b"[]", [*READY, server({"type": "ping", "payload": []})]),
    ("next []", "payload", S, b"[]", [*READY, subscribe(), server({"type": "next", "id": "1", "payload": []})]),
    ("error {}", "payload", S, b"{}", [*READY, subscribe(), server({"type": "error", "id": "1", "payload": {}})]),
    ("error []", "payload", S, b"[]", [*READY, subscribe(), server({"type": "error", "id": "1", "payload": []})]),
    # graphql-transport-ws: the order
    ("early", "subscribe-before-ack", C, b'"subscribe"', [*ON, INIT, subscribe()]),
    ("init twice", "init-twice", C, b'"connection_init"', [*READY, INIT]),
    ("id taken", "id-taken", C, b'"1"', [*READY, subscribe(), subscribe()]),
    ("complete unknown", "complete-unknown", C, b'"9"', [*READY, complete(C, "9")]),
    ("ack unasked", "ack-unasked", S, b'"connection_ack"', [*ON, ACK]),
    ("ack twice", "ack-unasked", S, b'"connection_ack"', [*READY, ACK]),
    ("next unknown", "id-unknown", S, b'"9"', [*READY, next_("9")]),
    ("complete by server unknown", "id-unknown", S, b'"9"', [*READY, complete(S, "9")]),
    ("next after complete", "after-complete", S, b'"next"', [*READY, subscribe(), complete(S), next_()]),
    ("complete twice", "after-complete", S, b'"complete"', [*READY, subscribe(), complete(S), complete(S)]),
    (
        "complete after error", "after-error", S, b'"complete"',
        [*READY, subscribe(), server({"type": "error", "id": "1", "payload": [M]}), complete(S)],
    ),
    (
        "two results of a query", "second-result", S, b'"next"',
        [*READY, subscribe("1", "query Q { a } subscription S { b }", operationName="Q"), next_(), next_(), complete(S)],
    ),
    # graphql-transport-ws: closing
    ("4400 for nothing", "close-code", S, b"\x11\x30", [*READY, close(S, 4400)]),
    ("4401 for authorisation", "close-code", S, b"\x11\x31", [*ON, INIT, close(S, 4401)]),
    ("4403 after ack", "close-code", S, b"\x11\x33", [*READY, close(S, 4403)]),
    ("4406 though agreed", "close-code", S, b"\x11\x36", [*ON, close(S, 4406)]),
    ("4408 though it came", "close-code", S, b"\x11\x38", [*ON, INIT, close(S, 4408)]),
    ("4409 for nothing", "close-code", S, b"\x11\x39", [*READY, subscribe(), close(S, 4409)]),
    ("4429 for nothing", "close-code", S, b"\x11\x4d", [*READY, close(S, 4429)]),
    ("4504 though acked", "close-code", C, b"\x11\x98", [*READY, close(C, 4504)]),
    # subscriptions-transport-ws
    ("legacy no JSON", "legacy-not-json", C, b"x", [*OLD, client(b"x")]),
    ("legacy unknown", "legacy-unknown-type", C, b'"halt"', [*OLD, client({"type": "halt"})]),
    ("legacy subscribe", "modern-type", C, b'"subscribe"', [*OLD, subscribe()]),
    ("legacy next", "modern-type", S, b'"next"', [*OLD, start(), next_()]),
    ("legacy side", "legacy-wrong-side", S, b'"start"', [*OLD, server({"type": "start", "id": "1", "payload": QUERY})]),
    ("legacy id", "legacy-id", C, b"1", [*OLD, start(1)]),
    ("legacy payload", "legacy-payload", C, b"[]", [*OLD, start(payload=[])]),
    ("legacy start without a query", "legacy-payload", C, b"{}", [*OLD, start(payload={})]),
    ("legacy ping", "modern-type", C, b'"ping"', [*OLD, client({"type": "ping"})]),
    ("legacy init 1", "legacy-payload", C, b"1", [*opening(LEGACY), client({"type": "connection_init", "payload": 1})]),
    ("legacy data", "errors-empty", S, b"[]", [*OLD, start(), server({"type": "data", "id": "1", "payload": {"errors": []}})]),
    (
        "legacy after complete", "legacy-after-complete", S, b'"data"',
        [*OLD, start(), complete(S), server({"type": "data", "id": "1", "payload": OK})],
    ),
    ("legacy unknown id", "legacy-id-unknown", S, b'"9"', [*OLD, server({"type": "data", "id": "9", "payload": OK})]),
    # responses
    ("neither", "response", S, b"{}", [*READY, subscribe(), server({"type": "next", "id": "1", "payload": {}})]),
    ("data 1", "response", S, b"1", [*READY, subscribe(), next_(data=1)]),
    ("data null alone", "response", S, b"null", [*READY, subscribe(), next_(data=None)]),
    ("errors {}", "response", S, b"{}", [*READY, subscribe(), next_(data={}, errors={})]),
    ("errors []", "errors-empty", S, b"[]", [*READY, subscribe(), next_(data={}, errors=[])]),
    ("entry", "response-entry", S, b"1", [*READY, subscribe(), next_(data={}, status=1)]),
    ("no message", "error", S, b"{}", [*READY, subscribe(), next_(data={}, errors=[{}])]),
    (
        "line 0", "error", S, b'[{"line": 0, "column": 1}]',
        [*READY, subscribe(), next_(data={}, errors=[{**M, "locations": [{"line": 0, "column": 1}]}])],
    ),
    ("path", "error", S, b'"a"', [*READY, subscribe(), next_(data={}, errors=[{**M, "path": "a"}])]),
    (
        "a path that was not asked for", "error", S, b'["a", 0, "nope"]',
        [*READY, subscribe("1", "{ a { b } a { c } }"), next_(data={}, errors=[{**M, "path": ["a", 0, "nope"]}])],
    ),
    # GraphQL over HTTP: requests
    ("syntax", "graphql-syntax", C, b"}", [post({"query": "{}"}), reply(400, E)]),
    ("syntax at the end", "graphql-syntax", C, b'"', [post({"query": "{"}), reply(400, E)]),
    ("syntax in a query string", "graphql-syntax", C, b"%7D", [get("?query=%7B%7D"), reply(400, E)]),
    ("JSON", "json-cut-off", C, b'"', [post(b'{"query'), reply(400, E)]),
    ("no type", "request-content-type", C, b"POST /graphql HTTP/1.1\r\n", [post(QUERY, None), reply(400, b"", None)]),
    ("no body", "request-body", C, b"/graphql", [post(b""), reply(400, b"", None)]),
    ("qeury", "parameters", C, b'{"qeury": "{ a }"}', [post({"qeury": "{ a }"}), reply(422, E)]),
    ("variables [7]", "parameters", C, b"[7]", [post({**QUERY, "variables": [7]}), reply(400, E)]),
    ("a number", "parameters", C, b"7", [post(b"7"), reply(400, E)]),
    ("an empty batch", "parameters", C, b"[]", [post([]), reply(400, E)]),
    (
        "variables in a query string", "parameters", C, b"variables=%7B",
        [get("?query=%7Ba%7D&variables=%7B"), reply(400, E)],
    ),
    (
        "mutation by GET", "mutation-by-get", C, b"mutation",
        [get("?query=mutation%7Ba%7D"), reply(405, b"", None, more="Allow: POST")],
    ),
    (
        "JSON called text", "request-content-type", C, b'{"query": "{ a }"}',
        [post(QUERY, "text/plain;charset=UTF-8"), reply(415, b"", None)],
    ),
    # GraphQL over HTTP: responses
    ("a response called text", "response-content-type", S, b'{"data": {"a": 1}}', [post(QUERY), reply(200, OK, "text/plain")]),
    ("chunks called nothing", "response-content-type", S, b"0\r\n\r\n", [post(QUERY), reply(200, OK, None, chunks=2)]),
    ("a response too few", "response", S, b'[{"data": {"a": 1}}]', [post([QUERY, QUERY]), reply(200, [OK])]),
    ("response type", "response-content-type", S, b"HTTP/1.1 200 X\r\n", [post(QUERY), reply(200, OK, None)]),
    ("no Allow", "allow", S, b"405", [(C, get("?query=%7Ba%7D")[1].replace(b"GET", b"PUT")), reply(405, b"", None)]),
    ("no JSON", "ill-formed", S, b"oops", [post(QUERY), reply(500, b"oops")]),
    ("success without data", "success-without-data", S, b'[{"message": "m"}]', [post(QUERY), reply(200, E)]),
    ("failure with data", "failure-with-data", S, b'{"a": 1}', [post(QUERY), reply(500, OK)]),
    ("294 without errors", "partial-success", S, b'{"a": 1}', [post(QUERY), reply(294, OK)]),
    (
        "294 in JSON", "partial-success", S, b"294",
        [post(QUERY), reply(294, {"data": {"a": None}, "errors": [M]}, JSON)],
    ),
    ("errors [] over HTTP", "errors-empty", S, b"[]", [post(QUERY), reply(200, {"data": {"a": 1}, "errors": []})]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "side", "at", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_planted_violation_is_found_at_its_bytes(rule: str, side: Side, at: bytes, said: list[Said]) -> None:
    conversation = decoded(*said)
    found = [item for item in broken(conversation) if not item[0].startswith("json-") or rule.startswith("json-")]
    assert found == [(rule, at)]
    assert [finding.side for _, finding in conversation.findings if finding.rule.id == rule] == [side]


ANSWERED = {  # what takes two to break: the rules that both sides break, in their order
    "a mutation by GET that is executed": (
        [get("?query=mutation%7Ba%7D"), reply(200, OK)],
        [("mutation-by-get", b"mutation"), ("mutation-executed", b"200")],
    ),
    "a syntax error that is answered 500": (
        [post({"query": "{"}), reply(500, E)],
        [("graphql-syntax", b'"'), ("status", b"500")],
    ),
    "a malformed request that is answered 500": (
        [post({"query": 1}), reply(500, E)],
        [("parameters", b"1"), ("status", b"500")],
    ),
    "ill-formed although it is an object": (
        [post(QUERY), reply(500, {"detail": "no"})],
        [("response", b'{"detail": "no"}'), ("response-entry", b'"no"'), ("ill-formed", b'{"detail": "no"}')],
    ),
    "a breach that is answered by going on": (
        [*READY, INIT, subscribe("5"), next_("5")],
        [("init-twice", b'"connection_init"'), ("not-closed", b'"next"')],
    ),
    "a breach that is closed with another code": (
        [*READY, client(b"{"), close(S, 4500)],
        [("json-cut-off", b"{"), ("not-json", b"{"), ("close-code", b"\x11\x94")],
    ),
    "subscribed too early, and answered": (
        [*ON, subscribe("0"), INIT, ACK, client({"type": "ping"}), server({"type": "pong"})],
        [("subscribe-before-ack", b'"subscribe"'), ("not-closed", b'"pong"')],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERED)
def test_what_follows_a_violation_is_judged_too(name: str) -> None:
    said, expected = ANSWERED[name]
    assert broken(decoded(*said)) == expected


FINE = {
    "422 for a validation error": [post({"query": "{ nope }"}), reply(422, E)],
    "400 for a validation error": [post({"query": "{ nope }"}), reply(400, E)],
    "200 for one in application/json": [post({"query": "{ nope }"}), reply(200, E, JSON)],
    "294 for partial data": [post(QUERY), reply(294, {"data": {"a": None}, "errors": [M]})],
    "200 for partial data": [post(QUERY), reply(200, {"data": {"a": None}, "errors": [M]})],
    "data null with an error": [post(QUERY), reply(200, {"data": None, "errors": [M]})],
    "a persisted query": [post({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}), reply(200, OK)],
    "a refusal of the server's own": [post(QUERY), reply(401, {"detail": "who are you?"}, JSON)],
    "no accepted type": [post(QUERY), reply(406, b"", None)],
    "null for what is optional": [post({**QUERY, "variables": None, "operationName": None, "extensions": None}), reply(200, OK)],
    "an id that is free again": [*READY, subscribe(), complete(S), subscribe(), next_(), complete(C), subscribe(), next_()],
    "complete that crossed": [*READY, subscribe(), complete(S), complete(C)],
    "payload null": [
        *ON, client({"type": "connection_init", "payload": None}), server({"type": "connection_ack", "payload": {}}),
    ],
    "ping before ack": [*ON, client({"type": "ping"}), server({"type": "pong", "payload": None})],
    "a pong that nobody asked for": [*READY, PONG],
    "rejected": [*ON, INIT, close(S, 4403)],
    "too late": [*ON, close(S, 4408)],
    "no ack": [*ON, INIT, close(C, 4504)],
    "a server error": [*READY, close(S, 4500)],
    "a server that leaves after a breach": [*READY, INIT, close(S, 1001)],
    "legacy keep-alive and stop": [
        *OLD, server({"type": "ka"}), start(), client({"type": "stop", "id": "1"}),
        server({"type": "data", "id": "1", "payload": OK}),
    ],
    "more results, said to come": [
        *READY, subscribe("1", "{ a ... @defer { b } }"), next_(data={"a": 1}, hasNext=True), next_(hasNext=False),
    ],
    "a live query": [*READY, subscribe("1", "query @live { a }"), next_(), next_()],
    "an id used again while the end of its first operation was on its way": [
        *READY, subscribe(), complete(C), subscribe(), next_(), complete(S), next_(), complete(S), subscribe(), next_(),
    ],
    "a legacy id used again, likewise": [
        *OLD, start(), start(), complete(S), server({"type": "data", "id": "1", "payload": OK}), complete(S),
    ],
    "a legacy document that was parsed already": [*OLD, start(payload={"query": {"kind": "Document"}})],
    "another subprotocol": [*opening("wamp.2.json"), client([1, "a"]), server(b"hi"), client(b"x", 2), close(S, 4400)],
    "a page for a GET": [get("?query=mutation%7Ba%7D"), reply(200, b"<p>", "text/html")],
    "errors of a document, told on an event stream": [post({"query": "{"}), reply(200, b"", "text/event-stream")],
    "an operation on a stream elsewhere": [post(QUERY), reply(202, b"", None, chunks=1)],
    "paths to what is selected twice, or in a fragment": [
        post({"query": "{ a { b } ...F } fragment F on Q { a { c: d { e } } }"}),
        reply(200, {"data": {"a": None}, "errors": [{**M, "path": path} for path in (["a", "b"], ["a", 3, "c", "e"], [])]}),
    ],
    "an error with no locations": [post(QUERY), reply(200, {"data": {"a": None}, "errors": [{**M, "locations": []}]})],
    "no subprotocol that fits": [*opening(None, MODERN), close(S, 4406)],
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_what_one_of_the_profiles_or_protocols_allows_breaks_no_rule(name: str) -> None:
    expected = {"a server that leaves after a breach": ["init-twice"], "a page for a GET": ["mutation-by-get"]}
    expected |= {"errors of a document, told on an event stream": ["graphql-syntax"]}
    assert [rule for rule, _ in broken(decoded(*FINE[name]))] == expected.get(name, [])


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4406, 4408, 4409, 4429])
def test_a_close_may_have_its_cause_before_the_recording_began(code: int) -> None:
    said = [client({"type": "connection_init"}), next_("1"), subscribe("2"), close(S, code)]
    assert not sound(record(said, midway=True), "graphql").findings


@pytest.mark.parametrize("id", [[], {}, None, 1])
def test_no_id_at_all_upsets_what_comes_after_a_breach(id: Any) -> None:
    found = broken(decoded(*READY, client(b"7"), subscribe("5"), server({"type": "next", "id": id, "payload": OK})))
    assert [rule for rule, _ in found] == ["not-an-object", "id-type"]


def test_a_breach_asks_for_the_code_that_a_server_closes_with() -> None:
    ours = messages.RULES_OF[MODERN]
    asked = {"subscribe": {ours.early, ours.taken}, "connection_init": {ours.init_twice}}
    for event, rules in asked.items():
        codes = {str(code) for (_, breach), code in subprotocols.BREACHES.items() if breach == event}
        assert codes == {rule.reaction for rule in rules if rule is not None}


def test_what_is_late_is_ignored_by_the_clause_of_its_own_protocol() -> None:
    stop = client({"type": "stop", "id": "1"})
    unit = decoded(*OLD, start(), stop, server({"type": "data", "id": "1", "payload": OK}))[-1]
    assert [discard.clause for discard in unit.discards] == ["subscriptions-transport-ws, GQL_STOP"]


@pytest.mark.parametrize(("code", "said"), [
    (4400, client(b"7")), (4400, client({"type": "x"})), (4401, None), (4409, subscribe()), (4429, INIT),
])  # fmt: skip
def test_the_code_that_a_breach_asks_for_closes_it(code: int, said: Said | None) -> None:
    talk = [*ON, subscribe()] if said is None else [*READY, subscribe(), said]
    conversation = decoded(*talk, close(S, code), close(C, code))  # the answer repeats the code
    rules = [finding.rule for _, finding in conversation.findings]
    assert [rule.reaction for rule in rules] == [str(code)]


def test_fragments_and_compression_leave_findings_on_the_last_frame() -> None:
    unit = decoded(*READY, client(b'{"type": ', fin=False), client(b'"halt"}', 0))[-1]
    (finding,) = unit.findings
    payload = unit.field.find("payload")
    assert (finding.rule.id, finding.start, finding.end) == ("type", payload.start, payload.end)


def event(text: str) -> Said:
    return S, b"%x\r\n%s\r\n" % (len(text), text.encode())


STREAM: list[Said] = [
    (C, post({"query": "subscription { tick }"})[1].replace(NEW.encode(), b"text/event-stream")),
    (S, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"),
    event('event: next\ndata: {"data":{"tick":1}}\n\n'),
]  # fmt: skip
STREAMS = {
    "event-type": (event('event: tick\ndata: {"data":{}}\n\n'), None),
    "event-data": (event("event: next\ndata: oops\n\n"), b"oops"),
    "errors-empty": (event('event: next\ndata: {"data":{},"errors":[]}\n\n'), b"[]"),
    "event-unheard": (event("event: complete\n\n"), b"event: complete\n"),
    "response": (event('event: next\ndata: {"data":\ndata: 1}\n\n'), None),
}


@pytest.mark.parametrize("rule", STREAMS)
def test_an_event_stream_is_judged_event_by_event(rule: str) -> None:
    said, at = STREAMS[rule]
    conversation = decoded(*STREAM, said)
    assert conversation[3].title == 'next {"tick":1}'
    found = [(unit, finding) for unit, finding in conversation.findings if not finding.rule.id.startswith("json-")]
    assert [finding.rule.id for _, finding in found] == [rule]
    unit, finding = found[0]
    assert at is None or unit.data[finding.start : finding.end] == at


def test_a_single_connection_carries_ids_and_a_distinct_one_does_not() -> None:
    open_ = (C, b"GET /graphql/stream HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
    told = event('event: next\ndata: {"id":"7","payload":{"data":{"tick":1}}}\n\n')
    single = decoded(open_, STREAM[1], told, event('event: next\ndata: {"id":7,"payload":{"data":{}}}\n\n'))
    assert [(rule, at) for rule, at in broken(single)] == [("event-data", b"7")]
    assert single[2].title == 'next 7 {"tick":1}'
    assert {finding.rule.id for _, finding in decoded(*STREAM, told).findings} == {"response", "response-entry"}


def test_nothing_may_follow_the_complete_of_an_event_stream() -> None:
    conversation = decoded(*STREAM, event("event: complete\ndata:\n\n"), STREAM[2])
    assert [finding.rule.id for _, finding in conversation.findings] == ["after-stream"]
    assert conversation[4].title == "complete"


def test_every_rule_of_the_catalogue_is_planted_somewhere() -> None:
    planted = {case[1] for case in CASES} | {rule for _, found in ANSWERED.values() for rule, _ in found} | set(STREAMS)
    assert set(RULES) == {rule for rule in planted if not rule.startswith("json-")} | {"after-stream"}


def test_a_masked_byte_range_is_that_of_the_unmasked_text() -> None:
    unit = socket(subscribe(1))[-1]
    (finding,) = unit.findings
    frame = Frame.decode(unit.data)
    shift = len(unit.data) - len(frame.payload)
    assert frame.payload[finding.start - shift : finding.end - shift] == b"1"


SQUEEZED = gzip.compress(b'{"query": "{ a }"}')
CONFORMING: dict[str, list[Said]] = {
    "a compressed response": [post(QUERY), reply(200, SQUEEZED, more="Content-Encoding: gzip")],
    "one in chunks": [post(QUERY), reply(200, SQUEEZED, chunks=3, more="Content-Encoding: br")],
    "a compressed request": [post(SQUEEZED, more="Content-Encoding: gzip"), reply(200, OK)],
    "an upload": [post(b"--x--", media="multipart/form-data; boundary=x"), reply(200, OK)],
    "a bare document": [post(b"{ a }", media="application/graphql"), reply(200, OK)],
    "a persisted document": [post({"documentId": "sha256:7d1a"}), reply(200, OK)],
}


@pytest.mark.parametrize("said", CONFORMING)
def test_what_is_no_plain_json_or_no_document_by_agreement_breaks_no_rule(said: str) -> None:
    assert broken(decoded(*CONFORMING[said])) == []
