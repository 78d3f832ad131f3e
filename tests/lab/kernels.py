"""A real kernel, and what a test wants of it: run cells, know what they printed, see the process and its ports."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

SOON = 30
ROOT = str(Path(__file__).parents[2])
IMPORTS = "from protolab import lab, websocket\nimport asyncio, socket, threading"


class Kernel:
    """A kernel of this interpreter. `said` is everything that any of its cells or threads ever printed."""

    def __init__(self) -> None:
        self.manager = KernelManager()
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager._kernel_spec = KernelSpec(argv=command, language="python", interrupt_mode="signal")
        self.manager.start_kernel(cwd=ROOT, env=os.environ | {"PYTHONPATH": ROOT})
        self.ready()

    def ready(self) -> None:
        """Talk to the kernel process that there is now, which a restart has made."""
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SOON)
        self.process = psutil.Process(self.manager.provisioner.process.pid)  # type: ignore[union-attr]
        self.said = ""
        assert self.run(IMPORTS) == ""
        self.own_ports = self.ports()

    def run(self, code: str) -> str:
        """Run a cell, and return what it printed and its last value. A cell that fails is an AssertionError."""
        number, before = self.begin(code), len(self.said)
        reply = self.finish(number)
        assert reply["status"] == "ok", "\n".join(reply.get("traceback", [reply["status"]]))
        return self.said[before:]

    def begin(self, code: str) -> str:
        """Start a cell, and return the number by which `finish` knows it."""
        return str(self.client.execute(code))

    def finish(self, number: str) -> dict[str, Any]:
        """Wait for a cell to end, and return its reply."""
        while True:
            message = self.client.get_iopub_msg(timeout=SOON)
            content = message["content"]
            if message["msg_type"] == "stream":
                self.said += content["text"]
            elif message["msg_type"] == "execute_result":
                self.said += content["data"]["text/plain"]
            elif (message["msg_type"], content.get("execution_state")) == ("status", "idle") and (
                message["parent_header"].get("msg_id") == number
            ):
                break
        while True:
            reply = self.client.get_shell_msg(timeout=SOON)
            if reply["parent_header"].get("msg_id") == number:
                return dict(reply["content"])

    def ports(self) -> set[int]:
        """The TCP ports that the kernel listens on."""
        found = self.process.net_connections(kind="tcp")
        return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextmanager
def bell() -> Iterator[tuple[str, socket.socket]]:
    """A way for a cell to say that it has come to a point, and to wait there.

    Gives code for the cell, which connects and blocks until the test hangs up, and the listener to accept its call on.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SOON)
        yield f"socket.create_connection({listener.getsockname()})", listener


def refused(url: str) -> bool:
    """Whether nobody listens at `url`; waits a moment for a process that is just ending."""
    where = urlsplit(url)
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        try:
            with socket.create_connection((where.hostname, where.port), SOON) as peer:
                peer.recv(1)  # until whoever still listens is gone
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass
    return False
