"""Updates: numbered, waited for, and bounded."""

from __future__ import annotations

import asyncio

import pytest

from protolab.serve.updates import Updates


def test_who_waits_gets_what_comes_and_who_is_behind_gets_what_came() -> None:
    async def main() -> None:
        updates = Updates()
        waiting = [asyncio.create_task(updates.after(0)) for _ in range(2)]
        await updates.awaited.wait()
        assert updates.publish("one") == 1
        assert not updates.awaited.is_set()
        assert await asyncio.gather(*waiting) == [["one"], ["one"]]
        updates.publish("two")
        assert await updates.after(0) == ["one", "two"]
        assert updates.since(2) == updates.since(9) == []

    asyncio.run(main())


def test_only_the_newest_are_kept_and_who_asks_for_older_ones_is_told() -> None:
    updates = Updates(keep=2)
    for text in ("one", "two", "three"):
        updates.publish(text)
    assert updates.since(1) == ["two", "three"]
    with pytest.raises(LookupError, match="before number 2 are forgotten"):
        updates.since(0)


@pytest.mark.parametrize("text", ["two\nlines", "two\r\nlines", "\r"])
def test_an_update_is_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Updates().publish(text)
