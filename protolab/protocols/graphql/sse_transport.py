"""Operations over event streams: graphql-sse in its "distinct connections" mode, one HTTP response for each operation.

The response is 200 and text/event-stream, whatever becomes of the operation: a request error is a `next` event too, since
an EventSource shows its page no body of any other status. A `complete` event is the last, and has an empty `data` line, for
without one no listener would ever be called (WHATWG HTML section 9.2.6).
"""

from __future__ import annotations

import asyncio

from tornado.web import RequestHandler

from protolab import repeat
from protolab.protocols.graphql.engine import Prepared, Refusal
from protolab.protocols.graphql.lean import encode
from protolab.protocols.graphql.operations import Errors, Hub, Operation, Outlet
from protolab.serve.fanout import RETRY, Fanout, Member
from protolab.serve.handover import Stream, hand_over

COMPLETE = b"event: complete\ndata:\n\n"


class Streams:
    """All the event streams of a server, at most `most` (503 for one more). Every `keepalive` seconds each gets a comment.

    A client that does not read is cut off at the fan-out's bound; a source of its own waits for it.
    """

    def __init__(self, hub: Hub, *, most: int, keepalive: float | None) -> None:
        self.hub = hub
        self.most = most
        self.keepalive = keepalive
        self.fanout = Fanout()
        self.open: set[_ToStream] = set()
        self._chunked: set[Member] = set()
        self._nobody = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    async def answer(self, handler: RequestHandler, prepared: Prepared | Refusal) -> None:
        """Answer a request with an event stream."""
        if len(self.open) >= self.most:
            handler.set_status(503)
            handler.set_header("Retry-After", "10")
            handler.finish(f"There are {self.most} event streams, and no room for more. Try again later.\n")
            return
        outlet = _ToStream(self)
        self.open.add(outlet)
        handler.set_status(200)
        handler.set_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.set_header("X-Accel-Buffering", "no")  # a proxy that waits for the end of the body would wait for ever
        try:
            outlet.begin(await hand_over(handler, outlet.gone))
        except BaseException as error:
            self.open.discard(outlet)
            if isinstance(error, ConnectionError):
                return
            raise
        outlet.operation = Operation(self.hub, outlet)
        outlet.operation.begin(prepared)
        if self._beating is None and self.keepalive is not None and not repeat.on():
            self._beating = self.hub.task(self._beat(self.keepalive))

    async def stop(self) -> None:
        """End every stream, as HTTP asks; what its client does not take is cut off."""
        for outlet in tuple(self.open):
            if outlet.operation is not None:
                outlet.operation.end()
            outlet.complete()
        while self.open:
            self._nobody.clear()
            await self._nobody.wait()
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
        self.fanout.close()

    def gone(self, outlet: _ToStream) -> None:
        """A client's connection is closed."""
        self.open.discard(outlet)
        self._nobody.set()

    async def _beat(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            for outlet in tuple(self.open):
                outlet.write(b":\n\n")


class _ToStream(Outlet):
    """Where the results of one operation on an event stream go."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self.operation: Operation | None = None
        self._stream: Stream | None = None
        self._member: Member | None = None

    def begin(self, stream: Stream) -> None:
        """The connection is ours: the head goes first."""
        self._stream = stream
        self._member = self.streams.fanout.join(stream.transport)
        # A comment is seen by no listener, and lets a client know at once that the stream stands.
        self._member.send(stream.head + stream.frame(b":\n\n"))

    def say(self, result: bytes) -> None:
        self.write(b"event: next\ndata: %b\n\n" % result)

    def fail(self, errors: Errors) -> None:
        self.say(encode({"errors": errors}))
        self.complete()

    def complete(self) -> None:
        if self._stream is None or self._member is None or not self._member.open:
            return
        self.write(COMPLETE)
        self._member.flush(anyway=True)
        self._member.leave()
        self._stream.end()

    def write(self, data: bytes) -> None:
        """Bytes of the body."""
        if self._stream is not None and self._member is not None and self._member.open:
            self._member.send(self._stream.frame(data))

    async def ready(self) -> None:
        member = self._member
        while member is not None and member.open and member.size and not member.flush():  # noqa: ASYNC110
            await asyncio.sleep(RETRY)  # as the fan-out looks again: a transport tells nobody but its protocol

    def gone(self) -> None:
        """The connection is closed, whoever did it."""
        if self._member is not None:
            self._member.leave()
        if self.operation is not None:
            self.operation.end()
        self.streams.gone(self)
