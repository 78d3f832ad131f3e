"""Charts: a table with bars, in text, HTML and JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab.view import Chart, Column
from protolab.view.chart import MARKS, WIDE
from tests.view.build import Page

COLUMNS = (Column("inside", part=True), Column("outside", part=True), Column("seconds it took", 2))


def chart() -> Chart:
    rows = [("first", (3000, 1000, 0.126)), ("the second", (10, 190, None)), ("none", (0, 0, 0.0))]
    return Chart("What was measured", COLUMNS, rows, unit="bytes", notes=["Measured here.\x1b[31m"])


def test_a_chart_is_a_table_with_bars_and_notes() -> None:
    assert (
        chart().text()
        == """\
What was measured

                             seconds it
            inside  outside        took
first        3,000    1,000        0.13
the second      10      190
none             0        0        0.00

░ inside   ▒ outside   (one mark: 67 bytes)
first       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ 4,000
the second  ▒▒▒ 200
none         0

Measured here.\\x1b[31m"""
    )


def test_html_has_the_table_and_a_picture_that_says_the_same_in_words() -> None:
    page = Page(chart().html())
    assert "What was measured inside outside seconds it took first 3,000 1,000 0.13 the second 10 190" in page.text
    assert (
        "Bars, in bytes: first 4,000 (inside 3,000, outside 1,000); the second 200 (inside 10, outside 190)"
        in page.text
    )
    assert "Measured here.\\x1b[31m" in page.text
    assert set(page.headers) == {"col", "row"}
    (picture,) = page.pictures
    assert {"first", "the second", "inside", "outside", "4,000", "200"} <= set(picture.itertext())


def test_the_picture_s_bars_are_as_long_as_the_numbers() -> None:
    (picture,) = Page(chart().html()).pictures
    bars = [one for one in picture if (one.get("fill") or "").startswith("url")][2:]  # after the legend
    sizes = [float(bar.get("width") or 0) for bar in bars]
    assert sizes == pytest.approx([360, 120, 1.2, 22.8], abs=0.06)
    assert [bar.get("fill") for bar in bars] == ["url(#p0)", "url(#p1)"] * 2


def test_json_says_the_same_for_programs() -> None:
    found = chart().json()
    assert json.loads(json.dumps(found)) == found
    assert found["rows"][1] == {"name": "the second", "values": [10, 190, None]}
    assert [column["part"] for column in found["columns"]] == [True, True, False]


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=4, max_size=4), min_size=1, max_size=4), st.text(max_size=50))
def test_any_numbers_and_names_are_drawn_and_bars_keep_their_proportions(rows: list[list[int]], name: str) -> None:
    columns = [Column(f"{name}{number}", part=True) for number in range(4)]
    made = Chart(name, columns, [(name, values) for values in rows], unit=name, notes=[name])
    Page(made.html())
    most = max(map(sum, rows))
    bars = [[said.count(mark) for mark in MARKS] for _, said in made._bars()]
    for values, marks in zip(rows, bars, strict=True):
        for value, count in zip(values, marks, strict=False):
            assert abs(count - value * WIDE / (most or 1)) <= 1
        assert sum(marks) == round(sum(values) * WIDE / (most or 1))


def test_a_chart_without_parts_has_no_bars() -> None:
    made = Chart("Plain", [Column("n")], [("a", [1])])
    assert made.text() == "Plain\n\n   n\na  1"
    assert not Page(made.html()).pictures


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="a: 1 numbers for 3 columns"):
        Chart("", COLUMNS, [("a", [1])])
    with pytest.raises(ValueError, match="a: a part of a bar cannot be negative"):
        Chart("", COLUMNS, [("a", [1, -1, 0])])
    with pytest.raises(ValueError, match="8 parts, not 9"):
        Chart("", [Column("n", part=True)] * 9, [])
