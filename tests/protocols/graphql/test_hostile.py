"""Bytes that mean harm: none is answered with a 500, none leaves anything behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.protocols.graphql.limits import Limits
from tests.protocols.graphql.wire import JSON, RESPONSE, get, message, post, serving


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BAD_JSON"),
        (b"\xff\xfe{}", "BAD_JSON"),
        (b"[" * 50_000, "BAD_JSON"),
        (b'{"query":"{ hello }","variables":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}", "BAD_JSON"),
        (b'{"query":"{ hello }","variables":{"n":' + b"9" * 5000 + b"}}", "BAD_JSON"),
        (b'{"query":"{ hello }","variables":{"n":1e999}}', "BAD_JSON"),  # which JSON could not say again
        (b'{"query":"{ hello }","variables":{"n":' + b"[" * 201 + b"]" * 201 + b"}}", "BAD_JSON"),
        (b'{"query":"{ hello }","variables":{"n":NaN}}', "BAD_JSON"),
        (b'{"query":"{ hello }","variables":{"n":-Infinity}}', "BAD_JSON"),
        (b'{"query":"{ hello }","query":"{ users { id } }"}', "BAD_JSON"),
        (b'{"query":"{ hello }","variables":{"n":"\\ud800"}}', "BAD_JSON"),
        (b'{"query":"{ hello }"} {"query":"{ hello }"}', "BAD_JSON"),
        (b'"{ hello }"', "BAD_REQUEST"),
        (b"null", "BAD_REQUEST"),
        (b'{"query":null}', "BAD_REQUEST"),
        (b'{"extensions":{"persistedQuery":null}}', "BAD_REQUEST"),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_json_that_is_none_or_not_clear_is_refused(body: bytes, code: str) -> None:
    async def ask() -> None:
        async with serving() as served:
            answer = await served.ask(post(body))
            assert (answer.status, answer.codes) == (400, [code])

    asyncio.run(ask())


def test_a_byte_order_mark_and_whole_surrogate_pairs_do_no_harm() -> None:
    body = b'\xef\xbb\xbf{"query":"query($n: String) { hello(name: $n) }","variables":{"n":"\\ud83d\\ude00"}}'

    async def ask() -> None:
        async with serving() as served:
            assert (await served.ask(post(body))).json == {"data": {"hello": "Hello, \N{GRINNING FACE}!"}}

    asyncio.run(ask())


def test_a_malformed_member_is_named_with_its_place_in_a_batch() -> None:
    async def ask() -> Any:
        async with serving() as served:
            return (await served.ask(post([{"query": "{ hello }"}, {"query": 7}, 8]))).json

    first, second, third = asyncio.run(ask())
    assert first == {"data": {"hello": "Hello, world!"}}
    assert second["errors"][0]["extensions"] == {"code": "BAD_REQUEST", "at": [1, "query"]}
    assert third["errors"][0]["extensions"] == {"code": "BAD_REQUEST", "at": [2]}


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["{ hello }", "query A { hello }"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["query", "operationName", "variables", "extensions", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def test_no_json_at_all_makes_the_server_fail() -> None:
    async def ask_all() -> None:
        async with serving() as served, served.connect() as peer:

            async def one(body: bytes) -> int:
                return (await peer.say(post(body, JSON))).status

            loop = asyncio.get_running_loop()

            @settings(max_examples=150, deadline=None)
            @given(st.binary(max_size=60) | _VALUES.map(lambda value: json.dumps(value).encode()))
            def look(body: bytes) -> None:
                status = asyncio.run_coroutine_threadsafe(one(body), loop).result(10)
                assert status in (200, 400)

            await asyncio.to_thread(look)

    asyncio.run(ask_all())


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",  # no Host
        b"GET /graphql?query={hello} HTTP/1.1\r\nHost: x\r\nOrigin: http://[\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /graphql?query=%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /graphql?query=" + bytes(range(0x80, 0xFF)) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_broken_http_is_refused_or_closed_upon_and_harms_nobody_else(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask() -> None:
        async with serving() as served:
            async with served.connect() as peer:
                try:
                    answer = await peer.say(data)
                except (asyncio.IncompleteReadError, ConnectionResetError):
                    pass
                else:
                    assert answer.status < 500
            assert (await served.ask(post({"query": "{ hello }"}))).status == 200

    asyncio.run(ask())
    assert not [record for record in caplog.records if record.exc_info]


def test_a_body_without_end_is_cut_off() -> None:
    async def ask() -> None:
        async with serving(limits=Limits(body=1000)) as served, served.connect() as peer:
            peer.writer.write(message("POST", "/graphql", {"Content-Type": JSON, "Transfer-Encoding": "chunked"}))
            for _ in range(20):
                peer.writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
            assert (await peer.hear()).status == 413
            assert await asyncio.wait_for(peer.reader.read(), 10) == b""

    asyncio.run(ask())


def test_a_body_that_is_announced_far_too_large_is_refused_before_it_comes() -> None:
    async def ask() -> None:
        async with serving() as served, served.connect() as peer:
            answer = await peer.say(message("POST", "/graphql", {"Content-Type": JSON, "Content-Length": "9" * 12}))
            assert answer.status == 413
            assert await asyncio.wait_for(peer.reader.read(), 10) == b""

    asyncio.run(ask())


def test_a_body_that_does_not_come_is_waited_for_so_long_and_no_longer() -> None:
    async def ask() -> None:
        async with serving(limits=Limits(body_seconds=0.05)) as served, served.connect() as peer:
            answer = await peer.say(message("POST", "/graphql", {"Content-Type": JSON, "Content-Length": "9"}))
            assert (answer.status, answer.fields["connection"]) == (408, "close")
            assert await asyncio.wait_for(peer.reader.read(), 10) == b""

    asyncio.run(ask())


def test_a_request_that_takes_too_long_is_stopped() -> None:
    async def ask(profile: str) -> tuple[int, list[str]]:
        async with serving(limits=Limits(seconds=0.05), profile=profile) as served:
            answer = await served.ask(post({"query": "{ trouble { slow(seconds: 9) } }"}))
            return answer.status, answer.codes

    assert asyncio.run(ask("2023")) == asyncio.run(ask("draft")) == (503, ["TIMEOUT"])


async def _until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody signals that
            await asyncio.sleep(0)


def test_who_leaves_is_not_worked_for_any_more() -> None:
    async def ask() -> None:
        async with serving() as served:
            async with served.connect() as peer:
                peer.writer.write(post({"query": "{ trouble { slow(seconds: 10) } }"}))
                await _until(lambda: served.server.running)
            await _until(lambda: not served.server.running)

    asyncio.run(ask())


def test_a_mutation_is_finished_although_its_client_left() -> None:
    async def ask() -> None:
        async with serving() as served:
            served.server.store.delay = 0.05
            async with served.connect() as peer:
                peer.writer.write(post({"query": 'mutation { createPost(input: {title: "x"}) { author { name } } }'}))
                await _until(lambda: served.server.running)
            await _until(lambda: not served.server.running)
            assert served.server.store.calls["users_by_id"] == 1  # it came to the end of what was asked

    asyncio.run(ask())


def test_stop_answers_what_runs_and_closes_what_is_open() -> None:
    async def ask() -> None:
        async with serving() as served, served.connect() as peer, served.connect() as idle:
            peer.writer.write(post({"query": "{ trouble { slow(seconds: 10) } }"}))
            await _until(lambda: served.server.running)
            await served.server.stop()
            answer = await peer.hear()
            assert (answer.status, answer.codes) == (503, ["STOPPED"])
            assert await asyncio.wait_for(idle.reader.read(), 10) == b""
            assert not served.server.serving

    asyncio.run(ask())


def test_six_hundred_different_requests_leave_as_much_as_the_bounds_allow() -> None:
    async def ask() -> None:
        async with serving(limits=Limits(documents=50), traces=20) as served, served.connect() as peer:
            for turn in range(300):
                await peer.say(post({"query": f"{{ a{turn}: hello }}"}))
                await peer.say(get(RESPONSE, query=f"{{ b{turn}: hello"), "GET")
            assert served.server.engine.known == 50
            assert len(served.server.traces) == 20
            assert not served.server.running

    asyncio.run(ask())


def test_what_fails_in_the_server_itself_is_told_without_its_reason(capfd: pytest.CaptureFixture[str]) -> None:
    async def ask() -> None:
        async with serving() as served, served.connect() as peer:

            def fail(trace: object) -> None:
                raise RuntimeError("hunter2")

            served.server.engine.context_factory = fail
            answer = await peer.say(post({"query": "{ hello }"}))
            assert (answer.status, answer.json["errors"][0]["message"]) == (500, "Internal server error")
            assert "hunter2" in repr(served.server.log)
            assert (await peer.say(get(query="{"), "GET")).status == 400  # and the connection lives on

    asyncio.run(ask())
    assert capfd.readouterr() == ("", "")


def test_a_connection_outlives_a_body_too_large_and_requests_said_at_once_are_answered_in_order() -> None:
    async def ask() -> None:
        async with serving(limits=Limits(body=1000)) as served, served.connect() as peer:
            assert (await peer.say(post({"query": "{ hello }", "pad": "x" * 1000}))).status == 413
            names = ("Ada", "Alan", "Grace")
            peer.writer.write(b"".join(post({"query": f'{{ hello(name: "{name}") }}'}) for name in names))
            assert [(await peer.hear()).json["data"]["hello"] for _ in names] == [f"Hello, {name}!" for name in names]

    asyncio.run(ask())
