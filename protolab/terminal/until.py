"""How a command that runs until it is told to stop is told."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

ECHO = 0.5  # seconds in which a signal that comes again is the same: timeout(1) tells the process, then its group


@contextmanager
def stopped() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, so that the block can end in order. A second one, later than an echo
    of the first, ends the process at once.

    A signal that this process was told to ignore, as a shell does for jobs in the background, stays ignored.
    """
    event = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def restore() -> None:
        for number in heard:
            signal.signal(number, before[number])

    came: list[float] = []  # when each did

    def hear(number: int, frame: object) -> None:
        event.set()
        came.append(time.monotonic())
        if came[1:] and came[-1] - came[0] >= ECHO:
            restore()
            signal.raise_signal(number)

    for number in heard:
        signal.signal(number, hear)
    try:
        yield event
    finally:
        restore()
