"""WebSocket against HTTP: every byte accounted for, the same on every machine, and counted again by other means."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from fractions import Fraction

import h11
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Request, TextMessage
from wsproto.utilities import generate_accept_token

from protolab import compare, lab, repeat, sse
from protolab.capture import Capture
from protolab.errors import LabError
from protolab.fields import Side
from tests.view.build import Page

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()
    repeat.switch(None)


@pytest.fixture(scope="module")
def hundred() -> Iterator[compare.Comparison]:
    """A hundred updates, repeatably."""
    with lab.repeatable():
        found = compare.run()
    yield found
    lab.stop()


def test_the_parts_of_each_side_add_up_to_what_the_tap_recorded(hundred: compare.Comparison) -> None:
    for way in hundred.ways:
        (connection,) = way.capture.connections
        assert [parts.total for parts in way.said] == [connection.size(side) for side in Side]
        assert way.total == way.capture.size
        assert way.updates == len(way.waits) == 100
        assert way.delay is None


def test_all_four_carry_the_same_updates_and_less_around_them_from_way_to_way(hundred: compare.Comparison) -> None:
    polling, long_polling, sse, websocket = hundred.ways
    assert polling.parts.payload == long_polling.parts.payload == sse.parts.payload == websocket.parts.payload
    assert polling.total > 2 * long_polling.total > 6 * sse.total > 6 * websocket.total
    assert polling.parts.heads > 0.9 * polling.total
    assert websocket.parts.payload > 0.8 * websocket.total
    assert polling.parts.setup == long_polling.parts.setup == sse.parts.heads == websocket.parts.heads == 0


def test_the_schedule_decides_how_often_is_asked(hundred: compare.Comparison) -> None:
    assert [(way.requests, way.empty, way.round_trips) for way in hundred.ways] == [
        (400, 300, 400),
        (100, 0, 100),
        (1, 0, 1),  # an event stream ends without a goodbye
        (1, 0, 2),  # the handshake, and the goodbye
    ]
    assert set(hundred.polling.waits) == {Fraction(1, 8)}
    assert not any(hundred.long_polling.waits + hundred.sse.waits + hundred.websocket.waits)


def http_again(capture: Capture) -> list[bytes]:
    """The bodies of a capture's responses, as h11 reads them; it reads the requests too."""
    asked, answered = (capture[0].read(side) for side in Side)
    server, client = h11.Connection(h11.SERVER), h11.Connection(h11.CLIENT)
    server.receive_data(asked)
    client.receive_data(answered)
    bodies = []
    while isinstance(request := server.next_event(), h11.Request):
        client.send(request)
        client.send(h11.EndOfMessage())
        response, events = client.next_event(), iter(client.next_event, None)
        body = b"".join(event.data for event in itertools.takewhile(lambda event: isinstance(event, h11.Data), events))
        bodies.append(body)
        assert isinstance(server.next_event(), h11.EndOfMessage)
        for event in (response, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()):
            server.send(event)
        server.start_next_cycle()
        client.start_next_cycle()
    assert request is h11.NEED_DATA and not client.trailing_data[0]
    return bodies


def test_h11_counts_the_same_heads_and_updates(hundred: compare.Comparison) -> None:
    for way in (hundred.polling, hundred.long_polling):
        bodies = http_again(way.capture)
        assert (len(bodies), sum(not body for body in bodies)) == (way.requests, way.empty)
        assert way.parts.heads == way.capture.size - sum(map(len, bodies))
        updates = b"".join(bodies).splitlines()
        assert sum(map(len, updates)) == way.parts.payload
        assert len(updates) == way.parts.framing == 100  # a line end each
        assert [json.loads(update)["tick"] for update in updates] == list(range(1, 101))


def test_h11_and_the_parser_count_the_same_events(hundred: compare.Comparison) -> None:
    way = hundred.sse
    asked, answered = (way.capture[0].read(side) for side in Side)
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(answered)
    client.next_event()
    body = b"".join(
        bytes(event.data)
        for event in itertools.takewhile(lambda event: isinstance(event, h11.Data), iter(client.next_event, None))
    )
    events = list(sse.parse(body))
    assert [event.last_event_id for event in events] == [str(n) for n in range(1, 101)]
    assert sum(len(event.data.encode()) for event in events) == way.parts.payload
    assert way.parts.setup == len(asked) + answered.index(b"\r\n\r\n") + 4
    assert way.parts.framing == len(answered) - (way.parts.setup - len(asked)) - way.parts.payload


def test_wsproto_counts_the_same_payload_and_every_frame_has_two_bytes_around_it(hundred: compare.Comparison) -> None:
    way = hundred.websocket
    client = WSConnection(ConnectionType.CLIENT)
    sent = client.send(Request(host="lab.local", target="/updates"))
    answered = way.capture[0].read(Side.SERVER)
    key = sent.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
    accept = answered.split(b"Sec-WebSocket-Accept: ")[1].split(b"\r\n")[0]
    client.receive_data(answered.replace(accept, generate_accept_token(key.encode())))
    events: list[Event] = list(client.events())
    texts = [event.data for event in events if isinstance(event, TextMessage)]
    assert isinstance(events[0], AcceptConnection) and isinstance(events[-1], CloseConnection)
    assert sum(len(text.encode()) for text in texts) == way.parts.payload
    assert way.parts.framing == 2 * len(texts) == 200
    head = len(answered.split(b"\r\n\r\n")[0]) + 4
    assert way.said[Side.SERVER].setup == head + 4  # and its Close: two bytes of header, two of code
    assert way.said[Side.CLIENT].setup == way.capture[0].size(Side.CLIENT)  # a masked Close has four more


def test_it_is_the_same_in_every_form_each_time_it_is_run() -> None:
    with lab.repeatable():
        first = compare.run(5).view().bundle()
    with lab.repeatable():
        again = compare.run(5).view().bundle()
    assert first == again


def test_polls_that_are_rarer_than_updates_bring_several_and_let_them_wait() -> None:
    lab.repeatable()
    found = compare.run(6, poll_every=3)
    assert (found.polling.requests, found.polling.empty) == (2, 0)
    assert [float(wait) for wait in found.polling.waits] == [2.5, 1.5, 0.5] * 2
    assert found.polling.parts.framing == 6
    assert found.polling.total < found.long_polling.total


def test_a_browsers_heads_weigh_on_each_request_but_on_websocket_once() -> None:
    lab.repeatable()
    plain, browser = compare.run(10), compare.run(10, headers=compare.BROWSER)
    more = [after.total - before.total for before, after in zip(plain.ways, browser.ways, strict=True)]
    assert more[0] == 40 * (more[1] // 10)
    assert 0 < more[2] < more[1] / 5 and 0 < more[3] < more[1] / 5
    assert all(b"Chrome/156" in way.capture[0].read(Side.CLIENT) for way in browser.ways)


def test_own_updates_are_told_as_they_are() -> None:
    lab.repeatable()
    texts = ["grüße 😀", "x" * 70_000, " "]
    found = compare.run(texts)
    for way in found.ways:
        assert way.parts.payload == sum(len(text.encode()) for text in texts)
    assert found.websocket.parts.framing == 2 + 10 + 2


def test_outside_a_repeatable_run_the_delay_is_measured_and_a_poll_is_waited_for() -> None:
    found = compare.run(5, interval=0.02)
    assert all(len(way.delays) == 5 and min(way.delays) > 0 for way in found.ways)
    assert min(found.polling.delays) >= 0.02 / 8
    assert "median delay, ms" in found.view().html()
    assert [way.requests for way in found.ways] == [20, 5, 1, 1]
    assert b"\r\nDate: " in found.polling.capture[0].read(Side.SERVER)


def test_a_cell_shows_a_table_with_bars() -> None:
    lab.repeatable()
    found = compare.run(10)
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] == str(found)
    lines = str(found).split("\n")
    assert lines[0] == f"10 updates to one reader, {found.polling.parts.payload} bytes of them"
    for way in found.ways:
        (row,) = (line for line in lines if line.startswith(way.name) and "  " in line.removeprefix(way.name).strip())
        numbers = row.removeprefix(way.name).replace(",", "").split()
        assert [int(number) for number in numbers[:5]] == [*way.parts, way.total]
    assert "▒ heads" in str(found)
    assert len(Page(bundle["text/html"]).pictures) == 1
    assert repr(found).startswith("<comparison: polling ")


@pytest.mark.parametrize(
    ("updates", "poll_every", "says"),
    [
        (0, 0.25, "no update to tell"),
        ([], 0.25, "no update to tell"),
        (10**9, 0.25, "cannot be run"),
        (100, 0, "cannot be run"),
        (100, -1, "cannot be run"),
        (100, float("inf"), "cannot be run"),
        (100, 0.001, "cannot be run"),
        (["two\nlines"], 0.25, "is not a line"),
        ([""], 0.25, "is not a line"),
    ],
)
def test_what_cannot_be_run_is_said_before_it_begins(updates: object, poll_every: float, says: str) -> None:
    with pytest.raises(LabError, match=says):
        compare.run(updates, poll_every=poll_every)  # type: ignore[arg-type]
    assert not lab.servers()


def test_an_event_that_several_chunks_carry_is_weighed_as_one() -> None:
    capture = Capture()
    talk = capture.connect()
    talk.add(Side.CLIENT, b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    talk.add(Side.SERVER, head + b"7\r\ndata: t\r\n8\r\nea\ndata:\r\n6\r\n two\n\n\r\n3\r\n: x\r\n1\r\n\n\r\n")
    parts = compare.account("chunked", capture, 1).parts
    assert parts.payload == len("teatwo") and parts.heads == 0


def test_a_capture_that_is_not_whole_is_not_accounted_for(hundred: compare.Comparison) -> None:
    short = Capture(limit=10)
    short.connect().add(Side.CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(LabError, match="bytes are missing"):
        compare.account("short", short, 1)


def test_any_capture_can_be_accounted_for() -> None:
    capture = Capture()
    talk = capture.connect()
    talk.add(Side.CLIENT, b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT")
    talk.add(Side.SERVER, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\none\ntw\r\n2\r\no\n\r\n0\r\n\r\n")
    parts = compare.account("chunked", capture, 2).parts
    assert parts == (0, 27 + 8 + 47, (3 + 1 + 2) + (3 + 1 + 2) + 5, len(b"onetwo"))
