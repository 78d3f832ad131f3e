"""The ready states: a conversation walks through the table, and what the table does not have is not allowed."""

from __future__ import annotations

from protolab import show
from protolab.fields import Side
from protolab.protocols.sse import states
from protolab.protocols.sse.states import CLOSED, CONNECTING, OPEN, SOURCE, moves
from protolab.view.states import Walk
from tests.decoding import Said, record, sound
from tests.protocols.sse.streams import HEAD, REQUEST, exchange
from tests.protocols.sse.test_decode import CONVERSATION

C, S = Side.CLIENT, Side.SERVER


def walked(said: list[Said], midway: bool = False) -> list[tuple[str, bool]]:
    """Both peers' readyState after each unit, and whether all that moved it is in the table."""
    walk = Walk(sound(record(said, midway), "sse"), states)
    moments = [walk.moment(number) for number in range(len(walk))]
    assert all(moment.states[C] == moment.states[S] for moment in moments), "both see the same units"
    return [(moment.states[C][0], all(move.allowed for move in moment.moves)) for moment in moments]


def test_a_stream_is_waited_for_open_and_over_and_may_come_again() -> None:
    found = walked(CONVERSATION)
    assert all(allowed for _, allowed in found)
    assert [state for state, _ in found] == [CONNECTING] * 2 + [OPEN] * 7 + [CONNECTING] * 6 + [OPEN] * 2


def test_204_closes_for_good() -> None:
    found = walked([(C, REQUEST), (S, b"HTTP/1.1 204 No Content\r\n\r\n"), *exchange(b"data: x\n\n")])
    assert found[2] == (CLOSED, True)
    assert [state for state, _ in found[3:]] == [CLOSED] * 4
    assert not any(allowed for _, allowed in found[3:]), "an EventSource that is closed does nothing more"


def test_a_redirect_goes_on_connecting_and_a_wrong_type_closes() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    wrong = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
    found = walked([(C, REQUEST), (S, redirect), (C, REQUEST), (S, wrong)])
    assert found[1:] == [(CONNECTING, True)] * 3 + [(CLOSED, True)]


def test_a_stream_without_chunks_that_is_cut_off_is_over() -> None:
    connection = record([(C, REQUEST), (S, HEAD + b"\r\n"), (S, b"data: x\n\ndata")])
    connection.end(S, "FIN")
    units = sound(connection)
    assert [move[2] for unit in units for move in moves(unit) if move[0] is C] == [
        "sends a request", "receives a stream's head", "receives an event", "receives the end of the stream",
    ]  # fmt: skip


def test_a_recording_that_begins_midway_begins_open() -> None:
    assert walked([(S, b"x\n\ndata: 1\n\n")], midway=True) == [(OPEN, True)] * 3


def test_every_state_is_reached_from_the_first() -> None:
    assert SOURCE.states == [CONNECTING, OPEN, CLOSED]
    assert not SOURCE.events(CLOSED)


def test_the_states_of_a_capture_can_be_shown() -> None:
    text = str(show.states(record(CONVERSATION).capture))
    assert "readyState" in text
    assert "not allowed" not in text
