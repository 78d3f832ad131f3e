"""The ready states of an EventSource as a table, WHATWG HTML section 9.2.2 and 9.2.3, as both peers of a connection see them.

One EventSource that comes back is several connections, and each is walked on its own: it begins with CONNECTING.
"""

from __future__ import annotations

from protolab.fields import Side
from protolab.machines import Machine
from protolab.protocols.sse.heads import CLOSED, CONNECTING, OPEN
from protolab.units import Unit

_ANSWERS = {OPEN: "a stream's head", CONNECTING: "a redirect", CLOSED: "an answer that ends it"}
_BLOCKS = {
    "event": "an event",
    "comment": "a comment",
    "fields": "fields without an event",
    "blank line": "a blank line",
    "end of a block": "the end of a block",
}
_END = "the end of the stream"


def _both(state: str, what: str, after: str) -> dict[tuple[str, str], str]:
    return {(state, f"{does} {what}"): after for does in ("sends", "receives")}


SOURCE = Machine(
    "readyState",
    CONNECTING,
    {
        **_both(CONNECTING, "a request", CONNECTING),
        **{key: to for state, what in _ANSWERS.items() for key, to in _both(CONNECTING, what, state).items()},
        **{key: to for what in _BLOCKS.values() for key, to in _both(OPEN, what, OPEN).items()},
        **_both(OPEN, _END, CONNECTING),
    },
)
MACHINES = (SOURCE,)
MIDWAY = {SOURCE: OPEN}  # where a recording that began midway begins


def past(machine: Machine, state: str, event: str) -> str:
    """The state after an event, allowed or not: what is not allowed changes nothing.

    >>> past(SOURCE, CONNECTING, "receives a stream's head"), past(SOURCE, CLOSED, "receives an event")
    ('OPEN', 'CLOSED')
    """
    return machine.after(state, event) or state


def moves(unit: Unit) -> tuple[tuple[Side, Machine, str], ...]:
    """Which machines a complete unit moves, whose, and by which event. Requests for anything but a stream move none."""
    if not unit.place.complete:
        return ()
    what: str | None = None
    if unit.kind == "request head":
        what = "a request" if unit.field.value == CONNECTING else None
    elif unit.kind == "response head":
        what = _ANSWERS.get(str(unit.field.value))
    elif unit.kind in ("cut off", "last chunk", "chunk"):
        what = _END if unit.field.value == CONNECTING else None
    else:
        what = _BLOCKS.get(unit.kind)
    if what is None:
        return ()
    return ((unit.side, SOURCE, f"sends {what}"), (unit.side.other, SOURCE, f"receives {what}"))
