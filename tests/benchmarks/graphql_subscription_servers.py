"""The servers that `graphql_subscriptions` measures, one a process: `... protolab|strawberry|ariadne` prints its port.

Each hands every event to every subscriber, as its documentation shows it: a queue for each, or whatever it offers better.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

SDL = """
type Author { name: String! }
type News { title: String! author: Author! }
type Query { hello: String! }
type Mutation { say(title: String!): Boolean! }
type Subscription { news: News! }
"""
queues: set[asyncio.Queue[Any]] = set()


def publish(news: Any) -> bool:
    for queue in queues:
        queue.put_nowait(news)
    return True


async def listen() -> AsyncIterator[Any]:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        queues.discard(queue)


def news(title: str) -> dict[str, Any]:
    return {"title": title, "author": {"name": "Ada"}}


def ariadne() -> Any:
    from ariadne import MutationType, SubscriptionType, make_executable_schema
    from ariadne.asgi import GraphQL
    from ariadne.asgi.handlers import GraphQLTransportWSHandler

    mutation, subscription = MutationType(), SubscriptionType()
    mutation.set_field("say", lambda *_, title: publish({"news": news(title)}))
    subscription.set_source("news", lambda *_: listen())
    subscription.set_field("news", lambda event, *_: event["news"])
    schema = make_executable_schema(SDL, mutation, subscription)
    return GraphQL(schema, websocket_handler=GraphQLTransportWSHandler())


def strawberry() -> Any:
    import strawberry
    from strawberry.asgi import GraphQL

    @strawberry.type
    class Author:
        name: str

    @strawberry.type
    class News:
        title: str
        author: Author

    @strawberry.type
    class Query:
        hello: str = "hello"

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def say(self, title: str) -> bool:
            return publish(News(title=title, author=Author(name="Ada")))

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def news(self) -> AsyncIterator[News]:
            async for each in listen():
                yield each

    return GraphQL(strawberry.Schema(Query, Mutation, Subscription))


def uvicorn(app: Any) -> None:
    from uvicorn import Config, Server

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    Server(Config(app, log_level="error", ws="websockets-sansio", ws_per_message_deflate=False)).run([listening])


async def protolab(live: bool) -> None:
    from graphql import build_schema

    from protolab.protocols.graphql.server import GraphQLServer

    schema = build_schema(SDL)
    assert schema.mutation_type is not None and schema.subscription_type is not None
    schema.mutation_type.fields["say"].resolve = lambda *_, title: publish({"news": news(title)})
    field = schema.subscription_type.fields["news"]
    field.subscribe = lambda *_: listen()
    field.extensions = {"live": live}
    server = GraphQLServer(schema=schema)
    print(await server.start(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    match sys.argv[1]:
        case "protolab":
            asyncio.run(protolab(True))
        case "protolab, unshared":
            asyncio.run(protolab(False))
        case "strawberry":
            uvicorn(strawberry())
        case "ariadne":
            uvicorn(ariadne())
