"""What must hold of every decoder, whatever the bytes: used by the tests of each protocol."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from protolab import protocols
from protolab.capture import Capture, Connection
from protolab.conversation import Conversation
from protolab.fields import Derived, Field, Side, untiled
from protolab.units import Unit

Said = tuple[Side, bytes]


def record(said: Iterable[Said], midway: bool = False) -> Connection:
    """A connection on which each piece came as a segment of its own, a millisecond after the one before."""
    connection = Capture().connect("127.0.0.1:40000", "127.0.0.1:8765", midway=midway)
    for number, (side, data) in enumerate(said):
        connection.add(side, data, number / 1000)
    return connection


def sound(connection: Connection, protocol: str | None = None) -> Conversation:
    """Decode the connection and check the laws: total, every byte explained once, findings and discards inside the unit."""
    conversation = protocols.decode(connection, protocol)
    units = list(conversation)
    for side in Side:
        theirs = [unit for unit in units if unit.side is side]
        assert b"".join(unit.data for unit in theirs) == connection.read(side)
        assert all(a.place.end == b.place.start for a, b in itertools.pairwise(theirs))
    for number, unit in enumerate(units):
        assert unit.place.number == number
        assert (unit.field.start, unit.field.end) == (0, len(unit.data)), unit
        assert untiled(unit.field) is None, (untiled(unit.field), unit.data)
        assert joined(unit) == unit.data
        for at in (*unit.findings, *unit.discards):
            assert 0 <= at.start < at.end <= len(unit.data), (at, unit.data)
        assert unit.title and repr(unit)
    return conversation


def joined(unit: Unit) -> bytes:
    """The unit's bytes, put together again bit by bit from its leaves."""
    said = format(int.from_bytes(unit.data), f"0{len(unit.data) * 8}b") if unit.data else ""
    bits = "".join(said[slice(*leaf.span)] for leaf in unit.field.leaves())
    return int(bits, 2).to_bytes(len(unit.data)) if bits else b""


def facts(unit: Unit) -> tuple[object, ...]:
    """What a unit says, without when it came: equal whatever way TCP cut the bytes."""
    return (unit.kind, unit.side, unit.place.start, unit.data, unit.field, unit.findings, unit.discards, unit.title)


def derived(field: Field, name: str) -> Derived:
    """The derived bytes of that name, here or below."""
    for _, node in field.walk():
        for found in node.derived:
            if found.name == name:
                return found
            inner = [node.derived for _, node in found.field.walk()]
            for deeper in (item for group in inner for item in group):
                if deeper.name == name:
                    return deeper
    raise AssertionError(f"no derived {name!r}")
