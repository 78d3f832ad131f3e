"""Where both peers stand, unit by unit: the static table, and what `scrub` tells the browser."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import protocols, scenes, show
from protolab.capture import Capture
from protolab.errors import LabError
from protolab.fields import Side
from protolab.protocols.websocket import states
from protolab.protocols.websocket.rules import AFTER_CLOSE, CONTINUATION, INTERLEAVED
from protolab.view.states import StatesView, Walk
from protolab.view.widget import VIEW
from protolab.wire.websocket_frames import Frame
from tests.decoding import record
from tests.protocols.websocket.heads import request, response
from tests.view.build import Page, talk

C, S = Side.CLIENT, Side.SERVER


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.sampled_from([0, 1, 2, 3, 8, 9, 10]), st.booleans()), max_size=12),
    st.booleans(),
)
@settings(deadline=None)
def test_the_states_shown_are_those_that_the_decoder_judges_by(said, midway):
    frames = [(side, Frame(opcode, b"", fin, key=None if side else b"abcd").encode()) for side, opcode, fin in said]
    heads = [] if midway else [(C, request()), (S, response())]
    conversation = protocols.decode(record([*heads, *frames], midway=midway), "websocket")
    walk, decoder = Walk(conversation, states), conversation.begin()
    for number, unit in enumerate(conversation, 1):
        conversation.advance(decoder, unit.place, unit.data)
        shown = [walk.moment(number).states[side][1] for side in Side]
        assert shown == [decoder.directions[side].state for side in Side]
        refused = [move for move in walk.moment(number).moves if not move.allowed and move.machine == 1]
        rules = {each.rule.id for each in unit.findings}
        assert bool(refused) == bool(rules & {each.id for each in (CONTINUATION, INTERLEAVED, AFTER_CLOSE)}), rules


def test_walking_backwards_gives_what_walking_forwards_gave():
    conversation = protocols.decode(scenes.recording("websocket/fragments")[0])
    forwards, backwards = Walk(conversation, states), Walk(conversation, states)
    numbers = range(len(forwards))
    assert [forwards.moment(n) for n in numbers] == [backwards.moment(n) for n in reversed(numbers)][::-1]


def test_what_is_not_complete_moves_nothing_until_it_is():
    connection = record([(C, request()), (S, response())])
    frame = Frame(1, b"part", fin=False, key=b"abcd").encode()
    connection.add(C, frame[:4], 1.0)
    walk = Walk(protocols.decode(connection), states)
    assert len(walk) == 4 and walk.moment(3).states[C][1] == "ready"
    connection.add(C, frame[4:], 2.0)
    walk.conversation.update()
    assert len(walk) == 4 and walk.moment(3).states[C][1] == "in a text message"


def test_the_table_says_in_text_and_html_what_changed_and_what_was_not_allowed():
    connection = record([(C, request()), (S, response()), (C, Frame(0, b"?", key=b"abcd").encode())])
    view = show.states(connection)
    assert isinstance(view, StatesView)
    page = Page(view.html())
    for says in ("> waiting for the answer", "! continuation: not allowed in 'ready'", "before anything was said"):
        assert says in view.text() and says in page.text
    assert len(set(page.headers)) == 2 and view.json()["connections"][0]["moments"][3]["moves"][0]["allowed"] is False


def test_a_long_conversation_is_cut_and_says_so():
    capture = Capture("long")
    connection = capture.connect(midway=True)
    frame = Frame(9, b"", key=b"abcd").encode()
    connection.add(C, frame * 700, 0.0)
    view = show.states(capture)
    assert "... 200 more units of 700" in view.text() and "... 200 more units of 700" in Page(view.html()).text
    assert "(recorded from the middle on)" in view.text() and " anything" in view.text()


def test_a_protocol_without_tables_is_said_to_have_none():
    with pytest.raises(LabError, match="no tables of states for what was said here"):
        show.states(talk((C, b"SSH-2.0\r\n", 0.1)))
    with pytest.raises(TypeError, match="a int has no states"):
        show.scrub(1)


def test_scrub_takes_in_what_was_said_since():
    capture = Capture("live")
    for number in range(2):
        connection = capture.connect()
        connection.add(C, request(), float(number))
        connection.add(S, response(), number + 0.5)
        if not number:
            widget = show.scrub(capture)
            connection.add(C, Frame(1, b"Hi", key=b"abcd").encode(), 0.7)
    assert [each["last"] for each in widget.facts["connections"]] == [2]
    widget.ask_update({})
    assert [each["last"] for each in widget.facts["connections"]] == [3, 2]


def test_scrub_tells_steps_by_the_block_and_stands_on_the_table():
    capture = scenes.recording("websocket/chat")
    widget = show.scrub(capture)
    data, _ = widget._repr_mimebundle_()
    assert data.pop(VIEW) and data == show.states(capture).bundle()
    assert repr(widget) == "<scrub widget>"
    assert [each["last"] for each in widget.facts["connections"]] == [11, 8]
    found = widget.ask_moments({"connection": 1, "first": 0})["moments"]
    assert len(found) == 9 and found[1]["side"] == "client" and found[1]["title"] == "GET / HTTP/1.1"
    widget.connection, widget.step = 1, 8
    assert widget.states["server"]["connection"] == "closed"
    widget.step = 10_000
    assert widget.states["server"]["connection"] == "closed"
    for machine, told in zip(states.MACHINES, widget.facts["machines"], strict=True):
        pairs = {(each["state"], event): after for each in told["states"] for event, after in each["moves"]}
        assert pairs == dict(machine.table)
