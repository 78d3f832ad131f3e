"""The Huffman code of HPACK, RFC 7541 section 5.2 and appendix B: decoded a byte at a time, by a table built as it is used.

The code is canonical: sorted by length and symbol, each code is the one before it plus one. So the lengths say it all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

EOS = 256  # must never be said; its first bits are what padding is made of
LENGTHS = bytes.fromhex(  # in bits, of the code of each byte from 0 to 255, and of EOS (appendix B)
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b0a0a080b08060606"
    "0505050606060606060607080f060c0a0d06070707070707070707070707070707070707070707070807080d130d0e06"
    "0f05060506050606060507070606060506070605050607070707070f0b0e0d1c14161414161616171617171717171817"
    "181816171817171717151617161717181615141616171715171616181516171715151615171617171416161617161617"
    "1a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b14181415161515171616191918181a17"
    "1a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a1e"
)
LONGEST_KEPT = 256  # bytes of a string that is remembered with its decoding


class Decoded(NamedTuple):
    """A string as far as it could be decoded, and what is wrong with it: "" when it is whole, else why it is an error."""

    text: bytes
    wrong: str = ""


class _Node(dict[int, "tuple[_Node, bytes]"]):
    """A place in the code's tree, as the table of its bytes: each leads to another place and says whole symbols on the way.

    A byte's row is worked out when it is first met, so the table is as large as what was decoded made it.
    """

    def __init__(self, depth: int = 0, padding: bool = True) -> None:
        self.branches: list[_Node | int] = []  # of bit 0 and bit 1: a further place, or a symbol
        self.depth = depth
        self.padding = padding  # whether only ones lead here

    def __missing__(self, byte: int) -> tuple[_Node, bytes]:
        node, said = self, bytearray()
        for shift in range(7, -1, -1):
            branch = node.branches[byte >> shift & 1]
            if isinstance(branch, _Node):
                node = branch
            elif branch == EOS:
                node = _DEAD
                break
            else:
                said.append(branch)
                node = _ROOT
        self[byte] = step = (node, bytes(said))
        return step


def _build() -> tuple[_Node, tuple[tuple[int, int], ...]]:
    """The tree's root, and each symbol's code with its length."""
    root, codes = _Node(), [(0, 0)] * len(LENGTHS)
    code, before = 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(LENGTHS)):
        code <<= length - before
        codes[symbol], before, node = (code, length), length, root
        for shift in range(length - 1, 0, -1):
            bit = code >> shift & 1
            if bit == len(node.branches):  # codes ascend, so bit 0 was met before bit 1
                node.branches.append(_Node(node.depth + 1, node.padding and bit == 1))
            branch = node.branches[bit]
            assert isinstance(branch, _Node)
            node = branch
        node.branches.append(symbol)
        code += 1
    return root, tuple(codes)


_DEAD = _Node()  # after EOS: nothing that follows can be known
_ROOT, CODES = _build()


def decode(data: bytes) -> Decoded:
    """The string that Huffman-coded bytes say; never raises.

    Wrong are EOS, more than seven bits of padding, and padding that is not ones (section 5.2).

    >>> decode(bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff"))
    Decoded(text=b'www.example.com', wrong='')
    >>> decode(b"\\xff\\xff\\xff\\xff").wrong
    'EOS must not be said'
    """
    return _remembered(data) if len(data) <= LONGEST_KEPT else _decode(data)


def _decode(data: bytes) -> Decoded:
    node, parts = _ROOT, []
    for byte in data:
        node, said = node[byte]
        parts.append(said)
        if node is _DEAD:
            return Decoded(b"".join(parts), "EOS must not be said")
    wrong = ""
    if node.depth > 7:
        wrong = f"{node.depth} bits of padding: at most 7 may be"
    elif not node.padding:
        wrong = "the padding must be ones, the first bits of EOS"
    return Decoded(b"".join(parts), wrong)


_remembered = lru_cache(4096)(_decode)


def encode(text: bytes) -> bytes:
    """The Huffman code of a string, padded with ones to whole bytes.

    >>> encode(b"www.example.com").hex()
    'f1e3c2e5f23a6ba0ab90f4ff'
    """
    bits = "".join([format(code, f"0{length}b") for code, length in map(CODES.__getitem__, text)])
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8) if bits else b""


def symbols(data: bytes) -> list[tuple[int, int, int]]:
    """Each byte that Huffman-coded data say, with the half-open range of its bits: what a lesson lays out.

    >>> symbols(b"\\x1f\\xff")[:1]
    [(97, 0, 5)]
    """
    found, node, start = [], _ROOT, 0
    for position in range(len(data) * 8):
        branch = node.branches[data[position >> 3] >> 7 - (position & 7) & 1]
        if isinstance(branch, _Node):
            node = branch
        elif branch == EOS:
            break
        else:
            found.append((branch, start, position + 1))
            node, start = _ROOT, position + 1
    return found
