"""What the event server answers to each request, checked before it is believed. Every refusal is JSON with a remedy."""

from __future__ import annotations

import json
from functools import partial
from http.client import responses
from typing import TYPE_CHECKING, Any, NoReturn

from tornado.httpserver import HTTPServer
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from protolab import repeat
from protolab.errors import LabError
from protolab.serve.handover import hand_over

if TYPE_CHECKING:
    from protolab.protocols.sse.server import EventServer

MIME = "text/event-stream"
_HEAD = 2**14  # bytes of a request's head
_IDLE = 60.0  # seconds to wait for the next request on a connection, and for a body to arrive
_DRAINED = 2**20  # bytes of a body that are read to be forgotten, since who is still sending might miss the answer
_UNBOUNDED = 2**62  # tornado would cut off who sends too much; the handlers say 413 instead


class Refusal(HTTPError):
    """A request that is not answered as it hopes, and what to do about it."""

    def __init__(self, status: int, error: str, remedy: str) -> None:
        super().__init__(status, error.replace("%", "%%"))
        self.error = error
        self.remedy = remedy


def listener(server: EventServer) -> HTTPServer:
    """An HTTP server that answers for `server`."""
    also = {"server": server}
    routes = Application(
        [
            (r"/api/events", _Events, also),
            (r"/api/broadcast", _Broadcast, also),
            (r"/api/notify", _Notify, also),
            (r"/api/update", _Update, also),
            (r"/api/clients", _Clients, also),
            (r"/api/clients/([^/]+)", _Client, also),
        ],
        default_handler_class=_Nowhere,
        default_handler_args=also,
        log_function=lambda handler: None,  # write_error logs what went wrong; the rest is in the capture
    )
    return HTTPServer(
        routes, max_header_size=_HEAD, max_body_size=_UNBOUNDED, idle_connection_timeout=_IDLE, body_timeout=_IDLE
    )


def accepts(accept: str) -> bool:
    """Whether an Accept header lets an event stream pass: the most specific range decides (RFC 9110 section 12.5.1).

    >>> accepts("text/event-stream"), accepts("*/*;q=0.1"), accepts("text/html"), accepts("*/*, text/event-stream;q=0")
    (True, True, False, False)
    """
    ranges = {}
    for each in accept.lower().split(","):
        media, *parameters = (part.strip() for part in each.split(";"))
        weights = [value for name, _, value in (each.partition("=") for each in parameters) if name.strip() == "q"]
        ranges[media] = not weights or weights[0].strip().strip("0") not in ("", ".")
    return next((ranges[media] for media in (MIME, "text/*", "*/*") if media in ranges), not accept.strip())


@stream_request_body
class _Handler(RequestHandler):
    """What all have in common: bounds, methods, CORS, and errors as JSON."""

    server: EventServer
    methods: tuple[str, ...] = ()

    def initialize(self, server: EventServer) -> None:
        self.server = server
        self.said = bytearray()
        self.length = 0  # of the body so far
        self.unread = True  # some of the body: a refusal now ends the connection, since tornado reads on for nobody
        self._cross_origin()

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")  # a version would differ between machines, and nobody needs to know it
        if repeat.on():
            self.clear_header("Date")  # RFC 9110 section 6.6.1: as a server without a clock

    def prepare(self) -> None:
        if self.request.method not in (*self.methods, "OPTIONS"):
            raise HTTPError(405)
        length = self.request.headers.get("Content-Length", "")
        if length.isdecimal() and (len(length) > 18 or int(length) > _DRAINED):
            raise self._too_large()
        self.unread = False  # what is left is read before anything else happens

    def data_received(self, chunk: bytes) -> None:
        self.length += len(chunk)
        if self.length <= self.server.limits.body:
            self.said += chunk
        elif self.length > _DRAINED and not self._finished:
            self.unread = True
            self.send_error(413, exc_info=(Refusal, self._too_large(), None))

    def options(self, *path: str) -> None:
        """What may be done here; for a page of another origin that asks before it does, a preflight (Fetch section 3.2)."""
        self.set_header("Allow", ", ".join((*self.methods, "OPTIONS")))
        if "Access-Control-Allow-Origin" in self._headers:
            self.set_header("Access-Control-Allow-Methods", ", ".join(self.methods))
            self.set_header("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID, Cache-Control")
            self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        cause = kwargs.get("exc_info", (None, None, None))[1]
        error, remedy = f"{responses.get(status_code, 'Unknown')}.", "Look at how the request is written."
        if isinstance(cause, Refusal):
            error, remedy = cause.error, cause.remedy
        elif status_code == 405:
            error, remedy = f"{self.request.method} does nothing here.", f"Use {' or '.join(self.methods)}."
            self.set_header("Allow", ", ".join((*self.methods, "OPTIONS")))
        elif status_code >= 500:
            remedy = "Look into the server's log."
        if self.unread:
            self.set_header("Connection", "close")  # RFC 9112 section 9.6
        if status_code == 503:
            self.set_header("Retry-After", "5")
        self._cross_origin()  # send_error has cleared it
        self.server.log(f"{status_code} {self.request.method} {self.request.uri}: {error}")
        self.finish(json.dumps({"error": error, "remedy": remedy}))

    def compute_etag(self) -> None:
        """None: nothing here is stored."""

    def log_exception(self, *error: object) -> None:
        """Into the log: what a thread prints lands in somebody's notebook cell."""
        if not isinstance(error[1], HTTPError):
            self.server.log(f"{self.request.method} {self.request.uri} failed: {error[1]!r}")

    def _cross_origin(self) -> None:
        """Let pages of the origins that were named read the answer, and no others (Fetch section 3.2.3)."""
        origins, origin = self.server.origins, self.request.headers.get("Origin")
        if origins and "*" not in origins:
            self.set_header("Vary", "Origin")
        if origin is not None and ("*" in origins or origin in origins):
            self.set_header("Access-Control-Allow-Origin", "*" if "*" in origins else origin)
            if self.server.credentials:
                self.set_header("Access-Control-Allow-Credentials", "true")

    def _refuse(self, status: int, error: str, remedy: str) -> NoReturn:
        raise Refusal(status, error, remedy)

    def _too_large(self) -> Refusal:
        return Refusal(413, f"A body has at most {self.server.limits.body:,} bytes here.", "Send less at a time.")

    def _client_id(self, text: object) -> str:
        """A client id, if that is one."""
        most = self.server.limits.name
        if not isinstance(text, str) or not 0 < len(text) <= most or not text.isprintable():
            self._refuse(400, "That is no client id.", f"Name a client by 1 to {most} printable characters.")
        return text

    def _object(self, **kinds: type[Any] | tuple[type[Any], ...]) -> dict[str, Any]:
        """The JSON object that was said, with no members but those of `kinds`, each of its kind."""
        if self.length > self.server.limits.body:
            raise self._too_large()
        media = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media != "application/json" or "Content-Encoding" in self.request.headers:
            self._refuse(415, "Only plain JSON is understood here.", "Send Content-Type: application/json.")
        try:
            said = json.loads(self.said.decode(), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            self._refuse(400, f"The body is not JSON: {error}.", 'Send something like {"data": "hello"}.')
        if not isinstance(said, dict):
            self._refuse(400, "The body is not a JSON object.", f"Send one, with any of {', '.join(kinds)}.")
        for name, value in said.items():
            if name not in kinds:
                self._refuse(400, f"{name[:100]!r} means nothing here.", f"Leave it out, or use {', '.join(kinds)}.")
            if not isinstance(value, kinds[name]):
                kind = "a string" if kinds[name] is str else "a list of client ids, or leave it out"
                self._refuse(400, f"{name} cannot be {json.dumps(value)[:100]}.", f"Make it {kind}.")
        return said

    def _targets(self, said: dict[str, Any]) -> list[str] | None:
        """Whom it is for: everyone if that is not said, nobody if the list is empty."""
        targets = said.get("target_clients")
        return None if targets is None else [self._client_id(each) for each in targets]

    def _say(self, event: str, data: Any, targets: list[str] | None) -> None:
        try:
            number = self.server.say(event, data, targets)
        except LabError as error:
            self._refuse(400, error.problem, error.remedy)
        told = self.server.clients
        clients = len(told) if targets is None else len(told.keys() & set(targets))
        self.finish(json.dumps({"status": "sent", "id": number, "clients": clients}))


class _Events(_Handler):
    """The stream. HEAD is answered as GET would be, and ends there."""

    methods = ("GET", "HEAD")

    async def get(self) -> None:
        # As it was written: get_query_argument would make a space of each control character, and so another id.
        named = self.request.query_arguments.get("client_id")
        client_id = self._client_id(named[-1].decode("utf-8", "surrogateescape")) if named else None
        if not accepts(self.request.headers.get("Accept", "")):
            self._refuse(406, f"There is only {MIME} here.", f"Send Accept: {MIME}.")
        if client_id in self.server.dismissed:
            self.set_status(204)  # "stop reconnecting", WHATWG HTML section 9.2.3
            return
        self.set_header("Content-Type", MIME)
        self.set_header("X-Accel-Buffering", "no")  # nginx, and who learnt from it, would wait for more to pass on
        if self.request.method == "HEAD":
            self.flush()  # finish() alone would claim a length
            return
        # The header is the newer one: a page that reconnects by hand wrote the query when it first connected.
        said = self.request.headers.get("Last-Event-ID", "").encode("latin-1", "replace")  # as tornado has read it
        last_id = said.decode("utf-8", "replace") or self.get_query_argument("lastEventId", "", strip=False)
        try:
            subscriber = self.server.expect(client_id)
        except LabError as error:
            self._refuse(503, error.problem, error.remedy)
        try:
            stream = await hand_over(
                self, partial(self.server.audience.gone, subscriber)
            )  # a lambda would keep the handler
        except BaseException as error:
            self.server.audience.gone(subscriber)
            if not isinstance(error, OSError):
                raise
            return
        self.server.begin(subscriber, stream, last_id)

    head = get


class _Broadcast(_Handler):
    methods = ("POST",)

    def post(self) -> None:
        said = self._object(event=str, data=object, target_clients=(list, type(None)))
        self._say(said.get("event", "message"), said.get("data", {}), self._targets(said))


class _Notify(_Handler):
    methods = ("POST",)

    def post(self) -> None:
        said = self._object(title=str, message=str, priority=str)
        notice = {"title": "Notification", "message": "", "priority": "normal"} | said
        self._say("notification", notice, None)


class _Update(_Handler):
    methods = ("POST",)

    def post(self) -> None:
        said = self._object(update_data=object, target_clients=(list, type(None)))
        self._say("update", said.get("update_data", {}), self._targets(said))


class _Clients(_Handler):
    methods = ("GET", "HEAD")

    def get(self) -> None:
        clients = self.server.clients
        each = [{"client_id": client_id, "connections": number} for client_id, number in clients.items()]
        self.finish(json.dumps({"client_count": len(clients), "clients": each}))

    head = get


class _Client(_Handler):
    """DELETE dismisses a client: its streams end, and 204 keeps it from coming back."""

    methods = ("DELETE",)

    async def delete(self, client_id: str) -> None:
        ended = await self.server.dismiss(self._client_id(client_id))
        self.finish(json.dumps({"status": "dismissed", "connections": ended}))


class _Nowhere(_Handler):
    def prepare(self) -> None:
        self._refuse(404, f"There is nothing at {self.request.path[:100]}.", "Events are at /api/events.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
