"""Updates as an event stream: a reader asks once, and is told for as long as it stays."""

from __future__ import annotations

import asyncio

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from protolab import repeat
from protolab.protocols.sse import format
from protolab.serve.updates_server import HttpUpdatesServer, UpdatesHandler


class UpdatesServer(HttpUpdatesServer):
    """Answers `GET /updates` with an event for each update, its number as id, from those still kept (`keep`) on.

    A reader that comes back with a Last-Event-ID is told what came after it. Each goes through the updates at its own
    pace; to one that falls more than `keep` behind, or names an id that was never given, a `resync` event says so before
    what is kept. Every `keepalive` seconds without news there is a comment, but none in a repeatable run. `await
    publish(text)`, on the lab's loop, tells the news.
    """

    name = "updates-sse"

    def __init__(self, *, keep: int = 1000, keepalive: float = 15) -> None:
        super().__init__(keep, _Handler)
        self.keepalive = keepalive


class _Handler(UpdatesHandler):
    server: UpdatesServer

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.waiting = asyncio.create_task(self._tell(self.request.headers.get("Last-Event-ID", "")))
        self.server.held.add(self.waiting)
        try:
            await asyncio.wait([self.waiting])
            if not self.waiting.cancelled() and not isinstance(error := self.waiting.exception(), StreamClosedError):
                raise error or AssertionError("what is told has no end")
        finally:
            self.server.held.discard(self.waiting)

    async def _tell(self, last_id: str) -> None:
        """Send what was kept, or what came after that id, then what comes; until cancelled."""
        updates = self.server.updates
        await self.flush()  # the head, so that the reader knows at once that it is heard
        told = max(updates.count - updates.keep, 0)
        if last_id.isascii() and last_id.isdigit() and len(last_id) < 16 and int(last_id) <= updates.count:
            told = int(last_id)
        elif last_id:
            self.write(_resync(f"id {last_id[:100]!r} was never given"))
        while True:
            try:
                for text in await self._news(told):
                    told += 1
                    self.write(format.encode(text, id=str(told)))
            except LookupError as error:
                told = updates.count - updates.keep
                self.write(_resync(str(error)))
            await self.flush()

    async def _news(self, told: int) -> list[str]:
        """What came after that number, once there is something; none when it is time for a comment."""
        try:
            async with asyncio.timeout(None if repeat.on() else self.server.keepalive):
                return await self.server.updates.after(told)
        except TimeoutError:
            self.write(format.comment())
            return []

    def log_exception(self, *error: object) -> None:
        """Into the log: what a thread prints lands in somebody's notebook cell."""
        if not isinstance(error[1], HTTPError):
            self.server.log(f"{self.request.method} {self.request.uri} failed: {error[1]!r}")


def _resync(reason: str) -> bytes:
    return format.encode(format.as_text({"reason": reason}), event="resync")
