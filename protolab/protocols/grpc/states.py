"""The states of RFC 9113 as tables: of a stream as one peer sees it (section 5.1), and of what a side may send next.

The decoder moves streams by `STREAM` (`streams.moved`), and a step through a conversation shows both; each stream has a
`STREAM` of its own.
"""

from __future__ import annotations

from protolab.fields import Side
from protolab.machines import Machine
from protolab.units import Unit
from protolab.wire import http2

# Section 5.1, figure 2. Each frame is an event, "sends DATA" or "receives DATA"; END_STREAM on it is another, after it.
IDLE, OPEN, CLOSED = "idle", "open", "closed"
RESERVED_LOCAL, RESERVED_REMOTE = "reserved (local)", "reserved (remote)"
HALF_LOCAL, HALF_REMOTE = "half-closed (local)", "half-closed (remote)"
_ALL = (IDLE, RESERVED_LOCAL, RESERVED_REMOTE, OPEN, HALF_LOCAL, HALF_REMOTE, CLOSED)


def _stays(state: str, *events: str) -> dict[tuple[str, str], str]:
    return {(state, event): state for event in events}


STREAM = Machine(
    "stream",
    IDLE,
    {
        (IDLE, "sends HEADERS"): OPEN,
        (IDLE, "receives HEADERS"): OPEN,
        (IDLE, "is promised by it"): RESERVED_LOCAL,
        (IDLE, "is promised to it"): RESERVED_REMOTE,
        (RESERVED_LOCAL, "sends HEADERS"): HALF_REMOTE,
        (RESERVED_LOCAL, "receives WINDOW_UPDATE"): RESERVED_LOCAL,
        (RESERVED_REMOTE, "receives HEADERS"): HALF_LOCAL,
        (RESERVED_REMOTE, "sends WINDOW_UPDATE"): RESERVED_REMOTE,
        **{
            (OPEN, f"{does} {name}"): OPEN
            for does in ("sends", "receives")
            for name in ("HEADERS", "DATA", "PUSH_PROMISE", "WINDOW_UPDATE")
        },
        (OPEN, "sends END_STREAM"): HALF_LOCAL,
        (OPEN, "receives END_STREAM"): HALF_REMOTE,
        **_stays(HALF_LOCAL, "receives HEADERS", "receives DATA", "receives PUSH_PROMISE"),
        **_stays(HALF_LOCAL, "sends WINDOW_UPDATE", "receives WINDOW_UPDATE"),
        (HALF_LOCAL, "receives END_STREAM"): CLOSED,
        **_stays(HALF_REMOTE, "sends HEADERS", "sends DATA", "sends PUSH_PROMISE"),
        **_stays(HALF_REMOTE, "sends WINDOW_UPDATE", "receives WINDOW_UPDATE"),
        (HALF_REMOTE, "sends END_STREAM"): CLOSED,
        # What was on the way when the stream closed is ignored.
        **_stays(CLOSED, "receives WINDOW_UPDATE", "receives RST_STREAM"),
        **{
            (state, f"{does} RST_STREAM"): CLOSED
            for state in (RESERVED_LOCAL, RESERVED_REMOTE, OPEN, HALF_LOCAL, HALF_REMOTE)
            for does in ("sends", "receives")
        },
        **{(state, f"{does} PRIORITY"): state for state in _ALL for does in ("sends", "receives")},
    },
)

# Sections 3.4 (how a connection begins) and 4.3 (nothing comes between the frames of a header block). "..." marks a frame
# that leaves its header block open.
NOTHING, PREFACED, ANY, IN_BLOCK = "nothing said", "preface said", "any frame", "in a header block"
SENDING = Machine(
    "what a side may send",
    NOTHING,
    {
        (NOTHING, "the preface"): PREFACED,
        (NOTHING, "a server's SETTINGS"): ANY,
        (PREFACED, "SETTINGS"): ANY,
        (ANY, "SETTINGS"): ANY,
        (ANY, "a server's SETTINGS"): ANY,
        (ANY, "a frame"): ANY,
        (ANY, "a block's beginning..."): IN_BLOCK,
        (IN_BLOCK, "CONTINUATION..."): IN_BLOCK,
        (IN_BLOCK, "CONTINUATION"): ANY,
    },
)
NAMES = {
    http2.DATA: "DATA",
    http2.HEADERS: "HEADERS",
    http2.PRIORITY: "PRIORITY",
    http2.RST_STREAM: "RST_STREAM",
    http2.PUSH_PROMISE: "PUSH_PROMISE",
    http2.WINDOW_UPDATE: "WINDOW_UPDATE",
}  # the frames that are events of a stream
MACHINES = (SENDING, STREAM)
LANED = (STREAM,)  # each stream has its own
MIDWAY = {SENDING: ANY, STREAM: OPEN}  # where a recording that began midway begins


def past(machine: Machine, state: str, event: str) -> str:
    """The state after an event, allowed or not: past a breach the decoder goes on as if the frame had not moved it.

    >>> past(SENDING, IN_BLOCK, "a frame"), past(SENDING, NOTHING, "a frame")
    ('in a header block', 'any frame')
    """
    after = machine.after(state, event)
    if after is None and machine is SENDING and state != IN_BLOCK:
        after = machine.after(ANY, event)
    return after or state


def sending_event(side: Side, type: int, flags: int) -> str:
    """The event of `SENDING` that a frame of `side` is."""
    whole = bool(flags & http2.END_HEADERS)
    if type == http2.CONTINUATION:
        return "CONTINUATION" if whole else "CONTINUATION..."
    if type in (http2.HEADERS, http2.PUSH_PROMISE) and not whole:
        return "a block's beginning..."
    if type == http2.SETTINGS and not flags & http2.ACK:
        return "SETTINGS" if side is Side.CLIENT else "a server's SETTINGS"
    return "a frame"


def stream_events(side: Side, name: str, end: bool) -> list[tuple[Side, str]]:
    """The events of `STREAM` that a frame of `side` is, each with the peer whose state it moves; `end` is END_STREAM."""
    return [
        (peer, f"{'sends' if peer is side else 'receives'} {event}")
        for event in ([name, "END_STREAM"] if end else [name])
        for peer in (side, side.other)
    ]


def moves(unit: Unit) -> tuple[tuple[Side, Machine, str], ...]:
    """Which machines a complete unit moves, whose, and by which event.

    What a PUSH_PROMISE does to the stream that it promises is not among them: a unit moves the stream that it is on.
    """
    head = http2.read_head(unit.data) if unit.kind == "frame" and unit.place.complete else None
    if head is None:
        begins = unit.kind == "preface" and unit.place.complete
        return ((unit.side, SENDING, "the preface"),) if begins else ()
    found: list[tuple[Side, Machine, str]] = [(unit.side, SENDING, sending_event(unit.side, head.type, head.flags))]
    if head.stream and head.type in NAMES:
        end = head.type in (http2.DATA, http2.HEADERS) and bool(head.flags & http2.END_STREAM)
        found += [(side, STREAM, event) for side, event in stream_events(unit.side, NAMES[head.type], end)]
    return tuple(found)
