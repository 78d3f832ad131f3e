"""Every rule of gRPC that bytes can be seen to break: planted once each, found at its bytes with its clause."""

from __future__ import annotations

import gzip
import re

import pytest

from protolab.protocols.grpc.grpc_rules import RULES
from protolab.wire import http2
from protolab.wire.hpack import PLAIN
from protolab.wire.hpack_encoder import indexed, literal
from protolab.wire.protobuf import encode
from tests.decoding import Said, record, sound
from tests.protocols.grpc.talk import BEGUN, RESPONSE, START, TRAILERS, client, request, response, server

H = http2.HEAD_SIZE
GET, LIST = b"/user_service.UserService/GetUser", b"/user_service.UserService/ListUsers"


def header(name: bytes, value: bytes) -> bytes:
    return literal(name, value, PLAIN, coded=False)


def asked(path: bytes = b"/a.B/C", *more: tuple[bytes, bytes], without: bytes = b"", method: bytes = b"POST") -> bytes:
    """A request's header block: everything that it must have, but one, and more."""
    names = {
        b":method": method,
        b":scheme": b"http",
        b":path": path,
        b"te": b"trailers",
        b"content-type": b"application/grpc",
    }
    return b"".join(header(n, v) for n, v in names.items() if n != without) + b"".join(header(*each) for each in more)


def message(body: bytes, flag: int = 0, length: int | None = None) -> bytes:
    return bytes([flag]) + (len(body) if length is None else length).to_bytes(4) + body


TEXT = message(encode([(1, "9")]))
OPEN = [*START, *request()]
ANSWERED = [*OPEN, *client(http2.data(1, TEXT, end=True)), *response()]
CALLED = [*START, *request(block=asked(GET))]

Case = tuple[str, str, list[Said], int, int, int]


def case(id: str, said: list[Said], first: int, end: int, unit: int | None = None, note: str = "") -> Case:
    return note or id, id, said, len(said) - 1 if unit is None else unit, first, end


def extra(id: str, name: bytes, value: bytes) -> Case:
    """One more header in a request."""
    block = asked()
    last = H + len(block) + len(header(name, value))
    return case(
        id, [*START, *request(block=asked(b"/a.B/C", (name, value)))], H + len(block), last, note=f"{id} {value!r}"
    )


def trailer(id: str, name: bytes, value: bytes, status: bytes = TRAILERS) -> Case:
    """One more header in the trailers."""
    block = status + header(name, value)
    return case(
        id, [*ANSWERED, *response(end=True, block=block)], H + len(status), H + len(block), note=f"{id} {value!r}"
    )


def status(value: bytes) -> bytes:
    return header(b"grpc-status", value)


def ending(id: str, value: bytes) -> Case:
    """A grpc-status."""
    block = status(value)
    return case(id, [*ANSWERED, *response(end=True, block=block)], H, H + len(block), note=f"{id} {value!r}")


def whole(id: str, block: bytes, note: str = "") -> Case:
    """A rule that a request breaks as a whole."""
    return case(id, [*START, *request(block=block)], H, H + len(block), note=note)


METHOD = header(b":method", b"GET")
BEFORE_PATH = header(b":method", b"POST") + header(b":scheme", b"http")
STATUS_200 = indexed(8)
NO_TE = asked(without=b"te")
DETAILS = b"grpc-status-details-bin"
FIVE = status(b"5")
GZIP = asked(b"/a.B/C", (b"grpc-encoding", b"gzip"))
ASKED_ONCE = client(http2.data(1, TEXT, end=True))
BAD_GATEWAY, NO_PAGE = header(b":status", b"502"), header(b":status", b"404")
ONLY_GZIP = asked(b"/a.B/C", (b"grpc-accept-encoding", b"identity,gzip"))
SNAPPY = header(b"grpc-encoding", b"snappy")

CASES = [
    case("grpc-method", [*START, *request(block=asked(method=b"GET"))], H, H + len(METHOD)),
    case("grpc-scheme", [*START, *request(block=asked().replace(b"\x04http", b"\x04file"))],
         H + len(header(b":method", b"POST")), H + len(BEFORE_PATH)),
    *[case("grpc-path", [*START, *request(block=asked(path))], H + len(BEFORE_PATH),
           H + len(BEFORE_PATH) + len(header(b":path", path)), note=f"grpc-path {path!r}")
      for path in (b"/GetUser", b"/a.B/", b"/a.B/C?x=1")],
    whole("grpc-te", NO_TE),
    whole("grpc-content-type", asked(without=b"content-type"), "no content-type"),
    case("grpc-content-type", [*START, *request(block=asked(without=b"content-type") + header(b"content-type", b"text/html"))],
         H + len(asked(without=b"content-type")), H + len(asked(without=b"content-type") + header(b"content-type", b"text/html")),
         note="another content-type"),
    *[extra("grpc-timeout", b"grpc-timeout", value) for value in
      (b"123456789n", b"1 S", b"0S", b"5", b"S", b"-1S", b"5s", b"")],
    extra("grpc-encoding", b"grpc-encoding", b"zip"),
    case("grpc-repeated", [*START, *request(block=asked(b"/a.B/C", *[(b"grpc-timeout", b"1S")] * 2))],
         H + len(asked()) + len(header(b"grpc-timeout", b"1S")), H + len(asked()) + 2 * len(header(b"grpc-timeout", b"1S"))),
    trailer("grpc-repeated", b"grpc-status", b"5"),
    extra("metadata-name", b"x!y", b"1"),
    extra("metadata-reserved", b"grpc-mine", b"1"),
    extra("metadata-reserved", b"grpc-status", b"0"),
    extra("metadata-value", b"x-name", b"caf\xc3\xa9"),
    *[extra("metadata-base64", b"x-bin", value) for value in (b"a", b"ab=", b"a b", b"YQ==,*")],
    trailer("metadata-reserved", b"grpc-timeout", b"1S"),
    case("grpc-request-trailers", [*OPEN, *request(block=header(b"x", b"y"), end=True)], H, H + len(header(b"x", b"y"))),
    case("message-flag", [*OPEN, *client(http2.data(1, message(b"\x08\x01", 2)))], H, H + 1),
    case("message-flag", [*OPEN, *client(http2.data(1, TEXT + message(b"\x08\x01", 0x81)))], H + len(TEXT), H + len(TEXT) + 1,
         note="the second message's flag"),
    case("message-compressed", [*OPEN, *client(http2.data(1, message(gzip.compress(b"\x08\x01"), 1)))], H, H + 1),
    case("message-decompression", [*START, *request(block=GZIP), *client(http2.data(1, message(b"no gzip", 1)))], H + 5, H + 12),
    case("message-decompression", [*START, *request(block=GZIP), *client(http2.data(1, message(gzip.compress(b"x")[:-4], 1)))],
         H + 5, H + 5 + len(gzip.compress(b"x")) - 4, note="cut off gzip"),
    case("message-decompression", [*START, *request(block=GZIP), *client(http2.data(1, message(gzip.compress(b"x") + b"!", 1)))],
         H + 5, H + 6 + len(gzip.compress(b"x")), note="more than gzip"),
    case("message-truncated", [*OPEN, *client(http2.data(1, TEXT + message(b"\x08\x01", length=3), end=True))],
         H + len(TEXT), H + len(TEXT) + 7),
    case("message-truncated", [*OPEN, *client(http2.data(1, TEXT[:3]), http2.data(1, TEXT[3:-1]), http2.data(1, b"", end=True))],
         4, 5, note="no byte in the last frame"),
    case("message-truncated", [*ANSWERED, *server(http2.data(1, TEXT[:4])), *response(end=True, block=TRAILERS)], 4, 5,
         note="trailers inside a message"),
    case("message-too-long", [*OPEN, *client(http2.data(1, message(b"", length=4 * 2**20 + 1)))], H + 1, H + 5),
    case("message-too-long", [*OPEN, *client(http2.data(1, b"\0\0"), http2.data(1, b"\x50\0\0..."))], H, H + 3,
         note="the length over two frames"),
    case("message-count", [*CALLED, *client(http2.data(1, TEXT + TEXT))], H + len(TEXT), H + 2 * len(TEXT)),
    case("message-count", [*CALLED, *client(http2.data(1, b"", end=True))], 4, 5, note="no request"),
    case("message-count", [*CALLED, *ASKED_ONCE, *response(), *server(http2.data(1, TEXT), http2.data(1, TEXT))],
         H, H + len(TEXT), note="two responses"),
    case("message-count", [*CALLED, *ASKED_ONCE, *response(), *response(end=True, block=TRAILERS)], 4, 5,
         note="OK without a response"),
    case("grpc-http-status", [*OPEN, *response(block=BAD_GATEWAY + FIVE, end=True)], H, H + len(BAD_GATEWAY),
         note="with grpc-status"),
    *[case("grpc-http-status", [*OPEN, *response(block=NO_PAGE + more, end=True)], H, H + len(NO_PAGE), note=f"404 {more!r}")
      for more in (b"", header(b"content-type", b"text/html"))],
    case("grpc-response-type", [*OPEN, *response(block=STATUS_200)], H, H + 1),
    case("grpc-response-type", [*OPEN, *response(block=STATUS_200 + header(b"content-type", b"text/html"))], H + 1,
         H + 1 + len(header(b"content-type", b"text/html")), note="another response type"),
    case("grpc-encoding-not-accepted", [*START, *request(block=ONLY_GZIP), *response(block=RESPONSE + SNAPPY)],
         H + len(RESPONSE), H + len(RESPONSE + SNAPPY)),
    case("grpc-status-missing", [*ANSWERED, *response(end=True, block=header(b"x", b"y"))], H, H + len(header(b"x", b"y"))),
    case("grpc-status-missing", [*OPEN, *response(end=True)], H, H + len(RESPONSE), note="headers alone"),
    case("grpc-status-missing", [*ANSWERED, *server(http2.data(1, TEXT, end=True))], 4, 5, note="DATA ends the stream"),
    *[ending("grpc-status-form", value) for value in (b"05", b"00", b"NOT_FOUND", b"5.0", b"-1", b"")],
    ending("grpc-status-unknown", b"17"),
    ending("grpc-status-unknown", b"12345678901234567890"),
    case("grpc-status-early", [*OPEN, *response(block=RESPONSE + FIVE)], H + len(RESPONSE), H + len(RESPONSE + FIVE)),
    *[trailer("grpc-message", b"grpc-message", value, FIVE) for value in (b"100%", b"caf\xc3\xa9", b"%zz")],
    trailer("grpc-details-ok", DETAILS, b"CAA"),
    trailer("grpc-details-code", DETAILS, b"CAY", FIVE),
    trailer("grpc-details", DETAILS, b"KAU", FIVE),
    trailer("grpc-details", DETAILS, b"////", FIVE),
    case("message-after-trailers", [*ANSWERED, *response(block=TRAILERS), *server(http2.data(1, TEXT))], H, H + len(TEXT)),
]  # fmt: skip


@pytest.mark.parametrize(("id", "said", "unit", "first", "end"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_planted_breach_is_found_at_its_bytes(id: str, said: list[Said], unit: int, first: int, end: int) -> None:
    found = [
        (at.place.number, finding.rule.id, finding.start, finding.end)
        for at, finding in sound(record(said), "grpc").findings
        if finding.rule.id != "trailers-not-last"  # of HTTP/2: needed to plant a message after trailers
    ]
    assert found == [(unit, id, first, end)]


def test_every_rule_is_planted_and_says_what_to_do() -> None:
    assert set(RULES) == {each[1] for each in CASES}
    for rule in RULES.values():
        assert re.match(r"(PROTOCOL-HTTP2|compression|statuscodes)\.md, ", rule.clause)
        assert rule.says and rule.mend


def test_a_request_of_plain_http2_is_judged_as_nothing_more() -> None:
    block = header(b":method", b"GET") + header(b":scheme", b"https") + header(b":path", b"/index.html")
    block += header(b"accept", b"*/*") + header(b"te", b"trailers")  # as Firefox says
    answer = header(b":status", b"404") + header(b"content-type", b"text/html")
    said = [
        *START,
        *request(block=block, end=True),
        *response(block=answer),
        *server(http2.data(1, b"\x05none", end=True)),
    ]
    assert len(said) > BEGUN and not sound(record(said), "grpc").findings


def test_a_page_that_answers_a_call_is_read_as_no_messages() -> None:
    for status, rule in ((b"502", "grpc-http-status"), (b"200", "grpc-response-type")):
        block = header(b":status", status) + header(b"content-type", b"text/html")
        said = [*OPEN, *ASKED_ONCE, *response(block=block), *server(http2.data(1, b"<html>", end=True))]
        conversation = sound(record(said), "grpc")
        assert [finding.rule.id for _, finding in conversation.findings] == [rule]
        assert conversation[-1].bytes_of("data") == b"<html>"


def test_another_protocol_at_the_path_of_a_call_is_none() -> None:
    block = asked(GET, (b"connect-protocol-version", b"1"), without=b"te").replace(b"/grpc", b"/json")
    said = [*START, *request(block=block), *client(http2.data(1, b'{"id": "1"}', end=True))]
    assert not sound(record(said), "grpc").findings


@pytest.mark.parametrize(
    "type", [b"application/grpc", b"application/grpc+proto", b"application/grpc;x=y", b"application/grpc+json"]
)
def test_every_content_type_of_grpc_is_taken(type: bytes) -> None:
    block = asked(without=b"content-type") + header(b"content-type", type)
    assert not sound(record([*START, *request(block=block)]), "grpc").findings


def test_wrong_protobuf_is_found_where_it_stands_in_the_frame() -> None:
    wrong = message(b"\x0a\x05ab")
    ((unit, finding),) = sound(record([*CALLED, *client(http2.data(1, wrong, end=True))]), "grpc").findings
    assert (finding.rule.id, finding.start, finding.end) == ("protobuf-truncated", H + 6, H + len(wrong))
    assert unit.title == "DATA stream 1 GetUser {unparsed}, END_STREAM"


def test_wrong_protobuf_over_two_frames_is_found_in_the_last() -> None:
    wrong = message(b"\x0a\x02\xff\xff")
    said = [*CALLED, *client(http2.data(1, wrong[:7]), http2.data(1, wrong[7:], end=True))]
    ((unit, finding),) = sound(record(said), "grpc").findings
    assert (unit.place.number, finding.rule.id, finding.start, finding.end) == (BEGUN + 2, "protobuf-utf8", H, H + 1)


def test_bytes_that_nothing_calls_protobuf_break_none_of_its_rules() -> None:
    assert not sound(record([*OPEN, *client(http2.data(1, message(b"\xff\xff"), end=True))]), "grpc").findings
    proto = asked(without=b"content-type") + header(b"content-type", b"application/grpc+proto")
    said = [*START, *request(block=proto), *client(http2.data(1, message(b"\xff\xff"), end=True))]
    assert [finding.rule.id for _, finding in sound(record(said), "grpc").findings] == ["protobuf-truncated"]


def test_a_list_takes_many_answers_and_needs_none() -> None:
    said = [*START, *request(block=asked(LIST)), *client(http2.data(1, message(b""), end=True))]
    assert not sound(record([*said, *response(), *response(end=True, block=TRAILERS)]), "grpc").findings
    user = message(encode([(1, "1")]))
    many = [*said, *response(), *server(http2.data(1, user * 3)), *response(end=True, block=TRAILERS)]
    assert not sound(record(many), "grpc").findings
