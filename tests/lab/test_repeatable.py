"""Repeatable runs: the same bytes each time, nothing shown that a machine decides, and real chance otherwise."""

from __future__ import annotations

import asyncio

import pytest

from protolab import lab, repeat, websocket
from protolab.fields import Side

pytestmark = pytest.mark.live


async def talk() -> list[bytes]:
    """The bytes of both sides of two conversations."""
    server = lab.start(websocket.EchoServer())
    for _ in range(2):
        async with websocket.connect(server.url) as connection:
            await connection.send("Hello")
            await connection.recv()
            await (await connection.ping())
    return [connection.read(side) for connection in server.capture.connections for side in Side]


def test_a_repeatable_run_says_the_same_bytes_again_and_each_connection_has_keys_of_its_own() -> None:
    with lab.repeatable():
        first = asyncio.run(talk())
    with lab.repeatable():
        again = asyncio.run(talk())
    with lab.repeatable(seed=1):
        other = asyncio.run(talk())
    assert first == again != other
    assert first[0] != first[2]
    assert b"Host: lab.local\r\n" in first[0]


def test_without_it_keys_come_from_chance_and_the_host_is_the_real_one() -> None:
    first, again = asyncio.run(talk()), asyncio.run(talk())
    assert all(one != two for one, two in zip(first, again, strict=True))
    assert b"Host: 127.0.0.1:" in first[0]


def test_as_a_statement_it_holds_from_here_on_also_for_servers_that_run() -> None:
    server = lab.start(websocket.EchoServer())
    assert not server.capture.logical
    assert repr(lab.repeatable(7)) == "<repeatable runs, seed 7>"
    assert repeat.on()
    assert server.capture.logical
    assert repr(server) == "<echo server, running>"
    assert lab.start(websocket.EchoServer()).capture.logical


def test_a_block_gives_back_what_was_before() -> None:
    lab.repeatable(3)
    with lab.repeatable(4):
        pass
    assert repeat.switch(None) == 3
