"""protobuf.dev, "Encoding": varints, tags, records, and what can be known without a .proto file."""

from __future__ import annotations

import struct
import subprocess
import time

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protolab.fields import Field
from protolab.protocols.grpc.generated.lessons_pb2 import Chunk
from protolab.wire.protobuf import (
    DEPTH,
    EGROUP,
    LEN,
    SGROUP,
    encode,
    scan,
    unzigzag,
    varint,
    write_tag,
    write_varint,
    zigzag,
)
from protolab.wire.protobuf_guess import guesses
from protolab.wire.protobuf_tree import MOST, read
from tests.tools import need
from tests.wire.protobufs import anything, messages, sound, zero_in_a_group

# protobuf.dev, "Encoding": (what its page says, the bytes, the same for `encode`)
EXAMPLES = [
    ("a simple message: Test1 with a = 150", "089601", [(1, 150)]),
    ('strings: Test2 with b = "testing"', "120774657374696e67", [(2, "testing")]),
    ("submessages: Test3 with c.a = 150", "1a03089601", [(3, [(1, 150)])]),
    ('repeated elements: Test4 with d = "hello" and e = 1, 2, 3', "220568656c6c6f280128022803",
     [(4, "hello"), (5, 1), (5, 2), (5, 3)]),
    ("packed: Test5 with f = 3, 270, 86942", "3206038e029ea705", [(6, [3, 270, 86942])]),
    ("signed integers: int32 of -2", "08feffffffffffffffff01", [(1, -2)]),
    ("a double of 25.4", "296666666666663940", [(5, 25.4)]),
    ("maps: a pair of key and value", "3a090a0561706f6c6c100b", [(7, [(1, "apoll"), (2, 11)])]),
]  # fmt: skip
REFUSED = [
    ("a message that ends inside a tag", "0801 80", "protobuf-truncated", (2, 3)),
    ("inside a varint", "0801 1080", "protobuf-truncated", (3, 4)),
    ("before its value", "0801 10", "protobuf-truncated", (2, 3)),
    ("inside a fixed number", "0801 11 010203", "protobuf-truncated", (2, 6)),
    ("inside a text", "0801 12 05 6162", "protobuf-truncated", (3, 6)),
    ("a varint of eleven bytes", "08 ffffffffffffffffffff01", "protobuf-varint-length", (1, 11)),
    ("a tag of six bytes", "888080808000 01", "protobuf-varint-length", (0, 5)),
    ("a length of six bytes", "12 818080808000 61", "protobuf-varint-length", (1, 6)),
    ("field number 0", "0801 00 05", "protobuf-field-zero", (2, 3)),
    ("a field number of 30 bits", "f8ffffff1f 05", "protobuf-field-number", (0, 5)),
    ("wire type 6", "0801 16 05", "protobuf-wire-type", (2, 3)),
    ("wire type 7", "0801 17 05", "protobuf-wire-type", (2, 3)),
    ("a group that nobody began", "0801 0c 0802", "protobuf-group-end", (2, 3)),
    ("another group's end", "0b 14", "protobuf-group-end", (1, 2)),
    ("a group without an end", "0801 0b 0801", "protobuf-group-open", (2, 5)),
    ("a length of more than 2 GiB", "12 ffffffff0f 61", "protobuf-length", (1, 6)),
    ("groups 101 deep", "0b" * 101 + "0c" * 101, "protobuf-depth", (100, 101)),
    ("a wrong record in a group", "0b 08 ffffffffffffffffffff01 0c", "protobuf-varint-length", (2, 12)),
]  # fmt: skip


def parser_takes(data: bytes) -> bool:
    try:
        Chunk.FromString(data)  # refuses no declared type that comes; Empty would skip its check of field number 0
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize(("data", "fields"), [each[1:] for each in EXAMPLES], ids=[each[0] for each in EXAMPLES])
def test_the_documentation_s_examples_are_written_and_read_byte_by_byte(data: str, fields: list) -> None:
    assert encode(fields).hex() == data
    reading = read(bytes.fromhex(data))
    assert not reading.findings
    said = {number: [] for number, _ in fields}
    for child in reading.field.children:
        said[int(child.name.split()[1])].append(_plain(child))
    wanted = {number: [] for number, _ in fields}
    for number, value in fields:
        wanted[number].append(value)
    assert said == {number: [_expected(value) for value in values] for number, values in wanted.items()}


def _plain(record: Field) -> object:
    """A record's value, with its best guess; messages as lists of pairs."""
    if record.value is not None:
        return record.value
    return [(int(child.name.split()[1]), _plain(child)) for child in record.children[2].children]


def _expected(value: object) -> object:
    if isinstance(value, int):
        return value % 2**64
    if isinstance(value, list):
        return tuple(value) if isinstance(value[0], int) else value
    return value


def test_a_tag_is_explained_to_the_bit() -> None:
    tag = read(bytes.fromhex("a80108")).field.find("tag")
    assert [(bit.name, bit.span, bit.value) for bit in tag.children] == [
        ("continues", (0, 1), 1),
        ("field number", (1, 5), 5),
        ("wire type", (5, 8), 0),
        ("continues", (8, 9), 0),
        ("field number", (9, 16), 1),
    ]
    assert 5 + 1 * 2**4 == 21
    assert tag.note.startswith("field 21")


def test_a_varint_is_explained_in_groups_of_seven_bits() -> None:
    value = read(bytes.fromhex("089601")).field.find("value")
    assert [(bit.name, bit.value) for bit in value.children] == [
        ("continues", 1),
        ("group", 0b0010110),
        ("continues", 0),
        ("group", 1),
    ]
    assert 0b0010110 + (1 << 7) == value.value == 150


@given(st.integers(-(2**63), 2**63 - 1))
def test_zigzag_goes_there_and_back(value: int) -> None:
    assert unzigzag(zigzag(value)) == value
    assert 0 <= zigzag(value) < 2**64


@given(st.integers(0, 2**64 - 1), st.integers(0, 10))
def test_a_varint_that_was_written_is_read_padded_or_not(value: int, size: int) -> None:
    data = write_varint(value, size)
    assert len(data) == max(size, 1, -(-value.bit_length() // 7))
    assert varint(data, 0, len(data)) == (value, len(data))


@given(anything)
@example(b"\x0b" * 300)
@example(b"\x0b\x12\x00" * 120 + b"\x0c" * 5)
@settings(max_examples=400)
def test_any_bytes_are_explained_to_the_last_one(data: bytes) -> None:
    field, findings, _ = read(data)
    sound(field, data, findings)
    assert scan(data).stop <= len(data)


@given(anything)
@settings(max_examples=500)
def test_a_finding_says_what_a_parser_refuses_and_nothing_else(data: bytes) -> None:
    field, findings, _ = read(data)
    refused = [each for each in findings if each.rule.reaction and not zero_in_a_group(field, each)]
    assert parser_takes(data) == (not refused), refused


@given(messages.filter(parser_takes))
@settings(max_examples=300)
def test_every_record_is_what_the_library_keeps_as_unknown_fields(data: bytes) -> None:
    theirs = [(field.field_number, field.wire_type, field.data) for field in UnknownFieldSet(Empty.FromString(data))]
    assert _records(data, 0, len(data)) == [_theirs(*field) for field in theirs]


def _records(data: bytes, start: int, end: int) -> list[tuple[int, int, object]]:
    found: list[tuple[int, int, object]] = []
    for record in scan(data, start, end).records:
        body = data[record.value : record.stop]
        value: object = body
        if record.wire == 0:
            value = varint(data, record.value, record.stop)[0]
        elif record.wire in (1, 5):
            value = struct.unpack("<Q" if record.wire == 1 else "<I", body)[0]
        elif record.wire == SGROUP:
            value = _records(data, record.value, record.stop)
        found.append((record.number, record.wire, value))
    return found


def _theirs(number: int, wire: int, data: object) -> tuple[int, int, object]:
    if wire == SGROUP:
        return number, wire, [_theirs(each.field_number, each.wire_type, each.data) for each in data]
    return number, wire, data


@pytest.mark.parametrize(("data", "rule", "at"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_a_parser_refuses_is_found_at_its_bytes(data: str, rule: str, at: tuple[int, int]) -> None:
    planted = bytes.fromhex(data)
    assert not parser_takes(planted)
    assert [(each.rule.id, (each.start, each.end)) for each in read(planted).findings] == [(rule, at)]


def test_a_reserved_field_number_is_a_finding_that_parsers_let_pass() -> None:
    for number, broken in ((18999, False), (19000, True), (19999, True), (20000, False)):
        data = encode([(number, 1)])
        assert parser_takes(data)
        assert bool(read(data).findings) == broken


def test_reading_goes_on_after_field_zero_and_a_stray_group_end() -> None:
    names = [child.name for child in read(bytes.fromhex("0005 0c 1a0161")).field.children]
    assert names == ["field 0", "field 1", "field 3"]


def test_a_message_cut_short_keeps_what_was_whole() -> None:
    field, findings, _ = read(bytes.fromhex("089601 12 05 6162"))
    assert [(child.name, child.value) for child in field.children][:1] == [("field 1", 150)]
    assert (field.children[1].name, field.children[1].start, field.children[1].end) == ("unparsed", 3, 7)
    assert findings[0].message == "the length says 5 bytes, and 2 are left"


@given(
    st.lists(
        st.tuples(st.integers(1, 500), st.text(alphabet="abc xyzé", min_size=1, max_size=20)), min_size=1, max_size=6
    )
)
def test_texts_in_a_nested_message_are_read_as_such(fields: list[tuple[int, str]]) -> None:
    inner = read(encode([(1, list(fields)), (2, "x")])).field.children[0]
    assert inner.note.startswith("LEN, a message")
    assert [child.value for child in inner.children[2].children] == [text for _, text in fields]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"hi", "text"),
        (b"Ada Lovelace", "text"),
        ("Zoë\n".encode(), "text"),
        (encode([(1, "Ada"), (2, "ada@example.org"), (4, 36)]), "message"),
        (encode([(1, "x" * 40)]), "message"),
        (encode([(1, [(1, [(1, 5)])])]), "message"),
        (bytes.fromhex("038e029ea705"), "packed varints"),
        (struct.pack("<3d", 1.5, 2.25, -1000.0), "packed doubles"),
        (struct.pack("<3f", 1.5, 2.25, -1000.0), "packed floats"),
        (bytes.fromhex("89504e470d0a1a0a0000ff80"), "bytes"),
        (b"", "empty"),
    ],
)
def test_the_best_reading_is_the_one_that_was_meant(data: bytes, kind: str) -> None:
    readings = guesses(data)
    assert readings[0].kind == kind, readings
    assert [guess.score for guess in readings] == sorted((guess.score for guess in readings), reverse=True)


def test_the_other_readings_stand_in_the_note() -> None:
    payload = read(encode([(2, "testing")])).field.find("text")
    assert payload.note == "or packed varints (116, 101, 115, 116, 105, 110, 103); or bytes"


def test_protoc_decodes_the_same_records() -> None:
    protoc = need("protoc")
    said = encode([(1, 150), (2, "testing"), (3, [(1, 150)]), (5, 25.4), (6, 2**64 - 1)])
    said += write_tag(9, SGROUP) + encode([(1, 7)]) + write_tag(9, EGROUP) + write_tag(10, 5) + b"\1\2\3\4"
    lines = subprocess.run([protoc, "--decode_raw"], input=said, capture_output=True, check=True).stdout.decode()
    assert lines.splitlines() == list(_raw(read(said).field.children))


def _raw(records: tuple[Field, ...], indent: str = "") -> list[str]:
    """What `protoc --decode_raw` prints of these records."""
    lines: list[str] = []
    for record in records:
        number, kind = record.name.split()[1], record.note.split(",")[0]
        if kind == "SGROUP":
            lines += [f"{indent}{number} {{", *_raw(record.children[1:-1], indent + "  "), f"{indent}}}"]
        elif record.value is None:
            lines += [f"{indent}{number} {{", *_raw(record.children[2].children, indent + "  "), f"{indent}}}"]
        elif kind in ("I32", "I64"):
            size = int(kind[1:]) // 8
            body = record.value if isinstance(record.value, int) else None
            bits = body if body is not None else int.from_bytes(struct.pack("<d", record.value), "little")
            lines.append(f"{indent}{number}: 0x{bits:0{size * 2}x}")
        else:
            lines.append(
                f"{indent}{number}: " + (f'"{record.value}"' if isinstance(record.value, str) else str(record.value))
            )
    return lines


def test_messages_a_hundred_deep_are_read_and_deeper_ones_are_not_looked_into() -> None:
    data = b""
    for _ in range(DEPTH + 20):
        data = write_tag(1, LEN) + write_varint(len(data)) + data
    field = read(data).field
    sound(field, data)
    assert sum(each.name == "message" for _, each in field.walk()) == 1 + DEPTH


def test_what_a_length_holds_is_looked_at_only_when_somebody_looks() -> None:
    """A message of many large records costs its scan: the notes and values of records, not what is in them."""
    inner = encode([(1, [(1, [(1, "deep " * 20)] * 20)] * 20)])
    field = read(inner).field
    began = time.process_time()
    looked = sum(1 for _ in field.walk())
    all_of_it = time.process_time() - began
    began = time.process_time()
    read(inner)
    assert time.process_time() - began < all_of_it / 5
    assert looked > 1000


@pytest.mark.parametrize(
    "piece", [b"\x0b", b"\x0b\x0c", b"\x0a\x00", b"\x00\x00", b"\x0c", b"\x80", b"\x08\x80\x80\x01"]
)
def test_much_of_the_worst_is_scanned_in_time(piece: bytes) -> None:
    data = piece * (2**17 // len(piece))
    began = time.process_time()
    assert len(read(data).findings) <= MOST
    assert time.process_time() - began < 5
