"""The evidence that checks look at: what the lab's taps recorded, by the names of the servers. No protocol is named here."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

from protolab import lab, show
from protolab.capture import Capture
from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.findings import Finding
from protolab.units import Unit
from protolab.view.text import fitted


class Missing(Exception):
    """The recording does not hold what a check looks for yet; the text says what to run."""


class Stumbled(Exception):
    """The learner's own function raised, or was interrupted: `error` is what, `call` how it was called."""

    def __init__(self, call: str, error: BaseException) -> None:
        super().__init__(call, error)
        self.call = call
        self.error = error


class Seen:
    """What there is to see. `thing` is a server's name, or a server's handle, a capture or a connection itself.

    Whatever was not recorded yet raises Missing, which a learner reads as "not attempted: run the cells above".
    """

    def server(self, name: str) -> lab.Handle:
        """The handle of the server that runs under this name."""
        for handle in lab.servers():
            if handle.name == name:
                return handle
        raise Missing(f"No server called {name!r} is running: run the cell that starts it, and those after it.")

    def capture(self, thing: str | lab.Handle | Capture) -> Capture:
        """The recording of a server, with all that was said so far in it."""
        if isinstance(thing, Capture):
            return thing
        return (self.server(thing) if isinstance(thing, str) else thing).capture

    def conversations(self, thing: Any) -> list[Conversation[Any, Any]]:
        """The conversations recorded there, one for each connection, oldest first."""
        return [show.conversation(connection) for connection in self.capture(thing).connections]

    def conversation(self, thing: Any, number: int = -1) -> Conversation[Any, Any]:
        """One of them, by its place as in an index: 0 is the first, -1 the newest."""
        found = self.conversations(thing)
        if not -len(found) <= number < len(found):
            raise Missing("The recording does not hold this conversation yet: run the cells above, in order.")
        return found[number]

    def units(
        self, thing: Any, number: int | None = None, *, side: Side | None = None, kind: str | None = None
    ) -> list[Unit]:
        """The units of one conversation, or of all when `number` is None; of one side, or of one kind, if wanted."""
        chosen = self.conversations(thing) if number is None else [self.conversation(thing, number)]
        return [
            unit
            for conversation in chosen
            for unit in conversation
            if side in (None, unit.side) and kind in (None, unit.kind)
        ]

    def unit(
        self, thing: Any, number: int = -1, index: int = 0, *, side: Side | None = None, kind: str | None = None
    ) -> Unit:
        """One unit of one conversation: the one at `index` among those of that side and kind."""
        found = self.units(thing, number, side=side, kind=kind)
        if not -len(found) <= index < len(found):
            raise Missing("The recording does not hold this yet: run the cells above, in order.")
        return found[index]

    def findings(self, thing: Any, number: int | None = None) -> list[tuple[Unit, Finding]]:
        """Every broken rule, with the unit that it is in."""
        chosen = self.conversations(thing) if number is None else [self.conversation(thing, number)]
        return [found for conversation in chosen for found in conversation.findings]

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the learner's function gives back; a coroutine is run to its end. Stumbled: it raised."""
        try:
            made = function(*copy.deepcopy(arguments))
            return lab.run(made) if inspect.isawaitable(made) else made
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # also a loop without end, and an exit()
            raise Stumbled(called(function, arguments), error) from error


def called(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """A call as it would be typed, long arguments cut.

    >>> called(len, (b"Hello",))
    "len(b'Hello')"
    """
    name = getattr(function, "__name__", type(function).__name__)
    return f"{name}({', '.join(fitted(repr(argument), 40) for argument in arguments)})"
