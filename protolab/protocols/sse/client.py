"""A client of an event stream that comes back where it was: `EventSource` for programs (WHATWG HTML section 9.2).

    async with sse.Client(server.url) as client:
        async for event in client:
            print(event.type, event.json())

    client = sse.Client(server.url)
    client.on("notification", show)             # events of that type, each as an Event
    client.on("disconnected", tell)             # one of the client's own, see below
    await client

A handler gets one argument. These names are the client's own:

| event | argument | when |
|---|---|---|
| connected | Connected | a stream is open |
| disconnected | Ending | a stream is at its end; its `rule` says whether the client will come back |
| reconnecting | Reconnecting | it will try again, after a delay |
| max_attempts | MaxAttempts | it has tried often enough, and is closed |
| error | Failed | no stream came about, or a handler raised |

Any other name means the events of that type in the stream; those that have none are of the type "message".
"event:notification" says the same at length, and is the only way to say it where the short name is the client's own: a
server's event of the type connected is "event:connected". So no server can pose as the client.

**What gets lost.** Nothing, if the server gives its events ids and keeps what it sent: the client names the last id that
it saw, also when an event that had begun is cut off, which it forgets. What a server does not keep is gone.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from protolab.errors import LabError
from protolab.protocols.sse.endings import Ending, StreamError, failure, refusal
from protolab.protocols.sse.fetch import Answer, BadAnswer, fetch, split
from protolab.serve.backoff import Backoff
from protolab.serve.handlers import Failed
from protolab.serve.returning import LONGEST, OWN, Returning, Rule
from protolab.serve.waiting import Inbox
from protolab.wire.event_stream import Event, EventTooBig, Parser

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNFIT = re.compile("[\r\n\0\ud800-\udfff]")


class ReadyState(IntEnum):
    """Where a client stands, as `EventSource.readyState` numbers it."""

    CONNECTING = 0  # also while it waits to come back
    OPEN = 1
    CLOSED = 2  # for good


class Connected(NamedTuple):
    """The client's stream number so-and-so is open; 1 is its first. `url` is where it comes from, after redirects."""

    number: int
    url: str


@dataclass(slots=True)
class Counts:
    """What a client did so far. `unread`: events that nobody iterated over in time; handlers had them nevertheless."""

    connections: int = 0
    received: int = 0
    unread: int = 0


class Client(Returning[Event]):
    """Opens the stream at `url`, and again when it ends or breaks, until it is closed or the server says it is enough.

    `await client`, or `async with client:`, begins and waits for the first stream; `async for event in client` begins
    as well; `start()` begins without waiting. LabError says that there will be no stream, and `failure` holds why a client
    ended that was not closed: a StreamError, with the status of the response if that was why.

    `headers` go with each request, for example Authorization; `last_event_id` is where to begin. After 204 the client is
    done; after any status but 200, and any type but text/event-stream, it fails for good, unless `rules` say otherwise
    ({503: sse.Rule.AGAIN}). Redirects are followed as `fetch` says; after permanent ones it asks there from then on.

    It comes back no sooner than the server's `retry`, and up to `backoff` later, by default up to 1 s, 2 s, 4 s ... 30 s.
    `max_attempts` in a row may come to nothing (None: any number); a stream that brought an event, or lasted 10 seconds,
    ends the row. `open_timeout` seconds may go by until there is a response. After `silence` seconds without a byte the
    connection counts as broken: by default four of the 15 seconds within which a server shall send something, a comment at
    least (WHATWG HTML section 9.2.7); None waits for ever.

    At most `queue` events of `queue_bytes` together wait for who iterates; an event may have `max_event` bytes, and one
    that has more ends the client.
    """

    own = OWN
    prefix = "event:"
    kind = "event stream client"
    again = "Make another: sse.Client(url)."

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        last_event_id: str = "",
        backoff: Backoff | None = None,
        max_attempts: int | None = 10,
        rules: Mapping[int, Rule] | None = None,
        open_timeout: float = 10.0,
        silence: float | None = 60.0,
        queue: int = 1000,
        queue_bytes: int = 2**20,
        max_event: int = 2**20,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(backoff, max_attempts, Inbox(queue, queue_bytes))
        split(url)  # mistakes show here, not in the task
        self.url = url
        self.headers = _checked(dict(headers or {}), last_event_id)
        self.last_event_id = last_event_id
        self.retry: int | None = None  # milliseconds, once the server has said so
        self.rules = dict(rules or {})
        self.open_timeout = open_timeout
        self.silence = silence
        self.max_event = max_event
        self.counts = Counts()
        self._tls = tls
        self._where = url  # of the next request
        self._answer: Answer | None = None

    # Its owner's side

    @property
    def ready_state(self) -> ReadyState:
        """As an EventSource in a browser says it: 0, 1 or 2."""
        final = self.ending is not None and self.ending.rule in (Rule.DONE, Rule.NEVER)
        if self._over or self._leaving or self.failure is not None or final:
            return ReadyState.CLOSED
        return ReadyState.OPEN if self._answer is not None else ReadyState.CONNECTING

    def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate over the events, of all types, through all streams, until the client ends.

        While somebody iterates none is lost: one who is slow slows the server down. Before and after, the newest are
        kept, as many as may wait. LabError: the client failed. Two who iterate share the events.
        """
        if not (self._over or self._leaving):
            self.start()
        return super().__aiter__()

    # The task's side

    async def _converse(self) -> Ending:
        """One stream, from the request to its end."""
        self._idle = True
        try:
            async with asyncio.timeout(self.open_timeout):
                answer = await fetch(self._where, self._request(), self._tls)
        except (OSError, BadAnswer) as error:  # TimeoutError is an OSError
            self._idle = False
            self.ending = failed = failure(error)
            await self._emit("error", Failed("connecting", error))
            return failed
        self._idle = False
        try:
            ending = refusal(answer.head, self.rules)
            if ending is None:
                self._where = answer.home
                return await self._listen(answer)
        finally:  # also when cancelled
            answer.abort()
            await answer.wait_closed()
        self.ending = ending
        if ending.rule is not Rule.DONE:
            await self._emit("error", Failed("connecting", StreamError(f"{ending}.", ending.why, ending.status)))
        return ending

    async def _listen(self, answer: Answer) -> Ending:
        """One open stream, to its end."""
        loop = asyncio.get_running_loop()
        self._answer = answer
        self.backoff.opened(loop.time())
        self.counts.connections += 1
        self.log(f"stream {self.counts.connections} is open")
        self._ready = True
        self._turn.set()
        try:
            await self._emit("connected", Connected(self.counts.connections, answer.url))
            await asyncio.sleep(0)  # a turn for who awaits the client: iterates from the first event on
            ending = await self._read(answer)
        finally:
            self._ready, self._answer = False, None
            self._turn.clear()
        if self._leaving:
            ending = Ending(200, "closed by the client", "client", Rule.DONE, "the client was asked to close")
        self.ending = ending = ending._replace(least=min((self.retry or 0) / 1000, LONGEST))
        self.log(f"{ending}; {ending.why}")
        await self._emit("disconnected", ending)
        return ending

    async def _read(self, answer: Answer) -> Ending:
        parser = Parser(self.last_event_id, self.max_event)
        try:
            while not self._leaving:
                try:
                    async with asyncio.timeout(self.silence):
                        data = await answer.read()
                except TimeoutError:
                    raise ConnectionError(f"not a byte came for {self.silence:g} seconds") from None
                if not data:
                    break
                for event in parser.feed(data):
                    if not self._leaving:
                        await self._hear(event)
                if not self._leaving:
                    self.last_event_id = parser.last_event_id
                    self.retry = self.retry if parser.retry is None else parser.retry
                    parser.feed(b"")  # raises, if the events before one that is too big have been given out
        except (OSError, BadAnswer, EventTooBig) as error:
            return failure(error)._replace(status=200, reason=f"the stream broke off: {error}")
        return Ending(200, "the stream came to its end", "server", Rule.AGAIN, "a stream that ends is asked for again")

    async def _hear(self, event: Event) -> None:
        """One event: to the handlers of its type, and to whoever iterates."""
        self.last_event_id = event.last_event_id
        self.backoff.attempts = 0
        self.counts.received += 1
        await self._emit(self.prefix + event.type, event)
        self.counts.unread += await self._inbox.put(event, len(event.data))

    async def _hang_up(self) -> None:
        if self._answer is not None:
            self._answer.abort()

    def _request(self) -> dict[str, str]:
        """The headers of a request: WHATWG HTML section 9.2.2; the body as it is, since there is nothing here to inflate it."""
        ours = {
            "User-Agent": "protolab",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",
        }
        taken = {name.lower() for name in self.headers}
        lines = {name: value for name, value in ours.items() if name.lower() not in taken} | self.headers
        return lines | ({"Last-Event-ID": self.last_event_id} if self.last_event_id else {})

    def _fail(self, problem: str, remedy: str) -> None:
        self.failure = StreamError(problem, remedy, self.ending.status)
        self.log(problem)


def _checked(headers: dict[str, str], last_event_id: str) -> dict[str, str]:
    """The headers, if they can be sent with that id: each is one line of UTF-8 (RFC 9110 section 5)."""
    for name, value in {**headers, "Last-Event-ID": last_event_id}.items():
        ours = name.lower() == "host" or (name.lower() == "last-event-id" and value is not last_event_id)
        if ours or not _NAME.fullmatch(name) or _UNFIT.search(value):
            raise LabError(
                f"A request for a stream cannot be made with the header {name!r} as {value[:100]!r}.",
                "Let each name and value be one line; Host comes from the URL, and Last-Event-ID from last_event_id=.",
            )
    return headers
