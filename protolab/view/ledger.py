"""A table that changes from step to step: which rows came, went, and were referred to at each.

Rows are everything that ever stood in the table, in the order in which it came; columns are the steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, NamedTuple

from protolab.plain import printable
from protolab.view import export, html
from protolab.view.base import ROWS, Budget, View
from protolab.view.text import aligned, elided

STEPS = 40  # columns; of more steps the newest are shown
NAME, VALUE, TITLE = 40, 40, 60  # characters
INSERTED, REFERRED, EVICTED, THERE = "+", "*", "-", "\N{MIDDLE DOT}"
LEGEND = f"{INSERTED} inserted   {REFERRED} referred to   {EVICTED} evicted   {THERE} there"


class Entry(NamedTuple):
    """A row: what later changes call it by (anything hashable, once), its name and value, and its size."""

    id: Hashable
    name: str
    value: str = ""
    size: int | None = None


class Change(NamedTuple):
    """What one step did: entries that came, ids of those that went and of those referred to; `label` heads its column."""

    label: str
    title: str = ""
    inserted: tuple[Entry, ...] = ()
    evicted: tuple[Hashable, ...] = ()
    referred: tuple[Hashable, ...] = ()


class _Life(NamedTuple):
    entry: Entry
    marks: tuple[str, ...]  # of each step


class Ledger(View):
    """Entries by steps. `capacity` is how much fits, if that is bounded; the sizes of what is there are summed for each step.

    ValueError: a change names an id that is not in the table.
    """

    kind: ClassVar[str] = "ledger"

    def __init__(
        self,
        title: str,
        changes: Sequence[Change],
        *,
        capacity: int | None = None,
        unit: str = "bytes",
        limit: int = ROWS,
    ) -> None:
        self.title = title
        self.changes = tuple(changes)
        self.capacity = capacity
        self.unit = unit
        self.limit = max(limit, 0)
        self.sizes: list[int] = []
        self.lives = self._lived()
        self.first = max(len(self.changes) - STEPS, 0)  # the first step that is shown
        self.rows = [life for life in self.lives if any(mark.strip() for mark in life.marks[self.first :])]

    def _lived(self) -> list[_Life]:
        marks: dict[Hashable, list[str]] = {}
        entries: dict[Hashable, Entry] = {}
        there: dict[Hashable, Entry] = {}
        for number, change in enumerate(self.changes):
            for entry in change.inserted:
                if entry.id in entries:
                    raise ValueError(f"step {number}: {entry.id!r} was inserted before")
                entries[entry.id] = there[entry.id] = entry
                marks[entry.id] = [""] * number
            for id in (*change.evicted, *change.referred):
                if id not in there:
                    raise ValueError(f"step {number}: {id!r} is not in the table")
            came = {entry.id for entry in change.inserted}
            for id in entries:
                signs = INSERTED * (id in came) + REFERRED * (id in change.referred) + EVICTED * (id in change.evicted)
                marks[id].append(signs or (THERE if id in there else ""))
            for id in change.evicted:
                there.pop(id, None)
            self.sizes.append(sum(entry.size or 0 for entry in there.values()))
        return [_Life(entry, tuple(marks[id])) for id, entry in entries.items()]

    def text(self) -> str:
        steps = self.changes[self.first :]
        sized = self._sized()
        head = [[""], ["value"] if self._valued() else [""], [self.unit if sized else ""]]
        cells: list[str | list[list[str]]] = [[*head, *([elided(step.label, 8)] for step in steps)]]
        for life in self.rows[: self.limit]:
            entry = life.entry
            about = [[elided(entry.name, NAME)], [elided(entry.value, VALUE)], [_size(entry.size)]]
            cells.append([*about, *([mark] for mark in life.marks[self.first :])])
        if sized:
            cells.append([["in all"], [""], [""], *([f"{size:,}"] for size in self.sizes[self.first :])])
        right = frozenset(range(2, 3 + len(steps)))
        lines = [printable(self.title), "", *aligned(cells, right)]
        titles = [f"{elided(step.label, 8)}: {elided(step.title, TITLE)}" for step in steps if step.title]
        return "\n".join([*lines, *self._rest(min(len(self.rows), self.limit)), "", LEGEND, *self._capacity(), *titles])

    def html(self) -> str:
        steps = self.changes[self.first :]
        sized = self._sized()
        headers = [
            ("", False),
            *([("value", False)] if self._valued() else []),
            *([(self.unit, True)] if sized else []),
        ]
        columns = [html.cell(html.escape(name), head="col", right=right) for name, right in headers]
        columns += [
            html.cell(html.escape(elided(step.label, 8)), head="col", title=step.title, right=True) for step in steps
        ]
        budget, rows = Budget(rows=self.limit), []
        for life in self.rows:
            entry = life.entry
            cells = [html.cell(html.escape(elided(entry.name, NAME)), head="row", style="white-space:nowrap")]
            cells += [html.cell(html.escape(elided(entry.value, VALUE)))] if self._valued() else []
            cells += [html.cell(_size(entry.size), right=True)] if sized else []
            cells += [html.cell(html.escape(mark), right=True) for mark in life.marks[self.first :]]
            if not budget.take(drawn := html.row(cells)):
                break
            rows.append(drawn)
        shown = len(rows)
        if sized:
            span = 2 + self._valued()
            total = [html.cell("in all", head="row", span=span)]
            rows.append(html.row([*total, *(html.cell(f"{size:,}", right=True) for size in self.sizes[self.first :])]))
        made = html.grid(f"<b>{html.escape(self.title)}</b>", "", [html.row(columns), *rows])
        said = [*self._rest(shown), LEGEND, *self._capacity()]
        titles = [f"{elided(step.label, 8)}: {elided(step.title, TITLE)}" for step in steps if step.title]
        made += "".join(html.paragraph(html.escape(line)) for line in said)
        return made + (html.paragraph("<br>".join(map(html.escape, titles)), html.QUIET) if titles else "")

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "version": 1,
            "kind": self.kind,
            "title": export.clean(self.title),
            "unit": export.clean(self.unit),
        }
        found["capacity"] = self.capacity
        found["steps"] = [
            {"label": export.clean(step.label), "title": export.clean(step.title), "size": size}
            for step, size in zip(self.changes, self.sizes, strict=True)
        ][self.first :]
        found["entries"] = [
            {
                "name": export.clean(life.entry.name),
                "value": export.clean(elided(life.entry.value)),
                "size": life.entry.size,
                "marks": list(life.marks[self.first :]),
            }
            for life in self.rows[: self.limit]
        ]
        return found

    def _sized(self) -> bool:
        return any(life.entry.size is not None for life in self.lives)

    def _valued(self) -> bool:
        return any(life.entry.value for life in self.rows)

    def _capacity(self) -> list[str]:
        if self.capacity is None or not self.sizes:
            return []
        return [f"{self.sizes[-1]:,} of {self.capacity:,} {printable(self.unit)} are taken"]

    def _rest(self, shown: int) -> list[str]:
        left = len(self.rows) - shown
        said = [f"... {left:,} more entries of {len(self.rows):,}"] if left else []
        gone = len(self.lives) - len(self.rows)
        before = f"; {gone:,} entries were gone by then" if gone else ""
        return said + (
            [f"... {self.first:,} earlier steps of {len(self.changes):,} are left out{before}"] if self.first else []
        )


def _size(size: int | None) -> str:
    return "" if size is None else f"{size:,}"
