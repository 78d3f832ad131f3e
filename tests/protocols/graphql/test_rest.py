"""The same data by REST: what it costs in requests, bytes and calls of the backend, against one query."""

from __future__ import annotations

import asyncio

import pytest

from tests.protocols.graphql.wire import Answer, get, message, serving


async def _rest(served: object, path: str, method: str = "GET") -> Answer:
    answer: Answer = await served.ask(message(method, path, {}), method)  # type: ignore[attr-defined]
    return answer


def test_rest_needs_more_requests_and_more_bytes_for_the_same_answer() -> None:
    async def measure() -> None:
        async with serving() as served:
            user = await _rest(served, "/rest/users/1")
            posts = await _rest(served, "/rest/users/1/posts")
            one = await served.ask(get(query="{ user(id: 1) { name posts { title } } }"), "GET")
            assert one.json["data"]["user"] == {
                "name": user.json["name"],
                "posts": [{"title": post["title"]} for post in posts.json],
            }
            assert len(user.body) + len(posts.body) > 2 * len(one.body)  # over-fetching
            assert served.server.store.calls == {"users_by_id": 3, "posts_of": 2}

    asyncio.run(measure())


@pytest.mark.parametrize(
    ("path", "length"), [("/rest/users", 20), ("/rest/posts", 100), ("/rest/users/2/posts", 5), ("/rest/users/2", 5)]
)
def test_each_thing_has_an_address(path: str, length: int) -> None:
    async def ask() -> None:
        async with serving() as served:
            assert len((await _rest(served, path)).json) == length
            assert (await _rest(served, path, "HEAD")).body == b""

    asyncio.run(ask())


@pytest.mark.parametrize(
    "path", ["/rest/users/99", "/rest/users/99/posts", "/rest/posts/101", "/rest/posts/1/posts", "/", "/rest"]
)
def test_what_is_not_there_is_404(path: str) -> None:
    async def ask() -> None:
        async with serving() as served:
            answer = await _rest(served, path)
            assert (answer.status, answer.json) == (404, {"error": f"There is no {path}."})
            assert "server" not in answer.fields

    asyncio.run(ask())


def test_rest_only_reads() -> None:
    async def ask() -> None:
        async with serving() as served:
            answer = await _rest(served, "/rest/users/1", "DELETE")
            assert (answer.status, answer.fields["allow"]) == (405, "GET, HEAD")

    asyncio.run(ask())
