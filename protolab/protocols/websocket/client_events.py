"""What happens to a client that comes back, and who is told.

A handler gets one argument. These names are the client's own:

| event | argument | when |
|---|---|---|
| connected | Connected | a connection stands. What its handlers send goes out before what waited: rooms are joined again here |
| disconnected | Ending | a connection is gone; its `rule` says whether the client will come back |
| reconnecting | Reconnecting | it will try again, after a delay |
| max_attempts | MaxAttempts | it has tried often enough, and is closed |
| dropped | Dropped | messages that waited to be sent never will be. To send others from here may drop the next |
| error | Failed | no connection came about, or a handler raised |
| message | a dict for a text that is a JSON object, else str or bytes | any message, last of its handlers |

Any other name means the JSON messages of that "type", and a handler gets their "payload" (all of the message when it
has none): "chat", "system", "notification". "type:chat" says the same at length, and is the only way to say it where
the short name is the client's own: a server's errors are "type:error". So no message can pose as an event of the client.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, overload

from protolab.protocols.websocket.retry import Ending
from protolab.serve import Log

EVENTS = ("connected", "disconnected", "reconnecting", "max_attempts", "dropped", "error", "message")
Handler = Callable[[Any], object]  # what it returns is awaited if it can be
H = TypeVar("H", bound=Handler)


class Connected(NamedTuple):
    """The client's connection number so-and-so stands; 1 is its first."""

    number: int
    subprotocol: str | None


class Reconnecting(NamedTuple):
    """Attempt number so-and-so in a row comes after `delay` seconds."""

    attempt: int
    delay: float
    after: Ending


class MaxAttempts(NamedTuple):
    """That many attempts in a row came to nothing; there will be no other."""

    attempts: int
    after: Ending


class Dropped(NamedTuple):
    """These messages, str or bytes as they would have been sent, never will be."""

    messages: tuple[str | bytes, ...]
    why: str


class Failed(NamedTuple):
    """What went wrong while doing what."""

    doing: str
    error: Exception


@dataclass(slots=True)
class Counts:
    """What a client did so far. `unread`: messages that nobody iterated over in time; handlers had them nevertheless."""

    connections: int = 0
    sent: int = 0
    received: int = 0
    dropped: int = 0
    unread: int = 0


class Handlers:
    """Who is told of what. `log` has a line for each exception that a handler raised."""

    def __init__(self) -> None:
        self.log = Log()
        self._handlers: defaultdict[str, list[Handler]] = defaultdict(list)

    @overload
    def on(self, event: str) -> Callable[[H], H]: ...
    @overload
    def on(self, event: str, handler: H) -> H: ...
    def on(self, event: str, handler: H | None = None) -> H | Callable[[H], H]:
        """Have `handler` called, and awaited if it is async, at each `event` (see the module); also as a decorator.

        Handlers run one after the other, in order, and the next message is read when they are done: one with long work
        to do should make a task of it. What they raise is an error event and a line in the log.
        """
        if handler is None:
            return lambda handler: self.on(event, handler)
        self._handlers[_key(event)].append(handler)
        return handler

    def off(self, event: str, handler: Handler) -> None:
        """Have it called no more. ValueError: it was not."""
        self._handlers[_key(event)].remove(handler)

    async def _emit(self, key: str, argument: object) -> None:
        """Call the handlers of an event; none of them can do harm to the client, or keep another from being called."""
        for handler in tuple(self._handlers.get(key, ())):
            try:
                result = handler(argument)
                if inspect.isawaitable(result):
                    await result
            except (Exception, asyncio.CancelledError) as error:
                task = asyncio.current_task()
                if isinstance(error, asyncio.CancelledError):
                    if task is None or task.cancelling():
                        raise
                    error = RuntimeError("what the handler waited for was cancelled")
                self.log(f"a handler of {key} raised {error!r}")
                if key != "error":  # what a handler of errors raises is only logged
                    await self._emit("error", Failed(f"handling {key}", error))


def _key(event: str) -> str:
    """Under which name the handlers of an event are kept.

    >>> _key("connected"), _key("chat"), _key("type:chat"), _key("type:connected")
    ('connected', 'type:chat', 'type:chat', 'type:connected')
    """
    return event if event in EVENTS or event.startswith("type:") else f"type:{event}"
