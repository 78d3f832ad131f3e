"""Explain a protobuf message without its .proto file: every tag, varint and length to the bit, and guesses for the rest.

What lies inside a length-delimited record is looked at only when somebody looks (`later`): a message of many records
costs one field for each, whatever they hold. protobuf_typed.py adds names and types where a .proto file is known.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from protolab.fields import Field, Side, unparsed
from protolab.findings import Discard, Finding
from protolab.wire import protobuf_rules as rules
from protolab.wire.later import later
from protolab.wire.protobuf import (
    DEPTH,
    EGROUP,
    I32,
    I64,
    LEN,
    RESERVED,
    SGROUP,
    VARINT,
    WIRE_TYPES,
    Broken,
    Groups,
    Record,
    Scan,
    Trouble,
    scan,
    unzigzag,
    varint,
)
from protolab.wire.protobuf_guess import Guess, guesses, plausible

MOST = 100  # findings of one message; after as many it is not looked at further, since a megabyte may hold a million
_SHOWN = 40  # characters of a reading that came second, in a note


class Reading(NamedTuple):
    """A message explained: its tree, the rules it breaks, and what a parser would throw away (known with a .proto only)."""

    field: Field
    findings: tuple[Finding, ...]
    discards: tuple[Discard, ...] = ()


def read(
    data: bytes | bytearray, start: int = 0, end: int | None = None, side: Side = Side.CLIENT, name: str = "message"
) -> Reading:
    """Explain the message between `start` and `end`; offsets count from the start of `data`.

    >>> field = read(bytes.fromhex("120774657374696e67")).field
    >>> [(each.name, each.value) for each in field.children], field.children[0].children[2].name
    ([('field 2', 'testing')], 'text')
    """
    end = len(data) if end is None else end
    tree = Tree(data)
    return Reading(tree.message(name, start, end), tuple(tree.findings(start, end, side)))


class Tree:
    """Makes the fields of one message's bytes, and finds what is wrong in them."""

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = data
        self.groups: Groups = {}
        self._last: tuple[int, int, Scan] | None = None  # one level is looked at several times in a row

    def message(self, name: str, start: int, end: int, depth: int = 0) -> Field:
        found = self.scan(start, end)
        count = len(found.records)
        note = f"{count} record{'' if count == 1 else 's'}"
        if found.trouble:
            note += f"; {found.trouble.says or found.trouble.rule.says}"
        return Field(
            name, start, end, None, note, later(lambda: self.records(start, end, depth)) if end > start else ()
        )

    def scan(self, start: int, end: int) -> Scan:
        last = self._last
        if last is None or last[0] != start or last[1] != end:
            self._last = last = (start, end, scan(self.data, start, end, self.groups))
        return last[2]

    def records(self, start: int, end: int, depth: int) -> tuple[Field, ...]:
        """The records of one level, and what cannot be read after them."""
        found = self.scan(start, end)
        fields = tuple(self.record(record, depth) for record in found.records)
        if found.stop < end:
            trouble = found.trouble
            assert trouble is not None
            fields += (unparsed(found.stop, end, trouble.says or trouble.rule.says),)
        return fields

    def record(self, record: Record, depth: int, unknown: str = "") -> Field:
        """One record as its bytes alone explain it. `unknown` says first in the note why they have to."""
        number, wire, start, tag, value, stop, end = record
        because = f"{unknown}; " if unknown else ""
        name = f"field {number}"
        if wire == LEN:
            best = self.guess(value, stop, depth)
            shown = None if best[0].kind == "message" else best[0].value
            return Field(
                name,
                start,
                end,
                shown,
                f"{because}LEN, {_outcome(best[0])}",
                later(lambda: self._len(record, best, depth)),
            )
        if wire == SGROUP:
            inner = later(lambda: self._group(record, depth))
            return Field(
                name, start, end, None, f"{because}SGROUP, a group{'' if stop < end else ' without an end'}", inner
            )
        if wire == EGROUP:
            return Field(name, start, end, None, f"{because}EGROUP, ends no group", (self.tag(start, tag),))
        held, note = self.number(wire, value, end)
        inner = later(lambda: (self.tag(start, tag), self.plain("value", wire, value, end, held, note)))
        return Field(name, start, end, held, f"{because}{WIRE_TYPES[wire]}", inner)

    def guess(self, start: int, end: int, depth: int) -> list[Guess]:
        return guesses(self.data, start, end, depth < DEPTH)

    def number(self, wire: int, start: int, end: int) -> tuple[int | float, str]:
        """The most probable value of a VARINT, I32 or I64, and the others in words."""
        if wire == VARINT:
            value = varint(self.data, start, end)[0]
            others = [f"as sint64 {unzigzag(value)}"]
            if value >= 2**63:
                others.insert(0, f"as int64 {value - 2**64}")
            if value < 2:
                others.insert(0, f"as bool {'true' if value else 'false'}")
            return value, ", ".join(others)
        letters, least, most = ("dQq", 1e-9, 1e15) if wire == I64 else ("fIi", 1e-4, 1e7)
        body = bytes(self.data[start:end])
        real, whole, signed = (struct.unpack(f"<{letter}", body)[0] for letter in letters)
        kind = "double" if wire == I64 else "float"
        others = [f"as {kind} {real:.6g}", f"as fixed{8 * len(body)} {whole}"]
        others += [f"as sfixed{8 * len(body)} {signed}"] if signed < 0 else []
        likely = real != 0 and plausible(real, least, most)
        return (real, ", ".join(others[1:])) if likely else (whole, ", ".join((others[0], *others[2:])))

    def tag(self, start: int, end: int) -> Field:
        """A tag, to the bit."""
        key = varint(self.data, start, end)[0]
        number, wire = key >> 3, key & 7
        kind = WIRE_TYPES[wire] if wire < 6 else "which does not exist"
        first = self.data[start]
        children: tuple[Field, ...] = (
            _continues(start, first),
            Field(
                "field number", start, start + 1, first >> 3 & 15, "its lowest bits" * (end - start > 1), bits=(1, 5)
            ),
            Field("wire type", start, start + 1, wire, kind, bits=(5, 8)),
        )
        for place in range(start + 1, end):
            shift = 4 + 7 * (place - start - 1)
            note = f"times 2^{shift}"
            more = Field("field number", place, place + 1, self.data[place] & 0x7F, note, bits=(1, 8))
            children += (_continues(place, self.data[place]), more)
        return Field("tag", start, end, key, f"field {number}, wire type {wire}: {kind}", children)

    def varint(self, name: str, start: int, end: int, value: object, note: str = "") -> Field:
        """A varint, to the bit: of each byte seven bits count, the first byte's the least."""
        children: tuple[Field, ...] = ()
        for place in range(start, end):
            byte = self.data[place]
            weight = f"times 2^{7 * (place - start)}" if place > start else ""
            children += (_continues(place, byte), Field("group", place, place + 1, byte & 0x7F, weight, bits=(1, 8)))
        padded = end - start > 1 and not self.data[end - 1]
        note = "; ".join(filter(None, (note, "written longer than needed" if padded else "")))
        return Field(name, start, end, value, note, children)

    def plain(self, name: str, wire: int, start: int, end: int, value: object, note: str = "") -> Field:
        """A value of wire type VARINT, I32 or I64; the fixed ones have their least byte first."""
        return self.varint(name, start, end, value, note) if wire == VARINT else Field(name, start, end, value, note)

    def length(self, record: Record) -> Field:
        size = record.stop - record.value
        return self.varint(
            "length", record.tag, record.value, size, "1 byte follows" if size == 1 else f"{size} bytes follow"
        )

    def packed(self, name: str, wire: int, start: int, stop: int, values: tuple[object, ...]) -> tuple[Field, ...]:
        """The values of a packed field, one after another."""
        fields, at = [], start
        for number, value in enumerate(values):
            after = varint(self.data, at, stop)[1] if wire == VARINT else at + (8 if wire == I64 else 4)
            fields.append(self.plain(f"{name}[{number}]", wire, at, after, value))
            at = after
        return tuple(fields)

    def _len(self, record: Record, best: list[Guess], depth: int) -> tuple[Field, ...]:
        """Tag, length and payload, by its best reading."""
        (kind, _, value), *others = best
        start, stop = record.value, record.stop
        parts = (self.tag(record.start, record.tag), self.length(record))
        if start == stop:
            return parts
        note = "; ".join(f"or {_outcome(other)}" for other in others if other.score > 5)
        if kind == "message":
            return (*parts, self.message("message", start, stop, depth + 1)._replace(note=note))
        children: tuple[Field, ...] = ()
        if kind.startswith("packed") and isinstance(value, tuple):
            wire = {"varints": VARINT, "doubles": I64, "floats": I32}[kind.split()[1]]
            children = later(lambda: self.packed("", wire, start, stop, value))
        return (*parts, Field(kind, start, stop, value, note, children))

    def _group(self, record: Record, depth: int) -> tuple[Field, ...]:
        """The tag that begins a group, what is in it, and the tag that ends it."""
        inside: tuple[Field, ...] = ()
        if record.value < record.stop:
            inside = (unparsed(record.value, record.stop, "nested too deep to be read"),)
            if depth < DEPTH:
                inside = self.records(record.value, record.stop, depth + 1)
        ends = (self.tag(record.stop, record.end),) if record.stop < record.end else ()
        return (self.tag(record.start, record.tag), *inside, *ends)

    def findings(self, start: int, end: int, side: Side, depth: int = 0) -> list[Finding]:
        """What is wrong with the records of one level and, since their bytes say that they are there, in its groups."""
        found = self.scan(start, end)
        broken: list[Finding] = []
        for record in found.records:
            if self.sure(record):
                continue
            broken += self.wrong(record, side, depth)
            if len(broken) >= MOST:
                return broken[:MOST]
        if found.trouble:
            broken.append(stated(found.trouble, side))
        return list(dict.fromkeys(broken))  # what stops a group stops the level that it is on too

    def sure(self, record: Record) -> bool:
        """Whether nothing can be wrong with a record, at a glance."""
        return 0 < record.number < RESERVED.start and record.wire not in (SGROUP, EGROUP)

    def wrong(self, record: Record, side: Side, depth: int) -> list[Finding]:
        """What is wrong with one record, whatever its type is declared to be."""
        broken = []
        if record.number == 0:
            broken.append(rules.NUMBER_ZERO.at(record.start, record.tag, side))
        elif record.number in RESERVED:
            says = f"field number {record.number} is reserved for protobuf itself"
            broken.append(rules.NUMBER_RESERVED.at(record.start, record.tag, side, says))
        if record.wire == EGROUP:
            says = f"group {record.number} ends here, but none is open"
            broken.append(rules.GROUP_END.at(record.start, record.tag, side, says))
        elif record.wire == SGROUP and depth < DEPTH and record.value < record.stop < record.end:
            broken += self.findings(record.value, record.stop, side, depth + 1)
        return broken


def stated(trouble: Trouble, side: Side) -> Finding:
    """A trouble as a finding. It has a byte to stand on, even where bytes are missing."""
    return trouble.rule.at(trouble.start, max(trouble.end, trouble.start + 1), side, trouble.says)


def _continues(place: int, byte: int) -> Field:
    return Field("continues", place, place + 1, byte >> 7, "the next byte belongs to it" * (byte >> 7), bits=(0, 1))


def _outcome(guess: Guess) -> str:
    """A reading in a few words."""
    if guess.kind == "message":
        return f"a message of {guess.value} record{'' if guess.value == 1 else 's'}"
    if guess.kind == "bytes":
        return "bytes"
    value = repr(guess.value)
    return (
        guess.kind
        if guess.kind == "empty"
        else f"{guess.kind} {value if len(value) <= _SHOWN else value[:_SHOWN] + '...'}"
    )


__all__ = ["Broken", "Reading", "Tree", "read"]
