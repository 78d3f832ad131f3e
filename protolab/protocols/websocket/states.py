"""The states of RFC 6455 as tables: of a connection as one peer sees it, and of what one side may say next.

The decoder judges by these very tables (`messages.Direction` obeys `SENDING`), and a step through a conversation shows
them.
"""

from __future__ import annotations

from protolab.fields import Side
from protolab.machines import Machine
from protolab.units import Unit
from protolab.wire import http1
from protolab.wire.websocket_frames import BINARY, CLOSE, CONTINUATION, TEXT

# What one side may say next: sections 5.4 (fragments), 5.5 (control frames) and 5.5.1 (nothing after Close). "..." marks
# a frame without FIN. `anything` is a recording that began midway: a continuation may belong to what was not recorded.
READY, IN_TEXT, IN_BINARY, CLOSED, ANYTHING = "ready", "in a text message", "in a binary message", "closed", "anything"
_STARTS = {"text": READY, "text...": IN_TEXT, "binary": READY, "binary...": IN_BINARY}
SENDING = Machine(
    "what a side may send",
    READY,
    {
        **{(READY, event): state for event, state in _STARTS.items()},
        **{(ANYTHING, event): state for event, state in _STARTS.items()},
        (ANYTHING, "continuation"): READY,
        (ANYTHING, "continuation..."): ANYTHING,
        (IN_TEXT, "continuation"): READY,
        (IN_TEXT, "continuation..."): IN_TEXT,
        (IN_BINARY, "continuation"): READY,
        (IN_BINARY, "continuation..."): IN_BINARY,
        **{(state, "control"): state for state in (READY, ANYTHING, IN_TEXT, IN_BINARY, CLOSED)},
        **{(state, "close"): CLOSED for state in (READY, ANYTHING, IN_TEXT, IN_BINARY, CLOSED)},
    },
)

# A connection as one peer sees it: section 4.1 (connecting, open), 7.1.2 and 7.1.3 (closing), 7.1.4 (closed).
CONNECTION = Machine(
    "connection",
    "connecting",
    {
        ("connecting", "sends a request"): "waiting for the answer",
        ("connecting", "receives a request"): "about to answer",
        ("waiting for the answer", "receives 101"): "open",
        ("waiting for the answer", "receives a refusal"): "refused",
        ("about to answer", "sends 101"): "open",
        ("about to answer", "sends a refusal"): "refused",
        ("open", "sends a frame"): "open",
        ("open", "receives a frame"): "open",
        ("open", "sends a Close"): "closing, Close sent",
        ("open", "receives a Close"): "closing, Close received",
        ("closing, Close sent", "receives a frame"): "closing, Close sent",
        ("closing, Close sent", "receives a Close"): "closed",
        ("closing, Close received", "sends a Close"): "closed",
        ("refused", "sends a request"): "waiting for the answer",
        ("refused", "receives a request"): "about to answer",
        ("closed", "receives a frame"): "closed",
    },
)
MACHINES = (CONNECTION, SENDING)
MIDWAY = {CONNECTION: "open", SENDING: ANYTHING}  # where a recording that began midway begins


def past(machine: Machine, state: str, event: str) -> str:
    """The state after an event, allowed or not: past a breach the decoder goes on as if the open message had ended
    before it; after Close nothing moves any more.

    >>> past(SENDING, IN_TEXT, "text..."), past(SENDING, CLOSED, "text")
    ('in a text message', 'closed')
    """
    after = machine.after(state, event)
    if after is None and state is not CLOSED:
        after = machine.after(machine.initial, event)
    return after or state


def sending_event(first: int) -> str:
    """The event of `SENDING` that a frame with this first byte is; "" for a reserved opcode, which is none."""
    opcode, fin = first & 0x0F, bool(first & 0x80)
    if opcode == CLOSE:
        return "close"
    if opcode > CLOSE:
        return "control"
    name = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary"}.get(opcode)
    return "" if name is None else name if fin else name + "..."


def moves(unit: Unit) -> tuple[tuple[Side, Machine, str], ...]:
    """Which machines a complete unit moves, whose, and by which event."""
    if not unit.place.complete:
        return ()
    sender, receiver = unit.side, unit.side.other
    if unit.kind == "frame":
        what = "a Close" if unit.data[0] & 0x0F == CLOSE else "a frame"
        event = sending_event(unit.data[0])
        said = ((sender, SENDING, event),) if event else ()
        return (*said, (sender, CONNECTION, f"sends {what}"), (receiver, CONNECTION, f"receives {what}"))
    if unit.kind == "request head":
        what = "a request"
    elif unit.kind == "response head":
        status = http1.response(unit.data).status
        if 100 <= status < 200 and status != 101:
            return ()
        what = "101" if status == 101 else "a refusal"
    else:
        return ()
    return ((sender, CONNECTION, f"sends {what}"), (receiver, CONNECTION, f"receives {what}"))
