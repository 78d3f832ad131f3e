"""What a frame must be like by itself: its header, its size, its padding. What it means to the connection is `connection`'s."""

from __future__ import annotations

from functools import lru_cache

from protolab.findings import Rule
from protolab.protocols.grpc import rules
from protolab.protocols.grpc.connection import Step
from protolab.wire import http2
from protolab.wire.http2 import HEAD_SIZE, Head

STREAM_ID = (5, 9)  # where a frame's header names its stream


def judge(step: Step, head: Head) -> None:
    """Note the rules that a frame, perhaps cut short, breaks whatever came before it."""
    length, type, flags, reserved, stream = head
    for rule, start, end, says in _header(length, type, flags, reserved, not stream):
        step.breaks(rule, start, end, says)
    if flags & http2.PADDED and type in rules.PADDING and len(step.data) > HEAD_SIZE:
        _judge_padding(step, head)


@lru_cache(4096)
def _header(length: int, type: int, flags: int, reserved: bool, zero: bool) -> tuple[tuple[Rule, int, int, str], ...]:
    """What the nine bytes of a frame's header tell; most frames break nothing, and few headers are many frames'."""
    found: list[tuple[Rule, int, int, str]] = []
    if reserved:
        found.append((rules.RESERVED_BIT, 5, 6, ""))
    if type in http2.FRAMES and (unused := flags & ~sum(http2.FLAGS.get(type, ()))):
        found.append((rules.UNUSED_FLAG, 4, 5, f"0x{unused:02x} means nothing on {http2.name(type)}"))
    if zero and type in rules.ON_ZERO:
        found.append((rules.ON_ZERO[type], *STREAM_ID, ""))
    if not zero and type in rules.OFF_ZERO:
        found.append((rules.OFF_ZERO[type], *STREAM_ID, ""))
    if type == http2.SETTINGS and flags & http2.ACK and length:
        found.append((rules.ACK_PAYLOAD, 0, 3, f"an acknowledgement of {length} bytes"))
    elif too_small(length, type, flags):
        rule = rules.SIZES[type]
        found.append((rule, 0, 3, f"{rule.says}, not {length}"))
    return tuple(found)


def too_small(length: int, type: int, flags: int) -> bool:
    """Whether a payload of that length is not one of that type: too small, or not of its fixed size.

    >>> too_small(7, http2.PING, 0), too_small(7, http2.DATA, 0)
    (True, False)
    """
    if type in http2.SIZES:
        return length != http2.SIZES[type]
    if type == http2.SETTINGS:
        return length % 6 > 0
    padded = 1 if flags & http2.PADDED else 0
    if type == http2.DATA:
        return length < padded
    if type == http2.HEADERS:
        return length < padded + (5 if flags & http2.PRIORITY_FLAG else 0)
    if type == http2.PUSH_PROMISE:
        return length < padded + 4
    return length < {http2.GOAWAY: 8, http2.PRIORITY_UPDATE: 4}.get(type, 0)


def _judge_padding(step: Step, head: Head) -> None:
    data = step.data
    pad = data[HEAD_SIZE]
    fixed = 5 if head.type == http2.HEADERS and head.flags & http2.PRIORITY_FLAG else 0
    fixed = 4 if head.type == http2.PUSH_PROMISE else fixed
    room = head.length - 1 - fixed
    if pad > room:
        if room >= 0:
            says = f"{pad} bytes of padding, but only {room} bytes are left"
            step.breaks(rules.PADDING[head.type], HEAD_SIZE, HEAD_SIZE + 1, says)
    elif pad and len(data) == HEAD_SIZE + head.length and data[-pad:].strip(b"\0"):
        step.breaks(rules.PADDING_ZERO, len(data) - pad, len(data))
