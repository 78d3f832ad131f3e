"""Timelines: spans and marks on one axis, in text, HTML and JSON; which units stand beside spans."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab import show
from protolab.fields import Side
from protolab.units import Span
from protolab.view import Mark, Timeline
from protolab.view.timeline import MARK, PICTURED, WIDE, around
from tests.view.build import Lines, Page, talk

SPANS = [
    Span("run", 10.002, 0.008, 0, "", "run"),
    Span("read", 10.0, 0.002, 0, "", "read"),
    Span("inner", 10.004, 0.002, 1, "keys 1, 2\x1b[31m", "call"),
]
MARKS = [Mark(10.0, "asked", "from the client"), Mark(10.01, "answered")]


def timeline(**more: object) -> Timeline:
    return Timeline("What ran", SPANS, MARKS, counts=[("calls", 1200)], notes=["A note."], **more)  # type: ignore[arg-type]


def test_rows_stand_in_the_order_of_time_with_bars_on_one_axis() -> None:
    assert (
        timeline().text()
        == """\
What ran

          at ms  took  0                                          10.00
asked      0.00        ▼                                                 from the client
read       0.00  2.00  ██████████
run        2.00  8.00           ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
  inner    4.00  2.00                     ▒▒▒▒▒▒▒▒▒▒                     keys 1, 2\\x1b[31m
answered  10.00                                                       ▼

█ read   ▓ run   ▒ call   ▼ said
calls: 1,200
A note."""
    )


def test_html_has_the_table_and_a_picture_that_says_the_same_in_words() -> None:
    page = Page(timeline().html())
    assert "read 0.00 2.00 read run 2.00 8.00 run" in page.text
    assert "Timeline of 10.00 ms: asked at 0.00; read 0.00 to 2.00; run 2.00 to 10.00" in page.text
    assert "calls: 1,200" in page.text and "A note." in page.text and "keys 1, 2\\x1b[31m" in page.text
    (picture,) = page.pictures
    assert {"read", "run", "inner", "asked", "10.00 ms"} <= set(picture.itertext())
    sizes = [float(one.get("width") or 0) for one in picture if (one.get("fill") or "").startswith("url")]
    assert sizes[:3] == pytest.approx([104, 416, 104], abs=0.1), "as long as they took, of 520"
    assert len(sizes) == 6, "and a legend"


def test_logical_times_are_steps() -> None:
    made = timeline(logical=True)
    assert "at step" in made.text() and "run             2     8" in made.text()
    assert "10 steps" in set(Page(made.html()).pictures[0].itertext())
    assert made.json()["logical"] is True


def test_json_says_the_same_for_programs() -> None:
    found = timeline().json()
    assert json.loads(json.dumps(found)) == found
    assert [(row["name"], row["at"], row["length"], row["depth"]) for row in found["rows"]][1:3] == [
        ("read", 0.0, 0.002, 0),
        ("run", 0.002, 0.008, 0),
    ]
    assert found["counts"] == {"calls": 1200}


def test_what_is_not_drawn_is_counted() -> None:
    many = Timeline("Many", [Span(f"span {number}", number, 1) for number in range(700)])
    assert "... 200 more of 700 rows" in many.text()
    assert len([line for line in many.text().splitlines() if line.startswith("span ")]) == 500
    page = many.html()
    assert len(page) <= 210_000 and "more of 700 rows" in Page(page).text
    assert len([one for one in Page(page).pictures[0] if (one.get("fill") or "").startswith("url")]) == PICTURED
    assert many.json()["left_out"] == 200
    assert Timeline("Few", SPANS, limit=1).text().count("\n") == 6


numbers = st.floats(-1e6, 1e6)


@given(
    st.lists(
        st.builds(Span, st.text(), numbers, st.floats(0, 1e6), st.integers(0, 99), st.text(), st.text()), max_size=12
    )
)
def test_any_spans_are_drawn_inside_the_axis(spans: list[Span]) -> None:
    made = Timeline("t", spans, [Mark(0.0, "m")])
    Page(made.html())
    for row in made.rows:
        bar = made._bar(row)
        assert len(bar.strip()) >= 1 and len(bar) <= WIDE
        assert bar.endswith(MARK) == (row.length is None)


def test_nothing_makes_an_empty_timeline() -> None:
    made = Timeline("Nothing", [])
    assert made.text().startswith("Nothing") and not Page(made.html()).pictures


C, S = Side.CLIENT, Side.SERVER
SAID = [(C, b"ask 1\n", 1.0), (S, b"answer 1\n", 2.0), (C, b"head 2\n", 3.0), (C, b"ask 2\n", 3.1),
        (S, b"meanwhile\n", 3.5), (S, b"answer 2\n", 4.5), (S, b"more\n", 4.6), (C, b"ask 3\n", 5.0)]  # fmt: skip


def test_the_units_around_spans_are_what_they_answer_and_what_answers() -> None:
    units = list(Lines(talk(*SAID)))
    spans = [Span("work", 103.2, 1.0)]
    assert [mark.name for mark in around(spans, units, 100.0, False)] == [
        "head 2", "ask 2", "meanwhile", "answer 2", "more",
    ]  # fmt: skip
    assert [mark.at for mark in around(spans, units, 100.0, False)] == [103.0, 103.1, 103.5, 104.5, 104.6]
    assert len(around(spans, units, 100.0, False, whole=True)) == len(units)


def test_without_a_clock_in_common_the_client_stands_first_and_the_server_last() -> None:
    units = list(Lines(talk(*SAID[2:7])))
    spans = [Span("work", 0.0, 0.007)]
    assert [(mark.name, mark.at) for mark in around(spans, units, 100.0, True)] == [
        ("head 2", 0.0), ("ask 2", 0.0), ("meanwhile", 0.007), ("answer 2", 0.007), ("more", 0.007),
    ]  # fmt: skip


def test_show_draws_what_has_spans_beside_its_conversation() -> None:
    connection = talk(*SAID)
    connection.capture.began = 100.0
    traced = SimpleNamespace(spans=[Span("work", 103.2, 1.0)], title="A trace", counts=[("calls", 2)])
    text = show.timeline(traced, Lines(connection)).text()
    assert text.startswith("A trace") and "head 2" in text and "ask 1" not in text and "calls: 2" in text
    assert "ask 1" in show.timeline(traced, Lines(connection), units=slice(0, 2)).text()
    with pytest.raises(TypeError, match="a str has no spans"):
        show.timeline("trace")
