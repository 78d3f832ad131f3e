"""What one request may ask for, and documents that are known by their hash."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from graphql import get_introspection_query

from protolab.protocols.graphql.engine import Engine, Prepared, Refusal, Request
from protolab.protocols.graphql.limits import Limits
from protolab.protocols.graphql.persisted import Persisted
from protolab.protocols.graphql.schema import users_and_posts
from tests.protocols.graphql.wire import JSON, RESPONSE, Answer, post, serving

_SMALL = Limits(tokens=60, depth=4, aliases=3, fields=12, errors=2)


def _kind(query: str, limits: Limits = _SMALL) -> str:
    prepared = Engine(users_and_posts(), limits=limits).prepare(Request(query))
    return prepared.kind


def _doubling(levels: int) -> str:
    """A document whose fragments spread each other twice: 2 to the power of `levels` fields of a few bytes each."""
    spread = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels))
    return f"{{ ...F0 }} {spread} fragment F{levels} on Query {{ hello }}"


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("{ users { posts { author { name } } } }", "query"),
        ("{ users { posts { author { posts { id } } } } }", "limit"),
        (
            "{ users { ...A } } fragment A on User { posts { author { ...B } } } fragment B on User { posts { id } }",
            "limit",
        ),
        ("{ users { ... on User { posts { ... { author { name } } } } } }", "query"),  # what is inline is no level
        ("{ a: hello b: hello c: hello }", "query"),
        ("{ a: hello b: hello c: hello d: hello }", "limit"),
        ("{ ...A ...A } fragment A on Query { a: hello b: hello }", "limit"),
        ("{" + " hello" * 12 + " }", "query"),
        ("{" + " hello" * 13 + " }", "limit"),
        ("{" + " hello" * 60 + " }", "limit"),
        ("query A { hello } query B { users { posts { author { posts { id } } } } }", "limit"),
        ("{ ...A } fragment A on Query { ...A hello }", "validation"),
    ],
)
def test_a_document_is_measured_with_its_fragments(query: str, kind: str) -> None:
    assert _kind(query) == kind


def test_the_introspection_query_of_every_tool_is_within_the_limits() -> None:
    everything = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    assert _kind(everything, Limits()) == "query"


def test_fragments_that_double_are_measured_without_being_spread() -> None:
    assert _kind(_doubling(200), Limits()) == "limit"
    assert _kind(_doubling(3), Limits()) == "query"


def test_a_document_of_nothing_but_depth_is_refused() -> None:
    deep = "{ users " * 900 + "}" * 900
    assert _kind(deep, Limits(tokens=10**6)) == "limit"


def test_lists_in_lists_are_bounded_while_they_multiply() -> None:
    async def ask(selection: str) -> Any:
        async with serving(limits=Limits(listed=200)) as served:
            return (await served.ask(post({"query": f"{{ users {{ posts {{ author {{ {selection} }} }} }} }}"}))).json

    assert "errors" not in asyncio.run(ask("id"))  # 20 users and 100 posts
    refused = asyncio.run(ask("posts { id }"))  # and 500 posts more
    assert refused["data"] is None and refused["errors"][0]["extensions"] == {"code": "LIMIT"}


def test_errors_are_told_up_to_a_bound() -> None:
    refusal = Engine(users_and_posts(), limits=_SMALL).prepare(
        Request("{" + "".join(f" x{n}" for n in range(10)) + " }")
    )
    assert isinstance(refusal, Refusal) and len(refusal.errors) == 3  # two, and that there are more


def test_a_batch_is_bounded_and_answered_in_its_order() -> None:
    async def ask() -> None:
        async with serving(limits=Limits(batch=3)) as served:
            three = [{"query": f"{{ hello(name: {n}) }}".replace(f"{n}", f'"{n}"')} for n in range(3)]
            answer = await served.ask(post(three))
            assert [result["data"]["hello"] for result in answer.json] == ["Hello, 0!", "Hello, 1!", "Hello, 2!"]
            assert answer.media == JSON  # an array is no GraphQL response
            assert (await served.ask(post(three + three))).status == 400
            assert served.server.store.calls == {}
        async with serving(limits=Limits(batch=0)) as served:
            assert "one at a time" in (await served.ask(post(three[:1]))).json["errors"][0]["message"]

    asyncio.run(ask())


# Persisted queries

_QUERY = "{ hello }"
_HASH = hashlib.sha256(_QUERY.encode()).hexdigest()


def _body(query: str | None = None, digest: Any = _HASH, version: Any = 1) -> dict[str, Any]:
    extensions = {"persistedQuery": {"version": version, "sha256Hash": digest}}
    return {"extensions": extensions} if query is None else {"query": query, "extensions": extensions}


def _ask(*bodies: dict[str, Any], accept: str = RESPONSE, **options: Any) -> list[Answer]:
    async def ask() -> list[Answer]:
        async with serving(**options) as served:
            return [await served.ask(post(body, accept)) for body in bodies]

    return asyncio.run(ask())


def test_a_hash_is_unknown_until_the_query_came_with_it_once() -> None:
    before, with_query, after = _ask(_body(), _body(_QUERY), _body(digest=_HASH.upper()))
    assert before.json["errors"][0]["message"] == "PersistedQueryNotFound"
    assert (before.status, before.codes) == (400, ["PERSISTED_QUERY_NOT_FOUND"])
    assert with_query.json == after.json == {"data": {"hello": "Hello, world!"}}


def test_a_legacy_client_reads_that_its_hash_is_unknown_with_200() -> None:
    (answer,) = _ask(_body(), accept=JSON)
    assert (answer.status, answer.codes) == (200, ["PERSISTED_QUERY_NOT_FOUND"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_body("{ users { id } }"), "PERSISTED_QUERY_HASH_MISMATCH"),
        (_body(version=2), "PERSISTED_QUERY_MALFORMED"),
        (_body(version=True), "PERSISTED_QUERY_MALFORMED"),
        (_body(digest="abc"), "PERSISTED_QUERY_MALFORMED"),
        (_body(digest=[1]), "PERSISTED_QUERY_MALFORMED"),
        ({"extensions": {"persistedQuery": 7}}, "PERSISTED_QUERY_MALFORMED"),
    ],
)
def test_a_persisted_query_that_makes_no_sense_is_refused(body: dict[str, Any], code: str) -> None:
    refused, after = _ask(body, _body())
    assert refused.codes == [code]
    assert after.codes == ["PERSISTED_QUERY_NOT_FOUND"]


def test_a_document_that_does_not_validate_is_not_kept() -> None:
    digest = hashlib.sha256(b"{ nothing }").hexdigest()
    first, second = _ask(_body("{ nothing }", digest), _body(digest=digest))
    assert first.status == 400 and second.codes == ["PERSISTED_QUERY_NOT_FOUND"]


def test_persisted_queries_can_be_off_and_are_bounded() -> None:
    (answer,) = _ask(_body(), persisted=Persisted(0))
    assert answer.json["errors"][0]["message"] == "PersistedQueryNotSupported"
    known = Persisted(2)
    engine = Engine(users_and_posts(), persisted=known)
    for turn in range(5):
        query = f"{{ a{turn}: hello }}"
        body = _body(query, hashlib.sha256(query.encode()).hexdigest())
        assert isinstance(engine.prepare(Request(query, extensions=body["extensions"])), Prepared)
    assert len(known) == 2


def test_with_a_safelist_nothing_else_runs() -> None:
    by_text, by_hash, other, registering = _ask(
        {"query": _QUERY},
        _body(),
        {"query": "{ users { id } }"},
        _body("{ users { id } }", hashlib.sha256(b"{ users { id } }").hexdigest()),
        persisted=Persisted(safelist=[_QUERY]),
    )
    assert by_text.status == by_hash.status == 200
    assert other.codes == registering.codes == ["PERSISTED_QUERY_NOT_IN_LIST"]
