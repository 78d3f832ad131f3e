"""A client that comes back: it has one connection after another, and its owner need not notice.

    client = websocket.Client(server.url)

    @client.on("chat")
    def show(payload): ...

    async with client:
        await client.send_chat("Hello")

What handlers there can be, and what they get, stands in `client_events`; when the client comes back, in `retry`.

**What gets lost.** A message is sent once. What was written to a connection that then broke may or may not have
arrived; only an answer from the server tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from protolab.errors import LabError
from protolab.protocols.websocket.client import connect
from protolab.protocols.websocket.client_events import EVENTS, Connected, Counts, Dropped
from protolab.protocols.websocket.client_messages import Message, clock, decode, encode
from protolab.protocols.websocket.close_codes import allowed
from protolab.protocols.websocket.retry import Ending, after_close, after_failure
from protolab.serve.backoff import Backoff
from protolab.serve.handlers import Failed
from protolab.serve.returning import Ended, Returning, Rule
from protolab.serve.waiting import Inbox, Waiting
from protolab.serve.websocket_peers import receive


class Client(Returning[Message]):
    """Connects to `url`, and comes back when the connection breaks, as `retry` says, until it is closed.

    `await client`, or `async with client:`, begins and waits for the first connection; `start()` begins without
    waiting. LabError says that there will be none, and `failure` holds why a client ended that was not closed.

    `backoff` is the delays between attempts: by default up to 1 s, 2 s, 4 s ... 30 s, anew after 10 good seconds.
    `max_attempts` in a row may come to nothing; None: any number. After codes that ask for time the delay is `later`:
    at least so many seconds, and up to so many. `rules` adds to the close codes of `retry.CODES`, or changes them.

    At most `queue` messages of `queue_bytes` together wait to be sent while there is no connection. At these bounds the
    oldest are dropped, and so is what has waited for `ttl` seconds (None: nothing) when a connection stands again.
    `options` are those of `websocket.connect`, such as subprotocols.
    """

    own = EVENTS
    kind = "websocket client"
    again = "Make another: websocket.Client(url)."

    def __init__(
        self,
        url: str,
        *,
        backoff: Backoff | None = None,
        max_attempts: int | None = 10,
        later: tuple[float, float] = (5.0, 30.0),
        rules: Mapping[int, Rule] | None = None,
        queue: int = 1000,
        queue_bytes: int = 2**20,
        ttl: float | None = 60.0,
        **options: Any,
    ) -> None:
        super().__init__(backoff, max_attempts, Inbox(queue, queue_bytes))
        self.url = url
        self.later = later
        self.rules = dict(rules or {})
        self.counts = Counts()
        self._options = {"logger": self.log.logger("protolab.websocket.client")} | options
        connect(url, **self._options)  # mistakes show here, not in the task
        self._outbox: Waiting[str | bytes] = Waiting(queue, queue_bytes, ttl)
        self._connection: ClientConnection | None = None
        self._returning = False  # asked by the server to close and come back
        self._farewell: tuple[int, str] = (1000, "")
        self._now = clock()

    # Its owner's side

    @property
    def connected(self) -> bool:
        """Whether what is sent now is sent at once."""
        return self._ready and self._connection is not None and self._connection.state is State.OPEN

    @property
    def waiting(self) -> int:
        """How many messages wait for a connection."""
        return len(self._outbox)

    async def send(self, data: str | bytes | bytearray | memoryview | Mapping[str, Any] | list[Any]) -> bool:
        """Send a text, bytes, or a JSON text of anything else; waits while the connection takes no more.

        True: it was written. False: there is no connection, and it waits for the next. LabError: the client has ended.
        TypeError or ValueError: it is no JSON, or no text that UTF-8 can carry.
        """
        loop = self._home()
        message, size = encode(data)
        if self._over or self._leaving:
            raise self._ended()
        connection = self._connection
        # What the handlers of "connected" send, in our task, goes before what waits; what others send, behind it.
        if connection and connection.state is State.OPEN and (self._ready or asyncio.current_task() is self._task):
            self.counts.sent += 1
            with suppress(ConnectionClosed):  # after the write: whether it arrived, nobody knows
                await connection.send(message)
            return True
        dropped = self._outbox.put(message, size, loop.time())
        await self._drop(dropped, "too many messages wait for a connection")
        return False

    async def send_chat(self, message: str, room: str = "general") -> bool:
        """Say something in a room of a chat, as `send` does."""
        payload = {"message": message, "room": room, "timestamp": self._now()}
        return await self.send({"type": "chat", "payload": payload})

    async def send_binary(self, data: bytes | bytearray | memoryview) -> bool:
        """Send bytes, as `send` does. TypeError: it is something else."""
        return await self.send(bytes(memoryview(data)))

    async def ping(self) -> bool:
        """Ask the application on the server for a sign of life, by a JSON message: a system pong is its answer.

        False: not sent, since there is no connection. The protocol's own pings go on beside it; see `round_trip`.
        """
        return self.connected and await self._command("ping")

    async def round_trip(self, timeout: float = 10.0) -> float:
        """The seconds from a ping of the protocol to its pong. LabError: no connection, or it broke; TimeoutError."""
        self._home()
        away = LabError("There is no connection to measure.", "Await the client first: that waits for a connection.")
        if not self.connected or self._connection is None:
            raise away
        try:
            async with asyncio.timeout(timeout):
                return await (await self._connection.ping())
        except ConnectionClosed:
            raise away from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection and end: nothing is left when this returns. Safe to call twice, and from a handler.

        What still waits to be sent is dropped, and reported. A handler that is still busy two seconds after the
        connection is closed is cancelled. LabError: no Close frame can carry that.
        """
        self._home()
        if not allowed(code) or len(reason.encode()) > 123:
            raise LabError(
                f"No Close frame can carry the code {code} with {len(reason.encode())} bytes of reason.",
                "Use 1000, or a code from 3000 to 4999, and at most 123 bytes.",
            )
        self._farewell = code, reason
        await super().close()
        if asyncio.current_task() is not self._task:
            await self._drop(self._outbox.clear(), "the client was closed")

    def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over the messages, as "message" handlers get them, through all connections, until the client ends.

        While somebody iterates none is lost: one who is slow slows the server down. Before and after, the newest are
        kept, as many as may wait to be sent. LabError: the client failed. Two who iterate share the messages.
        """
        return super().__aiter__()

    # The task's side

    async def _converse(self) -> Ending:
        """One connection, from the first attempt to its end."""
        loop = asyncio.get_running_loop()
        self._idle = True
        try:
            connection = await connect(self.url, **self._options)
        except Exception as error:
            self._idle = False
            await self._emit("error", Failed("connecting", error))
            return after_failure(error)
        self._idle = False
        self._connection = connection
        self._returning = False
        self.backoff.opened(loop.time())
        self.counts.connections += 1
        self.log(f"connection {self.counts.connections} stands")
        try:
            await self._emit("connected", Connected(self.counts.connections, connection.subprotocol))
            await self._drop(self._outbox.expire(loop.time()), "they waited for too long")
            self._flush(connection)
            await asyncio.sleep(
                0
            )  # a turn for who awaits the client: sees it connected, iterates from the first message on
            while True:
                await self._hear(await receive(connection))
        except ConnectionClosed as closed:
            ending = after_close(closed, self.rules)
        finally:  # also when cancelled: then nobody says goodbye any more
            self._ready, self._connection = False, None
            self._turn.clear()
            connection.transport.abort()
            await connection.wait_closed()
        if self._leaving:
            ending = ending._replace(rule=Rule.DONE, why="the client was asked to close")
        elif self._returning and ending.by == "client":
            ending = ending._replace(rule=Rule.AGAIN, why="the server asked the client to come back")
        self.log(f"{ending}; {ending.why}")
        await self._emit("disconnected", ending)
        return ending

    async def _hang_up(self) -> None:
        if self._connection is not None:
            await self._connection.close(*self._farewell)

    async def _again(self, ending: Ended) -> bool:
        again = await super()._again(ending)
        if not again:
            await self._drop(self._outbox.clear(), "the client has ended")
        return again

    def _pause(self, ending: Ending) -> tuple[float, float]:
        return self.later if ending.rule is Rule.LATER else (ending.least, 0.0)

    def _flush(self, connection: ClientConnection) -> None:
        """Write what waited, in one go: the queue's bounds are those of what this adds to the connection's buffer."""
        if connection.state is State.OPEN:  # it may be gone again
            for message in self._outbox.clear():
                self.counts.sent += 1
                broadcast([connection], message)  # the library's way to write without waiting
        self._ready = True
        self._turn.set()

    async def _hear(self, data: str | bytes) -> None:
        """One message: to the handlers of its type, to those of all, and to whoever iterates."""
        if self._leaving:
            return
        self.counts.received += 1
        message = decode(data)
        if isinstance(message, dict) and isinstance(kind := message.get("type"), str):
            payload = message.get("payload", message)
            await self._emit(f"type:{kind}", payload)
            if kind == "system" and isinstance(payload, dict):
                await self._obey(payload.get("command"))
        await self._emit("message", message)
        self.counts.unread += await self._inbox.put(message, len(data))

    async def _obey(self, command: object) -> None:
        """What a server may tell a client to do."""
        if command == "ping":
            await self._command("pong")
        elif command == "reconnect" and self._connection is not None:
            self._returning = True
            await self._connection.close(1000, "coming back, as told")

    async def _command(self, command: str) -> bool:
        return await self.send({"type": "system", "payload": {"command": command, "timestamp": self._now()}})

    async def _drop(self, messages: list[str | bytes], why: str) -> None:
        if messages:
            self.counts.dropped += len(messages)
            self.log(f"messages dropped, as {why}: {len(messages)}")
            await self._emit("dropped", Dropped(tuple(messages), why))
