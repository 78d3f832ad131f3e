"""The client's socket: one connection for any number of operations, and another one when it breaks."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.typing import Subprotocol

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols.graphql.client_errors import Ended, Result, ended
from protolab.protocols.graphql.client_session import (
    Acknowledged,
    ClientSession,
    Completed,
    Heard,
    Pong,
    Refused,
    Rejected,
    Told,
)
from protolab.protocols.graphql.server_session import Close, Say, message
from protolab.protocols.graphql.subprotocols import ACKNOWLEDGED, LEGACY
from protolab.protocols.graphql.subscription import Inlet, result_of
from protolab.serve import Log
from protolab.serve.backoff import Backoff
from protolab.serve.returning import Rule
from protolab.serve.websocket_peers import LabClientConnection, receive

Payload = Mapping[str, Any] | Callable[[], Any] | None
_PATIENCE = 2.0  # seconds for the closing handshake
_CLOSED = Ended(1000, "the client was closed", Rule.DONE, "", remedy="Make another client.")


class SocketLink:
    """Connects when the first operation begins, by the subprotocol `name`, and stays until it is closed.

    One task reads and tells operations apart by their ids. When the connection breaks, subscriptions are begun again on
    the next one, if its close code allows (see `client_errors`); events in between are lost. Queries and mutations are not:
    nobody knows whether they were run.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        payload: Payload,
        headers: Mapping[str, str],
        ack_timeout: float,
        keepalive: float | None,
        backoff: Backoff,
        max_attempts: int | None,
        later: tuple[float, float],
        max_size: int,
        log: Log,
        tls: Any = None,
    ) -> None:
        self.url = url
        self.name = name
        self.payload = payload
        self.headers = headers
        self.ack_timeout = ack_timeout
        self.keepalive = keepalive
        self.backoff = backoff
        self.max_attempts = max_attempts
        self.later = later
        self.max_size = max_size
        self.log = log
        self.tls = tls
        self.connections = 0  # how many there have been
        self.acknowledged: dict[str, Any] | None = None  # the payload of the last connection_ack
        self._inlets: dict[str, Inlet] = {}
        self._numbers = count(1)
        self._session = ClientSession(name)
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._pongs: deque[asyncio.Future[None]] = deque()
        self._turn = asyncio.Event()  # acknowledged, or something ended

    # What the client asks for

    def begin(self, inlet: Inlet) -> None:
        """Begin an operation, as soon as there is a connection."""
        inlet.id = str(next(self._numbers))
        self._inlets[inlet.id] = inlet
        if self._session.state is ACKNOWLEDGED and not self._session.closed:
            self._say(self._session.subscribe(inlet.id, inlet.request))
        elif self._task is None or self._task.done():
            self._task = asyncio.create_task(self._live(), name="graphql socket")

    def end(self, inlet: Inlet) -> None:
        """The client has left an operation: the server is told."""
        self._inlets.pop(inlet.id, None)
        if (told := self._session.complete(inlet.id)) is not None:
            self._say(told)

    async def begun(self, inlet: Inlet) -> None:
        """Until the server has got an operation: it answers in order, so it has when it answers a ping that came after."""
        while not inlet.over and not (self._session.state is ACKNOWLEDGED and inlet.id in self._session.running):
            self._turn.clear()
            await self._turn.wait()
        if not inlet.over and self.name != LEGACY:
            await self.ping()

    async def ping(self) -> None:
        """Until the server has answered a ping. Ended: the connection broke first. LabError: there is none."""
        if self._connection is None:
            raise LabError("There is no open socket to ping on.", "Subscribe first: that opens one.")
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pongs.append(answered)
        self._say(self._session.ping())
        await answered

    async def close(self) -> None:
        """End every operation and the connection: nothing is left when this returns. Safe to call twice."""
        for inlet in tuple(self._inlets.values()):
            inlet.end()
        task, connection = self._task, self._connection
        if connection is not None and not self._session.closed:
            self._session.closed = True
            if self.name == LEGACY:
                broadcast([connection], message("connection_terminate"), text=True)
            await connection.close(1000)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    # The task's side

    async def _live(self) -> None:
        """One connection after the other, as long as somebody waits for something."""
        failure = _CLOSED
        try:
            while self._inlets:
                failure = await self._converse()
                self.log(f"{failure}")
                for inlet in [inlet for inlet in self._inlets.values() if inlet.once or failure.rule is Rule.DONE]:
                    self._finish(inlet, None if failure.rule is Rule.DONE and not inlet.once else failure)
                if failure.rule in (Rule.DONE, Rule.NEVER) or not self._inlets:
                    break
                least, most = self.later if failure.rule is Rule.LATER else (0.0, 0.0)
                delay = self.backoff.failed(asyncio.get_running_loop().time(), least, most)
                if self.max_attempts is not None and self.backoff.attempts > self.max_attempts:
                    break
                self.log(f"attempt {self.backoff.attempts} follows in {delay:.3g} s")
                await asyncio.sleep(delay)
        except Exception as error:  # such as a payload function that failed
            failure = ended(error)
            failure.__cause__ = error
        finally:
            for inlet in tuple(self._inlets.values()):
                self._finish(inlet, failure)
            self._turn.set()

    def _finish(self, inlet: Inlet, failure: Ended | None) -> None:
        self._inlets.pop(inlet.id, None)
        inlet.finish(failure)

    async def _converse(self) -> Ended:
        """One connection, from the first attempt to its end."""
        payload = self.payload() if callable(self.payload) else self.payload
        if inspect.isawaitable(payload):
            payload = await payload
        session = self._session = ClientSession(self.name)
        try:
            connection = await self._connect()
        except Exception as error:
            return ended(error)
        self._connection = connection
        self.connections += 1
        try:
            if connection.subprotocol != self.name:
                await connection.close(4406, "Subprotocol not acceptable")
                spoken = connection.subprotocol or "none"
                return Ended(4406, f"of the subprotocols, the server chose {spoken}", Rule.NEVER, "")
            self._say(session.begin(payload))
            try:
                async with asyncio.timeout(self.ack_timeout) as waiting:
                    while True:
                        for heard in session.receive(await receive(connection)):
                            if isinstance(heard, Acknowledged):
                                waiting.reschedule(None)
                            await self._hear(heard, connection)
            except TimeoutError:
                session.closed = True
                await connection.close(4504, "Connection acknowledgement timeout")
                await receive(connection)  # raises how it ended
            raise AssertionError("a closed connection has a last message")
        except (ConnectionClosed, Ended) as error:
            return ended(error)
        finally:  # also when cancelled: then nobody says goodbye any more
            session.closed = True
            self._connection = None
            connection.transport.abort()
            await connection.wait_closed()
            while self._pongs:
                if not (pong := self._pongs.popleft()).done():
                    pong.set_exception(Ended(1006, "the connection ended before the pong", Rule.AGAIN, ""))
                    pong.exception()  # looked at: nobody may be left to hear it

    async def _connect(self) -> ClientConnection:
        options = {} if self.tls is None else {"ssl": self.tls}
        return await connect(
            self.url,
            subprotocols=[Subprotocol(self.name)],
            additional_headers=dict(self.headers),
            compression=None,
            proxy=None,
            user_agent_header="protolab",
            ping_interval=None if repeat.on() else self.keepalive,
            ping_timeout=self.keepalive,
            close_timeout=_PATIENCE,
            max_size=self.max_size,
            logger=self.log.logger("protolab.graphql.client"),
            create_connection=LabClientConnection,
            **options,
        )

    async def _hear(self, heard: Heard, connection: ClientConnection) -> None:
        """Do what the server said."""
        match heard:
            case Acknowledged(payload):
                self.acknowledged = payload
                self.backoff.opened(asyncio.get_running_loop().time())
                for inlet in self._inlets.values():
                    self._say(self._session.subscribe(inlet.id, inlet.request))
                self._turn.set()
            case Told(id, result) if id in self._inlets:
                inlet = self._inlets[id]
                inlet.put(result_of(result))
                await inlet.room()
            case Refused(id, errors) if id in self._inlets:
                self._inlets[id].put(Result(None, errors))
                self._finish(self._inlets[id], None)
            case Completed(id) if id in self._inlets:
                self._finish(self._inlets[id], None)
            case Pong():
                while self._pongs and (pong := self._pongs.popleft()):
                    if not pong.done():
                        pong.set_result(None)
                        break
            case Rejected(payload):
                said = str(payload.get("message", payload)) if isinstance(payload, dict) else str(payload)
                if self._session.state is not ACKNOWLEDGED:
                    raise Ended(0, f"the server does not let us in: {said}", Rule.NEVER, "")
                self.log(f"the server complains: {said}")
            case Say(data):
                self._say(data)
            case Close(code, reason):
                await connection.close(code, reason)
        self._turn.set()

    def _say(self, data: bytes) -> None:
        """Write a message. What is lost with a connection is said again on the next, or failed."""
        if self._connection is not None and self._connection.state is State.OPEN:
            broadcast([self._connection], data, text=True)  # the library's way to write without waiting
