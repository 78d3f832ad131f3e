"""Operations that clients run over a socket or a stream: from a request to its last result, and sources shared by many.

What carries the results away is an `Outlet`, one for each operation. Results are encoded once: where several clients
subscribed to the same live events with the same document, they share one source, one execution and one encoding of each
event (`Hub`), and only what stands around it differs.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from graphql import ExecutionResult, FieldNode, GraphQLError

from protolab.protocols.graphql.engine import Engine, Prepared, Refusal
from protolab.protocols.graphql.lean import encode
from protolab.serve import Log

Errors = list[dict[str, Any]]


class Outlet(ABC):
    """Where the results of one operation go. Once it is ended by its client, nothing that is said here goes out."""

    @abstractmethod
    def say(self, result: bytes) -> None:
        """One result, in JSON."""

    @abstractmethod
    def fail(self, errors: Errors) -> None:
        """The last word: it cannot begin, or cannot go on."""

    @abstractmethod
    def complete(self) -> None:
        """The last word: all is said."""

    @abstractmethod
    async def ready(self) -> None:
        """Wait until the client has taken enough of what was said, so that more may be said."""


class Operation:
    """One operation on its way. `end()` ends it at any moment and frees its source; its outlet hears when it is over."""

    __slots__ = ("_hub", "_shared", "_task", "outlet")

    def __init__(self, hub: Hub, outlet: Outlet) -> None:
        self.outlet = outlet
        self._hub = hub
        self._shared: Shared | None = None
        self._task: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Free what it holds. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
        if self._shared is not None:
            self._shared.leave(self)
            self._shared = None

    def begin(self, prepared: Prepared | Refusal) -> None:
        """Run what the engine made of the request, so that what is asked first begins first: an event that a mutation
        causes is heard by a subscription before it."""
        if isinstance(prepared, Refusal):
            self.last(prepared.errors)
        elif shared := self._hub.shared(prepared):
            self._shared = shared
            shared.join(self)  # it needs no task of its own
        else:
            self._task = self._hub.task(self._run(prepared))

    async def _run(self, prepared: Prepared) -> None:
        """From the first step to the last word."""
        try:
            if prepared.kind == "subscription":
                return await self._hub.pump(prepared, self.outlet.say, self.outlet.ready, self.last)
            result = await self._hub.engine.execute(prepared)
            if isinstance(result, Refusal):
                return self.last(result.errors)
            await self.outlet.ready()
            self.outlet.say(encode(result))
            self.last(None)
        except Exception as error:
            self.last(self._hub.told(error))

    def last(self, errors: Errors | None) -> None:
        """Say the last word. Nothing is left to free."""
        self._shared = None
        if errors is None:
            self.outlet.complete()
        else:
            self.outlet.fail(errors)


class Shared:
    """One source whose every event goes to all operations that joined, encoded once. The last one to leave closes it.

    Nobody is waited for here: an outlet whose client does not read is at its own bound.
    """

    __slots__ = ("_forget", "_hub", "_joined", "_prepared", "_task")

    def __init__(self, hub: Hub, prepared: Prepared, forget: Callable[[], object]) -> None:
        self._hub = hub
        self._prepared = prepared
        self._forget = forget
        self._joined: dict[Operation, None] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, operation: Operation) -> None:
        """Let it hear all events from now on."""
        self._joined[operation] = None
        if self._task is None:
            self._task = self._hub.task(self._hub.pump(self._prepared, self._say, _at_once, self._over))

    def leave(self, operation: Operation) -> None:
        """It hears no more."""
        self._joined.pop(operation, None)
        if not self._joined:
            self._forget()
            if self._task is not None:
                self._task.cancel()

    def _say(self, result: bytes) -> None:
        for operation in tuple(self._joined):
            operation.outlet.say(result)

    def _over(self, errors: Errors | None) -> None:
        self._forget()
        for operation in tuple(self._joined):
            operation.last(errors)


class Hub:
    """All operations of a server, and the sources that they share."""

    def __init__(self, engine: Engine, log: Log) -> None:
        self.engine = engine
        self.log = log
        self.log_of_library = log.logger("protolab.graphql.sockets")
        self._tasks: set[asyncio.Task[None]] = set()
        self._sources: dict[tuple[Any, ...], Shared] = {}

    @property
    def sources(self) -> int:
        """How many shared sources there are now."""
        return len(self._sources)

    async def stop(self) -> None:
        """End all there is."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def pump(
        self,
        prepared: Prepared,
        say: Callable[[bytes], object],
        ready: Callable[[], Any],
        last: Callable[[Errors | None], object],
    ) -> None:
        """Say each result of a subscription, and then how it ended. The source is closed when this ends, however it does."""
        source = await self.engine.subscribe(prepared)
        if isinstance(source, Refusal):
            last(source.errors)
            return
        try:
            async for result in source:
                await ready()
                say(encode(result))
            last(None)
        except Exception as error:
            last(self.told(error))
        finally:
            try:
                await source.aclose()
            except Exception as error:  # nobody is left to be told
                self.log(f"a source failed while it was closed: {error!r}")

    def told(self, error: Exception) -> Errors:
        """An exception, as clients may hear of it."""
        if not isinstance(error, GraphQLError):
            error = GraphQLError(str(error), original_error=error)
        errors: Errors = self.engine.format(ExecutionResult(None, [error]))["errors"]
        return errors

    def shared(self, prepared: Prepared) -> Shared | None:
        """The source for this subscription, if it is one that may be shared.

        That is for the schema to say (`extensions={"live": True}` on the field): its events are the same for all, and whoever
        comes later has missed what was before. A trace is of one operation, so what is traced has a source of its own.
        """
        if prepared.trace is not None or not self._live(prepared):
            return None
        key = (id(prepared.document), prepared.request.operation, json.dumps(prepared.variables, sort_keys=True))
        if key not in self._sources:
            self._sources[key] = Shared(self, prepared, lambda: self._forget(key, found))
        found = self._sources[key]
        return found

    def _live(self, prepared: Prepared) -> bool:
        root = self.engine.schema.subscription_type
        selected = prepared.operation.selection_set.selections
        if root is None or len(selected) != 1 or not isinstance(selected[0], FieldNode):
            return False
        field = root.fields.get(selected[0].name.value)
        return field is not None and bool(field.extensions.get("live"))

    def _forget(self, key: tuple[Any, ...], source: Shared) -> None:
        if self._sources.get(key) is source:
            del self._sources[key]

    def task(self, work: Any) -> asyncio.Task[None]:
        """A task that `stop` ends."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _at_once() -> None:
    return
