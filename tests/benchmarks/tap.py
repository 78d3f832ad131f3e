"""How much of a connection's speed is left through the tap, which records, beside socat, which does not.

Run it as `python -m tests.benchmarks.tap [ROUNDS]`. Server, relay and client are three processes on this machine. Each round
measures every way once, in turn, each relay freshly started; what is printed are ratios inside a round, as the median and the
range over the rounds (the machine may be shared and noisy). The tap keeps all that it relays, and pays for that in fresh
memory; a tap with the limit that captures have by default keeps a part. socat moves 8 KiB at a time unless it is told to
move what the tap does.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from protolab.capture import Capture
from protolab.capture.model import DEFAULT_LIMIT
from protolab.capture.tap import _READ, Tap

TRIPS = 4000  # round trips of 64 bytes
BULK = 192 * 2**20  # bytes one way
PIECE = bytes(64)


def serve() -> None:
    """The peer: echoes what comes; or takes as many bytes as the first eight announce, and then answers with one."""

    def handle(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = connection.recv(8, socket.MSG_WAITALL)
        left, buffer = int.from_bytes(head), memoryview(bytearray(2**18))
        if left:
            while left:
                left -= connection.recv_into(buffer)
            connection.sendall(b".")
        while count := connection.recv_into(buffer):
            connection.sendall(buffer[:count])
        connection.close()

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=handle, args=listener.accept()[:1], daemon=True).start()


async def relay(target: int, limit: int) -> None:
    """The tap, until it is ended."""
    print(await Tap("127.0.0.1", target, Capture(limit=limit)).start(), flush=True)
    await asyncio.Event().wait()


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def ourselves(*arguments: object) -> Iterator[int]:
    """Another process of this module, and the port that it prints."""
    with started(sys.executable, "-m", "tests.benchmarks.tap", *map(str, arguments)) as process:
        assert process.stdout
        yield int(process.stdout.readline())


@contextmanager
def socat(target: int, *options: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,nodelay"
    with started("socat", *options, listen, f"TCP:127.0.0.1:{target},nodelay"):
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        yield port


def round_trips(port: int) -> float:
    """Round trips in a second."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(bytes(8))
        for count in (TRIPS // 10, TRIPS):  # the first ones warm up
            began = time.perf_counter()
            for _ in range(count):
                connection.sendall(PIECE)
                connection.recv(64, socket.MSG_WAITALL)
        return TRIPS / (time.perf_counter() - began)


def bulk(port: int) -> float:
    """Bytes in a second, until the server has them all."""
    data = bytes(2**20)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        connection.sendall(BULK.to_bytes(8))
        for _ in range(BULK // len(data)):
            connection.sendall(data)
        connection.recv(1)
        return BULK / (time.perf_counter() - began)


def main(rounds: int) -> None:
    if not shutil.which("socat"):
        sys.exit("socat is not installed: there is nothing to compare with. Install it and run this again.")
    with ourselves("serve") as target:
        ways: dict[str, Callable[[], AbstractContextManager[int]]] = {
            "direct": lambda: nullcontext(target),
            "tap": lambda: ourselves("relay", target, 2**30),
            f"tap that keeps {DEFAULT_LIMIT // 2**20} MiB": lambda: ourselves("relay", target, DEFAULT_LIMIT),
            "socat": lambda: socat(target),
            "socat -b 262144": lambda: socat(target, "-b", str(_READ)),
        }
        for measure, unit, scale in (
            (round_trips, "round trips of 64 bytes a second", 1),
            (bulk, "MiB a second", 2**20),
        ):
            speeds: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, way in ways.items():
                    with way() as port:
                        speeds[name].append(measure(port) / scale)
            print(f"{unit}: direct {statistics.median(speeds['direct']):,.0f}")
            for name in list(ways)[1:]:
                print(
                    f"  {name:22}",
                    *(f"{against(speeds[name], speeds[other]):>26} of {other}" for other in ("direct", "socat")),
                )


def against(ours: list[float], theirs: list[float]) -> str:
    """The ratios of each round, as median and range."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}..{max(ratios):.2f}]"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["relay", target, limit]:
            asyncio.run(relay(int(target), int(limit)))
        case rest:
            main(int(rest[0]) if rest else 5)
