"""One block of an event stream as a unit: its lines, the event that it dispatches, what is thrown away, what is wrong."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from protolab.fields import Derived, Field, Source, unparsed
from protolab.findings import Discard, Finding, Rule
from protolab.protocols.sse import rules
from protolab.protocols.sse.heads import CONNECTING
from protolab.protocols.sse.titles import entitle
from protolab.units import Place, Unit
from protolab.wire.event_blocks import Piece
from protolab.wire.event_lines import READING, Lines, read_lines
from protolab.wire.event_stream import Event

DIGITS = 18  # at most, of an id that is compared as a number
ANEW = ("resync", "reset", "gap")  # types of events by which a server says that its ids begin anew


Where = Callable[[int, int], tuple[int, int]]


class Ids(NamedTuple):
    """The ids of a stream before a block: what the client named, the one before, and the highest that was a number."""

    resumed: str | None = None
    before: str | None = None
    highest: int = -1

    def after(self, id: str) -> Ids:
        """The same past an event with this id."""
        number = numbered(id)
        return self._replace(before=id, highest=self.highest if number is None else max(self.highest, number))


class Block(NamedTuple):
    """The context of a block: what `explain` needs to know of it.

    `event` is what it dispatches, if anything, `known` whether the last event id is, `first` says that it begins the stream,
    `headless` that its beginning was not recorded, `cut` that the stream ends inside it, `last` that no last chunk
    follows then, `inside` that it ends inside a chunk, `silence` that nothing came for too long before it or after it.
    """

    pieces: list[Piece]
    payload: bytes
    ids: Ids
    first: bool
    headless: bool
    cut: bool = False
    last: bool = False
    inside: bool = False
    event: Event | None = None
    last_event_id: str = ""
    known: bool = True
    retry: int | None = None
    silence: tuple[Finding, ...] = ()


def numbered(id: str) -> int | None:
    """The id as a number, None when it is none.

    >>> numbered("12"), numbered("12-a")
    (12, None)
    """
    return int(id) if id.isascii() and id.isdigit() and len(id) <= DIGITS else None


def explain_block(place: Place, data: bytes, block: Block) -> Unit:
    """The unit of a block."""
    note = "nothing to dispatch: there is no data"
    if block.event is not None:
        note = f"dispatches an event of type {block.event.type[:40]}"
    elif block.headless:
        note = "ends what began before the recording"
    lines = read_lines(block.payload, block.first, note, block.headless)
    said = [piece for piece in block.pieces if not piece.name]
    where = _places(said)
    kind = _kind(place, block, lines)
    value = CONNECTING if block.last else block.event
    note = _state(block) if place.complete else ""
    derived: tuple[Derived, ...] = ()
    if len(said) > 1:
        joined = Field("block", 0, len(block.payload), None, "", lines.fields)
        sources = tuple(Source(place.side, place.start + start, place.start + end) for _, start, end, _ in said)
        how = f"{len(said)} parts, the chunk framing between them removed"
        derived = (Derived("block", block.payload, joined, how, sources),)
    if block.event is not None and (data_lines := [line for line in lines.fields if line.name == "data"])[1:]:
        derived += (_joined(place, where, block.event, data_lines),)
    field = Field("block", 0, len(data), value, note, _tree(data, block.pieces, lines), None, derived)
    discards = _discards(where, block, lines, place.complete and not block.cut)
    return Unit("sse", kind, place, data, field, _findings(place, data, where, block, lines), discards, entitle)


def _kind(place: Place, block: Block, lines: Lines) -> str:
    names = {line.name for line in lines.fields}
    if not place.complete:
        return "block"
    if block.cut:
        return "cut off"
    if block.headless:
        return "end of a block"
    if block.event is not None:
        return "event"
    if names <= {"BOM", "blank line"}:
        return "blank line"
    return "comment" if names <= {"BOM", "blank line", "comment"} else "fields"


def _state(block: Block) -> str:
    """The stream's state after the block."""
    parts = [f'last event ID "{block.last_event_id}"'] if block.last_event_id else []
    if not block.known:
        parts = ["last event ID not known: it was set before the recording"]
    return ", ".join([*parts, *([f"reconnection time {block.retry} ms"] if block.retry is not None else [])])


def _tree(data: bytes, pieces: Sequence[Piece], lines: Lines) -> tuple[Field, ...]:
    """The unit's bytes: the lines themselves where they are in one piece, else the pieces; and the framing."""
    count, number = sum(not piece.name for piece in pieces), 0
    children: list[Field] = []
    for name, start, end, size in pieces:
        if name == "unparsed":
            children.append(unparsed(start, end, "no chunk"))
        elif name == "chunk size":
            children.append(Field(name, start, end, size, f"hexadecimal: {size} bytes follow"))
        elif name == "chunk extension":
            children.append(Field(name, start, end, data[start:end].decode("utf-8", "backslashreplace")))
        elif name:
            children.append(Field(name, start, end))
        elif count == 1:
            children += [line.shifted(start) for line in lines.fields]
        else:
            number += 1
            children.append(Field(f"part {number} of {count}", start, end, data[start:end]))
    return tuple(children)


def _places(said: Sequence[Piece]) -> Where:
    """What tells where a range of the stream's own bytes stands in the unit; framing inside it is included."""
    ends = list(accumulate(piece.end - piece.start for piece in said))

    def where(start: int, end: int) -> tuple[int, int]:
        first = bisect_right(ends, start)
        last = max(bisect_left(ends, end), first)
        return said[first].end - (ends[first] - start), said[last].end - (ends[last] - end)

    return where


def _joined(place: Place, where: Where, event: Event, data_lines: Sequence[Field]) -> Derived:
    """The data of an event that has several lines of it."""
    values = [child for line in data_lines for child in line.children if child.name == "value"]
    ranges = [where(value.start, value.end) for value in values]
    sources = tuple(Source(place.side, place.start + start, place.start + end) for start, end in ranges)
    text = event.data.encode()
    how = f"the values of {len(data_lines)} data lines, joined with LF"
    return Derived("data", text, Field("text", 0, len(text), event.data), how, sources)


def _discards(where: Where, block: Block, lines: Lines, whole: bool) -> tuple[Discard, ...]:
    if not whole:
        if not block.cut or not block.payload:
            return ()
        start, end = where(0, len(block.payload))
        return (Discard(start, end, "the stream ended before its blank line", READING),)
    found = []
    for each in lines.discards:
        start, end = where(each.start, each.end)
        found.append(each._replace(start=start, end=end))
    return tuple(found)


def _findings(place: Place, data: bytes, where: Where, block: Block, lines: Lines) -> tuple[Finding, ...]:
    if place.complete and not (lines.invalid or lines.split or block.silence or "id" in {f.name for f in lines.fields}):
        return ()
    found = [*block.silence]

    def blame(rule: Rule, start: int, end: int, detail: str = "") -> None:
        found.append(rule.at(*where(start, end), place.side, detail))

    if not place.complete:
        size = [piece for piece in block.pieces if piece.name == "chunk size"]
        if block.inside:
            start, end = (size[-1].start, size[-1].end) if size else (0, len(data))
            found.append(rules.INCOMPLETE.at(start, end, place.side))
        return tuple(found)
    if lines.invalid:
        blame(rules.UTF8, *lines.invalid)
    if not block.headless:
        for line in lines.split:
            blame(rules.DATA_SPLIT, line.start, line.end)
    ids = [line for line in lines.fields if line.name == "id" and "\0" not in str(line.value)]
    if ids and block.event is not None and block.event.last_event_id and block.event.type not in ANEW:
        rule, detail = _id_rule(block.event.last_event_id, block.ids)
        if rule is not None:
            blame(rule, ids[-1].start, ids[-1].end, detail)
    return tuple(found)


def _id_rule(id: str, ids: Ids) -> tuple[Rule | None, str]:
    """The rule that an event's own id breaks, if any."""
    number, resumed = numbered(id), numbered(ids.resumed or "")
    if id == ids.resumed or (number is not None and resumed is not None and number <= resumed):
        return rules.RESUME_IGNORED, f"the client named {ids.resumed} as its last, and {id} comes again"
    if id == ids.before:
        return rules.ID_REPEATED, ""
    if number is not None and number <= ids.highest:
        return rules.ID_BACKWARDS, f"id {id} comes after id {ids.highest}"
    return None, ""
