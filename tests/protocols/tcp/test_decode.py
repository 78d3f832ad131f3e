"""Bytes of an unknown protocol: one unit for each turn of the talk, however it grew."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from protolab import protocols
from protolab.fields import Side
from tests.decoding import Said, facts, record, sound

said = st.lists(st.tuples(st.sampled_from(Side), st.binary(min_size=1, max_size=4)), max_size=12)


@given(said, st.integers(1, 4))
def test_a_unit_is_what_one_side_said_before_the_other_spoke(said: list[Said], every: int) -> None:
    growing = record([])
    conversation = protocols.decode(growing, "tcp")
    for number, (side, data) in enumerate(said):
        growing.add(side, data)
        if number % every == 0:
            conversation.update()
    conversation.update()
    units = sound(record(said), "tcp")
    turns = [(side, b"".join(data for _, data in turn)) for side, turn in itertools.groupby(said, lambda one: one[0])]
    assert [(unit.side, unit.data) for unit in units] == turns
    assert [facts(unit) for unit in conversation][:-1] == [facts(unit) for unit in units][:-1]
    assert [unit.data for unit in conversation] == [unit.data for unit in units]
