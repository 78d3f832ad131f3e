"""How calls end, and who said so: each origin of a status planted, and live."""

from __future__ import annotations

import pytest

from protolab import grpc, scenes, show
from protolab.fields import Side
from protolab.protocols.grpc import outcomes, status
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.protocols.grpc.outcomes import Calls, Outcome
from protolab.wire import http2
from protolab.wire.protobuf import encode
from tests.decoding import Said, record, sound
from tests.protocols.grpc.talk import REQUEST, START, TRAILERS, client, request, response, server
from tests.protocols.grpc.test_grpc_findings import GET, LIST, asked, header, message

TEXT = message(encode([(1, "9")]))
CALLED = [*START, *request(block=asked(GET, (b"grpc-timeout", b"300m"))), *client(http2.data(1, TEXT, end=True))]


def calls(said: list[Said], apart: float = 0.001) -> Calls:
    connection = record([])
    for number, (side, data) in enumerate(said):
        connection.add(side, data, number * apart)
    conversation = sound(connection, "grpc")
    assert isinstance(conversation, GrpcConversation)
    return outcomes.calls(conversation)


def outcome(*said: Said, apart: float = 0.001) -> Outcome:
    return calls([*CALLED, *said], apart)[0].outcome


def trailers(code: bytes, message: bytes = b"", *more: bytes) -> list[Said]:
    words = header(b"grpc-message", message) if message else b""
    return response(end=True, block=header(b"grpc-status", code) + words + b"".join(more))


def only(code: bytes, message: bytes = b"") -> list[Said]:
    """Trailers-Only."""
    block = header(b":status", b"200") + header(b"content-type", b"application/grpc") + header(b"grpc-status", code)
    return response(end=True, block=block + (header(b"grpc-message", message) if message else b""))


DETAILS = header(b"grpc-status-details-bin", b"CA0")  # a google.rpc.Status of code 13
BAD_GATEWAY = response(end=True, block=header(b":status", b"502"))

CASES: list[tuple[str, list[Said], int | None, str]] = [
    ("a code of the application alone", only(b"5", b"no user"), 5, "application"),
    ("details", [*response(), *trailers(b"13", b"", DETAILS)], 13, "application"),
    ("no such method", only(b"12", b"Method not found!"), 12, "library"),
    ("an exception", [*response(), *trailers(b"2", b"Unexpected <class 'KeyError'>: 1")], 2, "library"),
    ("either", only(b"14"), 14, "application or library"),
    ("OK", [*response(), *server(http2.data(1, TEXT)), *trailers(b"0")], 0, "application"),
    ("no code that there is", only(b"99"), 2, "client's library"),
    ("no number", only(b"five"), 2, "client's library"),
    ("an HTTP status", BAD_GATEWAY, 14, "HTTP"),
    ("trailers without a status", [*response(), *response(end=True, block=header(b"x", b"y"))], 2, "client's library"),
    ("no trailers", [*response(), *server(http2.data(1, TEXT, end=True))], 2, "client's library"),
    ("refused", server(http2.rst_stream(1, 7)), 14, "RST_STREAM"),
    ("too much", server(http2.rst_stream(1, 11)), 8, "RST_STREAM"),
    ("reset without an error", server(http2.rst_stream(1, 0)), 13, "RST_STREAM"),
    ("cancelled", client(http2.rst_stream(1, 8)), 1, "cancelled"),
    ("left out", server(http2.goaway(0)), 14, "GOAWAY"),
    ("a status, and then a reset", [*only(b"5"), *server(http2.rst_stream(1, 0))], 5, "application"),
    ("open", response(), None, "open"),
]


@pytest.mark.parametrize(("said", "code", "by"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_status_is_from_who_said_it(said: list[Said], code: int | None, by: str) -> None:
    found = outcome(*said)
    assert (found.code, found.by) == (code, by)
    assert found.why and str(found)
    assert not found.units or found.units[-1] >= len(CALLED), "the evidence is what came after the request"


def test_what_a_terminal_would_obey_in_a_message_is_spelled() -> None:
    assert "one\\ntwo\\x1b[31m" in str(outcome(*only(b"5", b"one%0Atwo%1B[31m")))


def test_a_deadline_that_passed_is_told_from_a_call_that_was_cancelled() -> None:
    passed = outcome(*client(http2.rst_stream(1, 8)), apart=0.2)
    assert (passed.code, passed.by) == (status.DEADLINE_EXCEEDED, "deadline")
    assert passed.why == "RST_STREAM CANCEL, 0.400 s after the request: its 0.3 s had passed"
    early = outcome(*client(http2.rst_stream(1, 8)), apart=0.1)
    assert (early.code, early.by) == (status.CANCELLED, "cancelled")
    said = outcome(*only(b"4", b"Deadline Exceeded"), apart=0.2)
    assert (said.by, said.why) == ("library", "the deadline of 0.3 s had passed")


def test_a_status_that_comes_after_the_reset_is_thrown_away_and_still_read() -> None:
    said = [*CALLED, *client(http2.rst_stream(1, 8)), *only(b"4", b"late"), *server(http2.rst_stream(1, 0))]
    conversation = sound(record(said), "grpc")
    assert conversation[-2].title.startswith("HEADERS stream 1 status 4 DEADLINE_EXCEEDED: late")
    assert conversation[-2].discards and not conversation.findings
    (call,) = grpc.calls(conversation)
    assert (call.outcome.by, call.ended) == ("cancelled", len(said) - 3)


def test_what_may_be_tried_again_is_said() -> None:
    assert outcome(*server(http2.rst_stream(1, 7))).retryable and outcome(*server(http2.goaway(0))).retryable
    assert not outcome(*server(http2.rst_stream(1, 11))).retryable and not outcome(*only(b"14")).retryable
    assert outcome(*server(http2.goaway(1))).by == "open", "stream 1 is still answered"


def test_a_call_on_a_connection_that_ended_is_unavailable() -> None:
    connection = record(CALLED)
    connection.end(Side.SERVER, "FIN", 1.0)
    (call,) = grpc.calls(show.conversation(connection))
    assert (call.outcome.code, call.outcome.by) == (status.UNAVAILABLE, "connection")


def test_every_code_the_library_never_makes_is_the_application_s() -> None:
    assert {status.name(code) for code in status.APPLICATION_ONLY} == {
        "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "DATA_LOSS",
    }  # fmt: skip
    library = pytest.importorskip("grpc")
    assert [code.name for code in sorted(library.StatusCode, key=lambda each: each.value[0])] == list(status.CODES)


def test_the_maps_are_those_of_the_documents() -> None:
    http = {
        code: status.name(status.from_http(code)) for code in (200, 400, 401, 403, 404, 429, 431, 500, 502, 503, 504)
    }
    assert http == {
        200: "UNKNOWN", 400: "INTERNAL", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "UNIMPLEMENTED",
        429: "UNAVAILABLE", 431: "INTERNAL", 500: "UNKNOWN", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "UNAVAILABLE",
    }  # fmt: skip
    resets = {http2.error(code): status.name(status.from_reset(code)) for code in http2.ERRORS}
    internal = {name for name, code in resets.items() if code == "INTERNAL"}
    assert internal == {
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "FRAME_SIZE_ERROR",
        "COMPRESSION_ERROR", "CONNECT_ERROR",
    }  # fmt: skip
    assert {name: code for name, code in resets.items() if name not in internal} == {
        "REFUSED_STREAM": "UNAVAILABLE", "CANCEL": "CANCELLED", "ENHANCE_YOUR_CALM": "RESOURCE_EXHAUSTED",
        "INADEQUATE_SECURITY": "PERMISSION_DENIED", "STREAM_CLOSED": "UNKNOWN", "HTTP_1_1_REQUIRED": "UNKNOWN",
    }  # fmt: skip


def test_calls_tell_their_kind_counts_and_times() -> None:
    found = calls(
        [*CALLED, *response(), *server(http2.data(1, TEXT)), *trailers(b"0"),
         *request(3, block=asked(LIST)), *client(http2.data(3, message(b""), end=True)), *response(3),
         *request(5, block=REQUEST), *client(http2.data(5, TEXT * 2)), *response(5), *server(http2.data(5, TEXT * 3))]
    )  # fmt: skip
    assert [(call.method, call.kind, call.requests, call.responses, call.deadline) for call in found] == [
        ("GetUser", "unary", 1, 1, 0.3),
        ("ListUsers", "server streaming", 1, 0, None),
        ("C", "bidirectional", 2, 3, None),
    ]
    assert found.on(1).seconds == pytest.approx(0.004) and found.on(3).seconds is None
    assert found.on(1).service == "user_service.UserService" and found.on(1).declared.startswith("rpc GetUser(")
    with pytest.raises(KeyError, match="no call on stream 7; there are: 1, 3, 5"):
        found.on(7)
    assert str(found).startswith("stream 1: GetUser, unary, 1 request, 1 response, within 0.3 s: status 0 OK")


def test_the_recorded_calls_end_as_they_were_meant_to() -> None:
    first, second = scenes.recording("grpc/errors").connections
    ends = [(call.method, call.outcome.name, call.outcome.by) for each in (first, second) for call in _of(each)]
    assert ends == [
        ("GetUser", "NOT_FOUND", "application"),
        ("CreateUser", "INVALID_ARGUMENT", "application"),
        ("Nothing", "UNIMPLEMENTED", "library"),
        ("Fail", "INTERNAL", "application"),
        ("Wait", "DEADLINE_EXCEEDED", "deadline"),
        ("Double", "CANCELLED", "cancelled"),
        ("Echo", "OK", "application"),
    ]
    assert _of(first).on(3).outcome.details == ("google.rpc.BadRequest",)
    assert b"secret" not in second.read(Side.SERVER)
    (retried,) = scenes.recording("grpc/retry").connections
    assert [(call.attempts, call.outcome.name) for call in _of(retried)] == [
        (0, "UNAVAILABLE"),
        (1, "UNAVAILABLE"),
        (2, "OK"),
    ]


def _of(connection: object) -> Calls:
    return grpc.calls(show.conversation(connection))


def test_calls_are_drawn_on_a_timeline() -> None:
    drawn = show.timeline(_of(scenes.recording("grpc/four-calls"))).text()
    assert "stream 5: Sum" in drawn and "OK, by: application" in drawn


def test_a_plain_request_is_no_call() -> None:
    plain = header(b":method", b"GET") + header(b":scheme", b"http") + header(b":path", b"/")
    assert calls([*START, *request(block=plain, end=True), *response(end=True, block=header(b":status", b"200"))]) == ()
    assert str(calls(START)) == "no calls"


def test_midway_a_call_is_known_by_its_response() -> None:
    said = [*response(), *server(http2.data(1, TEXT)), *response(end=True, block=TRAILERS)]
    conversation = sound(record(said, midway=True), "grpc")
    assert isinstance(conversation, GrpcConversation)
    (call,) = outcomes.calls(conversation)
    assert (call.path, call.responses, call.outcome.code) == ("", 1, 0)
