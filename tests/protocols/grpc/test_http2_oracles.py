"""Fresh traffic of grpcio: what we decode is what tshark, hyperframe and the `hpack` library read in the same bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import hpack
import pytest
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from protolab.capture import Connection, pcapng
from protolab.fields import Side
from protolab.protocols.grpc.connection import Step
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.wire import http2, http2_settings
from protolab.wire.hpack import INCREMENTAL, INDEXED, NEVER, PLAIN, UPDATE
from tests.decoding import sound
from tests.protocols.grpc.traffic import everything, recorded
from tests.tools import need


@pytest.fixture(scope="module")
def live() -> Connection:
    """Every kind of call."""
    return recorded(everything)


@pytest.fixture(scope="module")
def resized() -> Connection:
    """Every kind of call, with header tables so small that they evict. tshark loses such a connection at the first update."""
    small = [("grpc.http2.max_frame_size", 16384), ("grpc.http2.hpack_table_size.decoder", 300)]
    return recorded(everything, small, [("grpc.http2.hpack_table_size.decoder", 400)])


def frames(connection: Connection) -> list[Step]:
    conversation = sound(connection)
    assert isinstance(conversation, GrpcConversation)
    return [step for step in conversation.steps() if step.head is not None]


def library(data: bytes) -> Iterator[Frame]:
    """The frames of a stream, as hyperframe reads them."""
    view = memoryview(data)
    while view:
        frame, length = Frame.parse_frame_header(view[:9])
        frame.parse_body(view[9 : 9 + length])
        yield frame
        view = view[9 + length :]


@pytest.mark.parametrize("talk", ["live", "resized"])
def test_hyperframe_and_hpack_read_the_same(talk: str, request: pytest.FixtureRequest) -> None:
    connection: Connection = request.getfixturevalue(talk)
    steps = frames(connection)
    evicted = [line for step in steps if step.reading for line in step.reading.block.lines if line.evicted]
    assert bool(evicted) is (talk == "resized")
    for side in Side:
        ours = [step for step in steps if step.place.side is side]
        start = len(http2.PREFACE) if side is Side.CLIENT else 0
        decoder, block = hpack.Decoder(), b""
        decoder.max_allowed_table_size = 65536
        theirs = list(library(connection.read(side)[start:]))
        assert len(ours) == len(theirs) > 100
        for step, frame in zip(ours, theirs, strict=True):
            head = step.head
            assert head is not None and (head.type, head.stream) == (frame.type, frame.stream_id)
            named = {http2.FLAGS[head.type][bit] for bit in http2.FLAGS.get(head.type, ()) if head.flags & bit}
            assert named == set(frame.flags)
            if isinstance(frame, HeadersFrame | ContinuationFrame):
                block += bytes(frame.data)
                if "END_HEADERS" in frame.flags:
                    assert step.headers == [tuple(each) for each in decoder.decode(block, raw=True)]
                    assert [entry[:2] for entry in step.tables[side].entries] == list(
                        decoder.header_table.dynamic_entries
                    )
                    assert step.tables[side].size == sum(entry.size for entry in step.tables[side].entries)
                    block = b""
            elif head.type == http2.DATA:
                assert step.content == bytes(frame.data)  # type: ignore[attr-defined]
            elif isinstance(frame, WindowUpdateFrame) and not frame.stream_id:
                (moved,) = step.moves
                assert moved.after - moved.before == frame.window_increment
            elif isinstance(frame, SettingsFrame):
                assert [dict(step_pairs(step))] == [dict(frame.settings)]


def step_pairs(step: Step) -> list[tuple[int, int]]:
    return [
        (int.from_bytes(step.data[at : at + 2]), int.from_bytes(step.data[at + 2 : at + 6]))
        for at in range(9, len(step.data), 6)
    ]


REPRESENTATIONS = {
    "Indexed Header Field": INDEXED,
    "Literal Header Field with Incremental Indexing": INCREMENTAL,
    "Literal Header Field without Indexing": PLAIN,
    "Literal Header Field never Indexed": NEVER,
    "Dynamic Table Size Update": UPDATE,
}


def test_tshark_reads_the_same_values(live: Connection, tmp_path: Path) -> None:
    path = tmp_path / "live.pcapng"
    pcapng.write(live.capture, path)
    port = live.server.rpartition(":")[2]
    settings = [name.lower() for name in (http2_settings.name(key) for key in (1, 2, 3, 4, 5, 6))]
    columns = [
        "streamid", "type", "length", "flags", "header.name", "header.value", "header.repr", "header.index",
        "window_update.window_size_increment", *(f"settings.{name}" for name in settings),
    ]  # fmt: skip
    command = [need("tshark"), "-r", str(path), "-d", f"tcp.port=={port},http2", "-Y", "http2", "-T", "fields"]
    command += ["-E", "separator=|", "-E", "aggregator=~", "-e", "tcp.srcport"]
    command += [part for name in columns for part in ("-e", f"http2.{name}")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    steps = frames(live)
    for side in Side:
        rows = [line.split("|")[1:] for line in lines if (line.split("|")[0] == port) is (side is Side.SERVER)]
        theirs = {
            name: [value for row in rows for value in row[at].split("~") if row[at]] for at, name in enumerate(columns)
        }
        # A column of header values can be empty: split those by the names' count.
        values = [value for row in rows for value in row[5].split("~") if row[4]]
        mine = [step for step in steps if step.place.side is side]
        heads = [step.head for step in mine if step.head is not None]
        assert [int(each, 0) for each in theirs["flags"]] == [head.flags for head in heads]
        assert [int(each) for each in theirs["type"]] == [head.type for head in heads]
        assert [int(each) for each in theirs["length"]] == [head.length for head in heads]
        assert [int(each) for each in theirs["streamid"]] == [head.stream for head in heads]
        lines_ = [line for step in mine if step.reading is not None for line in step.reading.block.lines]
        said = [line for line in lines_ if line.kind != UPDATE]
        assert theirs["header.name"] == [(line.name or b"").decode() for line in said]
        for ours, shown in zip(said, values, strict=True):
            assert (ours.name or b"").endswith(b"-bin") or (ours.value or b"").decode() == shown
        kinds = [REPRESENTATIONS[each.partition(" - ")[0]] for each in theirs["header.repr"]]
        assert kinds == [line.kind for line in lines_]
        assert [int(each) for each in theirs["header.index"]] == [line.refers for line in said if line.refers]
        increments = [int.from_bytes(step.data[9:]) for step in mine if step.data[3] == http2.WINDOW_UPDATE]
        assert [int(each) for each in theirs["window_update.window_size_increment"]] == increments
        pairs = [pair for step in mine if step.data[3] == http2.SETTINGS for pair in step_pairs(step)]
        for key, name in enumerate(settings, 1):
            assert [int(each) for each in theirs[f"settings.{name}"]] == [value for k, value in pairs if k == key]
