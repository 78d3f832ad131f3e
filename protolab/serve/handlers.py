"""Who is told of what happens to a client, and what the clients that come back tell alike.

A handler gets one argument. A client has events of its own (`own`), such as "connected"; any other name means something
that its server says. The name with a prefix in front says the latter at length, and is the only way to say it where the
short name is the client's own. So nothing that a server says can pose as an event of the client.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar, overload

from protolab.serve.log import Log

Handler = Callable[[Any], object]  # what it returns is awaited if it can be
H = TypeVar("H", bound=Handler)


class Failed(NamedTuple):
    """What went wrong while doing what."""

    doing: str
    error: Exception


class Handlers:
    """Who is told of what. `log` has a line for each exception that a handler raised."""

    own: ClassVar[tuple[str, ...]] = ("error",)
    prefix: ClassVar[str] = "type:"

    def __init__(self) -> None:
        self.log = Log()
        self._handlers: defaultdict[str, list[Handler]] = defaultdict(list)

    @overload
    def on(self, event: str) -> Callable[[H], H]: ...
    @overload
    def on(self, event: str, handler: H) -> H: ...
    def on(self, event: str, handler: H | None = None) -> H | Callable[[H], H]:
        """Have `handler` called, and awaited if it is async, at each `event` (see the module); also as a decorator.

        Handlers run one after the other, in order, and what comes next is read when they are done: one with long work
        to do should make a task of it. What they raise is an error event and a line in the log.
        """
        if handler is None:
            return lambda handler: self.on(event, handler)
        self._handlers[self._key(event)].append(handler)
        return handler

    def off(self, event: str, handler: Handler) -> None:
        """Have it called no more. ValueError: it was not."""
        self._handlers[self._key(event)].remove(handler)

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

    def _key(self, event: str) -> str:
        """Under which name the handlers of an event are kept.

        >>> handlers = Handlers()
        >>> handlers._key("error"), handlers._key("chat"), handlers._key("type:chat"), handlers._key("type:error")
        ('error', 'type:chat', 'type:chat', 'type:error')
        """
        return event if event in self.own or event.startswith(self.prefix) else self.prefix + event
