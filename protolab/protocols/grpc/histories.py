"""What changes from frame to frame, as plain data for views: the header tables, and the windows.

A ledger is a title, its changes (`label`, `title`, `inserted`, `evicted`, `referred`, as `view.Change` has them) and what the
table may hold. Levels are a title, series of (unit, value) with the units between which somebody waited, and notes for units.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.fields import Side
from protolab.protocols.grpc.flow import blocked, windows
from protolab.protocols.grpc.http2_conversation import Http2Conversation
from protolab.wire.hpack import INCREMENTAL, UPDATE, Block
from protolab.wire.hpack_fields import shown
from protolab.wire.hpack_table import FIRST_DYNAMIC


class Entry(NamedTuple):
    """An entry of a header table; `id` counts all that were ever added to it."""

    id: int
    name: str
    value: str
    size: int


class Change(NamedTuple):
    """What one header block did to a table."""

    label: str
    title: str
    inserted: tuple[Entry, ...]
    evicted: tuple[int, ...]
    referred: tuple[int, ...]


class History(NamedTuple):
    """A header table over the blocks that changed it or referred to it."""

    title: str
    changes: tuple[Change, ...]
    capacity: int | None


class Line(NamedTuple):
    """A window over the units: its value from each unit on, and between which units a side waited for it."""

    name: str
    points: tuple[tuple[int, float], ...]
    blocked: tuple[tuple[int, int], ...]


class Levels(NamedTuple):
    """Windows, and what moved them."""

    title: str
    series: tuple[Line, ...]
    unit: str
    notes: dict[int, str]


def tables(conversation: Http2Conversation) -> tuple[History, History]:
    """The dynamic header tables of what the client says and of what the server says, over the whole conversation."""
    client, server = (_table(conversation, side) for side in Side)
    return client, server


def _table(conversation: Http2Conversation, side: Side) -> History:
    changes: list[Change] = []
    known: set[int] = set()
    capacity: int | None = None
    for step in conversation.steps():
        if step.reading is None or step.place.side is not side:
            continue
        capacity = step.reading.block.after.limit
        change = _change(step.place.number, step.reading.stream, step.reading.block, known)
        if change.inserted or change.evicted or change.referred:
            changes.append(change)
    return History(f"the table of headers that the {side} says", tuple(changes), capacity)


def _change(unit: int, stream: int, block: Block, known: set[int]) -> Change:
    """What a block did. An entry that came and went in one block did both; what was there before the capture is left out."""
    inserted: dict[int, Entry] = {}
    evicted: list[int] = []
    referred: dict[int, None] = {}
    added = block.before.added
    for line in block.lines:
        if line.kind != UPDATE and line.refers >= FIRST_DYNAMIC:
            referred[added - 1 - (line.refers - FIRST_DYNAMIC)] = None
        evicted += [entry.number for entry in line.evicted]
        if line.kind == INCREMENTAL:
            if line.entry is not None:
                size = line.entry.size
                inserted[added] = Entry(added, shown(line.entry.name), shown(line.entry.value), size)
            added += 1
    known.update(inserted)
    gone = tuple(number for number in dict.fromkeys(evicted) if number in known)
    used = tuple(number for number in referred if number in known)
    known.difference_update(gone)
    saved = f"{len(block.headers)} headers, {block.saved} bytes saved"
    return Change(str(unit), f"stream {stream}: {saved}", tuple(inserted.values()), gone, used)


def levels(conversation: Http2Conversation, lane: int | None = None) -> Levels:
    """What each side may still send on the connection, and on one stream, or on the first that somebody waited on."""
    waits = blocked(conversation)
    if lane is None:
        lane = next((each.stream for each in waits), 0) or next(
            (w.stream for w in windows(conversation) if w.stream), 0
        )
    points: dict[tuple[int, Side], list[tuple[int, float]]] = {}
    notes: dict[int, str] = {}
    for window in windows(conversation):
        if window.stream in (0, lane):
            line = points.setdefault((window.stream, window.side), [])
            if not line and window.before is not None:
                line.append((0, window.before))
            line.append((window.unit, window.after))
            notes.setdefault(window.unit, f"{window.by}, from the {conversation.place(window.unit).side}")
    last = len(conversation)
    series = [
        Line(
            f"{side}, {f'stream {stream}' if stream else 'connection'}",
            tuple(found),
            tuple(
                (each.since, last if each.until is None else each.until)
                for each in waits
                if (each.side, each.stream) == (side, lane) and _of(each.window, stream)
            ),
        )
        for (stream, side), found in sorted(points.items())
    ]
    return Levels("what each side may still send", tuple(series), "bytes", notes)


def _of(window: str, stream: int) -> bool:
    """Whether "connection", "stream" or "both" is the connection's window (stream 0), or the stream's."""
    return window == "both" or (window == "connection") == (stream == 0)
