"""Ledgers and levels: tables that change from step to step, and numbers that steps change."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab import show
from protolab.view import Change, Entry, Ledger, Levels, Series
from tests.view.build import Page

CHANGES = [
    Change("0", "first head", (Entry(1, ":path", "/get", 41), Entry(2, "te", "trailers", 42))),
    Change("4", "second head", (), (), (1, 2)),
    Change("7", "", (Entry(3, ":path", "/list\x1b", 42),), (1,), (2,)),
    Change("9", ""),
]


def ledger() -> Ledger:
    return Ledger("A table", CHANGES, capacity=4096)


def test_each_entry_has_a_row_and_each_step_a_column() -> None:
    assert (
        ledger().text()
        == """\
A table

        value      bytes   0   4   7   9
:path   /get          41   +   *   -
te      trailers      42   +   *   *   ·
:path   /list\\x1b     42           +   ·
in all                    83  83  84  84

+ inserted   * referred to   - evicted   · there
84 of 4,096 bytes are taken
0: first head
4: second head"""
    )


def test_html_and_json_say_the_same() -> None:
    page = Page(ledger().html())
    assert ":path /get 41 + * -" in page.text and "in all 83 83 84 84" in page.text
    assert "84 of 4,096 bytes are taken" in page.text and "0: first head" in page.text
    assert len({sum(row) for row in page.cells}) == 1, "every row has all columns"
    found = ledger().json()
    assert json.loads(json.dumps(found)) == found
    assert [entry["marks"] for entry in found["entries"]] == [
        ["+", "*", "-", ""],
        ["+", "*", "*", "·"],
        ["", "", "+", "·"],
    ]


def test_an_entry_that_comes_and_goes_in_one_step_shows_both() -> None:
    made = Ledger("t", [Change("0", "", (Entry("a", "large"),), ("a",))])
    assert made.lives[0].marks == ("+-",)
    assert "value" not in made.text() and "in all" not in made.text()


def test_many_steps_show_the_newest_and_count_the_rest() -> None:
    changes = [Change(str(n), "", (Entry(n, f"entry {n}", "", 1),), (n - 1,) if n else ()) for n in range(60)]
    text = Ledger("t", changes).text()
    assert "... 20 earlier steps of 60 are left out; 19 entries were gone by then" in text
    assert "entry 18 " not in text and "entry 59" in text
    assert (
        "... 495 more entries of 500"
        in Ledger("t", [Change("0", "", tuple(Entry(n, str(n)) for n in range(500)))], limit=5).text()
    )


def test_ids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="step 0: 7 is not in the table"):
        Ledger("t", [Change("0", referred=(7,))])
    with pytest.raises(ValueError, match="step 1: 7 is not in the table"):
        Ledger("t", [Change("0", inserted=(Entry(7, "n"),), evicted=(7,)), Change("1", referred=(7,))])
    with pytest.raises(ValueError, match="'a' was inserted before"):
        Ledger("t", [Change("0", inserted=(Entry("a", "n"),)), Change("1", inserted=(Entry("a", "n"),))])


WINDOWS = [
    Series("connection", ((0, 65535), (3, 49151), (5, 0), (8, 65535))),
    Series("stream 1", ((1, 65535), (3, 49151), (7, 0), (9, 65535)), ((7, 9),)),
]


def levels() -> Levels:
    return Levels("Windows", WINDOWS, unit="bytes", notes={8: "WINDOW_UPDATE"})


def test_numbers_stay_until_a_step_changes_them() -> None:
    assert (
        levels().text()
        == """\
Windows

unit  connection   stream 1
   0      65,535
   1      65,535     65,535
   3      49,151     49,151
   5           0     49,151
   7           0  0 blocked
   8      65,535  0 blocked  WINDOW_UPDATE
   9      65,535     65,535

connection  ███▆▆___██
stream 1     ██▆▆▆▆__█
                   xx

x blocked: what is to be sent waits"""
    )


def test_the_picture_is_a_line_of_steps_with_the_blocked_times_marked() -> None:
    page = Page(levels().html())
    assert "Steps by unit, in bytes. connection: 65,535 from 0, 49,151 from 3, 0 from 5, 65,535 from 8" in page.text
    assert "blocked 7 to 9" in page.text and "7 0 0 blocked" in page.text
    (picture,) = page.pictures
    assert {"connection", "stream 1", "blocked", "65,535"} <= set(picture.itertext())
    lines = [one for one in picture if one.tag.endswith("path")]
    assert [line.get("d", "")[:8] for line in lines] == ["M70.0 30", "M127.8 3"], "each from its first step"
    assert len({line.get("stroke-dasharray") for line in lines}) == 2, "told apart without colour"


def test_json_has_the_points_and_the_intervals() -> None:
    found = levels().json()
    assert json.loads(json.dumps(found)) == found
    assert found["series"][1]["blocked"] == [[7, 9]]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(-(2**31), 2**31)), max_size=9), st.text(max_size=9))
def test_any_numbers_are_drawn(points: list[tuple[int, int]], name: str) -> None:
    made = Levels(name, [Series(name, tuple(sorted(points))), Series("other", ())], unit=name)
    page = Page(made.html())
    assert len(page.pictures) == bool(points)
    starts = {line.split()[0] for line in made.text().splitlines() if line.split()}
    assert {str(at) for at, _ in points} <= starts


def test_points_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="w: points must be in the order"):
        Levels("t", [Series("w", ((2, 1), (1, 1)))])


def test_show_offers_both() -> None:
    assert show.ledger("A table", CHANGES, capacity=4096).text() == ledger().text()
    assert show.levels("Windows", WINDOWS, unit="bytes", notes={8: "WINDOW_UPDATE"}).text() == levels().text()


def test_a_picture_of_many_steps_stays_small() -> None:
    many = Series(
        "window", tuple((step, step % 7) for step in range(9000)), tuple((at, at + 1) for at in range(0, 9000, 2))
    )
    assert len(Levels("windows", [many])._repr_mimebundle_()["text/html"]) < 200_000
