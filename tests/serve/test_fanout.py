"""The fan-out, on real sockets: order, one write a turn, bounds, and what happens at them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.serve.fanout import Counts, Fanout, Member, WhenFull

KB = 1 << 10
LIMITS = {"limit": 64 * KB, "high_water": 16 * KB, "send_buffer": 8 * KB}


class Reader:
    """The far end of a member's connection. It reads only when asked to."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours

    async def read(self, size: int) -> bytes:
        """Exactly that many bytes."""
        data = b""
        async with asyncio.timeout(10):
            while len(data) < size:
                data += (more := await asyncio.get_running_loop().sock_recv(self.socket, size - len(data)))
                assert more, f"the end, after {len(data)} bytes"
        return data

    async def rest(self) -> bytes:
        """All there is until the end."""
        data = b""
        async with asyncio.timeout(10):
            while more := await asyncio.get_running_loop().sock_recv(self.socket, 1 << 16):
                data += more
        return data


@asynccontextmanager
async def line() -> AsyncIterator[tuple[asyncio.Transport, Reader]]:
    """A connection over a socket pair: the transport to write to, and its far end."""
    near, far = socket.socketpair()
    far.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=near)
    try:
        yield transport, Reader(far)
    finally:
        transport.abort()
        far.close()


async def turns(number: int = 2) -> None:
    for _ in range(number):
        await asyncio.sleep(0)  # a turn of the loop, no time


def test_what_is_published_in_one_turn_is_written_at_once_and_in_order() -> None:
    async def story() -> None:
        fanout = Fanout()
        async with line() as (one, first), line() as (two, second):
            writes = []
            plain = one.write
            one.write = lambda data: (writes.append(data), plain(data))[1]  # type: ignore[method-assign]
            a, b = fanout.join(one), fanout.join(two)
            fanout.publish(b"to all, ")
            b.send(b"to b, ")
            fanout.publish(b"to a", [a])
            fanout.publish(b"to b", [a, b], exclude=a)
            assert await first.read(12) == b"to all, to a"
            assert await second.read(18) == b"to all, to b, to b"
            assert writes == [b"to all, to a"]
            assert fanout.counts == Counts(published=4, delivered=5)

    asyncio.run(story())


def test_a_member_that_left_gets_nothing_and_can_leave_twice() -> None:
    async def story() -> None:
        fanout = Fanout()
        async with line() as (one, first), line() as (two, second):
            a, b = fanout.join(one), fanout.join(two)
            fanout.publish(b"x")
            a.leave()
            a.leave()
            a.send(b"y")
            fanout.publish(b"z", [a, b])
            assert await second.read(2) == b"xz"
            one.close()
            assert await first.rest() == b""
            assert (a.dropped, fanout.counts.dropped, list(fanout.members)) == (1, 1, [b])

    asyncio.run(story())


def test_members_may_leave_join_and_publish_while_others_are_evicted() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (one, _), line() as (two, _), line() as (three, third), line() as (four, fourth):
            members: dict[str, Member] = {}

            def evicted() -> None:  # the worst an owner can do from inside
                members["slow 2"].leave()
                members["new"] = fanout.join(four)
                fanout.publish(b"one is gone")

            members["slow 1"] = fanout.join(one, on_evict=evicted)
            members["slow 2"] = fanout.join(two)
            members["good"] = fanout.join(three)
            sent = 0
            while members["slow 1"].open:
                fanout.publish(bytes(8 * KB))
                sent += 8 * KB
                await third.read(8 * KB)
                await turns()
            assert await third.read(11) == await fourth.read(11) == b"one is gone"
            assert set(fanout.members) == {members["good"], members["new"]}
            assert fanout.counts.evicted == 1

    asyncio.run(story())


def test_who_does_not_read_is_evicted_at_the_bound_and_the_others_miss_nothing() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (slow, _), line() as (good, reader):
            evicted = asyncio.Event()
            member = fanout.join(slow, on_evict=evicted.set)
            fanout.join(good)
            datum, most = b"%d\n", 0
            received = bytearray()
            for number in range(4_000):
                fanout.publish(data := datum % number + bytes(200))
                received += await reader.read(len(data))
                most = max(most, slow.get_write_buffer_size() + member.size)
            assert evicted.is_set()
            assert received == b"".join(datum % number + bytes(200) for number in range(4_000))
            assert most <= LIMITS["high_water"] + 2 * LIMITS["limit"]
            assert (member.size, len(member.pending)) == (0, 0)  # what it cost is given back at once
            assert fanout.counts.dropped == member.dropped > 0

    asyncio.run(story())


def test_without_a_goodbye_eviction_aborts() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (slow, reader):
            fanout.join(slow).evict()
            assert slow.is_closing()
            assert await reader.rest() == b""

    asyncio.run(story())


def test_dropping_the_oldest_keeps_the_newest_and_tells_of_the_gap_in_its_place() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (slow, reader):
            member = fanout.join(slow, when_full=WhenFull.DROP_OLDEST, gap=b"%08d lost".__mod__)
            for number in range(50_000):
                fanout.publish(b"%08d data" % number)
                if number % 100 == 0:
                    await turns()
                assert member.size <= LIMITS["limit"]
            assert member.dropped == fanout.counts.dropped > 0
            seen = []
            while not seen or seen[-1] != b"00049999 data":
                seen.append(await reader.read(13))
            gap = next(index for index, datum in enumerate(seen) if datum.endswith(b"lost"))
            numbers = [int(datum[:8]) for datum in seen]
            assert numbers[:gap] == list(range(gap))  # none lost before the gap
            assert numbers[gap] == member.dropped  # its size is true
            assert numbers[gap + 1 :] == list(range(gap + member.dropped, 50_000))  # none lost after it
            assert fanout.counts.evicted == 0

    asyncio.run(story())


def test_what_an_eviction_says_comes_after_what_caused_it_for_everyone() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (one, _), line() as (two, _):
            evicting = fanout.join(one, on_evict=lambda: fanout.publish(b"evicted " * KB))
            dropping = fanout.join(two, when_full=WhenFull.DROP_OLDEST)
            while evicting.open:
                fanout.publish(b"message " * KB)
                await turns()
            assert dropping.dropped and list(dropping.pending)[-2:] == [b"message " * KB, b"evicted " * KB]
            assert fanout.counts.evicted == 1

    asyncio.run(story())


def test_a_burst_in_one_turn_is_not_slowness() -> None:
    async def story() -> None:
        fanout = Fanout(limit=64 * KB, high_water=64 * KB, send_buffer=None)
        async with line() as (one, reader):
            member = fanout.join(one)
            for _ in range(100):  # 100 kB in all: more than the pending list may hold
                fanout.publish(bytes(KB))
            assert member.open
            assert await reader.read(100 * KB) == bytes(100 * KB)
            assert fanout.counts == Counts(published=100, delivered=100)

    asyncio.run(story())


def test_one_datum_larger_than_the_bound_still_goes_out() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (one, reader):
            fanout.join(one)
            fanout.publish(b"x" * 500 * KB)
            assert await reader.read(500 * KB) == b"x" * 500 * KB

    asyncio.run(story())


def test_a_stalled_member_that_reads_again_gets_the_rest_without_a_new_message() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (one, reader):
            member = fanout.join(one)
            while member.size < 32 * KB:
                fanout.publish(bytes(KB))
                await turns()
            total = fanout.counts.published * KB
            assert await reader.read(total) == bytes(total)
            assert member.size == 0

    asyncio.run(story())


def test_a_write_that_fails_costs_nobody_else_anything() -> None:
    async def story() -> None:
        fanout = Fanout()
        async with line() as (broken, _), line() as (good, reader):
            member, other = fanout.join(broken), fanout.join(good)
            broken.write_eof()  # from now on its write() raises RuntimeError
            fanout.publish(b"hello")
            assert await reader.read(5) == b"hello"
            assert not member.open
            assert list(fanout.members) == [other]

    asyncio.run(story())


def test_last_words_follow_what_was_said_before() -> None:
    async def story() -> None:
        fanout = Fanout()
        async with line() as (one, reader):
            member = fanout.join(one)
            member.send(b"first, ")
            member.flush(anyway=True)
            member.leave()
            one.write(b"last")
            one.close()
            assert await reader.rest() == b"first, last"

    asyncio.run(story())


def test_closing_leaves_no_callback_behind() -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with line() as (stalled, _), line() as (one, reader):
            member = fanout.join(stalled)
            while member.size < 32 * KB:
                fanout.publish(bytes(KB), [member])
                await turns()
            fanout.join(one)
            fanout.publish(b"never written")
            fanout.close()
            await turns()
            one.close()
            assert await reader.rest() == b""
            assert not fanout.members

    asyncio.run(story())


def test_the_kernels_send_buffer_is_kept_small() -> None:
    async def story() -> None:
        async with line() as (one, _):
            Fanout(send_buffer=32 * KB).join(one)
            size = one.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert size in (32 * KB, 64 * KB)  # Linux doubles it

    asyncio.run(story())


STEPS = st.sampled_from(["publish", "send", "leave", "join", "turn"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), STEPS), max_size=60))
def test_every_member_gets_exactly_what_was_published_while_it_was_in(steps: list[tuple[int, str]]) -> None:
    async def story() -> None:
        fanout = Fanout()
        async with line() as a, line() as b, line() as c, line() as d:
            lines = (a, b, c, d)
            members = [fanout.join(transport) for transport, _ in lines]
            expected = [b""] * 4
            for number, (who, step) in enumerate(steps):
                data = b"%d;" % number
                if step == "publish":
                    fanout.publish(data)
                    expected = [e + data if m.open else e for e, m in zip(expected, members, strict=True)]
                elif step == "send" and members[who].open:
                    members[who].send(data)
                    expected[who] += data
                elif step == "leave" and members[who].open:
                    await turns()  # what is pending at leaving is forgotten: here, nothing is
                    members[who].leave()
                elif step == "join" and not members[who].open:
                    members[who] = fanout.join(lines[who][0])
                elif step == "turn":
                    await turns()
            await turns()
            for (transport, reader), wanted in zip(lines, expected, strict=True):
                transport.close()
                assert await reader.rest() == wanted
            assert fanout.counts.delivered == sum(wanted.count(b";") for wanted in expected)

    asyncio.run(story())


@pytest.mark.parametrize("when_full", WhenFull)
def test_many_stalled_members_cost_no_more_than_their_bounds(when_full: WhenFull) -> None:
    async def story() -> None:
        fanout = Fanout(**LIMITS)
        async with AsyncExitStack() as stack:
            transports = [(await stack.enter_async_context(line()))[0] for _ in range(20)]
            members = [fanout.join(transport, when_full=when_full, on_evict=list) for transport in transports]
            for _ in range(3000):
                fanout.publish(bytes(KB))
                await turns(1)
                held = sum(t.get_write_buffer_size() + m.size for t, m in zip(transports, members, strict=True))
                assert held <= 20 * (LIMITS["high_water"] + 2 * LIMITS["limit"])
            assert fanout.counts.evicted == (20 if when_full is WhenFull.EVICT else 0)

    asyncio.run(story())
