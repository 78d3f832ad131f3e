"""A unit as bytes and fields side by side, with carets under what is wrong; several units in a row; a bare tree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, ClassVar

from protolab.fields import Derived, Field
from protolab.findings import Discard, Finding
from protolab.plain import width
from protolab.units import Unit
from protolab.view import export, html
from protolab.view.base import Budget, View
from protolab.view.rows import Heading, Row, below, derived_rows, rows
from protolab.view.text import aligned, carets, elided, fitted, wrapped

WIDTH = 116  # columns that the text form aims for
INDENT = 2
UNBROKEN = 24  # characters of a name that are not wrapped
DEEPEST = 12  # levels that are indented; deeper ones stand where the last of these does
MARKS = 50  # findings, and discards, that one unit draws; more are counted
_HEADERS = (("byte", True), ("bytes", False), ("ASCII", False), ("field", False), ("value", False), ("note", False))
_TOP = "vertical-align:top"
_BREAK = (
    "white-space:pre-wrap;word-break:break-all;word-break:break-word"  # an untrusted JupyterLab knows the first only
)
_INSIDE = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"  # before an offset: it counts in derived bytes


class UnitView(View):
    """One unit, explained: a heading, the bytes beside the fields they make, what was derived, findings and discards.

    A unit's time is not drawn: whether times may be shown is the capture's to say, and a ladder asks it.
    """

    kind: ClassVar[str] = "unit"

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    def text(self) -> str:
        return "\n".join(_unit_text(self.unit, Budget()))

    def html(self) -> str:
        return "".join(_unit_html(self.unit, Budget()))

    def json(self) -> dict[str, Any]:
        return {"version": 1, "kind": self.kind, **export.unit(self.unit)}


class Exchange(View):
    """Several units, one after another, such as the two heads of a handshake with the derivation between them."""

    kind: ClassVar[str] = "exchange"

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units

    def text(self) -> str:
        budget, parts, shown = Budget(), [], 0
        for unit in self.units:
            if budget.closed or not budget.take("unit"):
                break
            parts.append("\n".join(_unit_text(unit, budget)))
            shown += 1
        return "\n\n".join([*parts, *self._rest(shown)]) or "no units"

    def html(self) -> str:
        budget, parts, shown = Budget(), [], 0
        for unit in self.units:
            if budget.closed or not budget.take("unit"):
                break
            size, drawn = budget.size, _unit_html(unit, budget)
            budget.size = size - sum(map(len, drawn))  # not only its rows
            parts += drawn
            shown += 1
        return "".join([*parts, *map(html.paragraph, self._rest(shown))]) or html.paragraph("no units")

    def _rest(self, shown: int) -> list[str]:
        total = len(self.units)
        return [] if shown == total else [f"... {total - shown:,} more units of {total:,} in all"]

    def json(self) -> dict[str, Any]:
        drawn = map(export.unit, self.units)
        budget = Budget()
        shown = list(takewhile(lambda unit: budget.take(json.dumps(unit)), drawn))
        return {"version": 1, "kind": self.kind, "total": len(self.units), "units": shown}


class Tree(View):
    """A field tree, or derived bytes with theirs, on its own. Without `data` a field shows no bytes: it has none."""

    kind: ClassVar[str] = "tree"

    def __init__(self, thing: Field | Derived, data: bytes | None = None) -> None:
        self.thing = thing
        self.data = thing.data if isinstance(thing, Derived) else data

    def _rows(self) -> Iterable[Row | Heading]:
        return derived_rows(self.thing, 0, 0) if isinstance(self.thing, Derived) else rows(self.thing, self.data)

    def text(self) -> str:
        return "\n".join(_rows_text(self._rows(), Budget(), self.data is None))

    def html(self) -> str:
        return "".join(_rows_html("", self._rows(), Budget()))

    def json(self) -> dict[str, Any]:
        tree = export.derived(self.thing) if isinstance(self.thing, Derived) else export.field(self.thing)
        found = {"version": 1, "kind": self.kind, "tree": tree}
        return (
            found
            if isinstance(self.thing, Derived) or self.data is None
            else {**found, "bytes": export.buffer(self.data)}
        )


def heading(unit: Unit) -> tuple[str, str]:
    """What a unit is, in two parts: its title, and a line about where it stands."""
    place, size = unit.place, len(unit.data)
    about = f"{unit.protocol} {unit.kind} from {place.side} to {place.side.other}"
    about += f", {size:,} byte{'' if size == 1 else 's'}"
    about += f", bytes {place.start}-{place.end - 1} of what the {place.side} said" if size else ""
    about += "" if unit.lane is None else f", stream {unit.lane}"
    about += "" if place.complete else ", not complete yet"
    return f"unit {place.number}: {elided(unit.title, 200)}", about


def _unit_text(unit: Unit, budget: Budget) -> list[str]:
    title, about = heading(unit)
    lines = [title, f"   {about}", ""]
    lines += [f"   {line}" if line else "" for line in _rows_text(below(unit.field, unit.data), budget)]
    for finding in unit.findings[:MARKS]:
        lines += ["", *(f"   {line}" for line in _finding_text(finding, unit.data))]
    for discard in unit.discards[:MARKS]:
        lines += ["", f"   {_discard_text(discard)}"]
    return lines + [f"   {line}" for line in _uncounted(unit)]


def _unit_html(unit: Unit, budget: Budget) -> list[str]:
    title, about = heading(unit)
    tone = html.SERVER if unit.place.side else html.CLIENT
    caption = f"<b>{html.toned(html.escape(title), tone)}</b><br>{html.toned(html.escape(about), html.QUIET)}"
    parts = _rows_html(caption, below(unit.field, unit.data), budget)
    for finding in unit.findings[:MARKS]:
        first, *rest = _finding_text(finding, unit.data)
        parts.append(html.paragraph(f"<b>{html.escape(first)}</b>", html.TROUBLE))
        parts.append(html.pre(rest[:2]))
        parts.append(html.paragraph("<br>".join(map(html.escape, rest[2:]))))
    parts += [html.paragraph(html.escape(_discard_text(discard))) for discard in unit.discards[:MARKS]]
    return parts + [html.paragraph(line) for line in _uncounted(unit)]


def _uncounted(unit: Unit) -> list[str]:
    counts = (("findings", len(unit.findings)), ("discards", len(unit.discards)))
    return [f"... {count - MARKS:,} more {name} of {count:,} in all" for name, count in counts if count > MARKS]


def _finding_text(finding: Finding, data: bytes) -> list[str]:
    rule = finding.rule
    answer = rule.reaction or "it owes none"
    return [
        f"! {elided(f'{rule.id}: {finding.message} [{rule.clause}]', 600)}",
        *(f"  {line}" for line in carets(data, finding.start, finding.end)),
        f"  at fault: the {finding.side}; a conforming peer's answer: {elided(answer)}",
        f"  to mend it: {elided(rule.mend)}",
    ]


def _discard_text(discard: Discard) -> str:
    size = discard.end - discard.start
    where = f"byte {discard.start}" if size == 1 else f"bytes {discard.start}-{discard.end - 1}"
    return f"- {where} thrown away, as a receiver may: {elided(discard.why)} [{elided(discard.clause)}]"


def _rows_text(found: Iterable[Row | Heading], budget: Budget, bare: bool = False) -> list[str]:
    """Rows as aligned text: byte, bytes, ASCII, field, value, note. A `bare` tree says where fields stand in words."""
    kept, left = [], 0
    for row in found:
        if budget.take(row.name):
            kept.append(row)
        else:
            left += 1
    cells: list[str | list[list[str]]] = []
    for row in kept:
        indent = " " * INDENT * min(row.depth, DEEPEST)
        if isinstance(row, Heading):
            cells.append(f"{' ' * 4}{indent}{'' if not row.within else '= '}{row.name}: {row.says}")
            continue
        offsets = [f"{_INSIDE * row.within}{at}" if at else "" for at, _, _ in row.lines]
        if bare:
            cells.append([[row.extent], [], [], [indent + row.name], [], []])
        else:
            cells.append(
                [offsets, [x for _, x, _ in row.lines], [x for _, _, x in row.lines], [indent + row.name], [], []]
            )
    used = sum(_widest(cells, column) + 2 for column in range(4))
    values = [row.value for row in kept if isinstance(row, Row)]
    value_width = min(max(map(len, values), default=0), 34)
    note_width = max(WIDTH - used - value_width - 2, 32)
    row_values = iter([row for row in kept if isinstance(row, Row)])
    for cell in cells:
        if isinstance(cell, list):
            row = next(row_values)
            # What fits stands as it is: its runs of spaces may matter, as before a caret.
            cell[4] = [row.value] if width(row.value) <= value_width else wrapped(row.value, value_width)
            cell[5] = wrapped(row.note, note_width)
    lines = aligned(cells, right=frozenset() if bare else frozenset({0}))
    return lines + ([f"... {left:,} more rows of {left + len(kept):,} in all"] if left else [])


def _widest(cells: Sequence[str | list[list[str]]], column: int) -> int:
    return max((len(line) for cell in cells if isinstance(cell, list) for line in cell[column]), default=0)


def _rows_html(caption: str, found: Iterable[Row | Heading], budget: Budget) -> list[str]:
    kept, left = [], 0
    for row in found:
        drawn = _heading_html(row) if isinstance(row, Heading) else _row_html(row)
        if budget.take(drawn):
            kept.append(drawn)
        else:
            left += 1
    parts = [html.table(caption, _HEADERS, kept)]
    return parts + ([html.paragraph(f"... {left:,} more rows of {left + len(kept):,} in all")] if left else [])


def _heading_html(row: Heading) -> str:
    name = f"{_spaces(row.depth)}{'= ' if row.within else ''}<b>{html.escape(row.name)}</b>"
    says = html.toned(html.escape(row.says), html.QUIET)
    return html.row([html.cell("", span=3), html.cell(f"{name}: {says}", span=3, style="padding-top:6px")])


def _row_html(row: Row) -> str:
    offsets = "\n".join(f"{_INSIDE * row.within}{at}" if at else "" for at, _, _ in row.lines)
    name = html.escape(row.name)
    if len(row.name) <= UNBROKEN:  # on one line, so that it keeps its indent
        name = name.replace(" ", "&nbsp;")
    return html.row(
        [
            html.cell(html.code(offsets, html.QUIET), right=True, style=_TOP if offsets else ""),
            html.cell(html.code("\n".join(x for _, x, _ in row.lines)), style=_TOP if row.lines else "", whole=True),
            html.cell(
                html.code("\n".join(x for _, _, x in row.lines), html.QUIET),
                style=_TOP if row.lines else "",
                whole=True,
            ),
            html.cell(
                _spaces(row.depth) + (name if row.lines else f"<b>{name}</b>"), head="row", title=row.extent, style=_TOP
            ),
            html.cell(
                html.code(fitted(row.value, 400), _BREAK),
                style=_TOP if row.value else "",
            ),
            html.cell(html.escape(row.note), style=f"{_TOP};{html.QUIET}" if row.note else ""),
        ]
    )


def _spaces(depth: int) -> str:
    return "&nbsp;" * (2 * INDENT * min(depth, DEEPEST))
