"""Traces: what they hold, that their clock is the captures', and that without them nothing is noted."""

from __future__ import annotations

import asyncio

import pytest

from protolab import repeat
from protolab.capture import Capture
from protolab.capture.tap import Tap
from protolab.fields import Side
from protolab.protocols.graphql.server import GraphQLServer
from protolab.protocols.graphql.trace import Trace, Traces
from tests.protocols.graphql.wire import Peer, post, serving

_NESTED = {"query": "{ users(first: 2) { name posts(first: 1) { author { name } } } }"}


def _trace(body: object = _NESTED, **options: object) -> Trace:
    async def ask() -> Trace:
        async with serving(traces=5, **options) as served:
            answer = await served.ask(post(body))
            return served.server.traces.find(number=int(answer.fields["trace-id"]))

    return asyncio.run(ask())


def test_a_trace_has_every_step_with_what_it_was_about() -> None:
    trace = _trace()
    assert [(event.kind, event.field) for event in trace.events if event.kind != "resolve"] == [
        ("parse", ""),
        ("validate", ""),
        ("call", "users"),
        ("call", "posts_of"),
        ("batch", "posts_of"),
        ("call", "users_by_id"),
        ("batch", "users_by_id"),
        ("execute", "query"),
    ]
    assert [event.keys for event in trace.of("batch")] == [("1", "2"), ("1", "2")]
    resolved = {event.path: (event.parent, event.field) for event in trace.of("resolve")}
    assert resolved[("users",)] == ("Query", "users")
    assert resolved[("users", 1, "posts", 0, "author", "name")] == ("User", "name")
    assert len(resolved) == 1 + 2 + 2 + 2 + 2
    assert (trace.calls, trace.cached, trace.lost) == (3, False, 0)


def test_steps_lie_within_the_steps_they_are_part_of() -> None:
    trace = _trace()
    (execute,) = trace.of("execute")
    (parse,), (validate,) = trace.of("parse"), trace.of("validate")
    assert trace.began <= parse.start <= parse.end <= validate.start <= validate.end <= execute.start
    for event in (*trace.of("resolve"), *trace.of("batch"), *trace.of("call")):
        assert execute.start <= event.start <= event.end <= execute.end
    for call, batch in zip(trace.of("call")[1:], trace.of("batch"), strict=True):
        assert batch.start <= call.start <= call.end <= batch.end


def test_n_plus_one_is_seen_as_calls() -> None:
    query = {"query": "{ users { posts { author { name } } } }"}
    assert (_trace(query, batching=False).calls, _trace(query).calls) == (121, 3)


def test_what_fails_is_marked() -> None:
    failed = [event.path for event in _trace({"query": "{ trouble { fine nullable } }"}).events if event.failed]
    assert failed == [("trouble", "nullable")]


def test_a_known_document_is_neither_parsed_nor_validated() -> None:
    async def ask() -> None:
        async with serving(traces=5) as served:
            for _ in range(2):
                await served.ask(post(_NESTED))
            first, second = served.server.traces
            assert (first.cached, second.cached) == (False, True)
            assert first.of("validate") and not second.of("validate")

    asyncio.run(ask())


def test_traces_and_frames_share_one_time_axis() -> None:
    async def ask() -> None:
        capture = Capture()
        server = GraphQLServer(traces=5)
        tap = Tap("127.0.0.1", await server.start(), capture)
        port = await tap.start()
        peers = [Peer(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(2)]
        for _ in range(2):
            for peer in peers:
                await peer.say(post(_NESTED))
        for number, connection in enumerate(capture.connections, 1):
            request, answer = (
                [segment.at for segment in connection.segments if segment.side is side][-1]
                for side in (Side.CLIENT, Side.SERVER)
            )
            trace = server.traces.find(connection=number, order=2)
            start, end = (at - capture.began for at in (trace.began, trace.events[-1].end))
            assert request <= start <= end <= answer
        for peer in peers:
            peer.writer.close()
        await tap.stop()
        await server.stop()

    asyncio.run(ask())


def test_in_a_repeatable_run_a_trace_is_the_same_each_time() -> None:
    before = repeat.switch(7)
    try:
        assert _trace().events == _trace().events
    finally:
        repeat.switch(before)


def test_without_traces_nothing_is_noted_or_said() -> None:
    async def ask() -> None:
        async with serving() as served:
            answer = await served.ask(post(_NESTED))
            assert "trace-id" not in answer.fields and len(served.server.traces) == 0

    asyncio.run(ask())


def test_the_ring_keeps_the_newest_and_a_trace_its_first_events() -> None:
    traces = Traces(2)
    for name in "abc":
        traces.begin(name)
    assert [trace.request for trace in traces] == ["b", "c"]
    with pytest.raises(LookupError, match="fell out"):
        traces.find(number=1)
    trace = traces[0]
    for _ in range(6000):
        trace.add("call", 0.0)
    assert (len(trace.events), trace.lost) == (5000, 1000)
