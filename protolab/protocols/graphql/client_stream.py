"""The client's event streams: graphql-sse in its distinct connections mode, an HTTP request for each subscription."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

from protolab.errors import LabError
from protolab.protocols.graphql.client_errors import Ended, Result
from protolab.protocols.graphql.client_http import LIMIT, HttpLink
from protolab.protocols.graphql.request import Malformed, load
from protolab.protocols.graphql.subscription import Inlet, result_of
from protolab.serve import Log
from protolab.serve.backoff import Backoff
from protolab.serve.returning import Rule
from protolab.wire.event_stream import Event, Parser

_STATUSES = {408, 425, 429, 500, 502, 503, 504}  # after which to ask again


class StreamLink:
    """One request for each subscription. A stream that breaks before its `complete` is asked for again."""

    def __init__(
        self,
        http: HttpLink,
        *,
        headers: Mapping[str, str],
        backoff: Callable[[], Backoff],
        max_attempts: int | None,
        log: Log,
    ) -> None:
        self.http = http
        self.headers = {**headers, "Accept": "text/event-stream", "Content-Type": "application/json"}
        self.backoff = backoff
        self.max_attempts = max_attempts
        self.log = log
        self._streams: dict[Inlet, asyncio.Task[None]] = {}
        self._begun: dict[Inlet, asyncio.Event] = {}
        self._count = 0

    def begin(self, inlet: Inlet) -> None:
        """Begin a subscription."""
        self._count += 1
        inlet.id = str(self._count)
        self._begun[inlet] = asyncio.Event()
        self._streams[inlet] = asyncio.create_task(self._live(inlet), name="graphql event stream")

    def end(self, inlet: Inlet) -> None:
        """The client has left a subscription: hanging up says so."""
        if (stream := self._streams.get(inlet)) is not None:
            stream.cancel()

    async def begun(self, inlet: Inlet) -> None:
        """Until the server has answered."""
        if (begun := self._begun.get(inlet)) is not None:
            await begun.wait()

    async def close(self) -> None:
        """End every stream."""
        streams = list(self._streams.items())
        for inlet, _ in streams:
            inlet.end()
        if streams:
            await asyncio.wait([stream for _, stream in streams])

    async def _live(self, inlet: Inlet) -> None:
        """One response after the other, until one is complete."""
        backoff = self.backoff()
        failure: Exception | None = None
        try:
            while True:
                failure = None
                try:
                    if await self._read(inlet, backoff):
                        return
                    failure = Ended(0, "the stream ended before it was complete", Rule.AGAIN, "the network failed")
                except Ended as error:
                    failure = error
                    if error.rule is Rule.NEVER:
                        return
                except LabError as error:
                    failure = error
                delay = backoff.failed(asyncio.get_running_loop().time())
                if self.max_attempts is not None and backoff.attempts > self.max_attempts:
                    return
                self.log(f"{failure} Attempt {backoff.attempts} follows in {delay:.3g} s")
                await asyncio.sleep(delay)
        except Exception as error:
            failure = error
        finally:
            inlet.finish(failure)
            del self._streams[inlet]
            self._begun.pop(inlet).set()

    async def _read(self, inlet: Inlet, backoff: Backoff) -> bool:
        """One response; whether it was whole."""
        body = json.dumps(inlet.request, separators=(",", ":"), ensure_ascii=False).encode()
        async with self.http.exchange("POST", self.headers, body) as (head, pieces):
            kind = (head.get("Content-Type") or "").partition(";")[0].strip().lower()
            if head.status != 200 or kind != "text/event-stream":
                said = b""
                async for piece in pieces:
                    said += piece
                    if len(said) > LIMIT:
                        break
                inlet.put(_refusal(head.status, kind, said))
                return True
            backoff.opened(asyncio.get_running_loop().time())
            self._begun[inlet].set()
            parser = Parser()
            async for piece in pieces:
                for event in parser.feed(piece):
                    if event.type == "complete":
                        return True
                    _hear(event, inlet)
                    await inlet.room()
        return False


def _hear(event: Event, inlet: Inlet) -> None:
    if event.type == "next":
        try:
            inlet.put(result_of(load(event.data)))
        except Malformed as wrong:
            raise Ended(0, f"an event cannot be read: {wrong.problem}", Rule.NEVER, "") from None


def _refusal(status: int, kind: str, body: bytes) -> Result:
    """The result in an answer that is no stream. Ended: there is none."""
    try:
        if "json" in kind:
            return result_of(load(body))
    except (Malformed, LabError):
        pass
    rule = Rule.AGAIN if status in _STATUSES else Rule.NEVER
    raise Ended(0, f"the answer is {status} {kind or 'without a type'}, and no event stream", rule, "")
