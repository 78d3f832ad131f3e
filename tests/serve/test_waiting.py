"""Queues for what waits: their bounds, what falls out, and how somebody who iterates is never robbed."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab.serve.waiting import Inbox, Waiting


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 5), st.integers(1, 100))
def test_nothing_vanishes_the_order_stays_and_the_bounds_hold(sizes: list[int], most: int, size: int) -> None:
    waiting: Waiting[int] = Waiting(most, size)
    out = []
    for number, each in enumerate(sizes):
        fits = waiting.fits(each)
        fallen = waiting.put(number, each, now=0)
        assert fits is (not fallen)
        out += fallen
        assert 1 <= len(waiting) <= most and (waiting.bytes <= size or len(waiting) == 1)
    assert out + waiting.clear() == list(range(len(sizes)))
    assert (len(waiting), waiting.bytes) == (0, 0)


def test_the_newest_stays_even_when_it_alone_is_too_large() -> None:
    waiting: Waiting[str] = Waiting(most=10, size=100)
    waiting.put("small", 10, now=0)
    assert waiting.put("large", 1000, now=0) == ["small"] and waiting.clear() == ["large"]


def test_what_waited_too_long_is_stale_and_without_a_ttl_nothing_is() -> None:
    waiting: Waiting[str] = Waiting(10, 100, ttl=5)
    for at, item in enumerate("abc"):
        waiting.put(item, 1, now=at)
    assert (waiting.expire(now=4.9), waiting.expire(now=6), waiting.clear()) == ([], ["a", "b"], ["c"])
    patient: Waiting[str] = Waiting(10, 100)
    patient.put("a", 1, now=0)
    assert patient.expire(now=1e9) == []


def test_an_inbox_that_nobody_reads_keeps_the_newest_and_counts_the_rest() -> None:
    async def main() -> None:
        inbox: Inbox[int] = Inbox(most=3, size=100)
        assert [await inbox.put(number, 1) for number in range(5)] == [0, 0, 0, 1, 1]
        inbox.close()
        assert [number async for number in inbox] == [2, 3, 4]

    asyncio.run(main())


def test_while_somebody_iterates_put_waits_for_room_and_a_reader_who_leaves_does_not_keep_it_waiting() -> None:
    async def main() -> None:
        inbox: Inbox[int] = Inbox(most=3, size=100)
        lost = 0

        async def fill() -> None:
            nonlocal lost
            for number in range(100):
                lost += await inbox.put(number, 1)

        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            filling = tasks.create_task(fill())
            seen = []
            async for number in inbox:
                await asyncio.sleep(0)
                seen.append(number)
                if number == 49:
                    break
            assert seen == list(range(50)) and lost == 0 and not filling.done()
        assert lost == 47  # of the other fifty; there is room for three

    asyncio.run(main())


def test_bytes_make_put_wait_too_so_that_nothing_falls_out() -> None:
    async def main() -> None:
        inbox: Inbox[int] = Inbox(most=100, size=100)
        reader = aiter(inbox)
        assert await inbox.put(1, 99) == 0
        second = asyncio.ensure_future(inbox.put(2, 50))
        await asyncio.sleep(0)
        assert not second.done()
        assert await anext(reader) == 1
        assert await asyncio.wait_for(second, 10) == 0 and await anext(reader) == 2

    asyncio.run(main())


def test_a_failure_comes_after_what_was_still_to_be_read() -> None:
    async def main() -> None:
        inbox: Inbox[int] = Inbox(3, 100)
        await inbox.put(1, 1)
        inbox.close(OSError("gone"))
        reader = aiter(inbox)
        assert await anext(reader) == 1
        with pytest.raises(OSError, match="gone"):
            await anext(reader)

    asyncio.run(main())
