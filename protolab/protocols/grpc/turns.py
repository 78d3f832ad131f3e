"""What each frame does to the connection, and which rules it breaks there: one function for each type of RFC 9113 section 6."""

from __future__ import annotations

from collections.abc import Callable

from protolab.fields import CLIENT, SERVER, Side
from protolab.protocols.grpc import blocks, frames, rules, settings
from protolab.protocols.grpc.connection import FRAME, START, State, Step
from protolab.protocols.grpc.peer import MOST_PINGS, Fragments, Moved, Peer
from protolab.protocols.grpc.states import ANY, IN_BLOCK, NOTHING, PREFACED, RESERVED_LOCAL, RESERVED_REMOTE
from protolab.protocols.grpc.streams import ENDED, HEADERS, NO_HEADERS, UNKNOWN, Stream, pair, windowed
from protolab.units import Place
from protolab.wire import http2
from protolab.wire.http2 import HEAD_SIZE, LARGEST_WINDOW, PREFACE, Head, read_head
from protolab.wire.http2_settings import ENABLE_PUSH, MAX_CONCURRENT_STREAMS

_STREAM_ID = (5, 9)
_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every frame


def take(state: State, place: Place, data: bytes, kind: str) -> Step:
    """Move the state past a unit of that kind, and say what it did. A unit that is not complete moves nothing."""
    head = read_head(data) if kind is FRAME else None
    step = Step(kind, place, data, head)
    if head is not None:
        _frame(state, step, head)
    elif kind is START:
        if data != PREFACE and not (not place.complete and PREFACE.startswith(data)):
            wrong = next((at for at, (a, b) in enumerate(zip(data, PREFACE, strict=False)) if a != b), 0)
            step.breaks(rules.PREFACE, wrong, len(data))
        if place.complete:
            state.peers[place.side].state = PREFACED
    step.tables = (state.peers[0].decoder.table, state.peers[1].decoder.table)
    return step


def _frame(state: State, step: Step, head: Head) -> None:
    _, side, _, _, _, complete = step.place
    peer, other = state.peers[side], state.peers[1 - side]
    frames.judge(step, head)
    if head.length > http2.DEFAULT_FRAME_SIZE and head.length > (most := other.largest_frame()):
        says = f"{head.length} bytes of payload: the {other.side} takes at most {most}"
        step.breaks(rules.FRAME_SIZE, 0, 3, says)
    if not peer.started:
        _judge_first(step, peer, head)
    if peer.fragments is not None:
        _judge_open_block(step, peer, peer.fragments, head)
    if not complete:
        return
    peer.started = True
    if peer.state is not IN_BLOCK:
        peer.state = ANY
    if frames.too_small(head.length, head.type, head.flags):
        return
    beyond = other.goaway is not None and head.stream > other.goaway
    if beyond and state.opener(head.stream) is peer:
        step.discard(f"the {other.side} has said that it takes nothing beyond stream {other.goaway}", "6.8")
    if head.stream or head.type not in http2.ON_STREAM:
        _TURNS.get(head.type, _unknown)(state, step, head, peer, other)


def _judge_first(step: Step, peer: Peer, head: Head) -> None:
    """Section 3.4: the preface, then SETTINGS."""
    if peer.state is NOTHING and peer.side is CLIENT:
        step.breaks(rules.PREFACE, 0, HEAD_SIZE, "there is no preface before this")
    if head.type != http2.SETTINGS:
        step.breaks(rules.FIRST_SETTINGS, 3, 4, f"the {peer.side}'s first frame is {head.name}")
    elif head.flags & http2.ACK:
        step.breaks(rules.FIRST_SETTINGS, 4, 5, f"the {peer.side}'s first frame acknowledges, it sets nothing")


def _judge_open_block(step: Step, peer: Peer, block: Fragments, head: Head) -> None:
    """Section 4.3: between the frames of a header block nothing else may come, on no stream and of no type."""
    if head.type != http2.CONTINUATION:
        step.breaks(rules.INTERRUPTED, 3, 4, f"the header block of stream {block.stream} is open")
    elif head.stream != block.stream:
        step.breaks(rules.INTERRUPTED, *_STREAM_ID, f"the header block that is open is of stream {block.stream}")


# What each type does.


def _data(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    side, length, number, beyond, name = peer.side, head.length, head.stream, 0, "the connection"
    stream = state.find(step, head)
    if peer.window is not None and length:
        before = peer.window
        peer.window = after = before - length
        step.moves = (_new(Moved, (0, side, before, after)),)
        beyond = max(-after, 0)
    if stream is not None and length and (window := stream.windows[side]) is not None:
        step.moves += (_new(Moved, (number, side, window, window - length)),)
        stream = windowed(stream, side, window - length)
        if length > window and length - window >= beyond:
            beyond, name = length - window, f"stream {number}"
    if beyond:
        _judge_window(step, head, beyond, name)
    if stream is None:
        return
    if stream.said[side] == NO_HEADERS:
        step.breaks(rules.DATA_FIRST, 3, 4)
        stream = stream._replace(said=pair(stream.said, side, UNKNOWN))
    end = head.flags & http2.END_STREAM > 0
    if stream.announced[side] >= 0:
        stream = _counted(step, head, stream, side, end)
    state.move(step, head, stream, end)


def _counted(step: Step, head: Head, stream: Stream, side: Side, end: bool) -> Stream:
    """Section 8.1.1: the bytes of DATA against content-length."""
    start, stop = http2.content(step.data, head)
    sent, announced = stream.sent[side] + max(stop - start, 0), stream.announced[side]
    if sent > announced or (end and sent < announced):
        says = f"{sent} bytes of content: content-length says {announced}"
        step.breaks(rules.CONTENT_LENGTH, start if sent > announced else 0, stop, says)
    return stream._replace(sent=pair(stream.sent, side, sent))


def _judge_window(step: Step, head: Head, beyond: int, name: str) -> None:
    size = len(step.data)
    count = min(beyond, head.length)
    says = f"{count} byte{'' if count == 1 else 's'} more than {name} has room for"
    step.breaks(rules.BEYOND_WINDOW, size - count, size, says)


def _headers(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    data, number = step.data, head.stream
    if head.flags & http2.PRIORITY_FLAG:
        at = HEAD_SIZE + (1 if head.flags & http2.PADDED else 0)
        _judge_dependency(step, number, at)
    before = len(step.findings), len(step.discards)
    stream = state.find(step, head, opening=True)
    astray = len(step.findings) > before[0]
    if stream is None and not astray and len(step.discards) == before[1]:
        stream = _opened(state, step, number, peer, other)
    if stream is not None:
        stream = state.move(step, head, stream, bool(head.flags & http2.END_STREAM))
    blocks.begin(state, step, head, peer, *http2.content(data, head), astray=astray)


def _opened(state: State, step: Step, number: int, peer: Peer, other: Peer) -> Stream:
    """A stream that this frame opens, rightly or not: past a breach the decoder goes on as if it had been right."""
    if state.opener(number) is not peer:
        if peer.side is CLIENT:
            step.breaks(rules.PARITY, *_STREAM_ID, f"a client cannot open stream {number}: it is even")
    elif (most := other.settings.get(MAX_CONCURRENT_STREAMS)) is not None and peer.open >= most and not state.midway:
        says = f"{peer.open} streams are open: the {other.side} allows {most}"
        step.breaks(rules.CONCURRENT, *_STREAM_ID, says)
    if state.opener(number) is peer:
        peer.last = max(peer.last, number)
    step.opened = number
    return Stream(windows=(state.peers[0].initial, state.peers[1].initial))


def _push_promise(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    data, at = step.data, HEAD_SIZE + (1 if head.flags & http2.PADDED else 0)
    promised = int.from_bytes(data[at : at + 4]) & LARGEST_WINDOW
    if peer.side is CLIENT:
        step.breaks(rules.CLIENT_PUSH, 3, 4)
    elif other.settings.get(ENABLE_PUSH) == 0:
        step.breaks(rules.PUSH_DISABLED, 3, 4)
    stream = state.find(step, head)
    if stream is not None:
        state.move(step, head, stream)
    if not promised or promised % 2 == (peer.side is SERVER):
        step.breaks(rules.PARITY, at, at + 4, f"a {peer.side} cannot promise stream {promised}")
    elif promised <= peer.last and not state.midway:
        step.breaks(rules.ORDER, at, at + 4, f"stream {promised} was promised after stream {peer.last}")
    elif promised not in state.streams:
        peer.last = max(peer.last, promised)
        reserved = Stream((RESERVED_REMOTE, RESERVED_LOCAL), (None, peer.initial), (ENDED, 0), (HEADERS, NO_HEADERS))
        step.stream, step.opened = state.put(promised, reserved), promised
    blocks.begin(state, step, head, peer, *http2.content(data, head), promised)


def _continuation(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    blocks.go_on(state, step, head, peer)


def _priority(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    _judge_dependency(step, head.stream, HEAD_SIZE)


def _judge_dependency(step: Step, number: int, at: int) -> None:
    if int.from_bytes(step.data[at : at + 4]) & LARGEST_WINDOW == number:
        step.breaks(rules.SELF_DEPENDENCY, at, at + 4)


def _rst_stream(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    if (stream := state.find(step, head)) is not None:
        state.move(step, head, stream)


def _settings(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    settings.said(state, step, head)


def _ping(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    said = step.data[HEAD_SIZE:]
    if not head.flags & http2.ACK:
        peer.pings = (*peer.pings, (said, step.place.number))[-MOST_PINGS:]
        return
    for index, (asked, number) in enumerate(other.pings):
        if asked == said:
            step.answers, other.pings = number, other.pings[:index] + other.pings[index + 1 :]
            return
    if not state.midway:
        step.discard("there is no PING that this answers", "6.7")


def _goaway(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    last = int.from_bytes(step.data[HEAD_SIZE : HEAD_SIZE + 4]) & LARGEST_WINDOW
    if peer.goaway is not None and last > peer.goaway:
        step.breaks(rules.GOAWAY_RAISED, HEAD_SIZE, HEAD_SIZE + 4, f"stream {last}, after stream {peer.goaway}")
    peer.goaway = last if peer.goaway is None else min(last, peer.goaway)


def _window_update(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    increment = int.from_bytes(step.data[HEAD_SIZE:]) & LARGEST_WINDOW
    if not increment:
        rule = rules.WINDOW_ZERO if head.stream else rules.CONNECTION_WINDOW_ZERO
        step.breaks(rule, HEAD_SIZE, HEAD_SIZE + 4)
    if not head.stream:
        before = other.window
        if before is not None:
            other.window = _grown(step, before, increment, Moved(0, other.side, before, before + increment))
        return
    stream = state.find(step, head)
    if stream is None:
        return
    before = stream.windows[other.side]
    if before is not None:
        after = _grown(step, before, increment, Moved(head.stream, other.side, before, before + increment))
        stream = windowed(stream, other.side, after)
    state.move(step, head, stream)


def _grown(step: Step, before: int, increment: int, grown: Moved) -> int:
    """A window after an update; it never holds more than it can."""
    if before + increment > LARGEST_WINDOW:
        says = f"{before} and {increment} bytes make a window of more than {LARGEST_WINDOW}"
        rule = rules.STREAM_WINDOW_OVERFLOW if grown.stream else rules.WINDOW_OVERFLOW
        step.breaks(rule, HEAD_SIZE, HEAD_SIZE + 4, says)
        grown = grown._replace(after=LARGEST_WINDOW)
    step.moves = (grown,)
    return grown.after


def _priority_update(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    if peer.side is SERVER:
        step.breaks(rules.SERVER_PRIORITY_UPDATE, 3, 4)
    elif not head.stream and not int.from_bytes(step.data[HEAD_SIZE : HEAD_SIZE + 4]) & LARGEST_WINDOW:
        step.breaks(rules.PRIORITY_UPDATE_ZERO, HEAD_SIZE, HEAD_SIZE + 4)


def _other(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    """A frame of an extension that is known by name: it moves nothing here."""


def _unknown(state: State, step: Step, head: Head, peer: Peer, other: Peer) -> None:
    step.discard("a frame of a type that HTTP/2 does not know", "5.5")


Turn = Callable[[State, Step, Head, Peer, Peer], None]
_TURNS: dict[int, Turn] = {
    http2.DATA: _data,
    http2.HEADERS: _headers,
    http2.PRIORITY: _priority,
    http2.RST_STREAM: _rst_stream,
    http2.SETTINGS: _settings,
    http2.PUSH_PROMISE: _push_promise,
    http2.PING: _ping,
    http2.GOAWAY: _goaway,
    http2.WINDOW_UPDATE: _window_update,
    http2.CONTINUATION: _continuation,
    http2.ALTSVC: _other,
    http2.ORIGIN: _other,
    http2.PRIORITY_UPDATE: _priority_update,
}
