"""Where both peers stand, unit by unit: the state machines of a protocol, walked along a conversation.

A protocol's `states` module hands over its tables, which its decoder obeys, and says which of them a unit moves. What is
drawn here is read from those tables, so the picture and the code cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar, NamedTuple, Protocol

from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.machines import Machine
from protolab.units import Unit
from protolab.view import export, html
from protolab.view.base import ROWS, Budget, View
from protolab.view.steps import TITLE
from protolab.view.text import aligned, elided, fitted

AHEAD = 256  # units walked in one go
_TITLE = 48  # columns of a title in the text form
CHANGED, REFUSED = "> ", "! "


class Tables(Protocol):
    """What a protocol's `states` module says: its machines, where a recording that began midway begins, which machines a
    unit moves, whose, by which event, and the state past an event, allowed or not. `LANED`, which it need not have, names
    the machines of which each lane has its own: a unit shows and moves those of its lane.
    """

    MACHINES: tuple[Machine, ...]
    MIDWAY: Mapping[Machine, str]

    def moves(self, unit: Unit, /) -> tuple[tuple[Side, Machine, str], ...]: ...

    def past(self, machine: Machine, state: str, event: str, /) -> str: ...


class Move(NamedTuple):
    """One machine of one peer, moved by one unit; `allowed` says whether the table has that event in that state."""

    side: Side
    machine: int  # its index among the machines
    before: str
    event: str
    after: str
    allowed: bool


States = tuple[tuple[str, ...], tuple[str, ...]]  # of each side, of each machine


class Moment(NamedTuple):
    """A unit, what it moved, and where both peers stand after it. Without a unit: before anything was said."""

    unit: Unit | None
    moves: tuple[Move, ...]
    states: States


class Walk:
    """A conversation with the states of both peers before and after each unit, worked out as far as somebody looked."""

    def __init__(self, conversation: Conversation[Any, Any], tables: Tables) -> None:
        self.conversation = conversation
        self.tables = tables
        self.machines = tables.MACHINES
        midway = conversation.connection.midway
        start = tuple(tables.MIDWAY[each] if midway else each.initial for each in self.machines)
        self._known: list[States] = [(start, start)]  # before unit 0, before unit 1, ... of those that are complete
        self._laned = [self.machines.index(each) for each in getattr(tables, "LANED", ())]
        self._lanes: dict[int, States] = {}  # of each lane, after the last unit on it that is known
        self._before: list[States] = []  # before each unit that is known, laned machines as its lane has them
        self._same: dict[States, States] = {}  # equal states are one object: a long conversation has few of them

    def __len__(self) -> int:
        """The number of moments: one before anything was said, and one after each unit."""
        return len(self.conversation) + 1

    def states(self, number: int) -> States:
        """Where both peers stand after `number` units."""
        while len(self._known) <= number:
            first = len(self._known) - 1
            for unit in (units := self.conversation[first : first + AHEAD]):
                if not unit.place.complete:  # it may change: nothing is kept of what it did
                    return self._known[-1]
                before = self._lane(unit, self._known[-1])
                states = self._after(unit, before)[1]
                self._before.append(self._same.setdefault(before, before))
                self._known.append(self._same.setdefault(states, states))
                if unit.lane is not None and self._laned:
                    self._lanes[unit.lane] = self._known[-1]
            if not units:
                break
        return self._known[min(number, len(self._known) - 1)]

    def moment(self, number: int) -> Moment:
        """The moment after `number` units. IndexError: so many were not said."""
        if number == 0:
            return Moment(None, (), self._known[0])
        unit = self.conversation[number - 1]
        last = self.states(number)
        return Moment(unit, *self._after(unit, self._before[number - 1] if number <= len(self._before) else last))

    def _lane(self, unit: Unit, states: States) -> States:
        """The states before a unit: of machines that each lane has for itself, those of its lane."""
        if unit.lane is None or not self._laned:
            return states
        now, lane = [list(each) for each in states], self._lanes.get(unit.lane, self._known[0])
        for index in self._laned:
            for side in Side:
                now[side][index] = lane[side][index]
        return tuple(now[0]), tuple(now[1])

    def _after(self, unit: Unit, states: States) -> tuple[tuple[Move, ...], States]:
        now = [list(each) for each in states]
        done = []
        for side, machine, event in self.tables.moves(unit):
            index = self.machines.index(machine)
            before = now[side][index]
            now[side][index] = after = self.tables.past(machine, before, event)
            done.append(Move(side, index, before, event, after, machine.after(before, event) is not None))
        return tuple(done), (tuple(now[0]), tuple(now[1]))


class StatesView(View):
    """A table of units and of where both peers stand after each. `limit` is how many units are shown in all."""

    kind: ClassVar[str] = "states"

    def __init__(self, walks: Iterable[Walk], limit: int = ROWS) -> None:
        self.walks = tuple(walks)
        self.shown: list[list[Moment]] = []
        for walk in self.walks:
            self.shown.append([walk.moment(number) for number in range(min(len(walk), limit + 1))])
            limit -= len(self.shown[-1]) - 1

    def text(self) -> str:
        parts = []
        for walk, moments in zip(self.walks, self.shown, strict=True):
            names = [each.name for each in walk.machines]
            rows: list[str | list[list[str]]] = [
                [["unit"], ["from"], ["says"], *(_headed(side, names) for side in Side)]
            ]
            for moment in moments:
                said = [[_number(moment)], [_from(moment)], [fitted(_says(moment), _TITLE)]]
                rows.append([*said, *(_lines(moment, side) for side in Side)])
            parts.append("\n".join([_title(walk), *aligned(rows, frozenset({0})), *self._rest(walk, moments)]))
        return "\n\n".join([*parts, *([_legend(self.shown)] if parts else ["no conversations"])])

    def html(self) -> str:
        budget, parts = Budget(rows=10**9), []
        for walk, moments in zip(self.walks, self.shown, strict=True):
            names = ", ".join(each.name for each in walk.machines)
            headers = [
                ("unit", True),
                ("from", False),
                ("says", False),
                *((f"{side}: {names}", False) for side in Side),
            ]
            rows = []
            for moment in moments:
                cells = [
                    html.cell(_number(moment), head="row", right=True),
                    html.cell(html.escape(_from(moment)), style=_tone(moment)),
                    html.cell(html.escape(_says(moment))),
                    *(html.cell("<br>".join(map(html.escape, _lines(moment, side)))) for side in Side),
                ]
                if not budget.take(row := html.row(cells)):
                    break
                rows.append(row)
            parts.append(html.table(html.escape(_title(walk)), headers, rows))
            parts += [html.paragraph(html.escape(line)) for line in self._rest(walk, moments[: len(rows)])]
        if not parts:
            return html.paragraph("no conversations")
        return "".join([*parts, html.paragraph(html.escape(_legend(self.shown)), html.QUIET)])

    def json(self) -> dict[str, Any]:
        machines = self.walks[0].machines if self.walks else ()
        return {
            "version": 1,
            "kind": self.kind,
            "machines": [machine_json(each) for each in machines],
            "connections": [
                {
                    "number": walk.conversation.connection.number,
                    "protocol": walk.conversation.protocol,
                    "units": len(walk) - 1,
                    "moments": [moment_json(moment) for moment in moments],
                }
                for walk, moments in zip(self.walks, self.shown, strict=True)
            ],
        }

    def _rest(self, walk: Walk, moments: list[Moment]) -> list[str]:
        left = len(walk) - len(moments)
        return [f"... {left:,} more unit{'' if left == 1 else 's'} of {len(walk) - 1:,}"] if left > 0 else []


def machine_json(machine: Machine) -> dict[str, Any]:
    """A machine as its states, each with what is allowed in it and where that leads."""
    return {
        "name": machine.name,
        "initial": machine.initial,
        "states": [
            {"state": state, "moves": [[event, machine.after(state, event)] for event in machine.events(state)]}
            for state in machine.states
        ],
    }


def moment_json(moment: Moment) -> dict[str, Any]:
    """A moment: the unit's number, side and title, the moves, and the states after it, by side."""
    unit = moment.unit
    return {
        "unit": None if unit is None else unit.place.number,
        "side": None if unit is None else str(unit.side),
        "title": export.clean(_says(moment)),
        "moves": [{**move._asdict(), "side": str(move.side)} for move in moment.moves],
        "states": {str(side): list(moment.states[side]) for side in Side},
    }


def _title(walk: Walk) -> str:
    connection = walk.conversation.connection
    midway = " (recorded from the middle on)" if connection.midway else ""
    return f"connection {connection.number}, {walk.conversation.protocol}: both peers' states{midway}"


def _headed(side: Side, names: list[str]) -> list[str]:
    return [f"{side}: {names[0]}", *(f"  {name}" for name in islice(names, 1, None))]


def _number(moment: Moment) -> str:
    return "" if moment.unit is None else str(moment.unit.place.number)


def _from(moment: Moment) -> str:
    return "" if moment.unit is None else str(moment.unit.side)


def _says(moment: Moment) -> str:
    return "before anything was said" if moment.unit is None else elided(moment.unit.title, TITLE)


def _tone(moment: Moment) -> str:
    if moment.unit is None:
        return ""
    return html.CLIENT if moment.unit.side is Side.CLIENT else html.SERVER


def _lines(moment: Moment, side: Side) -> list[str]:
    """A peer's state in each machine, one a line; what changed and what was not allowed is marked."""
    lines = []
    for index, state in enumerate(moment.states[side]):
        moves = [move for move in moment.moves if move.side is side and move.machine == index]
        changed = any(move.before != move.after for move in moves)
        lines.append(f"{CHANGED if changed else '  '}{state}")
        lines += [f"{REFUSED}{move.event}: not allowed in {move.before!r}" for move in moves if not move.allowed]
    return lines


def _legend(shown: list[list[Moment]]) -> str:
    refused = any(not move.allowed for moments in shown for moment in moments for move in moment.moves)
    return "> changed by this unit" + ("   ! an event that the table does not allow" if refused else "")
