"""The state tables: what they allow is what the `websockets` library takes, and a conversation walks through them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from protolab.fields import Side
from protolab.machines import Machine
from protolab.protocols.websocket.states import CONNECTION, READY, SENDING, moves, sending_event
from protolab.wire.websocket_frames import Frame
from tests.decoding import record, sound
from tests.protocols.websocket.heads import request, response
from tests.protocols.websocket.test_decode import CONVERSATION, client

C, S = Side.CLIENT, Side.SERVER


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 9, 10]), st.booleans()), max_size=12))
@settings(deadline=None)
def test_the_table_allows_what_the_library_takes(said: list[tuple[int, bool]]) -> None:
    frames = [Frame(opcode, b"x", fin or opcode > 8, key=b"abcd").encode() for opcode, fin in said]
    state, refused = READY, None
    for number, frame in enumerate(frames):
        after = SENDING.after(state, sending_event(frame[0]))
        if after is None:
            refused = number
            break
        state = after
    library, taken = ServerProtocol(state=OPEN), None
    for number, frame in enumerate(frames):
        library.receive_data(frame)
        if library.parser_exc is not None:
            taken = number
            break
    assert refused == taken
    conversation = sound(record([(C, request()), (S, response()), *((C, frame) for frame in frames)]))
    first = next((unit.place.number - 2 for unit, _ in conversation.findings), None)
    assert first == refused


def test_a_whole_conversation_ends_with_both_peers_closed() -> None:
    states: dict[tuple[Side, Machine], str] = {}
    seen = []
    for unit in sound(record(CONVERSATION)):
        for side, machine, event in moves(unit):
            after = machine.after(states.get((side, machine), machine.initial), event)
            assert after is not None, (side, machine.name, event)
            states[side, machine] = after
            if machine is CONNECTION and side is C:
                seen.append(after)
    assert list(dict.fromkeys(seen)) == ["waiting for the answer", "open", "closing, Close sent", "closed"]
    assert [states[side, CONNECTION] for side in Side] == ["closed", "closed"]


def test_every_state_is_reached_and_every_event_leads_to_a_state() -> None:
    for machine in (CONNECTION, SENDING):
        reached, new = {machine.initial, "anything"}, True
        while new:
            new = {machine.table[at, event] for at, event in machine.table if at in reached} - reached
            reached |= new
        assert set(machine.states) <= reached


def test_a_stream_that_ends_inside_a_frame_is_a_finding() -> None:
    connection = record([*CONVERSATION[:2], (C, client(1, b"Hello")[1][:-2])])
    assert not sound(connection).findings, "more may come"
    connection.end(C, "FIN")
    ((unit, finding),) = sound(connection).findings
    assert (finding.rule.id, finding.rule.reaction) == ("cut-off", "1006")
    assert (finding.start, finding.end) == (0, len(unit.data))
