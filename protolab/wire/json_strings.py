"""JSON strings, RFC 8259 section 7: escapes undone, with a map from each byte of the outcome back to where it came from."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from typing import NamedTuple

from protolab.findings import Rule
from protolab.wire.json_rules import CONTROL, ESCAPE, SURROGATE, UTF8

_SHORT = {b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t"}
_PIECE = re.compile(
    rb"(?P<run>(?:[\x20-\x5b\x5d-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})++)"
    rb"|\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    rb'|\\(?:(?P<short>["\\/bfnrt])|u(?P<code>[0-9a-fA-F]{4}))'
    rb"|(?P<wrong>\\[\x00-\x7f]?)|(?P<control>[\x00-\x1f])|(?P<bytes>.)",
    re.S,
)


class Piece(NamedTuple):
    """A part of a string: a run of characters that stand as they are, one escape, or what must not stand there."""

    name: str
    start: int
    end: int
    text: str
    rule: Rule | None = None
    detail: str = ""


class Strand(NamedTuple):
    """A string without its escapes, as UTF-8, and a map back: `decoded[i]` and `source[i]` are where piece i begins."""

    data: bytes
    decoded: array[int]
    source: array[int]

    def source_of(self, start: int, end: int) -> tuple[int, int]:
        """The half-open range of the JSON text that [start, end) of `data` was written in.

        >>> made = strand(b'"a\\\\nbc"', 1, 6)
        >>> made.data, made.source_of(1, 2), made.source_of(2, 4)
        (b'a\\nbc', (2, 4), (4, 6))
        """
        first = self._at(start, False)
        return first, max(self._at(end - 1, True) if end > start else first, first)

    def _at(self, at: int, past: bool) -> int:
        index = min(bisect_right(self.decoded, at), len(self.decoded) - 1) - 1
        if index < 0:
            return self.source[0]
        begins, ends = self.decoded[index : index + 2]
        first, last = self.source[index : index + 2]
        if last - first == ends - begins:  # it stands as it is
            return min(first + at - begins + past, last)
        return last if past or at >= ends else first


def pieces(data: bytes, start: int, end: int) -> list[Piece]:
    """The pieces of what stands between a string's quotes, from `start` to `end` of `data`."""
    found = []
    for match in _PIECE.finditer(data, start, end):
        where = match.span()
        if match["run"] is not None:
            found.append(Piece("characters", *where, match["run"].decode()))
        elif match["high"] is not None:
            pair = (int(match["high"], 16) - 0xD800 << 10) + int(match["low"], 16) - 0xDC00 + 0x10000
            found.append(Piece("escape", *where, chr(pair)))
        elif match["short"] is not None:
            found.append(Piece("escape", *where, _SHORT[match["short"]]))
        elif match["code"] is not None:
            code = int(match["code"], 16)
            found.append(Piece("escape", *where, chr(code), SURROGATE if 0xD800 <= code < 0xE000 else None))
        elif match["wrong"] is not None:
            found.append(Piece("unparsed", *where, match["wrong"].decode("utf-8", "replace"), ESCAPE))
        elif match["control"] is not None:
            found.append(Piece("control character", *where, match["control"].decode(), CONTROL))
        else:
            found.append(Piece("unparsed", *where, "\N{REPLACEMENT CHARACTER}", UTF8))
    return found


def strand(data: bytes, start: int, end: int) -> Strand:
    """What [start, end) of `data`, the inside of a string token, says: without escapes, half surrogates as U+FFFD."""
    decoded, source = array("Q", [0]), array("Q", [start])
    parts = []
    size = 0
    for piece in pieces(data, start, end):
        part = piece.text.encode("utf-8", "surrogatepass")
        if piece.rule is SURROGATE:
            part = "\N{REPLACEMENT CHARACTER}".encode()
        parts.append(part)
        size += len(part)
        decoded.append(size)
        source.append(piece.end)
    return Strand(b"".join(parts), decoded, source)
