"""A client that comes back: one connection after another, until it is closed, told to stay away, or has tried enough.

What a connection is, and what its end means for the next, is the business of each protocol's client; the life around it
is the same for all: begin, wait for the first connection, wait between attempts, give up, close, leave nothing behind.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Generator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

from protolab.errors import LabError
from protolab.serve.backoff import Backoff
from protolab.serve.handlers import Handlers
from protolab.serve.waiting import Inbox

OWN = ("connected", "disconnected", "reconnecting", "max_attempts", "error")  # events that every such client has
LONGEST = 3600.0  # seconds: what a server asks for is not believed beyond it
GRACE = 2.0  # seconds that handlers have to come to an end once the connection is closed
_NEVER = "To come back would not help"

Item = TypeVar("Item")


class Rule(Enum):
    """What to do after an ending."""

    AGAIN = "come back after the backoff's delay"
    LATER = "come back, but give the server time: it asked for it"
    DONE = "do not come back: the conversation is over, and nobody is at fault"
    NEVER = "do not come back: it would end the same way"


class Ended(Protocol):
    """How a connection ended, in a protocol's own words: `str` tells it. `rule` says what follows, and `why`."""

    @property
    def rule(self) -> Rule: ...
    @property
    def why(self) -> str: ...


class Reconnecting(NamedTuple):
    """Attempt number so-and-so in a row comes after `delay` seconds."""

    attempt: int
    delay: float
    after: Any


class MaxAttempts(NamedTuple):
    """That many attempts in a row came to nothing; there will be no other."""

    attempts: int
    after: Any


class Returning(Handlers, Generic[Item]):
    """The life of a client that comes back. A subclass has the connections (`_converse`), and hangs up (`_hang_up`)."""

    kind: ClassVar[str] = "client"
    again: ClassVar[str] = "Make another."  # what to do when one has ended

    def __init__(self, backoff: Backoff | None, max_attempts: int | None, inbox: Inbox[Item]) -> None:
        super().__init__()
        self.backoff = backoff or Backoff()
        self.max_attempts = max_attempts
        self.ending: Any = None  # the last one
        self.failure: LabError | None = None
        self._inbox = inbox
        self._task: asyncio.Task[None] | None = None
        self._ready = False  # connected, and its handlers had the first word
        self._leaving = False  # asked to close
        self._idle = False  # dialling, or waiting to: no handler is busy
        self._over = False
        self._turn = asyncio.Event()  # ready or over

    # Its owner's side

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._ready

    @property
    def closed(self) -> bool:
        """Whether it has ended, and will not come back."""
        return self._over

    def start(self) -> None:
        """Begin, in a task on the running loop. Safe to call twice. LabError: it has ended."""
        if self._over or self._leaving:
            raise self._ended()
        loop = self._home()
        if self._task is None:
            self._task = loop.create_task(self._live(), name=self.kind)

    async def close(self) -> None:
        """Hang up and end: nothing is left when this returns. Safe to call twice, and from a handler.

        A handler that is still busy two seconds after that is cancelled.
        """
        self._home()
        self._leaving = True
        self._inbox.hurry()
        task = self._task
        mine = task is asyncio.current_task()
        try:
            await self._hang_up()
            if task is not None and not mine and not self._idle:
                await asyncio.wait({task}, timeout=GRACE)
        finally:
            if task is not None and not mine:
                task.cancel()
        if not mine:
            if task is not None:
                await asyncio.wait({task})
            self._finish()

    def __await__(self) -> Generator[Any, None, Self]:
        return self._wait().__await__()

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Item]:
        return aiter(self._inbox)

    def __repr__(self) -> str:
        state = "closed" if self._over else "connected" if self.connected else "away" if self._task else "not started"
        return f"<{self.kind}, {state}>"

    # The task's side

    @abstractmethod
    async def _converse(self) -> Ended:
        """One connection, from the first attempt to its end. `_idle` while it dials, `_stands` once it stands."""

    @abstractmethod
    async def _hang_up(self) -> None:
        """End the connection that stands, if one does, as its owner wants it closed."""

    def _pause(self, ending: Any) -> tuple[float, float]:
        """How many seconds at least, and up to how many, the server wants to be left alone."""
        return ending.least, 0.0

    async def _live(self) -> None:
        """One connection after the other."""
        try:
            while await self._again(await self._converse()):
                pass
        finally:
            self._finish()

    async def _again(self, ending: Ended) -> bool:
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
        delay = self.backoff.failed(asyncio.get_running_loop().time(), *self._pause(ending))
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
        return self.failure or LabError(f"This client is {how}.", self.again)


def retry_after(value: str = "") -> float:
    """The seconds that a Retry-After asks for, a number or a date (RFC 9110 section 10.2.3); 0 for none or nonsense.

    >>> retry_after("120"), retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), retry_after("soon"), retry_after("9" * 400)
    (120.0, 0.0, 0.0, 3600.0)
    """
    try:
        if value.isascii() and value.isdigit():
            return float(min(int(value), int(LONGEST)))
        return min(max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0), LONGEST)
    except (ValueError, TypeError):  # TypeError: a date without a time zone
        return 0.0
