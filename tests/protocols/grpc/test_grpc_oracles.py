"""Messages of fresh grpcio and grpc-js traffic: what we read is what generated classes, protoc and tshark read."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import grpc as library
import grpc.aio
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import Message
from google.rpc import status_pb2

from protolab import grpc, lab, protocols
from protolab.capture import Capture, Connection, pcapng
from protolab.protocols.grpc.bodies import Message as Said
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.protocols.grpc.errors import CallFailed
from protolab.protocols.grpc.messages import lessons, users
from tests.decoding import derived, sound
from tests.npm import installed
from tests.protocols.grpc import known
from tests.protocols.grpc.traffic import everything, recorded
from tests.tools import need

ALL = lessons.AllTypes(
    a_double=1.5, a_float=-0.25, an_int32=-7, an_int64=-(2**40), a_uint32=2**32 - 1, a_uint64=2**64 - 1, a_sint32=-3,
    a_sint64=2**62, a_fixed32=9, a_fixed64=10, a_sfixed32=-11, a_sfixed64=-12, a_bool=True, a_string="caf\u00e9",
    some_bytes=bytes(range(5)), a_color=lessons.COLOR_NEGATIVE, packed=[1, 300, -1], unpacked=[4, 5], strings=["a", ""],
    a_map={"x": 1, "": 0}, maybe=0, number=-5, doubles=[0.5, -2.0], zigzags=[-1, 1], colors=[1, 0, 3],
)  # fmt: skip
ALL.a_message.a_string = "inner"
ALL.messages[3].a_bool = True


async def _talk(url: str) -> None:
    async with grpc.UserServiceClient(url, metadata=(("x-raw-bin", bytes([0, 1, 255])),)) as client:
        ada = await client.create("Ada", "ada@example.org", 36, ["admin", "author"])
        await client.get(ada.id)
        await client.update(users.User(id=ada.id, name="Ada L.", email="ada@example.org"))
        await client.list()
        with suppress(CallFailed):
            await client.create("", "nobody", -1)
        with suppress(CallFailed):
            await client.get("nobody \u20ac 100%")
        await client.delete(ada.id)
    async with grpc.LessonsClient(url) as client:
        assert await client.types(ALL) == ALL
        await client.sum([1, -2, 3])
        assert [number async for number in client.double([1, -2])] == [2, -4]
        async for _ in client.flood(40_000, 3):  # larger than a frame
            continue
        await client.people()
        compressed = client.calls.Echo(lessons.Text(text="again " * 500), compression=library.Compression.Gzip)
        await compressed
        await client.calls.Echo(lessons.Text(text="and " * 500), compression=library.Compression.Deflate)


@pytest.fixture(scope="module")
def live() -> Capture:
    """Every kind of call and of message, between our client and our server."""
    with lab.start(grpc.UserServer(), name="grpc oracles") as server:
        lab.run(_talk(server.url))
        return server.capture


def decoded(connection: Connection) -> GrpcConversation:
    conversation = sound(connection, "grpc")
    assert isinstance(conversation, GrpcConversation)
    return conversation


def said(capture: Capture) -> list[Said]:
    return [each for connection in capture.connections for each in grpc.read_messages(decoded(connection))]


def parsed(each: Said) -> Message:
    """The message, as its generated class reads it."""
    kind = descriptor_pool.Default().FindMessageTypeByName(each.type)
    found: Message = message_factory.GetMessageClass(kind)()
    assert each.content is not None
    found.ParseFromString(each.content)
    return found


def plain(message: Message) -> dict[str, object]:
    """A generated message as `read_values` gives one: only what is set, enums as numbers, bytes as bytes."""
    made: dict[str, object] = {}
    for field, value in message.ListFields():
        entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        if entry:
            inner = field.message_type.fields_by_name["value"].message_type is not None
            made[field.name] = {key: plain(value[key]) if inner else value[key] for key in value}
        elif field.message_type is not None:
            many = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
            made[field.name] = [plain(each) for each in value] if many else plain(value)
        else:
            made[field.name] = value if isinstance(value, int | float | str | bytes) else list(value)
    return made


@pytest.mark.live
def test_fields_and_values_are_those_of_the_generated_classes(live: Capture) -> None:
    messages = said(live)
    assert len(messages) > 25 and {each.type for each in messages} >= {"protolab.lessons.AllTypes", "user_service.User"}
    ours = [value for connection in live.connections for value in grpc.read_values(decoded(connection))]
    for each, value in zip(messages, ours, strict=True):
        assert value == plain(parsed(each)), json_format.MessageToJson(parsed(each))


@pytest.mark.live
def test_the_tree_s_top_level_is_the_message_s_fields(live: Capture) -> None:
    seen = 0
    for connection in live.connections:
        for unit in decoded(connection):
            for framed in (field for field in unit.field.children if field.name == "length-prefixed message"):
                body = framed.children[2:]
                if len(body) == 1 and body[0].name == "User":
                    user = users.User.FromString(unit.data[body[0].start : body[0].end])
                    names = [field.name for field in body[0].children if field.name != "roles"]
                    assert names == [field.name for field, _ in user.ListFields() if field.name != "roles"]
                    assert [field.value for field in body[0].children if field.name == "name"] == [user.name]
                    assert "string name = 2;" in {field.note for field in body[0].children}
                    seen += 1
    assert seen >= 4


@pytest.mark.live
def test_nothing_that_grpcio_says_breaks_a_rule(live: Capture) -> None:
    for connection in (*live.connections, recorded(everything)):
        assert not decoded(connection).findings


@pytest.mark.live
def test_compressed_messages_are_decompressed_as_derived(live: Capture) -> None:
    found = [each for each in said(live) if each.flag]
    assert [parsed(each).text for each in found if each.type.endswith("Text")][:2] == ["again " * 500, "and " * 500]
    second = decoded(live.connections[1])
    units = [unit for unit in second if unit.data[9:10] == b"\1" and unit.title.startswith("DATA")]
    joined = derived(units[0].field, "message")
    assert joined.how.startswith("gzip: ") and joined.field.name == "Text"


@pytest.mark.live
def test_metadata_and_details_are_decoded_as_grpcio_means_them(live: Capture) -> None:
    units = list(decoded(live.connections[0]))
    raw = derived(next(unit for unit in units if "call UserService/CreateUser" in unit.title).field, "true binary")
    assert raw.data == bytes([0, 1, 255])
    refused = next(unit for unit in units if "INVALID_ARGUMENT" in unit.title)
    status = status_pb2.Status.FromString(derived(refused.field, "google.rpc.Status").data)
    request = derived(refused.field, "google.rpc.BadRequest")
    assert request.data == status.details[0].value and refused.field.find("grpc-status").note.startswith(
        "INVALID_ARGUMENT"
    )
    (unescaped,) = [unit for unit in units if "NOT_FOUND" in unit.title]
    assert "nobody \u20ac 100%" in unescaped.title
    assert derived(unescaped.field, "percent-decoded").field.value == "There is no user 'nobody \u20ac 100%'."


@pytest.mark.live
def test_protoc_reads_the_same_records(live: Capture) -> None:
    protoc = need("protoc")
    for each in said(live)[:6]:
        assert each.content is not None
        shown = subprocess.run([protoc, "--decode_raw"], input=each.content, capture_output=True, check=True)
        numbers = [int(line.split(b":")[0].split(b" ")[0]) for line in shown.stdout.splitlines() if line[:1].isdigit()]
        schemaless = sound_tree(each.content)
        assert numbers == schemaless


def sound_tree(content: bytes) -> list[int]:
    from protolab.wire.protobuf import scan

    return [record.number for record in scan(content).records]


@pytest.mark.live
def test_tshark_reads_the_same_messages_and_fields(live: Capture, tmp_path: Path) -> None:
    path = tmp_path / "live.pcapng"
    pcapng.write(live, path)
    port = live.connections[0].server.rpartition(":")[2]
    protos = Path(__file__).resolve().parents[3] / "protos"
    google = tmp_path / "google" / "protobuf"
    google.mkdir(parents=True)
    (google / "field_mask.proto").write_text(
        'syntax = "proto3";\npackage google.protobuf;\nmessage FieldMask { repeated string paths = 1; }\n'
    )
    for proto in protos.glob("*.proto"):
        (tmp_path / proto.name).write_text(proto.read_text())
    command = [need("tshark"), "-r", str(path), "-d", f"tcp.port=={port},http2", "-Y", "grpc", "-T", "fields"]
    command += ["-o", f'uat:protobuf_search_paths:"{tmp_path}","TRUE"', "-E", "separator=|", "-E", "aggregator=~"]
    names = ("grpc.compressed_flag", "grpc.message_length", "protobuf.message.name", "protobuf.field.name")
    command += [part for name in names for part in ("-e", name)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("|") for line in lines]
    pairs = [zip(row[0].split("~"), row[1].split("~"), strict=True) for row in rows]
    theirs = sorted((int(flag), int(length)) for pair in pairs for flag, length in pair)
    ours = said(live)
    assert theirs == sorted((each.flag, len(each.data)) for each in ours)
    kinds = {name for row in rows for name in row[2].split("~") if name}
    assert {each.type for each in ours if each.content} <= kinds
    fields = {name for row in rows for name in row[3].split("~") if name}
    assert {field.name for each in ours for field, _ in parsed(each).ListFields()} <= fields


def test_what_grpc_itself_declares_is_what_its_packages_declare() -> None:
    assert known.PATH.read_bytes() == known.descriptors(), "run `python -m tests.protocols.grpc.known`"


def test_other_proto_files_can_be_given() -> None:
    ours = (files("protolab.protocols.grpc") / "generated" / "descriptors.binpb").read_bytes()
    renamed = ours.replace(b"user_service.proto", b"user_servicf.proto").replace(b"GetUser", b"GotUser")

    async def talk(channel: grpc.aio.Channel) -> None:
        call = channel.unary_unary("/user_service.UserService/GotUser")
        with suppress(library.aio.AioRpcError):
            await call(users.GetUserRequest(id="7").SerializeToString())

    connection = recorded(talk)

    def titles() -> list[str]:
        return [unit.title for unit in protocols.decode(connection, "grpc") if "DATA" in unit.title]

    assert titles() == ["DATA stream 1 message {field 1: '7'}, END_STREAM"]
    schema = grpc.decode_with(renamed)
    try:
        assert titles() == ["DATA stream 1 GotUser {id: '7'}, END_STREAM"]
    finally:
        grpc.forget(schema)
    assert titles() == ["DATA stream 1 message {field 1: '7'}, END_STREAM"]


@pytest.mark.live
def test_health_and_reflection_are_read_with_their_own_protos() -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    async def talk(url: str) -> None:
        async with library.aio.insecure_channel(url.removeprefix("http://")) as channel:
            await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service="user_service.UserService")
            )

    with lab.start(grpc.UserServer(), name="grpc health") as server:
        lab.run(talk(server.url))
        (conversation,) = map(decoded, server.capture.connections)
    assert list(grpc.read_values(conversation)) == [{"service": "user_service.UserService"}, {"status": 1}]
    assert not conversation.findings


@pytest.mark.live
def test_nothing_that_grpc_js_says_breaks_a_rule() -> None:
    folder = Path(__file__).parent
    environment = {
        **os.environ,
        "NODE_PATH": str(installed("@grpc/grpc-js@1.14", "@grpc/proto-loader@0.8") / "node_modules"),
    }
    with lab.start(grpc.UserServer(), name="grpc-js oracle") as server:
        command = [need("node"), str(folder / "grpc_js.js"), "client", server.url.removeprefix("http://")]
        subprocess.run(
            [*command, str(folder.parents[2] / "protos")], check=True, capture_output=True, timeout=60, env=environment
        )
        talks = [decoded(connection) for connection in server.capture.connections]
    assert not [finding for talk in talks for finding in talk.findings]
    found = [call for talk in talks for call in grpc.calls(talk)]
    assert {call.kind for call in found} == {"unary", "client streaming", "server streaming", "bidirectional"}
    assert len(found) > 10 and {call.outcome.code for call in found if not call.declared} <= {12}, "no such method"
    assert not [str(call) for call in found if call.outcome.by == "open"]
