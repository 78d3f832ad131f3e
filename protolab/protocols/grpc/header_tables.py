"""HPACK's dynamic tables as data: how both stand after a unit, and what that unit did to them (RFC 7541 section 2.3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from protolab.fields import Side
from protolab.protocols.grpc.connection import Step
from protolab.protocols.grpc.http2_conversation import Http2Conversation
from protolab.wire.hpack import INCREMENTAL, UPDATE, Block
from protolab.wire.hpack_fields import text
from protolab.wire.hpack_table import FIRST_DYNAMIC, Entry

ADDED, REFERRED, EVICTED = "added", "referred to", "evicted"


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of a table: its index (None: it was evicted), name and value (None: not known), the size it counts, the unit
    that added it (None: not known), and what this unit did with it, or "".
    """

    index: int | None
    name: str | bytes | None
    value: str | bytes | None
    size: int
    unit: int | None
    change: str


class HeaderTable(NamedTuple):
    """The dynamic table of the headers that `side` sends. `limit` is None while it is not known, `lost` says why there may be
    older entries than these; `saved` is how many bytes this unit's header block is shorter than its headers written out.
    """

    side: Side
    size: int
    limit: int | None
    lost: str
    saved: int
    rows: tuple[Row, ...]


def tables(conversation: Http2Conversation, number: int) -> tuple[HeaderTable, HeaderTable]:
    """Both dynamic tables as they stand after unit `number`, the newest entry first, then what the unit evicted.

    IndexError: there is no such unit.
    """
    if number < 0:
        number += len(conversation)
    if not 0 <= number < len(conversation):
        raise IndexError(f"no unit {number}: this conversation has {len(conversation)}")
    step = next(conversation.steps(number))
    client, server = (_table(step, side) for side in Side)
    return client, server


def _table(step: Step, side: Side) -> HeaderTable:
    table = step.tables[side]
    block = step.reading.block if step.reading is not None and step.place.side is side else None
    changes, evicted = _changes(block) if block is not None else ({}, [])
    rows = [_row(FIRST_DYNAMIC + at, entry, changes.get(entry.number, "")) for at, entry in enumerate(table.entries)]
    rows += [_row(None, entry, EVICTED) for entry in evicted]
    return HeaderTable(side, table.size, table.limit, table.lost, block.saved if block else 0, tuple(rows))


def _row(index: int | None, entry: Entry, change: str) -> Row:
    unit = entry.origin if entry.origin >= 0 else None
    return Row(index, text(entry.name), text(entry.value), entry.size, unit, change)


def _changes(block: Block) -> tuple[dict[int, str], list[Entry]]:
    """By an entry's number, what the block did with it last; and the entries that it evicted."""
    changes: dict[int, str] = {}
    evicted: list[Entry] = []
    added = block.before.added
    for line in block.lines:
        evicted += line.evicted
        if line.kind == UPDATE:
            continue
        if line.refers >= FIRST_DYNAMIC:
            changes.setdefault(added - 1 - (line.refers - FIRST_DYNAMIC), REFERRED)
        if line.kind == INCREMENTAL:
            changes[added] = ADDED
            added += 1
    return changes, evicted
