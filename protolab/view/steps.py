"""The lines of a ladder before they are drawn: units and ends in one order, with what is odd about each."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import merge
from itertools import count, islice
from typing import Any, NamedTuple

from protolab.capture import End
from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.units import Unit
from protolab.view.text import elided, fitted

TITLE = 240  # characters of a title in HTML
ENDS = {"FIN": "FIN: no more from the {}", "RST": "RST: the {} broke off"}


class Step(NamedTuple):
    """One line of the ladder: a unit, or, where `unit` is None, the end of a side. `when`: seconds, or the step."""

    when: float | int
    side: Side
    title: str
    unit: Unit | None = None
    end: str = ""

    @property
    def marks(self) -> str:
        """The signs of what is odd here: "!" for findings, "-" for discards, "~" for what is not complete."""
        if self.unit is None:
            return ""
        unfinished = "" if self.unit.place.complete else "~"
        return ("!" if self.unit.findings else "") + ("-" if self.unit.discards else "") + unfinished

    @property
    def remarks(self) -> str:
        """The marks, each with what it stands for: `! client-unmasked`."""
        if self.unit is None:
            return ""
        rules = list(dict.fromkeys(finding.rule.id for finding in self.unit.findings))
        reasons = list(dict.fromkeys(discard.why for discard in self.unit.discards))
        said = [f"! {_some(rules)}"] if rules else []
        said += [f"- {_some(reasons)}"] if reasons else []
        return "  ".join([*said, *([] if self.unit.place.complete else ["~"])])


def _some(words: Sequence[str]) -> str:
    shown = ", ".join(fitted(elided(word), 60) for word in words[:3])
    return shown + (f" and {len(words) - 3} more" if len(words) > 3 else "")


class Rung(NamedTuple):
    """One connection of the ladder, as it stood when the ladder was made: its steps, and how many there are in all."""

    conversation: Conversation[Any, Any]
    steps: tuple[Step, ...]
    units: int  # of the whole conversation
    first: int  # the number of the first unit that is shown
    shown: int
    late: tuple[Step, ...]  # ends that came after units which are not shown


def step_of(unit: Unit, when: float | int) -> Step:
    """The ladder's line for a unit."""
    return Step(when, unit.place.side, elided(unit.title, TITLE), unit)


def end_step(end: End) -> Step:
    """The ladder's line for the end of a side."""
    return Step(
        end.at, end.side, ENDS.get(end.how, f"{elided(end.how, 20)}: the {{}} ended").format(end.side), None, end.how
    )


def rung_of(
    conversation: Conversation[Any, Any], start: int, limit: int, logical: bool, lane: int | None = None
) -> Rung:
    """The steps of a conversation from unit `start` on: at most `limit` units, and the ends among them, by time.

    With a `lane`, its units alone are counted and shown; they keep their numbers and their steps.
    """
    chosen: Sequence[Unit] = conversation
    if lane is not None:
        chosen = [unit for unit in conversation if unit.lane == lane]
    total, first = len(chosen), min(start, len(chosen))
    units = [step_of(unit, unit.place.at) for unit in islice(chosen, first, first + limit)]
    ends = sorted(map(end_step, list(conversation.connection.ends)), key=lambda step: step.when)
    whole = first + len(units) == total
    last = units[-1].when if units else float("-inf")
    early = [step for step in ends if whole or step.when < last]
    late = [step for step in ends if not whole and step.when >= last]
    steps = [*merge(units, early, key=lambda step: step.when)]
    if logical and lane is not None:
        after = count(len(conversation) + 1)
        steps = [step._replace(when=step.unit.place.number + 1 if step.unit else next(after)) for step in steps]
        late = [step._replace(when=next(after)) for step in late]
    elif logical:
        steps = [step._replace(when=number) for number, step in enumerate(steps, first + 1)]
        late = [step._replace(when=number) for number, step in enumerate(late, total + len(early) + 1)]
    return Rung(conversation, tuple(steps), total, first, len(units), tuple(late))
