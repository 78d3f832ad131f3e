"""Columns: one entry for each unit and each end, in order; surveys, made in pieces; parts of a unit, flat."""

from __future__ import annotations

import struct
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab import scenes, show
from protolab.capture import Capture
from protolab.errors import LabError
from protolab.fields import Derived, Field, Side
from protolab.findings import Discard
from protolab.view.columns import (
    DISCARDS,
    END,
    FINDINGS,
    NO_LANE,
    SERVER,
    UNFINISHED,
    Survey,
    columns,
    kind_of,
)
from protolab.view.explore import needle
from protolab.view.parts import BYTES, FIELDS, parts, unit_parts
from tests.view.build import HELLO, SHOUTING, Lines, hello_tree, talk, trees, unit

FOREVER = 10**9


def toy(*said, logical=False):
    capture = Capture("toy")
    capture.logical = logical
    return Lines(talk(*said, capture=capture))


def test_a_unit_is_a_row_and_an_end_is_one_where_it_came():
    conversation = toy((Side.CLIENT, b"hi\n", 1.0), (Side.SERVER, b"oh!\n", 2.0), (Side.SERVER, b"part", 4.0))
    conversation.connection.end(Side.CLIENT, "FIN", 3.0)
    found = columns([conversation], logical=False)
    assert list(found.sides) == [0, SERVER, END, SERVER | UNFINISHED]
    assert struct.unpack("<4I", found.sizes) == (3, 4, 0, 4)
    assert list(found.numbers) == [0, 1, 0, 2]
    assert struct.unpack("<4d", found.times) == (1.0, 2.0, 3.0, 4.0)
    assert found.owners == b""


def test_several_connections_are_one_run_by_time_and_keep_their_own_order():
    first = toy((Side.CLIENT, b"a\n", 1.0), (Side.CLIENT, b"b\n", 4.0))
    second = toy((Side.SERVER, b"c\n", 2.0), (Side.SERVER, b"d\n", 3.0))
    found = columns([first, second], logical=False)
    assert struct.unpack("<4H", found.owners) == (0, 1, 1, 0)
    assert list(found.numbers) == [0, 0, 1, 1]


def test_a_logical_capture_shows_no_time_and_no_order_that_differs_between_runs():
    said = [(Side.CLIENT, b"a\n", 1.0), (Side.CLIENT, b"b\n", 4.0)], [(Side.SERVER, b"c\n", 2.0)]
    found = columns([toy(*each, logical=True) for each in said], logical=True)
    assert found.times == b""
    assert struct.unpack("<3H", found.owners) == (0, 0, 1)


@pytest.mark.parametrize("name", scenes.scenarios())
def test_the_columns_of_every_recording_are_its_units(name):
    conversation = show.conversation(scenes.recording(name))
    found = columns([conversation], logical=True)
    units = [(side, number) for side, number in zip(found.sides, found.numbers, strict=True) if not side & END]
    sizes = [
        size for size, side in zip(struct.iter_unpack("<I", found.sizes), found.sides, strict=True) if not side & END
    ]
    assert units == [
        (unit.side | (0 if unit.place.complete else UNFINISHED), unit.place.number) for unit in conversation
    ]
    assert sizes == [(len(unit.data),) for unit in conversation]


def survey_of(conversation):
    survey = Survey(conversation, [])
    return survey, survey.extend(0, FOREVER)


def test_a_survey_tells_kinds_marks_and_lanes():
    conversation = toy((Side.CLIENT, b"hi\noh!\n#no\n7:x\n", 1.0))
    survey, (count, found) = survey_of(conversation)
    assert (count, survey.kinds) == (4, ["line"])
    assert [list(found[0]), list(found[1])] == [[0, 0, 0, 0], [0, FINDINGS, DISCARDS, 0]]
    assert struct.unpack("<4i", found[2]) == (NO_LANE, NO_LANE, NO_LANE, 7)


def test_a_survey_made_in_pieces_is_the_same_and_each_piece_is_short():
    conversation = toy((Side.CLIENT, b"hi\noh!\n" * 500, 1.0))
    _, (_, whole) = survey_of(conversation)
    survey, joined, first = Survey(conversation, []), [b"", b"", b""], 0
    while first < len(conversation):
        count, found = survey.extend(first, time.monotonic() + 1e-9)
        assert 0 < count <= 256
        joined = [a + b for a, b in zip(joined, found, strict=True)]
        first += count
    assert joined == whole


def test_what_is_not_complete_is_surveyed_again_when_bytes_came():
    connection = talk((Side.CLIENT, b"hi\noh!", 1.0))
    conversation = Lines(connection)
    survey, (count, found) = survey_of(conversation)
    assert (count, list(found[1])) == (2, [0, FINDINGS])
    connection.add(Side.CLIENT, b" well\nyes!\n", 2.0)
    conversation.update()
    count, found = survey.extend(0, FOREVER)
    assert (count, list(found[1])) == (3, [0, 0, FINDINGS])


def test_more_kinds_than_a_byte_can_number_share_the_last():
    kinds: list[str] = []
    numbers = [kind_of(unit(b"", Field("x", 0, 0))._replace(kind=str(i)), kinds) for i in range(300)]
    assert numbers[:256] == list(range(256)) and set(numbers[256:]) == {255}


def test_the_parts_of_a_unit_link_what_was_derived_to_a_buffer_of_its_own():
    found, buffers = parts(hello_tree(), HELLO)
    assert buffers == [HELLO, b"Hello"]
    heading, text = found["fields"][-2:]
    assert (heading["name"], heading["derives"], heading["buffer"]) == ("unmasked", True, 1)
    assert (text["name"], text["buffer"], text["start"], text["end"], text["depth"]) == ("text", 1, 0, 5, 3)
    assert [row["bits"] for row in found["fields"] if row["name"] == "opcode"] == [".... 0001"]


@given(st.binary(min_size=1, max_size=12).flatmap(lambda data: st.tuples(st.just(data), trees(0, len(data)))))
def test_the_leaves_of_the_first_buffer_cover_every_byte_of_it(made):
    data, tree = made
    found, buffers = parts(tree, data)
    rows = [row for row in found["fields"] if row["buffer"] == 0 and row["leaf"]]
    assert {at for row in rows for at in range(row["start"], row["end"])} == set(range(len(data)))
    assert all(below["depth"] <= row["depth"] + 1 for row, below in pairwise(found["fields"]))
    assert len(buffers) == len(found["buffers"])


def test_parts_are_bounded_and_say_what_is_left():
    leaves = tuple(Field("x", at, at + 1) for at in range(FIELDS + 9))
    found, _ = parts(Field("all", 0, len(leaves), children=leaves), bytes(len(leaves)))
    assert (len(found["fields"]), found["left"]) == (FIELDS, 10)
    found, (sent,) = parts(Field("all", 0, BYTES + 5), bytes(BYTES + 5))
    assert (len(sent), found["buffers"][0]["size"]) == (BYTES, BYTES + 5)


def test_a_tree_deeper_than_the_stack_has_its_parts():
    tree = Field("x", 0, 1)
    for _ in range(3000):
        tree = Field("x", 0, 1, children=(tree,))
    found, _ = parts(tree, b"a")
    assert found["fields"][-1]["depth"] == 3000


def test_findings_and_discards_say_what_they_are_about():
    made = unit(
        b"oh!",
        Field("all", 0, 3),
        findings=(SHOUTING.at(2, 3, Side.CLIENT),),
        discards=(Discard(0, 1, "old", "Toy 4"),),
    )
    found, _ = unit_parts(made)
    (finding,), (discard,) = found["findings"], found["discards"]
    assert finding["says"] == "shouting: a line must not end in '!' [Toy 2.1]" and "code 7" in finding["more"]
    assert (finding["start"], finding["end"]) == (2, 3)
    assert "old" in discard["says"] and "Toy 4" in discard["says"]


def test_what_is_derived_from_what_was_derived_is_a_third_buffer():
    inner = Derived("inner", b"b", Field("b", 0, 1))
    outer = Derived("outer", b"aa", Field("a", 0, 2, derived=(inner,)))
    found, buffers = parts(Field("all", 0, 1, derived=(outer,)), b"x")
    assert buffers == [b"x", b"aa", b"b"]
    assert [(row["name"], row["buffer"]) for row in found["fields"]] == [
        ("all", 0), ("outer", 1), ("a", 1), ("inner", 2), ("b", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["8", "zz", "81 0"])
def test_hexadecimal_that_is_none_says_what_to_write(text):
    with pytest.raises(LabError, match="pairs of digits"):
        needle(text, True)
