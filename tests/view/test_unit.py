"""A unit: bytes and fields side by side, derivations, carets under what is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from protolab.fields import Derived, Field, Side
from protolab.findings import Discard
from protolab.units import Unit, Units
from protolab.view import Exchange, Tree, UnitView
from protolab.view.rows import Heading, rows
from protolab.view.text import elided
from tests.view.build import HELLO, SHOUTING, Page, hello_tree, squeezed, unit, units


def test_a_frame_is_drawn_to_the_bit() -> None:
    assert (
        UnitView(unit(HELLO, hello_tree(), 'text "Hello"')).text()
        == """\
unit 3: text "Hello"
   toy frame from client to server, 11 bytes, bytes 100-110 of what the client said

    0  1... ....              FIN             1        the last fragment
    0  .0.. ....              RSV1            0
    0  ..0. ....              RSV2            0
    0  ...0 ....              RSV3            0
    0  .... 0001              opcode          1        text
    1  1... ....              MASK            1
    1  .000 0101              payload length  5
    2  37 fa 21 3d     7.!=   masking key
    6  7f 9f 4d 51 58  ..MQX  payload         "Hello"
         = unmasked: 5 bytes; XOR with the key
   ›0  48 65 6c 6c 6f  Hello    text          "Hello\""""
    )


def test_findings_stand_under_carets_and_discards_have_their_clause() -> None:
    tree = Field("line", 0, 6, "hello!")
    found = unit(b"hello!", tree, "hello!", (SHOUTING.at(5, 6, Side.CLIENT),), (Discard(0, 2, "a comment", "Toy 3"),))
    assert (
        UnitView(found).text()
        == """\
unit 3: hello!
   toy frame from client to server, 6 bytes, bytes 100-105 of what the client said

   0  68 65 6c 6c 6f 21  hello!  line  "hello!"

   ! shouting: a line must not end in '!' [Toy 2.1]
     byte 2:  6c 6c 6f 21
                       ^^
     at fault: the client; a conforming peer's answer: code 7
     to mend it: end it with a full stop

   - bytes 0-1 thrown away, as a receiver may: a comment [Toy 3]"""
    )
    page = Page(UnitView(found).html())
    for fact in (
        "! shouting: a line must not end in '!' [Toy 2.1]",
        "at fault: the client",
        "end it with a full stop",
        "^^",
    ):
        assert page.text.count(fact) == 1
    assert "- bytes 0-1 thrown away, as a receiver may: a comment [Toy 3]" in page.text


def test_derivations_of_one_field_are_numbered_steps() -> None:
    steps = (
        Derived(
            "doubled",
            b"abab",
            Field("doubled", 0, 4, children=(Field("1", 0, 2, "ab"), Field("2", 2, 4, "ab"))),
            "twice",
        ),
        Derived("reversed", b"baba", Field("reversed", 0, 4, "baba"), "backwards"),
    )
    assert (
        Tree(Field("answer", 0, 2, "ab", derived=steps), b"ab").text()
        == """\
 0  61 62        ab    answer      "ab"
      = step 1: doubled: 4 bytes; twice
›0  61 62        ab      1         "ab"
›2  61 62        ab      2         "ab"
      = step 2: reversed: 4 bytes; backwards
›0  62 61 62 61  baba    reversed  "baba\""""
    )


def test_a_tree_without_bytes_says_where_its_fields_stand() -> None:
    assert (
        Tree(
            Field("byte", 0, 1, children=(Field("high", 0, 1, 4, bits=(0, 4)), Field("low", 0, 1, 1, bits=(4, 8))))
        ).text()
        == """\
byte 0            byte
byte 0, bits 0-3    high  4
byte 0, bits 4-7    low   1"""
    )


def test_punctuation_shares_a_row() -> None:
    header = Field(
        "Host",
        0,
        8,
        "ab",
        children=(
            Field("name", 0, 4, "Host"),
            Field("colon", 4, 5),
            Field("space", 5, 6),
            Field("value", 6, 8, "ab"),
        ),
    )
    assert (
        Tree(header, b"Host: ab").text()
        == """\
                      Host            "ab"
0  48 6f 73 74  Host    name
4  3a 20        :       colon, space
6  61 62        ab      value"""
    )


def test_a_long_field_keeps_its_ends_and_says_what_is_left_out() -> None:
    data = bytes(1000)
    text = UnitView(unit(data, Field("payload", 0, 1000, data))).text()
    assert "... 808 bytes more ..." in text
    assert text.rstrip().splitlines()[-1].startswith("   992  00 00")
    assert len(text.splitlines()) < 40
    assert "... 808 bytes more ..." in Page(UnitView(unit(data, Field("payload", 0, 1000, data))).html()).text


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    text = UnitView(unit(b"", Field("empty", 0, 0, "x" * 3000))).text()
    assert "(3,000 characters)" in squeezed(text)


def test_500_rows_are_drawn_and_the_rest_is_counted() -> None:
    data = bytes(2000)
    many = Field("all", 0, 2000, children=tuple(Field("byte", i, i + 1, 0) for i in range(2000)))
    view = UnitView(unit(data, many))
    assert "... 1,500 more rows of 2,000 in all" in view.text()
    page = Page(view.html())
    assert "more rows of 2,000 in all" in page.text
    assert len(page.cells) <= 501
    assert len(view.html()) < 205_000


def test_many_units_share_one_bound() -> None:
    line = unit(b"ab", Field("all", 0, 2, children=(Field("a", 0, 1, "a"), Field("b", 1, 2, "b"))))
    view = Exchange(Units([line] * 400))
    assert "more units of 400 in all" in view.text()
    assert view.text().count("unit 3") < 200
    page = Page(view.html())
    assert "more units of 400 in all" in page.text
    assert len(view.html()) < 205_000
    assert view.json()["total"] == 400


def test_thousands_of_findings_are_counted() -> None:
    view = UnitView(unit(b"!", Field("line", 0, 1), findings=(SHOUTING.at(0, 1, Side.CLIENT),) * 3000))
    assert "... 2,950 more findings of 3,000 in all" in view.text()
    assert "... 2,950 more findings of 3,000 in all" in Page(view.html()).text


def test_an_exchange_draws_unit_after_unit() -> None:
    one = unit(b"a", Field("a", 0, 1, "a"), "first")
    two = unit(b"b", Field("b", 0, 1, "b"), "second", side=Side.SERVER)
    text = Exchange(Units([one, two])).text()
    assert text == f"{UnitView(one).text()}\n\n{UnitView(two).text()}"
    assert Exchange(Units()).text() == "no units"


def test_what_is_not_complete_says_so() -> None:
    assert "not complete yet" in UnitView(unit(b"a", Field("a", 0, 1), complete=False)).text()
    assert "stream 5" in UnitView(unit(b"a", Field("a", 0, 1), lane=5)).text()


def test_json_holds_the_tree() -> None:
    found = UnitView(unit(HELLO, hello_tree())).json()
    assert json.loads(json.dumps(found)) == found
    assert found["bytes"] == {"length": 11, "hex": HELLO.hex()}
    assert found["field"]["children"][4] == {
        "name": "opcode", "start": 0, "end": 1, "value": 1, "bits": [4, 8], "note": "text",
    }  # fmt: skip
    (derived,) = found["field"]["children"][8]["derived"]
    assert (derived["name"], derived["bytes"]["hex"], derived["field"]["value"]) == (
        "unmasked",
        b"Hello".hex(),
        "Hello",
    )
    assert "at" not in found, "a unit does not know whether its capture shows times"


@pytest.mark.parametrize("value", [2**53, 2**10000, float("nan"), "\ud800", {1: b"x"}, object])
def test_every_value_becomes_json_that_utf8_can_carry(value: object) -> None:
    found = UnitView(unit(b"", Field("f", 0, 0, value))).json()
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode()


@settings(deadline=None)
@given(units())
def test_any_unit_is_drawn_in_every_form(found: Unit) -> None:
    for view in (UnitView(found), Exchange(Units([found])), Tree(found.field, found.data), Tree(found.field)):
        text = view.text()
        assert all(char.isprintable() or char == "\n" for char in text)
        assert squeezed(Page(view.html()).text).isprintable()
        json.dumps(view.json(), ensure_ascii=False, allow_nan=False).encode()


@settings(deadline=None)
@given(units())
def test_html_without_its_styles_still_holds_every_fact(found: Unit) -> None:
    said = Page(UnitView(found).html()).text
    for row in rows(found.field, found.data):
        facts = (
            [row.says, row.name]
            if isinstance(row, Heading)
            else [row.name, row.value, row.note, *(x for _, x, _ in row.lines)]
        )
        if row.depth:  # the root's name is left out where the heading says it
            assert all(squeezed(fact) in said for fact in facts)
    for finding in found.findings:
        assert squeezed(elided(finding.message)) in said
    for discard in found.discards:
        assert squeezed(elided(discard.why)) in said
