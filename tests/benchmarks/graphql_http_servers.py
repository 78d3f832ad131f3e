"""The servers that graphql_http compares: ours, and strawberry and ariadne under uvicorn, on the same store.

`python -m tests.benchmarks.graphql_http_servers NAME` prints a port and serves until it is killed.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

from protolab.protocols.graphql.loader import Loader
from protolab.protocols.graphql.store import Store


async def ours(**options: Any) -> None:
    """Our server."""
    from protolab.protocols.graphql.server import GraphQLServer

    print(await GraphQLServer(**options).start(), flush=True)
    await asyncio.Event().wait()


async def under_uvicorn(application: Any, http: str) -> None:
    """An ASGI application under uvicorn: with h11, as it is by itself, or with httptools, an extra written in C."""
    import uvicorn

    listener = socket.socket(proto=socket.IPPROTO_TCP)  # or accepted sockets are not known as TCP, and wait for ACKs
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(application, http=http, access_log=False, log_level="warning")
    await uvicorn.Server(config).serve([listener])


STORE = Store()


def _context() -> dict[str, Any]:
    return {"users": Loader("users", STORE.users_by_id), "posts_of": Loader("posts_of", STORE.posts_of), "store": STORE}


def strawberry_application(cached: bool) -> Any:
    """Strawberry's ASGI application."""
    from tests.benchmarks.graphql_http_strawberry import application

    return application(_context, cached)


def ariadne_application(cached: bool) -> Any:
    """Ariadne's ASGI application; its parser and validator are functions that one may wrap in a cache."""
    from functools import lru_cache
    from importlib.resources import files

    import ariadne
    from ariadne.asgi import GraphQL
    from graphql import parse, validate

    query, user, post = ariadne.QueryType(), ariadne.ObjectType("User"), ariadne.ObjectType("Post")
    query.set_field("user", lambda _, info, id: info.context["users"].load(id))
    query.set_field("users", lambda _, info, first=None: info.context["store"].users(first))
    user.set_field("posts", lambda root, info, first=None: info.context["posts_of"].load(root.id))
    post.set_field("author", lambda root, info: info.context["users"].load(root.author_id))
    post.set_alias("createdAt", "created_at")
    text = (files("protolab.protocols.graphql") / "schema.graphql").read_text()
    schema = ariadne.make_executable_schema(text, query, user, post)
    more: dict[str, Any] = {}
    if cached:
        parsed = lru_cache(500)(parse)
        valid = lru_cache(500)(lambda schema, document: validate(schema, document))
        more = {
            "query_parser": lambda context, data: parsed(data["query"]),
            "query_validator": lambda schema, document, rules, *_, **__: valid(schema, document),
        }
    return GraphQL(schema, context_value=lambda *_: _context(), **more)


SERVERS = {
    "ours": lambda: ours(),
    "ours, no document cache": lambda: ours(cache=False),
    "ours, traced": lambda: ours(traces=100),
    "strawberry": lambda: under_uvicorn(strawberry_application(cached=False), "h11"),
    "strawberry, caches": lambda: under_uvicorn(strawberry_application(cached=True), "h11"),
    "strawberry, caches, httptools": lambda: under_uvicorn(strawberry_application(cached=True), "httptools"),
    "ariadne": lambda: under_uvicorn(ariadne_application(cached=False), "h11"),
    "ariadne, caches": lambda: under_uvicorn(ariadne_application(cached=True), "h11"),
    "ariadne, caches, httptools": lambda: under_uvicorn(ariadne_application(cached=True), "httptools"),
}

if __name__ == "__main__":
    asyncio.run(SERVERS[sys.argv[1]]())
