"""Conversations worth looking at, each live against a server of its own, each with its frozen recording in `captures/`."""

from __future__ import annotations

from contextlib import suppress

from protolab.protocols import Scenario
from protolab.protocols.graphql.client import Client
from protolab.protocols.graphql.client_errors import GraphQLError
from protolab.protocols.graphql.server import GraphQLServer
from protolab.protocols.graphql.subprotocols import LEGACY as LEGACY_NAME

_PROFILE = "query Profile($id: ID!) { user(id: $id) { name posts(first: 2) { title } } }"
_POSTS = "subscription Posts { postCreated { id title } }"
_WRITE = "mutation Write($title: String!) { createPost(input: {title: $title}) { id } }"
_COUNT = "subscription { countdown(from: 2, interval: 0) }"


async def _query(url: str) -> None:
    async with Client(url) as client:
        await client.query(_PROFILE, {"id": "1"})


async def _subscription(url: str) -> None:
    socket = "ws" + url.removeprefix("http")
    async with Client(socket) as client:
        async with client.subscribe(_POSTS) as posts:
            await client.mutate(_WRITE, {"title": "Hello"})
            await anext(posts)
        async for _ in client.subscribe(_COUNT):
            continue
        await client.ping()


async def _legacy(url: str) -> None:
    async with Client(url, subscriptions=LEGACY_NAME) as client:
        async for _ in client.subscribe(_COUNT):
            continue


async def _errors(url: str) -> None:
    async with Client("ws" + url.removeprefix("http")) as client:
        async for _ in client.subscribe("subscription { countdown(from: 2, interval: 0, failAt: 1) }", raw=True):
            continue
        for document in ("subscription { broken }", "subscription { nothing }"):
            with suppress(GraphQLError):
                await anext(client.subscribe(document))
        await client.ping()  # nothing follows an error, and the socket is as it was


def _server() -> GraphQLServer:
    return GraphQLServer(page=False)


QUERY = Scenario("a query with a variable, over HTTP", _server, _query)
SUBSCRIPTION = Scenario(
    "two subscriptions on a socket: one that its client leaves, one that ends", _server, _subscription
)
LEGACY = Scenario("a subscription by the older protocol, which is called graphql-ws", _server, _legacy)
ERRORS = Scenario("a field that fails in the midst, and two subscriptions that cannot begin", _server, _errors)
