"""Captures as pcapng, read by tshark: it finds nothing to complain of, and gives back the bytes of both sides."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from protolab.capture import Capture, pcapng
from protolab.fields import Side
from tests.tools import need

CHECKED = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
ONLY_TCP = ["-d", "tcp.port==1-65535,data"]  # other dissectors would guess at the bytes
NOTE = 0x400000  # Wireshark's severities: chat 2, note 4, warn 6, error 8
FINE = {
    "Connection finish (FIN)",
    "This frame initiates the connection closing",
    "This frame undergoes the connection closing",
}


def tshark(path: Path, *arguments: str) -> str:
    command = [need("tshark"), "-n", "-r", str(path), *CHECKED, *ONLY_TCP, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def fields(path: Path, *names: str) -> list[list[str]]:
    lines = tshark(path, "-T", "fields", *(word for name in names for word in ("-e", name))).splitlines()
    return [line.split("\t") for line in lines]


def complaints(path: Path) -> set[str]:
    """What tshark notes, warns of or holds for an error, and would not of a connection that ends as it should."""
    shown = tshark(
        path, "-Y", f"_ws.expert.severity >= {NOTE}", "-T", "fields", "-E", "aggregator=|", "-e", "_ws.expert.message"
    )
    return {message for line in shown.splitlines() for message in line.split("|")} - FINE


def streams(path: Path, count: int) -> list[tuple[bytes, bytes]]:
    """The bytes of both sides of each connection, as tshark follows them."""
    wanted = [word for number in range(count) for word in ("-z", f"follow,tcp,raw,{number}")]
    found = []
    for block in tshark(path, "-q", *wanted).split("Filter: tcp.stream eq ")[1:]:
        lines = block.partition("\n=")[0].splitlines()[3:]  # after the number and both nodes
        client = b"".join(bytes.fromhex(line) for line in lines if not line.startswith("\t"))
        server = b"".join(bytes.fromhex(line) for line in lines if line.startswith("\t"))
        found.append((int(block.split()[0]), (client, server)))
    return [pair for _, pair in sorted(found)]


def said(capture: Capture) -> list[tuple[bytes, bytes]]:
    return [(connection.read(Side.CLIENT), connection.read(Side.SERVER)) for connection in capture.connections]


SEGMENTS = st.lists(st.tuples(st.sampled_from(Side), st.binary(min_size=1, max_size=200)), max_size=8)
ADDRESSES = st.sampled_from(
    ["", "127.0.0.1:40001", "127.0.0.1:40002", "10.1.2.3:40001", "[::1]:40003", "lab.local:x", "h:99999"]
)
CONNECTIONS = st.lists(
    st.tuples(ADDRESSES, ADDRESSES, SEGMENTS, st.sampled_from(["", "F", "S", "FS", "SF", "f", "s"])),
    min_size=1,
    max_size=12,
)
ENDINGS = {"F": (Side.CLIENT, "FIN"), "S": (Side.SERVER, "FIN"), "f": (Side.CLIENT, "RST"), "s": (Side.SERVER, "RST")}


@given(CONNECTIONS, st.one_of(st.none(), st.tuples(*[st.integers(2**32 - 300, 2**32 - 2)] * 2)), st.randoms())
@settings(max_examples=8, deadline=None, phases=[Phase.generate])  # shrinking costs a second a step
def test_any_connections_follow_to_their_bytes_without_a_complaint(
    tmp_path_factory: pytest.TempPathFactory,
    connections: list[tuple[str, str, list[tuple[Side, bytes]], str]],
    first: tuple[int, int] | None,
    chance: random.Random,
) -> None:
    capture = Capture()
    waiting = []
    for client, server, segments, endings in connections:
        connection = capture.connect(client, server, at=0.0)
        steps = [(connection.add, side, data) for side, data in segments]
        steps += [(connection.end, *ENDINGS[letter]) for letter in endings]
        waiting.append(steps)
    clock = 0.0
    while any(waiting):  # the connections talk at the same time
        step, *what = chance.choice([steps for steps in waiting if steps]).pop(0)
        clock += 1e-6
        step(*what, clock)
    path = tmp_path_factory.getbasetemp() / "any.pcapng"
    pcapng.write(capture, path, first)
    resets = any(letters in ("f", "s") for *_, letters in connections)
    assert complaints(path) == ({"Connection reset (RST)"} if resets else set())
    assert streams(path, len(capture)) == said(capture)


def test_large_segments_become_packets_that_ip_can_carry(tmp_path: Path) -> None:
    capture = Capture()
    connection = capture.connect("127.0.0.1:40001", "127.0.0.1:40002")
    for size in (64_960, 64_961, 65_535, 300_000):
        connection.add(Side.CLIENT, random.Random(size).randbytes(size))
        connection.add(Side.SERVER, random.Random(size + 1).randbytes(size))
    connection.end(Side.SERVER, "FIN")
    connection.end(Side.CLIENT, "FIN")
    capture.save(tmp_path / "large.pcapng")
    assert complaints(tmp_path / "large.pcapng") == set()
    assert max(int(length) for (length,) in fields(tmp_path / "large.pcapng", "ip.len")) == 65_000
    assert streams(tmp_path / "large.pcapng", 1) == said(capture)


def test_sequence_numbers_go_on_from_zero_after_the_largest(tmp_path: Path) -> None:
    capture = Capture()
    connection = capture.connect("127.0.0.1:40001", "127.0.0.1:40002")
    for side in (Side.CLIENT, Side.SERVER, Side.CLIENT):
        connection.add(side, random.Random(side).randbytes(70_000))
    connection.end(Side.CLIENT, "FIN")
    pcapng.write(capture, tmp_path / "wrap.pcapng", first=(2**32 - 100_000, 2**32 - 2))
    assert complaints(tmp_path / "wrap.pcapng") == set()
    assert streams(tmp_path / "wrap.pcapng", 1) == said(capture)


def test_times_are_kept_to_the_nanosecond_and_packets_of_all_connections_are_in_order(tmp_path: Path) -> None:
    capture = Capture()
    first = capture.connect("127.0.0.1:40001", "127.0.0.1:40009", at=0.000000001)
    second = capture.connect("127.0.0.1:40002", "127.0.0.1:40009", at=0.25)
    second.add(Side.CLIENT, b"B", 0.250000002)
    first.add(Side.CLIENT, b"A", 0.500000003)
    second.add(Side.SERVER, b"C", 5_000_000.000000004)
    capture.save(tmp_path / "times.pcapng")
    rows = fields(tmp_path / "times.pcapng", "frame.time_epoch", "tcp.stream", "tcp.payload")
    assert [row for row in rows if row[2]] == [
        ["0.250000002", "1", "42"],
        ["0.500000003", "0", "41"],
        ["5000000.000000004", "1", "43"],
    ]
    assert [float(row[0]) for row in rows] == sorted(float(row[0]) for row in rows)


def test_addresses_are_the_recorded_ones_and_a_connection_midway_has_no_handshake(tmp_path: Path) -> None:
    capture = Capture()
    whole = capture.connect("10.0.0.7:53122", "192.168.1.2:8080")
    midway = capture.connect("10.0.0.7:53123", "192.168.1.2:8080", midway=True)
    for connection in (whole, midway):
        connection.add(Side.CLIENT, b"ask")
        connection.add(Side.SERVER, b"answer")
    capture.save(tmp_path / "a.pcapng")
    rows = fields(tmp_path / "a.pcapng", "tcp.stream", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.flags")
    there, back = ["10.0.0.7", "53122", "192.168.1.2", "8080"], ["192.168.1.2", "8080", "10.0.0.7", "53122"]
    syn, syn_ack, ack, push = "0x0002", "0x0012", "0x0010", "0x0018"
    talk = [[*there, push], [*back, ack], [*back, push], [*there, ack]]
    assert [row[1:] for row in rows if row[0] == "0"] == [[*there, syn], [*back, syn_ack], [*there, ack], *talk]
    assert [row[5] for row in rows if row[0] == "1"] == [push, ack, push, ack]
    assert complaints(tmp_path / "a.pcapng") == set()
    assert streams(tmp_path / "a.pcapng", 2) == said(capture)


def test_bytes_that_were_dropped_are_told_of_as_missing(tmp_path: Path) -> None:
    capture = Capture(limit=10)
    connection = capture.connect("127.0.0.1:40001", "127.0.0.1:40002")
    connection.add(Side.CLIENT, b"0123456789abcdef")
    connection.end(Side.CLIENT, "FIN")
    capture.save(tmp_path / "full.pcapng")
    assert any("previous segment" in complaint.lower() for complaint in complaints(tmp_path / "full.pcapng"))


def test_equal_captures_make_equal_files(tmp_path: Path) -> None:
    for name in ("one.pcapng", "two.pcapng"):
        capture = Capture()
        connection = capture.connect(at=0.5)
        connection.add(Side.CLIENT, b"the same", 1.0)
        connection.end(Side.CLIENT, "FIN", 2.0)
        capture.save(tmp_path / name)
    assert (tmp_path / "one.pcapng").read_bytes() == (tmp_path / "two.pcapng").read_bytes()


@given(st.binary(max_size=60))
@example(b"\xff\xff")
@settings(deadline=None)
def test_the_checksum_is_the_sum_of_words_that_rfc_1071_describes(data: bytes) -> None:
    total = 0
    for start in range(0, len(data), 2):
        total += int.from_bytes(data[start : start + 2].ljust(2, b"\0"))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert pcapng.checksum(data) == 0xFFFF - total
