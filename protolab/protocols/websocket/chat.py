"""A chat server with rooms: every message is encoded once and shared by all who are in the room.

It stands on the `websockets` library, which does the handshake, the parsing, the control frames and the closing. What
the server says goes past the library's `send`, through the fan-out straight to each connection's transport. That is
sound because no extension is ever negotiated, nothing is sent in fragments, and all that one client gets passes through
its one `Member`; `chat_connection` keeps the library's own last words behind it.

Everything here runs in one event loop, and nothing waits between looking at a room and writing to it. So joining,
leaving, vanishing and broadcasting cannot race.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse
from websockets.typing import Origin

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols.websocket import chat_messages as messages
from protolab.protocols.websocket.chat_connection import Connection
from protolab.protocols.websocket.chat_messages import Chat, GetStats, Join, Leave, Ping, Refusal
from protolab.serve.fanout import Counts, Fanout, Member, WhenFull
from protolab.serve.limits import Bucket
from protolab.serve.rooms import Full, Rooms
from protolab.serve.server import Server

if TYPE_CHECKING:
    from protolab.protocols.websocket.redis_rooms import RedisBus

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # of time, in a repeatable run


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a chat server, and what happens at each."""

    clients: int = 5000  # one more is answered 503 in the handshake
    rooms: int = 500  # error full
    members: int = 5000  # of one room, in this process: error full
    rooms_per_client: int = 50  # error too_many_rooms
    name: int = 64  # characters of a room's name: error bad_room_name
    message: int = 16 << 10  # bytes that a client may send in one message: close 1009
    rate: float = 50  # messages a second from one client, after a first `burst`: close 1008
    burst: int = 200
    pending: int = 256 << 10  # bytes waiting for one client: close 1013, or drop the oldest
    grace: float = 2  # seconds that a client has to take leave, before it is cut off


@dataclass(frozen=True, slots=True)
class Statistics:
    """A chat server at one moment: its clients, how many are in each room, the fan-out's counts since the start."""

    clients: int
    rooms: dict[str, int]
    counts: Counts
    bus: dict[str, int | bool] | None


class _Client:
    """One client who got through the handshake. `id` is the only name it has here."""

    __slots__ = ("bucket", "connection", "id", "member", "rooms")

    def __init__(self, id: str, connection: Connection, member: Member, bucket: Bucket) -> None:
        self.id = id
        self.connection = connection
        self.member = member
        self.bucket = bucket
        self.rooms: dict[str, None] = {}  # a dict, because it keeps the order


class ChatServer(Server):
    """Rooms for many. `chat_messages` says what can be asked; `Limits` what cannot.

    `origins` are those that a browser's page may come from, any other gets 403; with None among them, so may what sends
    no Origin, as scripts do. Without the argument all may come: right on 127.0.0.1 for a server without secrets, and
    only there. `when_full` is what happens to a client that does not read: it is closed with 1013, or its oldest
    messages are dropped and it is told how many. `bus` shares the rooms with other processes; see `redis_rooms`.
    `keepalive` is the seconds between two pings, and how long a pong may take; None: no pings.
    """

    name = "chat"
    scheme = "ws"

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        origins: Sequence[str | None] | None = None,
        when_full: WhenFull = WhenFull.EVICT,
        bus: RedisBus | None = None,
        keepalive: float | None = 20,
    ) -> None:
        super().__init__()
        self.limits = limits or Limits()
        self.origins = None if origins is None else [None if origin is None else Origin(origin) for origin in origins]
        self.when_full = when_full
        self.bus = bus
        self.keepalive = keepalive
        self.port = 0  # where it listens; 0: it does not
        self.connections: set[Connection] = set()  # every TCP connection, also before and after its chat
        self.clients: dict[str, _Client] = {}
        self._listener: Listener | None = None
        self._partings: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        self._ticks = count(1)
        self._open()

    def _open(self) -> None:
        self.fanout = Fanout(limit=self.limits.pending)
        self.rooms = Rooms(self.fanout, most=self.limits.rooms, members=self.limits.members)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port. OSError: it could not. LabError: it runs already, or the bus is out of reach."""
        if self._listener is not None:
            raise LabError("This chat server is running already.", "Stop it first, or make another: ChatServer().")
        self._open()
        keepalive = None if repeat.on() else self.keepalive  # a clock would decide when pings are seen
        if self.bus is not None:
            await self.bus.start(self._hear, self.log)
        try:
            self._listener = await serve(
                self._serve,
                host,
                port,
                origins=self.origins,
                compression=None,  # a shared frame can be sent as it is only where no extension would change it
                process_request=self._admit,
                server_header=None,  # nobody needs to know which version to attack
                ping_interval=keepalive,
                ping_timeout=keepalive,
                close_timeout=self.limits.grace,
                max_size=self.limits.message,
                logger=self.log.logger("protolab.websocket.chat"),
                create_connection=partial(Connection, everyone=self.connections),  # type: ignore[arg-type]
            )
        except BaseException:
            if self.bus is not None:
                await self.bus.stop()
            raise
        self.port = self._listener.sockets[0].getsockname()[1]
        self.log(f"listening on {host}:{self.port}")
        return self.port

    async def stop(self) -> None:
        """Close every client with 1001; after the grace, cut off who does not answer. Safe to call twice."""
        listener = self._listener
        if listener is None:
            return
        self.port = 0
        listener.close()  # with 1001: going away
        try:
            async with asyncio.timeout(self.limits.grace):
                await listener.wait_closed()
        except TimeoutError:
            self.log(f"clients that did not take leave in time and were cut off: {len(self.connections)}")
            for connection in tuple(self.connections):
                connection.transport.abort()
            await listener.wait_closed()
        if self._partings:
            await asyncio.wait(self._partings)
        self.fanout.close()
        if self.bus is not None:
            await self.bus.stop()
        self._listener = None  # not before: a call that was cancelled can be made again
        self.log("stopped")

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._listener is not None and self._listener.is_serving()

    def statistics(self) -> Statistics:
        """How things stand, in this process."""
        bus = None if self.bus is None else self.bus.statistics()
        return Statistics(len(self.clients), self.rooms.sizes(), replace(self.fanout.counts), bus)

    # One client, from its handshake to its end

    def _admit(self, connection: ServerConnection, request: HttpRequest) -> HttpResponse | None:
        """The handshake's last word: 503 when the house is full."""
        if len(self.connections) > self.limits.clients:
            return connection.respond(503, "This chat is full. Try again later.\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        """One connection, from the end of its handshake to its own."""
        assert isinstance(connection, Connection)
        client = self._welcome(connection)
        now = asyncio.get_running_loop().time
        try:
            async for message in connection:
                if not client.member.open:  # our Close is on its way; what still comes is read, so that its Close is
                    continue
                if not client.bucket.take(now()):
                    self._dismiss(client, 1008, f"too many messages: the rate here is {self.limits.rate:g} a second")
                elif isinstance(message, bytes):  # RFC 6455 section 7.4.1: for endpoints that understand only text
                    self._dismiss(client, 1003, "this chat understands text only")
                else:
                    self._answer(client, message)
        except ConnectionClosed as closed:  # no Close from it, or a broken rule that the library has answered already
            self.log(f"{client.id} is gone: {closed}")
        finally:
            self._forget(client)

    def _welcome(self, connection: Connection) -> _Client:
        """A new client: its name, its place in the fan-out, and the first thing it hears."""
        name = f"user-{next(self._numbers)}" + (f".{self.bus.node}" if self.bus is not None else "")

        def evicted() -> None:
            self._dismiss(client, 1013, "you read too slowly; try again later")

        member = self.fanout.join(connection.transport, when_full=self.when_full, on_evict=evicted, gap=self._gap)
        connection.member = member
        client = _Client(name, connection, member, Bucket(self.limits.rate, self.limits.burst))
        self.clients[name] = client
        hello = "Connected to the chat server"
        self._tell(client, "system", command="welcome", id=name, message=hello, timestamp=self._now())
        return client

    def _dismiss(self, client: _Client, code: int, reason: str) -> None:
        """Close a client's connection. From now on it says and hears nothing."""
        self.log(f"{client.id} is closed with {code}: {reason}")
        client.member.flush(anyway=True)
        client.member.leave()
        loop = asyncio.get_running_loop()
        loop.call_soon(self._forget, client)  # not now: it tells the rooms, and others may be in the middle of eviction
        parting = loop.create_task(self._part(client.connection, code, reason))
        self._partings.add(parting)
        parting.add_done_callback(self._partings.discard)

    async def _part(self, connection: Connection, code: int, reason: str) -> None:
        """The closing handshake; a client that does not answer (or does not even read) within the grace is cut off."""
        try:
            async with asyncio.timeout(self.limits.grace):
                await connection.close(code, reason)
        except TimeoutError:
            connection.transport.abort()

    def _forget(self, client: _Client) -> None:
        """Take a client out of all its rooms, and tell those who stay. Safe to call twice."""
        if self.clients.pop(client.id, None) is not None:
            for room in tuple(client.rooms):
                self._leave(client, room)

    # What a client may ask for

    def _answer(self, client: _Client, text: str) -> None:
        try:
            match messages.read(text, self.limits.name):
                case Chat(room, message):
                    self._require(client, room)
                    self._say(room, None, "chat", message=message, room=room, timestamp=self._now(), sender=client.id)
                case Join(room):
                    self._join(client, room)
                    self._tell(client, "room", action="joined", room=room)
                case Leave(room):
                    self._require(client, room)
                    self._leave(client, room)
                    self._tell(client, "room", action="left", room=room)
                case Ping():
                    self._tell(client, "system", command="pong", timestamp=self._now())
                case GetStats():
                    rooms = self.rooms.sizes()
                    data = {"total_clients": len(self.clients), "total_rooms": len(rooms), "rooms": rooms}
                    self._tell(client, "system", command="stats", data=data)
        except Refusal as refusal:
            self._tell(client, "error", code=refusal.code, message=refusal.message)

    def _require(self, client: _Client, room: str) -> None:
        if room not in client.rooms:
            raise Refusal("not_in_room", f"You are not in the room {room}. Join it first.")

    def _join(self, client: _Client, room: str) -> None:
        """Let a client into a room. Joining again changes nothing and tells nobody."""
        if room not in client.rooms and len(client.rooms) >= self.limits.rooms_per_client:
            raise Refusal("too_many_rooms", f"You are in {len(client.rooms)} rooms. Leave one first.")
        try:
            new = self.rooms.join(room, client.member)
        except Full as full:
            raise Refusal("full", str(full)) from None
        if new:
            client.rooms[room] = None
            self._say(room, client.member, "system", command="user_joined", room=room, user=client.id)

    def _leave(self, client: _Client, room: str) -> None:
        """Take a client out of a room, and tell those who stay. A room that nobody is in exists no more."""
        del client.rooms[room]
        self.rooms.leave(room, client.member)
        self._say(room, None, "system", command="user_left", room=room, user=client.id)

    # Saying things

    def _tell(self, client: _Client, kind: str, /, **payload: object) -> None:
        """To one client."""
        client.member.send(messages.frame(messages.write(kind, **payload)))

    def _say(self, room: str, exclude: Member | None, kind: str, /, **payload: object) -> None:
        """To everyone in a room but one, here and wherever the bus goes."""
        text = messages.write(kind, **payload)
        self.rooms.publish(room, messages.frame(text), exclude=exclude)
        if self.bus is not None:
            self.bus.publish(room, text)

    def _hear(self, room: str, text: bytes) -> None:
        """What was said in a room in another process: pass it on to everyone who is in it here."""
        self.rooms.publish(room, messages.frame(text))

    def _gap(self, lost: int) -> bytes:
        """What a slow client gets in place of the messages it lost."""
        return messages.frame(messages.write("system", command="dropped", count=lost, timestamp=self._now()))

    def _now(self) -> str:
        """The time in UTC, ISO 8601; in a repeatable run, a second after the last time asked."""
        now = BEGINNING + timedelta(seconds=next(self._ticks)) if repeat.on() else datetime.now(UTC)
        return now.isoformat(timespec="milliseconds")
