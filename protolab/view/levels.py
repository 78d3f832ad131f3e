"""Numbers that stay as they are until a step changes them, such as windows of flow control: a table and a line of steps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, ClassVar, NamedTuple

from protolab.plain import printable, width
from protolab.view import drawing, export, html
from protolab.view.base import ROWS, Budget, View
from protolab.view.text import aligned, elided

NAME, NOTE = 40, 60  # characters
WIDE = 60  # characters of a line of steps in text
HEIGHTS = "▁▂▃▄▅▆▇█"
BLOCKED, EXHAUSTED = "x", "_"
_DASHES = ("", "8 3", "2 3", "8 3 2 3", "12 4", "4 4", "1 4", "10 3 2 3 2 3")
_LEFT, _AXIS, _HIGH, _TOP = 70, 520, 180, 30  # pixels


class Series(NamedTuple):
    """A number over steps: `points` are (step, its value from then on), in order; `blocked` half-open intervals of steps."""

    name: str
    points: tuple[tuple[int, float], ...]
    blocked: tuple[tuple[int, int], ...] = ()

    def at(self, step: int) -> float | None:
        """The value at a step; None before the first one."""
        index = bisect_right(self.points, step, key=lambda point: point[0]) - 1
        return self.points[index][1] if index >= 0 else None

    def is_blocked(self, step: int) -> bool:
        return any(start <= step < end for start, end in self.blocked)


class Levels(View):
    """Series over the same steps. `notes` say what a step was ("frame 7: WINDOW_UPDATE"); `unit` is what is counted.

    ValueError: points that are not in the order of their steps.
    """

    kind: ClassVar[str] = "levels"

    def __init__(
        self,
        title: str,
        series: Sequence[Series],
        *,
        unit: str = "",
        step: str = "unit",
        notes: dict[int, str] | None = None,
    ) -> None:
        self.title = title
        self.series = tuple(series)
        self.unit = printable(unit)
        self.step = printable(step)
        self.notes = dict(notes or {})
        for each in self.series:
            if any(a[0] > b[0] for a, b in pairwise(each.points)):
                raise ValueError(f"{each.name}: points must be in the order of their steps")
        edges = {edge for each in self.series for interval in each.blocked for edge in interval}
        self.steps = sorted({at for each in self.series for at, _ in each.points} | edges)
        self.top = max((value for each in self.series for _, value in each.points), default=0.0)
        self.bottom = min((value for each in self.series for _, value in each.points), default=0.0)
        self.bottom = min(self.bottom, 0.0)

    def text(self) -> str:
        names = [[elided(each.name, NAME)] for each in self.series]
        rows: list[str | list[list[str]]] = [[[self.step], *names, [""]]]
        for at in self.steps[:ROWS]:
            rows.append(
                [
                    [f"{at:,}"],
                    *([self._value(each, at)] for each in self.series),
                    [elided(self.notes.get(at, ""), NOTE)],
                ]
            )
        lines = [printable(self.title), "", *aligned(rows, frozenset(range(len(self.series) + 1)))]
        lines += self._rest(min(len(self.steps), ROWS))
        if self.steps and self.series:
            drawn: list[str | list[list[str]]] = []
            for each in self.series:
                line, blocked = self._line(each)
                drawn.append([[elided(each.name, NAME)], [line, blocked] if blocked.strip() else [line]])
            lines += ["", *aligned(drawn)]
        return "\n".join([*lines, *self._legend()])

    def html(self) -> str:
        headers = [(self.step, True), *((each.name, True) for each in self.series), ("", False)]
        picture = self._picture() if self.steps and self.series else ""
        budget, rows = Budget(), []
        budget.size -= len(picture)
        for at in self.steps:
            cells = [html.cell(f"{at:,}", head="row", right=True)]
            cells += [html.cell(html.escape(self._value(each, at)), right=True) for each in self.series]
            cells.append(html.cell(html.escape(elided(self.notes.get(at, ""), NOTE))))
            if not budget.take(row := html.row(cells)):
                break
            rows.append(row)
        made = picture + html.table(f"<b>{html.escape(self.title)}</b>", headers, rows)
        return made + "".join(
            html.paragraph(html.escape(line)) for line in (*self._rest(len(rows)), *self._legend()) if line
        )

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "version": 1,
            "kind": self.kind,
            "title": export.clean(self.title),
            "unit": export.clean(self.unit),
        }
        found["series"] = [
            {
                "name": export.clean(each.name),
                "points": [list(point) for point in each.points[:ROWS]],
                "blocked": [list(interval) for interval in each.blocked[:ROWS]],
            }
            for each in self.series
        ]
        found["notes"] = {str(at): export.clean(note) for at, note in sorted(self.notes.items())[:ROWS]}
        return found

    def _value(self, series: Series, at: int) -> str:
        value = series.at(at)
        said = "" if value is None else f"{value:,.10g}" if value != int(value) else f"{int(value):,}"
        return f"{said} blocked" if series.is_blocked(at) else said

    def _legend(self) -> list[str]:
        if not any(each.blocked for each in self.series):
            return []
        return ["", f"{BLOCKED} blocked: what is to be sent waits"]

    def _rest(self, shown: int) -> list[str]:
        left = len(self.steps) - shown
        return [f"... {left:,} more of {len(self.steps):,} steps"] if left else []

    def _sampled(self) -> list[int]:
        """The steps that the line in text shows, from the first to the last."""
        first, last = self.steps[0], self.steps[-1]
        count = min(WIDE, last - first + 1)
        return [first + round((last - first) * index / max(count - 1, 1)) for index in range(count)]

    def _line(self, series: Series) -> tuple[str, str]:
        """A series as a line of blocks, and under it where it is blocked."""
        spread = (self.top - self.bottom) or 1.0
        line = ""
        for at in self._sampled():
            value = series.at(at)
            level = 0 if value is None else round((value - self.bottom) / spread * (len(HEIGHTS) - 1))
            line += " " if value is None else EXHAUSTED if value <= 0 else HEIGHTS[level]
        return line, "".join(BLOCKED if series.is_blocked(at) else " " for at in self._sampled()).rstrip()

    def _picture(self) -> str:
        first, last = self.steps[0], self.steps[-1]
        spread, long = (self.top - self.bottom) or 1.0, max(last - first, 1)
        blocked = any(each.blocked for each in self.series)
        high = _TOP + _HIGH + 40 + 24 * (len(self.series) + blocked)

        def x(step: float) -> float:
            return _LEFT + (step - first) * _AXIS / long

        def y(value: float) -> float:
            return _TOP + _HIGH - (value - self.bottom) * _HIGH / spread

        drawn = [
            drawing.rule(_LEFT, y(value), _LEFT + _AXIS, y(value), "1 3", tone="#666")
            for value in {self.top, self.bottom, 0.0}
        ]
        drawn += [
            drawing.label(_LEFT - 6, y(value) + 4, f"{value:,.10g}", "end", 11)
            for value in sorted({self.top, self.bottom, 0.0})
        ]
        for number, each in enumerate(self.series):
            tone, dash = drawing.TONES[(number * 3 + 3) % len(drawing.TONES)], _DASHES[number % len(_DASHES)]
            for start, end in _apart(each.blocked, x):
                drawn.append(_band(x(start), _TOP, max(x(end) - x(start), 2), _HIGH))
            for start, _ in each.blocked[:1]:  # named once: the bands may stand close together
                drawn.append(drawing.label(x(start) + 3, _TOP + 14 + 14 * number, elided(each.name, 20), size=11))
            path, digits = "", ".1f" if len(each.points) <= _AXIS else ".0f"
            for left, group in groupby(each.points, key=lambda point: format(x(point[0]), digits)):
                heights = [y(value) for _, value in group]
                seen = [*dict.fromkeys((heights[0], min(heights), max(heights), heights[-1]))]
                begun = bool(path)
                path += f"H{left}" if begun else f"M{left} {seen[0]:.1f}"
                path += "".join(f"V{height:.1f}" for height in seen[not begun :])
            path += f"H{x(last):.1f}" if path else ""
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            drawn.append(f'<path d="{path}" fill="none" stroke="{tone}" stroke-width="2.5"{dashes}/>')
            top = _TOP + _HIGH + 40 + 24 * number
            drawn.append(drawing.rule(_LEFT, top, _LEFT + 40, top, dash, 2.5, tone))
            drawn.append(drawing.label(_LEFT + 48, top + 4, elided(each.name, NAME)))
        drawn.append(drawing.label(_LEFT, _TOP + _HIGH + 18, f"{self.step} {first:,}", size=11))
        drawn.append(drawing.label(_LEFT + _AXIS, _TOP + _HIGH + 18, f"{last:,}", "end", 11))
        drawn.append(drawing.label(_LEFT, 18, self.unit, size=11))
        wide = _LEFT + max(_AXIS, 48 + drawing.CHAR * max(width(elided(each.name, NAME)) for each in self.series)) + 20
        if blocked:
            top = _TOP + _HIGH + 40 + 24 * len(self.series)
            drawn.append(_band(_LEFT, top - 7, 40, 14))
            drawn.append(drawing.label(_LEFT + 48, top + 4, "blocked"))
        return drawing.image(wide, high, drawn, self._in_words(), 2)

    def _in_words(self) -> str:
        said = []
        for each in self.series:
            points = ", ".join(f"{value:,.10g} from {at:,}" for at, value in each.points[:20])
            more = f" and {len(each.points) - 20:,} more changes" if len(each.points) > 20 else ""
            blocked = "; blocked " + ", ".join(f"{a:,} to {b:,}" for a, b in each.blocked[:20]) if each.blocked else ""
            said.append(f"{elided(each.name, NAME)}: {points}{more}{blocked}")
        return f"Steps by {self.step}, in {self.unit or 'numbers'}. {'. '.join(said)}."


def _apart(blocked: Sequence[tuple[int, int]], x: Callable[[float], float]) -> Iterable[tuple[int, int]]:
    """The intervals that a picture can tell apart: of more than it has columns, those of one column as one."""
    if len(blocked) <= _AXIS:
        return blocked
    found: dict[int, tuple[int, int]] = {}
    for start, end in blocked:
        column = round(x(start))
        first, last = found.get(column, (start, end))
        found[column] = min(first, start), max(last, end)
    return found.values()


def _band(x: float, y: float, wide: float, high: float) -> str:
    """Where a series is blocked, so light that the lines show."""
    return f'<g opacity="0.3">{drawing.box(x, y, wide, high, "url(#p1)")}</g>'
