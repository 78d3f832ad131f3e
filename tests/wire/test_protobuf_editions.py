"""What proto2 and editions say otherwise than proto3: closed enums, groups, what is required; held to the generated classes."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from grpc_tools import protoc

from protolab.wire.protobuf import EGROUP, LEN, SGROUP, VARINT, encode, write_tag, write_varint
from protolab.wire.protobuf_schema import Schema
from protolab.wire.protobuf_text import proto
from protolab.wire.protobuf_typed import read_typed
from protolab.wire.protobuf_values import values
from tests.wire.protobufs import record, sound
from tests.wire.test_protobuf_typed import theirs

OLD = """syntax = "proto2";
package old;
enum Color { RED = 0; BLUE = 1; }
message Inner { required int32 id = 1; optional Inner deeper = 2; }
message All {
  optional Color color = 1; repeated Color colors = 2; repeated Color packed = 3 [packed = true];
  map<int32, Color> by_number = 4; optional string text = 5; repeated group Row = 6 { optional int32 cell = 1; }
  oneof one { Color first = 7; string second = 8; } repeated Inner inners = 9;
}
"""
NEW = """edition = "2023";
package new;
enum Open { A = 0; }
enum Color { option features.enum_type = CLOSED; RED = 0; BLUE = 1; }
message Inner { int32 id = 1 [features.field_presence = LEGACY_REQUIRED]; }
message All {
  Color color = 1; repeated Color colors = 2; repeated Color packed = 3 [features.repeated_field_encoding = EXPANDED];
  map<int32, Color> by_number = 4; string text = 5 [features.utf8_validation = NONE]; string checked = 10;
  repeated Inner Row = 6 [features.message_encoding = DELIMITED]; Open open = 11;
  oneof one { Color first = 7; string second = 8; } repeated Inner inners = 9;
}
"""
DELIMITED = """edition = "2023";
package all;
option features.message_encoding = DELIMITED;
option features.field_presence = IMPLICIT;
message Row {
  int32 cell = 1; map<int32, Row> rows = 2; Row deeper = 3;
  Row plain = 4 [features.message_encoding = LENGTH_PREFIXED];
}
"""


@cache
def compiled() -> bytes:
    with TemporaryDirectory() as folder:
        for name, text in (("old.proto", OLD), ("new.proto", NEW), ("all.proto", DELIMITED)):
            (Path(folder) / name).write_text(text)
        made = str(Path(folder) / "made")
        names = ["old.proto", "new.proto", "all.proto"]
        assert not protoc.main(["protoc", f"-I{folder}", f"--descriptor_set_out={made}", *names]), sys.stderr
        return Path(made).read_bytes()


def parsed(data: bytes, type: str) -> dict[str, object] | None:
    """What the generated class makes of a message; None where it refuses it."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled()).file:
        pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(type))()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return theirs(message) if message.IsInitialized() else None


def group(number: int, body: bytes) -> bytes:
    return write_tag(number, SGROUP) + body + write_tag(number, EGROUP)


def both(data: bytes) -> list[tuple[str, bytes]]:
    return [("old.All", data), ("new.All", data)]


CASES = [
    *both(encode([(1, 1), (1, 7)])),  # the last one that has a name wins
    *both(encode([(2, 1), (2, 7), (2, [0, 7, 1]), (3, [7, 1]), (3, 5)])),
    *both(encode([(4, [(1, 5), (2, 1)]), (4, [(1, 6), (2, 7)]), (4, [(1, 7)]), (4, [(1, 8), (2, 1), (9, 9)])])),
    *both(encode([(8, "kept"), (7, 7)])),  # what has no name does not clear the others
    *both(encode([(8, "gone"), (7, 1)])),
    *both(record(5, LEN, b"\xff")),
    *both(group(6, encode([(1, 5)])) + group(6, encode([(1, 6)]))),
    *both(record(6, LEN, encode([(1, 5)]))),
    *both(encode([(9, [(1, 5)]), (9, b"")])),  # one of two has not what is required
    *both(record(9, LEN, record(1, LEN, b"hi"))),  # it is there, and of another type
    ("new.All", record(10, LEN, b"\xff")),
    ("new.All", encode([(11, 7)])),
    ("all.Row", group(3, encode([(1, 5)])) + record(4, LEN, encode([(1, 6)]))),
    ("all.Row", record(3, LEN, b"") + record(2, LEN, encode([(1, 5), (2, [(1, 6)])]))),
    ("all.Row", record(2, LEN, write_tag(1, VARINT) + write_varint(5) + record(2, LEN, encode([(1, 6)])))),
]


@pytest.mark.parametrize(("type", "data"), CASES)
def test_each_syntax_is_read_as_its_parsers_do(type: str, data: bytes) -> None:
    schema = Schema.of(compiled())
    reading = read_typed(data, schema, type)
    sound(reading.field, data, reading.findings)
    taken = parsed(data, type)
    assert any(finding.rule.reaction for finding in reading.findings) is (taken is None), reading.findings
    if taken is not None:
        assert values(data, schema, type) == taken


def test_what_a_closed_enum_does_not_name_is_said_to_be_unknown() -> None:
    field = read_typed(encode([(1, 7)]), Schema.of(compiled()), "old.All").field
    assert "unknown fields" in field.children[0].note


def test_an_edition_is_printed_with_its_features() -> None:
    text = proto(Schema.of(compiled()), "new.proto")
    assert text.startswith('edition = "2023";\n')
    assert "  repeated Inner Row = 6 [features.message_encoding = DELIMITED];" in text
    assert "  option features.enum_type = CLOSED;" in text
    assert "  Color color = 1;" in text, "editions have no word `optional`"
    assert "option features.message_encoding = DELIMITED;" in proto(Schema.of(compiled()), "all.proto")
