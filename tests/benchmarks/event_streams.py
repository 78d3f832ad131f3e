"""Event streams to many clients, against the sample's threads under Flask, sse-starlette under uvicorn, and Node's http.

Run it as `python -m tests.benchmarks.event_streams [ROUNDS]`; it needs flask, sse-starlette, uvicorn and node. Each round
runs every server once, in turn, in a process of its own; the clients are in this one, raw sockets that only count bytes.
An event has some 95 bytes; 1 or 8 of them are said in one turn of the server's loop, and the next when everyone has heard
them. What is printed are deliveries a second, the server's CPU for each, what a client costs in memory, and how many
times as good as a peer in the same round, by rate and by CPU, as the median and the range over the rounds. On a shared
machine, believe the CPU.
"""

from __future__ import annotations

import os
import resource
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.fanout import cpu, memory, span

SECONDS = 1.5  # for one measurement
STALLED = 10.0  # seconds without a byte after which a server stands still
PEERS = ("flask", "sse-starlette", "node http")
PATHS = {"protolab": "/api/events"}  # where the stream is; elsewhere at /events


@contextmanager
def running(name: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """One of the servers: its port and process."""
    if name == "node http":
        command = ["node", str(Path(__file__).with_suffix(".js"))]
    else:
        command = [sys.executable, "-m", "tests.benchmarks.event_streams_servers", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()


class Audience:
    """Many clients of one event stream, that count bytes, and one that has the server say things."""

    def __init__(self, name: str, port: int, size: int) -> None:
        self.port = port
        self.path = PATHS.get(name, "/events")
        self.poll = select.epoll()
        self.buffer = memoryview(bytearray(1 << 20))
        self.clients = {}
        for _ in range(size):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(f"GET {self.path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode())
            said = b""
            while b"event: connected" not in said:
                said += client.recv(4096)
            client.setblocking(False)
            self.poll.register(client, select.EPOLLIN)
            self.clients[client.fileno()] = client
        self.quiet()
        self.say(1)
        heard = self.quiet()
        self.length, odd = divmod(heard, size)  # of one event, as it is heard
        assert self.length > 90 and not odd, (heard, size)

    def say(self, number: int) -> None:
        """Have that many events said, without waiting for the answer."""
        self.asking = socket.create_connection(("127.0.0.1", self.port))
        request = f"POST /say?n={number} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.asking.sendall(request.encode())

    def hear(self, most: float, patience: float) -> int:
        """Read until that many bytes came, or none for so long; how many came."""
        heard, last = 0, time.perf_counter()
        while heard < most and time.perf_counter() - last < patience:
            for each, _ in self.poll.poll(0.05):
                heard += self.clients[each].recv_into(self.buffer)
                last = time.perf_counter()
        return heard

    def quiet(self) -> int:
        return self.hear(float("inf"), 0.5)

    def rate(self, number: int) -> tuple[float, int]:
        """With that many events in a turn: deliveries a second, and in all."""
        all_of_them = self.length * number * len(self.clients)
        begun, turns = time.perf_counter(), 0
        while (spent := time.perf_counter() - begun) < SECONDS:
            self.say(number)
            heard = self.hear(all_of_them, STALLED)
            assert heard == all_of_them, (heard, all_of_them)
            self.asking.close()
            turns += 1
        deliveries = turns * number * len(self.clients)
        return deliveries / spent, deliveries

    def leave(self) -> None:
        for each in self.clients.values():
            each.close()
        self.poll.close()


def main(rounds: int = 5) -> None:
    """Run all, and print a table for each number of clients and of events in a turn."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    servers = ["protolab", "flask", "sse-starlette", *(["node http"] if shutil.which("node") else [])]
    results: dict[tuple[str, int, int], list[tuple[float, float, float]]] = {}
    for round in range(rounds):
        for name in servers:
            for size in (500, 1000):
                with running(name) as (port, process):
                    Audience(name, port, 10).leave()  # to warm up
                    empty = memory(process)
                    audience = Audience(name, port, size)
                    each_kb = (memory(process) - empty) * 1024 / size
                    for number in (1, 8):
                        before = cpu(process)
                        rate, deliveries = audience.rate(number)
                        used = (cpu(process) - before) / deliveries * 1e6
                        results.setdefault((name, size, number), []).append((rate, used, each_kb))
                    audience.leave()
        print(f"round {round + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    for size in (500, 1000):
        for number in (1, 8):
            print(f"\n{size} clients, {number} event{'s' if number > 1 else ''} in a turn")
            peers = [peer for peer in PEERS if peer in servers]
            against = "".join(f"{'x ' + peer + ': rate':28}{'CPU':28}" for peer in peers)
            print(f"{'server':14}{'per second':>12}{'CPU us':>8}{'kB each':>9}   {against}".rstrip())
            for name in servers:
                mine = results[name, size, number]
                rate, used, each_kb = (statistics.median(run[at] for run in mine) for at in (0, 1, 2))
                cells = ""
                for peer in peers if name == "protolab" else ():
                    pairs = list(zip(mine, results[peer, size, number], strict=True))
                    cells += f"{span([a[0] / b[0] for a, b in pairs]):28}{span([b[1] / a[1] for a, b in pairs]):28}"
                print(f"{name:14}{rate:12,.0f}{used:8.2f}{each_kb:9.1f}   {cells}".rstrip())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
