"""A table of numbers with bars under it: things that were measured, side by side, and what each is made of.

A bar's parts are told apart by their pattern, their order and the legend; the table above has every number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from protolab.plain import printable, width
from protolab.view import drawing, export, html
from protolab.view.base import View
from protolab.view.text import aligned, elided, wrapped

WIDE = 60  # characters of the longest bar in text
MARKS = "░▒▓█▚▞▌▐"  # one for each part, the most parts there can be
PROSE = 100  # columns of the notes in text
NAME = 40  # characters of a name

_ROW, _BAR, _LEFT, _LONGEST, _RIGHT = 28, 16, 10, 480, 90  # pixels


class Column(NamedTuple):
    """A number of each row: what it is, how many digits it shows after the point, and whether it is a part of the bar."""

    name: str
    digits: int = 0
    part: bool = False


class Chart(View):
    """Rows of numbers as a table, and as bars that are stacked from the columns that are a `part`.

    `rows` are a name and a number for each column, None where there is none; `unit` is what the bars count. ValueError: a
    row of another length, a negative part, or more parts than there are marks for.
    """

    kind = "chart"

    def __init__(
        self,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[tuple[str, Sequence[float | None]]],
        *,
        unit: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        self.title = title
        self.columns = tuple(columns)
        self.rows = tuple((name, tuple(values)) for name, values in rows)
        self.unit = unit
        self.notes = tuple(notes)
        self.parts = [index for index, column in enumerate(self.columns) if column.part]
        if len(self.parts) > len(MARKS):
            raise ValueError(f"a bar can have {len(MARKS)} parts, not {len(self.parts)}")
        for name, values in self.rows:
            if len(values) != len(self.columns):
                raise ValueError(f"{name}: {len(values)} numbers for {len(self.columns)} columns")
            if any((values[index] or 0) < 0 for index in self.parts):
                raise ValueError(f"{name}: a part of a bar cannot be negative")

    def text(self) -> str:
        right = frozenset(range(1, len(self.columns) + 1))
        head = [[""], *(_heading(column) for column in self.columns)]
        body = [
            [[elided(name, NAME)], *([_number(*pair)] for pair in zip(values, self.columns, strict=True))]
            for name, values in self.rows
        ]
        lines = [printable(self.title), "", *aligned([_level(head), *body], right)]
        if self.parts and self.rows:
            lines += ["", self._legend(), *aligned([[[name], [bar]] for name, bar in self._bars()])]
        for note in self.notes:
            lines += ["", *(printable(line) for line in wrapped(note, PROSE))]
        return "\n".join(lines)

    def html(self) -> str:
        heads = [("", False), *((column.name, True) for column in self.columns)]
        rows = [
            html.row(
                [
                    html.cell(html.escape(elided(name, NAME)), head="row", style="white-space:nowrap"),
                    *(
                        html.cell(html.escape(_number(*pair)), right=True)
                        for pair in zip(values, self.columns, strict=True)
                    ),
                ]
            )
            for name, values in self.rows
        ]
        made = html.table(f"<b>{html.escape(self.title)}</b>", heads, rows)
        if self.parts and self.rows:
            made += self._picture()
        return made + "".join(html.paragraph(html.escape(note)) for note in self.notes)

    def json(self) -> dict[str, Any]:
        columns = [{"name": export.clean(column.name), "part": column.part} for column in self.columns]
        rows = [{"name": export.clean(name), "values": list(values)} for name, values in self.rows]
        notes = [export.clean(note) for note in self.notes]
        found = {"version": 1, "kind": self.kind, "title": export.clean(self.title), "unit": export.clean(self.unit)}
        return {**found, "columns": columns, "rows": rows, "notes": notes}

    def _picture(self) -> str:
        left = _LEFT + drawing.CHAR * max(width(elided(name, NAME)) for name, _ in self.rows) + 10
        high = _ROW * (len(self.rows) + 1) + 14
        names = [self.columns[index].name for index in self.parts]
        drawn, at = [], left
        for number, name in enumerate(names):
            drawn += [_box(at, 8, 14, number), drawing.label(at + 20, 21, name)]
            at += 20 + drawing.CHAR * width(name) + 24
        scale = _LONGEST / (max(self._totals()) or 1)
        for row, (name, values) in enumerate(self.rows, 1):
            top = _ROW * row + 10
            drawn.append(drawing.label(_LEFT, top + 13, elided(name, NAME)))
            sizes = [(values[index] or 0) * scale for index in self.parts]
            for number, (end, size) in enumerate(zip(accumulate(sizes), sizes, strict=True)):
                if size:
                    drawn.append(_box(left + end - size, top, size, number))
            drawn.append(drawing.label(left + sum(sizes) + 6, top + 13, f"{self._totals()[row - 1]:,.0f}"))
        return drawing.image(max(left + _LONGEST + _RIGHT, at), high, drawn, self._in_words(), len(names))

    def _totals(self) -> list[float]:
        return [sum(values[index] or 0 for index in self.parts) for _, values in self.rows]

    def _legend(self) -> str:
        scale = max(self._totals()) / WIDE
        marks = "   ".join(
            f"{mark} {printable(self.columns[i].name)}" for mark, i in zip(MARKS, self.parts, strict=False)
        )
        return f"{marks}   (one mark: {scale:,.0f} {printable(self.unit)})".replace(" )", ")")

    def _bars(self) -> list[tuple[str, str]]:
        """Each row's name and bar. A bar is as long as its whole is, and its parts share that by largest remainder."""
        totals = self._totals()
        scale = WIDE / (max(totals) or 1)
        bars = []
        for (name, values), total in zip(self.rows, totals, strict=True):
            exact = [(values[index] or 0) * scale for index in self.parts]
            sizes = [int(size) for size in exact]
            most = sorted(range(len(exact)), key=lambda i: sizes[i] - exact[i])
            for index in most[: round(sum(exact)) - sum(sizes)]:
                sizes[index] += 1
            bar = "".join(mark * size for mark, size in zip(MARKS, sizes, strict=False))
            bars.append((elided(name, NAME), f"{bar or '·' * bool(total)} {total:,.0f}"))
        return bars

    def _in_words(self) -> str:
        """The picture for who does not see it."""
        said = []
        for (name, values), total in zip(self.rows, self._totals(), strict=True):
            parts = ", ".join(f"{self.columns[i].name} {_number(values[i], self.columns[i])}" for i in self.parts)
            said.append(f"{elided(name, NAME)} {total:,.0f} ({parts})")
        return f"Bars, in {self.unit or 'numbers'}: {'; '.join(said)}."


def _number(value: float | None, column: Column) -> str:
    """A number as it is shown.

    >>> _number(1234.5, Column("bytes", 1)), _number(None, Column("delay"))
    ('1,234.5', '')
    """
    return "" if value is None else f"{value:,.{column.digits}f}"


def _heading(column: Column) -> list[str]:
    """A column's name, in lines of at most twelve characters where it can be broken."""
    return [printable(line) for line in wrapped(column.name, 12)]


def _level(head: list[list[str]]) -> list[list[str]]:
    """Headings of the same height, their last lines above the numbers."""
    high = max(map(len, head))
    return [[""] * (high - len(lines)) + lines for lines in head]


def _box(x: float, y: float, wide: float, number: int) -> str:
    return drawing.box(x, y, wide, _BAR, f"url(#p{number})")
