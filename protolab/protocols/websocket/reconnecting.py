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
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import suppress
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from protolab.errors import LabError
from protolab.protocols.websocket.client import connect
from protolab.protocols.websocket.client_events import (
    Connected,
    Counts,
    Dropped,
    Failed,
    Handlers,
    MaxAttempts,
    Reconnecting,
)
from protolab.protocols.websocket.client_messages import Message, clock, decode, encode
from protolab.protocols.websocket.close_codes import allowed
from protolab.protocols.websocket.peers import receive
from protolab.protocols.websocket.retry import Ending, Rule, after_close, after_failure
from protolab.serve.backoff import Backoff
from protolab.serve.waiting import Inbox, Waiting

_NEVER = "To come back would not help"
_GRACE = 2.0  # seconds that handlers have to come to an end once the connection is closed


class Client(Handlers):
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
        super().__init__()
        self.url = url
        self.backoff = backoff or Backoff()
        self.max_attempts = max_attempts
        self.later = later
        self.rules = dict(rules or {})
        self.counts = Counts()
        self.ending: Ending | None = None  # the last one
        self.failure: LabError | None = None
        self._options = {"logger": self.log.logger("protolab.websocket.client")} | options
        connect(url, **self._options)  # mistakes show here, not in the task
        self._outbox: Waiting[str | bytes] = Waiting(queue, queue_bytes, ttl)
        self._inbox: Inbox[Message] = Inbox(queue, queue_bytes)
        self._task: asyncio.Task[None] | None = None
        self._connection: ClientConnection | None = None
        self._ready = False  # connected, and its handlers had the first word
        self._leaving = False  # asked to close
        self._returning = False  # asked by the server to close and come back
        self._idle = False  # dialling, or waiting to: no handler is busy
        self._over = False
        self._turn = asyncio.Event()  # ready or over
        self._now = clock()

    # Its owner's side

    @property
    def connected(self) -> bool:
        """Whether what is sent now is sent at once."""
        return self._ready and self._connection is not None and self._connection.state is State.OPEN

    @property
    def closed(self) -> bool:
        """Whether it has ended, and will not come back."""
        return self._over

    @property
    def waiting(self) -> int:
        """How many messages wait for a connection."""
        return len(self._outbox)

    def start(self) -> None:
        """Begin, in a task on the running loop. Safe to call twice. LabError: it has ended."""
        if self._over or self._leaving:
            raise self._ended()
        loop = self._home()
        if self._task is None:
            self._task = loop.create_task(self._live(), name="websocket client")

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
        self._leaving = True
        self._inbox.hurry()
        task, connection = self._task, self._connection
        mine = task is asyncio.current_task()
        try:
            if connection is not None:
                await connection.close(code, reason)
            if task is not None and not mine and not self._idle:
                await asyncio.wait({task}, timeout=_GRACE)
        finally:
            if task is not None and not mine:
                task.cancel()
        if not mine:
            if task is not None:
                await asyncio.wait({task})
            self._finish()
            await self._drop(self._outbox.clear(), "the client was closed")

    def __await__(self) -> Generator[Any, None, Self]:
        return self._wait().__await__()

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over the messages, as "message" handlers get them, through all connections, until the client ends.

        While somebody iterates none is lost: one who is slow slows the server down. Before and after, the newest are
        kept, as many as may wait to be sent. LabError: the client failed. Two who iterate share the messages.
        """
        return aiter(self._inbox)

    def __repr__(self) -> str:
        state = "closed" if self._over else "connected" if self.connected else "away" if self._task else "not started"
        return f"<websocket client, {state}>"

    # The task's side

    async def _live(self) -> None:
        """One connection after the other."""
        try:
            while await self._again(await self._converse()):
                pass
            await self._drop(self._outbox.clear(), "the client has ended")
        finally:
            self._finish()

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

    async def _again(self, ending: Ending) -> bool:
        """Whether to come back, once it is time for it."""
        self.ending = ending
        if self._leaving or ending.rule is Rule.DONE:
            return False
        if ending.rule is Rule.NEVER:
            problem = str(ending)
            self._fail(
                f"{problem[0].upper()}{problem[1:]}.", f"{_NEVER}: {ending.why}. Mend that, and make another client."
            )
            return False
        least, most = self.later if ending.rule is Rule.LATER else (ending.least, 0.0)
        delay = self.backoff.failed(asyncio.get_running_loop().time(), least, most)
        attempt = self.backoff.attempts
        if self.max_attempts is not None and attempt > self.max_attempts:
            self._fail(
                f"Gave up after {self.max_attempts} attempts to come back; the last trouble: {ending}.",
                "Look whether the server runs, then make a new client; max_attempts=None never gives up.",
            )
            await self._emit("max_attempts", MaxAttempts(self.max_attempts, ending))
            return False
        self.log(f"attempt {attempt} follows in {delay:.3g} s, after: {ending}")
        await self._emit("reconnecting", Reconnecting(attempt, delay, ending))
        if not self._leaving:
            self._idle = True
            await asyncio.sleep(delay)
        return not self._leaving

    def _fail(self, problem: str, remedy: str) -> None:
        self.failure = LabError(problem, remedy)
        self.log(problem)

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

    def _finish(self) -> None:
        self._over = True
        self._inbox.close(self.failure)
        self._turn.set()

    async def _wait(self) -> Self:
        """Until it is connected. Cancelled before it ever was, it ends."""
        first = self._task is None
        self.start()
        try:
            while not self._ready:
                if self._over:
                    raise self._ended()
                await self._turn.wait()
        except asyncio.CancelledError:
            if first:
                await self.close()
            raise
        return self

    def _home(self) -> asyncio.AbstractEventLoop:
        """The running loop, if the client may be used there."""
        loop = asyncio.get_running_loop()
        if self._task is not None and self._task.get_loop() is not loop:
            raise LabError(
                "This client runs on another event loop.", "Use it where it was started, perhaps by lab.run(...)."
            )
        return loop

    def _ended(self) -> LabError:
        how = "closed" if self._leaving or self.ending is None else f"done: {self.ending}"
        return self.failure or LabError(f"This client is {how}.", "Make another: websocket.Client(url).")
