"""Every rule of HTTP/2 and HPACK that bytes can be seen to break: planted once each, found at its bytes with its clause."""

from __future__ import annotations

import pytest

from protolab.protocols.grpc.rules import RULES
from protolab.wire import http2
from protolab.wire.hpack import PLAIN
from protolab.wire.hpack_encoder import indexed, literal, size_update
from protolab.wire.http2 import Frame
from protolab.wire.http2_settings import (
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    NO_RFC7540_PRIORITIES,
)
from tests.decoding import Said, record, sound
from tests.protocols.grpc.talk import (
    BEGUN,
    CLIENT_START,
    REQUEST,
    START,
    TRAILERS,
    C,
    call,
    client,
    decoded,
    request,
    response,
    server,
    start,
)

H = 9  # where a frame's payload begins
OPEN = [*START, *request()]  # stream 1 is open, the next unit is BEGUN + 1
ANSWERED = [*OPEN, *response()]
SHORT = indexed(3) + indexed(6) + indexed(4)  # a whole request in three bytes


def with_header(name: bytes, value: bytes) -> tuple[list[Said], int, int]:
    """A request with one more header, and the range of that header in its unit."""
    extra = literal(name, value, PLAIN, coded=False)
    return [*START, *request(block=REQUEST + extra)], H + len(REQUEST), H + len(REQUEST) + len(extra)


def headers_case(id: str, clause: str, name: bytes, value: bytes) -> tuple[str, str, str, list[Said], int, int, int]:
    said, first, end = with_header(name, value)
    return f"{id}: {name!r} {value!r}", id, clause, said, BEGUN, first, end


def case(
    id: str, clause: str, said: list[Said], first: int, end: int, unit: int | None = None, note: str = ""
) -> tuple[str, str, str, list[Said], int, int, int]:
    return note or id, id, clause, said, len(said) - 1 if unit is None else unit, first, end


R = "RFC 9113 section "
BIG = {MAX_FRAME_SIZE: 2**20}
CASES = [
    case("preface", R + "3.4", client(b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n"), 11, 24),
    case("preface", R + "3.4", client(http2.settings()), 0, 9, note="no preface"),
    case("first-not-settings", R + "3.4", [CLIENT_START[0], *client(http2.ping())], 3, 4),
    case("first-not-settings", R + "3.4", [*CLIENT_START, *server(http2.ping())], 3, 4, note="server"),
    case("first-not-settings", R + "3.4", [*CLIENT_START, *server(http2.settings(ack=True))], 4, 5, note="ack first"),
    case("frame-too-large", R + "4.2", [*OPEN, *client(http2.data(1, bytes(16385)))], 0, 3),
    case("frame-too-large", R + "4.2", [*start({}, BIG), *request(), *response(), *server(http2.data(1, bytes(16385)))],
         0, 3, note="only the receiver's setting counts"),
    case("reserved-bit", R + "4.1", [*OPEN, *client(Frame(0, 0, 1, b"x", reserved=True))], 5, 6),
    case("unused-flag", R + "4.1", [*START, *client(Frame(http2.PING, 0x10, 0, bytes(8)))], 4, 5),
    *[case(f"{name}-on-stream-0", R + section, [*START, *client(frame)], 5, 9) for name, section, frame in (
        ("data", "6.1", http2.data(0, b"x")),
        ("headers", "6.2", http2.headers(0, SHORT)),
        ("priority", "6.3", http2.priority(0, 3)),
        ("rst-stream", "6.4", http2.rst_stream(0, 0)),
        ("continuation", "6.10", http2.continuation(0, b"")),
    )],
    case("push-promise-on-stream-0", R + "6.6", [*OPEN, *server(http2.push_promise(0, 2, SHORT))], 5, 9),
    *[case(f"{name}-off-stream-0", clause, [*OPEN, *client(frame)], 5, 9) for name, clause, frame in (
        ("settings", R + "6.5", http2.settings()._replace(stream=1)),
        ("ping", R + "6.7", http2.ping()._replace(stream=1)),
        ("goaway", R + "6.8", http2.goaway(0)._replace(stream=1)),
        ("origin", "RFC 8336 section 2.1", Frame(http2.ORIGIN, 0, 1)),
        ("priority-update", "RFC 9218 section 7.1", Frame(http2.PRIORITY_UPDATE, 0, 1, bytes(4))),
    )],
    *[case(f"{name}-size", clause, [*OPEN, *client(frame)], 0, 3) for name, clause, frame in (
        ("priority", R + "6.3", Frame(http2.PRIORITY, 0, 1, bytes(4))),
        ("rst-stream", R + "6.4", Frame(http2.RST_STREAM, 0, 1, bytes(5))),
        ("settings", R + "6.5", Frame(http2.SETTINGS, 0, 0, bytes(7))),
        ("ping", R + "6.7", Frame(http2.PING, 0, 0, bytes(7))),
        ("goaway", R + "6.8", Frame(http2.GOAWAY, 0, 0, bytes(7))),
        ("window-update", R + "6.9", Frame(http2.WINDOW_UPDATE, 0, 1, bytes(3))),
        ("data", R + "6.1", Frame(http2.DATA, http2.PADDED, 1)),
        ("headers", R + "6.2", Frame(http2.HEADERS, http2.PRIORITY_FLAG | 4, 3, bytes(4))),
        ("priority-update", "RFC 9218 section 7.1", Frame(http2.PRIORITY_UPDATE, 0, 0, bytes(3))),
    )],
    case("push-promise-size", R + "6.6", [*OPEN, *server(Frame(http2.PUSH_PROMISE, 4, 1, bytes(3)))], 0, 3),
    case("settings-ack-payload", R + "6.5", [*START, *client(http2.settings({4: 1}, ack=True))], 0, 3),
    case("data-padding", R + "6.1", [*OPEN, *client(Frame(0, 8, 1, b"\x05abcd"))], H, H + 1),
    case("headers-padding", R + "6.2", [*START, *client(Frame(1, 0xC, 1, b"\x05\x82"))], H, H + 1),
    case("push-promise-padding", R + "6.6", [*OPEN, *server(Frame(5, 0xC, 1, b"\x05\0\0\0\x02\x82"))], H, H + 1),
    case("padding-not-zero", R + "6.1", [*OPEN, *client(Frame(0, 8, 1, b"\x02abcd"))], H + 3, H + 5),
    # Settings.
    case("setting-value", R + "6.5.2", [*START, *client(http2.settings({MAX_FRAME_SIZE: 16383}))], H, H + 6),
    case("setting-value", R + "6.5.2", [*START, *client(http2.settings([(1, 0), (ENABLE_PUSH, 2)]))], H + 6, H + 12,
         note="push"),
    case("setting-window", R + "6.5.2", [*START, *client(http2.settings({INITIAL_WINDOW_SIZE: 2**31}))], H, H + 6),
    case("setting-push", R + "6.5.2", [*START, *server(http2.settings({ENABLE_PUSH: 1}))], H, H + 6),
    case("setting-connect", "RFC 8441 section 3",
         [*START, *server(http2.settings([(ENABLE_CONNECT_PROTOCOL, 1), (ENABLE_CONNECT_PROTOCOL, 0)]))], H + 6, H + 12),
    case("setting-priorities", "RFC 9218 section 2.1",
         [*START, *server(http2.settings([(NO_RFC7540_PRIORITIES, 1), (NO_RFC7540_PRIORITIES, 0)]))], H + 6, H + 12),
    case("priority-update-server", "RFC 9218 section 7.1",
         [*OPEN, *server(Frame(http2.PRIORITY_UPDATE, 0, 0, b"\0\0\0\1u=1"))], 3, 4),
    case("priority-update-of-stream-0", "RFC 9218 section 7.1",
         [*START, *client(Frame(http2.PRIORITY_UPDATE, 0, 0, b"\0\0\0\0u=1"))], H, H + 4),
    # Streams.
    case("stream-parity", R + "5.1.1", [*START, *request(2)], 5, 9),
    case("stream-order", R + "5.1.1", [*START, *request(3), *request(1)], 5, 9),
    case("idle-stream", R + "5.1", [*START, *client(http2.data(1, b"x"))], 5, 9),
    case("idle-stream", R + "5.1", [*START, *client(http2.window_update(1, 1))], 5, 9, note="window update"),
    case("idle-stream", R + "5.1", [*START, *server(http2.rst_stream(1, 8))], 5, 9, note="reset"),
    case("idle-stream", R + "5.1", [*START, *response(1)], 5, 9, note="a response to nothing"),
    case("closed-stream", R + "5.1", [*START, *request(1, end=True), *client(http2.data(1, b"x"))], 5, 9),
    case("closed-stream", R + "5.1", [*START, *call(), *server(http2.data(1, b"x"))], 5, 9, note="both ended"),
    case("closed-stream", R + "5.1", [*OPEN, *client(http2.rst_stream(1, 8), http2.window_update(1, 1))], 5, 9,
         note="after its own reset"),
    case("closed-stream", R + "5.1", [*START, *request(3), *client(http2.data(1, b"x"))], 5, 9, note="skipped"),
    case("closed-stream", R + "5.1", [*START, *call(), *request(1, end=True)], 5, 9, note="opened again"),
    case("too-many-streams", R + "5.1.2", [*start({}, {MAX_CONCURRENT_STREAMS: 1}), *request(1), *request(3)], 5, 9),
    case("depends-on-itself", "RFC 7540 section 5.3.1", [*OPEN, *client(http2.priority(1, 1))], H, H + 4),
    case("depends-on-itself", "RFC 7540 section 5.3.1",
         [*START, *client(http2.headers(1, SHORT, pad=1, priority=(1, 16, False)))], H + 1, H + 5, note="in HEADERS"),
    case("client-push", R + "8.4", [*OPEN, *client(http2.push_promise(1, 3, SHORT))], 3, 4),
    case("push-disabled", R + "6.6",
         [*start({ENABLE_PUSH: 0}), *request(), *server(http2.push_promise(1, 2, SHORT))], 3, 4),
    case("stream-parity", R + "5.1.1", [*OPEN, *server(http2.push_promise(1, 3, SHORT))], H, H + 4, note="promise"),
    case("stream-parity", R + "5.1.1", [*OPEN, *server(http2.push_promise(1, 0, SHORT))], H, H + 4, note="promises 0"),
    case("stream-order", R + "5.1.1",
         [*OPEN, *server(http2.push_promise(1, 4, SHORT), http2.push_promise(1, 2, SHORT))], H, H + 4, note="promises"),
    case("goaway-raised", R + "6.8", [*START, *server(http2.goaway(1), http2.goaway(3))], H, H + 4),
    # Header blocks.
    case("header-block-interrupted", R + "4.3",
         [*START, *client(http2.headers(1, SHORT, last=False), http2.ping())], 3, 4),
    case("header-block-interrupted", R + "4.3",
         [*START, *client(http2.headers(1, SHORT, last=False), http2.continuation(3, b""))], 5, 9, note="of another"),
    case("continuation-alone", R + "6.10", [*OPEN, *client(http2.continuation(1, b""))], 3, 4),
    case("hpack-index-0", "RFC 7541 section 6.1", [*START, *request(block=SHORT + b"\x80")], H + 3, H + 4),
    case("hpack-index-beyond", "RFC 7541 section 2.3.3", [*START, *request(block=SHORT + b"\xbe")], H + 3, H + 4),
    case("hpack-integer", "RFC 7541 section 5.1",
         [*START, *request(block=SHORT + b"\xff" + b"\x80" * 6 + b"\0")], H + 3, H + 11),
    case("hpack-huffman", "RFC 7541 section 5.2",
         [*START, *request(block=SHORT + b"\x00\x01x\x84\xff\xff\xff\xff")], H + 7, H + 11),
    case("hpack-cut", R + "4.3", [*START, *request(block=SHORT + b"\x00\x05x")], H + 3, H + 6),
    case("hpack-update-late", "RFC 7541 section 4.2", [*START, *request(block=SHORT + b"\x20")], H + 3, H + 4),
    case("hpack-update-large", "RFC 7541 section 6.3",
         [*START, *request(block=size_update(5000) + SHORT)], H, H + 3),
    case("hpack-update-missing", R + "4.3.1", [*start({}, {HEADER_TABLE_SIZE: 100}), *request()], H, H + 1),
    case("hpack-update-large", "RFC 7541 section 6.3",
         [*start({}, {HEADER_TABLE_SIZE: 100}), *request(block=size_update(101) + SHORT)], H, H + 2, note="lowered"),
    # Headers.
    *[headers_case("header-name", R + "8.2.1", name, b"v") for name in (b"X-Upper", b"two words", b"", b"x\x7f")],
    *[headers_case("header-value", R + "8.2.1", b"x", value) for value in (b"a\0b", b"a\r", b"\nb", b" a", b"a\t")],
    *[headers_case("connection-header", R + "8.2.2", name, b"v") for name in (
        b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")],
    headers_case("te", R + "8.2.2", b"te", b"gzip"),
    headers_case("pseudo-late", R + "8.3", b":authority", b"lab"),
    case("pseudo-unknown", R + "8.3", [*START, *request(block=literal(b":what", b"x", PLAIN, False) + SHORT)], H, H + 9),
    case("pseudo-unknown", R + "8.3", [*START, *request(block=indexed(8) + SHORT)], H, H + 1, note=":status asked"),
    case("pseudo-repeated", R + "8.3", [*START, *request(block=SHORT + indexed(3))], H + 3, H + 4),
    case("pseudo-missing", R + "8.3.1", [*START, *request(block=indexed(3) + indexed(6))], H, H + 2),
    case("pseudo-value", R + "8.3.1", [*START, *request(block=SHORT[:2] + literal(4, b"", PLAIN))], H + 2, H + 4),
    *[case(id, R + section, [*START, *request(block=SHORT + literal(name, value, PLAIN, False))], H + 3,
           H + 5 + len(value), note=f"{name} is {value!r}")
      for id, section, name, value in (("header-value", "8.2.1", 1, b"lab\r\n"), ("header-value", "8.2.1", 1, b" lab"),
                                       ("pseudo-value", "8.3.1", 1, b"me@lab"))],
    *[case("pseudo-value", R + "8.3.1", [*START, *request(block=literal(2, value, PLAIN, False) + SHORT[1:])], H,
           H + 2 + len(value), note=f"method {value!r}") for value in (b"", b"PO ST")],
    case("pseudo-value", R + "8.3.1",
         [*START, *request(block=SHORT + literal(1, b"lab", PLAIN) + literal(38, b"other", PLAIN, False))], H + 8, H + 16,
         note="another host"),
    case("connect", R + "8.5", [*START, *request(block=literal(2, b"CONNECT", PLAIN, False) + indexed(6))], H, H + 10),
    case("status-missing", R + "8.3.2", [*OPEN, *response(block=literal(b"a", b"b", PLAIN, False))], H, H + 5),
    case("status-value", R + "8.3.2", [*OPEN, *response(block=literal(8, b"20", PLAIN, False))], H, H + 4),
    case("status-101", R + "8.6", [*OPEN, *response(block=literal(8, b"101", PLAIN, False))], H, H + 5),
    case("trailer-pseudo", R + "8.1", [*ANSWERED, *response(end=True, block=TRAILERS + indexed(8))],
         H + len(TRAILERS), H + len(TRAILERS) + 1),
    case("trailers-not-last", R + "8.1", [*ANSWERED, *response(block=TRAILERS)], 4, 5),
    case("interim-last", R + "8.1", [*OPEN, *response(end=True, block=literal(8, b"103", PLAIN, False))], 4, 5),
    case("data-before-headers", R + "8.1", [*OPEN, *server(http2.data(1, b"x"))], 3, 4),
    case("content-length", R + "8.1.1",
         [*START, *request(block=SHORT + literal(28, b"3", PLAIN)), *client(http2.data(1, b"four"))], H, H + 4),
    case("content-length", R + "8.1.1",
         [*START, *request(block=SHORT + literal(28, b"3", PLAIN)), *client(http2.data(1, b"2!", end=True))], 0, H + 2,
         note="too little"),
    case("content-length", R + "8.1.1",
         [*START, *request(block=SHORT + literal(28, b"3", PLAIN, False), end=True)], H, H + 7, note="none at all"),
    case("content-length", R + "8.1.1", [*OPEN, *response(block=indexed(8) + literal(28, b"3", PLAIN, False), end=True)],
         H, H + 5, note="an answer of nothing"),
    case("content-length", R + "8.1.1",
         [*OPEN, *response(block=indexed(8) + literal(28, b"3", PLAIN)), *server(http2.data(1, b"2!")),
          *response(end=True, block=TRAILERS)], H, H + len(TRAILERS), note="too little before trailers"),
    *[case("content-length", R + "8.1.1",
           [*START, *request(block=SHORT + literal(28, b"3", PLAIN, False) + literal(28, value, PLAIN, False))], H + 7,
           H + 10 + len(value), note=f"content-length {value!r}") for value in (b"x", b"4", b"-3")],
    # Flow control.
    case("window-update-0", R + "6.9", [*OPEN, *client(http2.window_update(1, 0))], H, H + 4),
    case("connection-window-update-0", R + "6.9", [*OPEN, *client(http2.window_update(0, 0))], H, H + 4),
    case("stream-window-overflow", R + "6.9.1", [*OPEN, *client(http2.window_update(1, 2**31 - 1))], H, H + 4),
    case("window-overflow", R + "6.9.1", [*OPEN, *client(http2.window_update(0, 2**31 - 65535))], H, H + 4),
    case("window-overflow-by-settings", R + "6.9.2",
         [*OPEN, *client(http2.window_update(1, 2**31 - 1 - 65535), http2.settings({INITIAL_WINDOW_SIZE: 65536}))],
         H, H + 6),
    case("beyond-window", R + "6.9.1", [*start({}, {INITIAL_WINDOW_SIZE: 3}), *request(), *client(http2.data(1, b"12345"))],
         H + 3, H + 5),
    case("beyond-window", R + "6.9.1",
         [*OPEN, *client(http2.window_update(0, 1), *[http2.data(1, bytes(16384)) for _ in range(4)])],
         H + 16383, H + 16384, note="connection and stream"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("id", "clause", "said", "unit", "first", "end"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_planted_breach_is_found_at_its_bytes(
    id: str, clause: str, said: list[Said], unit: int, first: int, end: int
) -> None:
    found = [
        (at.place.number, finding.rule.id, finding.rule.clause, finding.start, finding.end)
        for at, finding in sound(record(said), "grpc").findings
        if finding.rule.id in RULES  # what gRPC itself has against it is test_grpc_findings' part
    ]
    assert (unit, id, clause, first, end) in found
    assert {number for number, *_ in found} == {unit}, "what came before was right"
    assert len(found) == 1, found


def test_every_rule_is_planted() -> None:
    assert set(RULES) == {case[1] for case in CASES} | {"cut-off"}
    for rule in RULES.values():
        assert rule.says and rule.mend and rule.clause.startswith("RFC ")


@pytest.mark.parametrize(("stream", "ends"), [(0, "the connection"), (1, "the stream")])
@pytest.mark.parametrize("increment", [0, 2**31 - 1])
def test_a_wrong_window_update_ends_what_it_was_for(stream: int, ends: str, increment: int) -> None:
    ((_, finding),) = sound(record([*OPEN, *client(http2.window_update(stream, increment))]), "grpc").findings
    assert finding.rule.reaction.endswith(f"ends {ends}")


def test_a_stream_of_bytes_that_ends_inside_a_frame_is_a_finding() -> None:
    connection = record([*OPEN, *client(http2.data(1, b"Hello").encode()[:-1])])
    assert not sound(connection, "grpc").findings, "more may come"
    connection.end(C, "FIN")
    ((unit, finding),) = sound(connection, "grpc").findings
    assert (finding.rule.id, finding.start, finding.end) == ("cut-off", 0, len(unit.data))


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", b"200"), (b"GET", b"304"), (b"GET", b"204")])
def test_an_answer_without_content_may_have_a_length(method: bytes, status: bytes) -> None:
    asks = request(block=literal(2, method, PLAIN) + SHORT[1:], end=True)
    block = literal(8, status, PLAIN) + literal(28, b"3", PLAIN)
    assert not decoded(START, asks, response(block=block, end=True)).findings
    assert not decoded(START, asks, response(block=block), server(http2.data(1, end=True))).findings


def test_a_second_reset_is_thrown_away() -> None:
    """Section 5.4.2 lets a peer answer frames so that come long after the first one, as the library h2 does."""
    again = decoded(OPEN, server(http2.rst_stream(1, 8)), client(http2.data(1, b"x")), server(http2.rst_stream(1, 5)))
    assert not again.findings and again[-1].discards


def test_nothing_is_wrong_with_a_sound_conversation() -> None:
    conversation = decoded(START, call(1), call(3), server(http2.goaway(3)), client(http2.goaway(0)))
    assert not conversation.findings and not any(unit.discards for unit in conversation)
