"""An event loop in a daemon thread of its own, and the way from any other thread into it.

A server on a kernel's own loop stands still while a cell computes, and deadlocks with a blocking client in a cell. On
this loop it does neither. A daemon thread, since at exit Python waits for all others first, and would never come to
stop this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from protolab.errors import LabError
from protolab.serve.log import Log

Result = TypeVar("Result")
_LOOK = 0.1  # how often a waiting thread looks whether the loop still lives and, on Windows, whether Ctrl-C was pressed
_FAREWELL = 1.0  # how long a cancelled coroutine may take to clean up before the thread that waits for it goes on
_AGAIN = "Run lab.stop(), then your cells again."


class Loop:
    """A running event loop in a thread called `name`. `log` holds what went wrong on it with nobody waiting."""

    def __init__(self, name: str) -> None:
        self.log = Log()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._note)
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive() and not self._loop.is_closed()

    @property
    def here(self) -> bool:
        """Whether the caller is on this loop, where waiting for it would be waiting for oneself."""
        return threading.current_thread() is self._thread

    def submit(self, awaitable: Awaitable[Result]) -> Future[Result]:
        """Begin `awaitable` as a task on the loop. Cancelling the future cancels the task; it is done when the task is.

        LabError says that the loop is dead.
        """
        outcome: _Outcome[Result] = _Outcome()
        outcome.set_running_or_notify_cancel()

        def begin() -> None:
            task = self._loop.create_task(awaitable if asyncio.iscoroutine(awaitable) else _as_coroutine(awaitable))
            outcome.stop = lambda: self._send(task.cancel)
            task.add_done_callback(outcome.take)
            if outcome.unwanted:
                task.cancel()

        if not self._send(begin):
            if asyncio.iscoroutine(awaitable):
                awaitable.close()  # else Python would warn that it was never awaited, which is not the news here
            raise LabError("The lab's event loop is dead, and its servers with it.", _AGAIN)
        return outcome

    def run(self, awaitable: Awaitable[Result], timeout: float | None = None) -> Result:
        """Run `awaitable` on the loop and wait for its result in this thread.

        An interrupt (KeyboardInterrupt) or the timeout (TimeoutError) cancels it, and leaves the loop running. LabError
        says that the loop died meanwhile, or that the caller is on it.
        """
        if self.here:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise LabError("This code already runs on the lab's event loop.", "Await the coroutine there instead.")
        outcome = self.submit(awaitable)
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while not wait([outcome], _LOOK).done:
                if not self.alive:
                    raise LabError("The lab's event loop died while this ran.", _AGAIN)
                if deadline is not None and time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {timeout:g} seconds")
        except BaseException:
            outcome.cancel()
            wait([outcome], _FAREWELL)
            raise
        try:
            return outcome.result()
        except asyncio.CancelledError:
            raise LabError("What ran on the lab's loop was cancelled.", "Run it again.") from None

    def stop(self) -> None:
        """Cancel every task, close the loop, and wait for its thread to end. Safe to call twice, and on a dead loop."""
        self._stopping = True
        self._send(self._loop.stop)
        if not self.here:
            self._thread.join(2 * _FAREWELL)

    def _send(self, call: Callable[[], object]) -> bool:
        """Have the loop make `call`; False when it is closed."""
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # closed
            return False
        return True

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._stopping:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:  # a task called exit(): that ends the task, not the lab
                self.log(f"a task raised {error!r}; the loop goes on")
        with contextlib.suppress(RuntimeError, SystemExit):  # a task stopped it again: close it with what is left
            for patience in (_FAREWELL, _FAREWELL / 2):  # who waits for a peer in its cleanup is cancelled once more
                if not (tasks := asyncio.all_tasks(self._loop)):
                    break
                for task in tasks:
                    task.cancel()
                self._loop.run_until_complete(asyncio.wait(tasks, timeout=patience))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        cause = context.get("exception")
        self.log(str(context.get("message")) + (f": {cause!r}" if cause is not None else ""))


class _Outcome(Future[Result]):
    """What a task came to, for another thread. `unwanted` is True when it was cancelled, perhaps before it began."""

    def __init__(self) -> None:
        super().__init__()
        self.unwanted = False
        self.stop: Callable[[], object] = lambda: None

    def cancel(self) -> bool:
        if self.done():
            return False
        self.unwanted = True
        self.stop()
        return True

    def take(self, task: asyncio.Task[Result]) -> None:
        if task.cancelled():
            self.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self.set_exception(error)
        else:
            self.set_result(task.result())


async def _as_coroutine(awaitable: Awaitable[Result]) -> Result:
    return await awaitable
