"""A capture as a ladder: who said what when, both sides, one line for each unit, in the order in which it came.

When the capture is `logical` (a repeatable run), nothing that differs between two runs is drawn in any form: steps
stand where the seconds stood, and no address. Where TCP cut the bytes is never drawn at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from protolab.capture import Capture
from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.plain import width
from protolab.view import export, html
from protolab.view.base import ROWS, Budget, View
from protolab.view.steps import TITLE, Rung, Step, rung_of
from protolab.view.text import elided, fitted

RAIL = 62  # columns between the two sides
_WIDE = "min-width:15em"  # of a side's column in HTML
LEGEND = (
    ("!", "! a broken rule"),
    ("-", "- bytes that the receiver throws away, as it may"),
    ("~", "~ not complete yet"),
)


class Ladder(View):
    """Conversations as a ladder. `start` is the first unit shown of each, `limit` how many units are shown in all; with a
    `lane` (a stream's number) only its units are shown and counted.

    It is a picture of one moment: bytes that come later do not change it; make another.
    """

    kind: ClassVar[str] = "ladder"

    def __init__(
        self,
        conversations: Iterable[Conversation[Any, Any]],
        capture: Capture | None = None,
        *,
        start: int = 0,
        limit: int = ROWS,
        lane: int | None = None,
    ) -> None:
        found = tuple(conversations)
        self.lane = lane
        self.capture = capture
        self.logical = any(conversation.connection.capture.logical for conversation in found)
        self.rungs: list[Rung] = []
        for conversation in found:
            rung = rung_of(conversation, start, max(limit, 0), self.logical, lane)
            limit -= rung.shown
            self.rungs.append(rung)

    def text(self, columns: int = RAIL) -> str:
        """The text form; `columns` is what lies between the two sides, for a narrow terminal."""
        lines = [*self._summary()]
        for rung in self.rungs:
            steps = [*rung.steps, *rung.late]
            lanes = any(step.unit is not None and step.unit.lane is not None for step in steps)
            rail = Rail(self.logical, lanes, columns)
            lines += ["", self._title(rung), *rail.head()]
            lines += ["   ... earlier units are left out"] if rung.first else []
            lines += [rail.line(step) for step in rung.steps]
            lines += [f"   {line}" for line in _rest(rung, rung.shown)]
            lines += [rail.line(step) for step in rung.late]
            lines += [f"   ! {line}" for line in _losses(rung)]
        legend = self._legend()
        return "\n".join([*lines, *(["", legend] if legend else [])])

    def html(self) -> str:
        budget = Budget(rows=10**9)  # the steps are bounded already; only the size is left to watch
        parts = [html.paragraph(html.escape(line)) for line in self._summary()]
        for rung in self.rungs:
            parts.append(_rung_html(rung, html.escape(self._title(rung)), self.logical, budget))
            parts += [html.paragraph(html.escape(f"! {line}"), html.TROUBLE) for line in _losses(rung)]
        legend = self._legend()
        return "".join([*parts, *([html.paragraph(html.escape(legend), html.QUIET)] if legend else [])])

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"version": 1, "kind": self.kind, "logical": self.logical}
        if self.capture is not None:
            capture = self.capture
            found["capture"] = {"name": export.clean(capture.name), "bytes": capture.size, "dropped": capture.dropped}
        found["connections"] = [self._rung_json(rung) for rung in self.rungs]
        return found

    def _rung_json(self, rung: Rung) -> dict[str, Any]:
        connection = rung.conversation.connection
        found: dict[str, Any] = {
            "number": connection.number,
            "protocol": rung.conversation.protocol,
            "midway": connection.midway,
        }
        if not self.logical:
            found |= {"client": export.clean(connection.client), "server": export.clean(connection.server)}
        found["dropped"] = {str(side): connection.dropped[side] for side in Side}
        found["units"] = rung.units
        found["steps"] = [_step_json(step, self.logical) for step in (*rung.steps, *rung.late)]
        return found

    def _summary(self) -> list[str]:
        units = _count(sum(rung.units for rung in self.rungs), "unit")
        if self.capture is None:
            return []
        connections = _count(len(self.capture.connections), "connection")
        size = "" if self.lane is not None else f", {_count(self.capture.size, 'byte')}"  # which are those of all lanes
        return [f"capture {elided(self.capture.name, 80)}: {connections}, {units}{size}"]

    def _title(self, rung: Rung) -> str:
        connection = rung.conversation.connection
        title = f"connection {connection.number}, {rung.conversation.protocol}"
        title += "" if self.lane is None else f", stream {self.lane}"
        if not self.logical and (connection.client or connection.server):
            title += f": client {elided(connection.client, 80) or '?'}, server {elided(connection.server, 80) or '?'}"
        return title + (" (recorded from the middle on)" if connection.midway else "")

    def _legend(self) -> str:
        marks = {mark for rung in self.rungs for step in rung.steps for mark in step.marks}
        return "   ".join(says for mark, says in LEGEND if mark in marks)


class Rail:
    """The text form's columns, fixed beforehand, so that lines can be printed while a conversation goes on.

    `head` gives what stands above the first step, `line` one step; `steps.step_of` and `steps.end_step` make steps.
    """

    def __init__(self, logical: bool = False, lanes: bool = False, columns: int = RAIL) -> None:
        self.logical = logical
        self.lanes = lanes
        self.columns = columns

    def head(self) -> list[str]:
        """The column headings."""
        lane = "stream  " if self.lanes else ""
        return [
            f"  unit  {'step' if self.logical else ' seconds':>4}  {lane}client{'server':>{self.columns - 6}}    bytes"
        ]

    def line(self, step: Step) -> str:
        """One step: number, time, the title riding on its arrow, size, remarks."""
        unit = step.unit
        number = "" if unit is None else str(unit.place.number)
        when = f"{step.when:>4}" if self.logical else f"{step.when:8.4f}"
        lane = "" if not self.lanes else f"{'' if unit is None or unit.lane is None else unit.lane:>6}  "
        size = "" if unit is None else f"{len(unit.data):,}"
        return f"{number:>6}  {when}  {lane}{_arrow(step, self.columns)}  {size:>7}  {step.remarks}".rstrip()


def _arrow(step: Step, columns: int) -> str:
    """The title with a line from the side that spoke to the other; a TCP end stops in a bar."""
    title = fitted(step.title, columns - 6)
    dash = "─" if step.unit is not None else "╌"
    line = dash * (columns - 2 - width(title))
    if step.side is Side.CLIENT:
        return f"{title} {line}{'→' if step.unit is not None else '┤'}"
    return f"{'←' if step.unit is not None else '├'}{line} {title}"


def _rest(rung: Rung, shown: int) -> list[str]:
    if not rung.units:
        return ["no unit yet"]
    left = rung.units - rung.first - shown
    return [f"... {left:,} more units of {rung.units:,} in all"] if left else []


def _losses(rung: Rung) -> Iterator[str]:
    for side in Side:
        if dropped := rung.conversation.connection.dropped[side]:
            yield f"{_count(dropped, 'byte')} more from the {side} came after the capture was full and are not in it"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _step_json(step: Step, logical: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"step" if logical else "at": step.when, "side": str(step.side)}
    unit = step.unit
    if unit is None:
        return {**found, "end": step.end}
    found |= {"unit": unit.place.number, "kind": unit.kind, "title": export.clean(unit.title[:TITLE])}
    found |= {"start": unit.place.start, "end": unit.place.end, "complete": unit.place.complete}
    if unit.lane is not None:
        found["lane"] = unit.lane
    found["findings"] = [export.finding(finding) for finding in unit.findings[:ROWS]]
    found["discards"] = [export.discard(discard) for discard in unit.discards[:ROWS]]
    return found


def _rung_html(rung: Rung, title: str, logical: bool, budget: Budget) -> str:
    """One connection as a table: the titles stand on the side that spoke, the arrow between two lifelines."""
    steps = [*rung.steps, *rung.late]
    lanes = any(step.unit is not None and step.unit.lane is not None for step in steps)
    remarks = any(step.remarks for step in steps)
    columns = [
        ("unit", True, ""),
        ("step" if logical else "seconds", True, ""),
        *([("stream", True, "")] if lanes else []),
    ]
    columns += [
        ("client", True, _WIDE),
        ("direction", False, "min-width:9em"),
        ("server", False, _WIDE),
        ("bytes", True, ""),
    ]
    columns += [("remarks", False, "min-width:9em")] if remarks else []
    head = html.row(html.cell(name, head="col", right=right, style=style) for name, right, style in columns)
    rows, units = [], 0
    for step in [*rung.steps, *rung.late]:
        drawn = _step_html(step, logical, lanes, remarks)
        if step.unit is None or budget.take(drawn):  # ends are few, and each says how a side stopped
            rows.append(drawn)
            units += step.unit is not None
    notes = ["... earlier units are left out"] if rung.first else []
    notes += _rest(rung, units)
    return html.grid(f"<b>{title}</b>", "", [head, *rows]) + "".join(
        html.paragraph(html.escape(note)) for note in notes
    )


def _step_html(step: Step, logical: bool, lanes: bool, remarks: bool) -> str:
    unit, client = step.unit, step.side is Side.CLIENT
    tone = html.QUIET if unit is None else html.CLIENT if client else html.SERVER
    title = html.escape(step.title)
    cells = [
        html.cell("" if unit is None else str(unit.place.number), head="row", right=True),
        html.cell(str(step.when) if logical else f"{step.when:.4f}", right=True, style=html.QUIET),
    ]
    if lanes:
        cells.append(html.cell("" if unit is None or unit.lane is None else str(unit.lane), right=True))
    cells.append(html.cell(title, right=True, style=tone) if client else html.cell(""))
    cells.append(html.cell(_arrow_html(client, unit is not None), right=True, style=f"{html.LIFELINES};{tone}"))
    cells.append(html.cell("") if client else html.cell(title, style=tone))
    cells.append(html.cell("" if unit is None else f"{len(unit.data):,}", right=True))
    if remarks:
        cells.append(html.cell(html.toned(html.escape(step.remarks), html.TROUBLE if "!" in step.marks else "")))
    return html.row(cells)


def _arrow_html(client: bool, unit: bool) -> str:
    """An arrow whose line is a border; without styles the arrow's head alone says the direction."""
    line = f'<span style="flex:1;border-top:1px {"solid" if unit else "dashed"}"></span>'
    head = ("→" if client else "←") if unit else "⊣" if client else "⊢"
    return f'<div style="display:flex;align-items:center">{line + head if client else head + line}</div>'
