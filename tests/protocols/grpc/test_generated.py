"""The generated code is what the .proto files say, imports inside the package, and is the sample's, byte for byte."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given

from protolab.protocols.grpc.generated import lessons_pb2, user_service_pb2
from protolab.protocols.grpc.protos import proto, schema
from protolab.wire.protobuf_schema import Schema, parts
from tests.wire.protobufs import anything

ROOT = Path(__file__).parents[3]
GENERATE = [sys.executable, str(ROOT / "protos" / "generate.py")]
# The sample's file, as its lines declare it.
SAMPLE = {
    "User": {1: "string id", 2: "string name", 3: "string email", 4: "int32 age", 5: "repeated string roles"},
    "GetUserRequest": {1: "string id"},
    "ListUsersRequest": {1: "int32 page_size", 2: "string page_token", 3: "string filter"},
    "CreateUserRequest": {1: "string name", 2: "string email", 3: "int32 age", 4: "repeated string roles"},
    "UpdateUserRequest": {1: "string id", 2: "User user"},
    "DeleteUserRequest": {1: "string id"},
    "DeleteUserResponse": {1: "bool success", 2: "string message"},
}
METHODS = [
    "rpc GetUser(GetUserRequest) returns (User);",
    "rpc ListUsers(ListUsersRequest) returns (stream User);",
    "rpc CreateUser(CreateUserRequest) returns (User);",
    "rpc UpdateUser(UpdateUserRequest) returns (User);",
    "rpc DeleteUser(DeleteUserRequest) returns (DeleteUserResponse);",
]


def test_generating_again_changes_nothing() -> None:
    done = subprocess.run([*GENERATE, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_check_sees_a_change(tmp_path: Path) -> None:
    for name in ("protos", "protolab/protocols/grpc/generated"):
        (tmp_path / name).mkdir(parents=True)
        for path in (ROOT / name).iterdir():
            if path.is_file():
                (tmp_path / name / path.name).write_bytes(path.read_bytes())
    changed = tmp_path / "protos" / "user_service.proto"
    changed.write_text(changed.read_text().replace("int32 age = 4;", "int32 age = 14;"))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "protos" / "generate.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "user_service_pb2.py" in done.stderr


def test_the_service_is_the_sample_s() -> None:
    for name, fields in SAMPLE.items():
        declared = schema().messages[f"user_service.{name}"].fields
        assert {number: field.declared for number, field in declared.items()} == {
            number: f"{said} = {number};" for number, said in fields.items()
        }
    paths = [method for path, method in schema().methods.items() if path.startswith("/user_service.UserService/")]
    assert [method.declared for method in paths] == METHODS


def test_importing_it_needs_nothing_on_the_path_but_the_package(tmp_path: Path) -> None:
    code = "from protolab.protocols.grpc.generated import lessons_pb2_grpc; import sys; print('user_service_pb2' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.stdout == "False\n", done.stderr


def test_the_oldest_version_that_is_allowed_can_run_it() -> None:
    """What made the code is the floor of what runs it: the numbers in the files, and those in pyproject.toml, agree."""
    text = (ROOT / "protolab/protocols/grpc/generated/lessons_pb2_grpc.py").read_text()
    (made,) = re.findall(r"GRPC_GENERATED_VERSION = '([\d.]+)'", text)
    dependencies = (ROOT / "pyproject.toml").read_text()
    for name in ("grpcio", "grpcio-health-checking", "grpcio-reflection", "grpcio-status", "grpcio-tools"):
        (floor,) = re.findall(rf'"{name}>=([\d.]+)"', dependencies)
        assert [int(part) for part in floor.split(".")] >= [int(part) for part in made.split(".")], name


@pytest.mark.parametrize("file", ["user_service.proto", "lessons.proto"])
def test_a_printed_proto_compiles_to_the_same_descriptor(file: str, tmp_path: Path) -> None:
    for name in ("user_service.proto", "lessons.proto"):
        (tmp_path / name).write_text(proto(name))
    out = tmp_path / "out.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{tmp_path}", f"--descriptor_set_out={out}", file]
    subprocess.run(command, check=True)
    (again,) = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    module = {"user_service.proto": user_service_pb2, "lessons.proto": lessons_pb2}[file]
    first = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
    for message in again.message_type:  # protoc adds these, and takes them out of the code again
        for field in (*message.field, *(field for nested in message.nested_type for field in nested.field)):
            field.ClearField("json_name")
    assert again == first


def test_the_comments_of_the_protos_are_kept() -> None:
    assert "At most so many" in proto()
    assert schema().messages["user_service.ListUsersRequest"].fields[1].comment.startswith("At most so many")


def test_a_schema_says_what_the_library_reads_from_the_same_descriptors() -> None:
    for module in (user_service_pb2, lessons_pb2):
        for message in module.DESCRIPTOR.message_types_by_name.values():
            ours = schema().messages[message.full_name].fields
            assert {field.number: field.name for field in message.fields} == {n: f.name for n, f in ours.items()}
            for field in message.fields:
                mine = ours[field.number]
                assert (mine.presence, mine.packed) == (field.has_presence, field.is_packed), field.full_name
                oneof = field.containing_oneof
                synthetic = oneof is None or (len(oneof.fields) == 1 and oneof.name == f"_{field.name}")
                assert mine.oneof == ("" if synthetic else oneof.name)


def test_a_proto2_file_with_groups_required_fields_and_defaults_is_read_and_printed(tmp_path: Path) -> None:
    text = """syntax = "proto2";

package old;

message Old {
  enum Kind {
    A = 0;
    B = 1;
  }
  message Inner {
    optional bool yes = 1;
  }
  required string name = 1;
  optional int32 size = 2 [default = 7];
  repeated int32 some = 3 [packed = true];
  optional Old.Kind kind = 4;
  optional Old.Inner inner = 5;
  reserved 10 to 12;
  reserved "gone";
}
"""
    (tmp_path / "old.proto").write_text(text)
    out = tmp_path / "out.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{tmp_path}", f"--descriptor_set_out={out}", "old.proto"]
    subprocess.run(command, check=True)
    from protolab.wire.protobuf import encode
    from protolab.wire.protobuf_text import proto as printed
    from protolab.wire.protobuf_typed import read_typed

    old = Schema.of(out.read_bytes())
    assert printed(old, "old.proto") == text
    assert [finding.rule.id for finding in read_typed(encode([(2, 1)]), old, "old.Old").findings] == [
        "protobuf-required"
    ]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0])
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("old.Old"))(name="n", some=[1, 300])
    assert not read_typed(made.SerializeToString(), old, "old.Old").findings


@given(anything)
def test_any_bytes_are_some_schema(data: bytes) -> None:
    Schema.of(data)
    parts(data)
