"""Chromium's own EventSource against ours: the same bytes make the same events, and a cut loses or doubles none for either."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from protolab import lab, sse
from protolab.fields import Side
from protolab.serve.backoff import Backoff
from protolab.wire import http1
from tests.browser.jupyter import chromium
from tests.protocols.sse.streams import CASES

BOM = b"\xef\xbb\xbf"
NAMES = ("message", "a", "é", "b c", "open", "error", "connected", "data", " x", "A", "\ufffd", "close")

# Streams as servers should not write them: what becomes of them is what the standard says, so what Chromium does.
STREAMS = [
    *(stream for stream, _ in CASES.values()),
    b"",
    b"data: one\n\n",
    b"data:one\r\rdata:  two\r\n\r\ndata\n\n",
    b"data\ndata\n\ndata:\ndata:x\ndata:\n\n",
    b"data: cut off\n",
    b"data: cut\n\ndata: off",
    b"data: a\r\n\rdata: b\n\r\ndata: c\r\r\n",
    BOM + b"data: one\n\n",
    BOM * 2 + b"data: one\n\ndata: two\n\n",
    b"\n" + BOM + b"data: one\n\ndata: two\n\n",
    BOM[:2] + b"\ndata: x\n\n",
    b"\xfe\xffdata: x\n\ndata: y\n\n",
    b": comment\n:\n::\ndata: x\n: comment\ndata: y\n\n:data: z\n\n",
    b"event: a\ndata: x\n\ndata: y\n\n",
    b"event: a\n\ndata: y\n\n",
    b"event: a\nevent: b c\ndata: x\n\nevent: a\nevent\ndata: x\n\nevent:  x\ndata: y\n\n",
    b"event: \xc3\xa9\ndata: \xe2\x82\xac\n\nevent: open\ndata: posing\n\nevent: error\ndata: posing\n\nevent: close\ndata\n\n",
    b"id: 1\ndata: x\n\ndata: y\n\nid\ndata: z\n\nid: 2\n\ndata: w\n\n",
    b"id: 1\ndata: x\n\nid: 2\0\ndata: y\n\nid: \0\ndata: z\n\n",
    b"id: 1\nid: 2\ndata: x\nid: 3\n\nid:  4\ndata: y\n\nid:5 \ndata: z\n\n",
    b"id: \xc3\xa9\xe2\x82\xac\ndata: x\n\nid: \xff\ndata: y\n\n",
    b"Data: x\n\nDATA: x\n\n data: x\n\ndata : x\n\ndata: y\n\n",
    b"EVENT: a\ndata: x\n\nevent : a\ndata: y\n\n Event: a\ndata: z\n\nevent:A\ndata: w\n\n",
    b"data: \0\n\n\0data: x\n\ndata\0: y\n\nda\0ta: z\n\nevent: a\0\ndata: w\n\ndata: v\n\n",
    "data: one\u2028two\u2029three\x85four\n\n".encode(),
    b"data: a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\n\n",
    b"data: \xff\xfe\n\ndata: \xc3\n\ndata: \xe2\x82\n\ndata: \xed\xa0\x80\n\ndata: \xf0\x9f\x92\xa9\n\n",
    b"data: \xc0\xaf \xf8\x88\x80\x80\x80 \xf4\x90\x80\x80\n\n",
    b"event: \xff\ndata: x\n\n\xffdata: y\n\ndata\xff: z\n\n",
    b"data:\tx\n\ndata: \tx \n\ndata:   \n\ndata: :\n\ndata::x\n\ndata: data: x\n\n",
    b"retry: x\ndata: 1\n\nretry: 1.5\nretry: -1\nretry: +1\nretry: 1e3\nretry:  5\nretry:\nretry\ndata: 2\n\n",
    b"retry: 50\ndata: x\n\nretry: 0000000000000000000000000000060\ndata: y\n\n",
    b"unknown: x\ndata: y\n\nfoo\n\n{}\n\ndata x\n\ndata: z\n\n",
    b"data: " + b"x" * 100_000 + b"\n\n" + b"data: y\n" * 5000 + b"\n",
    b"data: x\n\n\n\n\n\rdata: y\n\n",
    b"data: x\r\r\rdata: y\r\r",
    b"data: x\r\n\r\ndata: y\r\n\r\n"[:-1],
    b"data: x\n\r",
    b"event: connected\nid: 7\nretry: 40\ndata: {\"a\":\ndata: 1}\n\n",
    b"data: a\ndata: b\r\ndata: c\rdata: d\n\r\n",
    b"event: message\ndata: x\n\nevent: Message\ndata: y\n\n",
]  # fmt: skip

_PIECES = [
    b"data",
    b"event",
    b"id",
    b"retry",
    b":",
    b": ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\ndata: y\n\n",
    b"1",
    b"\0",
    b"x",
]
_PIECES += [BOM, b"\xe2\x80\xa6", b"\xe2\x80", b"\xf0\x9f", b"\xed\xa0\x80", b" "]
_chance = random.Random(9)
STREAMS += [b"".join(_chance.choices(_PIECES, k=40)) for _ in range(60)]

COLLECT = """async ([url, names]) => {
    const got = [];
    const source = new EventSource(url);
    const end = new Promise((over) => source.addEventListener("error", (event) => event instanceof MessageEvent || over()));
    for (const name of names) source.addEventListener(name, (event) => {
        if (event instanceof MessageEvent) got.push([event.type, event.data, event.lastEventId]);
    });
    await end;
    const state = source.readyState;
    source.close();
    return [got, state];
}"""

LISTEN = """([url, names]) => {
    window.got = [];
    window.states = [];
    const source = window.source = new EventSource(url);
    for (const name of names) source.addEventListener(name, (event) => {
        if (event instanceof MessageEvent) got.push([event.type, event.data, event.lastEventId]);
    });
    source.onopen = source.onerror = () => states.push(source.readyState);
}"""


@contextmanager
def raw(streams: list[bytes]) -> Iterator[str]:
    """The address of a server that says stream N at /N, byte for byte, and a page at /."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = self.path.strip("/")
            self.send_response(200)
            self.send_header("Content-Type", "Text/Event-Stream;charset=UTF-8" if number.isdigit() else "text/html")
            self.end_headers()
            self.wfile.write(streams[int(number)] if number.isdigit() else b"<title>A page</title>")

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_same_bytes_make_the_same_events() -> None:
    with raw(STREAMS) as url, chromium() as page:
        page.goto(url)
        for number, stream in enumerate(STREAMS):
            ours = [list(event) for event in sse.parse(stream)]
            theirs, state = page.evaluate(COLLECT, [f"{url}{number}", sorted({*NAMES, *(event[0] for event in ours)})])
            assert theirs == ours, stream
            assert state == 0, stream  # the stream has ended, and the browser would come back
            bytewise = [list(event) for event in sse.parse(bytes([byte]) for byte in stream[:3000])]
            assert bytewise == ours[: len(bytewise)]


@pytest.mark.parametrize("cuts", [1, 3])
def test_a_cut_loses_no_event_and_doubles_none_for_chromium_and_for_us(cuts: int) -> None:
    server = sse.EventServer(retry=60)
    with lab.start(server, name=f"resuming {cuts}") as handle, chromium() as page:
        page.goto(handle.url.replace("events", "clients"))
        page.evaluate(LISTEN, [f"{handle.url}?client_id=chromium", NAMES])
        ours: list[list[str]] = []
        news = asyncio.Event()

        def keep(event: sse.Event) -> None:
            ours.append(list(event))
            news.set()

        client = sse.Client(f"{handle.url}?client_id=ours", backoff=Backoff(0.01, 0.05))
        for name in NAMES:
            client.on(f"event:{name}", keep)

        async def say(*texts: str) -> None:
            for text in texts:
                await server.broadcast("message", f"{text}\nand é")
                await server.broadcast("a", {"for": text}, targets=["chromium", "ours"])
                await server.broadcast("b c", "for somebody else", targets=["nobody"])

        async def heard(text: str) -> None:
            async with asyncio.timeout(20):
                await client
                while not ours or text not in ours[-1][1]:
                    news.clear()
                    await news.wait()

        def both_heard(text: str) -> None:
            lab.run(heard(text))
            page.wait_for_function("(text) => got.length && got.at(-1)[1].includes(text)", arg=text)

        both_heard("client_id")
        last = "before"
        lab.run(say(last))
        for number in range(cuts):
            both_heard(last)
            assert handle.cut() >= 2
            last = f"after {number}"
            lab.run(say(f"while away {number}", last))
        both_heard(last)
        theirs, states = page.evaluate("() => [got, states]")
        page.evaluate("() => source.close()")
        lab.run(client.close())

        def said(events: list[list[str]]) -> list[list[str]]:
            return [event for event in events if event[0] != "connected"]

        texts = ["before", *(text for n in range(cuts) for text in (f"while away {n}", f"after {n}"))]
        expected = [
            [name, data]
            for text in texts
            for name, data in (("message", f"{text}\nand é"), ("a", json.dumps({"for": text}, separators=(",", ":"))))
        ]
        assert said(theirs) == said(ours)
        assert [event[:2] for event in said(ours)] == expected
        ids = [int(event[2]) for event in said(ours)]
        assert ids == sorted(set(ids))
        assert states == [1, *[0, 1] * cuts] and client.counts.connections == cuts + 1

        named: dict[str, list[str | None]] = {"chromium": [], "ours": []}
        for connection in handle.capture.connections:
            head = http1.request(connection.read(Side.CLIENT))
            who = urlsplit(head.start[1]).query.removeprefix("client_id=")
            if who in named:
                named[who].append(head.get("Last-Event-ID"))
        assert named["chromium"] == named["ours"] and len(named["ours"]) == cuts + 1
        assert named["ours"][0] is None and all(each in map(str, ids) for each in named["ours"][1:])
