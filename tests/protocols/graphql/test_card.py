"""Which connections GraphQL's card takes for its own, and that asking it costs no library."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from protolab import lab
from protolab.capture import Capture
from protolab.fields import Side
from protolab.protocols import card, recognise
from protolab.protocols.graphql import CARD
from tests.protocols.graphql.wire import serving

_UPGRADE = b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.mark.parametrize(
    ("client", "server", "name"),
    [
        (b"POST /graphql HTTP/1.1\r\nHost: x\r\n\r\n", b"", "graphql"),
        (b"GET /graphql?query={hello} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", b"", "graphql"),
        (b"POST /api HTTP/1.1\r\nHost: x\r\naccept: application/graphql-response+json\r\n\r\n", b"", "graphql"),
        (
            b"POST /api HTTP/1.1\r\nHost: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/graphql-response+json\r\n\r\n",
            "graphql",
        ),
        (_UPGRADE + b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", b"", "graphql"),
        (_UPGRADE + b"Sec-WebSocket-Protocol: chat, graphql-ws\r\n\r\n", b"", "graphql"),
        (_UPGRADE + b"Sec-WebSocket-Protocol: graphql-wsx\r\n\r\n", b"", "websocket"),
        (_UPGRADE + b"\r\n", b"", "websocket"),
        (b"GET /graphqlish HTTP/1.1\r\nHost: x\r\n\r\n", b"", "http"),
        (b"GET /news HTTP/1.1\r\nHost: x\r\n\r\n", b"", "http"),
        (b"{ users { id } }", b"", "tcp"),
        (b"POST /v1/graphql HTTP/1.1\r\nHost: x\r\n\r\n", b"", "graphql"),
        (b'POST / HTTP/1.1\r\nHost: x\r\n\r\n{"variables": {}, "query": "\\n  query { a }"}', b"", "graphql"),
        (b'POST / HTTP/1.1\r\nHost: x\r\n\r\n[{"query":"{a}"}]', b"", "graphql"),
        (b"GET /?query=%7Bhello%7D HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", b"", "graphql"),
        (b"GET /?a=1&query=query+Q(%24a:Int)%7Ba%7D HTTP/1.1\r\nHost: x\r\n\r\n", b"", "graphql"),
        (b'POST / HTTP/1.1\r\nHost: x\r\n\r\n{"query": {"match_all": {}}}', b"", "http"),
        (b'POST / HTTP/1.1\r\nHost: x\r\n\r\n{"query": "shoes"}', b"", "http"),
        (b"GET /search?query=query+words HTTP/1.1\r\nHost: x\r\n\r\n", b"", "http"),
        (b"GET /find?query=%7B%22a%22:1%7D HTTP/1.1\r\nHost: x\r\n\r\n", b"", "http"),
    ],
)
def test_a_connection_is_recognised_by_its_first_bytes(client: bytes, server: bytes, name: str) -> None:
    connection = Capture().connect()
    connection.add(Side.CLIENT, client)
    if server:
        connection.add(Side.SERVER, server)
    assert recognise(connection).name == name


def test_the_card_imports_no_library() -> None:
    code = "import sys, protolab.protocols.graphql; print(*{'graphql', 'tornado', 'websockets'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_the_lab_runs_the_server_of_the_card() -> None:
    server = lab.start(card("graphql").load(CARD.servers["graphql"])())
    try:
        assert server.url.endswith("/graphql") and server.url.startswith("http://")
    finally:
        lab.stop()


def test_stop_can_be_called_again_and_after_it_was_cancelled() -> None:
    async def stop() -> None:
        async with serving() as served, served.connect() as peer:
            stopping = asyncio.create_task(served.server.stop())
            await asyncio.sleep(0)
            stopping.cancel()
            await asyncio.wait([stopping])
            assert not served.server.serving
            await served.server.stop()
            await served.server.stop()
            assert await asyncio.wait_for(peer.reader.read(), 10) == b""

    asyncio.run(stop())
