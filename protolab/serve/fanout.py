"""The one fan-out: rooms, event streams and subscriptions hand the same bytes to many clients through here (law 11).

The publisher encodes once. Each member's pending list gets a reference to those bytes, and once per turn of the loop
each member that has something pending gets one write of all of it: a thousand clients and thirty-two messages cost a
thousand system calls, not thirty-two thousand. No client costs a task, and none is waited for.

What a member that does not read may cost, beyond the kernel's own send buffer (kept small, so that it shows early):

- its transport holds at most `high_water + limit` bytes: nothing is written while it holds more than `high_water`;
- its pending list holds at most `limit` bytes (or one datum, should that alone be larger).

At the bound the slow one pays, never the others: see `WhenFull`. A publisher that hands out more than these bounds in a
single turn of the loop makes everyone slow; what is published comes from clients, whose rate is the server's to bound.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

RETRY = 0.02  # seconds between two looks at a transport that was too full to write to


class WhenFull(Enum):
    """What happens to a member whose pending list is full.

    EVICT: it is let go (`on_evict` is called to say goodbye and cut it off), and what was pending for it is forgotten.
    DROP_OLDEST: the oldest data go, counted; where they are missing, the member gets what `gap(how_many)` makes.
    """

    EVICT = "evict"
    DROP_OLDEST = "drop oldest"


class Transport(Protocol):
    """What a member is reached by; asyncio's transports are such."""

    def write(self, data: bytes) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def abort(self) -> None: ...
    def get_extra_info(self, name: str) -> Any: ...


@dataclass(slots=True)
class Counts:
    """Since the fan-out began: data handed in, handed to transports, and lost (at a bound, or with a member that left);
    members evicted."""

    published: int = 0
    delivered: int = 0
    dropped: int = 0
    evicted: int = 0


class Member:
    """One client of a fan-out. Everything that goes to it, to it alone too, goes through here: that keeps the order."""

    __slots__ = (
        "_lost", "_queued", "dropped", "fanout", "gap", "on_evict", "open", "pending", "size", "transport", "when_full",
    )  # fmt: skip

    def __init__(
        self,
        fanout: Fanout,
        transport: Transport,
        when_full: WhenFull,
        on_evict: Callable[[], None],
        gap: Callable[[int], bytes] | None,
    ) -> None:
        self.fanout = fanout
        self._lost = 0  # dropped since the last write: the gap that `gap` will tell of
        self._queued = False  # whether the fan-out will look at it in the next turn
        self.transport = transport
        self.when_full = when_full
        self.on_evict = on_evict
        self.gap = gap
        self.pending: deque[bytes] = deque()
        self.size = 0  # bytes pending
        self.dropped = 0  # data lost at the bound, or pending when it left
        self.open = True

    def send(self, data: bytes) -> None:
        """Send to this member alone, after all that was published to it before."""
        self.fanout.publish(data, (self,))

    def flush(self, anyway: bool = False) -> bool:
        """Write what is pending, unless the transport is full (`anyway`: even then). False: something is still pending.

        Call it with `anyway` before writing last words to the transport past the fan-out, and `leave` after it.
        """
        if not self.pending:
            return True
        if not anyway and self.transport.get_write_buffer_size() > self.fanout.high_water:
            return False
        gap = self.gap(self._lost) if self._lost and self.gap else b""
        try:
            self.transport.write(gap + b"".join(self.pending))
        except (OSError, RuntimeError):  # it is gone, and its owner will hear so from the transport; the others go on
            self.leave()
            return True
        self.fanout.counts.delivered += len(self.pending)
        self._lost = self.size = 0
        self.pending.clear()
        return True

    def leave(self) -> None:
        """Take it out. What is still pending is forgotten and counted. Safe at any time, and twice."""
        self.open = False
        self.fanout.members.pop(self, None)
        self._drop(len(self.pending))
        self.pending.clear()
        self.size = 0

    def evict(self) -> None:
        """Let it go because it is too slow: forget what is pending, then tell its owner. Nothing, if it has left."""
        if self.open:
            self.leave()
            self.fanout.counts.evicted += 1
            self.on_evict()

    def drop_oldest(self, size: int) -> None:
        """Forget as much of what is pending, oldest first, as `size` bytes need."""
        before = len(self.pending)
        while self.pending and self.size + size > self.fanout.limit:
            self.size -= len(self.pending.popleft())
        self._lost += before - len(self.pending)
        self._drop(before - len(self.pending))

    def _drop(self, count: int) -> None:
        self.dropped += count
        self.fanout.counts.dropped += count


class Fanout:
    """Members, and the one way to reach them. Belongs to one event loop: call it from there only.

    `limit` and `high_water` are the bounds above, in bytes; `send_buffer` is what the kernel is asked to hold for each
    (SO_SNDBUF; Linux doubles it). None leaves it to the kernel, which was seen to swallow 3 MB before a stall showed.
    """

    def __init__(
        self, *, limit: int = 256 << 10, high_water: int = 64 << 10, send_buffer: int | None = 64 << 10
    ) -> None:
        self.limit = limit
        self.high_water = high_water
        self.send_buffer = send_buffer
        self.members: dict[Member, None] = {}  # a dict, because it keeps the order they came in
        self.counts = Counts()
        self._dirty: list[Member] = []  # those with something pending
        self._flushing: asyncio.Handle | None = None
        self._retrying: asyncio.TimerHandle | None = None

    @property
    def most(self) -> int:
        """Bytes in a member's transport that show that something past the fan-out fills it: twice what it would."""
        return 2 * (self.high_water + self.limit)

    def join(
        self,
        transport: Transport,
        *,
        when_full: WhenFull = WhenFull.EVICT,
        on_evict: Callable[[], None] | None = None,
        gap: Callable[[int], bytes] | None = None,
    ) -> Member:
        """A new member. Without `on_evict`, eviction aborts the transport."""
        connection = transport.get_extra_info("socket")
        if connection is not None and self.send_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer)
        member = Member(self, transport, when_full, on_evict or transport.abort, gap)
        self.members[member] = None
        return member

    def publish(self, data: bytes, members: Iterable[Member] | None = None, *, exclude: Member | None = None) -> None:
        """Give `data` (encoded, whole) to `members` (default: all) but `exclude`: written in the next turn of the loop.

        No callback runs while `members` is iterated, so it may be a collection that `on_evict` changes.
        """
        self.counts.published += 1
        size, limit, dirty = len(data), self.limit, self._dirty
        full: list[Member] = []
        for member in tuple(self.members) if members is None else members:
            if not member.open or member is exclude:
                continue
            # Before anyone is called slow, its transport is asked: a burst within one turn is not slowness.
            if member.size + size > limit and member.pending and not (member.flush() and member.open):
                if not member.open or member.when_full is WhenFull.EVICT:
                    full.append(member)
                    continue
                member.drop_oldest(size)
            member.pending.append(data)
            member.size += size
            if not member._queued:
                member._queued = True
                dirty.append(member)
        for member in full:
            member.evict()
        if dirty and self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_soon(self._flush)

    def close(self) -> None:
        """Forget everyone. Transports are left alone: closing them is their owners' business."""
        for member in tuple(self.members):
            member.leave()
        for handle in (self._flushing, self._retrying):
            if handle is not None:
                handle.cancel()
        self._flushing = self._retrying = None
        self._dirty.clear()

    def _flush(self) -> None:
        """One write for each member that has something pending; those that cannot take it are looked at again."""
        self._flushing = None
        if self._retrying is not None:
            self._retrying.cancel()
            self._retrying = None
        stalled = []
        dirty, self._dirty = self._dirty, []
        for member in dirty:
            if member.flush():
                member._queued = False
            else:
                stalled.append(member)
        self._dirty += stalled
        if stalled:
            self._retrying = asyncio.get_running_loop().call_later(RETRY, self._flush)
