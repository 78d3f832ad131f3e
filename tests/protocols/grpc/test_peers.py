"""npm @grpc/grpc-js calls every method of our server, and our client calls a grpc-js server; health and reflection."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from protolab import lab
from protolab.protocols import grpc as protocol
from protolab.protocols.grpc.errors import CallFailed
from protolab.protocols.grpc.generated import lessons_pb2 as lessons
from protolab.protocols.grpc.library import aio, grpc
from protolab.protocols.grpc.protos import schema
from tests.npm import installed
from tests.tools import need

pytestmark = pytest.mark.live
HERE = Path(__file__).parent
PROTOS = HERE.parents[2] / "protos"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    yield lab.start(protocol.UserServer()).url
    lab.stop()


def environment() -> dict[str, str]:
    packages = installed("@grpc/grpc-js@1.14", "@grpc/proto-loader@0.8")
    return {**os.environ, "NODE_PATH": str(packages / "node_modules")}


@pytest.fixture(scope="module")
def said(url: str) -> dict:
    """What grpc-js says came of each call."""
    command = [need("node"), str(HERE / "grpc_js.js"), "client", url.removeprefix("http://"), str(PROTOS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_grpc_js_creates_gets_lists_updates_and_deletes(said: dict) -> None:
    ada = {"id": "1", "name": "Ada", "email": "Ada@x.org", "age": 30, "roles": ["dev", "Ada"]}
    assert said["create Ada"] == said["get"] == ada
    assert [user["id"] for user in said["list"]["answers"]] == ["1", "2"]
    assert [user["id"] for user in said["more"]["answers"]] == ["3"]
    assert "next-page-token" not in said["more"]["trailers"]
    assert said["update"] == {"id": "2", "name": "Bea", "email": "Bob@x.org", "age": 0, "roles": []}
    assert said["delete"] == {"success": True, "message": "User 3 deleted."}


def test_grpc_js_is_told_what_is_wrong_with_rich_details(said: dict) -> None:
    codes = {"get missing": 5, "create twice": 6, "create nobody": 3, "update missing": 5, "delete missing": 5}
    assert {name: said[name]["code"] for name in codes} == codes
    assert said["bad token"] == 3
    assert said["unknown"] == 12
    status = status_pb2.Status.FromString(bytes.fromhex(said["create nobody"]["rich"][0]))
    request = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(request)
    assert status.code == 3
    assert status.message == said["create nobody"]["details"]
    assert [violation.field for violation in request.field_violations] == ["name", "email"]


def test_grpc_js_makes_all_four_kinds_of_call(said: dict) -> None:
    assert said["echo"] == {"text": "grüß dich 😀"}
    assert [number["value"] for number in said["count"]["answers"]] == [1, 2, 3]
    assert said["sum"] == {"sum": 29, "count": 3}
    assert [number["value"] for number in said["double"]["answers"]] == [2, -14]
    assert said["types"]["a_map"] == {"one": 1}
    assert (said["types"]["a_color"], said["types"]["packed"], said["types"]["number"]) == ("COLOR_BLUE", [1, -1], -3)


def test_grpc_js_meets_deadlines_failures_and_cancels(said: dict) -> None:
    assert said["late"]["code"] == 4
    assert (said["fail"]["code"], said["fail"]["details"]) == (9, "100% é\n")
    assert said["bug"]["code"] == 13
    assert "secret" not in json.dumps(said["bug"])
    assert b"secret" not in bytes.fromhex(said["bug"]["rich"][0])
    assert said["flood"] == {"code": 1, "enough": True}


def test_grpc_js_uses_the_directory_and_the_chat(said: dict) -> None:
    assert said["person"]["user"] == {
        "id": "1",
        "name": "Ada",
        "email": "Ada@x.org",
        "age": 31,
        "roles": ["dev", "Ada"],
    }
    assert said["stale"] == 10
    assert said["people"] == 1
    assert said["talk"]["code"] == 0
    events = said["talk"]["answers"]
    assert [event["what"] for event in events] == ["welcome", "said"]
    assert (events[0]["welcome"]["names"], events[1]["name"], events[1]["said"]) == (["Ada"], "Ada", "hello")


@contextmanager
def grpc_js_server() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [need("node"), str(HERE / "grpc_js.js"), "server", str(PROTOS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}", process
        finally:
            process.stdin.close()
            process.wait(10)


def test_our_client_calls_a_grpc_js_server() -> None:
    async def talk(target: str, process: subprocess.Popen[str]) -> None:
        async with protocol.UserServiceClient(target) as users:
            ada = await users.create("Ada", "ada@x.org", 36, ["dev"], metadata=[("x-suffix", "!")])
            assert (ada.id, ada.name, ada.age, list(ada.roles)) == ("1", "Ada!", 36, ["dev"])
            assert (await users.get("1")).email == "ada@x.org"
            ada.name = "Eve"
            assert (await users.update(ada)).name == "Eve"
            assert [user.name for user in (await users.list()).users] == ["Eve"]
            assert [user.id async for user in users.each()] == ["1", "1"]  # two pages, as this server has it
            assert await users.delete("1") == "gone"
            with pytest.raises(CallFailed, match="no 7 – sorry") as failed:
                await users.get("7")
            assert failed.value.code is grpc.StatusCode.NOT_FOUND
            assert failed.value.details == ()  # the details are spoiled, and that is no reason to fail otherwise
        async with protocol.LessonsClient(target, retry=protocol.Retry(initial=0.01)) as client:
            assert await client.echo("é") == "é"
            assert [value async for value in client.count(3)] == [1, 2, 3]
            assert (await client.sum([1, -2, 30])).sum == 29
            assert [value async for value in client.double([1, -7])] == [2, -14]
            sent = lessons.AllTypes(an_int64=-(2**40), a_map={"one": 1}, packed=[3, -3], text="t", a_double=0.5)
            assert await client.types(sent) == sent
            assert await client.fail(14, times=2) == "at last"  # two retries of the library
            with pytest.raises(CallFailed) as late:
                await client.wait(1, timeout=0.1)
            assert late.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
            async with aclosing(client.flood(5)) as chunks:
                assert (await anext(chunks)).number == 1
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == "cancelled\n"

    with grpc_js_server() as (target, process):
        asyncio.run(asyncio.wait_for(talk(target, process), 30))


def test_reflection_gives_the_files_that_were_compiled(url: str) -> None:
    with grpc.insecure_channel(url.removeprefix("http://")) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        assert {"user_service.UserService", "protolab.lessons.Calls", "grpc.health.v1.Health"} <= services
        ours = {path.split("/")[1] for path in schema().methods}
        assert services == ours | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
        found = DescriptorPool(database).FindServiceByName("user_service.UserService")
        assert [method.name for method in found.methods] == [
            "GetUser",
            "ListUsers",
            "CreateUser",
            "UpdateUser",
            "DeleteUser",
        ]


def test_reflection_finds_the_file_of_a_method_too(url: str) -> None:
    """`grpcurl describe user_service.UserService.GetUser` asks for it by that name."""
    with grpc.insecure_channel(url.removeprefix("http://")) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert database.FindFileContainingSymbol("user_service.UserService.GetUser").name == "user_service.proto"
        with pytest.raises(KeyError):
            database.FindFileContainingSymbol("no.Such.Method")


def test_reflection_answers_under_its_newer_name_too(url: str) -> None:
    async def ask(version: str) -> bytes:
        async with aio.insecure_channel(url.removeprefix("http://")) as channel:
            path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
            call = channel.stream_stream(path)(timeout=5)
            await call.write(reflection_pb2.ServerReflectionRequest(list_services="*").SerializeToString())
            answer = await call.read()
            await call.done_writing()
            return answer

    assert asyncio.run(ask("v1")) == asyncio.run(ask("v1alpha"))


def test_health_answers_and_watchers_hear_that_the_server_goes() -> None:
    # last here: it replaces the server of the other tests
    server = protocol.UserServer()
    handle = lab.start(server)

    async def ask() -> None:
        async with aio.insecure_channel(handle.url.removeprefix("http://")) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for service in ("", "user_service.UserService", "protolab.lessons.Chat"):
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(aio.AioRpcError) as missing:
                await stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=5)
            assert missing.value.code() is grpc.StatusCode.NOT_FOUND
            watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
            stopping = asyncio.create_task(asyncio.to_thread(handle.stop))
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
            await stopping

    asyncio.run(ask())
