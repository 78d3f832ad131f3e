"""Header tables and windows over a conversation, and one call of it, as views."""

from __future__ import annotations

import re

import pytest

from protolab import grpc, lab, scenes, show
from protolab.errors import LabError
from protolab.fields import Side


def test_a_ledger_s_last_column_is_the_header_table_as_it_stands() -> None:
    capture = scenes.recording("grpc/headers")
    conversation = show.conversation(capture)
    for side in Side:
        ledger = show.header_table(capture, side)
        table = grpc.tables(conversation, len(conversation) - 1)[side]
        assert ledger.sizes[-1] == table.size and ledger.capacity == table.limit
        there = {
            life.entry.id: life.entry for life in ledger.lives if life.marks[-1] in ("+", "*", "\N{MIDDLE DOT}", "+*")
        }
        assert [(each.name, each.value) for each in there.values()] == [
            (row.name, row.value) for row in table.rows[::-1]
        ]
    assert "- evicted" in ledger.text() and " -" in show.header_table(capture).text().splitlines()[3]


def test_windows_show_who_waited() -> None:
    capture = scenes.recording("grpc/flow")
    conversation = show.conversation(capture)
    drawn = show.windows(capture)
    waits = grpc.blocked(conversation)
    (mine,) = [each for each in drawn.series if each.blocked]
    assert mine.name == "server, stream 1"
    assert list(mine.blocked) == [(each.since, each.until) for each in waits] and len(waits) == 3
    assert mine.at(waits[0].since) == 0 and "0 blocked" in drawn.text()
    assert [each.name for each in show.windows(scenes.recording("grpc/four-calls"), 5).series][2:] == [
        "client, stream 5",
        "server, stream 5",
    ]


def test_a_ladder_of_one_stream_is_one_call() -> None:
    capture = scenes.recording("grpc/four-calls")
    ladder = show.ladder(capture, lane=5)
    numbers = [step["unit"] for step in ladder.json()["connections"][0]["steps"] if "unit" in step]
    assert numbers == [unit.place.number for unit in show.conversation(capture) if unit.lane == 5]
    assert "grpc, stream 5" in ladder.text() and "call Calls/Sum" in ladder.html()
    assert "... 6 more units of 8 in all" in show.ladder(capture, lane=5, limit=2).text()
    assert not re.search(r"stream [137] ", ladder.text())


@pytest.mark.parametrize("limit", [2, 500])
def test_a_lanes_ladder_counts_its_units_alone_and_gives_each_end_a_step_of_its_own(limit):
    with lab.repeatable():
        summary, *lines = show.ladder(scenes.recording("grpc/four-calls"), lane=5, limit=limit).text().splitlines()
    assert summary == "capture grpc/four-calls: 1 connection, 8 units"
    assert [line.split()[0] for line in lines if "FIN:" in line] == ["49", "50"]


def test_a_protocol_without_tables_says_so() -> None:
    with pytest.raises(LabError, match="websocket has no such tables"):
        show.header_table(scenes.recording("websocket/hello"))
    with pytest.raises(LabError, match="websocket has no such tables"):
        show.windows(scenes.recording("websocket/hello"))
