"""Leaf fields as boxes across rows of 32 bits: the layout that both forms of the picture draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protolab.fields import Field
from protolab.view.text import elided, field_value

BITS = 32
WHOLE = 3  # full rows of one field that are shown before its middle is left out
ROWS = 64  # rows of one picture; what comes after is counted


class Box(NamedTuple):
    """One leaf: its half-open span in bits from the picture's beginning, and what is written in it."""

    first: int
    last: int
    name: str
    value: str  # "" where the digits say it all
    data: bytes  # that its bits lie in
    skip: int  # bits of `data` before its own
    note: str

    @property
    def whole(self) -> bool:
        """Whether it is made of whole bytes, which are written as hexadecimal; others are written as bits."""
        return self.first % 8 == 0 and self.last % 8 == 0

    def digits_in(self, first: int, last: int) -> tuple[str, ...]:
        """The digits of the bits [first, last) of the picture."""
        low = first - self.first + self.skip
        high = low + last - first
        piece = self.data[low // 8 : -(-high // 8)]
        if self.whole:
            return tuple(f"{byte:02x}" for byte in piece)
        return tuple("".join(f"{byte:08b}" for byte in piece)[low % 8 : low % 8 + last - first])


class Piece(NamedTuple):
    """The part of a box that lies in one row: columns [start, end); `begins` says whether the box begins here."""

    box: Box
    start: int
    end: int
    begins: bool


class Line(NamedTuple):
    """A row of the picture: its first byte and its pieces; or, without pieces, `says` what is left out."""

    byte: int
    pieces: tuple[Piece, ...]
    says: str = ""


def boxes(field: Field, data: bytes) -> list[Box]:
    """The leaves of `field` as boxes; the picture begins at the first byte of `field`. Empty fields have no box."""
    found = []
    base = field.start * 8
    for leaf in field.leaves():
        first, last = leaf.span
        if first >= last or last > len(data) * 8 or first < base:
            continue
        piece = data[first // 8 : -(-last // 8)]
        value = "" if last - first == 1 else field_value(leaf, data)
        box = Box(first - base, last - base, elided(leaf.name, 80), value, piece, first % 8, elided(leaf.note))
        found.append(box)
    return found


def lines(found: list[Box]) -> Iterator[Line]:
    """The rows of the picture, long fields and long pictures shortened with the number of bytes that are left out."""
    total = max((box.last for box in found), default=0)
    drawn, row, index = 0, 0, 0
    while row * BITS < total:
        low, high = row * BITS, (row + 1) * BITS
        if drawn >= ROWS:
            yield Line(low // 8, (), f"... {-(-(total - low) // 8):,} more bytes of {-(-total // 8):,} in all")
            return
        while index < len(found) and found[index].last <= low:
            index += 1
        box = found[index] if index < len(found) else None
        if box is not None and box.first <= low - WHOLE * BITS and box.last >= high + 2 * BITS:
            skip = (box.last - low) // BITS - (1 if box.last % BITS == 0 else 0)
            if skip > 1:
                yield Line(low // 8, (), f"... {skip * BITS // 8:,} more bytes of {box.name} ...")
                row += skip
                drawn += 1
                continue
        pieces, at = [], index
        while at < len(found) and found[at].first < high:
            box = found[at]
            start, end = max(box.first, low), min(box.last, high)
            if start < end:
                pieces.append(Piece(box, start - low, end - low, start == box.first))
            at += 1
        yield Line(low // 8, tuple(pieces))
        row += 1
        drawn += 1
