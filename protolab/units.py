"""Units: one protocol data unit each (an HTTP head, a WebSocket frame, an event): what the ladder draws as one arrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from protolab import draw
from protolab.fields import Field, Side
from protolab.findings import Discard, Finding
from protolab.plain import printable


class Place(NamedTuple):
    """Where a unit stands: its number in the conversation (from 0), whose it is, and its half-open range of that stream.

    `at` is when its last byte came, in seconds since the capture began. `complete` is False for bytes at the end of a
    stream that are not a whole unit yet: only such a unit may change when more bytes come.
    """

    number: int
    side: Side
    start: int
    end: int
    at: float
    complete: bool = True


class Span(NamedTuple):
    """Something that a program did: from when (seconds on its clock) and how long. `depth` says that it was inside another,
    `group` what kind of thing it is ("parse", "resolve").
    """

    name: str
    start: float
    length: float
    depth: int = 0
    note: str = ""
    group: str = ""


class Unit(NamedTuple):
    """One protocol data unit with its explanation. Made when looked at, kept by nobody (law 5).

    `data` is the unit's bytes and `field` the tree that tiles them. `kind` is the protocol's own word for it ("frame",
    "request head"); `title` its line in the ladder; `lane` the HTTP/2 stream it belongs to, where there are such.
    """

    protocol: str
    kind: str
    place: Place
    data: bytes
    field: Field
    findings: tuple[Finding, ...]
    discards: tuple[Discard, ...]
    entitle: Callable[[Unit], str]
    lane: int | None = None

    @property
    def title(self) -> str:
        """One line that says what this unit says, such as `text "Hello"`; nothing in it commands a terminal."""
        return printable(self.entitle(self))

    @property
    def side(self) -> Side:
        """Who said it."""
        return self.place.side

    def bytes_of(self, name: str) -> bytes:
        """The bytes of the first field of that name; KeyError names what there is."""
        field = self.field.find(name)
        return self.data[field.start : field.end]

    def __repr__(self) -> str:
        return f"<{self.protocol} {self.kind} {self.place.number} from {self.side}: {self.title}>"

    def __str__(self) -> str:
        return draw.text(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return draw.bundle(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        _pretty(self, printer)


class Units(draw.Drawn, tuple[Unit, ...]):
    """Several units, drawn one after another: a slice of a conversation, such as the two heads of a handshake."""

    def __repr__(self) -> str:
        return f"<{len(self)} units>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        _pretty(self, printer)


def _pretty(thing: Unit | Units, printer: Any) -> None:
    """IPython has a way with tuples that goes before their mime bundle: the whole text, but inside a list one line."""
    printer.text(repr(thing) if len(printer.stack) > 1 else str(thing))
