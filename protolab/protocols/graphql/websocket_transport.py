"""Operations over WebSocket: sockets by either subprotocol, at the same path as GraphQL over HTTP.

tornado reads the upgrade request; from then on `websockets` speaks RFC 6455 on the connection, a session without I/O
(`transport_ws`, `legacy_ws`) speaks the subprotocol, and what is said goes through the fan-out.

A client that does not read is bounded twice. Queries and sources of its own wait: nothing more is asked of them until it has
read. Live events, which wait for nobody, and answers to pings pile up to the fan-out's bound; then it is closed with 1013
("try again later"), and the other clients notice nothing.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tornado.web import RequestHandler
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response
from websockets.typing import Subprotocol

from protolab import repeat
from protolab.protocols.graphql.legacy_ws import LegacySession
from protolab.protocols.graphql.operations import Errors, Hub, Operation, Outlet
from protolab.protocols.graphql.server_session import Action, Begin, Close, End, Initialise, Say, ServerSession
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT, choose
from protolab.protocols.graphql.trace import Traces
from protolab.protocols.graphql.transport_ws import TransportSession
from protolab.serve.fanout import Fanout, Member
from protolab.serve.handover import take_over
from protolab.serve.websocket_peers import InFanout, LabServerProtocol, receive
from protolab.wire.websocket_frames import TEXT, Frame

OnConnect = Callable[[dict[str, Any] | None], Any]
SESSIONS: Mapping[str, type[ServerSession]] = {TRANSPORT: TransportSession, LEGACY: LegacySession}
_PILE = 32 << 10  # bytes that wait for a client before its own operations do


@dataclass(frozen=True, slots=True)
class Bounds:
    """What sockets may use up: how many there are (503 for one more), operations on each (an error for one more), bytes of a
    message (1009), seconds until connection_init (4408) and for a Close to be answered (then the connection is cut)."""

    sockets: int = 1000
    operations: int = 1000
    message: int = 2**17
    init: float = 3.0
    grace: float = 2.0


class _Protocol(LabServerProtocol):
    """The handshake of a GraphQL socket, and then its frames."""

    def process_subprotocol(self, headers: Headers) -> Subprotocol | None:
        """One we speak; else the first that is offered: the socket must stand for 4406 to be said on it, and a browser
        drops one whose offer was not taken up (WHATWG WebSockets section 4), so its page would see 1006."""
        offered = [name.strip() for value in headers.get_all("Sec-WebSocket-Protocol") for name in value.split(",")]
        chosen = choose(offered) or next((name for name in offered if name), None)
        return None if chosen is None else Subprotocol(chosen)

    def send_response(self, response: Response) -> None:
        """The answer to a request that tornado has read for us: the library's parser waits for it no more."""
        super().send_response(response)
        self.parser = self.parse()
        next(self.parser)


class Sockets:
    """All the sockets of a server. `on_connect` gets connection_init's payload and says who may come in: False is 4403, an
    object goes back with connection_ack; it may be async. Every `keepalive` seconds each client is pinged, and cut off
    when it does not answer for as long; None, or a repeatable run: no pings.
    """

    def __init__(
        self,
        hub: Hub,
        traces: Traces,
        *,
        bounds: Bounds,
        on_connect: OnConnect | None = None,
        keepalive: float | None = 20,
    ) -> None:
        self.hub = hub
        self.traces = traces
        self.bounds = bounds
        self.on_connect = on_connect
        self.keepalive = keepalive
        self.fanout = Fanout()
        self.open: set[Socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, handler: RequestHandler, connection: int = 0) -> None:
        """Answer a request for an upgrade, and talk with the client until it is gone."""
        if len(self.open) >= self.bounds.sockets:
            handler.set_status(503)
            handler.set_header("Retry-After", "10")
            handler.finish(f"There are {self.bounds.sockets} sockets, and no room for more. Try again later.\n")
            return
        request = handler.request
        protocol = _Protocol(max_size=self.bounds.message, logger=self.hub.log_of_library)
        fields = Headers((name, value) for name, value in request.headers.get_all())
        response = protocol.accept(HttpRequest(request.uri or "", fields, str(request.method), request.version))
        if response.status_code != 101:
            handler.set_status(response.status_code)
            for name, value in response.headers.raw_items():
                if name not in ("Connection", "Content-Length", "Date"):
                    handler.set_header(name, value)
            handler.finish(bytes(response.body))
            return
        protocol.send_response(response)
        keepalive = None if repeat.on() else self.keepalive  # a clock would decide when pings are seen
        socket = Socket(self, protocol, connection, keepalive)
        self.open.add(socket)
        try:
            await take_over(handler, socket)
        except BaseException as error:
            self.open.discard(socket)
            if isinstance(error, ConnectionError):  # it is gone already
                return
            raise
        self.task(socket.talk())

    async def stop(self) -> None:
        """Close every socket with 1001, and cut off who does not answer in time."""
        for socket in tuple(self.open):
            socket.leave(1001, "the server stops")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * self.bounds.grace)
        for socket in tuple(self.open):
            socket.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.fanout.close()

    def task(self, work: Any) -> asyncio.Task[None]:
        """A task that `stop` waits for."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Socket(InFanout):
    """One socket: does what its session says."""

    member: Member

    def __init__(self, sockets: Sockets, protocol: LabServerProtocol, number: int, keepalive: float | None) -> None:
        bounds = sockets.bounds
        super().__init__(protocol, ping_interval=keepalive, ping_timeout=keepalive, close_timeout=bounds.grace)
        self.sockets = sockets
        self.number = number
        kind = SESSIONS.get(str(protocol.subprotocol))
        self.session: ServerSession = (kind or TransportSession)(bounds.operations)
        self.acceptable = kind is not None
        self.operations: dict[str, Operation] = {}
        self._orders = 0
        self._asking: asyncio.Task[None] | None = None  # whether the client may come in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """tornado has let go of the connection: the 101 is the first that we say on it."""
        super().connection_made(transport)
        self.member = self.sockets.fanout.join(self.transport, on_evict=self._too_slow)
        self.send_data()

    async def talk(self) -> None:
        """From the handshake to the end. Nothing is left of it then."""
        log, bounds = self.sockets.hub.log, self.sockets.bounds
        self.start_keepalive()
        late = self.loop.call_later(bounds.init, lambda: self.act(self.session.overdue()))
        beating = self.sockets.task(self._beat()) if self.session.name == LEGACY and self.ping_interval else None
        if not self.acceptable:
            self.act(self.session.close(4406))
        try:
            while True:
                self.act(self.session.receive(await receive(self)))
        except ConnectionClosed as closed:
            log(f"socket {self.number}: {closed}")
        except Exception as error:
            log(f"socket {self.number} failed: {error!r}")
            self.act(self.session.fail())
            await self.wait_closed()
        finally:
            late.cancel()
            for task in (beating, self._asking):
                if task is not None:
                    task.cancel()
            for operation in tuple(self.operations.values()):
                operation.end()
            self.sockets.open.discard(self)

    def act(self, actions: list[Action]) -> None:
        """Do what the session says."""
        for action in actions:
            match action:
                case Say(data):
                    self.say(data)
                case Begin(id, request):
                    self._orders += 1
                    trace = self.sockets.traces.begin(request, self.number, self._orders, id)
                    hub = self.sockets.hub
                    operation = self.operations[id] = Operation(hub, _ToSocket(self, id))
                    operation.begin(hub.engine.prepare(request, trace))
                case End(id):
                    if (ended := self.operations.pop(id, None)) is not None:
                        ended.end()
                case Initialise(payload):
                    self._initialise(payload)
                case Close(code, reason):
                    self.sockets.task(self._part(code, reason))

    def say(self, data: bytes) -> None:
        """A message, in its turn."""
        self.member.send(Frame(TEXT, data).encode())

    async def ready(self) -> None:
        """Wait while much of what was said is not read."""
        while self.member.open and self.member.size > _PILE and not self.member.flush():
            await self.drain()

    def leave(self, code: int, words: str) -> None:
        """Say what ends now, and close."""
        ids = tuple(self.session.running) if code == 1001 else ()
        for id in ids:
            if (told := self.session.complete(id)) is not None:
                self.say(told)
        for operation in tuple(self.operations.values()):
            operation.end()
        self.operations.clear()
        self.act(self.session.close(code, words))

    def _too_slow(self) -> None:
        self.sockets.hub.log(f"socket {self.number} does not read: closed with 1013")
        self.loop.call_soon(self.leave, 1013, "you read too slowly; try again later")

    def _initialise(self, payload: dict[str, Any] | None) -> None:
        """Ask whether this client may come in, and wait for the answer if it has to be waited for."""
        try:
            said = True if self.sockets.on_connect is None else self.sockets.on_connect(payload)
        except Exception as error:
            return self._admit(error)
        if inspect.isawaitable(said):
            self._asking = self.sockets.task(self._wait(said))
        else:
            self._admit(said)

    async def _wait(self, answer: Awaitable[Any]) -> None:
        try:
            self._admit(await answer)
        except Exception as error:
            self._admit(error)

    def _admit(self, said: Any) -> None:
        if isinstance(said, Exception):
            self.sockets.hub.log(f"on_connect failed: {said!r}")
            self.act(self.session.fail())
        elif said is False:
            self.act(self.session.refuse())
        else:
            self.act(self.session.acknowledge(said if isinstance(said, dict) else None))

    async def _part(self, code: int, reason: str) -> None:
        """The closing handshake. Who does not answer, or does not even read, within the grace is cut off."""
        self.member.flush(anyway=True)
        self.member.leave()
        try:
            async with asyncio.timeout(self.sockets.bounds.grace):
                await self.close(code, reason)
        except TimeoutError:
            self.transport.abort()

    async def _beat(self) -> None:
        """Signs of life, for clients that know no pings."""
        while self.ping_interval is not None:
            await asyncio.sleep(self.ping_interval)
            self.act([Say(beat)] if (beat := self.session.beat()) else [])


class _ToSocket(Outlet):
    """Where the results of one operation on a socket go."""

    __slots__ = ("_after", "_before", "id", "socket")

    def __init__(self, socket: Socket, id: str) -> None:
        self.socket = socket
        self.id = id
        self._before, self._after = socket.session.envelope(id)

    def say(self, result: bytes) -> None:
        self.socket.say(self._before + result + self._after)

    def fail(self, errors: Errors) -> None:
        self._last(self.socket.session.error(self.id, errors))

    def complete(self) -> None:
        self._last(self.socket.session.complete(self.id))

    def _last(self, told: bytes | None) -> None:
        if told is not None:
            self.socket.operations.pop(self.id, None)
            self.socket.say(told)

    async def ready(self) -> None:
        await self.socket.ready()
