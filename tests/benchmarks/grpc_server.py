"""How many calls a second the server answers, interceptors, log and store included, beside a bare grpc.aio server.

Run it as `python -m tests.benchmarks.grpc_server [ROUNDS]`. Each server is a process of its own, and the client another.
Each round asks both in turn, for a tenth of a second or so; what is printed are ratios inside a round, as the median and
the middle half over the rounds (the machine may be shared and noisy). CPU is the server's own, in nanoseconds, as the
scheduler counts it.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from protolab.protocols.grpc.generated import lessons_pb2, lessons_pb2_grpc, user_service_pb2, user_service_pb2_grpc
from protolab.protocols.grpc.library import aio
from protolab.protocols.grpc.server import UserServer

CALLS = 300
TOGETHER = 20  # calls at the same time
STREAMED = 2000  # messages of one stream
USER = user_service_pb2.User(id="1", name="Ada", email="ada@example.org", age=36, roles=["dev"])


class BareUsers(user_service_pb2_grpc.UserServiceServicer):
    async def GetUser(self, request: user_service_pb2.GetUserRequest, context: object) -> user_service_pb2.User:
        return USER


class BareCalls(lessons_pb2_grpc.CallsServicer):
    async def Count(self, request: lessons_pb2.CountRequest, context: object):  # type: ignore[no-untyped-def]
        for value in range(1, request.to + 1):
            yield lessons_pb2.Number(value=value)


async def serve(kind: str) -> None:
    """One server, until it is ended."""
    if kind == "ours":
        ours = UserServer()
        ours.store.create(USER)
        port = await ours.start()
    else:
        bare = aio.server()
        user_service_pb2_grpc.add_UserServiceServicer_to_server(BareUsers(), bare)
        lessons_pb2_grpc.add_CallsServicer_to_server(BareCalls(), bare)
        port = bare.add_insecure_port("127.0.0.1:0")
        await bare.start()
    print(port, flush=True)
    await asyncio.Event().wait()


async def unary(channel: aio.Channel) -> int:
    """GetUser, several at a time."""
    stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def some() -> None:
        for _ in range(CALLS // TOGETHER):
            await stub.GetUser(user_service_pb2.GetUserRequest(id="1"))

    await asyncio.gather(*(some() for _ in range(TOGETHER)))
    return CALLS


async def stream(channel: aio.Channel) -> int:
    """The messages of one stream."""
    count = 0
    async for _ in lessons_pb2_grpc.CallsStub(channel).Count(lessons_pb2.CountRequest(to=STREAMED)):
        count += 1
    return count


def cpu(process: int) -> float:
    """Seconds of CPU that the threads of a process have used."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


async def measured(
    server: subprocess.Popen[str], port: int, work: Callable[[aio.Channel], Awaitable[int]]
) -> tuple[float, float]:
    """Calls or messages per second of wall time, and of the server's CPU."""
    async with aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        await channel.channel_ready()
        before, began = cpu(server.pid), time.perf_counter()
        count = await work(channel)
        return count / (time.perf_counter() - began), count / (cpu(server.pid) - before)


def main(rounds: int) -> None:
    servers = {}
    for kind in ("ours", "bare"):
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.grpc_server", "--serve", kind], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        servers[kind] = server, int(server.stdout.readline())
    try:
        for name, work in (("unary calls", unary), ("streamed messages", stream)):
            walls, cpus, rates = [], [], []
            for number in range(rounds + 1):
                kinds = ("ours", "bare") if number % 2 else ("bare", "ours")
                said = {kind: asyncio.run(measured(*servers[kind], work)) for kind in kinds}
                if number:  # the first one warms up
                    walls.append(said["ours"][0] / said["bare"][0])
                    cpus.append(said["ours"][1] / said["bare"][1])
                    rates.append(said["ours"][0])
            print(
                f"{name}: {statistics.median(rates):,.0f}/s, to a bare server: {shown(walls)} by the clock, {shown(cpus)} by CPU"
            )
    finally:
        for server, _ in servers.values():
            server.terminate()
            server.wait()


def shown(ratios: list[float]) -> str:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f} [{low:.2f}..{high:.2f}]"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 40)
