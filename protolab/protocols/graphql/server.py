"""The GraphQL server: users and posts over HTTP, WebSocket and event streams at /graphql, and by REST at /rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from graphql import GraphQLSchema
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from protolab.protocols.graphql.door import Listener
from protolab.protocols.graphql.engine import Engine, Prepared, Refusal
from protolab.protocols.graphql.http_api import ALLOW, HttpHandler
from protolab.protocols.graphql.limits import Limits
from protolab.protocols.graphql.operations import Hub
from protolab.protocols.graphql.page import PageHandler
from protolab.protocols.graphql.patience import Patience
from protolab.protocols.graphql.persisted import Persisted
from protolab.protocols.graphql.rest import Nowhere, RestHandler
from protolab.protocols.graphql.schema import Context, users_and_posts
from protolab.protocols.graphql.sse_transport import Streams
from protolab.protocols.graphql.statuses import Profile
from protolab.protocols.graphql.store import Store
from protolab.protocols.graphql.trace import Trace, Traces
from protolab.protocols.graphql.websocket_transport import Bounds, OnConnect, Sockets
from protolab.serve import Server


class GraphQLServer(Server):
    """Users and their posts, to be asked and changed over HTTP, and listened to over WebSocket and event streams.

    Serves `store` (20 users with 100 posts, if none is given) by `schema`, within `limits`.

    profile: which HTTP status says what (see `statuses`). introspection, mask, cache, persisted: as `Engine` has them.
    batching: whether loaders batch; off shows the N+1 problem. csrf: refuse what a page of another site sends, unless its
    origin is among `origins`, which also are told that they may read the answers (CORS). page: serve the page for browsers.
    traces: how many requests to keep the trace of, in `server.traces`; a response then bears its number as `Trace-Id`.
    on_connect, bounds, keepalive: see `websocket_transport.Sockets`; as many event streams as sockets may be open.
    """

    name = "graphql"
    scheme = "http"
    path = "/graphql"

    def __init__(
        self,
        store: Store | None = None,
        *,
        schema: GraphQLSchema | None = None,
        profile: Profile = "2023",
        limits: Limits | None = None,
        introspection: bool = True,
        mask: bool = True,
        cache: bool = True,
        batching: bool = True,
        persisted: Persisted | None = None,
        csrf: bool = True,
        origins: Sequence[str] = (),
        page: bool = True,
        traces: int = 0,
        on_connect: OnConnect | None = None,
        bounds: Bounds | None = None,
        keepalive: float | None = 20,
    ) -> None:
        super().__init__()
        self.store = store or Store()
        self.profile: Profile = profile
        self.limits = limits or Limits()
        self.batching = batching
        self.csrf = csrf
        self.origins = tuple(origins)
        self.page = page
        self.traces = Traces(traces)
        self.engine = Engine(
            schema or users_and_posts(),
            self.context,
            limits=self.limits,
            introspection=introspection,
            mask=mask,
            cache=cache,
            persisted=persisted,
            log=self.log,
        )
        self.running: set[asyncio.Task[Any]] = set()  # requests that are being run
        self.bodies = Patience(self.limits.body_seconds, HttpHandler.too_slow)  # those that are on their way
        bounds = bounds or Bounds()
        self.hub = Hub(self.engine, self.log)
        self.sockets = Sockets(self.hub, self.traces, bounds=bounds, on_connect=on_connect, keepalive=keepalive)
        self.streams = Streams(self.hub, most=bounds.sockets, keepalive=keepalive)
        self._http: Listener | None = None
        self._listening = False

    def context(self, trace: Trace | None) -> Context:
        """What the resolvers of one request share."""
        return Context(self.store, trace, batching=self.batching, most=self.limits.listed)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        routes = Application(
            [
                (r"/graphql", HttpHandler),
                (r"/graphql/page\.(js|css)", PageHandler),
                (r"/rest/(users|posts)(?:/(\w+)(?:/(posts))?)?", RestHandler),
            ],
            default_handler_class=Nowhere,
            log_function=self._note,
            graphql=self,
        )
        sockets = bind_sockets(port, host)
        # Bodies and URLs are bounded in the handler, which can say so; tornado would close the connection without a word.
        self._http = Listener(routes, max_body_size=2**50, max_header_size=8 * self.limits.headers)
        self._http.add_sockets(sockets)
        self._listening = True
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Answer what is being run with an error, close every connection, and free the port."""
        http, self._listening = self._http, False
        if http is not None:
            http.stop()
            await self.streams.stop()
            await self.sockets.stop()
            await self.hub.stop()
            while self.running:
                for running in self.running:
                    running.cancel()
                await asyncio.sleep(0)  # a turn or two of the loop, in which they are answered
            await http.close_all_connections()
            http.forget()
            self.bodies.stop()
            self._http = None

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._listening

    async def stream(self, handler: HttpHandler, prepared: Prepared | Refusal) -> None:
        """Answer with an event stream."""
        await self.streams.answer(handler, prepared)

    def place(self, request: HTTPServerRequest) -> tuple[int, int]:
        """Which of the server's connections a request came on, and which of its requests it is, both from 1."""
        assert self._http is not None
        return self._http.place(request.connection.stream)  # type: ignore[union-attr]

    def cors(self, request: HTTPServerRequest) -> Iterator[tuple[str, str]]:
        """The fields that let pages of the `origins` read answers (Fetch standard, section 3.3)."""
        if not self.origins:
            return
        yield "Vary", "Origin"
        origin = request.headers.get("Origin")
        if origin not in self.origins:
            return
        yield "Access-Control-Allow-Origin", str(origin)
        yield "Access-Control-Expose-Headers", "Trace-Id"
        if request.method == "OPTIONS":
            yield "Access-Control-Allow-Methods", ALLOW
            yield "Access-Control-Allow-Headers", "Accept, Content-Type, GraphQL-Require-Preflight"
            yield "Access-Control-Max-Age", "600"

    def _note(self, handler: RequestHandler) -> None:
        status, request = handler.get_status(), handler.request
        if status >= 400:
            self.log(f"{status} {request.method} {request.path}")
