"""Updates over plain HTTP: who wants news asks again and again (polling), or asks and is kept waiting (long polling)."""

from __future__ import annotations

import asyncio

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from protolab import repeat
from protolab.serve import Server
from protolab.serve.updates import Updates

_LARGEST_REQUEST = 2**16  # bytes of a body, which no GET needs


class UpdatesServer(Server):
    """Answers `GET /updates?since=N` with what was published after number N, one update a line, in order.

    With nothing new it answers 204 at once; asked with `&wait=1` it holds the request until there is something, or
    answers 204 after `patience` seconds, since a connection on which nothing moves is cut by proxies. Readers that fall
    more than `keep` updates behind are answered 410. `await publish(text)`, on the lab's loop, tells the news.
    """

    name = "updates-http"
    scheme = "http"
    path = "/updates"

    def __init__(self, *, keep: int = 1000, patience: float = 30) -> None:
        super().__init__()
        self.updates = Updates(keep)
        self.patience = patience
        self.held: set[asyncio.Task[list[str]]] = set()  # requests that wait for news
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
        """Answer the requests that are held, close every connection, and free the port."""
        http, self._http = self._http, None
        if http is not None:
            http.stop()
            while self.held:
                for waiting in self.held:
                    waiting.cancel()
                await asyncio.sleep(0)  # a turn or two of the loop, in which they are answered
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
    waiting: asyncio.Task[list[str]] | None = None

    def initialize(self, server: UpdatesServer) -> None:
        self.server = server

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Cache-Control", "no-store")  # RFC 9111 section 5.2.2.5: yesterday's answer is no answer
        self.clear_header("Server")  # a version would differ between machines, and nobody needs to know it
        if repeat.on():
            self.clear_header("Date")  # RFC 9110 section 6.6.1: as a server without a clock

    async def get(self) -> None:
        since = self.get_query_argument("since", "0")
        if not (since.isascii() and since.isdigit() and len(since) < 16):
            return self._refuse(400, f"since={since} is not a number: say how many updates you have")
        try:
            if self.get_query_argument("wait", "0") == "1":
                news = await self._wait(int(since))
            else:
                news = self.server.updates.since(int(since))
        except LookupError as error:
            return self._refuse(410, f"{error}: begin again with what there is now")
        if news:
            self.write("".join(f"{text}\n" for text in news))
        else:
            self.set_status(204)
        self.finish()

    async def _wait(self, since: int) -> list[str]:
        """The news once there is some; none when patience, the connection or the server ends first."""
        self.waiting = asyncio.create_task(self.server.updates.after(since))
        self.server.held.add(self.waiting)
        try:
            await asyncio.wait([self.waiting], timeout=self.server.patience)
        finally:
            self.server.held.discard(self.waiting)
        if not self.waiting.done() or self.waiting.cancelled():
            self.waiting.cancel()
            return []
        return self.waiting.result()

    def on_connection_close(self) -> None:
        """The reader has gone: wait no longer for its news."""
        if self.waiting is not None:
            self.waiting.cancel()

    def _refuse(self, status: int, why: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{why}\n")

    def compute_etag(self) -> None:
        """None: who asks with a number needs no other mark of what it has."""

    def log_exception(self, *error: object) -> None:
        """Into the log: what a thread prints lands in somebody's notebook cell."""
        self.server.log(f"{self.request.method} {self.request.uri} failed: {error[1]!r}")
