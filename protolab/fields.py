"""Fields: named spans of bytes, down to the bit, that tile what they describe.

A `Field` tree explains one buffer: the bytes of a unit, or of a `Derived`. Offsets count from the start of that buffer, so
equal headers can share one tree wherever they stand. The rule that everything else rests on: **children tile their
parent**, with no gap and no overlap, so joining the leaves gives back the input (`untiled` says where a tree breaks it).

Nothing here imports anything but the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple


class Side(IntEnum):
    """Who said it. The value indexes pairs of things kept for both sides."""

    CLIENT = 0
    SERVER = 1

    @property
    def other(self) -> Side:
        """The side that it talks to."""
        return Side(1 - self)

    def __str__(self) -> str:
        return self.name.lower()


CLIENT, SERVER = Side  # for lines that run for every unit: before Python 3.12 `Side.CLIENT` takes ten times as long


class Field(NamedTuple):
    """A named half-open span of bytes, or of bits inside those bytes, with its decoded value.

    `start` and `end` are byte offsets; a field narrower than its bytes has `bits`, a half-open span counted from the most
    significant bit of byte `start`: FIN is `bits=(0, 1)` of its byte, a 31-bit stream id `bits=(1, 32)` of four bytes.

    >>> Field("opcode", 0, 1, 1, "text", bits=(4, 8)).span
    (4, 8)
    """

    name: str
    start: int
    end: int
    value: object = None
    note: str = ""
    children: tuple[Field, ...] = ()
    bits: tuple[int, int] | None = None
    derived: tuple[Derived, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        """The half-open span in bits, from the start of the buffer."""
        first = self.start * 8
        return (first, self.end * 8) if self.bits is None else (first + self.bits[0], first + self.bits[1])

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Field]]:
        """This field and all below it, each with its depth, in the order of the bytes."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    def leaves(self) -> Iterator[Field]:
        """The fields without children, in the order of the bytes."""
        return (field for _, field in self.walk() if not field.children)

    def find(self, name: str) -> Field:
        """The first field of that name here or below; KeyError names what there is."""
        for _, field in self.walk():
            if field.name == name:
                return field
        names = dict.fromkeys(field.name for _, field in self.walk())
        raise KeyError(f"no field {name!r} here; there are: {', '.join(names)}")

    def shifted(self, by: int) -> Field:
        """The same tree `by` bytes further on, for placing it inside a larger buffer."""
        if not by:
            return self
        children = tuple(child.shifted(by) for child in self.children)
        return self._replace(start=self.start + by, end=self.end + by, children=children)


class Source(NamedTuple):
    """Where derived bytes came from: a half-open range of one side's stream."""

    side: Side
    start: int
    end: int


class Derived(NamedTuple):
    """Bytes computed from bytes (unmasked, inflated, reassembled, hashed), with offsets and a tree of their own.

    `how` says in one line what was done; `sources` lists the stream ranges when they are not just the bytes of the field
    that this hangs on.
    """

    name: str
    data: bytes
    field: Field
    how: str = ""
    sources: tuple[Source, ...] = ()


def unparsed(start: int, end: int, note: str = "not understood") -> Field:
    """The field for bytes that no rule explains: they stay visible, under this name."""
    return Field("unparsed", start, end, None, note)


def untiled(field: Field) -> str | None:
    """What is wrong with the tree, or None when children tile their parents all the way down, derived trees included.

    >>> untiled(Field("all", 0, 2, children=(Field("a", 0, 1), Field("b", 1, 2))))
    >>> untiled(Field("all", 0, 3, children=(Field("a", 0, 1), Field("b", 2, 3))))
    "'b' in 'all' starts at bit 16, but the bytes before it end at bit 8"
    """
    for _, node in field.walk():
        first, last = node.span
        if first > last:
            return f"{node.name!r} ends before it starts"
        for child in node.children:
            start, end = child.span
            if start != first:
                return (
                    f"{child.name!r} in {node.name!r} starts at bit {start}, but the bytes before it end at bit {first}"
                )
            first = end
        if node.children and first != last:
            return f"the children of {node.name!r} end at bit {first}, but it ends at bit {last}"
        for derived in node.derived:
            if derived.field.span != (0, len(derived.data) * 8):
                return f"the tree of derived {derived.name!r} does not cover its {len(derived.data)} bytes"
            if problem := untiled(derived.field):
                return problem
    return None
