"""What checks look at: the conversations that the lab recorded, by the names of its servers."""

from __future__ import annotations

import asyncio

import pytest

from protolab import lab, websocket
from protolab.fields import Side
from protolab.lesson import Missing, Seen
from protolab.lesson.evidence import Stumbled


@pytest.fixture
def echo():
    server = lab.start(websocket.EchoServer())

    async def talk():
        async with websocket.connect(server.url) as client:
            await client.send("Hello")
            await client.recv()
        async with websocket.raw_connect(server.url) as peer:
            await peer.send(websocket.Frame(1, b"Hi").encode())  # no mask: a broken rule
            await peer.receive()

    asyncio.run(talk())
    yield server
    lab.stop()


def test_units_are_found_by_server_conversation_side_and_kind(echo):
    seen = Seen()
    assert seen.server("echo") is echo and seen.capture("echo") is echo.capture
    assert len(seen.conversations("echo")) == 2
    assert seen.unit("echo", 0).kind == "request head"
    assert seen.unit("echo", 0, side=Side.CLIENT, kind="frame").title == 'text "Hello"'
    assert seen.unit("echo", 0, -1, side=Side.SERVER).title.startswith("close 1000")
    assert [unit.side for unit in seen.units("echo", 0, kind="frame")][:2] == [Side.CLIENT, Side.SERVER]
    assert len(seen.units("echo")) == sum(map(len, seen.conversations("echo")))


def test_a_handle_and_a_capture_do_as_well_as_a_name_also_when_the_server_has_stopped(echo):
    seen = Seen()
    echo.stop()
    assert seen.unit(echo, 0).data == seen.unit(echo.capture, 0).data
    with pytest.raises(Missing, match="No server called 'echo' is running"):
        seen.unit("echo")


def test_broken_rules_are_evidence(echo):
    (found,) = Seen().findings("echo")
    assert found[1].rule.id in websocket.RULES and found[1].side is Side.CLIENT
    assert Seen().findings("echo", 0) == []


def test_what_was_not_recorded_yet_is_missing(echo):
    for look in (
        lambda: Seen().unit("echo", 2),
        lambda: Seen().unit("echo", 0, 99),
        lambda: Seen().findings("echo", 5),
    ):
        with pytest.raises(Missing, match="run the cells above"):
            look()


def test_a_learners_function_is_called_with_copies_and_its_errors_are_told_with_the_call():
    given = bytearray(b"ab")
    assert Seen().call(lambda data: data.pop(), given) == ord("b")
    assert given == b"ab"
    with pytest.raises(Stumbled) as caught:
        Seen().call(given.index, b"zz" * 40)
    assert caught.value.call.startswith("index(b'zzzz") and len(caught.value.call) < 60
    assert isinstance(caught.value.error, ValueError)
