"""A message beside its .proto file: held to the generated classes, value by value."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protolab.fields import Side
from protolab.protocols.grpc.generated import lessons_pb2, user_service_pb2
from protolab.protocols.grpc.generated.lessons_pb2 import AllTypes, ChatEvent, ChatRequest
from protolab.protocols.grpc.protos import schema
from protolab.wire.protobuf import DEPTH, I32, LEN, encode, write_tag, write_varint
from protolab.wire.protobuf_tree import Reading
from protolab.wire.protobuf_typed import read_typed
from protolab.wire.protobuf_values import brief, values
from tests.wire.protobufs import all_types, anything, sound, zero_in_a_group

ALL = "protolab.lessons.AllTypes"


def typed(data: bytes, type: str = ALL) -> Reading:
    return read_typed(data, schema(), type)


def theirs(message: Message) -> dict[str, object]:
    """A message of the library as plain values, unknown fields left out."""
    found: dict[str, object] = {}
    for field, value in message.ListFields():
        entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        if entry:
            found[field.name] = {key: _plain(value[key]) for key in value}
        elif isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
            found[field.name] = _plain(value)
        else:
            found[field.name] = [_plain(item) for item in value]
    return found


def _plain(value: object) -> object:
    return theirs(value) if isinstance(value, Message) else value


def shown(held: dict[str, object]) -> dict[str, object]:
    """Without what proto3 does not tell from unset: a singular field that came with its default."""
    found = {}
    for name, value in held.items():
        field = AllTypes.DESCRIPTOR.fields_by_name[name]
        entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        if entry:
            found[name] = {key: shown(item) if isinstance(item, dict) else item for key, item in value.items()}
        elif field.message_type is not None:
            found[name] = shown(value)
        elif field.has_presence or value not in (0, "", b"", False, []) or str(value) == "-0.0":
            found[name] = value
    return found


@given(all_types)
@settings(max_examples=200)
def test_every_value_is_the_generated_class_s(message: AllTypes) -> None:
    data = message.SerializeToString()
    reading = typed(data)
    sound(reading.field, data, reading.findings)
    assert not reading.findings
    assert not reading.discards
    assert values(data, schema(), ALL) == theirs(message)
    for child in reading.field.children:
        assert not child.note.startswith("unknown")
        assert (
            schema().messages[ALL].fields[AllTypes.DESCRIPTOR.fields_by_name[child.name].number].declared in child.note
        )


@given(all_types, all_types)
@settings(max_examples=100)
def test_two_messages_one_after_the_other_are_merged(first: AllTypes, second: AllTypes) -> None:
    data = first.SerializeToString() + second.SerializeToString()
    assert shown(values(data, schema(), ALL)) == shown(theirs(AllTypes.FromString(data)))


@given(st.one_of(anything, st.builds(lambda message, more: message.SerializeToString() + more, all_types, anything)))
@example(bytes.fromhex("aa0100"))
@settings(max_examples=400)
def test_any_bytes_are_explained_as_any_type_and_refused_where_the_parser_does(data: bytes) -> None:
    field, findings, discards = typed(data)
    sound(field, data, findings)
    assert all(0 <= discard.start < discard.end <= len(data) for discard in discards)
    refused = [each for each in findings if each.rule.reaction and not zero_in_a_group(field, each)]
    try:
        message = AllTypes.FromString(data)
    except DecodeError:
        assert refused
    else:
        assert not refused
        if "nan" not in str(message):
            assert shown(values(data, schema(), ALL)) == shown(theirs(message))


@given(st.binary(max_size=40))
def test_any_bytes_come_to_some_values(data: bytes) -> None:
    for type in ("protolab.lessons.ChatEvent", "user_service.User"):
        values(data, schema(), type)
        assert len(brief(typed(data, type).field)) <= 60


def test_packed_and_unpacked_are_both_taken_and_may_be_mixed() -> None:
    data = encode([(18, [1, 2]), (18, 3), (19, [4, 300]), (19, 5)])
    assert not typed(data).findings
    found = values(data, schema(), ALL)
    assert found == {"packed": [1, 2, 3], "unpacked": [4, 300, 5]} == theirs(AllTypes.FromString(data))


def test_an_unknown_field_is_marked_and_guessed() -> None:
    field = typed(encode([(9, "news"), (1, "7")]), "user_service.GetUserRequest").field
    assert field.children[0].note.startswith("unknown: user_service.GetUserRequest declares no field 9")
    assert field.children[0].value == "news"
    assert (field.children[1].name, field.children[1].value) == ("id", "7")


@pytest.mark.parametrize(
    ("data", "rule", "at"),
    [
        (encode([(14, 5)]), "protobuf-mismatch", (0, 1)),
        (encode([(3, "five")]), "protobuf-mismatch", (0, 1)),
        (encode([(13, 1)]) + write_tag(4, I32) + bytes(4), "protobuf-mismatch", (2, 3)),
        (encode([(14, b"ab\xc3("), (13, 1)]), "protobuf-utf8", (4, 5)),
        (encode([(17, [(14, b"\xff")])]), "protobuf-utf8", (5, 6)),
        (encode([(18, b"\x01\x80")]), "protobuf-packed", (4, 5)),
        (encode([(26, bytes(11))]), "protobuf-packed", (11, 14)),
        (encode([(17, b"\x08")]), "protobuf-mismatch", None),
    ],
)
def test_what_does_not_fit_its_declaration_is_found_at_its_bytes(
    data: bytes, rule: str, at: tuple[int, int] | None
) -> None:
    findings = typed(data).findings
    if at is None:
        assert [finding.rule.id for finding in findings] == ["protobuf-truncated"]
    else:
        assert [(finding.rule.id, (finding.start, finding.end)) for finding in findings] == [(rule, at)]


def test_a_value_that_a_later_one_replaces_is_a_discard() -> None:
    data = encode([(3, 1), (24, "text"), (3, 2), (25, 6), (17, [(3, 1)]), (17, [(13, 1)])])
    discards = typed(data).discards
    assert [(data[each.start : each.end], each.why.split(":")[0]) for each in discards] == [
        (encode([(3, 1)]), "an_int32 comes again"),
        (encode([(24, "text")]), "number comes later, of oneof either"),
    ]


def test_fields_that_are_not_set_are_told_with_their_defaults() -> None:
    field = typed(user_service_pb2.User(name="Ada").SerializeToString(), "user_service.User").field
    assert field.note == '1 record; not set: id = "", email = "", age = 0, roles = []'


def test_enums_maps_and_zigzags_are_told_in_words() -> None:
    message = AllTypes(a_color=3, a_map={"one": 1}, number=-2, maybe=0)
    field = typed(message.SerializeToString() + encode([(16, 99)])).field
    assert field.find("a_color").note == "Color a_color = 16; // COLOR_BLUE"
    assert field.children[-1].note.endswith("// a number that the enum has no name for: kept as it is")
    assert field.find("a_map").value == ("one", 1)
    assert field.find("number").note == "sint32 number = 25; // zigzag: 3 stands for -2"
    assert field.find("maybe").value == 0


def test_a_field_of_a_oneof_is_named_and_messages_nest_with_their_types() -> None:
    event = ChatEvent(name="Ada", welcome=lessons_pb2.Members(names=["Ada", "Bob"]))
    field = typed(event.SerializeToString(), "protolab.lessons.ChatEvent").field
    assert [child.value for child in field.find("Members").children] == ["Ada", "Bob"]
    assert field.find("welcome").note == "Members welcome = 2;"
    said = typed(ChatRequest(say="hello").SerializeToString(), "protolab.lessons.ChatRequest").field
    assert brief(said) == "say: 'hello'"


def test_offsets_count_from_the_start_of_the_buffer() -> None:
    message = user_service_pb2.User(id="1", name="Ada").SerializeToString()
    data = b"\0\0\0\0\x08" + message + b"after"
    field = read_typed(data, schema(), "user_service.User", 5, 5 + len(message), Side.SERVER).field
    at = field.find("name").find("string")
    assert data[at.start : at.end] == b"Ada"


@pytest.mark.parametrize("deep", [DEPTH, DEPTH + 1, DEPTH + 2])
def test_types_nest_as_deep_as_the_parser_goes(deep: int) -> None:
    data = b""
    for _ in range(deep - 1):
        data = write_tag(17, LEN) + write_varint(len(data)) + data
    field, findings, _ = typed(data)
    sound(field, data, findings)
    try:
        AllTypes.FromString(data)
    except DecodeError:
        assert [finding.rule.id for finding in findings] == ["protobuf-depth"]
    else:
        assert not findings
    names = [each.name for _, each in field.walk()]
    assert names.count("AllTypes") == min(deep, DEPTH + 1) - (deep <= DEPTH + 1)  # the innermost has no bytes
