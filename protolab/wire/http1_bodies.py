"""HTTP/1.1 bodies, RFC 9112 sections 6 and 7: how long a body is, what a chunk is, where each part of a stream starts."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from protolab.fields import Field, Side, unparsed
from protolab.findings import Finding
from protolab.units import Unit
from protolab.wire import http1_rules as rules
from protolab.wire.http1 import Head, content_length, elements, head_end, request, response, trailers

# What kind of part a splitter found. LOOSE is what follows a chunk's data in place of their line end, REST what stands in
# place of a chunk: past either nothing says where the body ends.
HEAD, BODY, CHUNK, LAST_CHUNK, LOOSE, REST = range(6)

SIZE_LINE = re.compile(rb"(0*[0-9A-Fa-f]{1,16})([ \t]*(?:;[^\n]*?)?)(\r?\n)")  # of a chunk: size, extension, line end
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_EXTENSION = re.compile(
    rb'(?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|"(?:[\t -!#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*'
    % (_TOKEN, _TOKEN)
)
_BLANK = re.compile(rb"\n\r?\n")


class Framing(NamedTuple):
    """How the body after a head is delimited: "none", "length", "chunked" or "close" (until the stream ends)."""

    kind: str
    length: int = 0


def framing(head: Head, method: str | None = None) -> Framing:
    """RFC 9112 section 6.3. For a response pass the `method` of its request; for a request leave it out.

    Where a request does not say how long its body is, there is no telling what follows it: "close" as well.
    """
    status = head.status
    if method is not None and (
        method == "HEAD" or status < 200 or status in (204, 304) or (method == "CONNECT" and status < 300)
    ):
        return Framing("none")
    coding = head.get("Transfer-Encoding")
    if coding is not None:
        return Framing("chunked" if elements(coding.lower())[-1:] == ["chunked"] else "close")  # in any case: section 7
    if head.get("Content-Length") is not None:
        length = content_length(head)
        return Framing("close") if length is None else Framing("length", length) if length else Framing("none")
    return Framing("none") if method is None else Framing("close")


def chunk(data: bytes, side: Side) -> tuple[Field, tuple[Finding, ...]]:
    """One chunk, or the last one with its trailers: its tree, whose `chunk data` field holds the payload."""
    match = SIZE_LINE.match(data)
    if match is None:
        if b"\n" in data:
            return unparsed(0, len(data), "not a chunk"), (_no_chunk(data, side),)
        return unparsed(0, len(data), "cut off in the chunk's size"), ()
    size, stop = int(match[1], 16), match.end()
    findings = []
    children = [Field("chunk size", 0, match.end(1), size, f"hexadecimal: {size} bytes follow")]
    if match[2]:
        children.append(
            Field("chunk extension", match.start(2), match.end(2), match[2].decode("utf-8", "backslashreplace"))
        )
        if not _EXTENSION.fullmatch(match[2]):
            findings.append(rules.EXTENSION.at(*match.span(2), side))
    children.append(Field("line end", match.start(3), stop))
    if match[3] == b"\n":
        findings.append(rules.BARE_LF.at(match.start(3), stop, side))
    if not size:
        after, wrong = trailers(data, stop, side)
        return Field("last chunk", 0, len(data), None, "", (*children, *after)), (*findings, *wrong)
    body = min(stop + size, len(data))
    if body > stop:
        children.append(Field("chunk data", stop, body, data[stop:body], "" if body == stop + size else "cut off"))
    if body < len(data):
        children.append(Field("line end", body, len(data)))
        if data[body:] == b"\n":
            findings.append(rules.BARE_LF.at(body, body + 1, side))
    return Field("chunk", 0, len(data), None, "", tuple(children)), tuple(findings)


def part(kind: int, side: Side, data: bytes) -> tuple[str, Field, tuple[Finding, ...]]:
    """A part that a `Splitter` found: what to call it, its tree, and the rules it breaks."""
    if kind == HEAD:
        head = request(data) if side is Side.CLIENT else response(data)
        return head.field.name, head.field, head.findings
    if kind in (CHUNK, LAST_CHUNK):
        field, findings = chunk(data, side)
        return field.name, field, findings
    if kind == BODY:
        return "body", Field("body", 0, len(data), data), ()
    field = unparsed(0, len(data), "no chunk, so nothing says where the body ends")
    if kind == LOOSE:
        return "rest", field, (rules.CHUNK_END.at(0, min(2, len(data)), side),)
    return "rest", field, (_no_chunk(data, side),)


def _no_chunk(data: bytes, side: Side) -> Finding:
    """The finding on the line that stands where a chunk's size must."""
    return rules.CHUNK_SIZE.at(0, len(data.partition(b"\n")[0].rstrip(b"\r")) or 1, side)


def entitle(unit: Unit) -> str:
    """A part's line in the ladder: the start line of a head, the size of a body or chunk."""
    if unit.kind.endswith("head"):
        if not unit.place.complete:
            return f"{unit.kind}, {len(unit.data)} bytes so far"
        line = next((child for child in unit.field.children if child.name in ("request line", "status line")), None)
        parts = [str(part.value) for part in line.children if part.name not in ("space", "line end")] if line else []
        return " ".join(parts) or f"{unit.kind} that cannot be read"
    if unit.kind == "last chunk":
        return "last chunk"
    size = next(
        (
            len(field.value)
            for field in unit.field.children
            if field.name == "chunk data" and isinstance(field.value, bytes)
        ),
        len(unit.data),
    )
    return f"{unit.kind}, {size} bytes" + ("" if unit.place.complete else " so far")


class Splitter:
    """Where the heads, bodies and chunks of one HTTP/1.1 connection start, on both sides; resumable when bytes are added.

    `kinds[side]` says what each part is, beside the `starts` that `split` appends to. After a 101 the rest of
    both streams belongs to another protocol, from the offsets in `upgraded` on.
    """

    def __init__(self) -> None:
        self.kinds = (bytearray(), bytearray())
        self.at = [0, 0]
        self.upgraded: list[int | None] = [None, None]  # where another protocol's bytes begin
        self.waiting = False  # the client asked to change protocols and has no answer yet
        self._methods: deque[str] = deque()  # of requests that have no response yet
        self._bodies: list[Framing] = [Framing("none"), Framing("none")]

    def split(self, streams: Sequence[bytearray], starts: Sequence[array[int]], ended: Sequence[bool]) -> None:
        """Move past every part that is complete. `ended[side]` says that nothing more will come from that side."""
        moved = True
        while moved:  # the client first: what a response means depends on its request
            while self._step(Side.CLIENT, streams[0], starts[0], ended[0]):
                continue
            moved = self._step(Side.SERVER, streams[1], starts[1], ended[1])

    def _step(self, side: Side, stream: bytearray, starts: array[int], ended: bool) -> bool:
        at, body = self.at[side], self._bodies[side]
        if side is Side.CLIENT and body.kind == "none" and self.upgraded[Side.SERVER] is not None:
            self.upgraded[side] = at if self.upgraded[side] is None else self.upgraded[side]
        if at >= len(stream) or self.upgraded[side] is not None:
            return False
        if body.kind == "length":
            end, kind = at + body.length, BODY
            if end <= len(stream):
                self._bodies[side] = Framing("none")
        elif body.kind == "chunked":
            end, kind = self._chunk_end(stream, at)
            if kind == LAST_CHUNK and end > 0:
                self._bodies[side] = Framing("none")
            elif kind in (LOOSE, REST):
                self._bodies[side] = Framing("loose" if kind == LOOSE else "rest")
                if kind == REST:
                    return True
                kind = CHUNK
        elif body.kind == "none":
            if side is Side.CLIENT and self.waiting:
                return False
            end, kind = head_end(stream, at), HEAD
            if end > 0:
                self._read_head(side, bytes(stream[at:end]), end)
        else:
            end, kind = (len(stream) if ended else -1), _LASTING[body.kind]
        if not 0 <= end <= len(stream):
            return False
        starts.append(at)
        self.kinds[side].append(kind)
        self.at[side] = end
        return True

    def kind(self, side: Side, starts: array[int], start: int) -> int | None:
        """The kind of the part that starts at `start`, whole or not; None when it belongs to another protocol."""
        kinds, upgraded = self.kinds[side], self.upgraded[side]
        if upgraded is not None and start >= upgraded:
            return None
        index = bisect_right(starts, start, 0, len(kinds)) - 1 if kinds else -1
        if index >= 0 and starts[index] == start:
            return kinds[index]
        body = self._bodies[side].kind
        return _LASTING.get(body, {"none": HEAD, "chunked": CHUNK}.get(body, BODY))

    @staticmethod
    def _chunk_end(stream: bytearray, at: int) -> tuple[int, int]:
        """Where the chunk at `at` ends, or -1, and what it is; LOOSE for one whose data are not followed by a line end."""
        match = SIZE_LINE.match(stream, at)
        if match is None:
            return -1, (REST if stream.find(b"\n", at) >= 0 else CHUNK)
        if size := int(match[1], 16):
            end = match.end() + size
            ending = bytes(stream[end : end + 2])
            if ending[:1] == b"\n" or ending == b"\r\n":
                return end + ending.index(b"\n") + 1, CHUNK
            return (-1, CHUNK) if ending in (b"", b"\r") else (end, LOOSE)
        blank = _BLANK.search(stream, match.end() - 1)  # the size's own line end may be the first of the two
        return (blank.end() if blank else -1), LAST_CHUNK

    def _read_head(self, side: Side, data: bytes, end: int) -> None:
        """Learn from a head that ends at `end` how its body is delimited, and whether the connection changes protocols."""
        if side is Side.CLIENT:
            head = request(data)
            self._methods.append(head.start[0])
            self._bodies[side] = framing(head)
            self.waiting = head.get("Upgrade") is not None or head.start[0] == "CONNECT"
            return
        head = response(data)
        if 100 <= head.status < 200 and head.status != 101:
            return
        method = self._methods.popleft() if self._methods else "GET"
        self._bodies[side] = framing(head, method)
        if head.status == 101 or (method == "CONNECT" and 200 <= head.status < 300):
            self.upgraded[side] = end
        self.waiting = self.waiting and bool(self._methods)  # the last request is the one that asked


_LASTING = {"close": BODY, "loose": LOOSE, "rest": REST}  # what lasts until the stream ends
