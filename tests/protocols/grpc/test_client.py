"""The clients: deadlines, typed errors, metadata, retries, loops, and what a repeatable run says on the wire."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from protolab import lab, protocols, repeat
from protolab.errors import LabError
from protolab.fields import Side
from protolab.protocols import grpc as protocol
from protolab.protocols.grpc.channel import Metadata, address
from protolab.protocols.grpc.errors import REMEDIES, CallFailed, unpacked
from protolab.protocols.grpc.generated import user_service_pb2 as users
from protolab.protocols.grpc.library import aio, grpc
from protolab.wire import http2

pytestmark = pytest.mark.live
Code = grpc.StatusCode


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()
    repeat.switch(None)


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("127.0.0.1:50051", "127.0.0.1:50051"),
        ("http://127.0.0.1:50051", "127.0.0.1:50051"),
        ("http://localhost:1/", "localhost:1"),
        ("[::1]:50051", "[::1]:50051"),
        ("unix:///tmp/socket", "unix:///tmp/socket"),
    ],
)
def test_a_target_is_a_host_and_port_or_a_url(target: str, meant: str) -> None:
    assert address(target) == meant


@pytest.mark.parametrize(
    "target", ["", "localhost", "http://localhost", "localhost:port", "localhost:99999", "https://x:1", "ws://x:1"]
)
def test_a_target_without_a_port_or_of_another_protocol_is_refused_with_a_remedy(target: str) -> None:
    with pytest.raises(LabError, match="handle"):
        protocol.UserServiceClient(target)


def test_the_sample_s_five_methods() -> None:
    async def main(url: str) -> None:
        async with protocol.UserServiceClient(url) as client:
            ada = await client.create("Ada", "ada@x.org", 36, ["dev", "ops"])
            assert (ada.id, ada.name, ada.email, ada.age, list(ada.roles)) == (
                "1",
                "Ada",
                "ada@x.org",
                36,
                ["dev", "ops"],
            )
            assert await client.get("1") == ada
            ada.age = 37
            assert await client.update(ada) == ada
            assert (await client.list()).users == [ada]
            assert await client.delete("1") == "User 1 deleted."
            assert (await client.list()).users == []

    asyncio.run(main(lab.start(protocol.UserServer()).url))


def test_an_error_has_a_code_a_message_details_metadata_and_a_remedy() -> None:
    async def main(url: str) -> CallFailed:
        async with protocol.UserServiceClient(url) as client:
            with pytest.raises(LabError) as failed:
                await client.create("", "x")
            return failed.value

    error = asyncio.run(main(lab.start(protocol.UserServer()).url))
    assert isinstance(error, CallFailed)
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == "name: must not be empty; email: must be an address such as ada@example.org"
    assert isinstance(error.details[0], error_details_pb2.BadRequest)
    assert error.violations[0] == ("name", "must not be empty")
    assert [key for key, _ in error.metadata] == ["grpc-status-details-bin"]
    assert str(error).startswith("INVALID_ARGUMENT: name") and str(error).endswith(error.remedy)
    assert isinstance(error.__cause__, aio.AioRpcError)


def test_every_code_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Code)


def packed(url: str, value: bytes = b"") -> bytes:
    """A Status with one detail."""
    return status_pb2.Status(details=[any_pb2.Any(type_url=url, value=value)]).SerializeToString()


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b"", []),
        (b"\x08", []),
        (b"\xff" * 20, []),
        (status_pb2.Status(code=3, message="m").SerializeToString(), []),
        (packed("x/no.such.Thing"), ["Any"]),
        (packed("no slash"), ["Any"]),
        (packed("type.googleapis.com/google.rpc.BadRequest", b"\xff"), ["Any"]),
        (packed("type.googleapis.com/google.rpc.BadRequest"), ["BadRequest"]),
    ],
)
def test_details_that_are_no_details_raise_nothing(value: bytes, names: list[str]) -> None:
    assert [type(detail).__name__ for detail in unpacked([("grpc-status-details-bin", value)])] == names


def test_each_call_has_a_deadline_of_its_own_or_the_client_s() -> None:
    async def main(url: str) -> None:
        async with protocol.LessonsClient(url, timeout=0.1) as client:
            with pytest.raises(CallFailed, match="DEADLINE_EXCEEDED"):
                await client.wait(10_000)
            assert await client.wait(200, timeout=10) == "waited 200 ms"
            assert await client.wait(200, timeout=float("inf")) == "waited 200 ms"
            assert await client.wait(200, timeout=1e12) == "waited 200 ms"  # later than grpcio can say
            with pytest.raises(CallFailed, match="DEADLINE_EXCEEDED"):
                async for _ in client.count(10**6, 10):
                    pass

    asyncio.run(main(lab.start(protocol.UserServer()).url))


def test_cancelling_the_task_that_waits_cancels_the_call() -> None:
    server = protocol.UserServer()
    handle = lab.start(server)

    async def main() -> None:
        async with protocol.LessonsClient(handle.url) as client:
            waiting = asyncio.create_task(client.wait(60_000, timeout=60))
            async with aclosing(client.count(2)) as numbers:  # once this is answered, so is the start of the other
                await anext(numbers)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(main())
    handle.stop()
    assert any("Wait cancelled" in entry.text for entry in server.log)


def test_nobody_there_is_unavailable_at_once_or_after_waiting_for_ready() -> None:
    async def main() -> None:
        target = nobody()
        async with protocol.LessonsClient(target) as client:
            with pytest.raises(CallFailed, match="see that the server runs") as failed:
                await client.echo("x")
            assert failed.value.code is Code.UNAVAILABLE
        async with protocol.LessonsClient(target, wait_for_ready=True, timeout=20) as client:
            asked = asyncio.create_task(client.echo("x"))
            server = protocol.UserServer()
            await server.start(port=int(target.rpartition(":")[2]))
            assert await asked == "x"
            await server.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_whoever_is_not_a_grpc_server_is_told_from_nobody() -> None:
    """A socket with any of these behind it, and what to do about it."""

    async def ask(said: bytes) -> CallFailed:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(said)
            writer.close()

        other = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with other, protocol.LessonsClient(f"127.0.0.1:{other.sockets[0].getsockname()[1]}") as client:
            with pytest.raises(CallFailed) as failed:
                await client.echo("x")
        return failed.value

    http = asyncio.run(ask(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
    closed = asyncio.run(ask(b""))  # as a server does that waits for TLS
    assert {http.code, closed.code} == {Code.UNAVAILABLE}
    assert "Something else answers there" in http.remedy
    assert "without TLS" in closed.remedy


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", "ABORTED: no message. S"),
        ("Look in ../x.", "ABORTED: Look in ../x. S"),
        ("What?", "ABORTED: What? S"),
        ("\x1b[2J\n", "ABORTED: \\x1b[2J\\n. S"),
    ],
)
def test_an_error_says_what_the_server_said_and_commands_no_terminal(message: str, said: str) -> None:
    error = CallFailed(Code.ABORTED, message, (), ())
    assert str(error).startswith(said)
    assert error.message == message


def test_what_the_values_raise_is_raised_and_not_only_the_call_cancelled() -> None:
    async def main(url: str) -> None:
        async with protocol.LessonsClient(url) as client:
            with pytest.raises(ZeroDivisionError):
                await client.sum(1 // n for n in (1, 0))
            with pytest.raises(TypeError):
                [value async for value in client.double(["one"])]

    asyncio.run(main(lab.start(protocol.UserServer()).url))


@pytest.mark.parametrize(
    "policy",
    [
        {"attempts": 1},
        {"attempts": 2.5},
        {"initial": 0},
        {"most": 0},
        {"multiplier": 0},
        {"codes": ()},
        {"codes": ["X"]},
    ],
)
def test_a_retry_policy_that_the_library_would_not_take_is_refused_with_a_remedy(policy: dict) -> None:
    with pytest.raises(LabError, match=r"Say|Let|Name"):
        protocol.Retry(**policy)


def test_a_retry_policy_repeats_what_it_names_and_only_that() -> None:
    server = protocol.UserServer()
    handle = lab.start(server)

    async def main() -> None:
        retry = protocol.Retry(attempts=4, initial=0.01)
        async with protocol.LessonsClient(handle.url, retry=retry) as client:
            assert await client.fail(14, key="three", times=3) == "succeeded after 3 failures"
            with pytest.raises(CallFailed, match="UNAVAILABLE"):
                await client.fail(14, key="nine", times=9)
            with pytest.raises(CallFailed, match="ABORTED"):
                await client.fail(10, key="other", times=1)
        async with protocol.LessonsClient(handle.url) as client:
            with pytest.raises(CallFailed, match="UNAVAILABLE"):
                await client.fail(14, key="once", times=1)

    asyncio.run(main())
    handle.stop()
    assert sum("Fail" in entry.text for entry in server.log) == 4 + 4 + 1 + 1


def test_the_retry_policy_is_a_service_config() -> None:
    config = protocol.Retry(attempts=3, initial=0.5, most=2, multiplier=1.5, codes=("UNAVAILABLE", "ABORTED")).config()
    assert json.loads(json.dumps(config)) == {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.5s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 1.5,
                    "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"],
                },
            }
        ]
    }


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"x-name": "value"}, "pairs?"),
        ([("x-name", 1)], "pair"),
        ([("X-Name", "value")], "named 'X-Name'"),
        ([("x name", "value")], "named 'x name'"),
        ([("x-name", "caf\u00e9")], "-bin"),
        ([("x-name", b"\n")], "-bin"),
        ([("x-name-bin", "text")], "Give bytes"),
    ],
)
def test_metadata_that_grpc_cannot_say_is_refused_with_a_remedy(metadata: Metadata, says: str) -> None:
    async def ask() -> None:
        async with protocol.UserServiceClient(nobody()) as client:
            await client.get("1", metadata=metadata)

    with pytest.raises(LabError, match=says):
        asyncio.run(ask())
    with pytest.raises(LabError, match=says):
        protocol.UserServiceClient(nobody(), metadata=metadata)


def test_metadata_of_the_client_and_of_the_call_are_sent() -> None:
    seen: list[tuple[str, object]] = []

    class Noting(aio.ServerInterceptor):
        async def intercept_service(self, continuation, details):  # type: ignore[no-untyped-def]
            seen.extend(details.invocation_metadata)
            return await continuation(details)

    async def main() -> None:
        server = aio.server(interceptors=[Noting()])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with protocol.UserServiceClient(f"127.0.0.1:{port}", metadata=[("x-all", "1")]) as client:
            with pytest.raises(CallFailed, match="UNIMPLEMENTED"):
                await client.get("1", metadata=[("x-one-bin", b"\0\xff")])
        await server.stop(None)

    asyncio.run(main())
    assert ("x-all", "1") in seen
    assert ("x-one-bin", b"\0\xff") in seen
    assert dict(seen)["user-agent"].startswith("protolab grpc-python-asyncio/")


def test_a_client_belongs_to_one_loop_and_is_closed_once() -> None:
    url = lab.start(protocol.UserServer()).url
    client = protocol.LessonsClient(url)
    assert asyncio.run(client.echo("x")) == "x"
    with pytest.raises(LabError, match="another event loop"):
        asyncio.run(client.echo("x"))

    async def closed() -> None:
        async with protocol.LessonsClient(url) as again:
            assert await again.echo("y") == "y"
        await again.close()
        with pytest.raises(LabError, match="closed"):
            await again.echo("z")

    asyncio.run(closed())


def test_clients_come_and_go_in_loops_that_are_closed_under_them() -> None:
    """Twenty loops, some closed with a live stream and no goodbye; the lab's server serves on (grpc#40989 is a race here)."""
    url = lab.start(protocol.UserServer()).url

    async def talk(tidy: bool) -> None:
        client = protocol.LessonsClient(url)
        assert await client.echo("x") == "x"
        numbers = client.count(10**6, 1, timeout=60)
        assert await anext(numbers) == 1
        if tidy:
            await numbers.aclose()
            await client.close()

    for turn in range(20):
        asyncio.run(talk(tidy=bool(turn % 2)))
    gc.collect()
    asyncio.run(talk(tidy=True))


def test_servers_killed_under_live_calls_leave_the_client_s_loop_clean() -> None:
    """In a process of its own, to see that nothing is printed and that it ends."""
    code = """
import asyncio
from protolab import grpc, lab
async def talk(handle):
    async with grpc.LessonsClient(handle.url) as client:
        numbers = client.count(10**6, 1, timeout=30)
        await anext(numbers)
        await asyncio.to_thread(handle.stop)
        try:
            async for _ in numbers: pass
        except grpc.CallFailed as error:
            assert error.code.name == "UNAVAILABLE", error
for _ in range(6):
    asyncio.run(talk(lab.start(grpc.UserServer(), tap=False)))
lab.start(grpc.UserServer())  # and one is left running at exit
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_repeatable_run_says_the_same_headers_and_messages() -> None:
    """What is left to a clock: WINDOW_UPDATEs, and whether the PING that goes with a goodbye is answered before the end."""

    async def talk(url: str) -> None:
        async with protocol.UserServiceClient(url, timeout=3600) as client:
            await client.create("Ada", "ada@x.org")
            for _ in range(3):
                await client.list(1)
            with pytest.raises(CallFailed):
                await client.get("7")

    said = set()
    for _ in range(3):
        lab.repeatable()
        handle = lab.start(protocol.UserServer())
        asyncio.run(talk(handle.url))
        handle.stop()
        frames = protocols.decode(handle.capture.connections[0], "grpc")
        heads = [(http2.read_head(frame.data), frame) for frame in frames if frame.place.side is Side.CLIENT][1:]
        said.add(b"".join(frame.data for head, frame in heads if head and head.type in (http2.HEADERS, http2.DATA)))
    (same,) = said
    assert b"lab.local" in same and b"ada@x.org" in same


def test_grpcio_writes_nothing_into_a_cell_whichever_part_is_imported_first() -> None:
    """It reads its environment when it is imported, and a server's parts, health and reflection, import it too."""
    code = """
import asyncio
from protolab import grpc
grpc.{}
async def main():
    async with grpc.LessonsClient("127.0.0.1:1", options={{"grpc.service_config": "no JSON"}}) as client:
        try: await client.echo("x")
        except grpc.CallFailed: pass
asyncio.run(main())
"""
    for first in ("UserServer", "UserServiceClient", "CallFailed"):
        done = subprocess.run([sys.executable, "-c", code.format(first)], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), first


def test_the_generated_stub_is_there_for_calls_by_hand() -> None:
    async def main(url: str) -> None:
        async with protocol.UserServiceClient(url) as client:
            call = client.stub.GetUser(users.GetUserRequest(id="1"), timeout=5)
            assert await call.code() is Code.NOT_FOUND

    asyncio.run(main(lab.start(protocol.UserServer()).url))
