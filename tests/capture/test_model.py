"""The recording: order, bounds, and what a reader in another thread may rely on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.capture import Capture, End, Segment, model
from protolab.fields import Side

SAYINGS = st.lists(st.tuples(st.sampled_from(Side), st.binary(min_size=1, max_size=20)))


@given(SAYINGS)
@settings(deadline=None)
def test_segments_come_in_order_and_tile_both_streams(sayings: list[tuple[Side, bytes]]) -> None:
    connection = Capture().connect()
    for turn, (side, data) in enumerate(sayings):
        assert connection.add(side, data, turn / 10)
    segments = list(connection.segments)
    assert [(segment.at, segment.side) for segment in segments] == [
        (i / 10, side) for i, (side, _) in enumerate(sayings)
    ]
    for side in Side:
        whole = b"".join(data for each, data in sayings if each is side)
        parts = [segment for segment in segments if segment.side is side]
        assert connection.read(side) == whole
        assert b"".join(connection.read(side, part.offset, part.offset + part.length) for part in parts) == whole
        assert connection.size(side) == connection.sizes()[side] == len(whole)
        for part in parts:
            turn = segments.index(part)
            assert connection.arrival(side, part.offset + 1) == (turn, part.at)
            assert connection.arrival(side, part.offset + part.length) == (turn, part.at)


@given(SAYINGS, st.integers(0, 100))
@settings(deadline=None)
def test_a_full_capture_keeps_the_beginning_of_what_was_said_and_counts_the_rest(
    sayings: list[tuple[Side, bytes]], limit: int
) -> None:
    capture = Capture(limit=limit)
    connections = [capture.connect(), capture.connect()]
    said, total = {}, 0
    for index, (side, data) in enumerate(sayings):
        connection = connections[index % 2]
        said[connection.number, side] = said.get((connection.number, side), b"") + data
        total += len(data)
        assert connection.add(side, data) is (total <= limit)
    assert capture.size == min(total, limit)
    assert capture.dropped == total - capture.size
    assert capture.full is (total > limit)
    for connection in connections:
        for side in Side:
            whole, kept = said.get((connection.number, side), b""), connection.read(side)
            assert whole.startswith(kept)
            assert connection.dropped[side] == len(whole) - len(kept)


def test_small_segments_are_bounded_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_SEGMENTS", 3)
    capture = Capture()
    connection = capture.connect()
    assert [connection.add(Side.CLIENT, b"x") for _ in range(5)] == [True, True, True, False, False]
    assert (connection.size(Side.CLIENT), capture.dropped, capture.full) == (3, 2, True)


def test_connections_are_bounded_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_CONNECTIONS", 2)
    capture = Capture()
    third = [capture.connect() for _ in range(3)][-1]
    assert (third.number, len(capture), capture.missed, capture.full) == (3, 2, 1, True)
    assert third.add(Side.CLIENT, b"lost") is False
    assert (capture.size, capture.dropped) == (0, 4)


def test_events_order_ends_by_turn_even_where_times_are_equal() -> None:
    connection = Capture().connect()
    connection.add(Side.CLIENT, b"a", 1.0)
    connection.end(Side.CLIENT, "FIN", 1.0)
    connection.add(Side.SERVER, b"b", 1.0)
    connection.end(Side.SERVER, "FIN", 1.0)
    assert list(connection.events) == [
        Segment(1.0, Side.CLIENT, 0, 1),
        End(1.0, Side.CLIENT, "FIN", 1),
        Segment(1.0, Side.SERVER, 0, 1),
        End(1.0, Side.SERVER, "FIN", 2),
    ]


def test_a_reader_that_holds_a_view_of_a_stream_does_not_stop_the_recording() -> None:
    connection = Capture().connect()
    connection.add(Side.CLIENT, b"before ")
    with memoryview(connection.streams[Side.CLIENT]) as view:
        assert connection.add(Side.CLIENT, b"and after")
        assert view.tobytes() == b"before "
    assert connection.read(Side.CLIENT) == b"before and after"
    assert connection.arrival(Side.CLIENT, 16)[0] == 1


def test_times_go_on_and_never_back() -> None:
    connection = Capture().connect()
    for _ in range(100):
        connection.add(Side.CLIENT, b".")
    times = [connection.at, *(segment.at for segment in connection.segments)]
    assert times == sorted(times)
    assert times[0] >= 0


def test_a_segment_that_is_not_all_in_place_is_not_published_and_no_byte_lacks_its_mark() -> None:
    """What another thread could see between any two steps of `add`, made visible by a stream that looks back."""
    connection = Capture().connect()
    seen = []

    class Watched(bytearray):
        def __iadd__(self, data: bytes) -> Watched:  # type: ignore[override]
            seen.append((len(list(connection.segments)), connection.sizes(), connection.arrival(Side.CLIENT, 3)))
            super().__iadd__(data)
            seen.append((len(list(connection.segments)), connection.sizes(), connection.arrival(Side.CLIENT, 3)))
            return self

    connection.streams[Side.CLIENT] = Watched()
    connection.add(Side.CLIENT, b"abc", 7.0)
    assert seen == [(0, (0, 0), (0, 7.0))] * 2
    assert connection.sizes() == (3, 0)
