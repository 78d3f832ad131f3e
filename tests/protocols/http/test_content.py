"""Content-Encoding undone: what a compressed body says, and what is found where it does not say it."""

from __future__ import annotations

import gzip
import subprocess
import zlib
from pathlib import Path

import pytest

from protolab import protocols
from protolab.fields import Derived, Side
from protolab.units import Unit
from protolab.wire import http1_content
from tests.decoding import Said, derived, facts, record, sound
from tests.tools import need

C, S = Side.CLIENT, Side.SERVER
TEXT = b"What is said again and again is said in fewer bytes. " * 20
GET = (C, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


def whole(body: bytes, coding: str) -> Said:
    return S, f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(body: bytes, coding: str, size: int) -> Said:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return S, head + b"".join(b"%x;n=v\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def last(said: Said) -> Unit:
    return sound(record([GET, said]), "http")[-1]


BODIES = {
    "gzip": gzip.compress(TEXT),
    "X-GZIP": gzip.compress(TEXT[:300]) + gzip.compress(TEXT[300:]),
    "deflate": zlib.compress(TEXT),
    "deflate, gzip": gzip.compress(zlib.compress(TEXT)),
    "identity, gzip": gzip.compress(TEXT) + bytes(7),
}


@pytest.mark.parametrize("coding", BODIES)
def test_a_body_says_its_content_whole_or_in_chunks(coding: str) -> None:
    body = BODIES[coding]
    for said in (whole(body, coding), chunked(body, coding, 1), chunked(body, coding, 40)):
        unit = last(said)
        assert derived(unit.field, "content").data == TEXT
        assert not unit.findings


def test_the_content_of_chunks_says_where_they_stand() -> None:
    connection = record([GET, chunked(BODIES["gzip"], "gzip", 10)])
    content: Derived = derived(sound(connection, "http")[-1].field, "content")
    assert b"".join(connection.read(*source) for source in content.sources) == BODIES["gzip"]
    assert content.how == f"gzip: inflated from {len(BODIES['gzip'])} to {len(TEXT)} bytes"


def test_a_request_has_content_as_well_and_the_next_one_has_its_own() -> None:
    body = zlib.compress(TEXT)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % len(body)
    units = sound(record([(C, head + b"Content-Encoding: deflate\r\n\r\n" + body + head + b"\r\n" + body)]), "http")
    assert [[found.data for found in unit.field.derived] for unit in units] == [[], [TEXT], [], []]


@pytest.mark.parametrize(
    ("body", "coding", "says"),
    [
        (BODIES["gzip"][:-9], "gzip", "cut off"),
        (BODIES["gzip"][:50] + b"\xff" + BODIES["gzip"][51:], "gzip", "not gzip"),
        (BODIES["gzip"][:-8] + bytes(8), "gzip", "not gzip"),  # the checksum is wrong
        (TEXT, "gzip", "not gzip"),
        (BODIES["deflate"] + b"more", "deflate", "4 bytes follow"),
        (BODIES["deflate"][2:-4], "deflate", "without the zlib format"),
        (BODIES["deflate"], "deflate, gzip", "not gzip"),
    ],
)
def test_a_body_that_is_not_what_its_coding_says_is_found(body: bytes, coding: str, says: str) -> None:
    for said in (whole(body, coding), chunked(body, coding, 30)):
        unit = last(said)
        (finding,) = unit.findings
        assert (finding.rule.id, finding.start, finding.end) == ("content-encoding", 0, len(unit.data))
        assert says in finding.message


@pytest.mark.parametrize(
    ("body", "coding", "says"),
    [
        (zlib.compress(bytes(http1_content.LIMIT + 1)), "deflate", "more than"),
        (gzip.compress(b"") * (http1_content.MEMBERS + 1), "gzip", "members"),
        (b"?", "br", "br is not undone here"),
    ],
)
def test_what_is_past_a_bound_or_not_known_is_said_and_no_breach(body: bytes, coding: str, says: str) -> None:
    unit = last(whole(body, coding))
    assert (unit.findings, unit.field.derived) == ((), ())
    assert says in unit.field.note


def test_no_body_needs_no_content() -> None:
    assert not last(chunked(b"", "gzip", 1)).findings


def test_the_content_is_there_whichever_unit_is_asked_for_first() -> None:
    said = [GET, chunked(BODIES["gzip"], "gzip", 1), *[GET] * 300, whole(b"", "gzip")]
    walked = [facts(unit) for unit in sound(record(said), "http")]
    at = next(number for number, unit in enumerate(walked) if unit[0] == "last chunk")
    fresh = protocols.decode(record(said), "http")
    assert facts(fresh[-1]) == walked[-1]
    assert facts(fresh[at]) == walked[at]
    assert facts(protocols.decode(record(said), "http")[at]) == walked[at]


def test_tshark_reads_the_same_content(tmp_path: Path) -> None:
    tshark, file = need("tshark"), tmp_path / "content.pcapng"
    said = [
        GET,
        whole(BODIES["gzip"], "gzip"),
        GET,
        chunked(BODIES["deflate"], "deflate", 40),
        GET,
        whole(TEXT, "identity"),
    ]
    connection = record(said)
    connection.capture.save(file)
    command = [
        tshark,
        "-r",
        str(file),
        "-d",
        "tcp.port==8765,http",
        "-Y",
        "http.response",
        "-T",
        "fields",
        "-e",
        "http.file_data",
    ]
    read = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    units = [unit for unit in sound(connection, "http") if unit.kind in ("body", "last chunk")]
    ours = [unit.field.derived[0].data if unit.field.derived else unit.data for unit in units]
    assert [bytes.fromhex(line) if _hex(line) else line.encode() for line in read] == ours == [TEXT] * 3


def _hex(line: str) -> bool:
    """tshark 4.0 and older print the bytes as text, later ones in hexadecimal."""
    return set(line) <= set("0123456789abcdef")
