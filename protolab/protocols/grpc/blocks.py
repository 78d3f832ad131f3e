"""Header blocks: put together over CONTINUATION, read with the sender's table, and judged as what they are to their stream."""

from __future__ import annotations

from protolab.fields import CLIENT, SERVER, Side, Source
from protolab.findings import Rule
from protolab.protocols.grpc import headers, rules
from protolab.protocols.grpc.connection import State, Step
from protolab.protocols.grpc.headers import REQUEST, RESPONSE, Breach, Meaning
from protolab.protocols.grpc.peer import Fragments, Peer, Reading
from protolab.protocols.grpc.states import ANY, IN_BLOCK
from protolab.protocols.grpc.streams import HEADERS, NO_HEADERS, NOT_COUNTED, TRAILERS, UNKNOWN, Stream, pair
from protolab.wire import http2
from protolab.wire.hpack import Block
from protolab.wire.hpack_decoder import LONGEST_KEPT
from protolab.wire.hpack_table import Table
from protolab.wire.http2 import END_HEADERS, END_STREAM, HEAD_SIZE, Head

MOST_MEANINGS = 64  # that are kept, of the blocks that came last
_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every block
_NONE: tuple[Source, ...] = ()
_LOST = Table(limit=None, lost="in a header block that was never finished")


def begin(
    state: State, step: Step, head: Head, peer: Peer, start: int, end: int, promised: int = 0, astray: bool = False
) -> None:
    """A frame that begins a header block with the unit's bytes [start, end); `promised` is PUSH_PROMISE's stream.

    `astray` says that it may not stand on its stream: then its block moves the header table, and is judged no further.

    Where the padding is longer than what there is, the frame has no such bytes (`http2.content`).
    """
    if peer.fragments is not None:  # the one before was never finished, and what it would have added is not known
        peer.decoder.renew(_LOST._replace(added=peer.decoder.table.added))
        peer.fragments, peer.state = None, ANY
    if start > end:
        step.lost = "its padding leaves no room for the header block"
        peer.decoder.renew(_LOST._replace(added=peer.decoder.table.added))
        return
    data = step.data[start:end]
    ends = bool(head.type == http2.HEADERS and head.flags & END_STREAM)
    if head.flags & END_HEADERS:
        _read(state, step, peer, Fragments(None, data, None, head.type, head.stream, promised, ends, astray), start)
        return
    source = Source(peer.side, step.place.start + start, step.place.start + end)
    peer.fragments = Fragments(None, data, source, head.type, head.stream, promised, ends, astray)
    peer.state = IN_BLOCK


def go_on(state: State, step: Step, head: Head, peer: Peer) -> None:
    """CONTINUATION: the next part of the open block, or of none."""
    block = peer.fragments
    if block is None:
        if state.midway and not peer.decoder.table.added:
            step.lost = "the header block began before the capture"
        else:
            step.breaks(rules.CONTINUATION_ALONE, 3, 4)
        return
    if head.stream != block.stream:  # of another block, of which nothing is known
        step.lost = f"the header block that is open is of stream {block.stream}"
        return
    source = Source(peer.side, step.place.start + HEAD_SIZE, step.place.end)
    whole = block._replace(before=block, data=step.data[HEAD_SIZE:], source=source)
    if head.flags & END_HEADERS:
        peer.fragments, peer.state = None, ANY
        _read(state, step, peer, whole, HEAD_SIZE)
    else:
        peer.fragments = whole


def _read(state: State, step: Step, peer: Peer, last: Fragments, start: int) -> None:
    """A block that is whole now: its last part begins at the unit's byte `start`."""
    if last.before is None:
        data, skipped, sources = last.data, 0, _NONE
    else:
        parts = last.parts()
        data = b"".join([part.data for part in parts])
        skipped = len(data) - len(last.data)
        sources = tuple([part.source for part in parts if part.source is not None])
    block = peer.decoder.read(data, peer.ceiling, peer.owed, step.place.number)
    peer.owed = None
    for what, first, end, says in block.problems:
        breaks(step, rules.HPACK[what], first, end, says, start, skipped)
    meaning = None if last.astray else _judge(state, step, peer, last, data, block, start, skipped)
    step.reading = Reading(data, block, meaning, last.stream, last.promised, start, skipped, sources)


def _judge(
    state: State, step: Step, peer: Peer, last: Fragments, data: bytes, block: Block, start: int, skipped: int
) -> Meaning:
    """What the block means to its stream, and the rules of section 8 that it breaks."""
    side, number = peer.side, last.stream
    pushed = last.type == http2.PUSH_PROMISE
    first = REQUEST if side is CLIENT or pushed else RESPONSE
    stream = state.streams.get(number) or state.closed.get(number)
    said = stream.said[side] if stream is not None else UNKNOWN
    if said == UNKNOWN:  # before the recording: pseudo-headers tell
        opens = any(line.name is not None and line.name[:1] == b":" for line in block.lines)
        kind = first if opens or pushed else headers.TRAILERS
    else:
        kind = first if said == NO_HEADERS or pushed else headers.TRAILERS
    binary = state.midway or state.peers[1 - side].takes_binary()
    meaning, breaches = _meaning(peer, data, block, kind, binary)
    for rule, at, end, says in breaches:
        breaks(step, rule, at, end, says, start, skipped)
    if kind == headers.TRAILERS:
        if not last.end and said == HEADERS:
            step.breaks(rules.TRAILERS_LAST, 4, 5)
    elif meaning.interim and last.end:
        step.breaks(rules.INTERIM_LAST, 4, 5)
    if stream is None or pushed:
        return meaning
    announced, sent = _announced(stream, side, kind, meaning), stream.sent[side]
    if last.end and sent < announced[side]:
        says = f"{sent} bytes of content: content-length says {announced[side]}"
        breaks(step, rules.CONTENT_LENGTH, 0, len(data), says, start, skipped)
    if number in state.streams:
        now = TRAILERS if kind == headers.TRAILERS else NO_HEADERS if meaning.interim else HEADERS
        stream = stream._replace(said=pair(stream.said, side, now), announced=announced)
        step.stream = state.streams[number] = stream
    return meaning


def _announced(stream: Stream, side: Side, kind: str, meaning: Meaning) -> tuple[int, int]:
    """The stream's content-lengths after a header block; what HEAD asked for has no content, nor have 204 and 304."""
    announced, pseudo = stream.announced, meaning.pseudo
    if kind == REQUEST and pseudo.get(b":method") == b"HEAD":
        return pair(announced, SERVER, NOT_COUNTED)
    if meaning.length is None or kind == headers.TRAILERS or meaning.interim or announced[side] == NOT_COUNTED:
        return announced
    unknown = side is SERVER and (stream.said[CLIENT] == UNKNOWN or pseudo.get(b":status") in (b"204", b"304"))
    return announced if unknown else pair(announced, side, meaning.length)


def _meaning(peer: Peer, data: bytes, block: Block, kind: str, binary: bool) -> tuple[Meaning, list[Breach]]:
    """`headers.judge`, done once for a block that the decoder read once for many frames."""
    known = peer.meanings.get((data, kind, binary))
    if known is not None and known[0] is block:
        return known[1], known[2]
    meaning, breaches = headers.judge(block, kind, binary)
    if len(data) <= LONGEST_KEPT:
        if len(peer.meanings) >= MOST_MEANINGS:
            peer.meanings.clear()
        peer.meanings[data, kind, binary] = block, meaning, breaches
    return meaning, breaches


def breaks(step: Step, rule: Rule, first: int, end: int, says: str, start: int, skipped: int) -> None:
    """A rule that the block's bytes [first, end) break; where they stand in an earlier frame, it is this unit's whole part."""
    if end > skipped:
        step.breaks(rule, max(first - skipped, 0) + start, max(end, first + 1) - skipped + start, says)
    else:
        says = f"{says or rule.says} (bytes {first} to {end} of the header block, in a frame before)"
        step.breaks(rule, start, len(step.data), says)
