"""The state tables of RFC 9113: what they allow is what is found, and each stream walks through a machine of its own."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import show
from protolab.protocols.grpc import states
from protolab.protocols.grpc.rules import ENDED
from protolab.protocols.grpc.states import CLOSED, IDLE, STREAM
from protolab.view.states import Walk
from protolab.wire import http2
from protolab.wire.http2 import Frame
from tests.decoding import Said, record, sound
from tests.protocols.grpc.talk import (
    BEGUN,
    CLIENT_START,
    REQUEST,
    START,
    TRAILERS,
    C,
    S,
    call,
    client,
    decoded,
    request,
    response,
    server,
)  # fmt: skip
from tests.protocols.grpc.traffic import everything, recorded


def test_every_state_is_reached_and_every_event_leads_to_a_state() -> None:
    for machine in states.MACHINES:
        reached, new = {machine.initial}, True
        while new:
            new = {machine.table[at, event] for at, event in machine.table if at in reached} - reached
            reached |= new
        assert set(machine.states) == reached


def test_interleaved_calls_walk_each_through_its_own_states() -> None:
    walk = Walk(decoded(START, request(1), request(3), call(5), response(3), response(1)), states)
    moments = [walk.moment(number) for number in range(len(walk))]
    assert all(move.allowed for moment in moments for move in moment.moves)
    after = [
        (moment.unit.lane, moment.states[C][1], moment.states[S][1])
        for moment in moments
        if moment.unit and moment.unit.lane
    ]
    assert after == [
        (1, "open", "open"),
        (3, "open", "open"),
        (5, "open", "open"),
        (5, "half-closed (local)", "half-closed (remote)"),
        (5, "half-closed (local)", "half-closed (remote)"),
        (5, "half-closed (local)", "half-closed (remote)"),
        (5, "closed", "closed"),
        (3, "open", "open"),
        (1, "open", "open"),
    ]
    assert moments[BEGUN].states[C][0] == "any frame"


def test_live_traffic_is_allowed_by_the_tables() -> None:
    conversation = sound(recorded(everything))
    walk = Walk(conversation, states)
    refused = {
        (move.event, move.before)
        for number in range(len(walk))
        for move in walk.moment(number).moves
        if not move.allowed
    }
    # Frames of the other side may be on the way while this one has closed already: nobody is at fault.
    assert all(before == CLOSED for _, before in refused), refused
    assert "half-closed (local)" in str(show.states(conversation))


FRAMES: list[tuple[str, Frame]] = [
    ("DATA", http2.data(1, b"x")),
    ("DATA", http2.data(1, b"x", end=True)),
    ("RST_STREAM", http2.rst_stream(1, 8)),
    ("WINDOW_UPDATE", http2.window_update(1, 1)),
    ("PRIORITY", http2.priority(1)),
]


@given(st.lists(st.sampled_from(FRAMES), min_size=1, max_size=6))
@settings(deadline=None)
def test_what_a_side_ends_by_itself_it_must_not_use_again(said: list[tuple[str, Frame]]) -> None:
    """With a server that says nothing, the table refuses a client's frame exactly where a finding stands.

    But for a further RST_STREAM, which section 5.4.2 allows after a while: that is thrown away.
    """
    conversation = decoded(START, request(1), client(*[frame for _, frame in said]))
    state, refused = "open", []
    for number, (name, frame) in enumerate(said):
        for event in [name, "END_STREAM"] if name == "DATA" and frame.flags & http2.END_STREAM else [name]:
            after = STREAM.after(state, f"sends {event}")
            if after is None and name != "RST_STREAM" and number not in refused:
                refused.append(number)
            state = after or state
    ended = [
        unit for unit, finding in conversation.findings if finding.rule is ENDED
    ]  # "x" is no gRPC message, besides
    assert [unit.place.number - BEGUN - 1 for unit in ended] == refused


def test_a_header_block_is_a_state_of_its_sender() -> None:
    said: list[Said] = [
        *START,
        *client(http2.headers(1, REQUEST[:3], last=False), http2.ping(), http2.continuation(1, REQUEST[3:])),
    ]
    walk = Walk(decoded(said), states)
    seen = [
        (walk.moment(number).states[C][0], next(m.allowed for m in walk.moment(number).moves))
        for number in range(BEGUN + 1, len(walk))
    ]
    assert seen == [("in a header block", True), ("in a header block", False), ("any frame", True)]
    early = Walk(sound(record([CLIENT_START[0], *client(http2.ping())]), "grpc"), states)
    assert [move.allowed for move in early.moment(2).moves] == [False]


def test_a_promised_stream_is_reserved_and_then_half_closed() -> None:
    conversation = decoded(
        START, request(1), server(http2.push_promise(1, 2, REQUEST)), response(2), response(2, end=True, block=TRAILERS)
    )
    steps = list(conversation.steps())  # type: ignore[attr-defined]
    assert [step.stream.states for step in steps[BEGUN + 1 :] if step.stream] == [
        ("reserved (remote)", "reserved (local)"),
        ("half-closed (local)", "half-closed (remote)"),
        (CLOSED, CLOSED),
    ]
    assert STREAM.initial == IDLE
