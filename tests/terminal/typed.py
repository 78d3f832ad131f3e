"""The command, as typed: run to its end in this process, or left running in one of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from protolab.cli import main

PATIENCE = 30  # seconds for a process to end when told to


def typed(*arguments: str, stdin: bytes | None = None) -> Result:
    """Run `protolab ARGUMENTS` here; the result has `exit_code`, `stdout` and `stderr`. Exceptions of ours come through."""
    result = CliRunner().invoke(main, list(arguments), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def answer(url: str) -> bytes:
    """What a server that is just starting answers: JupyterLab prints its address a moment before it listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as found:
                return bytes(found.read())
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # there is no event to wait for: the port is simply not there yet


class Running:
    """A command in a process of its own. `line(pattern)` reads its output up to the line that has the pattern."""

    def __init__(self, *arguments: str, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "protolab", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env=os.environ | {"PYTHONUTF8": "1"},
        )
        self.output = ""

    def line(self, pattern: str) -> re.Match[str]:
        """The first match in a line that is still to come; fails with all that was printed when the process ends first."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"ended with {self.process.wait()} before it printed {pattern!r}:\n{self.output}")

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal, read what is left to `output`, and return the exit code."""
        self.process.send_signal(number)
        self.output += self.process.communicate(timeout=PATIENCE)[0]
        return self.process.returncode


@contextmanager
def running(*arguments: str, cwd: Path | None = None) -> Iterator[Running]:
    """`protolab ARGUMENTS`, running, and gone at the end of the block whatever happens in it."""
    command = Running(*arguments, cwd=cwd)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.communicate()
