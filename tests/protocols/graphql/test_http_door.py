"""The short way of a query into the server: it is refused, broken off and waited for as by the long one."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from protolab.protocols.graphql import door
from protolab.protocols.graphql.patience import Patience
from tests.protocols.graphql.wire import get, message, post, serving

HELLO = {"query": "{ hello }"}


def test_a_connection_that_asks_nothing_is_closed_and_one_that_asks_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_IDLE", 0.5)

    async def ask() -> None:
        async with serving() as served, served.connect() as idle, served.connect() as half, served.connect() as busy:
            half.writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\n")  # and no end of the head
            closed = asyncio.gather(idle.reader.read(), half.reader.read())
            while not closed.done():
                assert (await busy.say(post(HELLO))).status == 200
            assert await closed == [b"", b""]
            assert (await busy.say(get(query="{ hello }"))).status == 200

    asyncio.run(ask())


def test_nobody_who_is_gone_is_waited_for() -> None:
    async def ask() -> None:
        async with serving() as served:
            for data in (b"", b"POST /gra", message("POST", "/graphql", {"Content-Length": "9"}), post(HELLO)):
                async with served.connect() as peer:
                    peer.writer.write(data)
                    await peer.writer.drain()
            http: Any = served.server._http
            async with asyncio.timeout(10):
                while http._connections or len(http._idle) or len(served.server.bodies):  # noqa: ASYNC110
                    await asyncio.sleep(0)
        assert http._idle._timer is None and served.server.bodies._timer is None

    asyncio.run(ask())


@pytest.mark.parametrize("data", [post(HELLO), get(query="{ hello }")])
def test_what_goes_wrong_in_the_server_is_said_in_a_graphql_error_and_logged(data: bytes) -> None:
    async def ask() -> None:
        async with serving() as served:

            def broken(trace: object) -> None:
                raise RuntimeError("no context")

            served.server.engine.context_factory = broken
            async with served.connect() as peer:
                for _ in range(2):  # on one connection, which lives
                    answer = await peer.say(data)
                    assert (answer.status, answer.codes) == (500, ["HTTP_500"])
                    assert b"no context" not in answer.body
            assert any("no context" in line for line in map(str, served.server.log))

    asyncio.run(ask())


@pytest.mark.parametrize(
    "fields",
    [{}, {"Connection": "close"}, {"Connection": "keep-alive"}, {"Accept": "text/html"}, {"Origin": "http://other"}],
)
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_the_short_way_and_the_long_one_say_the_same_bytes(fields: dict[str, str], version: str) -> None:
    async def ask(target: str) -> bytes:
        async with serving() as served, served.connect() as peer:
            for more in (fields, {**fields, "Connection": "close"}):
                data = message("POST", target, {"Content-Type": "application/json", **more}, b'{"query": "{ hello }"}')
                peer.writer.write(data.replace(b"HTTP/1.1", version.encode()))
            said = await asyncio.wait_for(peer.reader.read(), 10)
            return re.sub(rb"Date: .{29}", b"Date", said)

    short, long = asyncio.run(ask("/graphql")), asyncio.run(ask("/graphql?"))
    assert short.startswith(b"HTTP/1.1 ") and short.replace(b"/graphql?", b"/graphql") == long


def test_the_form_of_a_target_that_proxies_get_is_taken_too() -> None:
    async def ask() -> None:
        async with serving() as served:
            for target in ("http://lab.local/graphql", "HTTP://lab.local:80/graphql"):
                data = message("POST", target, {"Content-Type": "application/json"}, b'{"query": "{ hello }"}')
                assert (await served.ask(data)).status == 200

    asyncio.run(ask())


def test_who_waits_is_called_late_once_and_who_came_in_time_never() -> None:
    async def wait() -> None:
        late: list[str] = []
        last = asyncio.Event()
        patience = Patience[str](0.02, lambda who: (late.append(who), who == "last" and last.set()))
        for who in ("first", "in time", "second"):
            patience.begin(who)
        patience.end("in time")
        patience.end("never began")
        await asyncio.sleep(0)
        patience.begin("last")
        await asyncio.wait_for(last.wait(), 10)
        assert late == ["first", "second", "last"] and len(patience) == 0 and patience._timer is None
        patience.begin("stopped")
        patience.stop()
        assert len(patience) == 0 and patience._timer is None

    asyncio.run(wait())
