"""Messages of gRPC: wherever DATA cuts them, however they are compressed, whatever the bytes."""

from __future__ import annotations

import base64
import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import grpc, protocols, scenes
from protolab.conversation import CHECKPOINT_EVERY, Conversation
from protolab.fields import Side
from protolab.protocols.grpc import bodies, talks
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.units import Unit
from protolab.wire import http2
from protolab.wire.protobuf import encode
from tests.decoding import Said, derived, facts, record, sound
from tests.protocols.grpc.talk import RESPONSE, START, TRAILERS, C, S, client, request, response, server
from tests.protocols.grpc.test_grpc_findings import GET, LIST, asked, header, message

H = http2.HEAD_SIZE
USER = encode([(1, "1"), (2, "Ada"), (4, 36), (5, "admin")])
CALLED: list[Said] = [*START, *request(block=asked(LIST)), *client(http2.data(1, message(b""), end=True)), *response()]
LAST = response(end=True, block=TRAILERS)


def walked(said: list[Said]) -> GrpcConversation:
    conversation = sound(record(said), "grpc")
    assert isinstance(conversation, GrpcConversation)
    return conversation


def contents(conversation: Conversation) -> list[bytes | None]:
    assert isinstance(conversation, GrpcConversation)
    return [each.content for each in grpc.read_messages(conversation) if each.side is S]


def test_a_message_s_parts_stand_as_fields_in_their_frame() -> None:
    unit = walked([*CALLED, *server(http2.data(1, message(USER), pad=3)), *LAST])[-2]
    assert unit.title == "DATA stream 1 User {id: '1', name: 'Ada', age: 36, roles: 'admin'}"
    framed = unit.field.find("length-prefixed message")
    assert [(field.name, field.value) for field in framed.children] == [
        ("compressed flag", 0),
        ("message length", len(USER)),
        ("User", None),
    ]
    assert unit.bytes_of("User") == USER and unit.field.find("name").note == "string name = 2;"
    assert [field.name for field in unit.field.children][-1] == "padding"


@pytest.mark.parametrize("size", [1, 2, 4, 5, 6, 7, 11, 1000])
def test_every_cut_of_data_gives_the_same_messages(size: int) -> None:
    stream = message(USER) + message(b"") + message(USER[:3]) + message(USER)
    frames = [http2.data(1, stream[at : at + size]) for at in range(0, len(stream), size)]
    conversation = walked([*CALLED, *server(*frames), *LAST])
    assert contents(conversation) == [USER, b"", USER[:3], USER] and not conversation.findings
    assert grpc.calls(conversation)[0].responses == 4
    for unit in conversation:
        for found in (each for each in unit.field.derived if each.name == "message"):
            joined = conversation.connection.read(S)
            assert b"".join(joined[source.start : source.end] for source in found.sources) == found.data


def test_a_title_says_how_much_of_a_message_is_there() -> None:
    long = message(encode([(2, "x" * 100)]))
    units = walked(
        [*CALLED, *server(http2.data(1, long[:3]), http2.data(1, long[3:55]), http2.data(1, long[55:])), *LAST]
    )
    assert [unit.title for unit in units][-4:-2] == [
        "DATA stream 1 User, its length is not whole yet",
        "DATA stream 1 User, 50 of 102 bytes",
    ]
    assert (
        "name: 'xxx" in units[-2].title and derived(units[-2].field, "message").how == "the parts of 2 frames, joined"
    )


@pytest.mark.parametrize(("name", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
@pytest.mark.parametrize("cut", [3, 9, 1000])
def test_compressed_messages_are_decompressed_each_by_itself(name: bytes, pack: object, cut: int) -> None:
    assert callable(pack)
    stream = message(pack(USER), 1) + message(USER) + message(pack(USER), 1)
    frames = [http2.data(1, stream[at : at + cut]) for at in range(0, len(stream), cut)]
    begun = [*CALLED[:-1], *response(block=RESPONSE + header(b"grpc-encoding", name))]
    conversation = walked([*begun, *server(*frames), *LAST])
    assert contents(conversation) == [USER] * 3 and not conversation.findings
    trees = (
        [unit.field.derived for unit in conversation] if cut < 1000 else [[derived(conversation[-2].field, "message")]]
    )
    assert any(each.name == "message" and each.data == USER for group in trees for each in group)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = message(gzip.compress(bytes(bodies.LARGEST + 1)), 1)
    begun = [*CALLED[:-1], *response(block=RESPONSE + header(b"grpc-encoding", b"gzip"))]
    conversation = walked(
        [*begun, *server(*(http2.data(1, bomb[at : at + 16384]) for at in range(0, len(bomb), 16384))), *LAST]
    )
    (found,) = [each for each in grpc.read_messages(conversation) if each.side is S]
    assert found.content is None and found.why == f"it decompresses to more than {bodies.LARGEST:,} bytes"
    assert not conversation.findings, "our bound is nobody's fault"


def test_many_small_messages_in_a_frame_are_counted_and_not_all_drawn() -> None:
    count = talks.MOST_PIECES + 50
    conversation = walked([*CALLED, *server(http2.data(1, message(b"") * count)), *LAST])
    assert grpc.calls(conversation)[0].responses == count
    fields = conversation[-2].field.children
    assert fields[-1].name == "unparsed" and fields[-1].note == "more messages than are shown"
    assert sum(field.name == "length-prefixed message" for field in fields) == talks.MOST_PIECES


def test_grpc_web_says_its_trailers_in_a_message() -> None:
    block = asked(without=b"content-type") + header(b"content-type", b"application/grpc-web+proto")
    trailers = message(b"grpc-status: 5\r\ngrpc-message: none\r\n", 0x80)
    answer = header(b":status", b"200") + header(b"content-type", b"application/grpc-web+proto")
    said = [*START, *request(block=block), *client(http2.data(1, message(USER), end=True)), *response(block=answer)]
    conversation = walked([*said, *server(http2.data(1, trailers, end=True))])
    field = conversation[-1].field.find("trailers")
    assert (field.find("grpc-status").value, field.find("grpc-message").value) == ("5", "none")
    assert not conversation.findings
    (call,) = grpc.calls(conversation)
    assert (call.responses, call.outcome.name, call.outcome.message) == (0, "NOT_FOUND", "none")


def test_grpc_web_as_text_is_base64_of_the_same() -> None:
    block = asked(LIST, without=b"content-type") + header(b"content-type", b"application/grpc-web-text")
    answer = header(b":status", b"200") + header(b"content-type", b"application/grpc-web-text")
    # Each part has padding of its own (PROTOCOL-WEB.md).
    text = base64.b64encode(message(USER)) + base64.b64encode(message(b"grpc-status: 0\r\n", 0x80))
    said = [
        *START,
        *request(block=block),
        *client(http2.data(1, base64.b64encode(message(b"")), end=True)),
        *response(block=answer),
    ]
    conversation = walked([*said, *server(http2.data(1, text, end=True))])
    decoded = derived(conversation[-1].field, "base64-decoded").field
    assert decoded.find("name").value == "Ada" and decoded.find("grpc-status").value == "0"
    assert not conversation.findings
    walked([*said, *server(http2.data(1, text[:7]), http2.data(1, b"*" + text, end=True))])


def test_json_is_not_read_as_protobuf() -> None:
    block = asked(GET, without=b"content-type") + header(b"content-type", b"application/grpc+json")
    unit = walked([*START, *request(block=block), *client(http2.data(1, message(b'{"id": "1"}'), end=True))])[-1]
    assert unit.field.find("message").value == '{"id": "1"}' and not unit.findings


@pytest.mark.parametrize("name", ["four-calls", "errors", "headers"])
def test_random_access_and_every_beginning_give_the_same_units(name: str) -> None:
    connection = scenes.recording(f"grpc/{name}").connections[-1]
    whole = [facts(unit) for unit in sound(connection)]
    segments = [(s.side, connection.read(s.side, s.offset, s.offset + s.length)) for s in connection.segments]
    for count in range(1, len(segments), 3):
        units = [facts(unit) for unit in sound(record(segments[:count]))]
        assert units == whole[: len(units)]
    assert [facts(protocols.decode(connection)[number]) for number in range(len(whole))] == whole


def test_a_message_over_a_checkpoint_is_put_together_from_anywhere() -> None:
    long = message(encode([(2, "y" * 1000)]))
    frames = [http2.data(1, long[at : at + 3]) for at in range(0, len(long), 3)]
    said = [*CALLED, *server(*frames), *LAST]
    conversation = walked(said)
    assert len(conversation) > CHECKPOINT_EVERY + 40
    last = len(conversation) - 2

    def found(units: Conversation) -> Unit:
        unit: Unit = units[last]
        return unit

    assert derived(found(conversation).field, "message").data == long[5:]
    assert facts(found(conversation)) == facts(found(protocols.decode(record(said), "grpc")))


@given(st.data())
@settings(deadline=None, max_examples=80)
def test_mutated_calls_never_raise_and_always_tile(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["four-calls", "errors", "retry"]))
    connection = scenes.recording(f"grpc/{name}").connections[-1]
    said = [(s.side, bytearray(connection.read(s.side, s.offset, s.offset + s.length))) for s in connection.segments]
    for _ in range(data.draw(st.integers(1, 5))):
        _, part = said[data.draw(st.integers(0, len(said) - 1))]
        at = data.draw(st.integers(0, len(part) - 1))
        part[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        part += b"" if part else b"\0"
    conversation = sound(record([(side, bytes(part)) for side, part in said], data.draw(st.booleans())), "grpc")
    assert isinstance(conversation, GrpcConversation)
    assert str(grpc.calls(conversation))
    for each in grpc.read_messages(conversation):
        assert each.content is None or each.flag & 1 or each.content == each.data
    list(grpc.read_values(conversation))


@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from([b"", b"gzip", b"deflate", b"zip"]), st.booleans())
@settings(deadline=None, max_examples=80)
def test_any_bytes_in_data_are_explained(parts: list[bytes], encoding: bytes, known: bool) -> None:
    extra = ((b"grpc-encoding", encoding),) if encoding else ()
    path = GET if known else b"/a.B/C"
    frames = [http2.data(1, part, end=number == len(parts) - 1) for number, part in enumerate(parts)]
    walked([*START, *request(block=asked(path, *extra)), *client(*frames)])


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=12), st.binary(max_size=12)), max_size=5), st.sampled_from(Side)
)
@settings(deadline=None, max_examples=80)
def test_any_headers_are_explained(pairs: list[tuple[bytes, bytes]], side: Side) -> None:
    names = (b"grpc-timeout", b"grpc-status", b"grpc-message", b"grpc-status-details-bin", b"x-bin", b"grpc-encoding")
    block = b"".join(header(name, value) + header(names[len(value) % 6], value) for name, value in pairs)
    if side is C:
        walked([*START, *request(block=asked() + block)])
    else:
        walked([*CALLED, *response(end=True, block=TRAILERS + block)])
