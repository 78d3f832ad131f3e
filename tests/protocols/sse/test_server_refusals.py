"""What the event server refuses, with which status, and that each refusal says what to do; CORS, too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.protocols.sse.api import accepts
from protolab.protocols.sse.server import Limits
from tests.protocols.sse.peers import Answer, Listener, ask, send, serving, split_head, until

pytestmark = pytest.mark.live
LONG = "x" * 129
GOOD = {"data": 1}

REFUSED: list[tuple[int, str, str, Any, dict[str, str]]] = [
    (404, "GET", "/", None, {}),
    (404, "POST", "/api/event", GOOD, {}),
    (404, "OPTIONS", "/nowhere", None, {}),
    (405, "POST", "/api/events", GOOD, {}),
    (405, "GET", "/api/broadcast", None, {}),
    (405, "PUT", "/api/notify", {}, {}),
    (405, "DELETE", "/api/clients", None, {}),
    (405, "GET", "/api/clients/ada", None, {}),
    (405, "BREW", "/api/update", None, {}),
    (406, "GET", "/api/events", None, {"Accept": "text/html, application/json"}),
    (406, "GET", "/api/events", None, {"Accept": "*/*, text/event-stream;q=0"}),
    (406, "HEAD", "/api/events", None, {"Accept": "text/html"}),
    (400, "GET", "/api/events?client_id=", None, {}),
    (400, "GET", f"/api/events?client_id={LONG}", None, {}),
    (400, "GET", "/api/events?client_id=%C2%85", None, {}),
    (400, "GET", "/api/events?client_id=%ff", None, {}),
    (400, "GET", "/api/events?client_id=a%01b", None, {}),
    (400, "DELETE", f"/api/clients/{LONG}", None, {}),
    (413, "POST", "/api/broadcast", b"x" * 65_537, {}),
    (413, "POST", "/api/broadcast", b"", {"Content-Length": "9" * 30}),
    (415, "POST", "/api/broadcast", b"", {"Content-Type": ""}),
    (415, "POST", "/api/broadcast", GOOD, {"Content-Type": "text/plain"}),
    (415, "POST", "/api/broadcast", GOOD, {"Content-Encoding": "gzip"}),
    (400, "POST", "/api/broadcast", b"", {}),
    (400, "POST", "/api/broadcast", b"{", {}),
    (400, "POST", "/api/broadcast", b"\xff{}", {}),
    (400, "POST", "/api/broadcast", b"[" * 60_000, {}),
    (400, "POST", "/api/broadcast", b'{"data": NaN}', {}),
    (400, "POST", "/api/broadcast", b'{"data": %s}' % (b"9" * 5000), {}),
    (400, "POST", "/api/broadcast", b'{"data": "\\ud800"}', {}),
    (400, "POST", "/api/broadcast", {"data": "\n" * 30_000}, {}),  # each of which would be a line of its own
    (400, "POST", "/api/broadcast", [GOOD], {}),
    (400, "POST", "/api/broadcast", "text", {}),
    (400, "POST", "/api/broadcast", {"event": "a\nid: 7"}, {}),
    (400, "POST", "/api/broadcast", {"event": "a\rid: 7"}, {}),
    (400, "POST", "/api/broadcast", {"event": ""}, {}),
    (400, "POST", "/api/broadcast", {"event": LONG}, {}),
    (400, "POST", "/api/broadcast", {"event": 1}, {}),
    (400, "POST", "/api/broadcast", {"event": None}, {}),
    (400, "POST", "/api/broadcast", {"target_clients": "ada"}, {}),
    (400, "POST", "/api/broadcast", {"target_clients": [1]}, {}),
    (400, "POST", "/api/broadcast", {"target_clients": [""]}, {}),
    (400, "POST", "/api/broadcast", {"targets": ["ada"]}, {}),  # which would else be for everyone
    (400, "POST", "/api/notify", {"title": 1}, {}),
    (400, "POST", "/api/notify", {"message": ["x"]}, {}),
    (400, "POST", "/api/notify", {"priority": True}, {}),
    (400, "POST", "/api/update", {"data": {}}, {}),
    (400, "POST", "/api/update", {"target_clients": {}}, {}),
]


def test_each_bad_request_is_refused_with_its_status_and_a_remedy_and_says_nothing_to_anyone() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            for status, method, target, body, headers in REFUSED:
                answer = await send(port, method, target, body, **{k.replace("-", "_"): v for k, v in headers.items()})
                assert answer.status == status, (method, target, str(body)[:50], answer)
                assert "Server" not in answer.headers and answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Content-Type"] == "application/json"
                if method != "HEAD":
                    assert answer.json.keys() == {"error", "remedy"} and all(answer.json.values())
                if status == 405:
                    assert answer.headers["Allow"].endswith("OPTIONS")
            assert server.history.last == 0 and not server.audience.subscribers

    asyncio.run(story())


@pytest.mark.parametrize(
    ("said", "status", "ends"),
    [
        ("GET /nowhere HTTP/1.1", 404, True),
        ("PUT /api/clients HTTP/1.1\r\nContent-Length: 1000", 405, True),
        ("BREW /api/events HTTP/1.1", 405, True),
        ("POST /api/broadcast HTTP/1.1\r\nContent-Length: 99999999", 413, True),
        ("POST /api/broadcast HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 70000", 413, False),
        ("POST /api/broadcast HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 1000", 415, False),
        ("GET /api/events?client_id= HTTP/1.1", 400, False),
    ],
)
def test_a_refusal_says_whether_it_ends_the_connection(said: str, status: int, ends: bool) -> None:
    async def story() -> None:
        async with serving() as (_, port), asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            body = b"x" * int(said.partition("Length: ")[2] or 0) * (not ends)
            writer.write(said.encode() + b"\r\nHost: x\r\n\r\n" + body)
            for expected in [status] if ends else [status, 200]:
                found, headers = split_head(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(int(headers["Content-Length"]))
                assert (found, headers.get("Connection")) == (expected, "close" if ends else None)
                writer.write(b"GET /api/clients HTTP/1.1\r\nHost: x\r\n\r\n" * (not ends))
            if ends:
                assert await reader.read() == b""
            writer.close()

    asyncio.run(story())


def test_a_chunked_body_is_bounded_as_it_comes() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            head = b"POST /api/broadcast HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
            head += b"Transfer-Encoding: chunked\r\n\r\n"
            fine = await ask(port, head + b'6\r\n{"data\r\n5\r\n": 1}\r\n0\r\n\r\n')
            assert fine.status == 200 and server.history.last == 1
            part = b"8000\r\n%b\r\n" % bytes(0x8000)
            large = await ask(port, head + part * 3 + b"0\r\n\r\n")
            assert large.status == 413  # once it is read, so that nothing is in the way of the answer
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.replace(b"Connection: close\r\n", b"") + part * 33)  # and it would go on
            async with asyncio.timeout(10):
                answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 413 ") and b"Connection: close" in answer
            writer.close()

    asyncio.run(story())


def test_there_is_room_for_so_many_streams_and_then_503_says_when_to_come_back() -> None:
    async def story() -> None:
        async with serving(limits=Limits(connections=2)) as (server, port):
            first, second = await Listener.open(port), await Listener.open(port)
            full = await send(port, "GET", "/api/events")
            assert (full.status, full.headers["Retry-After"]) == (503, "5") and full.json["remedy"]
            first.close()
            await until(lambda: len(server.audience.subscribers) == 1)
            third = await Listener.open(port)
            assert third.status == 200
            second.close()
            third.close()

    asyncio.run(story())


def cors(answer: Answer | Listener) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name == "Vary" or name.startswith("Access-")}


def test_pages_of_other_origins_may_read_only_if_they_were_named() -> None:
    async def story() -> None:
        async with serving() as (_, port):
            answer = await send(port, "GET", "/api/clients", Origin="https://a.example")
            assert cors(answer) == {}
        async with serving(origins=["https://a.example"], credentials=True) as (_, port):
            allowed = {
                "Vary": "Origin",
                "Access-Control-Allow-Origin": "https://a.example",
                "Access-Control-Allow-Credentials": "true",
            }
            assert cors(await send(port, "GET", "/api/clients", Origin="https://a.example")) == allowed
            assert cors(await send(port, "GET", "/nowhere", Origin="https://a.example")) == allowed
            assert cors(await send(port, "POST", "/api/notify", b"?", Origin="https://a.example")) == allowed
            for other in ("https://b.example", "null", "https://a.example.evil"):
                assert cors(await send(port, "GET", "/api/clients", Origin=other)) == {"Vary": "Origin"}
            listener = await Listener.open(port, more="Origin: https://a.example\r\n")
            assert cors(listener) == allowed
            listener.close()
        async with serving(origins="*") as (_, port):
            anyone = {"Access-Control-Allow-Origin": "*"}
            assert cors(await send(port, "GET", "/api/clients", Origin="null")) == anyone
            assert cors(await send(port, "GET", "/api/clients")) == {}

    asyncio.run(story())


def test_a_preflight_is_answered_for_origins_that_were_named() -> None:
    async def story() -> None:
        asks = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
        async with serving(origins=["https://a.example"]) as (_, port):
            answer = await send(port, "OPTIONS", "/api/broadcast", Origin="https://a.example", **asks)
            assert (answer.status, answer.body, answer.headers["Allow"]) == (204, b"", "POST, OPTIONS")
            assert cors(answer) == {
                "Vary": "Origin",
                "Access-Control-Allow-Origin": "https://a.example",
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "Content-Type, Last-Event-ID, Cache-Control",
                "Access-Control-Max-Age": "600",
            }
            answer = await send(port, "OPTIONS", "/api/clients/ada", Origin="https://b.example", **asks)
            assert (answer.status, cors(answer)) == (204, {"Vary": "Origin"})

    asyncio.run(story())


@pytest.mark.parametrize(
    ("accept", "yes"),
    [
        ("", True),
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=utf-8", True),
        ("text/html, */*;q=0.8", True),
        ("text/*;q=0.001", True),
        ("text/html", False),
        ("text/*;q=0.000, */*", False),
        ("*/*;q=0, text/event-stream", True),
        ("text/event-stream;q=0.0", False),
        ("application/*", False),
    ],
)
def test_the_most_specific_range_of_accept_decides(accept: str, yes: bool) -> None:
    assert accepts(accept) is yes


BODIES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["event", "data", "target_clients", "title", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["broadcast", "notify", "update"]), BODIES | st.binary(max_size=40)), max_size=8)
)
def test_whatever_is_posted_is_sent_or_refused_and_the_stream_stays_whole(posts: list[tuple[str, Any]]) -> None:
    async def story() -> None:
        async with serving() as (server, port):
            listener = await Listener.open(port)
            await listener.event()
            statuses = []
            for target, body in posts:
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                statuses.append((await send(port, "POST", f"/api/{target}", raw)).status)
            assert set(statuses) <= {200, 400}
            await server.broadcast("end")
            while (event := await listener.event()).name != "end":
                assert event.id is not None and event.id.isdigit()
            assert server.history.last == statuses.count(200) + 1
            listener.close()

    asyncio.run(story())
