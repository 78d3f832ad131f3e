"""HPACK header blocks, RFC 7541: each representation at its bytes, and the dynamic table as it stands after every one.

`read` takes a block and a table and gives what the block says and the table after it; nothing is changed in place, so a
table can be kept, compared and shown at any moment. It never raises: what is wrong becomes a `Problem` at its bytes, and
reading goes on past it where the format allows. A table of which not all is known (the recording began late) gives lines
whose name or value is None, and `why`; positions count from the newest entry, so everything after stays right.
`hpack_fields` explains a block to the bit, `hpack_encoder` builds any.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.wire import huffman
from protolab.wire.hpack_primitives import integer, integer_size, string
from protolab.wire.hpack_table import (
    DEFAULT_TABLE_SIZE,
    EMPTY,
    FIRST_DYNAMIC,
    MOST_ENTRIES,
    STATIC,
    Entry,
    Table,
)

INDEXED, INCREMENTAL, PLAIN, NEVER, UPDATE = range(5)
KINDS = ("indexed", "literal, added to the table", "literal, not added", "literal, never added", "table size update")
PREFIX = (7, 6, 4, 4, 5)  # bits of the integer that each of them begins with, after its pattern (section 6)

MOST_LINES = 16384  # of a block that are read: the rest stays unparsed, and the table after it is a hole

# What a `Problem` is called.
INDEX_ZERO, INDEX_BEYOND, INTEGER_LONG, HUFFMAN, CUT = "index 0", "index beyond", "integer", "huffman", "cut"
UPDATE_LATE, UPDATE_LARGE, UPDATE_MISSING = "update late", "update large", "update missing"


class Line(NamedTuple):
    """One representation: the block's bytes [start, end), and the header that it says; None is what cannot be known.

    `refers` is the index that it refers to, 0 for none; for a table size update it is the new size. `entry` is the dynamic
    entry that it refers to or adds, `evicted` those that had to go for it. `why` says what keeps it from being known.
    """

    start: int
    end: int
    kind: int
    refers: int
    name: bytes | None
    value: bytes | None
    entry: Entry | None = None
    evicted: tuple[Entry, ...] = ()
    why: str = ""

    @property
    def saved(self) -> int:
        """Bytes that it is shorter than the same header written out: no table, no Huffman code."""
        if self.name is None or self.value is None:
            return 0
        name, value = len(self.name), len(self.value)
        size = (
            3 + name + value
            if name < 127 > value
            else 1 + name + integer_size(name, 7) + value + integer_size(value, 7)
        )
        return size - (self.end - self.start)


class Problem(NamedTuple):
    """What is wrong at the block's bytes [start, end)."""

    what: str
    start: int
    end: int
    says: str


class Block(NamedTuple):
    """What a header block says. `end` is where its lines end: the rest, if any, could not be read."""

    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]
    before: Table
    after: Table
    end: int

    @property
    def headers(self) -> list[tuple[bytes | None, bytes | None]]:
        """Name and value of each header in order."""
        return [(line[4], line[5]) for line in self.lines if line[2] != UPDATE]

    @property
    def saved(self) -> int:
        """Bytes that the block is shorter than its headers written out."""
        return sum(line.saved for line in self.lines)


def read(
    block: bytes,
    table: Table = EMPTY,
    ceiling: int | None = DEFAULT_TABLE_SIZE,
    owed: int | None = None,
    origin: int = -1,
) -> Block:
    """What a whole header block says, and the table after it.

    `ceiling` is SETTINGS_HEADER_TABLE_SIZE in force, None when it is not known; `owed` is the lowest that it was since the
    block before, where it was changed: an encoder whose table is larger owes an update (RFC 9113 section 4.3.1).
    `origin` marks the entries that the block adds.

    >>> read(bytes.fromhex("828684410f7777772e6578616d706c652e636f6d")).headers[2:]
    [(b':path', b'/'), (b':authority', b'www.example.com')]
    """
    return _Reader(block, table, ceiling, owed, origin).read()


_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every header
_UNREAD = "what stands in its entry could not be read"


class _Reader:
    """One block being read."""

    __slots__ = (
        "added",
        "block",
        "ceiling",
        "entries",
        "late",
        "limit",
        "lines",
        "lost",
        "origin",
        "owed",
        "problems",
        "size",
        "table",
    )

    def __init__(self, block: bytes, table: Table, ceiling: int | None, owed: int | None, origin: int) -> None:
        self.block, self.table, self.ceiling, self.owed, self.origin = block, table, ceiling, owed, origin
        self.entries, self.size, self.limit, self.added, self.lost = table
        self.lines: list[Line] = []
        self.problems: list[Problem] = []
        self.late = False  # an update came after a header

    def read(self) -> Block:
        block, lines, size = self.block, self.lines, len(self.block)
        entries, static, append, at = self.entries, STATIC, lines.append, 0
        if self.owed is not None and self.limit is not None and self.limit > self.owed:
            self._judge_owed()
        while at < size and len(lines) < MOST_LINES:
            first = block[at]
            if 0x80 < first < 0xFF:  # by far the most lines: one byte that says it all
                index = first - 0x80
                if index < 62:
                    name, value, _, _ = static[index - 1]
                    append(_new(Line, (at, at + 1, 0, index, name, value, None, (), "")))
                    at += 1
                    continue
                if index - 62 < len(entries):
                    entry = entries[index - 62]
                    name, value, _, _ = entry
                    why = _UNREAD if name is None or value is None else ""
                    append(_new(Line, (at, at + 1, 0, index, name, value, entry, (), why)))
                    at += 1
                    continue
            if first >= 0x80:
                end = self._indexed(at)
            elif first & 0xE0 == 0x20:
                end = self._update(at)
            else:
                end = self._literal(at, first)
            if end < 0:
                break
            entries, at = self.entries, end
        if at < size and len(lines) == MOST_LINES:  # what the rest does to the table is not known
            entries, self.size, self.lost = (), 0, f"before the end of a block of more than {MOST_LINES} headers"
        after = _new(Table, (entries, self.size, self.limit, self.added, self.lost))
        if entries is self.table[0] and after == self.table:  # comparing is cheap then: the entries are the same object
            after = self.table
        return _new(Block, (tuple(lines), tuple(self.problems), self.table, after, at))

    def _indexed(self, at: int) -> int:
        """An index that takes more than a byte, or refers to what is not there (section 6.1)."""
        index, end, long = integer(self.block, at, 7)
        if not self._whole(at, end, long):
            return -1
        entry, why = (_UNKNOWN, _LONG) if long else self._get(index, at, end)
        name, value = entry[:2]
        shown = entry if entry.number >= 0 else None
        self.lines.append(_new(Line, (at, end, INDEXED, index, name, value, shown, (), why)))
        return end

    def _literal(self, at: int, first: int) -> int:
        """A literal (section 6.2): its name by index or spelled, its value spelled."""
        block = self.block
        kind, bits = (INCREMENTAL, 6) if first & 0x40 else (NEVER if first & 0x10 else PLAIN, 4)
        index, why = first & ((1 << bits) - 1), ""
        position: int = at + 1
        if index == (1 << bits) - 1:
            index, position, long = integer(block, at, bits)
            if not self._whole(at, position, long):
                return -1
            if long:
                index, why = -1, _LONG
        if index:
            entry, why = (_UNKNOWN, _LONG) if why else self._get(index, at, position)
            name = entry[0]
        else:
            name, position = self._string(at, position)
            if position < 0:
                return -1
        value, end = self._string(at, position)
        if end < 0:
            return -1
        if name is None or value is None:
            why = why or "it could not be decoded"
        added: Entry | None = None
        evicted: tuple[Entry, ...] = ()
        if kind == INCREMENTAL:
            added = _new(Entry, (name, value, self.added, self.origin))
            evicted = self._insert(added)
        self.lines.append(_new(Line, (at, end, kind, index, name, value, added, evicted, why)))
        return end

    def _string(self, at: int, start: int) -> tuple[bytes | None, int]:
        """The string at `start` of the representation at `at`, and where it ends, -1 when it is cut off."""
        block = self.block
        length = block[start] if start < len(block) else 0x7F
        if length < 0x7F:  # short and plain, or short and Huffman-coded: nearly all of them
            if (end := start + 1 + length) <= len(block):
                return block[start + 1 : end], end
        elif 0x80 <= length < 0xFF and (end := start + length - 0x7F) <= len(block):
            text, wrong = huffman.decode(block[start + 1 : end])
            if not wrong:
                return text, end
        said = string(block, start)
        if said.wrong:
            self._problem(HUFFMAN, said.start, said.end, said.wrong)
        elif said.long:
            end = said.start if said.start > 0 else len(block)
            self._problem(INTEGER_LONG, start, end, f"a string's length: {_LONG}")
        elif said.end < 0:
            self._problem(CUT, at, len(block), "the block ends inside a representation")
        return said.text, said.end

    def _insert(self, entry: Entry) -> tuple[Entry, ...]:
        """Add an entry; returns those that had to go. One larger than the table empties it and is not added (section 4.4)."""
        size = entry.size
        evicted: tuple[Entry, ...] = ()
        if self.limit is not None and self.size + size > self.limit:
            evicted = self._shrink(self.limit - size)
        if self.limit is None or size <= self.limit:
            self.entries = (entry, *self.entries)
            self.size += size
            if len(self.entries) > MOST_ENTRIES:
                self.size -= self.entries[-1].size
                self.entries, self.lost = self.entries[:-1], f"older than the {MOST_ENTRIES} entries that are kept"
        self.added += 1
        return evicted

    def _shrink(self, room: int) -> tuple[Entry, ...]:
        """Evict the oldest entries until the table holds at most `room` bytes (sections 4.3 and 4.4)."""
        entries, size = self.entries, self.size
        keep = len(entries)
        while keep and size > room:
            keep -= 1
            size -= entries[keep].size
        self.entries, self.size = entries[:keep], size
        if keep < len(entries):
            self.lost = ""  # whatever was older went before these
        return entries[keep:]

    def _update(self, at: int) -> int:
        """A dynamic table size update (section 6.3)."""
        size, end, long = integer(self.block, at, 5)
        if not self._whole(at, end, long):
            return -1
        if self.lines and (self.late or self.lines[-1].kind != UPDATE):
            self.late = True
            self._problem(UPDATE_LATE, at, end, "a table size update may stand only at the beginning of a block")
        if self.ceiling is not None and size > self.ceiling and not long:
            says = f"a table of {size} bytes: the peer's SETTINGS_HEADER_TABLE_SIZE allows {self.ceiling}"
            self._problem(UPDATE_LARGE, at, end, says)
        self.limit = size
        evicted = self._shrink(size)
        if size == 0:
            self.lost = ""  # what was not known is gone, too
        self.lines.append(Line(at, end, UPDATE, size, None, None, None, evicted))
        return end

    def _judge_owed(self) -> None:
        """Where the peer lowered the limit, the block must begin with an update that obeys it."""
        first = self.block[0] if self.block else 0
        size = integer(self.block, 0, 5).value if first & 0xE0 == 0x20 else self.limit
        large = size is not None and self.ceiling is not None and first & 0xE0 == 0x20 and size > self.ceiling
        if size is not None and self.owed is not None and size > self.owed and not large:
            says = (
                f"the peer allows a table of {self.owed} bytes now: the block must begin with an update to at most that"
            )
            self._problem(UPDATE_MISSING, 0, min(1, len(self.block)), says)

    def _get(self, index: int, start: int, end: int) -> tuple[Entry, str]:
        """The entry at an index, and why it is not known."""
        if 0 < index < FIRST_DYNAMIC:
            return STATIC[index - 1], ""
        if 0 <= index - FIRST_DYNAMIC < len(self.entries):
            entry = self.entries[index - FIRST_DYNAMIC]
            return entry, _UNREAD if None in entry else ""
        if index == 0:
            self._problem(INDEX_ZERO, start, end, "index 0 refers to nothing")
            return _UNKNOWN, "index 0 refers to nothing"
        if self.lost:
            return _UNKNOWN, self.lost
        says = f"index {index}: the tables end at {FIRST_DYNAMIC - 1 + len(self.entries)}"
        self._problem(INDEX_BEYOND, start, end, says)
        return _UNKNOWN, says

    def _whole(self, at: int, end: int, long: bool) -> bool:
        """Whether an integer is all there; what is wrong with it is noted."""
        if long:
            self._problem(INTEGER_LONG, at, end if end > 0 else len(self.block), _LONG)
        elif end < 0:
            self._problem(CUT, at, len(self.block), "the block ends inside a representation")
        return end >= 0

    def _problem(self, what: str, start: int, end: int, says: str) -> None:
        self.problems.append(Problem(what, start, end, says))


_UNKNOWN = Entry(None, None)
_LONG = "an integer of 2 to the power of 32 or more, or of more bytes than that takes"
