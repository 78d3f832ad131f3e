"""The 32-bit-wide picture: aligned to the bit, filled with what is really there."""

from __future__ import annotations

import json
from itertools import takewhile

import pytest
from hypothesis import given, settings

from protolab.fields import Derived, Field
from protolab.units import Unit
from protolab.view import Picture
from tests.view.build import HELLO, Page, hello_tree, unit, units


def test_the_masked_hello_looks_like_section_5_2() -> None:
    assert (
        Picture(unit(HELLO, hello_tree(), 'text "Hello"')).text()
        == """\
unit 3: text "Hello", 11 bytes

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-------+-+-------------+-------------------------------+
|F|R|R|R|opcode |M|   payload   |          masking key          |
|I|S|S|S|       |A|   length    |                               |
|N|V|V|V|       |S|             |                               |
| |1|2|3|       |K|             |                               |
|1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|      37              fa       |
| | | | |  = 1  | |     = 5     |                               |
+-+-+-+-+-------+-+-------------+-------------------------------+
|                               |            payload            |
|      21              3d       |      7f              9f       |
|                               |           = "Hello"           |
+-------------------------------+ - - - - - - - +---------------+
|      4d              51              58       |
+-----------------------------------------------+"""
    )


def test_a_name_too_long_for_its_box_gets_a_letter_and_a_legend() -> None:
    tree = Field(
        "byte",
        0,
        1,
        children=(
            Field("exclusive", 0, 1, True, bits=(0, 1)),
            Field("weighted", 0, 1, False, bits=(1, 2)),
            Field("rest", 0, 1, 33, bits=(2, 8)),
        ),
    )
    assert (
        Picture(tree, b"\xa1").text()
        == """\
byte, 1 byte

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-----------+
|A|B|   rest    |
|1|0|1 0 0 0 0 1|
| | |   = 33    |
+-+-+-----------+

A = exclusive
B = weighted"""
    )


def test_a_long_field_is_shortened_with_the_bytes_counted() -> None:
    text = Picture(Field("payload", 0, 400, None), bytes(range(200)) * 2).text()
    assert "... 384 more bytes of payload ..." in text
    assert text.splitlines()[-2] == "|      c4              c5              c6              c7       |"
    assert len(text.splitlines()) == 16


def test_a_picture_of_very_many_fields_ends_and_says_so() -> None:
    tree = Field("all", 0, 1000, children=tuple(Field("b", i, i + 1) for i in range(1000)))
    view = Picture(tree, bytes(1000))
    assert "... 744 more bytes of 1,000 in all" in view.text()
    assert "... 744 more bytes of 1,000 in all" in Page(view.html()).text


def test_a_field_inside_a_buffer_is_drawn_from_its_own_first_byte() -> None:
    assert "|      62              63       |" in Picture(Field("part", 1, 3), b"abcd").text()


def test_derived_bytes_have_a_picture_and_a_bare_field_has_none() -> None:
    assert Picture(Derived("d", b"ab", Field("d", 0, 2))).text().startswith("d, 2 bytes")
    with pytest.raises(TypeError, match=r"picture\(field, data\)"):
        Picture(Field("f", 0, 1))


def test_html_rows_are_32_bits_wide_with_every_bit_and_byte() -> None:
    page = Page(Picture(unit(HELLO, hello_tree(), 'text "Hello"')).html())
    assert [sum(cells) for cells in page.cells] == [5 - 4 + 32, 33, 33, 25]
    for said in (
        "FIN 1",
        "RSV3 0",
        "opcode 0 0 0 1 = 1",
        "masking key 37 fa",
        "21 3d",
        'payload 7f 9f = "Hello"',
        "4d 51 58",
    ):
        assert page.text.count(said) == 1
    assert "0 1 2 3 4 5 6 7 8 9 10" in page.text
    assert set(page.headers) == {"col", "row"}


@settings(deadline=None)
@given(units())
def test_any_tree_has_a_picture_aligned_to_the_bit(found: Unit) -> None:
    view = Picture(found)
    lines = view.text().splitlines()
    picture = takewhile(bool, lines[4:])  # a blank line parts it from the legend, where a name may begin like a border
    drawn = [line for line in picture if line.startswith(("|", "+"))]
    assert all(len(line) <= 65 or not line.isascii() for line in drawn)
    borders = [line for line in drawn if line.startswith("+") and set(line) <= set("+- ")]
    assert all(position % 2 == 0 for line in borders for position, char in enumerate(line) if char == "+")
    assert all(sum(cells) <= 33 for cells in Page(view.html()).cells)
    json.dumps(view.json(), ensure_ascii=False, allow_nan=False).encode()
