"""How fast captured gRPC calls are found, read, judged and explained, against tshark and against hyperframe with hpack and upb.

Run it as `python -m tests.benchmarks.grpc_decode [ROUNDS [CALLS]]`. The calls are made once, by grpcio over loopback, and
recorded by the tap. Each round runs every contender once, in turn; what is printed are ratios of CPU time inside a round, as
the median and the range over the rounds (the machine may be shared and noisy). tshark is charged for its start and for the
IP and TCP layers, which our decoder never has to see.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc.aio
import hpack as hpack_library
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame

from protolab import grpc as ours
from protolab import protocols
from protolab.capture import Connection, pcapng
from protolab.fields import Side
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.protocols.grpc.http2_conversation import Http2Conversation
from protolab.protocols.grpc.talks import NOTHING, PREFIX, Open, pieces
from protolab.wire import protobuf
from protolab.wire.hpack_decoder import Decoder
from protolab.wire.http2 import CONTINUATION, DATA, END_HEADERS, HEADERS, PREFACE, content, read_head, scan
from tests.benchmarks.decode import cpu
from tests.protocols.grpc.traffic import recorded, unary

START = (len(PREFACE), 0)  # where the frames of each side begin
PROTO = """syntax = "proto3";
package lab;
service Bytes { rpc Same(Item) returns (Item); }
message Item { int32 number = 1; string name = 2; }
"""


def calls(count: int) -> Connection:
    """So many unary calls with a deadline, one after another."""

    async def talk(channel: grpc.aio.Channel) -> None:
        same = unary(channel, "Same")
        for number in range(count):
            await same(protobuf.encode([(1, number), (2, f"alice{number}")]), timeout=5)

    return recorded(talk)


def find(connection: Connection) -> None:
    """Only where each frame starts."""
    for side in Side:
        scan(connection.streams[side], START[side], array("Q"))


def read(connection: Connection) -> int:
    """Every frame's header, and every header block with each representation at its bytes."""
    lines = 0
    for side in Side:
        data, starts, decoder, block = connection.read(side), array("Q"), Decoder(), b""
        starts.append(scan(data, START[side], starts))
        for start, end in itertools.pairwise(starts):
            head = read_head(data, start)
            assert head is not None
            if head.type in (HEADERS, CONTINUATION):
                first, last = content(data[start:end], head)
                block += data[start + first : start + last]
                if head.flags & END_HEADERS:
                    lines += len(decoder.read(block).lines)
                    block = b""
    return lines


def messages(connection: Connection) -> int:
    """Every header block read, every message cut out of DATA, and its top level of fields found."""
    records = 0
    for side in Side:
        data, starts, decoder, block = connection.read(side), array("Q"), Decoder(), b""
        starts.append(scan(data, START[side], starts))
        begun: dict[int, tuple[Open, int]] = {}
        for start, end in itertools.pairwise(starts):
            head = read_head(data, start)
            assert head is not None
            if head.type in (HEADERS, CONTINUATION):
                first, last = content(data[start:end], head)
                block += data[start + first : start + last]
                if head.flags & END_HEADERS:
                    decoder.read(block)
                    block = b""
            elif head.type == DATA:
                unit = data[start:end]
                before = begun.get(head.stream, (NOTHING, 0))
                found, _, now, number = pieces(*before, unit, *content(unit, head), start, side)
                begun[head.stream] = now, number
                for piece in found:
                    assert piece.parts is None, "all of these are whole in a frame"
                    records += len(protobuf.scan(unit, piece.start + PREFIX, piece.end).records)
    return records


def calls_(connection: Connection) -> None:
    """Every call with its outcome, judged by every rule."""
    conversation = protocols.decode(connection, "grpc")
    assert isinstance(conversation, GrpcConversation)
    assert all(call.outcome.code == 0 for call in ours.calls(conversation))


def judge(connection: Connection) -> None:
    """Every rule, with streams, settings, header tables and windows as they stand at each frame."""
    assert not any(step.findings for step in Http2Conversation(connection).steps())


def explain(connection: Connection) -> None:
    """The full tree of every frame, one after another."""
    assert sum(1 for unit in protocols.decode(connection, "grpc") if unit.field.children)


def look(connection: Connection) -> None:
    """Open the capture and explain the fifty units that a screen shows."""
    assert len(protocols.decode(connection, "grpc")[:50]) == 50


def libraries(connection: Connection) -> None:
    """Frames by hyperframe, header lists by hpack."""
    for side in Side:
        decoder, block = hpack_library.Decoder(), b""
        view = memoryview(connection.read(side))[START[side] :]
        while view:
            frame, length = Frame.parse_frame_header(view[:9])
            frame.parse_body(view[9 : 9 + length])
            view = view[9 + length :]
            if isinstance(frame, HeadersFrame | ContinuationFrame):
                block += bytes(frame.data)
                if "END_HEADERS" in frame.flags:
                    decoder.decode(block, raw=True)
                    block = b""


class Upb:
    """Frames by hyperframe, header lists by hpack, messages by upb."""

    def __init__(self, descriptors: bytes) -> None:
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file:
            pool.Add(file)
        self.kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("lab.Item"))

    def __call__(self, connection: Connection) -> None:
        libraries(connection)
        for side in Side:
            view = memoryview(connection.read(side))[START[side] :]
            while view:
                length, kind = int.from_bytes(view[:3]), view[3]
                if kind == DATA and length:
                    self.kind.FromString(bytes(view[14 : 9 + length]))  # each is whole in a frame, without padding
                view = view[9 + length :]


def tshark(path: Path, port: str, *options: str) -> Callable[[], object]:
    """A run of tshark over the file that throws its output away."""
    command = ["tshark", "-r", str(path), "-d", f"tcp.port=={port},http2", *options]
    return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def main(rounds: int, count: int) -> None:
    connection = calls(count)
    frames = sum(len(starts) for starts in protocols.decode(connection, "grpc").starts)
    size = sum(connection.sizes())
    print(f"{count:,} unary calls, {size:,} bytes, {frames:,} frames")
    with tempfile.TemporaryDirectory() as folder:
        path, port = Path(folder) / "calls.pcapng", connection.server.rpartition(":")[2]
        pcapng.write(connection.capture, path)
        names = ("streamid", "type", "length", "flags", "header.name", "header.value")
        fields = [part for name in names for part in ("-e", f"http2.{name}")]
        contenders: dict[str, Callable[[], object]] = {"fields": tshark(path, port, "-T", "fields", *fields)}
        contenders |= {"json": tshark(path, port, "-T", "json")}
        proto, compiled = Path(folder) / "lab.proto", Path(folder) / "lab.binpb"
        proto.write_text(PROTO)
        subprocess.run(["protoc", f"-I{folder}", f"--descriptor_set_out={compiled}", str(proto)], check=True)
        ours.decode_with(compiled.read_bytes())
        more = ("grpc.message_length", "protobuf.message.name", "protobuf.field.name", "protobuf.field.value")
        fields += [part for name in more for part in ("-e", name)]
        searched = ("-o", f'uat:protobuf_search_paths:"{folder}","TRUE"')
        contenders |= {"grpc": tshark(path, port, *searched, "-T", "fields", *fields)}
        contenders |= {"upb": partial(Upb(compiled.read_bytes()), connection)}
        every = (find, read, messages, look, judge, calls_, explain, libraries)
        contenders |= {work.__name__: partial(work, connection) for work in every}
        spent: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, work in contenders.items():
                spent[name].append(cpu(work))
    print("CPU time of the peer / CPU time of protolab, median and range over the rounds")
    for name, says in (
        ("find", "where every frame starts"),
        ("read", "frames and annotated HPACK"),
        ("messages", "with messages and top-level fields"),
        ("look", "opened, fifty units explained"),
        ("judge", "streams, tables, windows, every rule"),
        ("calls_", "every call, every rule of gRPC"),
        ("explain", "every frame's full tree, streamed"),
    ):
        against = []
        deep = name in ("messages", "calls_", "explain")  # against what reads messages, too
        for peer, called in (
            ("grpc" if deep else "fields", f"tshark -T fields{' with protobuf' * deep}"),
            ("json", "tshark -T json"),
            ("upb" if deep else "libraries", f"hyperframe + hpack{' + upb' * deep}"),
        ):
            ratios = sorted(theirs / ours for theirs, ours in zip(spent[peer], spent[name], strict=True))
            against.append(f"{statistics.median(ratios):7.1f} x {called} [{ratios[0]:.1f} .. {ratios[-1]:.1f}]")
        seconds = statistics.median(spent[name])
        print(f"  {says:38} {seconds:7.3f} s  " + "  ".join(against))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
