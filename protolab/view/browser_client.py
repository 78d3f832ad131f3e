"""`browser_client`: the learner's own browser talks to the lab, with the tap in between.

The browser's side is JavaScript's own API; beside what that API reports stands what went over the wire. Where the browser
is not on the kernel's machine, its way leads through jupyter-server-proxy, or it is told that there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import traitlets

from protolab.conversation import Conversation
from protolab.view import html
from protolab.view.base import View
from protolab.view.steps import step_of
from protolab.view.text import aligned, elided
from protolab.view.widget import Answer, Widget, module, sheet

MOST = 200  # of the newest things that the browser reported, and of the newest units, that are kept here and shown
_CALLS = (
    ("new WebSocket(url)", "the browser asks for the connection"),
    ("socket.send(text)", "a message goes out, masked"),
    ("socket.close(code, reason)", "the browser says goodbye"),
)
Wire = Callable[[], Sequence[Conversation[Any, Any]]]


class Report(View):
    """What a browser can do here, and what its API reported so far."""

    kind: ClassVar[str] = "browser_client"

    def __init__(self, address: str, events: Sequence[dict[str, str]]) -> None:
        self.address = address
        self.events = tuple(events)

    def _said(self) -> str:
        return (
            f"A browser client of {self.address}: it is alive where widgets are drawn and this notebook's kernel runs."
        )

    def _rows(self) -> list[tuple[str, str]]:
        return [(each["what"], elided(each["says"])) for each in self.events] or list(_CALLS)

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
        return {"version": 1, "kind": self.kind, "address": self.address, "events": list(self.events)}


class BrowserClient(Widget):
    """The learner's browser as a client. `events` is what its API reported, oldest first: each has `what` and `says`."""

    kind: ClassVar[str] = "browser_client"
    _esm = module("browser_client")
    _css = sheet("common", "browser_client")

    url = traitlets.Unicode("").tag(sync=True)
    proxy = traitlets.Unicode("auto").tag(sync=True)  # "auto", "always", "never"
    taps = traitlets.Bool(False).tag(sync=True)

    def __init__(self, url: str, wire: Wire | None = None, *, proxy: str = "auto", address: str = "") -> None:
        """`url` is where the kernel finds the server; `wire` gives the conversations that its tap recorded; `address` is
        how the static view calls it.
        """
        self._wire = wire
        self._address = address or url
        self.events: list[dict[str, str]] = []
        super().__init__(url=url, proxy=proxy, taps=wire is not None)

    def static(self) -> Report:
        return Report(self._address, self.events)

    # What the browser asks for.

    def ask_heard(self, body: dict[str, Any]) -> Answer:
        """Take in what the browser's API reported."""
        found = [{"what": elided(str(each["what"]), 40), "says": elided(str(each["says"]))} for each in body["events"]]
        self.events = [*self.events, *found][-MOST:]
        return {}

    def ask_wire(self, body: dict[str, Any]) -> Answer:
        """The newest units of the newest connection, as the tap saw them."""
        found = list(self._wire()) if self._wire else []
        if not found:
            return {"units": [], "left": 0, "connection": 0}
        newest = found[-1]
        first = max(len(newest) - MOST, 0)
        units = [
            {
                "number": unit.place.number,
                "side": str(unit.side),
                "title": (step := step_of(unit, 0)).title,
                "remarks": step.remarks,
                "bytes": len(unit.data),
            }
            for unit in newest[first:]
        ]
        return {"units": units, "left": first, "connection": newest.connection.number}
