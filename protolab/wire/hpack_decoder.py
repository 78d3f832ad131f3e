"""The header blocks that one side says, one after another: `hpack.read` with the table carried on, and equal blocks read once."""

from __future__ import annotations

from protolab.wire import hpack
from protolab.wire.hpack import Block
from protolab.wire.hpack_table import DEFAULT_TABLE_SIZE, EMPTY, Table

# Calls repeat their headers: small blocks that change no table are read once, as long as the table stays as it is.
LONGEST_KEPT, MOST_KEPT = 512, 64  # bytes of such a block, and how many


class Decoder:
    """One side's header table between its blocks, and the blocks that left this very table as it is, by their bytes.

    >>> decoder = Decoder()
    >>> first = decoder.read(bytes.fromhex("4001610162"))  # a: b joins the table
    >>> decoder.read(b"\\xbe").headers, decoder.read(b"\\xbe") is decoder.read(b"\\xbe")
    ([(b'a', b'b')], True)
    """

    __slots__ = ("_known", "table")

    def __init__(self, table: Table = EMPTY) -> None:
        self.table = table
        self._known: dict[bytes, Block] = {}

    def __copy__(self) -> Decoder:
        other = Decoder(self.table)
        other._known = self._known  # both may add to it: what it says holds for the table, which both have
        return other

    def renew(self, table: Table) -> None:
        """Go on with another table."""
        self.table, self._known = table, {}  # not cleared: a copy may have the other

    def read(
        self, block: bytes, ceiling: int | None = DEFAULT_TABLE_SIZE, owed: int | None = None, origin: int = -1
    ) -> Block:
        """What the next block says (`hpack.read` tells what goes in and comes out); the table is the one after it."""
        found = self._known.get(block) if owed is None else None
        if found is None:
            found = hpack.read(block, self.table, ceiling, owed, origin)
            if found.after is not self.table:
                self.renew(found.after)
            elif len(self._known) < MOST_KEPT and _steady(block, found):
                self._known[block] = found
        return found


def _steady(block: bytes, read: Block) -> bool:
    """Whether a block says the same whenever it comes to the same table: a size update is judged by settings, too."""
    return 0 < len(block) <= LONGEST_KEPT and not read.problems and block[0] & 0xE0 != 0x20
