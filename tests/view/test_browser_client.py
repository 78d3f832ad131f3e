"""What the browser client tells its JavaScript, and what stands there without widgets; the browser itself is in tests/browser."""

from __future__ import annotations

import asyncio

import pytest

from protolab import lab, show, sse, websocket
from protolab.errors import LabError
from protolab.view.widget import VIEW
from tests.view.build import Page


@pytest.fixture
def server():
    with lab.start(websocket.EchoServer()) as server:
        yield server


async def _talk(url):
    async with websocket.connect(url) as client:
        await client.send("Hello")
        await client.recv()


def test_the_wire_is_what_the_tap_saw_of_the_newest_connection(server):
    client = show.browser_client(server)
    assert client.taps and client.ask_wire({}) == {"units": [], "left": 0, "connection": 0}
    for _ in range(2):
        asyncio.run(_talk(server.url))
    found = client.ask_wire({})
    assert found["connection"] == 2
    assert [each["side"] for each in found["units"]] == ["client", "server"] * 3
    assert found["units"][2]["title"] == 'text "Hello"'


def test_a_url_of_the_lab_has_its_tap_and_another_one_has_none(server):
    assert show.browser_client(server.url).taps
    assert not show.browser_client("ws://127.0.0.1:9/").taps
    with lab.start(websocket.EchoServer(), name="bare", tap=False) as bare:
        assert not show.browser_client(bare).taps


def test_what_the_browser_reported_is_kept_and_drawn(server):
    client = show.browser_client(server)
    data, _ = client._repr_mimebundle_()
    assert data.pop(VIEW) and "new WebSocket(url)" in data["text/plain"]
    client.ask_heard({"events": [{"what": "close", "says": 'code 1000, reason "<b>"'}]})
    assert client.events == [{"what": "close", "says": 'code 1000, reason "<b>"'}]
    for says in (str(client), Page(client.static().html()).text):
        assert 'code 1000, reason "<b>"' in says
    client.ask_heard({"events": [{"what": str(n), "says": ""} for n in range(300)]})
    assert len(client.events) == 200 and client.events[-1]["what"] == "299"
    assert repr(client) == "<browser_client widget>"


def test_a_repeatable_run_draws_no_port():
    with lab.repeatable(), lab.start(websocket.EchoServer()) as server:
        drawn = str(show.browser_client(server))
        assert "the echo server" in drawn and "127.0.0.1" not in drawn


def test_an_event_source_is_opened_where_the_url_is_http(server):
    client = show.browser_client("http://127.0.0.1:9/events", events=("update", "alert"))
    assert (client.api, client.names, client.taps) == ("EventSource", "update alert", False)
    assert "new EventSource(url)" in str(client) and client.static().json()["api"] == "EventSource"
    assert show.browser_client(server).api == "WebSocket"


def test_an_event_source_shows_the_connections_that_it_made_by_itself():
    with lab.start(sse.EventServer()) as server:
        client = show.browser_client(server)
        assert client.taps and "message" in client.names.split()
        for last in ("", "1"):
            asyncio.run(_listen(server.url, last))
        found = client.ask_wire({})
        assert found["connection"] == 2 and [each["side"] for each in found["units"]].count("client") == 2
        assert [each["of"] for each in found["units"]] == sorted(each["of"] for each in found["units"])
        assert {each["of"] for each in found["units"]} == {1, 2}


async def _listen(url, last):
    async with sse.Client(url, last_event_id=last) as client:
        await anext(aiter(client))


def test_what_no_browser_can_open_is_refused(server):
    with pytest.raises(LabError, match="neither a WebSocket nor an EventSource at 'ftp"):
        show.browser_client(server.url.replace("ws:", "ftp:"))
    with pytest.raises(LabError, match="no way to go"):
        show.browser_client(server, proxy="maybe")
