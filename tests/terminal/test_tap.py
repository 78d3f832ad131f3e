"""`protolab tap`."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess

import pytest
from websockets.asyncio.client import connect

from protolab import lab, websocket
from protolab.capture import files
from protolab.errors import LabError
from protolab.fields import Side
from protolab.terminal.tap import target_of
from tests.terminal.typed import running, typed
from tests.tools import need


@pytest.fixture
def echo():
    with lab.start(websocket.EchoServer(), tap=False) as server:
        yield server


async def say(url: str, *messages: str) -> None:
    async with connect(url, proxy=None, compression=None) as connection:
        for message in messages:
            await connection.send(message)
            assert await connection.recv() == message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("localhost:8765", ("localhost", 8765, "{}")),
        ("8765", ("127.0.0.1", 8765, "{}")),
        (":8765", ("127.0.0.1", 8765, "{}")),
        ("[::1]:80", ("::1", 80, "{}")),
        ("ws://lab.local/chat?room=a", ("lab.local", 80, "ws://{}/chat?room=a")),
        ("https://lab.local", ("lab.local", 443, "https://{}")),
        ("http://[::1]:8080/", ("::1", 8080, "http://{}/")),
    ],
)
def test_a_target_is_an_address_a_port_or_a_url(text, meant):
    assert target_of(text) == meant


@pytest.mark.parametrize(
    "text", ["", "localhost", "localhost:", "http://", "ftp://lab.local", "a:b", "localhost:99999", "http://x:0x/", "0"]
)
def test_what_names_no_service_is_refused_with_a_remedy(text):
    with pytest.raises(LabError) as refused:
        target_of(text)
    assert refused.value.remedy


def test_the_ladder_grows_as_they_speak_and_is_saved_at_the_end(echo, tmp_path):
    with running("tap", echo.url, "--save", "talk.jsonl", cwd=tmp_path) as tap:
        url = tap.line(r"Connect your client to (ws://127\.0\.0\.1:\d+/)")[1]
        asyncio.run(say(url, "Hello"))
        tap.line(r"^   1      0 .* GET / HTTP/1\.1 ─+→ +\d+$")
        tap.line(r"^   1      1 .* ←─+ HTTP/1\.1 101 Switching Protocols")
        tap.line(r'^   1      2 .* text "Hello" ─+→ +11$')
        tap.line(r'^   1      3 .* ←─+ text "Hello" +7$')
        asyncio.run(say(url, "again"))
        tap.line(r'^   2      2 .* text "again" ─')
        assert tap.end(signal.SIGINT) == 0
    assert "2 connections, " in tap.output
    assert "protolab show talk.jsonl" in tap.output
    assert [connection.size(Side.SERVER) > 100 for connection in files.load(tmp_path / "talk.jsonl")] == [True, True]
    shown = typed("show", str(tmp_path / "talk.jsonl"))
    assert 'text "again"' in shown.stdout


def test_it_saves_pcapng_that_tshark_reads(echo, tmp_path):
    tshark = need("tshark")
    with running("tap", echo.url, "--save", "talk.pcapng", cwd=tmp_path) as tap:
        asyncio.run(say(tap.line(r"Connect your client to (\S+)")[1], "Hello"))
        tap.line(r"←─+ close 1000")
        assert tap.end(signal.SIGTERM) == 0
    command = [tshark, "-r", str(tmp_path / "talk.pcapng"), "-Y", "websocket", "-T", "fields", "-e", "websocket.opcode"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.split() == ["1", "1", "8", "8"]


def test_bytes_of_no_known_protocol_are_shown_when_the_tap_ends(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server, running("tap", str(server.getsockname()[1])) as tap:
        port = int(tap.line(r"Connect your client to 127\.0\.0\.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            peer, _ = server.accept()
            with peer:
                client.sendall(b"\x00\x01\x02")
                assert peer.recv(10) == b"\x00\x01\x02"
                assert tap.end() == 0
    assert " 3 bytes ─" in tap.output
    assert "broke off" not in tap.output  # it was the tap that ended


def test_a_target_that_is_not_there_is_said_and_the_tap_goes_on(echo):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with running("tap", str(port)) as tap:
        address = tap.line(r"Connect your client to 127\.0\.0\.1:(\d+)")[1]
        for _ in range(2):
            with (
                pytest.raises(ConnectionResetError),  # as soon as it connects, or a moment later
                socket.create_connection(("127.0.0.1", int(address)), timeout=10) as client,
            ):
                client.recv(1)
            tap.line(f"no server at 127.0.0.1:{port}.*start the server, or check the address")
        assert tap.end() == 0


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    (tmp_path / "old").write_text("precious")
    result = typed("tap", "8765", "--save", str(tmp_path / "old"))
    assert result.exit_code == 1
    assert "is there already" in result.stderr
    assert (tmp_path / "old").read_text() == "precious"


def test_a_folder_that_is_not_there_is_said_before_anything_is_recorded(tmp_path):
    result = typed("tap", "8765", "--save", str(tmp_path / "no" / "talk.jsonl"))
    assert result.exit_code == 1
    assert "There is no folder" in result.stderr


def test_a_port_in_use_is_said_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = typed("tap", "8765", "--listen", str(port))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"protolab: The tap cannot listen on port {port}: Address already in use.",
        "Leave --listen out to have a free port found.",
    ]


def test_tls_is_said_to_hide_what_is_said(echo):
    port = echo.url.rsplit(":", 1)[1].strip("/")
    with running("tap", f"wss://127.0.0.1:{port}/") as tap:
        tap.line("TLS hides what is said")
        assert tap.end() == 0
