"""State machines as tables: decoders obey them, views draw them, lessons step through them. They cannot disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A protocol's states: `table` maps (state, event) to the next state; an event that is not there is not allowed.

    >>> Machine("door", "shut", {("shut", "open"): "ajar"}).after("ajar", "open") is None
    True
    """

    name: str
    initial: str
    table: Mapping[tuple[str, str], str]

    def after(self, state: str, event: str) -> str | None:
        """The state after `event`, or None when the specification does not allow it in `state`."""
        return self.table.get((state, event))

    @property
    def states(self) -> list[str]:
        """Every state, the initial one first, in the order of the table."""
        return list(
            dict.fromkeys([self.initial, *(state for pair in self.table.items() for state in (pair[0][0], pair[1]))])
        )

    def events(self, state: str) -> list[str]:
        """The events that are allowed in a state."""
        return [event for at, event in self.table if at == state]
