"""The lab in plain scripts: they end by themselves, at once, in peace, whatever is still open."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.lab.kernels import ROOT, refused

pytestmark = pytest.mark.live
HEAD = """
import asyncio, os, sys
from protolab import lab, websocket
async def talk(url):
    async with websocket.connect(url) as connection:
        await connection.send("Hello")
        return await connection.recv()
"""


def script(body: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HEAD + body],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": ROOT},
    )


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate("\n", timeout=30)
    return process.returncode, out, err


def test_a_script_without_asyncio_runs_and_ends() -> None:
    body = "server = lab.start(websocket.EchoServer())\nprint(lab.run(talk(server.url)), len(server.capture))"
    assert outcome(script(body)) == (0, "Hello 1\n", "")


def test_inside_asyncio_run_it_works_too() -> None:
    body = """
async def main():
    async with lab.start(websocket.EchoServer()) as server:
        print(await talk(server.url), len(server.capture))
asyncio.run(main())
"""
    assert outcome(script(body)) == (0, "Hello 1\n", "")


def test_a_script_that_ends_says_goodbye_to_who_is_connected() -> None:
    process = script("print(lab.start(websocket.EchoServer()).url, flush=True)\nsys.stdin.readline()")
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with connect(url, proxy=None) as client:
        client.send("Hello")
        assert client.recv(timeout=30) == "Hello"
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=30)
        assert client.close_code == 1001
    assert outcome(process) == (0, "", "")
    assert refused(url)


def test_a_script_that_fails_ends_with_its_own_error_alone() -> None:
    code, out, err = outcome(script("lab.start(websocket.EchoServer())\nlab.run(websocket.connect(lab.servers()[0].url))\n1 / 0"))
    assert (code, out) == (1, "")
    assert err.startswith("Traceback") and err.endswith("ZeroDivisionError: division by zero\n") and "Lab" not in err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_a_lab_of_its_own() -> None:
    body = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forking with threads: this is to show it is safe
parent = lab.start(websocket.EchoServer())
child = os.fork()
if child:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), lab.run(talk(parent.url)))
else:
    print(lab.servers(), lab.run(talk(lab.start(websocket.EchoServer()).url)), flush=True)
"""
    assert outcome(script(body)) == (0, "[] Hello\n0 Hello\n", "")
