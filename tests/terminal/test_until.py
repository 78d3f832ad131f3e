"""How a command is told to stop: once in order, and at once by whom that takes too long."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

TWICE = """
import signal
from protolab.terminal import until
until.ECHO = {echo}
with until.stopped() as told:
    signal.raise_signal(signal.{name})
    assert told.is_set()
    signal.raise_signal(signal.{name})
print("in order")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(("echo", "said"), [(60, "in order\n"), (0, "")])
def test_an_echo_of_a_signal_is_the_same_one_and_a_later_one_ends_at_once(name: str, echo: float, said: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", TWICE.format(echo=echo, name=name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout == said, run.stderr
    assert (run.returncode == 0) is bool(said)
    if not said and name == "SIGTERM":
        assert run.returncode == -signal.SIGTERM
