"""What servers of updates over HTTP share, however they tell them: one route, and requests that are held until there is news."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from protolab import repeat
from protolab.serve.server import Server
from protolab.serve.updates import Updates

_LARGEST_REQUEST = 2**16  # bytes of a body, which no GET needs


class HttpUpdatesServer(Server):
    """`GET /updates`, answered by `handler`. `held` are the tasks of requests that wait; a stop cancels them.

    `await publish(text)`, on the lab's loop, tells the news; the newest `keep` are kept.
    """

    scheme = "http"
    path = "/updates"

    def __init__(self, keep: int, handler: type[UpdatesHandler]) -> None:
        super().__init__()
        self.handler = handler
        self.updates = Updates(keep)
        self.held: set[asyncio.Task[Any]] = set()
        self._http: HTTPServer | None = None

    async def publish(self, text: str) -> int:
        """Tell an update (one line) and return its number: `lab.run(server.publish("news"))`."""
        return self.updates.publish(text)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        also = {"server": self}
        routes = Application(
            [(r"/updates", self.handler, also)],
            default_handler_class=_Nowhere,
            default_handler_args=also,
            log_function=self._note,
        )
        sockets = bind_sockets(port, host)
        self._http = HTTPServer(routes, max_body_size=_LARGEST_REQUEST)
        self._http.add_sockets(sockets)
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End the requests that are held, close every connection, and free the port."""
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


class UpdatesHandler(RequestHandler):
    """A request for updates; `waiting` is what it is held by, if it is."""

    server: Any  # the server of the handler's own kind
    waiting: asyncio.Task[Any] | None = None

    def initialize(self, server: HttpUpdatesServer) -> None:
        self.server = server

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")  # RFC 9111 section 5.2.2.5: yesterday's answer is no answer
        self.clear_header("Server")  # a version would differ between machines, and nobody needs to know it
        if repeat.on():
            self.clear_header("Date")  # RFC 9110 section 6.6.1: as a server without a clock

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 405:
            self.set_header("Allow", "GET")  # RFC 9110 section 15.5.6
        super().write_error(status_code, **kwargs)

    def on_connection_close(self) -> None:
        """The reader has gone: wait no longer for its news."""
        if self.waiting is not None:
            self.waiting.cancel()

    def compute_etag(self) -> None:
        """None: who asks with a number needs no other mark of what it has."""


class _Nowhere(UpdatesHandler):
    def prepare(self) -> None:
        raise HTTPError(404)
