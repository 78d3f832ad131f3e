"""What our server and real clients say to each other, recorded and decoded: no rule is broken, every error points."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect

from protolab import lab, show
from protolab.protocols.graphql.server import GraphQLServer
from tests.decoding import sound

QUERY = "query Q($id: ID!) {\n  user(id: $id) { name posts { title } }\n}"


@pytest.fixture
def running() -> Any:
    with lab.start(GraphQLServer(traces=4)) as handle:
        yield handle


async def posted(url: str, *bodies: Any) -> None:
    """Each body posted on one connection, and its response waited for."""
    host, port = url.split("//")[1].split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for body in bodies:
        data = json.dumps(body).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            "Accept: application/graphql-response+json\r\n\r\n"
        )
        writer.write(head.encode() + data)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
    writer.close()
    await writer.wait_closed()


def test_requests_to_our_server_keep_the_rules_and_errors_point_at_what_was_asked(running: Any) -> None:
    lab.run(
        posted(
            running.url, {"query": QUERY, "variables": {"id": "1"}}, {"query": "{ users { nope } }"}, {"query": "{ a "}
        )
    )
    conversation = show.conversation(running)
    assert conversation.protocol == "graphql"
    sound(conversation.connection)
    assert [finding.rule.id for _, finding in conversation.findings] == ["graphql-syntax"]
    points = [
        next((f.note for _, f in unit.field.walk() if f.note.startswith("points at")), "")
        for unit in conversation
        if unit.kind == "body"
    ]
    assert points[3].startswith("points at nope, bytes 10-13 of the document")


async def subscribed(url: str) -> None:
    async with connect(
        url.replace("http", "ws", 1), subprotocols=["graphql-transport-ws"], compression="deflate"
    ) as socket:  # type: ignore[list-item]
        await socket.send('{"type":"connection_init"}')
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for id, query in (("1", QUERY), ("2", "{ nope }"), ("3", "{ ")):
            await socket.send(
                json.dumps({"type": "subscribe", "id": id, "payload": {"query": query, "variables": {"id": "1"}}})
            )
            while json.loads(await socket.recv())["type"] not in ("complete", "error"):
                continue


def test_a_socket_to_our_server_keeps_the_rules_compressed_or_not(running: Any) -> None:
    lab.run(subscribed(running.url))
    conversation = show.conversation(running)
    sound(conversation.connection)
    assert [finding.rule.id for _, finding in conversation.findings] == ["graphql-syntax"]
    titles = [unit.title for unit in conversation]
    assert "subscribe 1 query Q { user }" in titles and "complete 1" in titles
    assert any(title.startswith("error 2 1 error: ") for title in titles)


def test_a_trace_stands_on_the_axis_of_the_conversation(running: Any) -> None:
    lab.run(posted(running.url, {"query": QUERY, "variables": {"id": "1"}}))
    running.settle()
    made = show.timeline(running.server.traces[-1], running)
    names = [row.name for row in made.rows]
    assert made.title == "query Q { user }"
    assert names[:2] == ["POST /graphql HTTP/1.1", "query Q { user }"]
    assert names.index("parse") < names.index("validate") < names.index("execute") < names.index("user")
    assert names[-1].startswith("200 {")
    assert dict(made.counts)["backend calls"] >= 1
