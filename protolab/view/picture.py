"""Bytes in the 32-bit-wide picture that RFCs draw (RFC 6455 section 5.2 is one), with the real bits of any tree."""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import Any, ClassVar

from protolab.fields import Derived, Field
from protolab.plain import width
from protolab.units import Unit
from protolab.view import export, html
from protolab.view.base import Budget, View
from protolab.view.boxes import BITS, Box, Line, Piece, boxes, lines
from protolab.view.text import elided, fitted, padded, wrapped

TALLEST = 5  # lines of a name that is written downwards, as the RFC writes FIN and MASK
_LETTERS = string.ascii_uppercase + string.ascii_lowercase


class Picture(View):
    """The leaves of a tree as boxes across rows of 32 bits, with their real bits, or bytes, and values.

    `Picture(unit)`, `Picture(derived)` and `Picture(field, data)`: a bare field needs the buffer that it counts in.
    """

    kind: ClassVar[str] = "picture"

    def __init__(self, thing: Unit | Derived | Field, data: bytes | None = None) -> None:
        if not isinstance(thing, Field):
            self.field, self.data = thing.field, thing.data
            self.title = f"unit {thing.place.number}: {thing.title}" if isinstance(thing, Unit) else thing.name
        elif data is not None:
            self.field, self.data, self.title = thing, data, thing.name
        else:
            raise TypeError("a field alone has no bytes to draw; say picture(field, data), or picture(unit)")
        size = self.field.end - self.field.start
        self.title = f"{elided(self.title, 200)}, {size:,} byte{'' if size == 1 else 's'}"
        self.boxes = boxes(self.field, self.data)

    def text(self) -> str:
        ruler = "".join(f" {i % 10}" for i in range(BITS))
        drawn = [" " + "".join(f"{i // 10 if i % 10 == 0 else ' '} " for i in range(BITS)).rstrip(), ruler]
        legend: dict[Box, str] = {}
        above: tuple[Piece, ...] = ()
        for line in lines(self.boxes):
            drawn.append(_border(above, line.pieces))
            drawn += _row(line, legend) if line.pieces else [line.says.center(2 * BITS + 1).rstrip()]
            above = line.pieces
        drawn.append(_border(above, ()))
        return "\n".join([self.title, "", *(line for line in drawn if line), *_legend(legend)])

    def html(self) -> str:
        bits = [
            html.cell(html.spread(map(str, range(i, i + 8))), head="col", span=8, style=_RULER) for i in (0, 8, 16, 24)
        ]
        budget, rows, left = Budget(), [html.row([html.cell("byte", head="col", style=_OFFSET), *bits])], 0
        for line in lines(self.boxes):
            drawn = _row_html(line)
            if budget.take(drawn):
                rows.append(drawn)
            else:
                left += 1
        columns = f'<colgroup><col style="width:40px"><col span="{BITS}" style="width:{COLUMN}px"></colgroup>'
        caption = f"<b>{html.escape(self.title)}</b>"
        body = html.grid(caption, columns, rows, f"width:{40 + BITS * COLUMN}px")
        return body + (html.paragraph(f"... {left:,} more rows") if left else "")

    def json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "kind": self.kind,
            "width": BITS,
            "bytes": export.buffer(self.data),
            "field": export.field(self.field),
        }


def _name_lines(name: str, columns: int) -> list[str] | None:
    """A name inside a box: in words, or downwards, or not at all."""
    if max(map(len, name.split()), default=0) <= columns:
        found = wrapped(name, columns) if columns >= 8 else _words(name, columns)
        if len(found) <= TALLEST:
            return found
    return list(name) if len(name) <= TALLEST and columns < 8 else None


def _words(name: str, columns: int) -> list[str]:
    found: list[str] = []
    for word in name.split():
        if found and len(found[-1]) + 1 + len(word) <= columns:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def _digits(piece: Piece, byte: int) -> str:
    """The bits under the ruler's, or the bytes, each in the middle of its eight columns."""
    low = byte * 8
    digits = piece.box.digits_in(low + piece.start, low + piece.end)
    return "".join(f"{digit:^15} " for digit in digits)[:-1] if piece.box.whole else " ".join(digits)


def _row(line: Line, legend: dict[Box, str]) -> list[str]:
    """The lines of text of one row: names at the top of the boxes, digits and values at their bottom."""
    columns = []
    for piece in line.pieces:
        box, room = piece.box, 2 * (piece.end - piece.start) - 1
        bottom = [_digits(piece, line.byte)]
        top: list[str] = []
        if piece.begins:
            found = _name_lines(box.name, room)
            if found is None:
                legend[box] = _LETTERS[len([x for x in legend.values() if x]) % len(_LETTERS)]
                found = [legend[box]]
            top = found
            if box.value and width(box.value) + 2 <= room:
                bottom.append(f"= {box.value}")
            elif box.value:
                legend.setdefault(box, "")
        columns.append((room, top, bottom))
    depth = max(len(bottom) for _, _, bottom in columns)
    height = max(len(top) for _, top, _ in columns) + depth
    drawn = []
    for number in range(height):
        cells = []
        for room, top, bottom in columns:
            at = number - (height - depth)
            text = top[number] if number < len(top) else bottom[at] if 0 <= at < len(bottom) else ""
            cells.append(_centred(text, room) if number < len(top) or text.startswith("= ") else padded(text, room))
        lead = " " * (2 * line.pieces[0].start)
        drawn.append(f"{lead}|{'|'.join(cells)}|")
    return drawn


def _centred(text: str, room: int) -> str:
    left = (room - width(text)) // 2
    return padded(" " * left + text, room)


def _border(above: Iterable[Piece], below: Iterable[Piece]) -> str:
    """The line between two rows: `+` where a box ends, dashes with gaps where one box goes on below itself."""
    owners: list[list[Box | None]] = [[None] * BITS, [None] * BITS]
    corners: set[int] = set()
    for owner, pieces in zip(owners, (above, below), strict=True):
        for piece in pieces:
            owner[piece.start : piece.end] = [piece.box] * (piece.end - piece.start)
            corners |= {piece.start, piece.end}
    drawn = []
    for column in range(BITS + 1):
        sides = [
            (up is not None or down is not None, up is down)
            for i in (column - 1, column)
            if 0 <= i < BITS
            for up, down in [(owners[0][i], owners[1][i])]
        ]
        drawn.append("+" if column in corners else "-" if any(there for there, _ in sides) else " ")
        if column < BITS:
            there, same = sides[-1]
            drawn.append("-" if there and not same else " ")
    return "".join(drawn).rstrip()


def _legend(legend: dict[Box, str]) -> list[str]:
    """What did not fit into its box, below the picture."""
    said = []
    for box, letter in legend.items():
        name = f"{letter} = {box.name}" if letter else box.name
        said.append(f"{name}: {box.value}" if box.value else name)
    return ["", *said] if said else []


COLUMN = 22  # pixels of one bit
_OFFSET = "font-size:10px;font-weight:normal;padding:1px 4px"
_RULER = f"{_OFFSET};text-align:center;padding:1px 0"
_BOX = "border:1px solid #888;text-align:center;padding:2px 0;vertical-align:top;line-height:18px"
_NARROW = "font-size:9px;word-break:break-all"  # for names in boxes of one or two bits


def _row_html(line: Line) -> str:
    head = html.cell(html.toned(str(line.byte), html.QUIET), head="row", style=_OFFSET, right=True)
    if not line.pieces:
        return html.row([head, html.cell(html.toned(html.escape(line.says), html.QUIET), span=BITS, style=_BOX)])
    cells = [head]
    if line.pieces[0].start:
        cells.append(html.cell("", span=line.pieces[0].start))
    for piece in line.pieces:
        title = piece.box.note if piece.begins else ""
        cells.append(html.cell(_box_html(piece, line.byte), span=piece.end - piece.start, style=_BOX, title=title))
    return html.row(cells)


def _box_html(piece: Piece, byte: int) -> str:
    box, columns = piece.box, piece.end - piece.start
    digits = html.spread(box.digits_in(byte * 8 + piece.start, byte * 8 + piece.end))
    if not piece.begins:
        return digits
    name = html.escape(box.name)
    name = html.toned(name, _NARROW) if columns < 3 else f"<b>{name}</b>"
    value = f"<div>= {html.escape(fitted(box.value, 60))}</div>" if box.value else ""
    return f"{name}{digits}{value}"
