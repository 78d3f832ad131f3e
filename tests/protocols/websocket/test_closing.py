"""The closing story, told from live conversations: our words against what the `websockets` library reports."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

from protolab import lab, show, websocket
from protolab.fields import Side
from protolab.protocols.websocket.closing import Ending
from protolab.wire.websocket_frames import Frame


def story(server: lab.Handle) -> Ending:
    return websocket.ending(show.conversation(server))


@pytest.fixture
def server() -> lab.Handle:
    with lab.start(websocket.EchoServer(), name="closing") as handle:
        yield handle


def test_the_client_closes(server: lab.Handle) -> None:
    async def talk() -> int | None:
        async with websocket.connect(server.url) as peer:
            await peer.close(4001, "done")
            return peer.close_code

    assert asyncio.run(talk()) == 4001
    end = story(server)
    assert (end.began, end.clean, end.codes) == (Side.CLIENT, True, (4001, 4001))
    assert str(end).splitlines()[:2] == [
        'The client began with Close 4001 (private: agreed between applications) "done".',
        'The server answered with Close 4001 (private: agreed between applications) "done".',
    ]
    assert {line.how for line in end.tcp} == {"FIN"}


def test_the_server_goes_away(server: lab.Handle) -> None:
    async def talk() -> int | None:
        peer = await websocket.connect(server.url)
        await asyncio.to_thread(server.stop)
        with pytest.raises(ConnectionClosed):
            await peer.recv()
        return peer.close_code

    assert asyncio.run(talk()) == 1001
    end = story(server)
    assert (end.began, end.clean, end.codes) == (Side.SERVER, True, (1001, 1001))


def test_a_close_without_a_code_is_reported_as_1005(server: lab.Handle) -> None:
    async def talk() -> Frame | None:
        async with websocket.raw_connect(server.url) as peer:
            await peer.send(Frame(8), mask=True)
            return await peer.receive()

    assert asyncio.run(talk()) == Frame(8, form=7)
    end = story(server)
    assert (end.clean, end.codes) == (True, (1005, 1005))
    assert "a Close without a code" in str(end)


def test_a_cut_wire_is_reported_as_1006(server: lab.Handle) -> None:
    async def talk() -> int | None:
        peer = await websocket.connect(server.url)
        await asyncio.to_thread(server.cut)
        with pytest.raises(ConnectionClosed):
            await peer.recv()
        return peer.close_code

    assert asyncio.run(talk()) == 1006
    end = story(server)
    assert (end.began, end.clean, end.codes) == (None, False, (1006, 1006))
    assert "without a closing handshake" in str(end)


def test_an_open_connection_says_so(server: lab.Handle) -> None:
    async def talk() -> Ending:
        async with websocket.connect(server.url) as peer:
            await peer.send("still here")
            await peer.recv()
            return story(server)

    assert asyncio.run(talk()).codes is None
