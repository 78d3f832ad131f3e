"""How a command that runs until it is told to stop is told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopped() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, so that the block can end in order. A second one ends the process at once.

    A signal that this process was told to ignore, as a shell does for jobs in the background, stays ignored.
    """
    event = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def restore() -> None:
        for number in heard:
            signal.signal(number, before[number])

    def hear(number: int, frame: object) -> None:
        event.set()
        restore()

    for number in heard:
        signal.signal(number, hear)
    try:
        yield event
    finally:
        restore()
