"""Decoding WebSocket connections: the laws for any bytes and any cut, then what conversations say."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import protocols, websocket
from protolab.capture import Connection
from protolab.fields import Side
from protolab.wire.websocket_frames import Frame
from tests.decoding import Said, derived, facts, record, sound
from tests.protocols.websocket.heads import KEY, request, response

C, S = Side.CLIENT, Side.SERVER
MASK = b"\x01\x80\xfe\x7f"


def client(opcode: int, payload: bytes = b"", **more: object) -> Said:
    return C, Frame(opcode, payload, key=MASK, **more).encode()  # type: ignore[arg-type]


def server(opcode: int, payload: bytes = b"", **more: object) -> Said:
    return S, Frame(opcode, payload, **more).encode()  # type: ignore[arg-type]


CONVERSATION: list[Said] = [
    (C, request(subprotocols="chat, superchat")),
    (S, response(subprotocol="chat")),
    client(1, b"Hello"),
    server(1, b"Hello"),
    client(1, "caf\u00e9".encode()[:4], fin=False),
    client(9, b"are you there"),
    server(10, b"are you there"),
    client(0, "caf\u00e9".encode()[4:]),
    server(2, bytes(range(256)) * 2),
    server(10, b"nobody asked"),
    client(8, b"\x03\xe8bye"),
    server(8, b"\x03\xe8bye"),
]  # fmt: skip


def packed(*texts: bytes) -> list[bytes]:
    """The texts as permessage-deflate payloads with context takeover."""
    packer = zlib.compressobj(wbits=-15)
    return [(packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4] for text in texts]


# The laws.

segments = st.one_of(
    st.tuples(st.sampled_from(Side), st.binary(max_size=60)),
    st.sampled_from(CONVERSATION),
    st.builds(
        lambda side, *frame: (side, Frame(*frame).encode()),
        st.sampled_from(Side),
        st.integers(0, 15),
        st.binary(max_size=130),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.one_of(st.none(), st.binary(min_size=4, max_size=4)),
    ),
)


@given(st.lists(segments, max_size=12), st.booleans(), st.booleans())
@settings(max_examples=1000, deadline=None)
def test_any_bytes_decode_and_every_byte_is_explained(said: list[Said], midway: bool, deflate: bool) -> None:
    opening = [] if midway else [(C, request(deflate="")), (S, response(deflate=""))] if deflate else CONVERSATION[:2]
    sound(record([*opening, *said], midway), "websocket")
    sound(record(said, midway))


def whole() -> tuple[Connection, list[tuple[object, ...]]]:
    connection = record(CONVERSATION)
    return connection, [facts(unit) for unit in sound(connection)]


def test_every_prefix_decodes_and_what_was_complete_stays_the_same() -> None:
    _, expected = whole()
    growing = record([])
    conversation = protocols.decode(growing, "websocket")
    for side, data in CONVERSATION:
        for at in range(len(data)):
            growing.add(side, data[at : at + 1])
            conversation.update()
            complete = [facts(unit) for unit in conversation if unit.place.complete]
            assert complete == expected[: len(complete)]
            assert len(conversation) - len(complete) <= 1
        sound(growing, "websocket")
    assert [facts(unit) for unit in conversation] == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_result_does_not_depend_on_how_tcp_cut_the_bytes(seed: int) -> None:
    _, expected = whole()
    chance = random.Random(seed)
    cut: list[Said] = []
    for side, data in CONVERSATION:
        while data:
            size = chance.randint(1, 9)
            cut.append((side, data[:size]))
            data = data[size:]
    assert [facts(unit) for unit in sound(record(cut))] == expected


def test_a_unit_reached_by_its_number_is_the_unit_met_on_the_way() -> None:
    texts = [f"message {number} of many".encode() for number in range(600)]
    said = [(C, request(deflate="")), (S, response(deflate=""))]
    said += [client(1, data, rsv1=True) if i % 3 else client(9, b"%d" % i) for i, data in enumerate(packed(*texts))]
    conversation = protocols.decode(record(said))
    assert len(conversation) == 602
    walked = [facts(unit) for unit in conversation]
    fresh = protocols.decode(record(said))
    for number in (601, 0, 300, 256, 255, 511, -1):
        assert facts(fresh[number]) == walked[number]
    assert [facts(unit) for unit in fresh[250:260]] == walked[250:260]
    assert facts(fresh.at(C, fresh[400].place.end - 1)) == walked[400]


# What conversations say.


def test_the_handshake_spells_out_the_accept_derivation() -> None:
    heads = sound(record(CONVERSATION))[:2]
    accept = heads[1].field.find("Sec-WebSocket-Accept")
    assert accept.value == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455 section 1.3"
    joined, digest, encoded = accept.derived
    assert joined.data == KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    assert digest.data.hex() == "b37a4f2cc0624f1690f64606cf385945b2bec4ea", "RFC 6455 section 1.3"
    assert encoded.data == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    (source,) = joined.sources
    assert record(CONVERSATION).read(source.side, source.start, source.end) == KEY.encode()
    assert len(heads[0].field.find("Sec-WebSocket-Key").derived[0].data) == 16


def test_a_masked_frame_shows_its_payload_unmasked() -> None:
    unit = sound(record(CONVERSATION))[2]
    assert [(f.name, f.value) for f in unit.field.children] == [
        ("FIN", True),
        ("RSV1", False),
        ("RSV2", False),
        ("RSV3", False),
        ("opcode", 1),
        ("MASK", True),
        ("payload length", 5),
        ("masking key", MASK),
        ("payload", "Hello"),
    ]
    assert derived(unit.field, "unmasked payload").data == b"Hello"
    assert unit.title == 'text "Hello"'


def test_fragments_are_joined_and_say_where_they_came_from() -> None:
    connection = record(CONVERSATION)
    units = sound(connection)
    message = derived(units[7].field, "text message")
    assert message.data.decode() == message.field.value == "caf\u00e9"
    pieces = [connection.read(source.side, source.start, source.end) for source in message.sources]
    assert [websocket.Frame.decode(b"\x81\x84" + MASK + pieces[0]).payload, len(pieces[1])] == [b"caf\xc3", 1]
    assert not units.findings, "a character may be split between fragments"


def test_a_pong_nobody_asked_for_is_a_discard() -> None:
    units = sound(record(CONVERSATION))
    assert [(unit.title, [discard.clause for discard in unit.discards]) for unit in units if unit.discards] == [
        ('pong "nobody asked"', ["RFC 6455 section 5.5.3"])
    ]


def test_close_frames_show_code_and_reason() -> None:
    unit = sound(record(CONVERSATION))[11]
    assert unit.title == 'close 1000 "bye"'
    assert (unit.field.find("close code").value, unit.field.find("close reason").value) == (1000, "bye")


def test_data_after_close_is_a_finding_and_thrown_away() -> None:
    units = sound(record([*CONVERSATION, client(1, b"late"), server(9, b"late")]))
    assert [f.rule.id for f in units[12].findings] == ["data-after-close"]
    assert [bool(unit.discards) for unit in units[12:]] == [True, True]
    assert not units[13].findings, "a control frame after Close is ignored, not forbidden"


def test_a_refused_upgrade_stays_http() -> None:
    refusal = b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 3\r\n\r\nno\n"
    again = [(C, request()), (S, response()), client(1, b"hi")]
    units = sound(record([(C, request(version="8")), (S, refusal), *again]))
    assert [unit.kind for unit in units] == [
        "request head",
        "response head",
        "body",
        "request head",
        "response head",
        "frame",
    ]
    assert [f.rule.id for unit in units for f in unit.findings] == ["version"]


def test_frames_before_the_answer_are_too_early() -> None:
    units = sound(record([(C, request() + client(1, b"eager")[1]), (S, response()), client(1, b"fine")]))
    assert [[f.rule.id for f in unit.findings] for unit in units] == [[], ["early-data"], [], []]


def test_what_comes_before_any_answer_is_frames_or_http_as_the_answer_says() -> None:
    early = client(1, b"eager")[1]
    growing = record([(C, request() + early)])
    conversation = protocols.decode(growing, "websocket")
    assert [(unit.kind, unit.place.complete, len(unit.findings)) for unit in conversation][1:] == [
        ("early data", False, 1)
    ]
    growing.add(S, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    conversation.update()
    assert [facts(unit) for unit in conversation] == [facts(unit) for unit in sound(growing)]
    assert conversation[-1].kind == "request head"


def test_a_capture_that_starts_midway_says_what_it_cannot_know() -> None:
    _, second = packed(b"Hello Hello", b"Hello again")
    said = [client(0, b"end of something"), client(1, second, rsv1=True), server(10, b"?"), server(1, b"plain")]
    units = sound(record(said, midway=True))
    assert not units.findings
    assert not any(unit.discards for unit in units), "the ping may have been before the recording"
    lost = derived(units[1].field, "text message").field
    assert "the recording began after" in lost.note
    assert units[3].title == 'text "plain"'


def test_titles_stay_short() -> None:
    unit = sound(record([*CONVERSATION[:2], client(1, b"x" * 10_000)]))[2]
    assert unit.title == 'text "' + "x" * 60 + '"... (10000 characters)'
