"""The judge: every planted violation is found, at its bytes, with its clause; a live server reacts as the finding said."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from protolab import lab, websocket
from protolab.fields import Side
from protolab.protocols.websocket import rules
from protolab.protocols.websocket.conformance import CASES, REQUESTS, Case, Request, judge_server
from protolab.protocols.websocket.raw import raw_connect
from protolab.wire.websocket_frames import Frame
from tests.decoding import record, sound
from tests.protocols.websocket.heads import ACCEPT, request, response

C, S = Side.CLIENT, Side.SERVER


def _ids(cases: object) -> list[str]:
    return [case.name for case in cases]  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", CASES, ids=_ids(CASES))
def test_a_planted_violation_is_found_at_its_bytes_and_decoding_goes_on(case: Case) -> None:
    deflate = "" if case.deflate else None
    after = Frame(9, b"still here", key=b"abcd").encode()
    said = [(C, request(deflate=deflate)), (S, response(deflate=deflate)), (C, case.said), (C, after)]
    units = list(sound(record(said)))
    found = [(unit.place.number - 2, f.rule, f.start, f.end, f.side) for unit in units for f in unit.findings]
    assert found == [(case.frame, case.rule, *case.span, C)]
    if case.rule is not rules.LENGTH_SIGN:  # no frame can follow one that is that long
        assert units[-1].title == 'ping "still here"'


@pytest.mark.parametrize("case", REQUESTS, ids=_ids(REQUESTS))
def test_a_request_that_breaks_a_rule_is_found(case: Request) -> None:
    names = {"Host": "host", "Upgrade": "upgrade", "Connection": "connection"}
    names |= {"Sec-WebSocket-Key": "key", "Sec-WebSocket-Version": "version"}
    names |= {"Sec-WebSocket-Protocol": "subprotocols", "Sec-WebSocket-Extensions": "extensions"}
    head = request(case.start, **{names[name]: value for name, value in case.headers.items()})
    (unit,) = sound(record([(C, head)]), "websocket")
    (finding,) = unit.findings
    assert finding.rule is case.rule
    where = head[finding.start : finding.end].decode()
    value = next(iter(case.headers.values()), {"POST": "POST", "HTTP/1.0": "HTTP/1.0"}.get(case.name))
    assert where == (case.start + "\r\n" if value is None else value)


def test_a_live_server_reacts_to_every_violation_as_the_finding_says() -> None:
    with lab.start(websocket.EchoServer(compression="deflate"), tap=False) as server:
        verdicts = asyncio.run(judge_server(server.url))
    assert len(verdicts) == len(CASES) + len(REQUESTS)
    assert [verdict for verdict in verdicts if not verdict.agrees] == []


UNREADABLE = [
    request("GET / http/1.1"),
    request("GET /"),
    request("GET /a#b HTTP/1.1"),
    request("GET chat HTTP/1.1"),
    request().replace(b"Host:", b"Host :"),
    request().replace(b"Upgrade:", b"Upgrade"),
    request().replace(b"\r\nUpgrade", b"\r\n folded\r\nUpgrade"),
    request(host="a\0b"),
]


def test_a_live_server_answers_what_cannot_be_read_as_the_finding_says_and_an_upgrade_among_others_with_101() -> None:
    for head in UNREADABLE:
        (unit,) = sound(record([(C, head)]))
        assert "HTTP 400" in [finding.rule.reaction for finding in unit.findings]
    fine = request(upgrade="h2c, WebSocket")
    assert not sound(record([(C, fine)])).findings

    async def statuses(url: str) -> list[int]:
        found = []
        for head in (*UNREADABLE, fine):
            async with raw_connect(url, upgrade=False) as peer:
                found.append(await peer.request(head))
        return found

    with lab.start(websocket.EchoServer(), tap=False) as server:
        assert asyncio.run(statuses(server.url)) == [400] * len(UNREADABLE) + [101]


@pytest.mark.parametrize(
    ("answer", "rule", "span"),
    [
        ({"upgrade": "h2c"}, rules.RESPONSE_UPGRADE, b"h2c"),
        ({"upgrade": "websocket, h2c"}, rules.RESPONSE_UPGRADE, b"websocket, h2c"),
        ({"start": "HTTP/1.0 101 Switching Protocols"}, rules.RESPONSE_VERSION, b"HTTP/1.0"),
        ({"subprotocol": ""}, rules.SUBPROTOCOL, b"Sec-WebSocket-Protocol: "),
        ({"extensions": "x-own; level="}, rules.EXTENSION_ANSWER, b"x-own; level="),
        ({"extensions": "permessage-deflate;"}, rules.EXTENSION_ANSWER, b"permessage-deflate;"),
        ({"connection": "close"}, rules.RESPONSE_CONNECTION, b"close"),
        ({"accept": None}, rules.ACCEPT_MISSING, b"HTTP/1.1 101 Switching Protocols\r\n"),
        ({"accept": "AAAA"}, rules.ACCEPT_WRONG, b"AAAA"),
        ({"subprotocol": "video"}, rules.SUBPROTOCOL, b"video"),
        ({"subprotocol": "chat, superchat"}, rules.SUBPROTOCOL_REPEATED, b"chat, superchat"),
        ({"extensions": "x-own"}, rules.EXTENSION, b"x-own"),
        ({"deflate": "; client_max_window_bits=10"}, rules.AGREEMENT, b"permessage-deflate; client_max_window_bits=10"),
        ({"deflate": "; server_max_window_bits=16"}, rules.AGREEMENT, b"permessage-deflate; server_max_window_bits=16"),
        ({"deflate": "; mystery"}, rules.AGREEMENT, b"permessage-deflate; mystery"),
        (
            {"deflate": "; server_no_context_takeover=1"},
            rules.AGREEMENT,
            b"permessage-deflate; server_no_context_takeover=1",
        ),
    ],
    ids=str,
)
def test_a_response_that_breaks_a_rule_is_found(answer: dict[str, str], rule: object, span: bytes) -> None:
    head = response(**answer)  # type: ignore[arg-type]
    units = sound(record([(C, request(subprotocols="chat, superchat", deflate="")), (S, head)]))
    (finding,) = units[1].findings
    assert (finding.rule, head[finding.start : finding.end], finding.side) == (rule, span, S)


@pytest.mark.parametrize(
    ("offer", "problem"),
    [
        ("; mystery", "mystery is not a parameter of permessage-deflate"),
        ("; server_max_window_bits", "server_max_window_bits needs a value here"),
        ("; server_max_window_bits=7", "server_max_window_bits must be 8 to 15, without leading zero"),
        ("; server_max_window_bits=08", "server_max_window_bits must be 8 to 15, without leading zero"),
        ("; client_no_context_takeover; client_no_context_takeover", "client_no_context_takeover stands twice"),
    ],
)
def test_an_offer_that_must_be_declined_is_found_and_says_why(offer: str, problem: str) -> None:
    head = request(deflate=offer)
    units = sound(record([(C, head), (S, response())]))
    (finding,) = units[0].findings
    assert (finding.rule, finding.message) == (rules.OFFER, problem)
    assert head[finding.start : finding.end].decode() == "permessage-deflate" + offer
    assert problem in units[1].field.find("status line").note, "declined, and why"


@pytest.mark.parametrize(
    ("offers", "answer"),
    [
        ("; client_max_window_bits=10", "; client_max_window_bits=12"),
        ("; server_max_window_bits=10", "; server_max_window_bits=12"),
        ("; server_no_context_takeover; client_max_window_bits, permessage-deflate", "; client_max_window_bits=9"),
    ],
)
def test_an_answer_must_suit_one_of_the_offers_as_a_whole(offers: str, answer: str) -> None:
    units = sound(record([(C, request(deflate=offers)), (S, response(deflate=answer))]))
    assert [f.rule for unit in units for f in unit.findings] == [rules.AGREEMENT]
    offers += ", permessage-deflate; client_max_window_bits"
    units = sound(record([(C, request(deflate=offers)), (S, response(deflate=answer))]))
    assert [f.rule for unit in units for f in unit.findings] == []


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", rules.KEY_REPEATED),
        ("Sec-WebSocket-Version: 13", rules.VERSION),
        ("Host: other", rules.HOST),
        ("Sec-WebSocket-Protocol: chat, chat", rules.SUBPROTOCOL_TWICE),
        ("Sec-WebSocket-Extensions: ;x", rules.EXTENSION_OFFER),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=", rules.EXTENSION_OFFER),
        ('Sec-WebSocket-Extensions: own; a="b c"', rules.EXTENSION_OFFER),
    ],
)
def test_a_header_more_that_breaks_a_rule_is_the_one_finding(name: str, rule: object) -> None:
    head = request()[:-2] + name.encode() + b"\r\n\r\n"
    (unit,) = sound(record([(C, head)]))
    (finding,) = unit.findings
    assert finding.rule is rule
    assert name.encode().endswith(head[finding.start : finding.end])


@pytest.mark.parametrize(
    ("again", "rule"),
    [
        (f"Sec-WebSocket-Accept: {ACCEPT}", rules.ACCEPT_WRONG),
        ("Sec-WebSocket-Extensions: x", rules.EXTENSIONS_REPEATED),
        ("Sec-WebSocket-Protocol: chat", rules.SUBPROTOCOL_REPEATED),
    ],
)
def test_an_answer_that_repeats_a_header_is_found_there(again: str, rule: object) -> None:
    head = response(extensions="x", subprotocol="chat")[:-2] + again.encode() + b"\r\n\r\n"
    units = sound(record([(C, request(extensions="x", subprotocols="chat")), (S, head)]))
    (finding,) = units[1].findings
    assert (finding.rule, finding.end) == (rule, len(head) - 4)


def test_a_compressed_message_that_kept_its_tail_is_found_and_the_next_one_inflates() -> None:
    packer = zlib.compressobj(wbits=-15)
    whole, more = (packer.compress(b"Hello") + packer.flush(zlib.Z_SYNC_FLUSH) for _ in "12")
    for frames in ([Frame(1, whole, rsv1=True)], [Frame(1, whole[:3], False, rsv1=True), Frame(0, whole[3:])]):
        said = [(C, request(deflate="")), (S, response(deflate="")), *((S, frame.encode()) for frame in frames)]
        units = sound(record([*said, (S, Frame(1, more[:-4], rsv1=True).encode())]))
        ((unit, finding),) = units.findings
        assert (finding.rule, unit.data[finding.start : finding.end]) == (rules.TAIL, b"\0\0\xff\xff")
        assert units[-1].title == 'text "Hello", inflated'


def test_without_context_takeover_a_message_that_does_not_inflate_spoils_no_other() -> None:
    deflate = "; server_no_context_takeover"
    broken = [Frame(1, b"\xff\xff", False, rsv1=True), Frame(0, b"?")]
    sound_one = Frame(1, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv1=True)  # RFC 7692 section 7.2.3.1
    said = [(C, request(deflate=deflate)), (S, response(deflate=deflate))]
    units = sound(record([*said, *((S, frame.encode()) for frame in (*broken, sound_one))]))
    assert [finding.rule for _, finding in units.findings] == [rules.INFLATE]
    assert units[-1].title == 'text "Hello", inflated'


def test_a_101_that_nobody_asked_for_is_found() -> None:
    units = sound(record([(C, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (S, response())]))
    assert [(f.rule.id, units[1].data[f.start : f.end]) for f in units[1].findings] == [("switch-unasked", b"101")]


def test_an_extension_that_is_not_known_may_give_reserved_bits_and_opcodes_a_meaning() -> None:
    said = [Frame(1, b"Hello", rsv1=True, rsv2=True, key=b"abcd"), Frame(3, b"own", rsv3=True, key=b"abcd")]
    frames = [(C, frame.encode()) for frame in said]
    assert not any(
        u.findings for u in sound(record([(C, request(extensions="x")), (S, response(extensions="x")), *frames]))
    )
    assert [len(u.findings) for u in sound(record([(C, request(extensions="x")), (S, response()), *frames]))] == [
        0,
        0,
        2,
        2,
    ]


def test_a_start_line_that_cannot_be_read_is_one_finding() -> None:
    units = sound(record([(C, request("GET / http/1.1"))]), "websocket")
    assert [f.rule.id for f in units[0].findings] == ["start-line"]


def test_a_server_that_masks_is_found() -> None:
    units = sound(record([(C, request()), (S, response()), (S, Frame(1, b"Hello", key=b"abcd").encode())]))
    assert [(f.rule.id, f.start, f.end, f.side) for f in units[2].findings] == [("server-masked", 1, 2, S)]


def test_one_frame_may_break_several_rules_and_all_are_found() -> None:
    frame = Frame(0xB, b"x" * 126, fin=False, rsv1=True, rsv2=True, rsv3=True)
    units = sound(record([(C, request()), (S, response()), (C, frame.encode())]))
    ids = sorted(finding.rule.id for finding in units[2].findings)
    expected = [
        "client-unmasked",
        "control-fragmented",
        "control-too-long",
        "reserved-bit",
        "reserved-bit",
        "reserved-bit",
    ]
    assert ids == [*expected, "reserved-opcode"]


def test_every_rule_says_what_where_and_how_to_mend_it() -> None:
    for rule in rules.RULES.values():
        assert rule.says
        assert rule.clause.startswith(("RFC 6455 section", "RFC 7692 section"))
        assert rule.mend
