"""Text that is safe to show and lines up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.fields import Field
from protolab.view.text import (
    aligned,
    bit_lines,
    carets,
    fitted,
    hex_lines,
    printable,
    quoted,
    value_text,
    width,
    wrapped,
)


@settings(deadline=None)
@given(st.text())
def test_printable_text_is_one_safe_line(text: str) -> None:
    shown = printable(text)
    assert "\n" not in shown and "\x1b" not in shown and not any("\u202a" <= char <= "\u202e" for char in shown)
    shown.encode()  # no lone surrogate is left
    assert printable(shown) == shown


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(3, 40))
def test_fitted_text_fits(text: str, columns: int) -> None:
    assert width(fitted(printable(text), columns)) <= columns


@settings(deadline=None)
@given(st.text(alphabet="ab 日\u0301", max_size=80), st.integers(8, 40))
def test_wrapped_lines_fit_and_lose_only_spaces(text: str, columns: int) -> None:
    lines = wrapped(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@settings(deadline=None)
@given(st.lists(st.lists(st.lists(st.text("ab日", max_size=5), max_size=3), min_size=3, max_size=3), max_size=5))
def test_columns_start_where_their_header_does(rows: list[list[list[str]]]) -> None:
    lines = aligned([[["one"], ["two"], ["|"]], *([a, b, ["|"]] for a, b, _ in rows)])
    bars = [line[: line.index("|")] for line in lines if "|" in line]
    assert len(bars) == len(rows) + 1
    assert len({width(bar) for bar in bars}) == 1


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_hexadecimal_keeps_every_byte_of_what_it_shows(data: bytes) -> None:
    lines = hex_lines(data)
    shown = b"".join(bytes.fromhex(digits) for at, digits, _ in lines if at is not None)
    if len(data) <= 256:
        assert shown == data
    else:
        assert (shown[:160], shown[160:]) == (data[:160], data[-32:])
        assert f"... {len(data) - 192:,} bytes more ..." in [digits for _, digits, _ in lines]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=64), st.data())
def test_carets_stand_under_the_bytes_they_mean(data: bytes, source: st.DataObject) -> None:
    start = source.draw(st.integers(0, len(data) - 1))
    end = source.draw(st.integers(start + 1, len(data)))
    above, under = carets(data, start, end)
    first = under.index("^")
    assert bytes.fromhex(above[first : first + 2]) == data[start : start + 1]
    meant = (under.count("^") + 1) // 3
    assert bytes.fromhex(above[first : first + meant * 3 - 1]) == data[start : start + meant]
    assert meant == end - start or under.endswith(f" ... to byte {end - 1}")


def test_carets_point_between_bytes_and_past_the_end() -> None:
    assert carets(b"abc", 1, 1) == ("byte 0:  61 62 63", "            ^ here")
    assert carets(b"abc", 3, 3) == ("byte 0:  61 62 63", "                  ^ here")
    assert carets(b"", 0, 0) == ("byte 0:  ", "         ^ here")


def test_bits_stand_at_their_place() -> None:
    stream = Field("stream id", 0, 4, 1, bits=(1, 32))
    assert bit_lines(stream, b"\x80\x00\x00\x01") == [".000 0000  0000 0000", "0000 0000  0000 0001"]


def test_values_read_as_a_person_writes_them() -> None:
    assert value_text({"a": [1, "x"]}) == '"a": 1, "x"'
    assert value_text(b"\x00" * 100).endswith("... (100 bytes)")
    assert quoted("x" * 500).endswith('..." (500 characters)')
    assert value_text(2**10000).endswith("characters)")
