"""GraphQL over HTTP: a message becomes requests, the engine runs them, their results become a response.

What is refused here (a method, a type, a size) is said in a GraphQL error too, so that clients need one way to read all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qsl

from tornado.web import stream_request_body

from protolab.protocols.graphql import media, page, statuses
from protolab.protocols.graphql.engine import Prepared, Refusal, Result
from protolab.protocols.graphql.lean import Lean, encode, refusal
from protolab.protocols.graphql.request import Malformed, Request, load, read
from protolab.protocols.graphql.trace import Trace

ALLOW = "GET, HEAD, POST, OPTIONS"
_PREFLIGHT = "graphql-require-preflight"  # a header that a page of another site cannot send unasked
_DRAIN = 16  # times the limit of a body that is read and forgotten, so that its sender lives to read the answer
_GET = ("query", "operationName", "variables", "extensions")


@stream_request_body
class HttpHandler(Lean):
    """Answers GET, HEAD, POST and OPTIONS at /graphql."""

    def initialize(self) -> None:
        self._body: list[bytes] = []
        self._size = 0
        self._running: asyncio.Task[Any] | None = None
        self._mutates = False

    # What comes before the body, and the body as it comes

    def prepare(self) -> None:
        """Refuse what is too large before it is read."""
        limits, length = self.server.limits, self.request.headers.get("Content-Length", "")
        uri = self.request.uri or ""
        if len(uri) > limits.uri:
            return self.refuse(414, f"The URL has {len(uri)} characters, and {limits.uri} are the limit: use POST.")
        if sum(len(name) + len(value) for name, value in self.request.headers.get_all()) > limits.headers:
            return self.refuse(431, f"The header fields have more than {limits.headers} characters together.")
        if length.isdecimal() and (len(length) > 15 or int(length) > limits.body * _DRAIN):
            return self._too_large()
        self.server.bodies.begin(self)

    def data_received(self, chunk: bytes) -> None:
        """Keep what fits."""
        self._size += len(chunk)
        if self._size <= self.server.limits.body:
            self._body.append(chunk)
        else:
            self._body.clear()
            if self._size > self.server.limits.body * _DRAIN and not self._finished:
                self._too_large()

    def too_slow(self) -> None:
        """Refuse a body that keeps the server waiting."""
        self.set_header("Connection", "close")
        self.refuse(408, f"The body did not come within {self.server.limits.body_seconds:g} seconds.")

    def _too_large(self) -> None:
        self.refuse(413, f"The body is too large: {self.server.limits.body} bytes are the limit.")

    # The methods

    async def post(self) -> None:
        self._arrived()
        if self._size > self.server.limits.body:
            return self._too_large()
        given = media.parse(self.request.headers.get("Content-Type", ""))
        if len(given) != 1 or given[0].name != media.JSON or not given[0].utf8:
            self.set_header("Accept-Post", media.JSON)
            said = self.request.headers.get("Content-Type")
            found = "has no Content-Type" if said is None else f"is {said}"
            return self.refuse(415, f"The body {found}: send {media.JSON} in UTF-8.")
        if self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return self.refuse(415, "The body is encoded: send it as it is.")
        wanted = self._wanted(media.EVENTS)
        if wanted is not None:
            try:
                value = load(b"".join(self._body))
                if isinstance(value, list):
                    return await self._batch(value, wanted)
                request = read(value)
            except Malformed as wrong:
                return self._malformed(wrong, wanted)
            await self._answer(request, wanted)

    async def get(self) -> None:
        self._arrived()
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            if self._trusted():
                await self.server.sockets.accept(self, self.server.place(self.request)[0])
            return
        asked = parse_qsl(self.request.query, keep_blank_values=True, errors="replace")
        if self.server.page and self._is_visit(asked):
            return page.send(self)
        wanted = self._wanted(*([media.EVENTS] if self.request.method == "GET" else []))  # HEAD has no body to stream
        if wanted is not None:
            try:
                request = read(_parameters(asked))
            except Malformed as wrong:
                return self._malformed(wrong, wanted)
            await self._answer(request, wanted)

    head = get

    async def options(self) -> None:
        self._arrived()
        self.set_status(204)
        self.set_header("Allow", ALLOW)
        self.finish()

    # The answers

    async def _answer(self, request: Request, wanted: str) -> None:
        """Run one request, and say what came of it."""
        if not self._trusted():
            return
        trace = self._trace(request)
        prepared = self.server.engine.prepare(request, trace)
        if isinstance(prepared, Refusal):
            if wanted == media.EVENTS:
                return await self.server.stream(self, prepared)
            return self._refused(prepared, wanted)
        if prepared.kind == "mutation" and self.request.method != "POST":
            self.set_header("Allow", "POST, OPTIONS")
            return self.refuse(405, "A mutation changes things, which GET never does: use POST.")
        if wanted == media.EVENTS:
            return await self.server.stream(self, prepared)
        if prepared.kind == "subscription":
            problem = f"A subscription has many results: connect a WebSocket, or accept {media.EVENTS}."
            return self._refused(Refusal("operation", refusal(problem, "SUBSCRIPTION")["errors"]), wanted)
        self._mutates = prepared.kind == "mutation"
        done = await self._run(self.server.engine.execute(prepared))
        if isinstance(done, Refusal):
            self._refused(done, wanted)
        else:
            self.reply(statuses.of_result(self.server.profile, done, wanted), done)

    async def _batch(self, values: list[Any], wanted: str) -> None:
        """Run several requests, in their order, and say what came of each. An array is no GraphQL response: it is JSON."""
        most = self.server.limits.batch
        if not 0 < len(values) <= most:
            many = f"{len(values)} requests in one array, and 1 to {most} are allowed"
            problem = f"There are {many}." if most else "Requests come one at a time here: send an object, no array."
            return self._malformed(Malformed(problem), wanted)
        if not self._trusted():
            return
        self._mutates = True  # perhaps: who is gone cancels none of it
        results = []
        for place, value in enumerate(values):
            try:
                request = read(value, (place,))
            except Malformed as wrong:
                results.append(_told(wrong))
                continue
            prepared = self.server.engine.prepare(request, self._trace(request))
            if isinstance(prepared, Prepared) and prepared.kind == "subscription":
                results.append(refusal("A subscription cannot be one of several.", "SUBSCRIPTION"))
            elif isinstance(prepared, Prepared):
                done = await self._run(self.server.engine.execute(prepared))
                results.append(done.result if isinstance(done, Refusal) else done)
            else:
                results.append(prepared.result)
        self.reply(statuses.Status(200, None, media.JSON), results)

    async def _run(self, work: Awaitable[Result | Refusal]) -> Result | Refusal:
        """Run it so that the end of the connection or of the server can end it. (Each handler has a task of its own.)"""
        running = self._running = asyncio.current_task()
        assert running is not None
        self.server.running.add(running)
        try:
            return await work
        except asyncio.CancelledError:
            running.uncancel()
            return Refusal("timeout", refusal("The server stops: ask again later.", "STOPPED")["errors"])
        finally:
            self._running = None
            self.server.running.discard(running)

    def on_connection_close(self) -> None:
        """The client is gone. What only reads need not go on."""
        self._arrived()
        if self._running is not None and not self._mutates:
            self._running.cancel()

    def refuse(self, code: int, problem: str) -> None:
        """Answer a message that is no GraphQL request with an HTTP status."""
        self.reply(statuses.of_http(self.server.profile, code), refusal(problem, f"HTTP_{code}"))

    def reply(self, status: statuses.Status, result: Any) -> None:
        """Answer, unless that was done already."""
        if self._finished:
            return
        self._arrived()
        self.set_status(status.code, status.reason)
        self.set_header("Content-Type", f"{status.media}; charset=utf-8")
        self.add_header("Vary", "Accept")
        self.finish(encode(result))

    def write_error(self, status_code: int, **_: Any) -> None:
        """What tornado refuses by itself: methods that nothing here answers; and what went wrong in here."""
        if status_code == 405:
            self.set_header("Allow", ALLOW)
            return self.refuse(405, f"{self.request.method} is not for GraphQL: use GET or POST.")
        self.refuse(status_code, "Internal server error" if status_code >= 500 else self._reason)

    # Small things

    def _arrived(self) -> None:
        """The body is here, or will never be."""
        self.server.bodies.end(self)

    def _wanted(self, *more: str, quiet: bool = False) -> str | None:
        """The media type to answer in; None: there is none, and that was said."""
        accept = self.request.headers.get("Accept")
        chosen = media.choose(accept, (*statuses.offers(self.server.profile), *more))
        if chosen is None and not quiet:
            self.refuse(406, f"Answers come as {' or '.join((media.RESPONSE, media.JSON))}; accept one of them.")
        return chosen

    def _is_visit(self, asked: list[tuple[str, str]]) -> bool:
        """Whether this is somebody who wants to see the page, and no request."""
        visit = self.request.headers.get("Sec-Fetch-Mode") == "navigate" or "query" not in dict(asked)
        return visit and self._wanted(media.HTML, quiet=True) == media.HTML

    def _trusted(self) -> bool:
        """False, and said so: a page of another site sent this in its visitor's name (cross-site request forgery)."""
        headers = self.request.headers
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
        if not self.server.csrf or _PREFLIGHT in headers or origin in self.server.origins:
            return True
        foreign = site not in ("same-origin", "none") if site is not None else _other(origin, self.request.host)
        if foreign:
            self.refuse(403, "This comes from another site: its origin is not allowed here.")
        return not foreign

    def _trace(self, request: Request) -> Trace | None:
        if not self.server.traces.keep:
            return None
        connection, order = self.server.place(self.request)
        trace = self.server.traces.begin(request, connection, order)
        assert trace is not None
        self.set_header("Trace-Id", str(trace.number))
        return trace

    def _malformed(self, wrong: Malformed, wanted: str) -> None:
        kind = "unreadable" if wrong.unreadable else "malformed"
        said = media.JSON if wanted == media.EVENTS else wanted  # nothing is streamed for what is no request
        self.reply(statuses.of_refusal(self.server.profile, kind, said), _told(wrong))

    def _refused(self, why: Refusal, wanted: str) -> None:
        self.reply(statuses.of_refusal(self.server.profile, why.kind, wanted), why.result)


def _told(wrong: Malformed) -> Result:
    about = {"at": list(wrong.path)} if wrong.path else {}
    return refusal(wrong.problem, "BAD_JSON" if wrong.unreadable else "BAD_REQUEST", **about)


def _parameters(asked: list[tuple[str, str]]) -> dict[str, Any]:
    """The parameters of a GET (section 5.3): "" means absent, and two of them are JSON."""
    found: dict[str, Any] = {}
    for name, value in asked:
        if name in _GET and value:
            if name in found:
                raise Malformed(f"{name} comes twice.", (name,))
            found[name] = value
    for name in ("variables", "extensions"):
        if name in found:
            try:
                found[name] = load(found[name])
            except Malformed as wrong:
                raise Malformed(f"{name}: {wrong.problem}", (name,), unreadable=True) from None
    return found


def _other(origin: str | None, host: str) -> bool:
    """Whether an Origin is not that of the host asked."""
    return origin is not None and origin.partition("://")[2].lower() != host.lower()
