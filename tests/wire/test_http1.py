"""RFC 9112: heads, bodies and chunks."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab.fields import Side, untiled
from protolab.wire import http1, http1_bodies
from protolab.wire.http1_bodies import BODY, CHUNK, HEAD, LAST_CHUNK, Framing, Splitter

REQUEST = b"GET /chat?x=1 HTTP/1.1\r\nHost: a.example:80\r\nX-Empty:\r\nAccept: \t b \t\r\n\r\n"
soup = st.lists(
    st.sampled_from(
        [b"\r\n", b"\n", b"\r", b": ", b" ", b"GET / HTTP/1.1", b"HTTP/1.1 200 OK", b"Host", b"\xff", b"5\r\n", b"0"]
    )
).map(b"".join)


def test_a_head_ends_at_the_first_blank_line_and_empty_lines_before_it_belong_to_it() -> None:
    assert http1.head_end(REQUEST + b"rest") == len(REQUEST)
    assert http1.head_end(b"\r\n" + REQUEST) == len(REQUEST) + 2
    assert all(http1.head_end(REQUEST[:cut]) == -1 for cut in range(len(REQUEST)))


def test_every_part_of_a_request_head_is_a_field() -> None:
    head = http1.request(REQUEST)
    assert head.start == ("GET", "/chat?x=1", "HTTP/1.1")
    assert [(header.name, header.value) for header in head.headers] == [
        ("Host", "a.example:80"),
        ("X-Empty", ""),
        ("Accept", "b"),
    ]
    start, end = head.headers[2].at
    assert REQUEST[start:end] == b"b"
    assert not head.findings
    assert b"".join(REQUEST[leaf.start : leaf.end] for leaf in head.field.leaves()) == REQUEST


@pytest.mark.parametrize(
    ("line", "rule", "span"),
    [
        (b"X : a\r\n", "space-before-colon", b" "),
        (b"no colon\r\n", "header-line", b"no colon"),
        (b" folded\r\n", "folded-line", b" folded"),
        (b"A: b\n", "bare-lf", b"\n"),
    ],
)
def test_a_line_that_breaks_the_grammar_is_a_finding_at_its_bytes(line: bytes, rule: str, span: bytes) -> None:
    data = b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"B: 2\r\n\r\n"
    head = http1.request(data)
    assert [(f.rule.id, data[f.start : f.end]) for f in head.findings] == [(rule, span)]
    assert head.get("B") == "2", "reading goes on with the next line"


@given(st.one_of(st.binary(max_size=200), soup))
def test_any_bytes_tile_as_a_head_and_as_a_chunk(data: bytes) -> None:
    for field in (http1.request(data).field, http1.response(data).field, http1_bodies.chunk(data, Side.SERVER)[0]):
        assert untiled(field) is None
        assert (field.start, field.end) == (0, len(data))


@pytest.mark.parametrize(
    ("head", "method", "framing"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3", "HEAD", Framing("none")),
        ("HTTP/1.1 204 No\r\nContent-Length: 3", "GET", Framing("none")),
        ("HTTP/1.1 304 No\r\nContent-Length: 3", "GET", Framing("none")),
        ("HTTP/1.1 101 Up", "GET", Framing("none")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3", "GET", Framing("length", 3)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3, 3", "GET", Framing("length", 3)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3, 4", "GET", Framing("close")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: gzip, chunked", "GET", Framing("chunked")),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", "GET", Framing("chunked")),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", "GET", Framing("close")),
        ("HTTP/1.1 200 OK", "GET", Framing("close")),
        ("POST / HTTP/1.1\r\nContent-Length: 7", None, Framing("length", 7)),
        ("POST / HTTP/1.1", None, Framing("none")),
    ],
)
def test_the_body_is_delimited_as_section_6_3_says(head: str, method: str | None, framing: Framing) -> None:
    data = head.encode() + b"\r\n\r\n"
    parsed = http1.request(data) if method is None else http1.response(data)
    assert http1_bodies.framing(parsed, method) == framing


CLIENT = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    b"HEAD / HTTP/1.1\r\n\r\nGET /ws HTTP/1.1\r\nUpgrade: other\r\n\r\nother bytes"
)
SERVER = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n"
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 101 Up\r\n\r\nother bytes"
)


def _split(step: int) -> tuple[Splitter, tuple[array[int], array[int]]]:
    splitter, starts = Splitter(), (array("Q"), array("Q"))
    for end in range(0, max(len(CLIENT), len(SERVER)) + step, step):
        splitter.split([bytearray(CLIENT[:end]), bytearray(SERVER[:end])], starts, [False, False])
    return splitter, starts


def test_parts_of_a_connection_are_found_whatever_the_cuts() -> None:
    whole, starts = _split(10_000)
    assert list(whole.kinds[Side.CLIENT]) == [HEAD, HEAD, BODY, HEAD, HEAD]
    assert list(whole.kinds[Side.SERVER]) == [HEAD, CHUNK, CHUNK, LAST_CHUNK, HEAD, HEAD, BODY, HEAD, HEAD]
    assert [stream[at:] for stream, at in zip((CLIENT, SERVER), whole.at, strict=True)] == [b"other bytes"] * 2
    for step in (1, 2, 7, 50):
        again, there = _split(step)
        assert (again.kinds, again.at, there) == (whole.kinds, whole.at, starts)


def test_a_chunk_says_its_size_its_extension_and_its_data() -> None:
    field, findings = http1_bodies.chunk(b"A;x=y\r\n0123456789\r\n", Side.SERVER)
    assert [child.name for child in field.children] == [
        "chunk size",
        "chunk extension",
        "line end",
        "chunk data",
        "line end",
    ]
    assert (field.find("chunk size").value, field.find("chunk data").value) == (10, b"0123456789")
    assert not findings


def test_what_is_not_a_chunk_is_a_finding_and_the_rest_stays_whole() -> None:
    _, findings = http1_bodies.chunk(b"zz\r\nrest", Side.SERVER)
    assert [(f.rule.id, f.start, f.end) for f in findings] == [("chunk-size", 0, 2)]


def test_elements_leave_commas_in_quotes_alone() -> None:
    assert http1.elements('a="1,2", b ,, "c\\"d,"') == ['a="1,2"', "b", '"c\\"d,"']
