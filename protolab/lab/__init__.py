"""The lab: servers that run in the background, each with a tap in front that records what is said.

    server = lab.start(websocket.EchoServer())
    async with websocket.connect(server.url) as connection:
        await connection.send("Hello")
    server.capture

One event loop in one daemon thread runs every server and tap; it is made when first needed and gone when Python exits.
A cell that computes, blocks or is interrupted does not disturb it. Starting a server under a name in use stops the one
before.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Awaitable
from typing import Self, TypeVar

from protolab import repeat
from protolab.capture import Capture
from protolab.capture.model import DEFAULT_LIMIT
from protolab.errors import LabError
from protolab.lab.handle import GRACE, PATIENCE, Handle, Running
from protolab.serve import Log, Server

__all__ = ["Handle", "Repeatable", "log", "repeatable", "run", "servers", "start", "stop"]

Result = TypeVar("Result")
_lab: Running | None = None
_making = threading.Lock()


def start(
    server: Server,
    *,
    name: str | None = None,
    tap: bool = True,
    limit: int = DEFAULT_LIMIT,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Handle:
    """Run `server` in the background, by default on a port that the system picks, and return its handle.

    `name` defaults to the server's own; a server that runs under it is stopped first, so that a cell can be run again.
    With `tap` a recording relay stands in front, which keeps at most `limit` bytes. LabError says why it could not
    start.
    """
    _check(server, port)
    name = name or server.name or type(server).__name__
    handle = Handle(server, name, Capture(name, limit) if tap else None)
    lab = _open()
    try:
        lab.loop.run(handle._begin(lab, host, port), PATIENCE)
    except TimeoutError:
        raise LabError(
            f"The {name} server did not start in {PATIENCE:g} seconds.",
            "If a handler blocks (time.sleep, not await asyncio.sleep), mend it; then restart the kernel.",
        ) from None
    return handle


def run(awaitable: Awaitable[Result]) -> Result:
    """Run a coroutine on the lab's loop from ordinary code, and return what it returns. An interrupt cancels it."""
    return _open().loop.run(awaitable)


def stop() -> None:
    """Stop every server, and the loop with its thread. Starting one again makes a new loop."""
    global _lab
    with _making:
        lab, _lab = _lab, None
    if lab is None:
        return
    if lab.loop.alive:
        with contextlib.suppress(TimeoutError):  # a handler blocks the loop: nothing on it can say goodbye
            lab.loop.run(lab.close(), 4 * GRACE)
    lab.loop.stop()


def servers() -> list[Handle]:
    """The handles of the servers that run now."""
    return list(_lab.handles.values()) if _lab is not None else []


def log() -> Log:
    """What went wrong on the lab's loop where no server's log could have it."""
    return _open().loop.log


def repeatable(seed: int = 0) -> Repeatable:
    """Make what follows the same on every machine: keys and nonces from `seed`, logical times and ports where shown.

    As a statement it holds from here on; `with lab.repeatable(): ...` ends it with the block.
    """
    return Repeatable(seed)


class Repeatable:
    """Repeatable runs are on; see `repeatable`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._before = repeat.switch(seed)
        _show_logical()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        repeat.switch(self._before)
        _show_logical()

    def __repr__(self) -> str:
        return f"<repeatable runs, seed {self.seed}>"


def _check(server: object, port: int) -> None:
    """Say what was probably meant when `start` is given something that no server or port can be."""
    if isinstance(server, type) and issubclass(server, Server):
        raise LabError(f"{server.__name__} is a class, not yet a server.", f"Write lab.start({server.__name__}()).")
    if not isinstance(server, Server):
        raise LabError(f"{server!r} is not a server.", "Give lab.start one, such as websocket.EchoServer().")
    if not 0 <= port <= 65535:
        raise LabError(f"{port} is not a port.", "Pick one from 1024 to 65535, or 0 to have a free one found.")


def _open() -> Running:
    """What runs, made now if nothing does."""
    global _lab
    with _making:
        if _lab is None:
            _lab = Running()
        return _lab


def _show_logical() -> None:
    for handle in servers():
        if handle._capture is not None:
            handle._capture.logical = repeat.on()


def _forget() -> None:
    """In a forked child: the thread and the servers are the parent's."""
    global _lab, _making
    _lab, _making = None, threading.Lock()


atexit.register(stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
