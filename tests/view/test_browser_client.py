"""What the browser client tells its JavaScript, and what stands there without widgets; the browser itself is in tests/browser."""

from __future__ import annotations

import asyncio

import pytest

from protolab import lab, show, websocket
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


def test_what_no_browser_can_open_is_refused(server):
    with pytest.raises(LabError, match="cannot open a WebSocket to 'http"):
        show.browser_client(server.url.replace("ws:", "http:"))
    with pytest.raises(LabError, match="no way to go"):
        show.browser_client(server, proxy="maybe")
