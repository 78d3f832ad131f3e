"""Findings: rules that captured bytes break; and discards: bytes that a receiver may legally throw away.

A protocol lists its rules once, as `Rule` objects in a catalogue; a decoder states where one is broken with `rule.at(...)`.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.fields import Side
from protolab.plain import printable


class Finding(NamedTuple):
    """One broken rule at its bytes. `start` and `end` are a half-open range of the unit's bytes."""

    rule: Rule
    start: int
    end: int
    side: Side
    detail: str = ""

    @property
    def message(self) -> str:
        """What is wrong here, in one sentence."""
        return self.detail or self.rule.says

    def __str__(self) -> str:
        return printable(f"{self.rule.id}: {self.message} [{self.rule.clause}]")


class Rule(NamedTuple):
    """A rule of a specification: what it says, where, how a conforming peer answers its breach, and the mend.

    `id` is short, readable and unique within a protocol ("client-unmasked"); `reaction` starts with a code that a program
    can compare ("1002", "HTTP 426"), or is "" when a peer owes no reaction.
    """

    id: str
    says: str
    clause: str
    reaction: str
    mend: str

    def at(self, start: int, end: int, side: Side, detail: str = "") -> Finding:
        """This rule, broken by `side` at the unit's bytes [start, end)."""
        return Finding(self, start, end, side, detail)


class Discard(NamedTuple):
    """Bytes that a receiver legally threw away, and why. `start` and `end` are a half-open range of the unit's bytes."""

    start: int
    end: int
    why: str
    clause: str
