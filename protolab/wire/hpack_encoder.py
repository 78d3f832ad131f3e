"""Building HPACK header blocks, RFC 7541: single representations, right or wrong, and an encoder that keeps a table.

`indexed`, `literal` and `size_update` write one representation as the caller chooses. `Encoder` chooses as a plain peer
would: by index where it can, else adding to the table, else as it is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from protolab.wire import huffman
from protolab.wire.hpack import INCREMENTAL, NEVER, PLAIN, read
from protolab.wire.hpack_table import STATIC, Table

_PATTERNS = {INCREMENTAL: (0x40, 6), PLAIN: (0x00, 4), NEVER: (0x10, 4)}


def integer(value: int, bits: int, pattern: int = 0) -> bytes:
    """An integer with a prefix of `bits` bits (section 5.1), the bits before it from `pattern`.

    >>> integer(1337, 5).hex()
    '1f9a0a'
    """
    most = (1 << bits) - 1
    if value < most:
        return bytes([pattern | value])
    said, value = [pattern | most], value - most
    while value >= 128:
        said.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*said, value])


def string(text: bytes, coded: bool | None = None) -> bytes:
    """A string literal (section 5.2); Huffman-coded or not, or when `coded` is None whatever is shorter.

    >>> string(b"no-cache").hex(), string(b"no-cache", coded=False).hex()
    ('86a8eb10649cbf', '086e6f2d6361636865')
    """
    code = huffman.encode(text) if coded is not False else b""
    if coded or (coded is None and len(code) < len(text)):
        return integer(len(code), 7, 0x80) + code
    return integer(len(text), 7) + text


def indexed(index: int) -> bytes:
    """An indexed header field (section 6.1).

    >>> indexed(2)
    b'\\x82'
    """
    return integer(index, 7, 0x80)


def literal(name: bytes | int, value: bytes, kind: int = INCREMENTAL, coded: bool | None = None) -> bytes:
    """A literal header field (section 6.2) of kind INCREMENTAL, PLAIN or NEVER; its name is spelled, or an index.

    >>> literal(b"custom-key", b"custom-header", coded=False).hex()
    '400a637573746f6d2d6b65790d637573746f6d2d686561646572'
    """
    pattern, bits = _PATTERNS[kind]
    spelled = integer(name, bits, pattern) if isinstance(name, int) else bytes([pattern]) + string(name, coded)
    return spelled + string(value, coded)


def size_update(size: int) -> bytes:
    """A dynamic table size update (section 6.3).

    >>> size_update(0), size_update(4096).hex()
    (b' ', '3fe11f')
    """
    return integer(size, 5, 0x20)


class Encoder:
    """One direction's encoder: `table` is its dynamic table, as the peer that reads it has it, too."""

    def __init__(self, coded: bool | None = None) -> None:
        self.coded = coded  # as for `string`
        self.table = Table()
        self._resized: list[int] = []

    def resize(self, size: int) -> None:
        """Take another table size; the next block begins by saying so (section 4.2)."""
        self._resized.append(size)

    def encode(self, headers: Iterable[tuple[bytes, bytes]], kind: int = INCREMENTAL) -> bytes:
        """A header block. A header that stands in a table is indexed, unless it is NEVER to be; others are of that kind."""
        # The smallest size since the last block, then the last one: the peer must see both (section 4.2).
        sizes = [min(self._resized), self._resized[-1]] if self._resized else []
        self._resized = []
        block = b"".join(map(size_update, sizes[-1:] if len(set(sizes)) < 2 else sizes))
        self.table = read(block, self.table, ceiling=None).after
        for name, value in headers:
            said = self._one(name, value, kind)
            self.table = read(said, self.table, ceiling=None).after
            block += said
        return block

    def _one(self, name: bytes, value: bytes, kind: int) -> bytes:
        spelled: bytes | int = name
        for index, entry in enumerate((*STATIC, *self.table.entries), 1):
            if entry.name == name:
                if entry.value == value and kind != NEVER:
                    return indexed(index)
                if spelled is name:
                    spelled = index
        return literal(spelled, value, kind, self.coded)
