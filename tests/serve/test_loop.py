"""The loop in a thread: what comes back from it, what does not stop it, and what its end looks like from outside."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from protolab.errors import LabError
from protolab.serve import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop("test loop")
    yield loop
    loop.stop()


async def give(value: int) -> int:
    return value


def test_it_gives_back_results_and_raises_errors_from_its_own_thread(loop: Loop) -> None:
    async def where() -> str:
        return threading.current_thread().name

    async def fail() -> None:
        raise KeyError("mine")

    assert loop.run(where()) == "test loop"
    with pytest.raises(KeyError, match="mine"):
        loop.run(fail())


def test_any_awaitable_will_do(loop: Loop) -> None:
    class Later:
        def __await__(self) -> Iterator[None]:
            yield
            return 7

    assert loop.run(Later()) == 7  # type: ignore[arg-type]


def test_a_timeout_cancels_what_ran_and_waits_for_it_to_clean_up(loop: Loop) -> None:
    cleaned = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        loop.run(wait(), timeout=0.05)
    assert cleaned == [True]
    assert loop.run(give(1)) == 1


def test_cancelling_the_future_cancels_the_task_even_before_it_began(loop: Loop) -> None:
    blocked, go = threading.Event(), threading.Event()

    async def block() -> None:
        blocked.set()
        go.wait(10)

    first = loop.submit(block())
    assert blocked.wait(10)
    second = loop.submit(asyncio.sleep(60))
    assert second.cancel()
    go.set()
    first.result(10)
    with pytest.raises(asyncio.CancelledError):
        second.result(10)
    assert not second.cancel()


def test_a_task_that_exits_ends_alone(loop: Loop) -> None:
    async def leave() -> None:
        sys.exit(3)

    with pytest.raises(SystemExit):
        loop.run(leave())
    assert loop.run(give(1)) == 1
    assert "SystemExit(3)" in repr(loop.log)


def test_waiting_for_it_on_itself_is_an_error_that_says_to_await(loop: Loop) -> None:
    async def inside() -> None:
        loop.run(give(1))

    with pytest.raises(LabError) as error:
        loop.run(inside())
    assert error.value.remedy == "Await the coroutine there instead."


def test_stopping_cancels_tasks_and_ends_the_thread(loop: Loop) -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def begin() -> None:
        started.append(asyncio.create_task(work()))
        await asyncio.sleep(0)

    started: list[object] = []
    loop.run(begin())
    loop.stop()
    assert ended == [True] and not loop.alive
    assert "test loop" not in {thread.name for thread in threading.enumerate()}
    loop.stop()


def test_a_dead_loop_says_so_and_leaves_no_warning_about_what_it_did_not_run(loop: Loop) -> None:
    loop.stop()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(LabError) as error:
            loop.run(give(1))
        gc.collect()
    assert not caught
    assert "dead" in error.value.problem and "lab.stop()" in error.value.remedy


def test_whoever_waits_while_it_is_stopped_hears_of_it(loop: Loop) -> None:
    begun = threading.Event()
    heard: list[BaseException] = []

    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    def run() -> None:
        try:
            loop.run(wait())
        except LabError as error:
            heard.append(error)

    waiter = threading.Thread(target=run)
    waiter.start()
    assert begun.wait(10)
    loop.stop()
    waiter.join(10)
    assert [str(error) for error in heard] == ["What ran on the lab's loop was cancelled. Run it again."]


def test_a_task_that_waits_for_a_peer_in_its_cleanup_is_cancelled_once_more(loop: Loop) -> None:
    """A WebSocket handler says goodbye when it is cancelled, and a deaf client does not answer."""
    ended = threading.Event()

    async def handler(begun: asyncio.Event) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            try:
                await asyncio.Event().wait()  # for an answer that does not come
            finally:
                ended.set()

    async def serve() -> asyncio.Task[None]:
        begun = asyncio.Event()
        task = asyncio.create_task(handler(begun))
        await begun.wait()
        return task

    task = loop.run(serve())
    loop.stop()
    assert ended.is_set() and task.done()
