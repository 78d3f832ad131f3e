"""`scrub`: step forwards and backwards through a conversation, and see where both peers stand at each step.

States, events and what is allowed come from the protocol's own tables (`states.py`); what a step did is worked out here
and asked for some steps at a time, so that a slider outruns nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import traitlets

from protolab.fields import Side
from protolab.view import export
from protolab.view.states import StatesView, Walk, machine_json, moment_json
from protolab.view.text import elided
from protolab.view.unit import heading
from protolab.view.widget import Answer, Widget, module, sheet

AT_ONCE = 64  # steps in one answer


class Scrub(Widget):
    """A conversation to step through. `connection` is the index of the one that is shown, `step` how many of its units
    were said so far: both can be set. `states` are those of both peers at that step.
    """

    kind: ClassVar[str] = "scrub"
    _esm = module("scrub")
    _css = sheet("common", "scrub")

    facts = traitlets.Dict().tag(sync=True)
    connection = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(self, source: Callable[[], tuple[Walk, ...]], name: str = "") -> None:
        """`source()` gives the walks as they are now: of one protocol, at least one, those of before in their places."""
        self._source = source
        self._walks: tuple[Walk, ...] = ()
        self._name = name
        super().__init__()
        self.update()

    def static(self) -> StatesView:
        return StatesView(self._walks)

    @property
    def states(self) -> dict[str, dict[str, str]]:
        """Where both peers stand at this step: by side, by machine."""
        walk = self._walks[min(max(self.connection, 0), len(self._walks) - 1)]
        states = walk.states(min(max(self.step, 0), len(walk) - 1))
        names = [machine.name for machine in walk.machines]
        return {str(side): dict(zip(names, states[side], strict=True)) for side in Side}

    def update(self) -> None:
        """Take in what was recorded since the last look."""
        self._walks = self._source()
        self.facts = {
            "name": elided(self._name, 80),
            "machines": [machine_json(machine) for machine in self._walks[0].machines],
            "connections": [
                {"label": f"connection {walk.conversation.connection.number}", "last": len(walk) - 1}
                for walk in self._walks
            ],
        }

    # What the browser asks for.

    def ask_update(self, body: dict[str, Any]) -> Answer:
        """Take in what is new: the answer comes as a trait."""
        self.update()
        return {}

    def ask_moments(self, body: dict[str, Any]) -> Answer:
        """Steps of one connection from `first` on: the unit, what it moved, the states after it."""
        walk = self._walks[body["connection"]]
        first = min(max(body["first"], 0), len(walk) - 1)
        numbers = range(first, min(first + AT_ONCE, len(walk)))
        return {"first": first, "moments": [_said(walk, number) for number in numbers]}


def _said(walk: Walk, number: int) -> dict[str, Any]:
    moment = walk.moment(number)
    found = moment_json(moment)
    if moment.unit is not None:
        found["about"] = export.clean(heading(moment.unit)[1])
        found["findings"] = [elided(str(each), 400) for each in moment.unit.findings[:20]]
    return found
