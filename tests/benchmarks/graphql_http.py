"""Queries over HTTP, against strawberry and ariadne under uvicorn: the same store, loaders and event loop.

Run it as `python -m tests.benchmarks.graphql_http [ROUNDS]`, where strawberry-graphql, ariadne and uvicorn[standard] are
installed. Each round runs every server once, in turn, in a process of its own; four connections ask one query again and
again, raw sockets that only count bytes. What is printed are requests a second, the server's CPU for each, and how many times
as good ours is as a peer in the same round, by rate and by CPU, as the median and the range over the rounds. On a shared
machine, believe the CPU. Last come the calls of the backend with and without a batching loader, which are no measurement.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.graphql_http_servers import SERVERS

SECONDS = 1.5
CONNECTIONS = 4
QUERIES = {
    "a user with posts": {
        "query": "query GetUser($id: ID!) { user(id: $id) { id name email posts { id title content createdAt } } }",
        "variables": {"id": "1"},
    },
    "20 users, 100 posts, their authors": {"query": "{ users { name posts { title author { name } } } }"},
}


@contextmanager
def running(name: str) -> Iterator[tuple[int, int]]:
    """One of the servers: its port and process id."""
    command = [sys.executable, "-m", "tests.benchmarks.graphql_http_servers", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.wait()


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    with open(f"/proc/{pid}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def ask(port: int, query: dict[str, object], until: float) -> int:
    """Ask on one connection until that time; how many answers came."""
    body = json.dumps(query).encode()
    head = "POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.monotonic() < until:
        writer.write(request)
        fields = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b" 200 " in fields[:15], fields
        answer = await reader.readexactly(int(fields.partition(b"content-length:")[2].split(b"\r\n")[0]))
        if not count:
            assert "errors" not in json.loads(answer), answer
        count += 1
    writer.close()
    return count


async def measure(port: int, pid: int, query: dict[str, object]) -> tuple[float, float]:
    """Requests a second, and microseconds of the server's CPU for each."""
    await ask(port, query, time.monotonic() + 0.3)
    before, began = cpu(pid), time.monotonic()
    done = sum(await asyncio.gather(*(ask(port, query, began + SECONDS) for _ in range(CONNECTIONS))))
    return done / (time.monotonic() - began), (cpu(pid) - before) / done * 1e6


def _range(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f} [{min(values):.2f}..{max(values):.2f}]"


async def calls() -> None:
    """How often the backend is asked for the second query."""
    from protolab.protocols.graphql.engine import Engine, Prepared, Request
    from protolab.protocols.graphql.schema import Context, users_and_posts
    from protolab.protocols.graphql.store import Store

    for batching in (False, True):
        store = Store()
        engine = Engine(users_and_posts(), lambda trace, on=batching, of=store: Context(of, trace, batching=on))
        prepared = engine.prepare(Request(str(QUERIES["20 users, 100 posts, their authors"]["query"])))
        assert isinstance(prepared, Prepared)
        await engine.execute(prepared)
        print(f"batching {'on ' if batching else 'off'}: {dict(store.calls)}")


def main(rounds: int) -> None:
    """Measure, and print."""
    for title, query in QUERIES.items():
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
        for _ in range(rounds):
            for name in SERVERS:
                with running(name) as (port, pid):
                    found[name].append(asyncio.run(measure(port, pid, query)))
        print(f"\n{title}\n{'':30}  requests/s  CPU us      ours is better, by rate     and by CPU")
        for name, measured in found.items():
            rate, time_ = (statistics.median(values) for values in zip(*measured, strict=True))
            by_rate = [ours[0] / theirs[0] for ours, theirs in zip(found["ours"], measured, strict=True)]
            by_cpu = [theirs[1] / ours[1] for ours, theirs in zip(found["ours"], measured, strict=True)]
            print(f"{name:30}  {rate:10.0f}  {time_:6.0f}  {_range(by_rate):>24}  {_range(by_cpu):>24}")
    print()
    asyncio.run(calls())


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
