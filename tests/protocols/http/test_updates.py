"""UpdatesServer over HTTP, asked by our client, by http.client, and by readers that go away."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from protolab import lab, repeat, show
from protolab.protocols import http as protocol

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()
    repeat.switch(None)


def ask(url: str, query: str = "", method: str = "GET") -> tuple[int, dict[str, str], str]:
    """What the standard library's client makes of the server: status, headers, body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, f"/updates{query}")
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def test_a_poll_brings_what_is_new_and_204_when_nothing_is() -> None:
    server = protocol.UpdatesServer()
    handle = lab.start(server)
    assert ask(handle.url)[0] == 204
    for text in ("one", "zwei 😀"):
        lab.run(server.publish(text))
    assert ask(handle.url)[2] == "one\nzwei 😀\n"
    status, headers, body = ask(handle.url, "?since=1")
    assert (status, body) == (200, "zwei 😀\n")
    assert headers["Content-Type"] == "application/x-ndjson"
    assert headers["Content-Length"] == str(len(body.encode()))
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers and "Etag" not in headers
    assert "Date" in headers  # RFC 9110 section 6.6.1
    status, headers, body = ask(handle.url, "?since=2")
    assert (status, body) == (204, "")
    assert "Content-Length" not in headers  # RFC 9110 section 8.6: not in a 204


def test_a_repeatable_run_says_no_date() -> None:
    lab.repeatable()
    assert "Date" not in ask(lab.start(protocol.UpdatesServer()).url)[1]


def test_many_requests_share_one_connection() -> None:
    handle = lab.start(protocol.UpdatesServer())

    async def main() -> None:
        async with protocol.connect(handle.url, {"Accept": None, "X-More": "yes"}) as connection:
            for _ in range(3):
                assert (await connection.get("/updates")).head.status == 204

    asyncio.run(main())
    assert len(handle.capture) == 1
    asked = show.conversation(handle)[0].data
    assert b"X-More: yes\r\n" in asked and b"Accept" not in asked


def test_a_long_poll_is_held_until_there_is_news_for_every_reader() -> None:
    server = protocol.UpdatesServer()
    handle = lab.start(server)

    async def read() -> bytes:
        async with protocol.connect(handle.url) as connection:
            return (await connection.get("/updates?since=0&wait=1")).body

    async def main() -> list[bytes]:
        readers = []
        for _ in range(3):
            server.updates.awaited.clear()
            readers.append(asyncio.create_task(read()))
            await server.updates.awaited.wait()
        assert len(server.held) == 3
        await server.publish("news")
        return await asyncio.gather(*readers)

    assert lab.run(main()) == [b"news\n"] * 3
    assert not server.held


def test_a_long_poll_that_brings_nothing_is_answered_when_patience_ends() -> None:
    handle = lab.start(protocol.UpdatesServer(patience=0.01))
    assert ask(handle.url, "?since=0&wait=1")[0] == 204


def test_a_reader_that_goes_away_leaves_nothing_held() -> None:
    server = protocol.UpdatesServer()
    handle = lab.start(server, tap=False)

    async def main() -> None:
        async with protocol.connect(handle.url) as connection:
            asking = asyncio.create_task(connection.get("/updates?since=0&wait=1"))
            await server.updates.awaited.wait()
            asking.cancel()
        done, late = await asyncio.wait(server.held, timeout=5)
        assert done and not late
        assert not server.held

    lab.run(main())


def test_a_server_that_stops_answers_whom_it_holds() -> None:
    server = protocol.UpdatesServer()
    handle = lab.start(server)

    async def main() -> int:
        async with protocol.connect(handle.url) as connection:
            asking = asyncio.create_task(connection.get("/updates?since=0&wait=1"))
            await server.updates.awaited.wait()
            await server.stop()
            return (await asking).head.status

    assert lab.run(main()) == 204
    assert not server.serving


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "²", "9" * 30, "%0A"])
def test_a_since_that_is_no_number_is_refused(since: str) -> None:
    handle = lab.start(protocol.UpdatesServer())
    target = since if since.isascii() else "%C2%B2"
    status, headers, body = ask(handle.url, f"?since={target}")
    assert (status, headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert "is not a number" in body
    assert "400 GET" in repr(handle.log)


@pytest.mark.parametrize("wait", ["", "&wait=1"])
def test_who_asks_for_what_is_forgotten_is_told_so(wait: str) -> None:
    server = protocol.UpdatesServer(keep=1)
    handle = lab.start(server)
    for text in ("one", "two"):
        lab.run(server.publish(text))
    status, _, body = ask(handle.url, f"?since=0{wait}")
    assert status == 410
    assert body == "updates before number 2 are forgotten: begin again with what there is now\n"


def test_nothing_is_printed_when_requests_fail(capfd: pytest.CaptureFixture[str]) -> None:
    handle = lab.start(protocol.UpdatesServer())
    assert ask(handle.url, method="POST")[0] == 405
    assert ask(handle.url, "?since=x")[0] == 400
    assert capfd.readouterr() == ("", "")
