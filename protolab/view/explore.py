"""`explore`: a capture as a ladder, the chosen unit's fields and its bytes, linked both ways, to walk through by hand.

Columns of bytes say at once how many units there are, whose, how long and when (`columns.py`); titles, trees and marks are
asked for when they are seen. So a hundred thousand units are there as soon as ten.
"""

from __future__ import annotations

import struct
import time
from array import array
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, ClassVar

import traitlets

from protolab.capture import Capture
from protolab.conversation import Conversation
from protolab.errors import LabError
from protolab.fields import Derived
from protolab.units import Unit
from protolab.view.columns import END, Conversations, Survey, columns, ends, flags_of, kind_of, lane_of
from protolab.view.ladder import Ladder
from protolab.view.parts import unit_parts
from protolab.view.steps import TITLE, end_step, step_of
from protolab.view.text import elided
from protolab.view.unit import heading
from protolab.view.widget import Answer, Widget, module, sheet

AT_ONCE = 40  # rows that come with the columns, so that the first ones are drawn without a question
MOST_ROWS = 400  # rows in one answer
TURN = 0.1  # seconds of work for one answer: in between, the kernel runs what a learner types


class Explore(Widget):
    """A capture to walk through. `selected` is the row that is chosen, `field` the name of the chosen field: both can be
    set. `unit` is the unit of that row. `update()` takes in what was recorded since.
    """

    kind: ClassVar[str] = "explore"
    _esm = module("explore")
    _css = sheet("common", "explore")

    version = traitlets.Int(0).tag(sync=True)
    sides = traitlets.Bytes(b"").tag(sync=True)
    sizes = traitlets.Bytes(b"").tag(sync=True)
    owners = traitlets.Bytes(b"").tag(sync=True)
    times = traitlets.Bytes(b"").tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)
    field = traitlets.Unicode("").tag(sync=True)

    def __init__(self, source: Callable[[], Conversations], capture: Capture | None = None) -> None:
        """`source()` gives the conversations as they are now; one that was given before keeps what is known of it."""
        self._source = source
        self._capture = capture
        self._conversations: Conversations = ()
        self._surveys: dict[Conversation[Any, Any], Survey] = {}
        self._kinds: list[str] = []
        self._owners = array("H")
        self._numbers = array("I")
        super().__init__()
        self.update()

    def static(self) -> Ladder:
        return Ladder(self._conversations, self._capture)

    @property
    def unit(self) -> Unit | None:
        """The unit that is chosen; None where a side ended, and where there is nothing at all."""
        if not 0 <= self.selected < len(self._numbers) or self.sides[self.selected] & END:
            return None
        return self._conversation(self.selected)[self._numbers[self.selected]]

    def update(self) -> None:
        """Take in the connections and bytes that were recorded since the last look."""
        found = self._conversations = tuple(self._source())
        logical = any(conversation.connection.capture.logical for conversation in found)
        self._surveys = {each: self._surveys.get(each) or Survey(each, self._kinds) for each in found}
        made = columns(found, logical)
        self._numbers = made.numbers
        self._owners = array("H", struct.unpack(f"<{len(made.owners) // 2}H", made.owners))
        with self.hold_sync():
            self.sides, self.sizes, self.owners, self.times = made.sides, made.sizes, made.owners, made.times
            self.facts = {
                "name": elided("" if self._capture is None else self._capture.name, 80),
                "logical": logical,
                "connections": [_label(each, logical) for each in found],
                "lost": _lost(found, self._capture),
                "rows": self._rows(range(min(AT_ONCE, len(made.numbers)))),
                "kinds": self._kinds[:],
            }
            self.version += 1

    # What the browser asks for. A question about rows names the version of the columns it was asked of.

    def ask_update(self, body: dict[str, Any]) -> Answer:
        """Take in what is new: the answer comes as traits."""
        self.update()
        return {}

    def ask_rows(self, body: dict[str, Any]) -> Answer:
        """What the ladder says of some rows."""
        if body["version"] != self.version:
            return {"stale": True}
        wanted = sorted({row for row in body["rows"][:MOST_ROWS] if 0 <= row < len(self._numbers)})
        return {"rows": self._rows(wanted), "kinds": self._kinds}

    def ask_unit(self, body: dict[str, Any]) -> Answer:
        """The fields, buffers, findings and discards of one row."""
        row = body["row"]
        if body["version"] != self.version or not 0 <= row < len(self._numbers):
            return {"stale": True}
        if self.sides[row] & END:
            return {"title": self._end(row), "about": ""}
        unit = self._conversation(row)[self._numbers[row]]
        found, buffers = unit_parts(unit)
        title, about = heading(unit)
        return {**found, "title": title, "about": about}, buffers

    def ask_survey(self, body: dict[str, Any]) -> Answer:
        """Kind, marks and lane of the units of one conversation from `first` on: as many as a turn's work tells."""
        if body["version"] != self.version:
            return {"stale": True}
        survey = self._surveys[self._conversations[body["owner"]]]
        count, buffers = survey.extend(body["first"], time.monotonic() + TURN)
        return {"count": count, "kinds": self._kinds}, buffers

    def ask_search(self, body: dict[str, Any]) -> Answer:
        """Which units of one conversation, from `first` on, say `text` in their line, or hold it in their bytes.

        With `hex` the text is pairs of hexadecimal digits. `hits` are the numbers of units among the `count` looked at.
        """
        if body["version"] != self.version:
            return {"stale": True}
        wanted, text = needle(body["text"], body["hex"])
        conversation, first, until = self._conversations[body["owner"]], body["first"], time.monotonic() + TURN
        hits: list[int] = []
        number = first
        while number < len(conversation):
            units = conversation[number : number + 128]
            hits += [unit.place.number for unit in units if says(unit, wanted, text)]
            number += len(units)
            if time.monotonic() > until:
                break
        return {"hits": hits, "count": number - first, "done": number >= len(conversation)}

    def _conversation(self, row: int) -> Conversation[Any, Any]:
        return self._conversations[self._owners[row] if self._owners else 0]

    def _end(self, row: int) -> str:
        return end_step(ends(self._conversation(row))[self._numbers[row]]).title

    def _rows(self, wanted: Any) -> list[dict[str, Any]]:
        """The lines of the ladder for rows in rising order; neighbours are explained in one go."""
        found: list[dict[str, Any]] = []
        for _, near in groupby(enumerate(wanted), lambda pair: pair[1] - pair[0]):
            run = [row for _, row in near]
            for owner in dict.fromkeys(self._owners[row] if self._owners else 0 for row in run):
                found += self._run([row for row in run if (self._owners[row] if self._owners else 0) == owner])
        return found

    def _run(self, rows: list[int]) -> Iterator[dict[str, Any]]:
        numbers = {self._numbers[row]: row for row in rows if not self.sides[row] & END}
        for row in rows:
            if self.sides[row] & END:
                yield {"row": row, "title": self._end(row), "kind": -1, "flags": 0, "lane": -1, "remarks": ""}
        if not numbers:
            return
        for unit in self._conversation(rows[0])[min(numbers) : max(numbers) + 1]:
            if (row := numbers.get(unit.place.number, -1)) >= 0:
                step = step_of(unit, 0)
                yield {
                    "row": row,
                    "title": elided(step.title, TITLE),
                    "kind": kind_of(unit, self._kinds),
                    "flags": flags_of(unit),
                    "lane": lane_of(unit),
                    "remarks": step.remarks,
                }


def needle(text: str, hexadecimal: bool) -> tuple[bytes, str]:
    """What to look for: bytes, and text for the titles (none for hexadecimal). LabError: not pairs of digits.

    >>> needle("81 05", True), needle("Hello", False)
    ((b'\\x81\\x05', ''), (b'hello', 'hello'))
    """
    if not hexadecimal:
        return text.lower().encode("utf-8", "surrogatepass"), text.lower()
    try:
        return bytes.fromhex(text.replace("0x", "").replace(":", " ")), ""
    except ValueError:
        raise LabError(f"{text!r} is not hexadecimal.", "Write pairs of digits, such as 81 05.") from None


def says(unit: Unit, wanted: bytes, text: str) -> bool:
    """Whether a unit's line has the text, or any of its buffers the bytes; text is found in any case of its letters."""
    if text and (
        text in unit.title.lower() or text in unit.kind or any(text in str(each).lower() for each in unit.findings)
    ):
        return True
    return any(wanted in (data.lower() if text else data) for data in _buffers(unit))


def _buffers(unit: Unit) -> Iterator[bytes]:
    yield unit.data
    todo: list[Derived] = [each for _, node in unit.field.walk() for each in node.derived]
    while todo:
        derived = todo.pop()
        yield derived.data
        todo += [each for _, node in derived.field.walk() for each in node.derived]


def _label(conversation: Conversation[Any, Any], logical: bool) -> str:
    """A connection's name: its number, its protocol, and, where they mean something, its client's address."""
    connection = conversation.connection
    name = f"connection {connection.number}: {conversation.protocol}"
    return elided(name if logical or not connection.client else f"{name}, {connection.client}", 80)


def _lost(found: Conversations, capture: Capture | None) -> str:
    """What was said and not kept, in words; "" when all was."""
    dropped = sum(sum(each.connection.dropped) for each in found)
    missed = 0 if capture is None else capture.missed
    said = [f"{dropped:,} bytes"] if dropped else []
    said += [f"{missed:,} connections"] if missed else []
    return f"The capture was full: {' and '.join(said)} were not kept." if said else ""
