"""What happened inside the server while it answered a request, on the clock that captures use.

A `Trace` is kept only when asked for (`GraphQLServer(traces=N)`); without it nothing here runs. Its events are in the order
in which they ended. `start` is what `time.monotonic` says, as a capture's times are before `capture.began` is taken off; in a
repeatable run it counts the looks at the clock instead, in milliseconds.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, NamedTuple

from protolab import repeat
from protolab.units import Span

_MOST = 5000  # events that one trace keeps; more are counted as `lost`


class Event(NamedTuple):
    """One step: its kind, when it began (seconds), how long it took, and of what it was.

    kind is "parse", "validate", "execute", "resolve" (`path`, `parent` type and `field`), "batch" (a loader's tick: `field`
    names the loader, `keys` what it asked for at once), "call" (`field` names what the backend was asked, `keys` for what) or
    "event" (one of a subscription's source). `failed` says that it ended in an error.
    """

    kind: str
    start: float
    length: float
    path: tuple[str | int, ...] = ()
    parent: str = ""
    field: str = ""
    keys: tuple[Any, ...] = ()
    failed: bool = False

    @property
    def end(self) -> float:
        """When it was over."""
        return self.start + self.length


class Trace:
    """The steps of one request. `number` counts a server's traces from 1; `request` is what was asked.

    `connection` counts the server's connections from 1 and `order` the requests on it; `operation_id` is what a socket's client
    called the operation ("" over HTTP).
    """

    def __init__(
        self, number: int, request: Any, connection: int = 0, order: int = 0, operation_id: str = "", began: float = 0.0
    ) -> None:
        self.number = number
        self.request = request
        self.connection = connection
        self.order = order
        self.operation_id = operation_id
        self.events: list[Event] = []
        self.cached = False  # parse and validate were not needed: the document was known
        self.lost = 0
        self._ticks = 0
        self.logical = repeat.on()
        self.began = self.now() if not began or self.logical else began

    def now(self) -> float:
        """The clock: monotonic seconds, or in a repeatable run one millisecond for each look."""
        if self.logical:
            self._ticks += 1
            return (self._ticks - 1) / 1000
        return time.monotonic()

    def add(self, kind: str, start: float, **about: Any) -> None:
        """Note a step that began at `start` and ends now."""
        if len(self.events) < _MOST:
            self.events.append(Event(kind, start, self.now() - start, **about))
        else:
            self.lost += 1

    @contextmanager
    def step(self, kind: str, **about: Any) -> Iterator[None]:
        """Note what happens within `with`, and whether it failed."""
        start, failed = self.now(), True
        try:
            yield
            failed = False
        finally:
            self.add(kind, start, failed=failed, **about)

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Middleware for graphql-core: times one field, awaited or not."""
        start = self.now()
        try:
            value = next_(source, info, **arguments)
        except Exception:
            self._resolved(start, info, failed=True)
            raise
        if isawaitable(value):
            return self._resolve(value, start, info)
        self._resolved(start, info, failed=False)
        return value

    async def _resolve(self, value: Any, start: float, info: Any) -> Any:
        failed = True
        try:
            found = await value
            failed = False
            return found
        finally:
            self._resolved(start, info, failed=failed)

    def _resolved(self, start: float, info: Any, *, failed: bool) -> None:
        path = tuple(info.path.as_list())
        self.add("resolve", start, path=path, parent=info.parent_type.name, field=info.field_name, failed=failed)

    def of(self, kind: str) -> list[Event]:
        """The events of that kind, in order of their beginning."""
        return sorted((event for event in self.events if event.kind == kind), key=lambda event: event.start)

    @property
    def calls(self) -> int:
        """How often the backend was asked."""
        return sum(event.kind == "call" for event in self.events)

    # What a timeline draws.

    @property
    def title(self) -> str:
        """What was asked."""
        from protolab.protocols.graphql.titles import asked

        request = self.request
        return asked({"query": getattr(request, "query", ""), "operationName": getattr(request, "operation", None)})

    @property
    def spans(self) -> list[Span]:
        """The events as spans: a field is as deep as its path has names, a loader's tick says which keys it asked for."""
        return [_span(event) for event in self.events]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How often the backend was asked, and what there was of the rest."""
        kinds = (("fields resolved", "resolve"), ("loader ticks", "batch"), ("source events", "event"))
        found = [("backend calls", self.calls), *((name, len(self.of(kind))) for name, kind in kinds)]
        return [
            (name, count)
            for name, count in (*found, ("events not kept", self.lost))
            if count or name == "backend calls"
        ]

    def __repr__(self) -> str:
        return f"<trace {self.number}: {len(self.events)} events, {self.calls} backend calls>"


def _span(event: Event) -> Span:
    depth = sum(isinstance(step, str) for step in event.path) if event.path else int(event.kind in ("batch", "call"))
    phase = event.kind in ("parse", "validate", "execute")
    name = ".".join(map(str, event.path)) or ("" if phase else event.field) or event.kind
    keys = f"keys {', '.join(map(str, event.keys))}" if event.keys else ""
    about = event.field if phase else event.parent
    note = "; ".join(part for part in ("failed" if event.failed else "", about, keys) if part)
    return Span(name, event.start, event.length, depth, note, event.kind)


class Traces:
    """The newest `keep` traces of a server, oldest first; 0 keeps none and traces nothing."""

    def __init__(self, keep: int = 0) -> None:
        self.keep = keep
        self.count = 0
        self._kept: deque[Trace] = deque(maxlen=keep)

    def begin(self, request: Any, connection: int = 0, order: int = 0, operation_id: str = "") -> Trace | None:
        """A trace for a request that just came, or None when there is to be none."""
        if not self.keep:
            return None
        self.count += 1
        trace = Trace(self.count, request, connection, order, operation_id)
        self._kept.append(trace)
        return trace

    def find(self, *, number: int | None = None, connection: int | None = None, order: int | None = None) -> Trace:
        """The newest trace that fits; LookupError: there is none (any more)."""
        for trace in reversed(tuple(self._kept)):
            wanted = ((number, trace.number), (connection, trace.connection), (order, trace.order))
            if all(asked is None or asked == found for asked, found in wanted):
                return trace
        raise LookupError("no such trace: tracing is off, or it fell out of the ring")

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Trace:
        return self._kept[index]

    def __iter__(self) -> Iterator[Trace]:
        return iter(tuple(self._kept))
