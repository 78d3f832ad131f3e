"""The engine: what is refused before anything runs, what a failing field does to the others, how subscriptions end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from graphql import build_schema

from protolab import repeat
from protolab.protocols.graphql.engine import Engine, Prepared, Refusal, Request
from protolab.protocols.graphql.feed import Feed
from protolab.protocols.graphql.limits import Limits
from protolab.protocols.graphql.loader import Loader
from protolab.protocols.graphql.schema import Context, users_and_posts
from protolab.protocols.graphql.store import Store


def _engine(store: Store | None = None, *, batching: bool = True, **options: Any) -> Engine:
    data = store or Store()
    return Engine(users_and_posts(), lambda trace: Context(data, trace, batching=batching), **options)


def _prepared(engine: Engine, query: str, **more: Any) -> Prepared:
    prepared = engine.prepare(Request(query, **more))
    assert isinstance(prepared, Prepared), prepared
    return prepared


def _run(query: str, engine: Engine | None = None, **more: Any) -> dict[str, Any]:
    engine = engine or _engine()

    async def run() -> Any:
        return await engine.execute(_prepared(engine, query, **more))

    done: dict[str, Any] = asyncio.run(run())
    return done


def _refused(query: str, engine: Engine | None = None, **more: Any) -> Refusal:
    refusal = (engine or _engine()).prepare(Request(query, **more))
    assert isinstance(refusal, Refusal), refusal
    assert "data" not in refusal.result
    return refusal


@pytest.mark.parametrize(
    ("query", "more", "kind"),
    [
        ("{", {}, "syntax"),
        ("", {}, "syntax"),
        ("{ }", {}, "syntax"),
        ("{ users { id } ", {}, "syntax"),
        ("{ nothing }", {}, "validation"),
        ("{ users }", {}, "validation"),
        ("fragment A on User { ...A } { users { ...A } }", {}, "validation"),
        ("subscription { counter countdown }", {}, "validation"),  # section 5.2.4.1: one root field
        ("query A { hello } query B { hello }", {}, "operation"),
        ("query A { hello }", {"operation": "B"}, "operation"),
        ("query A { hello }", {"operation": ""}, "operation"),
        ("fragment A on User { id }", {}, "validation"),
        ("query($n: Int!) { users(first: $n) { id } }", {}, "variables"),
        ("query($n: Int!) { users(first: $n) { id } }", {"variables": {"n": 2**31}}, "variables"),
        ("query($n: Int!) { users(first: $n) { id } }", {"variables": {"n": True}}, "variables"),
        ("{ hello }", {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, "persisted"),
    ],
)
def test_what_cannot_run_is_refused_with_its_kind(query: str, more: dict[str, Any], kind: str) -> None:
    assert _refused(query, **more).kind == kind


def test_errors_of_a_document_point_at_it() -> None:
    (error,) = _refused("{\n  users { nmae }\n}").errors
    assert error["locations"] == [{"line": 2, "column": 11}]


@pytest.mark.parametrize(
    ("selection", "data", "paths"),
    [
        ("{ trouble { fine nullable } }", {"trouble": {"fine": "fine", "nullable": None}}, [["trouble", "nullable"]]),
        ("{ trouble { fine required } }", {"trouble": None}, [["trouble", "required"]]),
        (
            "{ hello trouble { inner { required } fine } }",
            {"hello": "Hello, world!", "trouble": {"inner": None, "fine": "fine"}},
            [["trouble", "inner", "required"]],
        ),
        (
            "{ hello trouble { innerRequired { required } } }",
            {"hello": "Hello, world!", "trouble": None},
            [["trouble", "innerRequired", "required"]],
        ),
        ("{ trouble { some } }", {"trouble": {"some": ["one", None, "three"]}}, [["trouble", "some", 1]]),
        (
            "{ users(first: 4) { phone } }",
            {"users": [*({"phone": f"+44 20 7946 000{n}"} for n in (1, 2, 3)), {"phone": None}]},
            [["users", 3, "phone"]],
        ),
        ('mutation { createPost(input: {title: " "}) { id } }', None, [["createPost"]]),  # null up to the data itself
    ],
)
def test_null_moves_up_to_what_may_be_null_and_errors_have_paths(selection: str, data: Any, paths: list[Any]) -> None:
    done = _run(selection)
    assert done["data"] == data
    assert [error["path"] for error in done["errors"]] == paths
    assert all(error["locations"] for error in done["errors"])
    assert list(done) == ["errors", "data"]


def test_internal_errors_are_masked_logged_and_shown_only_when_asked_for() -> None:
    log: list[str] = []
    done = _run("{ trouble { secret refused } }", _engine(log=log.append))
    assert [error["message"] for error in done["errors"]] == ["Internal server error", "You may not see this."]
    assert done["errors"][1]["extensions"] == {"code": "FORBIDDEN"}
    assert len(log) == 1 and "trouble.secret" in log[0] and "hunter2" in log[0]
    assert "hunter2" in _run("{ trouble { secret } }", _engine(mask=False))["errors"][0]["message"]


def test_a_masked_error_keeps_its_code() -> None:
    class Broken(Exception):
        extensions: ClassVar = {"code": "DATABASE_DOWN"}

    def fail(*_: object) -> None:
        raise Broken("at 10.0.0.7")

    schema = build_schema("type Query { a: Int }")
    assert schema.query_type is not None
    schema.query_type.fields["a"].resolve = fail
    (error,) = _run("{ a }", Engine(schema))["errors"]
    assert (error["message"], error["extensions"]) == ("Internal server error", {"code": "DATABASE_DOWN"})


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "User") { name } }'])
def test_introspection_can_be_switched_off_and_the_schema_not_guessed(query: str) -> None:
    closed = _engine(introspection=False)
    assert "errors" not in _run(query)
    assert _refused(query, closed).kind == "validation"
    assert _run("{ __typename }", closed) == {"data": {"__typename": "Query"}}
    assert "Did you mean" in _refused("{ usres { id } }").errors[0]["message"]
    assert "Did you mean" not in _refused("{ usres { id } }", closed).errors[0]["message"]
    mutation = "mutation($post: CreatePostInput!) { createPost(input: $post) { id } }"
    wrong = {"post": {"title": "x", "conten": "y"}}
    assert "Did you mean" in _refused(mutation, variables=wrong).errors[0]["message"]
    assert "Did you mean" not in _refused(mutation, closed, variables=wrong).errors[0]["message"]


@pytest.mark.parametrize("query", ['{ a(on: "x") }', "query($on: Date) { a(on: $on) }"])
def test_what_a_scalar_raised_is_not_quoted_unless_asked_for(query: str) -> None:
    def parse(value: object) -> None:
        raise RuntimeError(f"no calendar\n at 10.0.0.7 for '{value}'; found")

    schema = build_schema("scalar Date type Query { a(on: Date): Int }")
    schema.type_map["Date"].coerce_input_value = parse  # type: ignore[attr-defined]
    for mask in (True, False):
        (error,) = _refused(query, Engine(schema, mask=mask), variables={"on": "x"}).errors
        assert "Expected value of type 'Date'" in error["message"] and error["message"].endswith(("'x'.", '"x".'))
        assert ("10.0.0.7" in error["message"]) is not mask


def test_a_failing_field_takes_nothing_along_that_others_wait_for() -> None:
    asked = asyncio.Event()

    async def fetch(keys: list[str]) -> dict[str, str]:
        asked.set()
        for _ in range(20):  # turns of the loop, in which the failure cancels what stands beside it
            await asyncio.sleep(0)
        return {key: key for key in keys}

    async def fail(*_: object) -> None:
        await asked.wait()
        raise ValueError

    schema = build_schema("type Query { first: A second: A } type A { bad: Int! key: String }")
    for name, resolve in (("bad", fail), ("key", lambda _, info: info.context.load("k"))):
        schema.type_map["A"].fields[name].resolve = resolve  # type: ignore[attr-defined]
    for name in ("first", "second"):
        schema.type_map["Query"].fields[name].resolve = lambda *_: {}  # type: ignore[attr-defined]
    done = _run("{ first { bad key } second { key } }", Engine(schema, lambda trace: Loader("keys", fetch)))
    assert done["data"] == {"first": None, "second": {"key": "k"}}


def test_a_resolver_that_waited_for_something_cancelled_is_an_error_like_others() -> None:
    async def cancelled(*_: object) -> None:
        waiting = asyncio.ensure_future(asyncio.Event().wait())
        waiting.cancel()
        await waiting

    schema = build_schema("type Query { a: Int }")
    schema.type_map["Query"].fields["a"].resolve = cancelled  # type: ignore[attr-defined]
    assert _run("{ a }", Engine(schema)) == {"errors": [{"message": "Internal server error"}], "data": None}


def test_mutations_run_in_their_order() -> None:
    done = _run(
        "mutation { " + " ".join(f'p{n}: createPost(input: {{title: "{n}"}}) {{ id title }}' for n in range(5)) + " }"
    )
    assert done["data"] == {f"p{n}": {"id": str(101 + n), "title": str(n)} for n in range(5)}


def test_a_known_document_is_not_validated_again_and_the_cache_is_bounded() -> None:
    engine = _engine(limits=Limits(documents=2))
    first = _prepared(engine, "{ hello }").document
    assert _prepared(engine, "{ hello }").document is first
    _prepared(engine, "{ a: hello }")
    _prepared(engine, "{ hello }")  # used: so it is the other one that falls out
    _prepared(engine, "{ b: hello }")
    assert engine.known == 2 and _prepared(engine, "{ hello }").document is first
    _refused("{ nothing }", engine)
    assert engine.known == 2  # what is wrong is not kept
    fresh = _engine(cache=False)
    assert _prepared(fresh, "{ hello }").document is not _prepared(fresh, "{ hello }").document


def test_batching_turns_120_calls_into_2() -> None:
    query = "{ users { name posts { title author { name } } } }"
    apart, together = Store(), Store()
    assert _run(query, _engine(apart, batching=False)) == _run(query, _engine(together))
    assert apart.calls == {"users": 1, "posts_of": 20, "users_by_id": 100}
    assert together.calls == {"users": 1, "posts_of": 1, "users_by_id": 1}


def test_a_failing_backend_fails_every_field_that_asked_it_and_nothing_else() -> None:
    class Broken(Store):
        async def posts_of(self, keys: Any) -> Any:
            raise ConnectionError("down")

    done = _run(
        "{ users(first: 2) { name } one: user(id: 1) { posts { id } } two: user(id: 2) { posts { id } } }",
        _engine(Broken()),
    )
    assert done["data"] == {"users": [{"name": "Ada"}, {"name": "Alan"}], "one": None, "two": None}
    assert [error["path"] for error in done["errors"]] == [["one", "posts"], ["two", "posts"]]


def test_what_takes_too_long_is_stopped_and_stops() -> None:
    stopped: list[str] = []

    async def slow(*_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("slow")

    schema = build_schema("type Query { a: Int b: [Query!]! c: Int }")
    assert schema.query_type is not None
    schema.query_type.fields["a"].resolve = slow
    schema.query_type.fields["b"].resolve = lambda *_: [{}, {}]

    async def run() -> Any:
        engine = Engine(schema, limits=Limits(seconds=0.02))
        done = await engine.execute(_prepared(engine, "{ a b { a } c }"))
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        return done

    refusal = asyncio.run(run())
    assert isinstance(refusal, Refusal) and refusal.kind == "timeout"
    assert stopped == ["slow"] * 3


def test_created_posts_are_repeatable_and_the_oldest_are_forgotten() -> None:
    query = 'mutation { createPost(input: {title: "x"}) { id createdAt } }'
    before = repeat.switch(7)
    try:
        assert (
            _run(query) == _run(query) == {"data": {"createPost": {"id": "101", "createdAt": "2026-01-01T01:41:00Z"}}}
        )
    finally:
        repeat.switch(before)

    async def fill() -> None:
        store = Store(1, 2)
        for _ in range(1001):
            await store.create_post("1", "x", "")
        assert [post.id for post in await store.posts(3)] == ["1", "2", "4"]
        assert len((await store.posts_of(["1"]))["1"]) == 1002

    asyncio.run(fill())


async def _subscribed(engine: Engine, query: str, **more: Any) -> Any:
    found = await engine.subscribe(_prepared(engine, query, **more))
    assert not isinstance(found, Refusal), found
    return found


def test_a_subscription_tells_results_and_goes_on_after_a_failing_event() -> None:
    async def listen() -> list[Any]:
        source = await _subscribed(_engine(), "subscription { countdown(from: 2, interval: 0, failAt: 1) }")
        return [result async for result in source]

    first, second, third = asyncio.run(listen())
    assert (first, third) == ({"data": {"countdown": 2}}, {"data": {"countdown": 0}})
    assert second["data"] == {"countdown": None} and second["errors"][0]["path"] == ["countdown"]


@pytest.mark.parametrize("query", ["subscription { broken }", "subscription { countdown(interval: -1) }"])
def test_a_subscription_that_cannot_begin_is_refused(query: str) -> None:
    async def ask() -> Any:
        engine = _engine()
        return await engine.subscribe(_prepared(engine, query))

    refusal = asyncio.run(ask())
    assert isinstance(refusal, Refusal) and refusal.kind == "execution"
    assert refusal.errors[0]["message"]


def test_post_created_tells_of_posts_and_of_one_author_if_asked() -> None:
    async def listen() -> None:
        store = Store()
        engine = _engine(store)
        every = await _subscribed(engine, "subscription { postCreated { id } }")
        hers = await _subscribed(engine, "subscription { postCreated(authorId: 2) { author { name } } }")
        for author in ("1", "2"):
            await engine.execute(
                _prepared(engine, f'mutation {{ createPost(input: {{title: "x", authorId: {author}}}) {{ id }} }}')
            )
        assert [await anext(every) for _ in range(2)] == [{"data": {"postCreated": {"id": n}}} for n in ("101", "102")]
        assert await anext(hers) == {"data": {"postCreated": {"author": {"name": "Alan"}}}}
        assert len(store.created.listeners) == 2
        await every.aclose()
        await hers.aclose()
        assert not store.created.listeners

    asyncio.run(listen())


@pytest.mark.parametrize("waiting", [False, True], ids=["between events", "while somebody waits"])
@pytest.mark.parametrize("kind", ["generator", "feed"])
def test_closing_a_subscription_frees_its_source_at_once(kind: str, waiting: bool) -> None:
    schema = build_schema("type Query { a: Int } type Subscription { a: Int }")
    assert schema.subscription_type is not None
    open_now: list[str] = []
    feed = Feed()

    async def generator(*_: object) -> AsyncIterator[int]:
        open_now.append("generator")
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            open_now.clear()

    schema.subscription_type.fields["a"].subscribe = generator if kind == "generator" else lambda *_: feed.listen()
    schema.subscription_type.fields["a"].resolve = lambda value, info: value

    async def listen() -> None:
        engine = Engine(schema)
        source = await _subscribed(engine, "subscription { a }")
        feed.publish(1)
        assert await anext(source) == {"data": {"a": 1}}
        assert open_now or feed.listeners
        if waiting:
            waits = asyncio.create_task(anext(source, "the end"))
            await asyncio.sleep(0)
            await source.aclose()
            assert await asyncio.wait_for(waits, 5) == "the end"
        await source.aclose()
        await source.aclose()
        assert not open_now and not feed.listeners
        assert await anext(source, "the end") == "the end"

    asyncio.run(listen())


def test_who_is_cancelled_while_it_waits_frees_the_source_too() -> None:
    async def listen() -> None:
        store = Store()
        source = await _subscribed(_engine(store), "subscription { postCreated { id } }")
        waits = asyncio.create_task(anext(source))
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert not store.created.listeners

    asyncio.run(listen())


def test_who_falls_behind_hears_what_waited_then_is_told_and_dropped() -> None:
    async def listen() -> None:
        feed = Feed(most=3)
        slow, quick = feed.listen(), feed.listen()
        for number in range(5):
            feed.publish(number)
            assert await anext(quick) == number
        assert [await anext(slow) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(Exception, match="3 events behind"):
            await anext(slow)
        assert await anext(slow, "the end") == "the end"
        assert list(feed.listeners) == [quick]

    asyncio.run(listen())
