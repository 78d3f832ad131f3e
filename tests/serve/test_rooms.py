"""Rooms: they begin with their first member, vanish with their last, and are bounded."""

from __future__ import annotations

import pytest

from protolab.serve.fanout import Fanout, Member, WhenFull
from protolab.serve.rooms import Full, Rooms


def member(fanout: Fanout) -> Member:
    """A member that nothing is written to here, so it needs no line."""
    return Member(fanout, None, WhenFull.EVICT, list, None)  # type: ignore[arg-type]


def test_a_room_vanishes_with_its_last_member() -> None:
    fanout = Fanout()
    rooms, one, two = Rooms(fanout, most=2, members=2), member(fanout), member(fanout)
    assert (rooms.join("tea", one), rooms.join("tea", two), rooms.join("tea", two)) == (True, True, False)
    assert (rooms.sizes(), len(rooms)) == ({"tea": 2}, 1)
    assert (rooms.leave("tea", one), rooms.leave("tea", one)) == (True, False)
    assert rooms.leave("coffee", one) is False
    assert rooms.leave("tea", two) is True
    assert (rooms.sizes(), len(rooms)) == ({}, 0)
    rooms.publish("tea", b"nobody hears this")
    assert fanout.counts.published == 0


def test_at_the_bounds_nobody_gets_in_and_nothing_is_left_behind() -> None:
    fanout = Fanout()
    rooms = Rooms(fanout, most=1, members=1)
    one, two = member(fanout), member(fanout)
    rooms.join("tea", one)
    with pytest.raises(Full, match="no more can be opened"):
        rooms.join("coffee", two)
    with pytest.raises(Full, match="room tea has 1"):
        rooms.join("tea", two)
    assert rooms.sizes() == {"tea": 1}
    assert rooms.join("tea", one) is False  # who is in stays in
