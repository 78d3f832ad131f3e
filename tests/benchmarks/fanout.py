"""A room's broadcast, against the sample's asyncio.gather, websockets.broadcast and npm ws.

Run it as `python -m tests.benchmarks.fanout [ROUNDS]`. Each round runs every server once, in turn, in a process of its own;
the clients are in this one, raw sockets that only count bytes, so that they are not what is measured. What is printed are
deliveries a second, the server's CPU for each, and how many times as good as a peer in the same round, by rate and by CPU,
as the median and the range over the rounds. On a shared machine, believe the CPU.

1. 64-byte messages to 100 and 1,000 clients, with 1 and 32 in flight. "fanout" says back what it is told, as the peers do;
   "chat" is the whole chat server, whose messages carry room, sender and time and are three times as long.
2. 2 kB messages to 20 clients, before and after one joins that never reads: the others' rate, and what it costs the server.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from protolab.wire.websocket_frames import TEXT, Frame

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SECONDS = 1.5  # for one measurement
STALLED = 5.0  # seconds without a byte after which a room stands still


def say(text: str) -> bytes:
    """A text as a client sends it."""
    return Frame(TEXT, text.encode(), key=b"\1\2\3\4").encode()


@contextmanager
def running(name: str, node_modules: Path | None) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """One of the servers: its port and process."""
    if name == "npm ws":
        command = ["node", str(Path(__file__).with_name("fanout_ws.js"))]
    else:
        command = [sys.executable, "-m", "tests.benchmarks.fanout_servers", name]
    environment = os.environ | ({"NODE_PATH": str(node_modules)} if node_modules else {})
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()


class Crowd:
    """Many clients of one server. The first one talks; all listen, by counting bytes."""

    def __init__(self, port: int, size: int, chat: bool) -> None:
        self.port = port
        self.chat = chat
        self.numbers = count(10_000_000)  # all of one length
        self.sockets = [self.enter() for _ in range(size)]
        self.buffer = memoryview(bytearray(1 << 20))
        self.poll = select.epoll()
        self.by_number = {each.fileno(): each for each in self.sockets}
        for each in self.sockets:
            each.setblocking(False)
            self.poll.register(each, select.EPOLLIN)
            self.join(each)

    def enter(self) -> socket.socket:
        """One more client, through its handshake."""
        client = socket.create_connection(("127.0.0.1", self.port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(UPGRADE)
        said = b""
        while b"\r\n\r\n" not in said:
            said += client.recv(4096)
        return client

    def join(self, client: socket.socket) -> None:
        """In the chat, it takes more to be in the room."""
        if self.chat:
            client.sendall(say('{"type":"room","payload":{"action":"join","room":"tea"}}'))

    def message(self, size: int, end: str = "") -> bytes:
        """What the talker sends so that `size` bytes of payload (in the chat, of message) are said."""
        text = "x" * (size - len(end)) + end
        if self.chat:
            return say(json.dumps({"type": "chat", "payload": {"room": "tea", "message": text}}))
        return say(text)

    def talk(self, data: bytes) -> None:
        """Send, however long it takes."""
        talker = self.sockets[0]
        talker.setblocking(True)
        talker.sendall(data)
        talker.setblocking(False)

    def settle(self, size: int) -> int:
        """Say one more thing, and read until everyone has heard it, and so all that was said before.

        How many bytes the talker read. Gives up on a room that stands still.
        """
        number = str(next(self.numbers))
        said, heard = number.encode(), 0
        self.talk(self.message(size, number))
        ends = dict.fromkeys(self.by_number, b"")
        last = time.perf_counter()
        while ends and time.perf_counter() - last < STALLED:
            for each, _ in self.poll.poll(0.1):
                got = self.by_number[each].recv_into(self.buffer)
                heard += got if each == self.sockets[0].fileno() else 0
                last = time.perf_counter()
                if each in ends:
                    ends[each] = (ends[each] + self.buffer[max(0, got - 400) : got])[-400:]
                    if said in ends[each] and (not self.chat or ends[each].endswith(b"}}")):
                        del ends[each]
        return heard

    def rate(self, size: int, window: int, seconds: float) -> tuple[float, float, float]:
        """With that many messages in flight: deliveries a second, deliveries in all, the longest wait for one."""
        self.settle(size)
        length = self.settle(size)  # of one message as it is heard
        message, everyone = self.message(size), length * len(self.sockets)
        begun = last = now = time.perf_counter()
        heard = sent = done = 0
        longest = 0.0
        poll, by_number, buffer = self.poll.poll, self.by_number, self.buffer
        while now - begun < seconds and now - last < STALLED:
            if sent - done < window:
                self.talk(message * (window - (sent - done)))
                sent = done + window
            for each, _ in poll(0.1):
                heard += by_number[each].recv_into(buffer)
            now = time.perf_counter()
            if heard // everyone > done:
                done = heard // everyone
                longest, last = max(longest, now - last), now
        rate = heard / length / (now - begun)
        self.settle(size)
        return rate, heard / length, max(longest, now - last)

    def leave(self) -> None:
        """Break off."""
        for each in self.sockets:
            each.close()
        self.poll.close()


def cpu(process: subprocess.Popen[bytes]) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: subprocess.Popen[bytes]) -> float:
    """MB that a process has in memory."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def span(values: list[float], form: str = ".2f") -> str:
    """Median and range."""
    return f"{statistics.median(values):7{form}} [{min(values):{form}}..{max(values):{form}}]"


def broadcast(servers: list[str], rounds: int, node_modules: Path | None) -> None:
    """The first table."""
    results: dict[tuple[str, int, int], list[tuple[float, float]]] = {}
    for number in range(rounds):
        for name in servers:
            for size in (100, 1000):
                with running(name, node_modules) as (port, process):
                    crowd = Crowd(port, size, name.startswith("chat"))
                    for window in (1, 32):
                        before = cpu(process)
                        rate, deliveries, _ = crowd.rate(64, window, SECONDS)
                        spent = (cpu(process) - before) / deliveries
                        results.setdefault((name, size, window), []).append((rate, spent * 1e6))
                    crowd.leave()
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    for size in (100, 1000):
        for window in (1, 32):
            print(f"\n64-byte messages to {size} clients, {window} in flight")
            peers = [name for name in ("gather", "npm ws") if name in servers]
            against = "".join(f"{'x ' + name + ': rate':26}{'CPU':24}" for name in peers)
            print(f"{'server':12}{'per second':>12}{'CPU us':>8}   {against}")
            for name in servers:
                mine = results[name, size, window]
                rate, each = (statistics.median(run[at] for run in mine) for at in (0, 1))
                cells = ""
                for peer in peers:
                    pairs = list(zip(mine, results[peer, size, window], strict=True))
                    cells += f"{span([a[0] / b[0] for a, b in pairs]):26}{span([b[1] / a[1] for a, b in pairs]):24}"
                print(f"{name:12}{rate:12,.0f}{each:8.2f}   {cells}".rstrip())


def stalled(servers: list[str], rounds: int, node_modules: Path | None) -> None:
    """The second table."""
    results: dict[str, list[tuple[float, float, float]]] = {}
    for number in range(rounds):
        for name in servers:
            with running(name, node_modules) as (port, process):
                crowd = Crowd(port, 20, name.startswith("chat"))
                crowd.rate(2048, 8, SECONDS)  # to warm up
                alone, _, _ = crowd.rate(2048, 8, 2 * SECONDS)
                before = memory(process)
                dead = crowd.enter()
                crowd.join(dead)
                together, _, longest = crowd.rate(2048, 8, 4 * SECONDS)
                results.setdefault(name, []).append((together / alone, longest * 1000, memory(process) - before))
                dead.close()
                crowd.leave()
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    print("\n2 kB messages to 20 clients, 8 in flight, and one client more that never reads")
    print(f"{'server':20}{'rate, with / without it':28}{'longest wait, ms':30}memory, MB more")
    for name in servers:
        ratio, longest, grown = (list(column) for column in zip(*results[name], strict=True))
        print(f"{name:20}{span(ratio):28}{span(longest, '.0f'):30}{span(grown, '.1f')}")


def main(rounds: int = 5) -> None:
    """Run both."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        peers, node_modules = [], None
        if shutil.which("npm") and shutil.which("node"):
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, "ws"], check=True)
            peers, node_modules = ["npm ws"], Path(folder, "node_modules")
        else:
            print("npm ws is left out: npm or node is not installed")
        broadcast(["gather", "broadcast", "fanout", "chat", *peers], rounds, node_modules)
        stalled(["gather", "broadcast", "chat", "chat, drop oldest", *peers], rounds, node_modules)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
