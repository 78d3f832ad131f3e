"""Text from strangers, made plain: nothing in it can hide, reorder, break a line, or command a terminal; and its width."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


@lru_cache(maxsize=4096)
def _safe(char: str) -> str:
    if char.isprintable():  # not: control, format (bidi, zero width), surrogate, private, unassigned, odd spaces
        return char
    code = ord(char)
    return _NAMED.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def printable(text: str) -> str:
    r"""The text on one line, with everything that could hide, reorder or break it written as an escape.

    >>> printable("a\x00b\u202e\n")
    'a\\x00b\\u202e\\n'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_safe, text))


def width(text: str) -> int:
    """How many columns of a terminal the text takes: two for wide East Asian characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
