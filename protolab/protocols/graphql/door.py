"""Where messages come in. tornado's `Application` answers them, but a query takes a shorter way to its handler.

An Application makes of a request what any handler could want: it looks for a route, parses arguments, has futures for the
steps. That is a fifth of what the server spends on a small query, and this handler uses none of it: a POST to /graphql is
handed over as it comes. The handler is the same by either way, and so are its rules.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import Any
from weakref import WeakKeyDictionary

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream
from tornado.web import Application

from protolab.protocols.graphql.http_api import HttpHandler
from protolab.protocols.graphql.patience import Patience

_ABSOLUTE = re.compile(
    r"\Ahttps?://[^/?]*(?=/)", re.I
)  # the form for proxies, RFC 9112 section 3.2.2: a server takes it too
_IDLE = 120.0  # seconds a connection may be open without a request


class Listener(HTTPServer):
    """Tornado's server for `routes`, which counts its connections and the requests on each."""

    def initialize(self, *arguments: Any, **named: Any) -> None:
        super().initialize(*arguments, **named)
        self.routes: Application = arguments[0]
        self.conn_params.header_timeout = None  # tornado's has futures and a timer for every request
        self._idle = Patience(_IDLE, _hang_up)
        self._count = 0
        self._places: WeakKeyDictionary[IOStream, list[int]] = WeakKeyDictionary()

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        self._count += 1
        self._places[stream] = [self._count, 0]
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        assert isinstance(server_conn, HTTP1ServerConnection)
        self._idle.begin(server_conn)
        return _Message(self, server_conn, request_conn)

    def arrived(self, connection: HTTP1ServerConnection) -> None:
        """The head of a message is here."""
        self._idle.end(connection)

    def on_close(self, server_conn: object) -> None:
        assert isinstance(server_conn, HTTP1ServerConnection)
        self._idle.end(server_conn)
        super().on_close(server_conn)

    def forget(self) -> None:
        """No timer is left, when all connections are closed."""
        self._idle.stop()

    def place(self, stream: IOStream) -> tuple[int, int]:
        """The number of a connection, and that of the request that it now brings."""
        place = self._places[stream]
        place[1] += 1
        return place[0], place[1]


def _hang_up(connection: HTTP1ServerConnection) -> None:
    connection.stream.close()


class _Message(HTTPMessageDelegate):
    """One message. Which way it goes is known with its head."""

    def __init__(self, listener: Listener, server_conn: HTTP1ServerConnection, request_conn: HTTPConnection) -> None:
        self._listener = listener
        self._server_conn = server_conn
        self._request_conn = request_conn
        self._way = HTTPMessageDelegate()  # as long as none is known, nothing becomes of it

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        start_line = start_line._replace(path=_ABSOLUTE.sub("", start_line.path, 1))
        self._listener.arrived(self._server_conn)
        routes, connections = self._listener.routes, (self._server_conn, self._request_conn)
        if start_line.method == "POST" and start_line.path == "/graphql":
            server_conn, request_conn = connections
            self._way = _Post(
                HttpHandler(
                    routes,
                    HTTPServerRequest(
                        connection=request_conn, server_connection=server_conn, start_line=start_line, headers=headers
                    ),
                )
            )
        else:
            self._way = routes.start_request(*connections)
        return self._way.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._way.data_received(chunk)

    def finish(self) -> None:
        self._way.finish()

    def on_connection_close(self) -> None:
        self._way.on_connection_close()


class _Post(HTTPMessageDelegate):
    """Takes a message to its handler, as `tornado.web` would."""

    def __init__(self, handler: HttpHandler) -> None:
        self._handler = handler
        handler._transforms = []  # as for any handler whose answers are not compressed
        self._answering: asyncio.Task[None] | None = None

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        self._handler.prepare()

    def data_received(self, chunk: bytes) -> None:
        self._handler.data_received(chunk)

    def finish(self) -> None:
        if not self._handler._finished:
            self._answering = asyncio.create_task(self._answer())

    async def _answer(self) -> None:
        handler = self._handler
        try:
            await handler.post()
        except Exception as error:
            handler.log_exception(type(error), error, error.__traceback__)
            if not handler._finished:
                handler.send_error(500)

    def on_connection_close(self) -> None:
        self._handler.on_connection_close()
