"""SETTINGS: what a value may be, and what an acknowledgement puts in force (RFC 9113 section 6.5)."""

from __future__ import annotations

from protolab.protocols.grpc import rules
from protolab.protocols.grpc.connection import State, Step
from protolab.protocols.grpc.peer import MOST_PENDING, Moved, Pairs, Peer
from protolab.protocols.grpc.streams import windowed
from protolab.wire.http2 import ACK, HEAD_SIZE, LARGEST_WINDOW, Head
from protolab.wire.http2_settings import (
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    NO_RFC7540_PRIORITIES,
    SETTINGS,
)

MOST_PAIRS = 64  # of one frame that are followed one by one; of more, the last of each setting


def said(state: State, step: Step, head: Head) -> None:
    """SETTINGS, with ACK or without it."""
    side = step.place.side
    peer, other = state.peers[side], state.peers[1 - side]
    if head.flags & ACK:
        if other.pending:
            step.answers, pairs = other.pending[0]
            other.pending = other.pending[1:]
            apply(state, step, other, pairs)
        elif not state.midway:
            step.discard("there is no SETTINGS that this could acknowledge", "6.5.3")
        return
    data = step.data
    pairs = tuple(
        (key, int.from_bytes(data[at + 2 : at + 6]))
        for at in range(HEAD_SIZE, len(data) - 5, 6)
        if (key := int.from_bytes(data[at : at + 2])) in SETTINGS
    )
    _judge(state, step, peer)
    if len(pairs) > MOST_PAIRS:
        pairs = tuple(dict(pairs).items())
    if len(peer.pending) >= MOST_PENDING:
        apply(state, step, peer, peer.pending[0][1])
        peer.pending = peer.pending[1:]
    peer.pending = (*peer.pending, (step.place.number, pairs))


def _judge(state: State, step: Step, peer: Peer) -> None:
    """Each value of the frame against what it may be."""
    data, other = step.data, state.peers[1 - peer.side]
    before = dict(peer.settings)
    for _, pairs in peer.pending:
        before.update(pairs)
    most = max((stream.windows[other.side] or 0 for stream in state.streams.values()), default=0)
    for at in range(HEAD_SIZE, len(data) - 5, 6):
        key, value = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 6])
        setting = SETTINGS.get(key)
        if setting is None:
            continue
        rule, says = None, f"{setting.name} is {value}: it may be {setting.least} to {setting.most}"
        if key == ENABLE_CONNECT_PROTOCOL and (value > 1 or value < before.get(key, 0)):
            rule, says = rules.SETTING_CONNECT, f"{setting.name} is {value}, and was {before.get(key, 0)}"
        elif key == NO_RFC7540_PRIORITIES and (value > 1 or value != before.get(key, value)):
            rule, says = rules.SETTING_PRIORITIES, f"{setting.name} is {value}, and was {before.get(key, 0)}"
        elif key == ENABLE_PUSH and value == 1 and peer.side == 1:
            rule, says = rules.SETTING_PUSH, ""
        elif not setting.least <= value <= setting.most:
            rule = rules.SETTING_WINDOW if key == INITIAL_WINDOW_SIZE else rules.SETTING_VALUE
        elif key == INITIAL_WINDOW_SIZE and most + value - (other.initial or value) > LARGEST_WINDOW:
            rule, says = rules.WINDOW_CHANGED, f"a window of {most} bytes would grow over {LARGEST_WINDOW}"
        if rule is not None:
            step.breaks(rule, at, at + 6, says)
        before[key] = value


def apply(state: State, step: Step, peer: Peer, pairs: Pairs) -> None:
    """Put a peer's settings in force for the other one, who has just acknowledged them."""
    other = state.peers[1 - peer.side]
    for key, value in pairs:
        peer.settings[key] = value
        if key == HEADER_TABLE_SIZE:
            other.ceiling = value
            other.owed = value if other.owed is None else min(other.owed, value)
        elif key == INITIAL_WINDOW_SIZE and value <= LARGEST_WINDOW:
            _resize(state, step, other, value)
    step.applied = pairs


def _resize(state: State, step: Step, peer: Peer, value: int) -> None:
    """Section 6.9.2: what a peer may send on each stream changes by as much as the setting did, perhaps below zero."""
    before, peer.initial = peer.initial, value
    if before is None or before == value:
        return
    side = peer.side
    moves: list[Moved] = []
    for number, stream in state.streams.items():
        window = stream.windows[side]
        if window is not None:
            state.streams[number] = windowed(stream, side, window + value - before)
            moves.append(Moved(number, side, window, window + value - before))
    step.moves += tuple(moves)
