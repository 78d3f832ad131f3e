"""What other parsers make of the same streams, and what tshark sees of the chunks.

The WHATWG text decides; libraries that are wrong in places are judges only where they are right. `WRONG` names the streams
that each of them misreads, and why.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import httpx_sse
import pytest
import sseclient

from protolab.capture import pcapng
from protolab.wire.event_stream import Event, parse
from tests import npm
from tests.decoding import record, sound
from tests.protocols.sse.streams import CASES, exchange
from tests.tools import need

BOM = "leaves the BOM in, so that the first line is an unknown field"
NO_DATA = "dispatches an event that has no data"
ID_ALONE = "forgets the id of a block without data"
STRICT = "raises on bytes that are not UTF-8, where they become U+FFFD"
CUT_OFF = "dispatches what the end of the stream cut off"
WRONG: dict[str, dict[str, str]] = {
    "httpx-sse": {"bom": BOM, "field-event-without-data": NO_DATA, "field-id-3": NO_DATA, "comment-alone": NO_DATA},
    "sseclient-py": {
        "bom": BOM,
        "bom-cut": STRICT,
        "utf-8-broken": STRICT,
        "data-before-final-empty-line": CUT_OFF,
        "data-before-final-line-end": CUT_OFF,
        "field-id-3": ID_ALONE,
        "field-id-null": "takes an id with NUL in it",
        "newlines-mixed": "knows a blank line only after the same kind of line end",
    },
    "eventsource-parser": {
        "field-id-3": ID_ALONE,
        "newlines": "waits for the byte after a CR, and the stream ends before it",
        "newlines-cr": "waits for the byte after a CR, and the stream ends before it",
    },
}


def by_httpx(parts: list[bytes]) -> list[Event]:
    class Said(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in parts:
                yield part

    async def read() -> list[Event]:
        response = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Said())
        found = httpx_sse.EventSource(response).aiter_sse()
        return [Event(event.event, event.data, event.id) async for event in found]

    return asyncio.run(read())


def by_sseclient(parts: list[bytes]) -> list[Event]:
    found, last = [], ""
    for event in sseclient.SSEClient(iter(parts)).events():
        last = last if event.id is None else event.id  # it tells of each event's own id only
        found.append(Event(event.event, event.data, last))
    return found


READ = """
import { createParser } from "eventsource-parser";
import { readFileSync } from "node:fs";
const streams = JSON.parse(readFileSync(0, "utf8"));
const read = (parts) => {
  const events = [], decoder = new TextDecoder("utf-8");
  let last = "";
  const parser = createParser({ onEvent: (event) => {
    if (event.id !== undefined) last = event.id;
    events.push([event.event || "message", event.data, last]);
  } });
  for (const part of parts) parser.feed(decoder.decode(Buffer.from(part, "hex"), { stream: true }));
  return events;
};
console.log(JSON.stringify(streams.map(read)));
"""


def by_eventsource_parser(streams: list[list[bytes]]) -> list[list[Event]]:
    folder = npm.installed("eventsource-parser@3")
    (folder / "read.mjs").write_text(READ)
    said = json.dumps([[part.hex() for part in parts] for parts in streams])
    command = [need("node"), "read.mjs"]
    done = subprocess.run(command, input=said, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return [[Event(*event) for event in events] for events in json.loads(done.stdout)]


def random_stream(seed: int, beats: bool = True) -> bytes:
    """A well-made stream of a hundred events, as servers write them, with or without heartbeats."""
    chance = random.Random(seed)
    end = chance.choice(["\n", "\r\n"])
    blocks = []
    for number in range(100):
        lines = ["data: " + "".join(chance.choices("abc :{}1\u00e9\u2028\U0001f600", k=chance.randint(1, 20)))]
        lines *= chance.randint(1, 3)
        lines += chance.choice([[], [f"id: {number}"], [f"event: kind{number % 5}"], [f"retry: {number}"], [": hm"]])
        chance.shuffle(lines)
        blocks.append(end.join([*lines, "", ""]))
        blocks.append(chance.choice(["", f": beat{end}{end}" * beats]))
    return "".join(blocks).encode()


def judged(name: str) -> dict[str, tuple[bytes, list[Event]]]:
    """The streams that this parser is a judge of."""
    made = {f"random {seed}": random_stream(seed, "comment-alone" not in WRONG[name]) for seed in range(4)}
    fair = {case: found for case, found in CASES.items() if case not in WRONG[name]}
    return fair | {case: (data, list(parse(data))) for case, data in made.items()}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("name", "read"), [("httpx-sse", by_httpx), ("sseclient-py", by_sseclient)])
def test_other_parsers_read_the_same_events(name: str, read: Callable[[list[bytes]], list[Event]], size: int) -> None:
    for case, (data, events) in judged(name).items():
        assert read(cut(data, size)) == events, case


def test_eventsource_parser_of_npm_reads_the_same_events() -> None:
    fair = judged("eventsource-parser")
    for size in (1, 7, 10_000):
        theirs = by_eventsource_parser([cut(data, size) for data, _ in fair.values()])
        for case, found in zip(fair, theirs, strict=True):
            assert found == fair[case][1], case


def test_the_decoder_hands_over_what_the_parser_does() -> None:
    for seed in range(4):
        data = random_stream(seed)
        units = sound(record(exchange(*cut(data, 50))))
        assert [unit.field.value for unit in units if unit.kind == "event"] == list(parse(data))


def test_tshark_sees_the_same_chunks(tmp_path: Path) -> None:
    connection = record(exchange(*cut(random_stream(1), 300)))
    path = tmp_path / "stream.pcapng"
    pcapng.write(connection.capture, path)
    fields = ["http.chunk_size", "http.content_type", "http.response.code"]
    command = [need("tshark"), "-r", str(path), "-d", "tcp.port==8765,http", "-Y", "http.response", "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip("\n")
    sizes, kind, code = line.split("\t")
    units = sound(connection)
    ours = [field.value for unit in units for _, field in unit.field.walk() if field.name == "chunk size"]
    assert [int(size, 0) for size in sizes.split(",")] == ours
    assert len(ours) > 10
    head = units[1].field
    assert (kind, code) == (head.find("Content-Type").value, head.find("status").value)
