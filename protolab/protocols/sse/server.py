"""The event server: an event stream for each client, a history to resume from, and a small API to say things with.

Every event is encoded once and handed to all by the one fan-out; no client costs a task. What a client is sent:

- first a `connected` event with the time to wait before reconnecting (`retry:`), and with the id of the newest event, so
  that a client that is cut off before it hears anything else still knows its place;
- then, if it came with a Last-Event-ID, what it has missed, and before that a `resync` event if some of that is
  forgotten or the id is none of ours: "fetch anew what you show, here is what I still have";
- then what is said to everyone or to its `client_id`, numbered in order. Two connections with one `client_id` (two tabs)
  both get it. Nobody gets, or gets again, what was for another.

A client that does not read what is pending for it is cut off (WhenFull.EVICT, the default: it reconnects and resumes,
and loses nothing that is still kept) or loses the oldest of it and is told so by a `resync` event (DROP_OLDEST).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols.sse import api, format
from protolab.protocols.sse.audience import Audience, Subscriber
from protolab.protocols.sse.history import History
from protolab.serve import Server
from protolab.serve.fanout import WhenFull
from protolab.serve.handover import Stream

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # of time, in a repeatable run
_BACKLOG = 1024  # connections that wait to be accepted: all come back at once after a cut


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may use up. Past each, a request is refused with the status named."""

    connections: int = 5000  # event streams at a time: 503, and Retry-After
    body: int = 64 << 10  # bytes of a request's body: 413; also of an event that the program sends
    name: int = 128  # characters of a client id or of an event's name: 400
    kept: int = 1000  # events in the history, of which
    kept_bytes: int = 256 << 10  # as many bytes at most: the oldest are forgotten
    dismissed: int = 1000  # client ids that are answered 204: the oldest are forgotten


class EventServer(Server):
    """Events for many: a stream for each client, which resumes where it was cut, and a small API to say things with.

    Streams are at `/api/events?client_id=ada`; what is posted to `/api/broadcast`, `/api/notify`, `/api/update` is said.

    From a program: `lab.run(server.broadcast("message", {"n": 1}))`; also `notify`, `update`, `heartbeat`, `dismiss`.

    Every `keepalive` seconds everyone is sent a comment, and every `heartbeat` seconds a `heartbeat` event, which a
    page's script can see; None sends none, and neither does a repeatable run, where a clock would decide what is seen.
    `retry` is what clients are told to wait before they reconnect, in milliseconds. `origins` are those whose pages may
    read this from another origin ("*": all), with cookies if `credentials`. Ids count from `first`: let it be above all
    that an earlier run gave out (say `time.time_ns()`), and who comes back from that run is told to resync.
    """

    name = "events"
    scheme = "http"
    path = "/api/events"

    def __init__(
        self,
        *,
        retry: int = 2000,
        keepalive: float | None = 15,
        heartbeat: float | None = 30,
        when_full: WhenFull = WhenFull.EVICT,
        limits: Limits | None = None,
        origins: Collection[str] = (),
        credentials: bool = False,
        first: int = 1,
    ) -> None:
        super().__init__()
        self.limits = limits or Limits()
        self.retry = retry
        self.keepalive = keepalive
        self.heartbeat_every = heartbeat
        self.origins = frozenset((origins,) if isinstance(origins, str) else origins)
        if "*" in self.origins and credentials:
            raise LabError("Any origin with credentials would let every page act as the user.", "Name the origins.")
        self.credentials = credentials
        self.history = History(self.limits.kept, self.limits.kept_bytes, first)
        self.audience = Audience(when_full, self.log)
        self.dismissed: dict[str, None] = {}  # client ids that are told 204, oldest first
        self._beating: list[asyncio.Task[None]] = []
        self._http: HTTPServer | None = None
        self._listening = False
        self._tokens = repeat.token_source()
        self._ticks = count()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        sockets = bind_sockets(port, host, backlog=_BACKLOG)
        self._http = api.listener(self)
        self._http.add_sockets(sockets)
        self._listening = True
        if not repeat.on():
            beats: tuple[tuple[float | None, Callable[[], object]], ...] = (
                (self.keepalive, self._keep_alive),
                (self.heartbeat_every, self._heartbeat),
            )
            self._beating = [asyncio.create_task(_every(each, beat)) for each, beat in beats if each is not None]
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End every stream as HTTP asks, cut those off that do not take that, and free the port."""
        self._listening = False
        for beating in self._beating:
            beating.cancel()
        self._beating.clear()
        if self._http is None:
            return
        self._http.stop()
        await self.audience.close()
        await self._http.close_all_connections()
        await asyncio.sleep(0)  # a turn of the loop, in which the handlers of requests that were cut off end
        self._http = None

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._listening

    @property
    def clients(self) -> dict[str, int]:
        """Who is connected, in the order they came: client id and number of connections."""
        return self.audience.clients

    # What is said. On the lab's loop: lab.run(server.broadcast(...)).

    async def broadcast(self, event: str = "message", data: Any = "", targets: Iterable[str] | None = None) -> int:
        """Say an event to the clients of those ids (default: to everyone, later comers that resume included); its id.

        A string is sent as it is, anything else as JSON. LabError: it cannot be said.
        """
        return self.say(event, data, targets)

    async def notify(self, title: str, message: str = "", priority: str = "normal") -> int:
        """Say a `notification` to everyone; its id."""
        return self.say("notification", {"title": title, "message": message, "priority": priority})

    async def update(self, update_data: Any, targets: Iterable[str] | None = None) -> int:
        """Say an `update`; its id."""
        return self.say("update", update_data, targets)

    async def heartbeat(self) -> None:
        """Say a `heartbeat` now. It has an id, so that a quiet client's place moves on too, and is not kept."""
        self._heartbeat()

    async def dismiss(self, client_id: str) -> int:
        """End this client's streams, and answer 204 when it comes back: it then stops coming. How many it had.

        It stays dismissed until `admit`, or until a thousand others were dismissed after it.
        """
        self.dismissed.pop(client_id, None)
        self.dismissed[client_id] = None
        while len(self.dismissed) > self.limits.dismissed:
            del self.dismissed[next(iter(self.dismissed))]
        streams = [one for one in self.audience.subscribers if one.client_id == client_id]
        for subscriber in streams:
            self.audience.end(subscriber)
        return len(streams)

    async def admit(self, client_id: str) -> None:
        """Let a dismissed client come back."""
        self.dismissed.pop(client_id, None)

    def say(self, event: str, data: Any, targets: Iterable[str] | None = None) -> int:
        """What `broadcast` does, for those who are on the loop already."""
        ids = None if targets is None else list(targets)
        if isinstance(targets, str) or not all(isinstance(each, str) for each in ids or ()):
            raise LabError(f"{targets!r} is not a list of client ids.", 'Write targets=["ada", "bob"].')
        ids = None if ids is None else list(dict.fromkeys(ids))
        try:
            if not 0 < len(event) <= self.limits.name:
                raise ValueError(f"an event's name has 1 to {self.limits.name} characters, this one has {len(event)}")
            encoded = format.encode(format.as_text(data), event=event, id=str(self.history.last + 1))
        except ValueError as error:
            raise LabError(f"This event cannot be said: {error}.", "Change it, and say it again.") from None
        if len(encoded) > self.limits.body + 2 * self.limits.name:
            raise LabError(
                f"This event has {len(encoded):,} bytes, which is more than {self.limits.body:,}.",
                "Say where the data is, and let clients fetch it; or raise Limits(body=...).",
            )
        number = self.history.add(encoded, ids)
        self.audience.publish(encoded, ids)
        return number

    def _heartbeat(self) -> None:
        data = format.as_text({"timestamp": self.now()})
        self.audience.publish(format.encode(data, event="heartbeat", id=str(self.history.skip())))

    def _keep_alive(self) -> None:
        self.audience.publish(format.comment("keep-alive"))

    def now(self) -> str:
        """The time in UTC, ISO 8601; in a repeatable run, a second after the last time asked."""
        now = BEGINNING + timedelta(seconds=next(self._ticks)) if repeat.on() else datetime.now(UTC)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # Who comes; called by the handler of /api/events.

    def expect(self, client_id: str | None) -> Subscriber:
        """A connection whose request is accepted; without an id it gets one made up. LabError: there are too many."""
        most = self.limits.connections
        if len(self.audience.subscribers) >= most:
            raise LabError(f"There are {most:,} event streams, and no room for more.", "Come back later.")
        return self.audience.expect(client_id or f"client-{self._tokens(8).hex()}")

    def begin(self, subscriber: Subscriber, stream: Stream, last_id: str) -> None:
        """Its stream is open: say what comes first and what it has missed, and from here on what all are told."""
        if subscriber.leaving or not self._listening:
            subscriber.stream = stream
            stream.transport.write(stream.head)
            return stream.end()
        client_id, history = subscriber.client_id, self.history
        missed = history.since(last_id, client_id) if last_id else None
        hello = format.as_text({"client_id": client_id, "timestamp": self.now()})
        place = None if missed is not None else str(history.last)
        opening = [format.encode(hello, event="connected", id=place, retry=self.retry)]
        if missed is not None and missed.reason:
            told = {"reason": missed.reason, "last_event_id": last_id[:100], "oldest": history.oldest}
            # Its place is before the oldest event kept: cut off here, it still gets all of them when it is back.
            opening.append(format.encode(format.as_text(told), event="resync", id=str(history.oldest - 1)))
        opening += missed.events if missed is not None else ()
        self.audience.join(subscriber, stream, b"".join(opening))
        self.log(f"{client_id} connected" + (f", with all after event {last_id[:100]!r}" if last_id else ""))


async def _every(seconds: float, beat: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        beat()
