"""How fast captured event streams are cut into blocks, explained and parsed, against tshark and httpx-sse in one run.

Run it as `python -m tests.benchmarks.event_streams_decode [ROUNDS]`. Each round runs every contender once, in turn; what is
printed are ratios of CPU time inside a round, as the median and the range over the rounds (the machine may be shared).
tshark is charged for its start and for the IP and TCP layers, and tells only of chunks: it does not know events.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import httpx_sse

from protolab import protocols
from protolab.capture import Capture, Connection, pcapng
from protolab.fields import Side
from protolab.wire.event_blocks import StreamSplitter
from protolab.wire.event_stream import parse
from tests.benchmarks.decode import cpu, tshark

REQUEST = b"GET /api/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = 5_000  # tshark 4.0 takes time that grows with their square, where they are chunks of one response


def blocks(end: bytes) -> list[bytes]:
    """Events of some 95 bytes, as a broadcaster writes them."""
    chance = random.Random(9)
    said = []
    for number in range(EVENTS):
        text = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz ABCDEF", k=chance.randint(20, 60))).encode()
        said.append(end.join([b"id: %d" % number, b"event: update", b'data: {"text":"%s"}' % text, b"", b""]))
    return said


def conversation(said: list[bytes]) -> Connection:
    """One stream, each event a chunk in a segment of its own."""
    connection = Capture(limit=2**30).connect("127.0.0.1:40000", "127.0.0.1:8765")
    connection.add(Side.CLIENT, REQUEST, 0.0)
    connection.add(Side.SERVER, HEAD, 0.0)
    for number, block in enumerate(said):
        connection.add(Side.SERVER, b"%x\r\n%s\r\n" % (len(block), block), number * 1e-5)
    connection.add(Side.SERVER, b"0\r\n\r\n", EVENTS * 1e-5)
    return connection


def find(connection: Connection) -> None:
    """Only where each block ends, through the chunks."""
    starts = (array("Q"), array("Q"))
    StreamSplitter().split(connection.streams, starts, (False, False))
    assert len(starts[Side.SERVER]) == EVENTS + 2


def explain(connection: Connection) -> None:
    """Every event's full tree, one after another."""
    assert sum(1 for unit in protocols.decode(connection) if unit.kind == "event") == EVENTS


def read(said: list[bytes]) -> None:
    """Every event, by the parser that our client uses."""
    assert sum(1 for _ in parse(said)) == EVENTS


def read_by_httpx(said: list[bytes]) -> None:
    response = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=iter(said))
    assert sum(1 for _ in httpx_sse.EventSource(response).iter_sse()) == EVENTS


def main(rounds: int) -> None:
    for name, end in (("LF", b"\n"), ("CR LF", b"\r\n")):
        said = blocks(end)
        big = [b"".join(said)[at : at + 2**16] for at in range(0, sum(map(len, said)), 2**16)]
        connection = conversation(said)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.pcapng"
            pcapng.write(connection.capture, path)
            contenders: dict[str, Callable[[], object]] = {
                "tshark -T fields": tshark(path, "-T", "fields", "-e", "http.chunk_size"),
                "httpx-sse": partial(read_by_httpx, said),
                "httpx-sse in 64 kB": partial(read_by_httpx, big),
                "find": partial(find, connection),
                "explain": partial(explain, connection),
                "read": partial(read, said),
                "read in 64 kB": partial(read, big),
            }
            spent: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(rounds):
                for each, work in contenders.items():
                    spent[each].append(cpu(work))
        print(f"{EVENTS:,} events, one a chunk, line ends {name}:")
        for ours, theirs, says in (
            ("find", "tshark -T fields", "where every block ends"),
            ("explain", "tshark -T fields", "every block's full tree, streamed"),
            ("read", "httpx-sse", "every event parsed, a chunk each"),
            ("read in 64 kB", "httpx-sse in 64 kB", "every event parsed, 64 kB at a time"),
        ):
            ratios = sorted(peer / own for peer, own in zip(spent[theirs], spent[ours], strict=True))
            pace = EVENTS / statistics.median(spent[ours])
            print(
                f"  {says:38} {statistics.median(ratios):7.1f} x {theirs:20}"
                f" [{ratios[0]:.1f} .. {ratios[-1]:.1f}], {pace:,.0f} events/s"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
