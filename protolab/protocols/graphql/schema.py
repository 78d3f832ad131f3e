"""The schema of users and posts (`schema.graphql`), and what its fields do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema, build_schema

from protolab.protocols.graphql.feed import Listener
from protolab.protocols.graphql.limits import Limits
from protolab.protocols.graphql.loader import Loader
from protolab.protocols.graphql.store import Post, Store, User
from protolab.protocols.graphql.trace import Trace

Info = GraphQLResolveInfo
Value = TypeVar("Value")
_LONGEST_TITLE, _LONGEST_CONTENT = 200, 10_000
_SLOWEST = 10.0  # seconds


class Context:
    """What the resolvers of one request share: the store, loaders of its own, and `most` users and posts to list."""

    def __init__(
        self, store: Store, trace: Trace | None = None, *, batching: bool = True, most: int = Limits().listed
    ) -> None:
        self.store = store
        self.trace = trace
        self.most = self._left = most
        self.users = Loader("users_by_id", self._users_by_id, batching=batching, trace=trace)
        self.posts_of = Loader("posts_of", self._posts_of, batching=batching, trace=trace)
        self.posts = Loader("posts_by_id", self._posts_by_id, batching=batching, trace=trace)

    async def call(self, name: str, value: Awaitable[Value], keys: Iterable[Any] = ()) -> Value:
        """Await a call of the backend, and note it in the trace."""
        if self.trace is None:
            return await value
        with self.trace.step("call", field=name, keys=tuple(keys)):
            return await value

    def listed(self, things: list[Value]) -> list[Value]:
        """A list, if it is within what this request may still have of them."""
        self._left -= len(things)
        if self._left < 0:
            raise _bad(f"This lists more than {self.most} users and posts: ask for less.", "LIMIT")
        return things

    async def _users_by_id(self, keys: list[str]) -> Any:
        return await self.call("users_by_id", self.store.users_by_id(keys), keys)

    async def _posts_by_id(self, keys: list[str]) -> Any:
        return await self.call("posts_by_id", self.store.posts_by_id(keys), keys)

    async def _posts_of(self, keys: list[str]) -> Any:
        return await self.call("posts_of", self.store.posts_of(keys), keys)


def _bad(problem: str, code: str = "BAD_USER_INPUT") -> GraphQLError:
    return GraphQLError(problem, extensions={"code": code})


def _first(first: int | None) -> int | None:
    if first is not None and first < 0:
        raise _bad(f"first is {first}, and cannot be less than 0.")
    return first


async def _users(_: Any, info: Info, first: int | None = None) -> list[User]:
    context: Context = info.context
    return context.listed(await context.call("users", context.store.users(_first(first))))


async def _posts(_: Any, info: Info, first: int | None = None) -> list[Post]:
    context: Context = info.context
    return context.listed(await context.call("posts", context.store.posts(_first(first))))


async def _posts_of(user: User, info: Info, first: int | None = None) -> list[Post]:
    context: Context = info.context
    posts: list[Post] = await context.posts_of.load(user.id)
    return context.listed(posts[: _first(first)])


async def _create_post(_: Any, info: Info, input: dict[str, Any]) -> Post:
    context: Context = info.context
    title, content, author = input["title"].strip(), input["content"], input["authorId"]
    if not 0 < len(title) <= _LONGEST_TITLE:
        raise _bad(f"A title has 1 to {_LONGEST_TITLE} characters, and this one {len(title)}.")
    if len(content) > _LONGEST_CONTENT:
        raise _bad(f"The content has {len(content)} characters, and {_LONGEST_CONTENT} are the limit.")
    try:
        return await context.call("create_post", context.store.create_post(author, title, content))
    except LookupError as error:
        raise _bad(f"{error.args[0]} Ask for users to see who there is.", "NOT_FOUND") from None


def _phone(user: User, _: Info) -> str:
    if int(user.id) % 4 == 0:
        raise _bad("The phone book does not answer.", "PHONE_BOOK_DOWN")
    return f"+44 20 7946 {int(user.id):04}"


def _fails(_: Any, info: Info) -> Any:
    raise _bad(f"{info.parent_type.name}.{info.field_name} fails on purpose.", "ON_PURPOSE")


def _secret(_: Any, info: Info) -> Any:
    raise RuntimeError("could not connect to postgres://admin:hunter2@db")


def _refused(_: Any, info: Info) -> Any:
    raise _bad("You may not see this.", "FORBIDDEN")


async def _slow(_: Any, info: Info, seconds: float) -> str:
    await asyncio.sleep(min(max(seconds, 0), _SLOWEST))
    return f"after {seconds:g} seconds"


async def _post_created(_: Any, info: Info, **arguments: Any) -> AsyncIterator[Post]:
    wanted = arguments.get("authorId")
    return _Only(info.context.store.created.listen(), wanted)


class _Only:
    """The posts of a feed, or those of one author."""

    def __init__(self, listener: Listener, author_id: str | None) -> None:
        self._listener = listener
        self._author_id = author_id

    def __aiter__(self) -> _Only:
        return self

    async def __anext__(self) -> Post:
        while True:
            post: Post = await anext(self._listener)
            if self._author_id in (None, post.author_id):
                return post

    async def aclose(self) -> None:
        await self._listener.aclose()


def _interval(seconds: float) -> float:
    if not 0 <= seconds <= _SLOWEST:
        raise _bad(f"interval is {seconds:g}, and is to be from 0 to {_SLOWEST:g} seconds.")
    return seconds


async def _count(numbers: Iterable[int], interval: float) -> AsyncIterator[int]:
    for turn, number in enumerate(numbers):
        if turn:
            await asyncio.sleep(interval)
        yield number


def _countdown(_: Any, info: Info, interval: float, **arguments: Any) -> AsyncIterator[int]:
    return _count(range(arguments["from"], -1, -1), _interval(interval))


def _counted_down(number: int, info: Info, **arguments: Any) -> int:
    if number == arguments.get("failAt"):
        raise _bad(f"The countdown fails at {number}, on purpose.", "ON_PURPOSE")
    return number


def _counter(_: Any, info: Info, interval: float, to: int | None = None) -> AsyncIterator[int]:
    return _count(range(1, 2**31 if to is None else to + 1), _interval(interval))


RESOLVERS: dict[str, dict[str, Any]] = {
    "Query": {
        "hello": lambda _, info, name: f"Hello, {name}!",
        "user": lambda _, info, id: info.context.users.load(id),
        "users": _users,
        "post": lambda _, info, id: info.context.posts.load(id),
        "posts": _posts,
        "trouble": lambda _, info: {},
    },
    "Mutation": {"createPost": _create_post},
    "User": {"posts": _posts_of, "phone": _phone},
    "Post": {
        "author": lambda post, info: info.context.users.load(post.author_id),
        "createdAt": lambda post, info: post.created_at,
    },
    "Trouble": {
        "nullable": _fails,
        "required": _fails,
        "secret": _secret,
        "refused": _refused,
        "slow": _slow,
        "some": lambda _, info: ["one", _bad("The second of three fails on purpose.", "ON_PURPOSE"), "three"],
        "inner": lambda _, info: {},
        "innerRequired": lambda _, info: {},
        "fine": lambda _, info: "fine",
    },
    "Subscription": {
        "postCreated": lambda post, info, **arguments: post,
        "countdown": _counted_down,
        "counter": lambda number, info, **arguments: number,
        "broken": _fails,
    },
}
LIVE = {"postCreated"}  # the same events for all who listen, whenever they came
SOURCES = {"postCreated": _post_created, "countdown": _countdown, "counter": _counter, "broken": _fails}


@cache
def users_and_posts() -> GraphQLSchema:
    """The schema, made once: nothing in it changes, and all data comes by the context."""
    schema = build_schema((files(__package__) / "schema.graphql").read_text())
    for type_name, fields in RESOLVERS.items():
        for name, resolve in fields.items():
            schema.type_map[type_name].fields[name].resolve = resolve  # type: ignore[attr-defined]
    assert schema.subscription_type is not None
    for name, source in SOURCES.items():
        schema.subscription_type.fields[name].subscribe = source
        schema.subscription_type.fields[name].extensions = {"live": name in LIVE}
    return schema
