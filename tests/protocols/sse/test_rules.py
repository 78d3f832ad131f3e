"""Each rule broken once, on purpose: the very bytes, the clause, the side at fault; and the same thing done right."""

from __future__ import annotations

import pytest

from protolab.capture import Capture
from protolab.fields import Side
from protolab.protocols.sse.decode import IDLE
from protolab.protocols.sse.rules import RULES
from tests.decoding import Said, record, sound
from tests.protocols.sse.streams import HEAD, REQUEST, chunked, exchange

C, S = Side.CLIENT, Side.SERVER


def request(*lines: bytes, method: bytes = b"GET") -> bytes:
    return REQUEST.replace(b"GET", method)[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def answer(*lines: bytes, status: bytes = b"200 OK") -> list[Said]:
    """A request for a stream, and an answer with those lines in its head and no body."""
    return [(C, REQUEST), (S, b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"Content-Length: 0", b"", b"")))]


STREAM = b"Content-Type: text/event-stream"
# The conversation, the rule that it breaks, the bytes that break it; the section of the WHATWG text, or the RFC.
PLANTED: dict[str, tuple[list[Said], str, bytes, str]] = {
    "empty id named": (exchange(request=request(b"Last-Event-ID:")), "last-event-id-empty", b"Last-Event-ID:", "9.2.3"),
    "id in latin-1": (
        exchange(request=request(b"Last-Event-ID: caf\xe9")), "last-event-id-utf8", b"caf\xe9", "9.2.4",
    ),
    "wrong type": (answer(b"Content-Type: text/plain"), "content-type", b"text/plain", "9.2.3"),
    "no type": (answer(), "content-type-missing", b"HTTP/1.1 200 OK\r\n", "9.2.3"),
    "charset": (answer(STREAM + b"; charset=latin-1"), "charset", b"text/event-stream; charset=latin-1", "9.2.5"),
    "storable": (answer(STREAM, b"Cache-Control: public, max-age=60"), "storable", b"public, max-age=60", "RFC 9111 section 3"),
    "HEAD with a stream": (
        [(C, request(method=b"HEAD")), (S, HEAD + b"\r\n"), (S, b"data: 1\n\n")],
        "head-with-body", b"data: 1\n\n", "RFC 9110 section 9.3.2",
    ),
    "204 with a body": (
        [(C, REQUEST), (S, b"HTTP/1.1 204 No Content\r\n\r\n"), (S, b"stop it")],
        "body-forbidden", b"stop it", "RFC 9112 section 6.3",
    ),
    "newline in data": (exchange(b"data: one\ntwo, three\n\n"), "data-split", b"two, three\n", "9.2.5"),
    "JSON over lines": (exchange(b'data: {\ndata: "a": 1,\n  "b": 2\ndata: }\n\n'), "data-split", b'  "b": 2\n', "9.2.5"),
    "empty line in data": (exchange(b"data: one\n\nand two\n\n"), "data-split", b"and two\n", "9.2.5"),
    "bad UTF-8": (exchange(b"data: caf\xe9\n\n"), "utf8", b"\xe9", "9.2.5"),
    "truncated UTF-8": (exchange(b"data: \xe2\x80\nid: 1\n\n"), "utf8", b"\xe2\x80", "9.2.5"),
    "id goes back": (exchange(b"id: 10\ndata: a\n\nid: 9\ndata: b\n\n"), "id-backwards", b"id: 9\n", "9.2.3"),
    "id again later": (exchange(b"id: 2\ndata: a\n\nid: 3\ndata: b\n\nid: 2\ndata: c\n\n"), "id-backwards", b"id: 2\n", "9.2.3"),
    "id repeated": (exchange(b"id: 9\ndata: a\n\nid: 9\ndata: b\n\n"), "id-repeated", b"id: 9\n", "9.2.3"),
    "id repeated, no number": (exchange(b"id: x\ndata: a\n\nid: x\ndata: b\n\n"), "id-repeated", b"id: x\n", "9.2.3"),
    "resumed too early": (
        exchange(b"id: 7\ndata: a\n\n", request=request(b"Last-Event-ID: 7")), "resume-ignored", b"id: 7\n", "9.2.3",
    ),
    "resumed at the start": (
        exchange(b"id: 1\ndata: a\n\n", request=request(b"Last-Event-ID: 70")), "resume-ignored", b"id: 1\n", "9.2.3",
    ),
    "no chunk": ([*exchange(b"data: 1\n\n", end=False), (S, b"data: 2\n\n")], "chunk-size", b"data: 2", "RFC 9112 section 7.1"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_broken_rule_is_found_at_its_very_bytes(name: str) -> None:
    said, rule, planted, section = PLANTED[name]
    ((unit, finding),) = sound(record(said)).findings
    assert finding.rule.id == rule
    assert unit.data[finding.start : finding.end] == planted
    assert finding.rule.clause.removeprefix("WHATWG HTML section ") == section
    assert finding.side is unit.side
    assert finding.rule.mend


def test_a_finding_inside_a_line_that_chunks_interrupt_covers_it_with_the_framing() -> None:
    ((unit, finding),) = sound(record(exchange(b"data: one\ntw", b"o\n\n"))).findings
    assert unit.data[finding.start : finding.end] == b"tw\r\n3\r\no\n"


@pytest.mark.parametrize(
    "said",
    [
        exchange(b"data: one\ndata: two\n\nfoo: an extension\nid: 1\ndata: x\n\n: beat\n\nid: 2\ndata: y\n\n"),
        exchange(
            b"id: 8\ndata: a\n\nid: 12\ndata: b\n\ndata: no id of its own\n\n", request=request(b"Last-Event-ID: 7")
        ),
        exchange(b"id: b\ndata: a\n\nid: a\ndata: b\n\n", request=request(b"Last-Event-ID: z")),
        exchange(b"id: 1\n\nid: 1\ndata: a\n\n"),
        answer(STREAM + b'; charset="UTF-8"', b"Cache-Control: no-cache"),
        answer(STREAM, b"Cache-Control: private, max-age=60"),
        answer(STREAM, b"Cache-Control: public, no-cache"),
        answer(b"Content-Type: a/b", STREAM, b"Content-Type: */*"),
        exchange(b"data: 1\n\n", b"\xef\xbb\xbfdata: 2\n\n"),
        [(C, REQUEST), (S, HEAD + b"Content-Length: 12\r\n\r\ndata: 1\n\ndat")],
        [(C, REQUEST), (S, HEAD + b"Content-Length: 17\r\n\r\ndata: 1\n\ndata: \xe2\x80")],
        answer(b"Content-Type: text/plain", status=b"404 Not Found"),
        [(C, request(method=b"HEAD")), (S, HEAD + b"Content-Length: 9\r\n\r\n"), *exchange(b"data: 1\n\n")],
        [(C, REQUEST), (S, b"HTTP/1.1 204 No Content\r\n\r\n"), *exchange(b"data: 1\n\n")],
        [
            (C, request(b"Content-Length: 0", method=b"POST")),
            *exchange(b"data: 1\n\n")[1:],
        ],  # by fetch, not EventSource
        [
            (C, REQUEST.replace(b"text/event-stream", b"application/json, text/event-stream")),
            *answer(b"Content-Type: application/json")[1:],
        ],
        exchange(
            b"event: resync\nid: 0\ndata: begin anew\n\nid: 1\ndata: a\n\n", request=request(b"Last-Event-ID: 77")
        ),
        exchange(b"id: 5\ndata: a\n\nevent: resync\nid: 0\ndata: begin anew\n\nid: 1\ndata: b\n\n"),
    ],
)
def test_what_is_right_is_left_alone(said: list[Said]) -> None:
    assert not sound(record(said)).findings


def test_silence_that_a_proxy_would_cut_is_a_finding_on_what_comes_after_it() -> None:
    connection = Capture().connect()
    connection.add(C, REQUEST, 0.0)
    connection.add(S, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", 1.0)
    said = ((100.0, b"data: 1\n\n"), (100.0 + IDLE, b": beat\n\n"), (161.0 + IDLE, b"data: 2\n\n"))
    for at, block in said:
        connection.add(S, chunked([block], end=False), at)
    connection.add(S, b"0\r\n\r\n", 231.0 + IDLE)
    found = sound(connection).findings
    assert [(finding.rule.id, unit.data[finding.start : finding.end]) for unit, finding in found] == [
        ("silence", b"9\r\ndata: 1\n\n\r\n"),
        ("silence", b"9\r\ndata: 2\n\n\r\n"),
        ("silence", b"0\r\n\r\n"),
    ]
    assert [f"{seconds} seconds" in finding.message for seconds, (_, finding) in zip((99, 61, 70), found, strict=True)]


@pytest.mark.parametrize("head", [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 9\r\n\r\n"])
def test_silence_until_the_connection_ends_is_a_finding_on_the_last_that_came(head: bytes) -> None:
    connection = Capture().connect()
    connection.add(C, REQUEST, 0.0)
    connection.add(S, HEAD + head, 0.0)
    connection.add(S, chunked([b"data: 1\n\n"], end=False) if b"chunked" in head else b"data: 1\n\n", 1.0)
    assert not sound(connection).findings, "more may come"
    connection.end(C, "FIN", 62.0)
    found = [(finding.rule.id, unit.title, finding.message) for unit, finding in sound(connection).findings]
    said = "nothing came for 61 seconds after this, until the connection ended"
    assert found == ([] if b"Length" in head else [("silence", 'message "1"', said)]), "a stream of 9 bytes is over"


def test_a_comment_breaks_the_silence_also_where_no_blank_line_follows_it() -> None:
    connection = Capture().connect()
    connection.add(C, REQUEST, 0.0)
    connection.add(S, HEAD + b"\r\n", 0.0)
    for beat in range(1, 10):
        connection.add(S, b":\n", beat * IDLE)
    connection.add(S, b"data: 1\n\n", 10 * IDLE)
    assert not sound(connection).findings
    connection.add(S, b"data: ", 10 * IDLE)
    connection.add(S, b"2\n\n", 12 * IDLE)
    ((unit, finding),) = sound(connection).findings
    assert (unit.title, finding.message) == ('message "2"', "nothing came for 120 seconds before this")


def test_a_connection_that_ends_inside_a_chunk_is_a_finding_on_its_size() -> None:
    connection = record([*exchange(b"data: 1\n\n", end=False), (S, chunked([b"data: 2\n\n"])[:7])])
    assert not sound(connection).findings, "more may come"
    connection.end(S, "FIN")
    ((unit, finding),) = sound(connection).findings
    assert (finding.rule.id, unit.data[finding.start : finding.end]) == ("incomplete", b"9")


def test_every_rule_is_tested() -> None:
    assert set(RULES) <= {rule for _, rule, _, _ in PLANTED.values()} | {"silence", "incomplete"}
