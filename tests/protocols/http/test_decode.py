"""HTTP/1.1 judged: what breaks RFC 9110 or 9112 is found at its bytes, once, and nothing that keeps them is."""

from __future__ import annotations

import pytest

from protolab.fields import Side
from tests.decoding import Said, facts, record, sound

C, S = Side.CLIENT, Side.SERVER
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"2\r\nhi\r\n0\r\n\r\n"


def head(headers: bytes = b"", start: bytes = b"POST / HTTP/1.1") -> bytes:
    return start + b"\r\nHost: a\r\n" + headers + b"\r\n"


def answer(headers: bytes = b"", body: bytes = b"", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\n" + headers + b"\r\n" + body


def found(said: list[Said]) -> list[tuple[Side, str, bytes]]:
    units = sound(record(said), "http")
    return [(f.side, f.rule.id, unit.data[f.start : f.end]) for unit in units for f in unit.findings]


REQUESTS = [
    (b"GET / HTTP/1.1\r\n\r\n", "host", b"GET / HTTP/1.1\r\n"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "host", b"b"),
    (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "host", b"a/b"),
    (head(start=b"GET / HTTP/1.1x"), "start-line", b"GET / HTTP/1.1x"),
    (head(start=b"GET  / HTTP/1.1"), "start-line-loose", b" "),
    (head(start=b"GET /a#b HTTP/1.1"), "request-target", b"#b"),
    (head(start=b"GET /\xc3\xa9 HTTP/1.1"), "request-target", b"\xc3\xa9"),
    (head(start=b"GET a HTTP/1.1"), "request-target", b"a"),
    (head(b"A: b\0c\r\n"), "header-value", b"\0"),
    (head(b"A: b\rc\r\n"), "header-value", b"\r"),
    (head(b"Content-Length: 1\r\nContent-Length: 2\r\n") + b"hi", "content-length", b"2"),
    (head(b"Content-Length: +2\r\n") + b"hi", "content-length", b"+2"),
    (head(b"Content-Length: 2\r\n" + CHUNKED) + CHUNKS, "length-and-coding", b"2"),
    (head(b"Transfer-Encoding: xchunked\r\n") + CHUNKS, "transfer-encoding", b"xchunked"),
    (head(b"Transfer-Encoding: chunked, gzip\r\n") + CHUNKS, "transfer-encoding", b"chunked, gzip"),
    (head(CHUNKED * 2) + CHUNKS, "transfer-encoding", b"chunked"),
    (head(CHUNKED, b"POST / HTTP/1.0") + CHUNKS, "transfer-encoding", b"chunked"),
    (head(b"Transfer-Encoding : chunked\r\n") + CHUNKS, "space-before-colon", b" "),
]


@pytest.mark.parametrize(("said", "rule", "span"), REQUESTS, ids=lambda value: repr(value)[-40:])
def test_a_request_that_breaks_a_rule_is_found_once_at_its_bytes(said: bytes, rule: str, span: bytes) -> None:
    assert found([(C, said)]) == [(C, rule, span)], "and its body is not read as requests"


CHUNKED_BODIES = [
    (b"2;\r\nhi\r\n0\r\n\r\n", "chunk-extension", b";"),
    (b'2;a="b\r\nhi\r\n0\r\n\r\n', "chunk-extension", b';a="b'),
    (b"2 \r\nhi\r\n0\r\n\r\n", "chunk-extension", b" "),
    (b"2\r\nhiX\r\n0\r\n\r\n", "chunk-end", b"X\r"),
    (b"2\r\nhi0\r\n\r\n", "chunk-end", b"0\r"),
    (b"0x2\r\nhi\r\n0\r\n\r\n", "chunk-size", b"0x2"),
    (b"-2\r\nhi\r\n0\r\n\r\n", "chunk-size", b"-2"),
    (b"2\nhi\r\n0\r\n\r\n", "bare-lf", b"\n"),
    (b"2\r\nhi\r\n0\r\nno colon\r\n\r\n", "header-line", b"no colon"),
    (b"2\r\nhi\r\n0\r\nContent-Length: 2\r\n\r\n", "trailer", b"Content-Length: 2"),
]


@pytest.mark.parametrize(("body", "rule", "span"), CHUNKED_BODIES, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("side", Side)
def test_chunks_that_break_a_rule_are_found_once_at_their_bytes(
    side: Side, body: bytes, rule: str, span: bytes
) -> None:
    said = [(C, head(CHUNKED) + body)] if side is C else [(C, GET), (S, answer(CHUNKED, body))]
    assert found(said) == [(side, rule, span)]


@pytest.mark.parametrize(
    ("said", "rule", "span"),
    [
        (answer(status=b"099 Odd", headers=b"Content-Length: 0\r\n"), "status-code", b"099"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "start-line-loose", b"\r\n"),
        (answer(b"Content-Length: 0\r\n", status=b"204 No Content"), "length-without-body", b"0"),
        (answer(CHUNKED, status=b"204 No Content"), "length-without-body", b"chunked"),
        (answer(b"Content-Length: x\r\n", b"hi"), "content-length", b"x"),
    ],
)
def test_a_response_that_breaks_a_rule_is_found_once_at_its_bytes(said: bytes, rule: str, span: bytes) -> None:
    assert found([(C, GET), (S, said)]) == [(S, rule, span)]


@pytest.mark.parametrize(
    "said",
    [
        [(C, GET * 3), (S, answer(b"Content-Length: 2\r\n", b"hi") * 3)],
        [(C, head(b"Content-Length: 2, 2\r\n") + b"hi")],
        [(C, head(CHUNKED) + b'2;a="b;\\"c" ; d\r\nhi\r\n000\r\nX: y\r\n\r\n' + GET)],
        [(C, head(start=b"OPTIONS * HTTP/1.1")), (C, head(start=b"GET http://a/b?c HTTP/1.1"))],
        [(C, b"GET / HTTP/1.0\r\n\r\n"), (S, b"HTTP/1.0 200 OK\r\n\r\nuntil the end")],
        [
            (C, head(start=b"HEAD / HTTP/1.1") + GET),
            (S, answer(b"Content-Length: 9\r\n") + answer(b"Content-Length: 1\r\n", b"x")),
        ],
        [(C, GET), (S, answer(status=b"103 Early") + answer(status=b"304 Same", headers=b"Content-Length: 7\r\n"))],
        [
            (C, head(b"Expect: 100-continue\r\nContent-Length: 2\r\n")),
            (S, answer(status=b"100 Continue")),
            (C, b"hi"),
            (S, answer(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS)),
        ],
    ],
    ids=str,
)  # fmt: skip
def test_what_keeps_the_rules_has_no_finding(said: list[Said]) -> None:
    assert found(said) == []


def test_a_message_that_the_end_of_its_stream_cuts_off_is_found() -> None:
    connection = record([(C, GET), (S, answer(b"Content-Length: 9\r\n", b"hi"))])
    assert not any(unit.findings for unit in sound(connection, "http")), "more may come"
    connection.end(S, "FIN")
    (finding,) = sound(connection, "http")[2].findings
    assert (finding.rule.id, finding.side) == ("cut-off", S)


@pytest.mark.parametrize("length", [b"", b"Content-Length: 4\r\n"])
def test_what_follows_a_connect_that_was_granted_is_a_tunnel(length: bytes) -> None:
    asks = head(start=b"CONNECT a:443 HTTP/1.1")
    units = sound(record([(C, asks), (S, answer(length)), (C, b"\x16\n\n"), (S, b"\x16\n\n")]), "http")
    assert [(unit.kind, unit.data) for unit in units][2:] == [("bytes", b"\x16\n\n")] * 2


def test_a_body_belongs_to_the_request_that_asks_to_change_protocols() -> None:
    asks = head(b"Connection: Upgrade\r\nUpgrade: own\r\nContent-Length: 4\r\n")
    switch = answer(b"Connection: Upgrade\r\nUpgrade: own\r\n", b"own", b"101 Switching Protocols")
    units = sound(record([(C, asks + b"bodyown"), (S, switch)]), "http")
    assert sorted(unit.data for unit in units if not unit.kind.endswith("head")) == [b"body", b"own", b"own"]


def test_only_the_answer_to_the_request_for_another_protocol_ends_the_wait() -> None:
    asks = head(b"Connection: Upgrade\r\nUpgrade: own\r\n", b"GET / HTTP/1.1")
    switch = answer(b"Connection: Upgrade\r\nUpgrade: own\r\n", b"", b"101 Switching Protocols")
    said = [(C, GET + asks + b"own\n\nown\n\n"), (S, answer(b"Content-Length: 2\r\n", b"hi") + switch)]
    assert [unit.data for unit in sound(record(said), "http") if unit.kind == "bytes"] == [b"own\n\nown\n\n"]


def test_a_length_of_any_number_of_digits_is_read() -> None:
    assert found([(C, head(b"Content-Length: " + b"9" * 5000 + b"\r\n") + b"hi")]) == []
    units = sound(record([(C, head(b"Content-Length: " + b"0" * 5000 + b"2\r\n") + b"hi" + GET)]), "http")
    assert [unit.kind for unit in units] == ["request head", "body", "request head"]


def test_what_is_found_does_not_depend_on_the_cuts() -> None:
    for said, _, _ in REQUESTS:
        pieces = [(C, said[at : at + 1]) for at in range(len(said))]
        assert list(map(facts, sound(record(pieces), "http"))) == list(map(facts, sound(record([(C, said)]), "http")))
