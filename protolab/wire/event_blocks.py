"""Where the blocks of an event stream end inside an HTTP/1.1 connection: each is what the ladder draws as one arrow.

A block ends with a blank line (WHATWG HTML section 9.2.5). The bytes of one are contiguous: chunk framing (RFC 9112
section 7.1) stays where it stands, between or inside lines, and `pieces` tells the two apart.

A CR may be followed by the LF that belongs to it, so a block that ends with CR is not complete before the next byte has
come or the stream is over; one that ends with its chunk takes the chunk's own line end along.
"""

from __future__ import annotations

import re
import sys
from array import array
from typing import NamedTuple

from protolab.fields import Side
from protolab.wire.event_stream import BOM
from protolab.wire.http1 import Head, elements, response
from protolab.wire.http1_bodies import REST, SIZE_LINE, Framing, Splitter

BLOCK, CUT, BROKEN = range(
    REST + 1, REST + 4
)  # kinds of parts: a block, one that the stream's end cut off, not a chunk
PLAIN = sys.maxsize  # what is left of a "chunk" where there are none

_BLANK = re.compile(rb"(?>\r\n?|\n)(?>\r\n?|\n)")
_NEXT_CHUNK = re.compile(rb"(?:\r\n)?[0-9A-Fa-f]{1,8}\r\n")  # what stands between two chunks, or before the first
_NEXT_CHUNK_PART = re.compile(rb"\r|(?:\r\n)?[0-9A-Fa-f]{0,8}\r?")
_TYPE = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+/[!#$%&'*+\-.^_`|~0-9a-z]+")
_CR, _LF = 13, 10


class Piece(NamedTuple):
    """A range of a block's bytes: "" for the stream's own, else the name of the framing that it is."""

    name: str
    start: int
    end: int
    size: int = 0  # of a chunk, in its "chunk size"


def essence(head: Head) -> str:
    """The media type that Content-Type names, without parameters, in lower case; "" when it is missing.

    Of several the last that is one counts: Fetch, extract a MIME type.

    >>> essence(response(b"HTTP/1.1 200 OK\\r\\nContent-Type: a/b, Text/Event-Stream;charset=utf-8, */*\\r\\n\\r\\n"))
    'text/event-stream'
    """
    said = [each.partition(";")[0].strip(" \t").lower() for each in elements(head.get("Content-Type") or "")]
    return next((each for each in reversed(said) if _TYPE.fullmatch(each) and each != "*/*"), ", ".join(said))


def announces(head: Head) -> bool:
    """Whether a response is an event stream whose bytes can be read: 200, the right type, and nothing compressed."""
    return head.status == 200 and essence(head) == "text/event-stream" and not compressed(head)


def compressed(head: Head) -> str:
    """The codings of a body that nothing here undoes, "" when there are none: RFC 9110 section 8.4, RFC 9112 section 6.1."""
    said = [each for name in ("Content-Encoding", "Transfer-Encoding") for each in elements(head.get(name) or "")]
    return ", ".join(each for each in said if each.lower() not in ("identity", "chunked"))


def pieces(data: bytes, left: int, seeking: bool = False) -> tuple[list[Piece], int, bool]:
    """A block's bytes as stream and framing, given what is `left` of the chunk that it begins in (0: a size comes first).

    Returns the pieces, what is left of the last chunk, and whether chunks are still to be recognised (`seeking`).
    """
    found: list[Piece] = []
    at = 0
    if seeking and (match := _NEXT_CHUNK.match(data)):
        at, left, seeking = (2 if match[0][:1] == b"\r" else 0), 0, False
        found += [Piece("chunk line end", 0, at)] if at else []
    while at < len(data):
        if not left:
            match = SIZE_LINE.match(data, at)
            if match is None:
                found.append(Piece("unparsed", at, len(data)))
                break
            left = int(match[1], 16)
            found.append(Piece("chunk size", at, match.end(1), left))
            if match[2]:
                found.append(Piece("chunk extension", match.start(2), match.end(2)))
            found.append(Piece("chunk line end", match.start(3), match.end()))
            at = match.end()
        end = min(at + left, len(data))
        if end > at:
            found.append(Piece("", at, end))
        if left != PLAIN:
            left -= end - at
        at = end
        if not left and at < len(data):
            end = min(at + (2 if data[at] == _CR else 1), len(data))
            found.append(Piece("chunk line end", at, end))
            at = end
    return found, left, seeking


class Blocks:
    """Where the blocks of one response end: `step` goes on from where the last one ended, and looks at no byte twice."""

    def __init__(self, framing: Framing, at: int, seeking: bool = False) -> None:
        self.chunked = framing.kind == "chunked"
        self.seeking = seeking  # the recording began midway: not known yet whether there are chunks
        self.over = ""  # "end", or "broken" when no chunk stands where one must
        self.pos = at  # of the next byte to look at
        self.done = -1  # where the block ends unless a LF follows; -1 as long as no blank line was seen
        self._left = 0 if self.chunked else framing.length if framing.kind == "length" else PLAIN
        self._closing = False  # the chunk's data are over, its line end comes
        self._begun = False  # the block has
        self._in_line = False  # the line has
        self._after_cr = False
        self._bom = -1 if seeking else 0  # how many bytes of a BOM begin the stream; -1 when past that
        self._cr = at  # no CR stands in [pos, _cr)
        self._looked = at  # for a chunk's line end

    def step(self, stream: bytearray, ended: bool) -> int:
        """The end of the next block, or -1 when it has not come yet or the stream is `over`."""
        while not self.over:
            if not self._left and not (self._close_chunk(stream) if self._closing else self._open_chunk(stream)):
                return -1
            if self.done >= 0 and not self._after_cr:
                return self.finish(self.done)
            if not self._left:
                continue
            if self.seeking and self._seek(stream):
                continue
            stop = min(len(stream), self.pos + self._left)
            if self.pos >= stop:
                self.over = "end" if ended and self._left == PLAIN else ""
                return -1
            if self.seeking and not ended and self._waits(stream):
                return -1
            begin, self._begun = self.pos, True
            if self._after_cr:
                self._after_cr = False
                if stream[begin] == _LF:
                    self.pos += 1
                    self.done = self.pos if self.done >= 0 else -1
                elif self.done >= 0:
                    return self.finish(self.done)
            if self.done < 0:
                self._scan(stream, stop)
            if self._left != PLAIN:
                self._left -= self.pos - begin
                if not self._left:
                    self._closing = self.chunked
                    self.over = "" if self.chunked else "end"
            if self.done >= 0 and not self._after_cr and not self._closing:
                return self.finish(self.done)
        return -1

    def finish(self, end: int) -> int:
        """The block ends at `end`: begin the next one."""
        self.done, self._begun, self._in_line, self._after_cr = -1, False, False, False
        return end

    def _open_chunk(self, stream: bytearray) -> bool:
        """Read a chunk's size; False when it has not come, or the stream is over."""
        if not self.chunked:
            self.over = "end"
            return False
        end = stream.find(b"\n", max(self.pos, self._looked))
        if end < 0:
            self._looked = len(stream)
            return False
        match = SIZE_LINE.fullmatch(stream, self.pos, end + 1)
        if match is None or not (size := int(match[1], 16)):
            self.over = "end" if match else "broken"
            return False
        self.pos, self._left = match.end(), size
        return True

    def _close_chunk(self, stream: bytearray) -> bool:
        """Read a chunk's line end; False when it has not come, or something else stands there."""
        ending = bytes(stream[self.pos : self.pos + 2])
        if ending[:1] == b"\n":
            self.pos += 1
        elif ending == b"\r\n":
            self.pos += 2
        else:
            self.over = "" if ending in (b"", b"\r") else "broken"
            return False
        self._closing = False
        self.done = self.pos if self.done >= 0 else -1
        return True

    def _scan(self, stream: bytearray, stop: int) -> None:
        """Look for a blank line in the stream's bytes up to `stop`; move `pos` past it, or to `stop`."""
        while self._bom >= 0 and self.pos < stop:
            if stream[self.pos] != BOM[self._bom]:
                self._in_line, self._bom = self._bom > 0, -1
                break
            self.pos, self._bom = self.pos + 1, self._bom + 1
            if self._bom == len(BOM):
                self._bom = -1
        at = self.pos
        if at >= stop:
            return
        if not self._in_line and stream[at] in b"\r\n":
            end = at + (2 if stream[at] == _CR and at + 1 < stop and stream[at + 1] == _LF else 1)
        else:
            end = self._find(stream, at, stop)
        if end >= 0:
            self.pos = self.done = end
        else:
            self.pos, end = stop, stop
            self._in_line = stream[end - 1] not in b"\r\n"
        self._after_cr = stream[end - 1] == _CR and end == stop

    def _find(self, stream: bytearray, at: int, stop: int) -> int:
        """The end of the next blank line after a line end in [at, stop), or -1. Without a CR a plain search will do."""
        if self._cr < stop and (self._cr <= at or stream[self._cr] != _CR):
            found = stream.find(b"\r", max(at, self._cr), stop)
            self._cr = stop if found < 0 else found
        found = stream.find(b"\n\n", at, min(self._cr, stop))
        if found >= 0:
            return found + 2
        match = _BLANK.search(stream, at, stop) if self._cr < stop else None
        return match.end() if match else -1

    def _seek(self, stream: bytearray) -> bool:
        """At the start of a block in a recording that began midway: whether it turns out that there are chunks here."""
        match = _NEXT_CHUNK.match(stream, self.pos) if not self._begun else None
        if match is not None:
            self._closing = match[0][:1] == b"\r"
            self.chunked, self.seeking, self._left = True, False, 0
        return match is not None

    def _waits(self, stream: bytearray) -> bool:
        """Whether what stands here may yet turn out to be what is between two chunks."""
        return not self._begun and _NEXT_CHUNK_PART.fullmatch(stream[self.pos : self.pos + 12]) is not None


class StreamSplitter(Splitter):
    """The parts of an HTTP/1.1 connection, where the body of an event stream falls into its blocks.

    A response without a body that is followed by one all the same (to HEAD, or with 204) has what follows as one body.
    """

    def __init__(self, midway: bool = False) -> None:
        super().__init__()
        self.blocks: Blocks | None = None
        self._midway = midway  # and nothing of the server's was looked at yet
        self.broken: int | None = None  # where chunks stop being chunks
        self._bodiless = False  # the last response has no body

    def _step(self, side: Side, stream: bytearray, starts: array[int], ended: bool) -> bool:
        if side is Side.SERVER and self._midway and stream:
            if len(stream) < 5 and b"HTTP/".startswith(stream) and not ended:
                return False
            self._midway = False
            if not stream.startswith(b"HTTP/"):
                self.blocks = Blocks(Framing("close"), 0, seeking=True)
        if side is Side.CLIENT or (self.blocks is None and not self._bodiless):
            return super()._step(side, stream, starts, ended)
        if self.blocks is None:
            first = bytes(stream[self.at[side] : self.at[side] + 5])
            if first.lstrip(b"\r\n") and not b"HTTP/".startswith(first):
                self._bodies[side] = Framing("close")
            if len(first) == 5 or self._bodies[side].kind == "close":
                self._bodiless = False
            return super()._step(side, stream, starts, ended)
        return self._block_step(self.blocks, stream, starts, ended)

    def _block_step(self, blocks: Blocks, stream: bytearray, starts: array[int], ended: bool) -> bool:
        at, side = self.at[Side.SERVER], Side.SERVER
        end, kind = blocks.step(stream, ended), BLOCK
        if end < 0 and blocks.done >= 0 and (blocks.over or ended):  # no LF follows the CR any more
            end = blocks.finish(blocks.done)
        elif end < 0 and blocks.over:
            end, kind = blocks.pos, CUT
            self.blocks = None
            if blocks.over == "broken":
                self.broken = end
                self._bodies[side] = Framing("close")
            else:
                self._bodies[side] = Framing("chunked" if blocks.chunked else "none")
        if end < 0:
            return False
        if end > at:
            starts.append(at)
            self.kinds[side].append(kind)
            self.at[side] = end
        return True

    def kind(self, side: Side, starts: array[int], start: int) -> int | None:
        """The kind of the part that starts at `start`, whole or not."""
        if side is Side.SERVER and self.broken is not None and start >= self.broken:
            return BROKEN
        if side is Side.SERVER and self.blocks is not None and start >= self.at[side]:
            return BLOCK
        return super().kind(side, starts, start)

    def _read_head(self, side: Side, data: bytes, end: int) -> None:
        super()._read_head(side, data, end)
        if side is Side.SERVER:
            head = response(data)
            self._bodiless = self._bodies[side].kind == "none" and head.status >= 200
            if self._bodies[side].kind != "none" and announces(head):
                self.blocks = Blocks(self._bodies[side], end)
