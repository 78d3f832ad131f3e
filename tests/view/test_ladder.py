"""The ladder: who said what when, one line each, and nothing but logic in a repeatable run."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.capture import Capture, Connection
from protolab.fields import Side
from protolab.view import Ladder
from tests.view.build import Lines, Page, squeezed, talk

C, S = Side.CLIENT, Side.SERVER


def ladder(connection: Connection, **how: Any) -> Ladder:
    return Ladder([Lines(connection)], connection.capture, **how)


def quarrel() -> Connection:
    connection = talk(
        (C, b"hello\n", 0.001), (S, b"hello yourself\n", 0.0025), (C, b"#hm\nbe quiet!\n", 0.1), (S, b"no", 1.5)
    )
    connection.end(S, "RST", 1.75)
    return connection


def test_a_ladder_has_one_line_for_each_unit_and_each_end() -> None:
    assert (
        ladder(quarrel()).text()
        == """\
capture toy: 1 connection, 5 units, 37 bytes

connection 1, lines: client 10.0.0.1:49152, server 10.0.0.2:7070
  unit   seconds  client                                                  server    bytes
     0    0.0010  hello ───────────────────────────────────────────────────────→        6
     1    0.0025  ←────────────────────────────────────────────── hello yourself       15
     2    0.1000  #hm ─────────────────────────────────────────────────────────→        4  - a comment
     3    0.1000  be quiet! ───────────────────────────────────────────────────→       10  ! shouting
     4    1.5000  ←────────────────────────────────────────────────────────── no        2  ~
          1.7500  ├╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ RST: the server broke off

! a broken rule   - bytes that the receiver throws away, as it may   ~ not complete yet"""
    )


def test_a_repeatable_run_shows_steps_and_no_address() -> None:
    connection = quarrel()
    connection.capture.logical = True
    assert (
        ladder(connection).text()
        == """\
capture toy: 1 connection, 5 units, 37 bytes

connection 1, lines
  unit  step  client                                                  server    bytes
     0     1  hello ───────────────────────────────────────────────────────→        6
     1     2  ←────────────────────────────────────────────── hello yourself       15
     2     3  #hm ─────────────────────────────────────────────────────────→        4  - a comment
     3     4  be quiet! ───────────────────────────────────────────────────→       10  ! shouting
     4     5  ←────────────────────────────────────────────────────────── no        2  ~
           6  ├╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ RST: the server broke off

! a broken rule   - bytes that the receiver throws away, as it may   ~ not complete yet"""
    )


@settings(deadline=None)
@given(st.lists(st.integers(1, 36), max_size=5), st.floats(0.001, 1000), st.integers(1, 65535))
def test_a_repeatable_run_is_the_same_in_every_form_whatever_the_machine_did(
    cuts: list[int], pace: float, port: int
) -> None:
    said = b"hello\n#hm\nbe quiet!\nand so on"
    edges = sorted({0, *(cut for cut in cuts if cut < len(said)), len(said)})
    capture = Capture("toy")
    capture.logical = True
    connection = capture.connect(f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}")
    for number, (start, end) in enumerate(pairwise(edges)):
        connection.add(C, said[start:end], number * pace)
    connection.end(C, "FIN", 100 * pace)
    once = capture.connect("a", "b")
    once.add(C, said, 0.5)
    once.end(C, "FIN", 0.75)
    once.number = 1
    assert Ladder([Lines(connection)]).bundle() == Ladder([Lines(once)]).bundle()


def test_html_puts_each_title_on_the_side_that_spoke() -> None:
    page = Page(ladder(quarrel()).html())
    assert "unit seconds client direction server bytes remarks" in page.text
    assert "0 0.0010 hello → 6" in page.text
    assert "1 0.0025 ← hello yourself 15" in page.text
    assert "3 0.1000 be quiet! → 10 ! shouting" in page.text
    assert "1.7500 ⊢ RST: the server broke off" in page.text
    assert set(page.headers) == {"col", "row"}
    assert len({sum(cells) for cells in page.cells}) == 1


def test_json_says_the_same_for_programs() -> None:
    found = ladder(quarrel()).json()
    assert json.loads(json.dumps(found)) == found
    (connection,) = found["connections"]
    assert (connection["client"], connection["units"], len(connection["steps"])) == ("10.0.0.1:49152", 5, 6)
    step = connection["steps"][3]
    assert (step["at"], step["side"], step["title"], step["start"], step["end"]) == (0.1, "client", "be quiet!", 10, 20)
    assert [finding["rule"] for finding in step["findings"]] == ["shouting"]
    assert connection["steps"][-1] == {"at": 1.75, "side": "server", "end": "RST"}


def test_an_end_stands_among_the_units_by_its_time() -> None:
    connection = talk((C, b"bye\n", 0.1), (S, b"bye\n", 0.3))
    connection.end(C, "FIN", 0.2)
    text = ladder(connection).text()
    assert text.index("bye ─") < text.index("FIN: no more from the client") < text.index("─ bye")


def test_what_the_capture_dropped_is_said_aloud_in_every_form() -> None:
    connection = talk((C, b"one\ntwo\n", 0.1), capture=Capture("small", limit=4))
    view = ladder(connection)
    says = "! 4 bytes more from the client came after the capture was full and are not in it"
    assert says in view.text()
    assert says in Page(view.html()).text
    assert view.json()["connections"][0]["dropped"] == {"client": 4, "server": 0}


def test_lanes_have_a_column_where_there_are_any() -> None:
    connection = talk((C, b"7:left\n", 0.1), (C, b"right\n", 0.2))
    assert "stream  client" in ladder(connection).text()
    assert "0 0.1000 7 7:left → 7" in Page(ladder(connection).html()).text
    assert ladder(connection).json()["connections"][0]["steps"][0]["lane"] == 7
    assert "stream" not in ladder(quarrel()).text()


def test_a_long_conversation_is_cut_and_says_how_long_it_is() -> None:
    connection = talk(*((C, b"%d\n" % number, number / 10) for number in range(1200)))
    connection.end(C, "FIN", 500.0)
    view = ladder(connection)
    assert "... 700 more units of 1,200 in all" in view.text()
    assert view.text().index("... 700 more") < view.text().index("FIN")
    page = Page(view.html())
    assert "more units of 1,200 in all" in page.text and "FIN: no more from the client" in page.text
    assert 300 < len(page.cells) < 510
    later = ladder(connection, start=1190).text()
    assert "1199" in later and "1189" not in later and "... earlier units are left out" in later


def test_html_stays_under_200_kilobytes() -> None:
    connection = talk(*((C, b"&" * 230 + b"\n", 0.1) for _ in range(500)))
    html = ladder(connection).html()
    assert len(html) < 205_000
    assert "more units of 500 in all" in Page(html).text


def test_the_limit_holds_for_all_connections_together() -> None:
    capture = Capture("many")
    talks = [Lines(talk((C, b"x\n" * 30, 0.1), capture=capture)) for _ in range(4)]
    view = Ladder(talks, capture, limit=50)
    assert view.text().count("─→") == 50
    assert "... 10 more units of 30 in all" in view.text()
    assert view.text().count("... 30 more units of 30 in all") == 2


def test_hostile_titles_stay_on_their_line() -> None:
    connection = talk((C, "a\u202eb\x1b[31m<script>\r".encode() + b"\n", 0.1))
    view = ladder(connection)
    assert "a\\u202eb\\x1b[31m<script>\\r ─" in view.text()
    assert "a\\u202eb\\x1b[31m<script>\\r" in Page(view.html()).text


def test_wide_characters_keep_the_columns() -> None:
    lines = ladder(talk((C, "日本語\n".encode(), 0.1), (C, b"ascii\n", 0.2))).text().splitlines()
    assert lines[4].endswith("→       10") and lines[5].endswith("→        6")
    assert len(lines[4]) + 3 == len(lines[5])  # three characters that are two columns wide


def test_silence_is_said() -> None:
    assert "no unit yet" in ladder(talk()).text()
    assert squeezed(Ladder([], Capture("empty")).text()) == "capture empty: 0 connections, 0 units, 0 bytes"


def test_a_capture_from_the_middle_says_so() -> None:
    capture = Capture("late")
    connection = capture.connect("a:1", "b:2", midway=True)
    assert "connection 1, lines: client a:1, server b:2 (recorded from the middle on)" in ladder(connection).text()
