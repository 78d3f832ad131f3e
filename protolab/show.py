"""Everything draws itself through here: which view belongs to which thing, and the functions that people call.

`capture` or `unit` at the end of a notebook cell, or `print(capture)`, is enough for most; `ladder`, `explain` and
`picture` ask for a particular view. Each gives a view: an object with `text()`, `html()`, `json()` and `bundle()`.
`explore` gives a widget, which stands on the ladder; `scrub`, which stands on `states`, steps through a conversation.
`byte_lab` gives bytes to change, decode and send; `browser_client` makes your own browser a client.
`conversation` gives the units themselves: `conversation(server)[2]` is one, `conversation(server)[:2]` are two.
`timeline` draws what a program did beside what was said; `ledger` and `levels` what changed from step to step, and
`header_table` and `windows` do it for a conversation whose protocol has such.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from protolab import protocols, repeat
from protolab.capture import Capture, Connection
from protolab.conversation import Conversation
from protolab.errors import LabError
from protolab.fields import Derived, Field, Side
from protolab.following import Decoded, followed, walks_of
from protolab.units import Unit, Units
from protolab.view import Change, Exchange, Ladder, Ledger, Levels, Picture, Series, Timeline, Tree, UnitView, View

if TYPE_CHECKING:
    from protolab.view.browser_client import BrowserClient
    from protolab.view.byte_lab import ByteLab
    from protolab.view.explore import Explore
    from protolab.view.scrub import Scrub
    from protolab.view.states import StatesView

__all__ = [
    "browser_client",
    "byte_lab",
    "conversation",
    "explain",
    "explore",
    "header_table",
    "ladder",
    "ledger",
    "levels",
    "picture",
    "scrub",
    "states",
    "timeline",
    "view_of",
    "windows",
]

# What the lab's servers say.
EVENTS = ("message", "connected", "notification", "update", "alert", "heartbeat", "resync")


def view_of(thing: object) -> View:
    """The view that a thing is drawn as when nobody asks for another one.

    A capture, a connection and a conversation are drawn as a ladder, a unit as bytes and fields, several units one
    after another, a field or derived bytes as a tree; a view stands for itself. TypeError for anything else.
    """
    match thing:
        case View():
            return thing
        case Capture() | Connection() | Conversation():
            return ladder(thing)
        case Unit() | Units() | Field() | Derived():
            return explain(thing)
    raise TypeError(
        f"protolab cannot draw a {type(thing).__name__}; it draws captures, conversations, units and fields"
    )


def conversation(thing: object, number: int = -1) -> Conversation[Any, Any]:
    """The units of one connection, to index and to slice: of a connection, or of a capture or what has one (a server).

    `number` picks the connection as an index does: 0 is the first of the capture, -1 (unless told otherwise) the
    newest. IndexError: there is no such connection. TypeError for what has none.
    """
    match thing:
        case Conversation():
            return thing
        case Connection():
            return protocols.decode(thing)
        case Capture():
            found = list(thing.connections)
            if not -len(found) <= number < len(found):
                raise IndexError(f"no connection {number}: {len(found)} were recorded so far")
            return protocols.decode(found[number])
    if isinstance(capture := getattr(thing, "capture", None), Capture):
        return conversation(capture, number)
    raise TypeError(f"a {type(thing).__name__} holds no conversation; a server, a capture and a connection do")


def ladder(thing: object, *, start: int = 0, limit: int = 500, lane: int | None = None) -> Ladder:
    """Who said what when: a capture, connection or conversation, or what has a capture (a running server), as a ladder.

    `start` is the first unit that is shown, `limit` how many are; `lane` shows one stream alone, where there are such: one
    call. TypeError for what has no two sides.
    """
    match thing:
        case Conversation():
            return Ladder([thing], start=start, limit=limit, lane=lane)
        case Connection():
            return Ladder([protocols.decode(thing)], start=start, limit=limit, lane=lane)
        case Capture():
            return Ladder(map(protocols.decode, list(thing.connections)), thing, start=start, limit=limit, lane=lane)
    if isinstance(capture := getattr(thing, "capture", None), Capture):
        return ladder(capture, start=start, limit=limit, lane=lane)
    raise TypeError(f"a {type(thing).__name__} has no ladder; a capture, a connection or a conversation has one")


def explain(thing: object, data: bytes | None = None) -> View:
    """Bytes and fields side by side: of a unit, of several, of a conversation, or of a field in its buffer `data`."""
    match thing:
        case Unit():
            return UnitView(thing)
        case Field() | Derived():
            return Tree(thing, data)
        case Conversation():
            return Exchange(thing)
        case Connection():
            return Exchange(protocols.decode(thing))
        case Capture():
            return Exchange(Units(unit for connection in thing.connections for unit in protocols.decode(connection)))
        case tuple() | list() if all(isinstance(unit, Unit) for unit in thing):
            return Exchange(Units(thing))
    if isinstance(capture := getattr(thing, "capture", None), Capture):
        return explain(capture)
    raise TypeError(f"a {type(thing).__name__} cannot be explained; units, conversations and fields can")


def picture(thing: object, data: bytes | None = None) -> Picture:
    """The 32-bit-wide picture of a unit, of derived bytes, or of a field in its buffer `data`."""
    match thing:
        case Unit() | Derived() | Field():
            return Picture(thing, data)
    raise TypeError(f"a {type(thing).__name__} has no picture; take one unit, such as conversation[2]")


def timeline(thing: Any, conversation: object = None, *, units: slice = slice(None), limit: int = 500) -> Timeline:
    """What a program did, as spans on one axis, and, beside it, the units of the conversation that it took part in.

    `thing` has `spans` (such as a server's trace), and perhaps a `title`, `counts`, and `logical` for a clock of its own.
    Of `conversation` (what `ladder` takes, or has one) the units that belong around these spans are marks; `units` picks
    others. Where times are logical, the client's stand at the beginning and the server's at the end. TypeError: no spans.
    """
    from protolab.view.timeline import around

    if (spans := getattr(thing, "spans", None)) is None:
        raise TypeError(f"a {type(thing).__name__} has no spans; a trace has, such as server.traces[-1]")
    logical = bool(getattr(thing, "logical", False))
    spans, marks = list(spans), []
    if conversation is not None:
        found = globals()["conversation"](conversation)
        capture = found.connection.capture
        logical = logical or capture.logical
        marks = around(spans, found[units], capture.began, logical, whole=units != slice(None))
    title, counts = getattr(thing, "title", "") or type(thing).__name__, getattr(thing, "counts", ())
    return Timeline(title, spans, marks, counts=counts, logical=logical, limit=limit)


def ledger(title: str, changes: Sequence[Change], *, capacity: int | None = None, unit: str = "bytes") -> Ledger:
    """A table that changes from step to step: what came, went and was referred to at each (`view.Change`, `view.Entry`)."""
    return Ledger(title, changes, capacity=capacity, unit=unit)


def levels(
    title: str, series: Sequence[Series], *, unit: str = "", step: str = "unit", notes: dict[int, str] | None = None
) -> Levels:
    """Numbers that steps change, such as windows of flow control, as a table and a line of steps (`view.Series`)."""
    return Levels(title, series, unit=unit, step=step, notes=notes)


def header_table(thing: object, side: Side = Side.CLIENT, *, number: int = -1) -> Ledger:
    """The table of headers that a side of a conversation says, over the units that changed it or referred to it.

    Takes what `conversation` takes. LabError: its protocol compresses no headers.
    """
    history = _histories(found := conversation(thing, number)).tables(found)[side]
    return Ledger(history.title, history.changes, capacity=history.capacity)


def windows(thing: object, lane: int | None = None, *, number: int = -1) -> Levels:
    """What each side may still send, over the units, and where somebody waited: on the connection, and on one stream.

    Takes what `conversation` takes; `lane` is the stream (the first on which somebody waited, unless told otherwise).
    LabError: its protocol has no flow control of its own.
    """
    data = _histories(found := conversation(thing, number)).levels(found, lane)
    return Levels(data.title, [Series(*each) for each in data.series], unit=data.unit, notes=data.notes)


def _histories(found: Conversation[Any, Any]) -> Any:
    """The part of a protocol that tells what changes from unit to unit."""
    if (part := protocols.card(found.protocol).part("histories")) is None:
        raise LabError(f"{found.protocol} has no such tables.", "Take a conversation of HTTP/2, such as gRPC's.")
    return part


def explore(thing: object) -> Explore:
    """A capture to walk through: ladder, fields and bytes, linked both ways, to click, type and search in.

    Takes what `ladder` takes. It is a widget, so it is alive while its kernel is; without one the ladder stands there.
    `update()` on it, or its button, takes in what a live capture recorded since. TypeError for what has no two sides.
    """
    from protolab.view.explore import Explore  # ipywidgets is heavy, and a script does without

    if (found := followed(thing)) is None:
        raise TypeError(f"a {type(thing).__name__} cannot be explored; a capture, a connection or a conversation can")
    return Explore(*found)


def states(thing: object) -> StatesView:
    """Where both peers stand after each unit, as a table: of what `ladder` takes, by the tables that its protocol obeys.

    LabError: no connection in it speaks a protocol that has such tables.
    """
    from protolab.view.states import StatesView

    return StatesView(walks_of(thing)())


def scrub(thing: object) -> Scrub:
    """A conversation to step through, forwards and backwards: each unit, and the states of both peers after it.

    Takes what `ladder` takes. It is a widget; without one the table of `states` stands there. `step` on it can be set.
    """
    from protolab.view.scrub import Scrub

    walks = walks_of(thing)
    return Scrub(walks, walks()[0].conversation.connection.capture.name)


def browser_client(to: Any, *, proxy: str = "auto", events: Iterable[str] = EVENTS) -> BrowserClient:
    """Your own browser as a client of the lab: buttons to connect, send and close, what its API reports, and the wire.

    `to` is a server that runs, or its URL: a ws:// URL is opened as a WebSocket, an http:// URL as an EventSource, which
    listens to the `events` of those names, and whose server must be started with the page's origin in `origins`. A
    browser on another machine than the kernel's (Binder, JupyterHub) goes through jupyter-server-proxy; `proxy` "always"
    or "never" decides that by hand. LabError: a browser can open neither there.
    """
    from protolab import lab
    from protolab.view.browser_client import BrowserClient

    url = str(getattr(to, "url", to))
    if not url.startswith(("ws://", "wss://", "http://", "https://")):
        raise LabError(
            f"A browser can open neither a WebSocket nor an EventSource at {url!r}.",
            "Give a server that runs, or a ws:// or http:// URL.",
        )
    if proxy not in ("auto", "always", "never"):
        raise LabError(f"{proxy!r} is no way to go.", 'Say "auto", "always" or "never".')
    handle = next((each for each in lab.servers() if each.url == url), None)
    capture = None
    with suppress(LabError):  # it runs without a tap
        capture = None if handle is None else handle.capture
    wire = None if capture is None or handle is None else Decoded(lambda: handle.capture.connections)
    name = f"the {handle.name} server" if handle is not None and repeat.on() else url
    return BrowserClient(url, wire, proxy=proxy, address=name, names=list(events))


def byte_lab(thing: Unit | bytes, to: Any = None, *, side: Side = Side.CLIENT, protocol: str = "") -> ByteLab:
    """A unit, or bytes, to change: every byte decoded as it changes, every field encoded, and what breaks is said.

    `to` is where its button sends them: a server that runs, or a URL; without one, an echo server of its own is started.
    Bytes are said by `side`, in `protocol` or in what they look like. LabError: this unit cannot stand alone.
    """
    from protolab import lab
    from protolab.view.byte_lab import ByteLab

    if isinstance(thing, Unit):
        data, side, protocol = thing.data, thing.side, thing.protocol
    else:
        data, protocol = bytes(thing), protocol or _looks_like(bytes(thing), side)
    bench = protocols.card(protocol).part("bench")
    if bench is None:
        raise LabError(f"There is no bench for bytes of {protocol}.", "Look at them with explain.")
    where = bench.context(thing) if isinstance(thing, Unit) else bench.OPEN

    peer = to

    def said(data: bytes) -> Any:
        nonlocal peer
        if to is None and not getattr(peer, "running", False):
            peer = lab.start(bench.server(where), name="byte lab")
        return lab.run(bench.send(str(getattr(peer, "url", peer)), data, where))

    return ByteLab(data, side, bench, where, said, _called(to))


def _called(to: Any) -> str:
    """What to call a peer: a handle by its name, a URL as it is."""
    if to is None:
        return "an echo server"
    return f"the {name} server" if (name := getattr(to, "name", "")) else str(to)


def _looks_like(data: bytes, side: Side) -> str:
    """The protocol, of those with a bench, that bytes from the middle of a connection look like."""
    client, server = (data, b"") if side is Side.CLIENT else (b"", data)
    found = [card for card in protocols.cards() if card.part("bench")]
    return max(found, key=lambda card: card.recognise(client, server, True)).name
