"""A chat server with rooms: every message is encoded once and shared by all who are in the room.

It stands on the `websockets` library, which does the handshake, the parsing, the control frames and the closing. What the
server says goes past the library's `send`, straight to each connection's transport through the fan-out. That is sound because
no extension is ever negotiated, nothing is sent in fragments, and all that one client gets passes through its one `Member`;
`_Connection.send_data` keeps the library's own last words behind it.

Everything here runs in one event loop and nothing waits between looking at a room and writing to it, so joining, leaving,
vanishing and broadcasting cannot race.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import count
from typing import Any, Protocol

from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse
from websockets.protocol import State
from websockets.typing import Origin

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols.websocket import chat_messages as messages
from protolab.protocols.websocket.chat_messages import Chat, GetStats, Join, Leave, Ping, Refusal
from protolab.serve.fanout import Counts, Fanout, Member, WhenFull
from protolab.serve.limits import Bucket
from protolab.serve.server import Server

BEGINNING = datetime(2000, 1, 1, tzinfo=timezone.utc)  # of time, in a repeatable run


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a chat server, and what happens at each."""

    clients: int = 5000  # one more is answered 503 in the handshake
    rooms: int = 500  # error too_many_rooms
    rooms_per_client: int = 50  # error too_many_rooms
    members: int = 5000  # of one room, in this process: error room_full
    name: int = 64  # characters of a room's name: error bad_room_name
    message: int = 16 << 10  # bytes that a client may send in one message: close 1009
    rate: float = 50  # messages a second from one client, after a first `burst`: close 1008
    burst: int = 200
    pending: int = 256 << 10  # bytes waiting for one client: close 1013, or drop the oldest
    grace: float = 2  # seconds that a client has to take leave, before it is cut off


class _Connection(ServerConnection):
    """A connection of the library's whose writes do not overtake the fan-out's."""

    def __init__(self, *args: Any, chat: ChatServer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chat = chat
        self.member: Member | None = None

    def send_data(self) -> None:
        """The library writes: a pong, a ping, a Close. Before a Close goes all that was said to this client before it."""
        if self.member is not None and self.member.open and self.state is not State.OPEN:
            self.member.flush(anyway=True)
            self.member.leave()
        super().send_data()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A TCP connection, its handshake yet to come."""
        self.chat.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection ended."""
        self.chat.connections.discard(self)
        if self.member is not None:
            self.member.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; the library may have answered at once, with pongs. Whoever sends pings and reads nothing is cut off."""
        super().data_received(data)
        if self.member is not None and self.transport.get_write_buffer_size() > self.chat.most_buffered:
            self.member.evict()


class Bus(Protocol):
    """What carries rooms to other processes; see `redis_rooms`. `node` tells this process from the others."""

    node: str

    async def start(self, receive: Callable[[str, bytes], None], log: Callable[[str], None]) -> None: ...
    async def stop(self) -> None: ...
    def publish(self, room: str, text: bytes) -> None: ...
    def statistics(self) -> dict[str, int | bool]: ...


@dataclass(frozen=True, slots=True)
class Statistics:
    """A chat server at one moment: clients now, members of each room now, and the fan-out's counts since it was started."""

    clients: int
    rooms: dict[str, int]
    counts: Counts
    bus: dict[str, int | bool] | None


class _Client:
    """One client who got through the handshake. `id` is the only name it has here."""

    __slots__ = ("bucket", "id", "member", "rooms")

    def __init__(self, id: str, member: Member, bucket: Bucket) -> None:
        self.id = id
        self.member = member
        self.bucket = bucket
        self.rooms: set[str] = set()


class ChatServer(Server):
    """Rooms for many. `chat_messages` says what can be asked; `Limits` what cannot.

    `origins` are those that a browser's page may come from (None among them: no Origin header, as scripts have it); any other
    gets 403. Without the argument all may come, which is right for a server on 127.0.0.1 that holds no secrets, and only there.
    `when_full` is what happens to a client that does not read: it is closed with 1013, or its oldest messages are dropped
    and it is told how many. `bus` shares the rooms with other processes; see `redis_rooms`.
    `keepalive` is the seconds between pings, and how long a pong may take.
    """

    name = "chat"
    scheme = "ws"

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        origins: Sequence[str | None] | None = None,
        when_full: WhenFull = WhenFull.EVICT,
        bus: Bus | None = None,
        keepalive: float | None = 20,
    ) -> None:
        super().__init__()
        self.limits = limits or Limits()
        self.origins = None if origins is None else [None if origin is None else Origin(origin) for origin in origins]
        self.when_full = when_full
        self.bus = bus
        self.keepalive = keepalive
        self.connections: set[_Connection] = set()  # every TCP connection, also before and after its chat
        self.clients: dict[str, _Client] = {}
        self.rooms: dict[str, dict[str, Member]] = {}  # by name, then by client; no room is empty
        self.fanout = Fanout()
        self._listener: Listener | None = None
        self._partings: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        self._ticks = count(1)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port. OSError: it could not. LabError: it is running already, or the bus cannot be reached."""
        if self._listener is not None:
            raise LabError("This chat server is running already.", "Stop it first, or make another: ChatServer().")
        limits = self.limits
        self.fanout = Fanout(limit=limits.pending)
        if self.bus is not None:
            await self.bus.start(self._from_bus, self.log)
        try:
            self._listener = await serve(
                self._serve,
                host,
                port,
                origins=self.origins,
                compression=None,  # a shared frame can be sent as it is only where no extension would change it
                process_request=self._admit,
                process_response=_without_date,
                server_header=None,  # nobody needs to know which version to attack
                ping_interval=self.keepalive,
                ping_timeout=self.keepalive,
                close_timeout=limits.grace,
                max_size=limits.message,
                logger=_logger(self.log),
                create_connection=partial(_Connection, chat=self),  # type: ignore[arg-type]  # any callable will do
            )
        except BaseException:
            if self.bus is not None:
                await self.bus.stop()
            raise
        listening: int = self._listener.sockets[0].getsockname()[1]
        self.log(f"listening on {host}:{listening}")
        return listening

    async def stop(self) -> None:
        """Close every client with 1001; after the grace, cut off who does not answer. Safe to call twice."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close(code=1001, reason="the server stops")
        try:
            async with asyncio.timeout(self.limits.grace):
                await listener.wait_closed()
        except TimeoutError:
            self.log(f"{len(self.connections)} clients did not take leave in time and were cut off")
            for connection in tuple(self.connections):
                connection.transport.abort()
            await listener.wait_closed()
        if self._partings:
            await asyncio.wait(self._partings)
        self.fanout.close()
        if self.bus is not None:
            await self.bus.stop()
        self.log("stopped")

    @property
    def most_buffered(self) -> int:
        """Bytes that a transport may hold: the fan-out's bound, and as much again for the library's own words."""
        return 2 * (self.fanout.high_water + self.fanout.limit)

    def statistics(self) -> Statistics:
        """How things stand, in this process."""
        rooms = {name: len(members) for name, members in self.rooms.items()}
        bus = None if self.bus is None else self.bus.statistics()
        return Statistics(len(self.clients), rooms, replace(self.fanout.counts), bus)

    # One client, from its handshake to its end

    def _admit(self, connection: ServerConnection, request: HttpRequest) -> HttpResponse | None:
        """The handshake's last word: 503 when the house is full."""
        if len(self.connections) > self.limits.clients:
            return connection.respond(503, "This chat is full. Try again later.\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, _Connection)
        client = self._welcome(connection)
        try:
            goodbye = await self._listen(connection, client)
        except ConnectionClosed:  # no Close from its side, or a broken rule: the library has answered as the RFC asks
            goodbye = None
        finally:
            self._forget(client)
        if goodbye is not None:
            self.log(f"{client.id} closed with {goodbye[0]}: {goodbye[1]}")
            await self._part(connection, *goodbye)

    def _welcome(self, connection: _Connection) -> _Client:
        """A new client: its name, its place in the fan-out, and the first thing it hears."""
        name = f"user-{next(self._numbers)}" + (f".{self.bus.node}" if self.bus is not None else "")

        def evicted() -> None:
            self.log(f"{name} does not read: closed with 1013")
            loop = asyncio.get_running_loop()
            loop.call_soon(self._forget, client)  # later, because others may be evicted right now, and each tells its rooms
            parting = loop.create_task(self._part(connection, 1013, "you read too slowly; try again later"))
            self._partings.add(parting)
            parting.add_done_callback(self._partings.discard)

        connection.member = self.fanout.join(
            connection.transport, when_full=self.when_full, on_evict=evicted, gap=self._gap
        )
        client = _Client(name, connection.member, Bucket(self.limits.rate, self.limits.burst))
        self.clients[name] = client
        self._tell(client, "system", command="welcome", id=name, message="Connected to the chat server", timestamp=self._now())
        return client

    async def _listen(self, connection: _Connection, client: _Client) -> tuple[int, str] | None:
        """Answer all that a client says. A close code and reason when it is to be closed, None when it left."""
        now = asyncio.get_running_loop().time
        async for message in connection:
            if not client.member.open:  # evicted, its Close on its way
                return None
            if not client.bucket.take(now()):
                return 1008, f"no more than {self.limits.rate:g} messages a second"
            if isinstance(message, bytes):  # RFC 6455 section 7.4.1 has 1003 for endpoints that understand only text
                return 1003, "this chat understands text only"
            self._answer(client, message)
        return None

    def _forget(self, client: _Client) -> None:
        """Take a client out of everything, and tell those who shared a room with it. Safe to call twice.

        Its `Member` stays until the Close is written: what was said to the client before goes before.
        """
        if self.clients.pop(client.id, None) is not None:
            for room in sorted(client.rooms):
                self._leave(client, room)

    async def _part(self, connection: _Connection, code: int, reason: str) -> None:
        """Close, and cut off a client that does not answer (or does not even read) within the grace."""
        try:
            async with asyncio.timeout(self.limits.grace):
                await connection.close(code, reason)
        except TimeoutError:
            connection.transport.abort()

    # What a client may ask for

    def _answer(self, client: _Client, text: str) -> None:
        try:
            match messages.read(text, self.limits.name):
                case Chat(room, message):
                    self._require(client, room)
                    self._say(room, "chat", message=message, room=room, timestamp=self._now(), sender=client.id)
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
                    now = self.statistics()
                    data = {"total_clients": now.clients, "total_rooms": len(now.rooms), "rooms": now.rooms}
                    self._tell(client, "system", command="stats", data=data)
        except Refusal as refusal:
            self._tell(client, "error", code=refusal.code, message=refusal.message)

    def _require(self, client: _Client, room: str) -> None:
        if room not in client.rooms:
            raise Refusal("not_in_room", f"You are not in the room {room}. Join it first.")

    def _join(self, client: _Client, room: str) -> None:
        """Let a client into a room, which begins to exist with its first. Joining again changes nothing and tells nobody."""
        if room in client.rooms:
            return
        if len(client.rooms) >= self.limits.rooms_per_client:
            raise Refusal("too_many_rooms", f"You are in {len(client.rooms)} rooms. Leave one first.")
        if room not in self.rooms and len(self.rooms) >= self.limits.rooms:
            raise Refusal("too_many_rooms", f"There are {len(self.rooms)} rooms, and no more can be opened. Join one of them.")
        members = self.rooms.get(room, {})
        if len(members) >= self.limits.members:
            raise Refusal("room_full", f"The room {room} is full. Try again later.")
        self._say(room, "system", command="user_joined", room=room, user=client.id)
        self.rooms[room] = members
        members[client.id] = client.member
        client.rooms.add(room)

    def _leave(self, client: _Client, room: str) -> None:
        """Take a client out of a room; a room that nobody is in exists no more."""
        client.rooms.remove(room)
        members = self.rooms[room]
        del members[client.id]
        if not members:
            del self.rooms[room]
        self._say(room, "system", command="user_left", room=room, user=client.id)

    # Saying things

    def _tell(self, client: _Client, kind: str, **payload: object) -> None:
        """To one client."""
        client.member.send(messages.frame(messages.write(kind, **payload)))

    def _say(self, room: str, kind: str, **payload: object) -> None:
        """To everyone in a room, here and wherever the bus goes."""
        text = messages.write(kind, **payload)
        self._from_bus(room, text)
        if self.bus is not None:
            self.bus.publish(room, text)

    def _from_bus(self, room: str, text: bytes) -> None:
        """To everyone in a room, in this process."""
        if members := self.rooms.get(room):
            self.fanout.publish(messages.frame(text), members.values())

    def _gap(self, lost: int) -> bytes:
        """What a slow client gets in place of the messages it lost."""
        return messages.frame(messages.write("system", command="dropped", count=lost, timestamp=self._now()))

    def _now(self) -> str:
        """The time in UTC, ISO 8601; in a repeatable run, a second after the last time asked."""
        now = BEGINNING + timedelta(seconds=next(self._ticks)) if repeat.on() else datetime.now(timezone.utc)
        return now.isoformat(timespec="milliseconds")


def _without_date(connection: ServerConnection, request: HttpRequest, response: HttpResponse) -> None:
    """A 101 needs no Date (RFC 9110 section 6.6.1 asks for it in 2xx to 4xx), and a repeatable one must have none."""
    if response.status_code == 101:
        del response.headers["Date"]
