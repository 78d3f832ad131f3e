"""One source event to many subscribers over graphql-transport-ws, against strawberry and ariadne on uvicorn.

Run it as `python -m tests.benchmarks.graphql_subscriptions [ROUNDS]`. strawberry-graphql, ariadne, uvicorn and websockets
must be installed in this Python or in the one that PEERS names (PEERS=/path/to/python). Each round runs every server once,
in turn, in a process of its own; the clients are raw sockets in this process that only count bytes. What is printed are
deliveries a second, the server's CPU for each, and how many times as good we are as a peer in the same round, as the median
and the range over the rounds. "unshared" is ours with one source for each subscriber, as all peers have it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protolab.wire.websocket_frames import TEXT, Frame
from tests.benchmarks.fanout import cpu, span

OURS = ("protolab", "protolab, unshared")
PEERS = ("strawberry", "ariadne")
SIZES = ((100, 1), (10, 100))  # sockets, subscriptions on each
SECONDS = 1.5
UPGRADE = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def say(**message: object) -> bytes:
    return Frame(TEXT, json.dumps(message).encode(), key=b"\1\2\3\4").encode()


@contextmanager
def running(name: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """One of the servers: its port and process."""
    python = sys.executable if name in OURS else os.environ.get("PEERS", sys.executable)
    script = Path(__file__).with_name("graphql_subscription_servers.py")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([python, str(script), name], stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()


class Crowd:
    """Subscribers on many sockets, and one socket more that makes the events."""

    def __init__(self, port: int, path: bytes, sockets: int, each: int) -> None:
        self.path = path
        self.talker = self.enter(port)
        self.sockets = [self.enter(port) for _ in range(sockets)]
        for client in self.sockets:
            query = {"query": "subscription { news { title author { name } } }"}
            client.sendall(b"".join(say(type="subscribe", id=f"s{n:03}", payload=query) for n in range(each)))
        self.buffer = memoryview(bytearray(1 << 20))
        self.poll = select.epoll()
        self.by_number = {client.fileno(): client for client in self.sockets}
        for client in self.sockets:
            client.setblocking(False)
            self.poll.register(client, select.EPOLLIN)
        self.count = 0
        self.length = 0  # bytes that one event comes to, once all have subscribed
        before = -1
        while self.length != before or self.length % (sockets * each):
            before, self.length = self.length, 0
            self.tell()
            last = time.perf_counter()
            while time.perf_counter() - last < 1:
                if got := self.read():
                    self.length, last = self.length + got, time.perf_counter()

    def enter(self, port: int) -> socket.socket:
        """One more socket, through the handshake and connection_init."""
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(UPGRADE % self.path)
        said = b""
        while b"\r\n\r\n" not in said:
            said += client.recv(4096)
        client.sendall(say(type="connection_init"))
        while b"connection_ack" not in said:
            said += client.recv(4096)
        return client

    def tell(self) -> None:
        """Have one event made."""
        self.count += 1
        query = f'mutation {{ say(title: "{self.count:060}") }}'
        self.talker.sendall(say(type="subscribe", id="m", payload={"query": query}))
        said = b""
        while b'"complete"' not in said:
            said += self.talker.recv(4096)

    def read(self) -> int:
        return sum(self.by_number[one].recv_into(self.buffer) for one, _ in self.poll.poll(0.05))

    def rate(self) -> tuple[float, int]:
        """Events, each once the one before was heard by all: how many a second, and how many there were."""
        events = 0
        begun = time.perf_counter()
        while time.perf_counter() - begun < SECONDS:
            self.tell()
            heard = 0
            while heard < self.length:
                heard += self.read()
            assert heard == self.length, (heard, self.length)
            events += 1
        return events / (time.perf_counter() - begun), events


def main(rounds: int) -> None:
    results: dict[tuple[str, tuple[int, int]], list[tuple[float, float]]] = {}
    for number in range(rounds):
        for size in SIZES:
            for name in OURS + PEERS:
                with running(name) as (port, process):
                    time.sleep(1 if name in PEERS else 0)
                    crowd = Crowd(port, b"/graphql" if name in OURS else b"/", *size)
                    before = cpu(process)
                    rate, events = crowd.rate()
                    many = size[0] * size[1]
                    spent = (cpu(process) - before) / events / many
                    results.setdefault((name, size), []).append((rate * many, spent * 1e6))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    for size in SIZES:
        print(f"\none event to {size[0] * size[1]} subscribers on {size[0]} sockets")
        print(
            f"{'server':20}{'per second':>12}{'CPU us':>8}   "
            + "".join(f"{'x ' + p + ': rate':26}{'CPU':24}" for p in PEERS)
        )
        for name in OURS + PEERS:
            mine = results[name, size]
            cells = ""
            for other in PEERS:
                pairs = list(zip(mine, results[other, size], strict=True))
                cells += f"{span([a[0] / b[0] for a, b in pairs]):26}{span([b[1] / a[1] for a, b in pairs]):24}"
            rate, each = (statistics.median(run[at] for run in mine) for at in (0, 1))
            print(f"{name:20}{rate:12,.0f}{each:8.2f}   {cells}".rstrip())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
