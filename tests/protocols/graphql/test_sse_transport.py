"""Operations over event streams (graphql-sse, distinct connections), byte for byte."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from protolab.protocols.graphql.websocket_transport import Bounds
from tests.protocols.graphql.sockets import run, serving, until

EVENTS = {"Accept": "text/event-stream"}
COMPLETE = "event: complete\ndata:\n\n"


async def ask(where: str, query: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"http://{where}", json={"query": query, **more}, headers=EVENTS)


def event(text: str) -> Any:
    """The JSON of a stream's only `next` event, which `complete` follows."""
    assert (
        text.startswith(":\n\nevent: next\ndata: {") and text.endswith("}\n\n" + COMPLETE) and text.count("\n") == 8
    ), text
    return json.loads(text.removeprefix(":\n\nevent: next\ndata: ").removesuffix("\n\n" + COMPLETE))


@pytest.mark.parametrize(
    ("query", "more", "told"),
    [
        ("{ hello }", {}, {"data": {"hello": "Hello, world!"}}),
        (
            "query($n: String) { hello(name: $n) }",
            {"variables": {"n": "a\nb\u2028é"}},
            {"data": {"hello": "Hello, a\nb\u2028é!"}},
        ),
        ('mutation { createPost(input: {title: "x"}) { title } }', {}, {"data": {"createPost": {"title": "x"}}}),
        ("{", {}, "Syntax Error"),
        ("{ nope }", {}, "Cannot query field"),
        ("{ hello }", {"operationName": "B"}, 'no operation "B"'),
        ("subscription { broken }", {}, "on purpose"),
        ("subscription { counter a: counter }", {}, "one"),
    ],
)
def test_it_is_200_and_a_stream_whatever_comes_of_the_operation(query: str, more: Any, told: Any) -> None:
    async def story() -> None:
        async with serving() as (server, where):
            answer = await ask(where, query, **more)
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-store"
            said = event(answer.text)
            if isinstance(told, str):
                assert set(said) == {"errors"} and told in said["errors"][0]["message"]
            else:
                assert said == told
            await until(lambda: not server.streams.open)

    run(story())


def test_a_subscription_is_a_next_event_for_each_result() -> None:
    async def story() -> None:
        async with serving() as (_, where):
            answer = await ask(where, "subscription { countdown(from: 1, interval: 0) }")
            nexts = "".join(f'event: next\ndata: {{"data":{{"countdown":{n}}}}}\n\n' for n in (1, 0))
            assert answer.text == f":\n\n{nexts}{COMPLETE}"

    run(story())


def test_get_asks_too_but_not_for_mutations_and_head_for_no_stream() -> None:
    async def story() -> None:
        async with serving() as (_, where), httpx.AsyncClient(headers=EVENTS) as client:
            query = {"query": "query($n: String) { hello(name: $n) }", "variables": '{"n": "x"}'}
            assert event((await client.get(f"http://{where}", params=query)).text) == {"data": {"hello": "Hello, x!"}}
            mutation = {"query": 'mutation { createPost(input: {title: "x"}) { title } }'}
            assert (await client.get(f"http://{where}", params=mutation)).status_code == 405
            # a HEAD has no body (RFC 9110 section 9.3.2), and httpx would not read on after one
            heads = [await client.head(f"http://{where}", params=query) for _ in range(2)]
            assert [answer.status_code for answer in heads] == [406, 406]

    run(story())


def test_what_is_no_request_is_refused_as_over_http() -> None:
    async def story() -> None:
        async with serving() as (_, where), httpx.AsyncClient(headers=EVENTS) as client:
            for body in ("oops", "[]", "{}", '{"query": 1}'):
                answer = await client.post(
                    f"http://{where}", content=body, headers={"Content-Type": "application/json"}
                )
                assert answer.status_code == 400 and answer.json()["errors"], body
                assert answer.headers["Content-Type"] == "application/json; charset=utf-8"

    run(story())


def test_a_stopped_server_completes_its_streams_and_a_full_one_says_so() -> None:
    async def story() -> None:
        async with serving(bounds=Bounds(sockets=1)) as (server, where):
            asking = asyncio.create_task(ask(where, "subscription { postCreated { id } }"))
            await until(lambda: server.store.created.listeners)
            refused = await ask(where, "{ hello }")
            assert refused.status_code == 503 and refused.headers["Retry-After"]
            await server.stop()
            assert (await asking).text == f":\n\n{COMPLETE}"

    run(story())


def test_comments_keep_a_silent_stream_alive() -> None:
    async def story() -> None:
        async with (
            serving(keepalive=0.02) as (_, where),
            httpx.AsyncClient(headers=EVENTS) as client,
            client.stream("POST", f"http://{where}", json={"query": "subscription { postCreated { id } }"}) as answer,
        ):
            said = ""
            async for text in answer.aiter_text():
                said += text
                if said.count(":\n\n") == 3:
                    break
            assert said == ":\n\n" * 3

    run(story())
