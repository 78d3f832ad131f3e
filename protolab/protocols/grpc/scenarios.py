"""Conversations worth looking at, each live against a server of its own, each with its frozen recording in `captures/`.

What grpcio says differs between its versions and, where both sides talk at once, between runs: what has to be the same is
what the calls say (`essence`), not every byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from protolab.conversation import Conversation
from protolab.protocols import Scenario
from protolab.protocols.grpc.channel import Retry
from protolab.protocols.grpc.client import LessonsClient, UserServiceClient
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.protocols.grpc.errors import CallFailed
from protolab.protocols.grpc.library import aio
from protolab.protocols.grpc.messages import lessons
from protolab.protocols.grpc.outcomes import calls, read_values
from protolab.protocols.grpc.server import UserServer

_WINDOW = 2048  # bytes that the client of "flow" has room for
_DEADLINE_EXCEEDED = 4
_TABLE = 550  # bytes that the client's header table of "headers" holds
_SAME = tuple((f"x-{name}", f"the same each time: {name}") for name in ("first", "second"))


def essence(conversation: Conversation[Any, Any]) -> object:
    """What a run has to say again: each call with its outcome, each message, each rule that is broken."""
    assert isinstance(conversation, GrpcConversation)
    said = []
    for call in calls(conversation):
        code, message, by, *_ = call.outcome
        if code == _DEADLINE_EXCEEDED:  # both sides' clocks run out at once, and either may be the first to say so
            message, by = "", "deadline"
        said.append((call.method, call.kind, call.requests, code, message, by, call.attempts))
    # Of calls that run at once the frames may come in any order.
    each = {call.stream: list(read_values(conversation, call.stream)) for call in calls(conversation)}
    return said, each, [finding.rule.id for _, finding in conversation.findings]


async def _unary(url: str) -> None:
    async with UserServiceClient(url) as client:
        ada = await client.create("Ada", "ada@example.org", 36, ["admin"])
        await client.get(ada.id)


async def _stream(url: str) -> None:
    async with LessonsClient(url) as client:
        async for _ in client.count(3):
            continue


async def _four_calls(url: str) -> None:
    async with LessonsClient(url) as client:
        await client.echo("hello")
        async for _ in client.count(2):
            continue
        await client.sum([1, 2, 3])
        call = client.calls.Double(timeout=5)
        for value in (20, 21):  # each answer before the next question: the streams take turns
            await call.write(lessons.Number(value=value))
            await call.read()
        await call.done_writing()
        await call.read()


async def _errors(url: str) -> None:
    async with UserServiceClient(url) as client:
        with suppress(CallFailed):
            await client.get("9")
        with suppress(CallFailed):
            await client.create("", "nobody")
        nothing: Any = client.channel.unary_unary("/user_service.UserService/Nothing")
        with suppress(aio.AioRpcError):
            await nothing(b"", timeout=5)
    async with LessonsClient(url) as client:
        with suppress(CallFailed):
            await client.fail(0, "the secret that is in an exception")
        with suppress(CallFailed):
            await client.wait(2000, timeout=0.1)
        call = client.calls.Double(timeout=5)
        await call.write(lessons.Number(value=1))
        await call.read()
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call.read()
        await client.echo("the connection is as it was")


async def _retry(url: str) -> None:
    async with LessonsClient(url, retry=Retry(attempts=3, initial=0.01, most=0.02)) as client:
        await client.fail(14, "try again", key="twice", times=2)


async def _flow(url: str) -> None:
    async with LessonsClient(url, options={"grpc.http2.lookahead_bytes": _WINDOW}) as client:
        async for _ in client.flood(3 * _WINDOW, 3):
            continue


async def _headers(url: str) -> None:
    async with LessonsClient(url, metadata=_SAME, options={"grpc.http2.hpack_table_size.encoder": _TABLE}) as client:
        for number in range(2):  # the paths of other methods take the room of what came first
            await client.echo(f"call {number}")
            await client.sum([number])
            await client.types(lessons.AllTypes(an_int32=number))


def _scenario(title: str, talk: Callable[[str], Coroutine[Any, Any, None]]) -> Scenario:
    return Scenario(title, UserServer, talk, same=essence)


UNARY = _scenario("a user is created and asked for: two unary calls", _unary)
STREAM = _scenario("a call with one request and three responses", _stream)
FOUR_CALLS = _scenario("the four kinds of call, one after another", _four_calls)
ERRORS = _scenario("calls that fail: by the application, by the library, by the clock, by the client", _errors)
RETRY = _scenario("a call that fails twice and is tried again", _retry)
FLOW = _scenario("messages larger than the room that the client has for them", _flow)
HEADERS = _scenario("the same headers again and again, and a header table that has not room for everything", _headers)
