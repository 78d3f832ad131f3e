"""Updates as an event stream: a reader asks once, and is told for as long as it stays."""

from __future__ import annotations

import asyncio

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from protolab import repeat
from protolab.protocols.sse import format
from protolab.serve import Server
from protolab.serve.updates import Updates

_LARGEST_REQUEST = 2**16  # bytes of a body, which no GET needs


class UpdatesServer(Server):
    """Answers `GET /updates` with an event for each update, its number as id, from those still kept (`keep`) on.

    A reader that comes back with a Last-Event-ID is told what came after it. Each goes through the updates at its own
    pace; to one that falls more than `keep` behind, or names an id that was never given, a `resync` event says so before
    what is kept. Every `keepalive` seconds without news there is a comment, but none in a repeatable run. `await
    publish(text)`, on the lab's loop, tells the news.
    """

    name = "updates-sse"
    scheme = "http"
    path = "/updates"

    def __init__(self, *, keep: int = 1000, keepalive: float = 15) -> None:
        super().__init__()
        self.updates = Updates(keep)
        self.keepalive = keepalive
        self.readers: set[asyncio.Task[None]] = set()
        self._http: HTTPServer | None = None

    async def publish(self, text: str) -> int:
        """Tell an update (one line) and return its number: `lab.run(server.publish("news"))`."""
        return self.updates.publish(text)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        routes = Application([(r"/updates", _Handler, {"server": self})], log_function=self._note)
        sockets = bind_sockets(port, host)
        self._http = HTTPServer(routes, max_body_size=_LARGEST_REQUEST)
        self._http.add_sockets(sockets)
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End every stream, close every connection, and free the port."""
        http, self._http = self._http, None
        if http is not None:
            http.stop()
            while self.readers:
                for reader in self.readers:
                    reader.cancel()
                await asyncio.sleep(0)  # a turn or two of the loop, in which their streams end
            await http.close_all_connections()

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._http is not None

    def _note(self, handler: RequestHandler) -> None:
        status, request = handler.get_status(), handler.request
        if status >= 400:
            self.log(f"{status} {request.method} {request.uri}")


class _Handler(RequestHandler):
    server: UpdatesServer
    telling: asyncio.Task[None] | None = None

    def initialize(self, server: UpdatesServer) -> None:
        self.server = server

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")  # a version would differ between machines, and nobody needs to know it
        if repeat.on():
            self.clear_header("Date")  # RFC 9110 section 6.6.1: as a server without a clock

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.telling = asyncio.create_task(self._tell(self.request.headers.get("Last-Event-ID", "")))
        self.server.readers.add(self.telling)
        try:
            await asyncio.wait([self.telling])
            if not self.telling.cancelled() and not isinstance(error := self.telling.exception(), StreamClosedError):
                raise error or AssertionError("what is told has no end")
        finally:
            self.server.readers.discard(self.telling)

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

    def on_connection_close(self) -> None:
        """The reader has gone: tell it no more."""
        if self.telling is not None:
            self.telling.cancel()

    def compute_etag(self) -> None:
        """None: a stream is never the same."""

    def log_exception(self, *error: object) -> None:
        """Into the log: what a thread prints lands in somebody's notebook cell."""
        if not isinstance(error[1], HTTPError):
            self.server.log(f"{self.request.method} {self.request.uri} failed: {error[1]!r}")


def _resync(reason: str) -> bytes:
    return format.encode(format.as_text({"reason": reason}), event="resync")
