"""Spans and marks on one axis of time: what a program did, beside what was said meanwhile.

A span has a beginning and a length, a mark only a time. Rows are in the order of their beginnings, what belongs inside
something else is indented, and groups are told apart by a sign in text and by a pattern in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from protolab.fields import Side
from protolab.plain import printable, width
from protolab.units import Span, Unit
from protolab.view import drawing, export, html
from protolab.view.base import ROWS, Budget, View
from protolab.view.text import aligned, elided

WIDE = 48  # characters of the whole axis in text
SIGNS = "█▓▒░▚▞▌▐"  # one for each group, the most there can be; more share the last one
MARK = "▼"
NAME, NOTE = 60, 80  # characters
PICTURED = 120  # rows of the picture; the table goes on
_TOLD = 20  # rows that the picture's words say
_ROW, _BAR, _AXIS, _LEFT, _RIGHT = 22, 14, 520, 10, 70  # pixels


class Mark(NamedTuple):
    """Something that happened at one time (seconds), such as a unit of a conversation; `group` says whose it is."""

    at: float
    name: str
    note: str = ""
    group: str = ""


class _Row(NamedTuple):
    at: float  # since the beginning of the axis
    length: float | None
    depth: int
    name: str
    note: str
    group: str


def around(
    spans: Sequence[Span], units: Sequence[Unit], began: float, logical: bool, *, whole: bool = False
) -> list[Mark]:
    """Units as marks beside these spans; a unit's time counts from `began` on the spans' clock.

    Unless the `whole` of them is asked for: what was said while the spans lasted, the run of the client's units before
    that (what they answer), and the run of the server's after it. Where times are logical, no clock is shared, and the
    client's units stand at the beginning, the server's at the end.
    """
    first = min((span.start for span in spans), default=0.0)
    last = max((span.start + span.length for span in spans), default=first)
    shown = list(units)
    if not whole and not logical:
        times = [unit.place.at + began for unit in shown]
        start = next((index for index, at in enumerate(times) if at > first), len(times))
        end = next((index for index in range(len(times) - 1, -1, -1) if times[index] < last), -1) + 1
        while start and shown[start - 1].side is Side.CLIENT:
            start -= 1
        while end < len(shown) and shown[end].side is Side.SERVER:
            end += 1
        shown = shown[start : max(end, start)]
    return [
        Mark(
            (first if unit.side is Side.CLIENT else last) if logical else unit.place.at + began,
            unit.title,
            f"unit {unit.place.number}, from the {unit.side}",
            str(unit.side),
        )
        for unit in shown
    ]


class Timeline(View):
    """Spans and marks as rows on one axis. Times are seconds on any clock, the same for all; the first one is the axis's 0.

    `counts` are facts for the line below ("backend calls", 120). A `logical` timeline shows steps of a thousandth instead of
    milliseconds: the clock of a repeatable run. At most `limit` rows are drawn, and it says how many there are.
    """

    kind: ClassVar[str] = "timeline"

    def __init__(
        self,
        title: str,
        spans: Iterable[Span],
        marks: Iterable[Mark] = (),
        *,
        counts: Sequence[tuple[str, int]] = (),
        notes: Sequence[str] = (),
        logical: bool = False,
        limit: int = ROWS,
    ) -> None:
        self.title = title
        self.counts = tuple(counts)
        self.notes = tuple(notes)
        self.logical = logical
        found = [_Row(at, None, 0, name, note, group) for at, name, note, group in marks]
        found += [
            _Row(at, max(length, 0.0), depth, name, note, group) for name, at, length, depth, note, group in spans
        ]
        # What begins first, and of what begins together the longer one: it is around the other. Marks say when, so first.
        found.sort(key=lambda row: (row.at, row.length is not None and row.length > 0, row.depth, -(row.length or 0)))
        first = found[0].at if found else 0.0
        self.rows = [row._replace(at=row.at - first) for row in found]
        self.total = max((row.at + (row.length or 0) for row in self.rows), default=0.0)
        self.groups = list(dict.fromkeys(row.group for row in self.rows if row.length is not None))
        self.limit = max(limit, 0)

    def text(self) -> str:
        unit = "step" if self.logical else "ms"
        shown = self.rows[: self.limit]
        end = self._time(self.total)
        head = "0" + " " * (WIDE - 1 - len(end)) + end
        cells: list[str | list[list[str]]] = [[[""], [f"at {unit}"], ["took"], [head], [""]]]
        cells += [
            [[self._name(row)], [self._time(row.at)], [self._took(row)], [self._bar(row)], [elided(row.note, NOTE)]]
            for row in shown
        ]
        lines = [printable(self.title), "", *aligned(cells, frozenset({1, 2}))]
        lines += [f"... {line}" for line in self._rest(len(shown))]
        below = [*self._legend(), *self._below()]
        lines += ["", *below] if below else []
        return "\n".join(lines)

    def html(self) -> str:
        unit = "step" if self.logical else "ms"
        headers = [("", False), (f"at {unit}", True), ("took", True), ("kind", False), ("note", False)]
        picture = self._picture()
        budget, rows = Budget(rows=self.limit), []
        budget.size -= len(picture)
        for row in self.rows:
            cells = [
                html.cell(html.spaced(self._name(row)), head="row", style="white-space:nowrap"),
                html.cell(self._time(row.at), right=True),
                html.cell(self._took(row), right=True),
                html.cell(html.escape(elided(row.group, NAME))),
                html.cell(html.escape(elided(row.note, NOTE))),
            ]
            if not budget.take(drawn := html.row(cells)):
                break
            rows.append(drawn)
        made = picture + html.table(f"<b>{html.escape(self.title)}</b>", headers, rows)
        return made + "".join(html.paragraph(html.escape(line)) for line in (*self._rest(len(rows)), *self._below()))

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "version": 1,
            "kind": self.kind,
            "title": export.clean(self.title),
            "logical": self.logical,
        }
        found["total"] = round(self.total, 9)
        found["rows"] = [
            {
                "name": export.clean(row.name),
                "at": round(row.at, 9),
                "length": None if row.length is None else round(row.length, 9),
                "depth": row.depth,
                "group": export.clean(row.group),
                "note": export.clean(row.note),
            }
            for row in self.rows[: self.limit]
        ]
        found["left_out"] = max(len(self.rows) - self.limit, 0)
        found["counts"] = {export.clean(name): count for name, count in self.counts}
        found["notes"] = [export.clean(note) for note in self.notes]
        return found

    def _time(self, seconds: float) -> str:
        return f"{seconds * 1000:,.0f}" if self.logical else f"{seconds * 1000:,.2f}"

    def _took(self, row: _Row) -> str:
        return "" if row.length is None else self._time(row.length)

    @staticmethod
    def _name(row: _Row) -> str:
        return "  " * min(row.depth, 12) + elided(row.name, NAME)

    def _span(self, row: _Row, wide: float) -> tuple[float, float]:
        """Where a row begins on an axis that is so wide, and how long it is there."""
        scale = wide / self.total if self.total else 0.0
        return row.at * scale, (row.length or 0) * scale

    def _bar(self, row: _Row) -> str:
        start, length = self._span(row, WIDE)
        left = min(int(start), WIDE - 1)
        if row.length is None:
            return " " * left + MARK
        size = max(min(round(start + length), WIDE) - left, 1)
        return " " * left + SIGNS[min(self.groups.index(row.group), len(SIGNS) - 1)] * size

    def _rest(self, shown: int) -> list[str]:
        left = len(self.rows) - shown
        return [f"{left:,} more of {len(self.rows):,} rows"] if left else []

    def _legend(self) -> list[str]:
        """Which sign stands for which group in the text form."""
        signs = dict(zip(self.groups, SIGNS + SIGNS[-1] * len(self.groups), strict=False))
        found = [f"{sign} {elided(name, NAME)}" for name, sign in signs.items() if name]
        found += [f"{MARK} said"] if found and any(row.length is None for row in self.rows) else []
        return ["   ".join(found)] if found else []

    def _below(self) -> list[str]:
        counts = "   ".join(f"{elided(name, NAME)}: {count:,}" for name, count in self.counts)
        return [*([counts] if counts else []), *map(printable, self.notes)]

    def _picture(self) -> str:
        if not self.rows:
            return ""
        shown = self.rows[: min(PICTURED, self.limit)]
        names = [elided(self._name(row), 44) for row in shown]
        left = _LEFT + drawing.CHAR * max(map(width, names)) + 12
        groups = [name for name in self.groups[: len(drawing.TONES)] if name]
        high = _ROW * (len(shown) + 1 + bool(groups)) + 14
        drawn = [
            drawing.label(left, 16, "0", size=11),
            drawing.label(left + _AXIS, 16, f"{self._time(self.total)} {'steps' if self.logical else 'ms'}", "end", 11),
        ]
        drawn += [
            drawing.rule(left + _AXIS * part / 4, 20, left + _AXIS * part / 4, high, "1 3", tone="#666")
            for part in range(5)
        ]
        for number, (row, name) in enumerate(zip(shown, names, strict=True), 1):
            top = _ROW * number + 4
            start, length = self._span(row, _AXIS)
            indent = len(name) - len(name.lstrip(" "))
            drawn.append(drawing.label(_LEFT + indent * drawing.CHAR, top + 12, name.strip()))
            if row.length is None:
                x = left + start
                drawn.append(f'<path d="M{x - 5:.1f} {top + 2} h10 l-5 10 z"/>')
                continue
            group = min(self.groups.index(row.group), len(drawing.TONES) - 1)
            drawn.append(drawing.box(left + start, top, max(length, 1.5), _BAR, f"url(#p{group})"))
            drawn.append(drawing.label(left + start + max(length, 1.5) + 4, top + 12, self._took(row), size=11))
        at = left
        for name in groups:  # the legend
            drawn.append(drawing.box(at, high - 22, _BAR, _BAR, f"url(#p{self.groups.index(name)})"))
            drawn.append(drawing.label(at + 20, high - 10, elided(name, NAME)))
            at += 44 + drawing.CHAR * width(elided(name, NAME))
        patterns = min(len(self.groups), len(drawing.TONES))
        return drawing.image(max(left + _AXIS + _RIGHT, at), high, drawn, self._in_words(), patterns)

    def _in_words(self) -> str:
        unit = "steps" if self.logical else "ms"
        said = [
            f"{elided(row.name, NAME)} {'at ' if row.length is None else ''}{self._time(row.at)}"
            + ("" if row.length is None else f" to {self._time(row.at + row.length)}")
            for row in self.rows[:_TOLD]
        ]
        more = f"; and {len(self.rows) - _TOLD:,} more" if len(self.rows) > _TOLD else ""
        return f"Timeline of {self._time(self.total)} {unit}: {'; '.join(said)}{more}."
