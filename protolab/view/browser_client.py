"""`browser_client`: the learner's own browser talks to the lab, with the tap in between.

The browser's side is JavaScript's own API; beside what that API reports stands what went over the wire. Where the browser
is not on the kernel's machine, its way leads through jupyter-server-proxy, or it is told that there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import traitlets

from protolab.conversation import Conversation
from protolab.units import Unit
from protolab.view import html
from protolab.view.base import View
from protolab.view.steps import step_of
from protolab.view.text import aligned, elided
from protolab.view.widget import Answer, Widget, module, sheet

MOST = 200  # of the newest things that the browser reported, and of the newest units, that are kept here and shown
_CALLS = {
    "WebSocket": (
        ("new WebSocket(url)", "the browser asks for the connection"),
        ("socket.send(text)", "a message goes out, masked"),
        ("socket.close(code, reason)", "the browser says goodbye"),
    ),
    "EventSource": (
        ("new EventSource(url)", "the browser asks for the stream, and by itself again when it breaks"),
        ("source.addEventListener(name, ...)", "events of that name are heard; those without are called message"),
        ("source.close()", "the browser hangs up and stays away"),
    ),
}
Wire = Callable[[], Sequence[Conversation[Any, Any]]]


class Report(View):
    """What a browser can do here, and what its API reported so far."""

    kind: ClassVar[str] = "browser_client"

    def __init__(self, address: str, events: Sequence[dict[str, str]], api: str = "WebSocket") -> None:
        self.address = address
        self.api = api
        self.events = tuple(events)

    def _said(self) -> str:
        return (
            f"A browser client of {self.address}: it is alive where widgets are drawn and this notebook's kernel runs."
        )

    def _rows(self) -> list[tuple[str, str]]:
        return [(each["what"], elided(each["says"])) for each in self.events] or list(_CALLS[self.api])

    def _head(self) -> tuple[str, str]:
        return ("the browser's API", "what it reported") if self.events else ("the browser's API", "what it does")

    def text(self) -> str:
        cells = [[[what], [says]] for what, says in (self._head(), *self._rows())]
        return "\n".join([elided(self._said()), "", *aligned(cells)])

    def html(self) -> str:
        what, says = self._head()
        rows = [html.row([html.cell(html.code(a), head="row"), html.cell(html.escape(b))]) for a, b in self._rows()]
        return html.table(html.escape(self._said()), [(what, False), (says, False)], rows)

    def json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "kind": self.kind,
            "api": self.api,
            "address": self.address,
            "events": list(self.events),
        }


class BrowserClient(Widget):
    """The learner's browser as a client. `events` is what its API reported, oldest first: each has `what` and `says`."""

    kind: ClassVar[str] = "browser_client"
    _esm = module("browser_client")
    _css = sheet("common", "browser_client")

    url = traitlets.Unicode("").tag(sync=True)
    proxy = traitlets.Unicode("auto").tag(sync=True)  # "auto", "always", "never"
    taps = traitlets.Bool(False).tag(sync=True)
    api = traitlets.Enum(tuple(_CALLS), "WebSocket").tag(sync=True)  # the browser's, that is used
    names = traitlets.Unicode("").tag(sync=True)  # of the events that an EventSource listens to at first

    def __init__(
        self,
        url: str,
        wire: Wire | None = None,
        *,
        proxy: str = "auto",
        address: str = "",
        names: Sequence[str] = (),
    ) -> None:
        """`url` is where the kernel finds the server: ws:// is for a WebSocket, http:// for an EventSource, which listens
        to the events of those `names`; `wire` gives the conversations that its tap recorded; `address` is how the static
        view calls it.
        """
        self._wire = wire
        self._address = address or url
        self.events: list[dict[str, str]] = []
        api = "WebSocket" if url.startswith("ws") else "EventSource"
        super().__init__(url=url, proxy=proxy, taps=wire is not None, api=api, names=" ".join(names))

    def static(self) -> Report:
        return Report(self._address, self.events, self.api)

    # What the browser asks for.

    def ask_heard(self, body: dict[str, Any]) -> Answer:
        """Take in what the browser's API reported."""
        found = [{"what": elided(str(each["what"]), 40), "says": elided(str(each["says"]))} for each in body["events"]]
        self.events = [*self.events, *found][-MOST:]
        return {}

    def ask_wire(self, body: dict[str, Any]) -> Answer:
        """The newest units of the newest connection, as the tap saw them; of an EventSource, which makes one connection
        after another by itself, also those of the connections before.
        """
        found = list(self._wire()) if self._wire else []
        units: list[dict[str, Any]] = []
        left = 0
        for talk in reversed(found if self.api == "EventSource" else found[-1:]):
            first = max(len(talk) - (MOST - len(units)), 0)
            left += first
            units = [_row(unit, talk.connection.number) for unit in talk[first:]] + units
        return {"units": units, "left": left, "connection": found[-1].connection.number if found else 0}


def _row(unit: Unit, number: int) -> dict[str, Any]:
    """What is shown of a unit of connection number so-and-so."""
    step = step_of(unit, 0)
    return {
        "number": unit.place.number,
        "of": number,
        "side": str(unit.side),
        "title": step.title,
        "remarks": step.remarks,
        "bytes": len(unit.data),
    }
