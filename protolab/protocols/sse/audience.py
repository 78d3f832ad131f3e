"""Who listens to an event server: connections, by client id and by how their bodies are framed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

from protolab.protocols.sse import format
from protolab.serve.fanout import Fanout, Member, WhenFull
from protolab.serve.handover import Stream, chunk


class Subscriber:
    """One connection of a client. It has a `stream` once that is handed over, and a `member` while it is told things."""

    __slots__ = ("client_id", "leaving", "member", "stream")

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.leaving = False
        self.member: Member | None = None
        self.stream: Stream | None = None


class Audience:
    """All subscribers, and the one way to reach them. Belongs to one event loop.

    A subscriber is expected (it counts), joins (it is told things), and is gone; or is ended by us before that.
    """

    def __init__(self, when_full: WhenFull, log: Callable[[str], object]) -> None:
        self.fanout = Fanout()
        self.when_full = when_full
        self.log = log
        self.subscribers: dict[Subscriber, None] = {}  # from their acceptance on
        self._by_id: dict[str, dict[Subscriber, None]] = {}  # those that joined
        self._chunked: dict[Member, None] = {}
        self._plain: dict[Member, None] = {}  # of HTTP/1.0
        self._nobody = asyncio.Event()
        self._nobody.set()

    @property
    def clients(self) -> dict[str, int]:
        """Client ids in the order they came, and how many connections each has."""
        return {client_id: len(connections) for client_id, connections in self._by_id.items()}

    def expect(self, client_id: str) -> Subscriber:
        """A connection whose request is accepted."""
        subscriber = Subscriber(client_id)
        self.subscribers[subscriber] = None
        self._nobody.clear()
        return subscriber

    def join(self, subscriber: Subscriber, stream: Stream, opening: bytes) -> None:
        """Its stream is open: tell it the opening, and from here on what all are told."""
        subscriber.stream = stream
        member = subscriber.member = self.fanout.join(
            stream.transport,
            when_full=self.when_full,
            on_evict=lambda: self._evicted(subscriber),
            gap=lambda lost: stream.frame(_gap(lost)),
        )
        (self._chunked if stream.chunked else self._plain)[member] = None
        self._by_id.setdefault(subscriber.client_id, {})[subscriber] = None
        # One datum, whatever its size: at most the history, which is bounded; so no replay makes a client look slow.
        member.send(stream.head + stream.frame(opening))

    def publish(self, data: bytes, ids: Iterable[str] | None = None) -> None:
        """Tell an event to the clients of those ids (each once), or to all; it is framed once."""
        chunked: Collection[Member] = self._chunked
        plain: Collection[Member] = self._plain
        if ids is not None:
            told = [one for each in ids for one in self._by_id.get(each, ())]
            members = [(one.member, one.stream.chunked) for one in told if one.member and one.stream]
            chunked, plain = [[member for member, framed in members if framed is kind] for kind in (True, False)]
        if chunked:
            self.fanout.publish(chunk(data), chunked)
        if plain:
            self.fanout.publish(data, plain)

    def end(self, subscriber: Subscriber) -> None:
        """Its stream ends, as HTTP asks, after what was said so far."""
        subscriber.leaving = True
        if subscriber.member is not None:
            subscriber.member.flush(anyway=True)
        self._leave(subscriber)
        if subscriber.stream is not None:
            subscriber.stream.end()

    def gone(self, subscriber: Subscriber) -> None:
        """Its connection is closed, whoever did it. Safe to call twice."""
        if subscriber not in self.subscribers:
            return
        del self.subscribers[subscriber]
        self._leave(subscriber)
        if not self.subscribers:
            self._nobody.set()
        self.log(f"{subscriber.client_id} is gone")

    async def close(self) -> None:
        """End every stream, and cut those off that do not take it; at once, if this is cancelled."""
        try:
            for subscriber in tuple(self.subscribers):
                self.end(subscriber)
            await self._nobody.wait()
        finally:
            for subscriber in tuple(self.subscribers):
                if subscriber.stream is not None:
                    subscriber.stream.transport.abort()
        self.fanout.close()

    def _leave(self, subscriber: Subscriber) -> None:
        """Tell it no more."""
        if (member := subscriber.member) is None:
            return
        subscriber.member = None
        member.leave()
        self._chunked.pop(member, None)
        self._plain.pop(member, None)
        own = self._by_id[subscriber.client_id]
        del own[subscriber]
        if not own:
            del self._by_id[subscriber.client_id]

    def _evicted(self, subscriber: Subscriber) -> None:
        """It is too slow: cut it off. It will come back, and resume after the last event that reached it whole."""
        assert subscriber.stream is not None
        self.log(f"{subscriber.client_id} does not read: cut off")
        subscriber.stream.transport.abort()


def _gap(lost: int) -> bytes:
    """What stands where the oldest were dropped."""
    return format.encode(format.as_text({"reason": "too slow", "lost": lost}), event="resync")
