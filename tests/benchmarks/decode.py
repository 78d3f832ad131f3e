"""How fast captured WebSocket frames are found, judged and explained, against tshark on the same pcapng.

Run it as `python -m tests.benchmarks.decode [ROUNDS]`. Each round runs every contender once, in turn; what is printed are
ratios of CPU time inside a round, as the median and the range over the rounds (the machine may be shared and noisy).
tshark is charged for its start and for the IP and TCP layers, which our decoder never has to see.
"""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path

from protolab import protocols
from protolab.capture import Capture, Connection, pcapng
from protolab.fields import Side
from protolab.protocols.websocket.decode import WebSocketConversation
from protolab.wire.websocket_frames import TEXT, Frame, scan

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
LETTERS = "abcdefghijklmnopqrstuvwxyz ABCDEF"


def conversation(frames: int, low: int, high: int, deflate: bool = False) -> Connection:
    """One client that says `frames` masked text frames of `low` to `high` bytes, one in each TCP segment."""
    offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" if deflate else b"\r\n"
    packer = zlib.compressobj(wbits=-15)
    chance = random.Random(6455)
    connection = Capture(limit=2**30).connect("127.0.0.1:40000", "127.0.0.1:8765")
    connection.add(Side.CLIENT, REQUEST[:-2] + offer, 0.0)
    connection.add(Side.SERVER, RESPONSE[:-2] + offer, 0.0)
    for number in range(frames):
        text = "".join(chance.choices(LETTERS, k=chance.randint(low, high))).encode()
        if deflate:
            text = (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
        connection.add(Side.CLIENT, Frame(TEXT, text, rsv1=deflate, key=chance.randbytes(4)).encode(), number * 1e-5)
    return connection


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of the work, its child processes included."""
    before, children = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    return time.process_time() - before + spent


def tshark(path: Path, *options: str) -> Callable[[], object]:
    """A run of tshark over the file that throws its output away."""
    command = ["tshark", "-r", str(path), "-d", "tcp.port==8765,http", *options]
    return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def find(connection: Connection) -> None:
    """Only where each frame starts."""
    scan(connection.streams[Side.CLIENT], connection.marks[Side.CLIENT].ends[0], array("Q"))


def look(connection: Connection) -> None:
    """Open the capture and explain the fifty units that a screen shows."""
    assert len(protocols.decode(connection)[:50]) == 50


def judge(connection: Connection) -> None:
    """Unmask, inflate, check UTF-8 and every rule, for every frame."""
    walk = protocols.decode(connection)
    assert isinstance(walk, WebSocketConversation)
    assert not any(step.findings for step in walk.judged())


def explain(connection: Connection) -> None:
    """The full tree of every frame, one after another, the garbage collector on."""
    assert sum(1 for unit in protocols.decode(connection) if unit.field.children)


def main(rounds: int) -> None:
    print("CPU time of tshark / CPU time of protolab, median and range over the rounds")
    for frames, low, high, deflate in (
        (100_000, 20, 120, False),
        (20_000, 1024, 1024, False),
        (100_000, 20, 120, True),
    ):
        connection = conversation(frames, low, high, deflate)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frames.pcapng"
            pcapng.write(connection.capture, path)
            fields = ("-T", "fields", "-e", "websocket.opcode", "-e", "websocket.payload")
            contenders = {"fields": tshark(path, *fields), "json": tshark(path, "-T", "json")}
            contenders |= {work.__name__: partial(work, connection) for work in (find, look, judge, explain)}
            spent: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(rounds):
                for name, work in contenders.items():
                    spent[name].append(cpu(work))
        print(f"{frames:,} masked text frames of {low} to {high} bytes{', deflated' * deflate}:")
        for name, peer, says in (
            ("find", "fields", "where every frame starts"),
            ("look", "fields", "opened, fifty units explained"),
            ("judge", "fields", "every frame unmasked, inflated, judged"),
            ("explain", "json", "every frame's full tree, streamed"),
        ):
            ratios = sorted(theirs / ours for theirs, ours in zip(spent[peer], spent[name], strict=True))
            median = statistics.median(ratios)
            print(f"  {says:38} {median:7.1f} x tshark -T {peer:6} [{ratios[0]:.1f} .. {ratios[-1]:.1f}]")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
