"""Our server with the clients that people use, and our client with the servers that they use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from gql import Client as GqlClient
from gql import gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportQueryError

from protolab.protocols.graphql.client import Client, GraphQLError
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT
from tests.npm import installed
from tests.protocols.graphql.sockets import run, serving, until
from tests.tools import need

HERE = Path(__file__).parent
NPM = ("graphql@16", "graphql-ws@6", "graphql-sse@2", "graphql-http@1", "subscriptions-transport-ws@0.11", "ws@8")


@pytest.fixture(scope="module")
def packages() -> None:
    """Have the npm packages before a test's time begins to run."""
    installed(*NPM)


@asynccontextmanager
async def node(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A script with the npm packages within reach."""
    folder = installed(*NPM)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        need("node"), str(HERE / script), *arguments, cwd=folder, stdin=pipe, stdout=pipe
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("way", ["ws", "legacy", "sse"])
def test_the_npm_clients_are_served(way: str) -> None:
    async def story() -> None:
        async with serving() as (server, where), node("peers_client.mjs", way, where) as process:
            assert process.stdout is not None
            told = json.loads(await process.stdout.read())
            assert told["query"] == [{"data": {"hello": "Hello, Zoë!"}}]
            assert told["mutation"] == [{"data": {"createPost": {"title": "x", "author": {"name": "Ada"}}}}]
            assert [result["data"]["countdown"] for result in told["subscription"]] == [2, None, 0]
            assert told["subscription"][1]["errors"][0]["path"] == ["countdown"]
            assert told["left"] == [{"data": {"counter": number}} for number in (1, 2, 3)]
            assert "Cannot query field" in json.dumps(told["invalid"])
            await until(lambda: not server.sockets.open and not server.streams.open)

    run(story())


@pytest.mark.parametrize("name", [TRANSPORT, LEGACY])
def test_gql_is_served_by_both_subprotocols(name: str) -> None:
    async def story() -> None:
        async with serving() as (server, where):
            transport = AIOHTTPWebsocketsTransport(url=f"ws://{where}", subprotocols=[name])
            async with GqlClient(transport=transport, fetch_schema_from_transport=True) as session:
                assert await session.execute(gql("{ hello }")) == {"hello": "Hello, world!"}
                made = await session.execute(gql('mutation { createPost(input: {title: "x"}) { title } }'))
                assert made == {"createPost": {"title": "x"}}
                counted = session.subscribe(gql("subscription { countdown(from: 2, interval: 0) }"))
                assert [event async for event in counted] == [{"countdown": number} for number in (2, 1, 0)]
                with pytest.raises(TransportQueryError, match="on purpose"):
                    async for _ in session.subscribe(gql("subscription { broken }")):
                        raise AssertionError("there is no event")
            await until(lambda: not server.sockets.open)

    run(story())


def test_gql_is_served_over_http() -> None:
    async def story() -> None:
        async with (
            serving() as (_, where),
            GqlClient(transport=AIOHTTPTransport(url=f"http://{where}"), fetch_schema_from_transport=True) as session,
        ):
            assert await session.execute(gql("{ hello }")) == {"hello": "Hello, world!"}
            with pytest.raises(TransportQueryError, match="on purpose"):
                await session.execute(gql("{ trouble { nullable } }"))

    run(story())


@pytest.mark.usefixtures("packages")
def test_our_client_is_served_by_the_npm_servers() -> None:
    async def story() -> None:
        async with node("peers_server.mjs") as process:
            assert process.stdout is not None
            port = int(await process.stdout.readline())
            for scheme, way in (("ws", TRANSPORT), ("http", TRANSPORT), ("http", "sse")):
                async with Client(f"{scheme}://127.0.0.1:{port}/graphql", subscriptions=way) as client:
                    assert await client.query("query($n: String) { hello(name: $n) }", {"n": "Zoë"}) == {
                        "hello": "Hello, Zoë!"
                    }
                    assert await client.mutate('mutation { say(text: "x") }') == {"say": "x"}
                    with pytest.raises(GraphQLError) as failed:
                        await client.query("{ hello fails }")
                    assert failed.value.paths == [["fails"]] and failed.value.data["fails"] is None
                    assert failed.value.extensions == [{"code": "ON_PURPOSE"}]
                    events = client.subscribe("subscription { counter(to: 3) }")
                    assert [event async for event in events] == [{"counter": number} for number in (1, 2, 3)]
                    with pytest.raises(GraphQLError, match="Cannot query"):
                        await anext(client.subscribe("subscription { nope }"))
                    async for event in client.subscribe("subscription { counter }"):
                        if event["counter"] == 3:
                            break
                    left: Any = 1
                    while left:
                        left = (await client.query("{ sources }"))["sources"]

    run(story())
