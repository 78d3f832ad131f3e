"""`protolab serve`."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from protolab.protocols import cards
from tests.terminal.typed import running, typed


def test_without_a_name_it_lists_every_server_of_every_card():
    result = typed("serve")
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert listed == [name for card in cards() for name in card.servers]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_then_says_goodbye(number):
    async def talk(url, server):
        async with connect(url, proxy=None) as connection:
            await connection.send("Hello")
            assert await connection.recv() == "Hello"
            ended = asyncio.get_running_loop().run_in_executor(None, server.end, number)
            with pytest.raises(ConnectionClosed) as closed:
                await connection.recv()
            assert closed.value.rcvd.code == 1001
            assert await ended == 0

    with running("serve", "echo") as server:
        url = server.line(r"^ws://127\.0\.0\.1:\d+/$")[0]
        asyncio.run(talk(url, server))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/"))), timeout=5)


def test_verbose_prints_what_the_server_logs():
    async def spoil(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: lab.local\r\n\r\n")
        await reader.read()
        writer.close()

    with running("serve", "echo", "--verbose") as server:
        port = int(server.line(r"^ws://127\.0\.0\.1:(\d+)/$")[1])
        asyncio.run(spoil(port))
        server.line("(?i)handshake|upgrade|connection")
        assert server.end() == 0


def test_a_port_in_use_is_said_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = typed("serve", "echo", "--port", str(port))
    assert result.exit_code == 1
    assert f"Port {port} on 127.0.0.1 is in use" in result.stderr


def test_an_address_of_another_machine_is_said_with_what_to_do():
    result = typed("serve", "echo", "--host", "192.0.2.1")
    assert result.exit_code == 1
    assert "192.0.2.1" in result.stderr and "127.0.0.1" in result.stderr


def test_a_name_almost_right_brings_a_guess():
    result = typed("serve", "ehco")
    assert result.exit_code == 1
    assert "Did you mean echo?" in result.stderr
