"""What the bytes of a capture are for, read off its decoded units: the parts add up to what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple

from protolab import protocols
from protolab.capture import Capture
from protolab.errors import LabError
from protolab.fields import Side
from protolab.units import Unit

PACKET = 40  # bytes of an IPv4 and a TCP header without options (RFC 791, RFC 9293)
OPEN_AND_CLOSE = 7  # packets that open and close a TCP connection: SYN, SYN ACK, ACK; FIN, ACK, FIN, ACK


class Parts(NamedTuple):
    """What bytes are for.

    `setup`: said once for each connection, however many updates follow: the heads of an opening handshake or of an event
    stream, and Close frames. `heads`: every other HTTP head. `framing`: what says where a payload begins and ends (frame
    headers with their masking keys, other control frames, chunk sizes, line ends between updates, the fields of an event
    that are not its data). `payload`: the updates.
    """

    setup: int = 0
    heads: int = 0
    framing: int = 0
    payload: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)

    def plus(self, other: Parts) -> Parts:
        """Both, part by part."""
        return Parts(*map(int.__add__, self, other))


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tell updates, and what it took.

    `said` has the parts of each side. `round_trips` counts how often the server spoke after the reader. For each update
    there is in `waits` how long it waited for a poll, in times from update to update, and in `delays` how many seconds
    went by from publication to reception; a repeatable run measures none.
    """

    name: str
    capture: Capture
    said: tuple[Parts, Parts]
    updates: int
    requests: int
    empty: int  # responses that brought nothing
    round_trips: int
    messages: int  # heads with their bodies, frames, events: what goes into at least one packet each
    waits: tuple[Fraction, ...]
    delays: tuple[float, ...] = ()

    @property
    def parts(self) -> Parts:
        """The parts of both sides together."""
        client, server = self.said
        return client.plus(server)

    @property
    def total(self) -> int:
        """Bytes on the wire, both sides, as the tap recorded them."""
        return self.parts.total

    @property
    def per_update(self) -> float:
        """Bytes for each update, everything included."""
        return self.total / self.updates

    @property
    def wait(self) -> float:
        """The mean of `waits`; 0 when none are known."""
        return fmean(self.waits or (0,))

    @property
    def delay(self) -> float | None:
        """The median of `delays`; None in a repeatable run."""
        return median(self.delays) if self.delays else None

    @property
    def tcp_ip(self) -> int:
        """An estimate of what TCP and IP add, below the tap: each message one packet, none merged, no packet that only
        acknowledges."""
        return (self.messages + OPEN_AND_CLOSE * len(self.capture)) * PACKET


def account(
    name: str, capture: Capture, updates: int, waits: Sequence[Fraction] = (), delays: Sequence[float] = ()
) -> Way:
    """Account for every byte of a capture, by what its units say. LabError: the capture does not hold all that was said."""
    if capture.full:
        raise LabError(f"{name}: the capture is full, so bytes are missing.", "Compare fewer or smaller updates.")
    said = [Parts(), Parts()]
    requests = empty = trips = messages = 0
    for connection in capture.connections:
        conversation = protocols.decode(connection)
        units = list(conversation)
        for unit in units:
            said[unit.side] = said[unit.side].plus(weigh(unit, conversation.protocol != "http"))
        requests += sum(unit.kind == "request head" for unit in units)
        empty += sum(unit.kind == "response head" and _value(unit, "status") == "204" for unit in units)
        trips += sum(a.side is Side.CLIENT and b.side is Side.SERVER for a, b in pairwise(units))
        messages += sum(unit.kind in ("request head", "response head", "frame", "event") for unit in units)
    client, server = said
    if client.total + server.total != capture.size:
        accounted = client.total + server.total
        raise LabError(f"{name}: {accounted} bytes accounted for, {capture.size} recorded.", "Report this capture.")
    return Way(name, capture, (client, server), updates, requests, empty, trips, messages, tuple(waits), tuple(delays))


def weigh(unit: Unit, handshake: bool = False) -> Parts:
    """The parts of one unit; `handshake` says that a head here is one of an opening handshake.

    What a unit's field tree calls payload (of a frame), the value of data (of an event), body or chunk data counts as that;
    the rest is around it.
    """
    size = len(unit.data)
    if unit.kind.endswith("head"):
        return Parts(setup=size) if handshake else Parts(heads=size)
    if unit.kind == "frame":
        opcode = _value(unit, "opcode")
        if isinstance(opcode, int) and opcode & 8:  # RFC 6455 section 5.5: a control frame carries none of the updates
            return Parts(setup=size) if opcode == 8 else Parts(framing=size)
        payload = sum(field.end - field.start for field in unit.field.children if field.name == "payload")
        return Parts(framing=size - payload, payload=payload)
    if unit.kind == "event":
        # Its lines; where several chunks carry it, they stand together only once the framing is taken out.
        block = next((each.field for each in unit.field.derived if each.name == "block"), unit.field)
        lines = [line for line in block.children if line.name == "data"]
        payload = sum(part.end - part.start for line in lines for part in line.children if part.name == "value")
        return Parts(framing=size - payload, payload=payload)
    inside = unit.field.children if unit.kind.endswith("chunk") else (unit.field,)
    payload = sum(
        field.end - field.start - unit.data.count(b"\n", field.start, field.end)
        for field in inside
        if field.name in ("body", "chunk data")
    )
    return Parts(framing=size - payload, payload=payload)


def _value(unit: Unit, name: str) -> object:
    """The value of the unit's first field of that name; None where there is none."""
    return next((field.value for _, field in unit.field.walk() if field.name == name), None)
