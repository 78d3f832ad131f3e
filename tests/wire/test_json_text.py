"""JSON texts: every byte explained whatever it is, values as Python's json has them, offsets through escapes, trouble."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protolab.fields import Field, Side, untiled
from protolab.wire import json_text
from protolab.wire.json_text import load, locate, read, strand

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=12,
)
pieces = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b" ", b"\n", b"1", b"-", b"0.5e3", b"true", b"nul"]
    )
    | st.sampled_from(
        [b'"\\u00e9\\n"', b"\\", b"\xff", b"\xef\xbb\xbf", b"NaN", b"'x'", b'"\\ud83d\\ude00"', b'"\\ud800"']
    )
    | st.binary(max_size=4),
    max_size=14,
).map(b"".join)


def checked(data: bytes) -> json_text.Text:
    text = read(data)
    assert (text.field.start, text.field.end) == (0, len(data))
    assert untiled(text.field) is None, (untiled(text.field), data)
    assert b"".join(data[leaf.start : leaf.end] for leaf in text.field.leaves()) == data
    assert all(0 <= found.start < found.end <= len(data) for found in text.findings), text.findings
    return text


def same(a: Any, b: Any) -> bool:
    return json.dumps(a) == json.dumps(b)  # tells 1 from 1.0 and True, and -0.0 from 0.0


@given(pieces)
@settings(max_examples=800, deadline=None)
@example(b"\xef\xbb\xbf{}")
@example(b'[1,2}{"a"')
def test_any_bytes_are_explained_and_judged_as_python_judges_them(data: bytes) -> None:
    text = checked(data)
    try:
        expected = json.loads(data.decode(), parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        assert not text.sound
        assert text.findings or not data
    else:
        assert text.sound and same(text.value, expected)
        surrogate = any(found.rule.id == "json-surrogate" for found in text.findings)
        assert surrogate or all(found.rule.id == "json-name-twice" for found in text.findings)


@given(values, st.booleans(), st.sampled_from([None, 1]))
@settings(deadline=None)
def test_values_are_what_was_written(value: Any, ascii: bool, indent: int | None) -> None:
    text = checked(json.dumps(value, ensure_ascii=ascii, indent=indent).encode("utf-8", "surrogatepass"))
    assert text.sound and same(text.value, value)
    assert all(found.rule.id in ("json-name-twice", "json-surrogate") for found in text.findings)


def spans(field: Field, data: bytes) -> list[tuple[str, bytes]]:
    return [(leaf.name, data[leaf.start : leaf.end]) for leaf in field.leaves()]


def test_every_token_has_its_bytes() -> None:
    data = b'{"id": "1",\n "n": [true, null, -1.5e2]}'
    assert spans(checked(data).field, data) == [
        ("begin object", b"{"),
        ("member name", b'"id"'),
        ("colon", b":"),
        ("space", b" "),
        ("string", b'"1"'),
        ("comma", b","),
        ("space", b"\n "),
        ("member name", b'"n"'),
        ("colon", b":"),
        ("space", b" "),
        ("begin array", b"["),
        ("[0]", b"true"),
        ("comma", b","),
        ("space", b" "),
        ("[1]", b"null"),
        ("comma", b","),
        ("space", b" "),
        ("[2]", b"-1.5e2"),
        ("end array", b"]"),
        ("end object", b"}"),
    ]


TROUBLE = [
    (b'{"a": 1,}', "json-syntax", b",", {"a": 1}),
    (b"[1, 2", "json-cut-off", b"2", [1, 2]),
    (b'["a', "json-cut-off", b'"', ["a"]),
    (b"[1 2]", "json-syntax", b"2", [1, 2]),
    (b'{"a" 1}', "json-syntax", b"1", {"a": 1}),
    (b'{"a": }', "json-syntax", b'"a": ', {}),
    (b"{a: 1}", "json-syntax", b"a", {"a": 1}),
    (b"{1: 1}", "json-syntax", b"1", {"1": 1}),
    (b"[NaN]", "json-syntax", b"NaN", ["NaN"]),
    (b"[01]", "json-syntax", b"01", ["01"]),
    (b"[.5]", "json-syntax", b".5", [".5"]),
    (b"['a']", "json-syntax", b"'a'", ["'a'"]),
    (b"[1] 2", "json-syntax", b"2", [1]),
    (b"]", "json-syntax", b"]", None),
    (b'{"a": [1}', "json-syntax", b"[", {"a": [1]}),
    (b'{"a": 1, "a": 2}', "json-name-twice", b'"a"', {"a": 2}),
    (b'"a\\x"', "json-escape", b"\\x", "a\\x"),
    (b'"a\nb"', "json-control", b"\n", "a\nb"),
    (b'"\\ud800!"', "json-surrogate", b"\\ud800", "\ud800!"),
    (b'"\xff"', "json-utf8", b"\xff", "\N{REPLACEMENT CHARACTER}"),
    (b"\xef\xbb\xbf1", "json-bom", b"\xef\xbb\xbf", 1),
    (b"[1,,2]", "json-syntax", b",", [1, 2]),
    (b"[:1]", "json-syntax", b":", [1]),
    (b" ", "json-cut-off", b" ", None),
]


@pytest.mark.parametrize(("data", "rule", "at", "value"), TROUBLE)
def test_trouble_is_found_where_it_is_and_reading_goes_on(data: bytes, rule: str, at: bytes, value: Any) -> None:
    text = checked(data)
    found = text.findings[0]
    assert (found.rule.id, data[found.start : found.end], text.value) == (rule, at, value)
    assert text.sound == (rule in ("json-name-twice", "json-surrogate"))


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, b"]" * 100_000])
def test_no_depth_exhausts_the_stack(data: bytes) -> None:
    text = checked(data)
    assert len(text.findings) <= json_text.MOST
    assert max(depth for depth, _ in text.field.walk()) < sys.getrecursionlimit() // 4
    assert load(data)[1] == text.sound


def test_what_is_too_deep_stays_whole_and_is_no_fault() -> None:
    data = b"[" * 70 + b'"]"' + b"]" * 70
    text = checked(data)
    deep = text.field.find("unparsed") if text.field.children[0].name == "unparsed" else None
    whole = [leaf for leaf in text.field.leaves() if "deeper" in leaf.note]
    assert deep is None and [data[leaf.start : leaf.end] for leaf in whole] == [b"[" * 6 + b'"]"' + b"]" * 6]
    assert not text.findings and text.sound


@pytest.mark.parametrize("depth", [65, 100, 900])
@pytest.mark.parametrize("inside", [b"oops", b"1 2", b'"\\x"', b"NaN", b"[}", b"\xff"])
def test_what_stays_whole_is_judged_all_the_same(depth: int, inside: bytes) -> None:
    data = b"[" * depth + inside + b"]" * depth
    text = checked(data)
    assert not text.sound and not load(data)[1]
    assert text.findings[0].start == json_text.DEEPEST


def test_a_huge_number_is_read_as_javascript_reads_it() -> None:
    assert checked(b"1" * 5000).value == float("inf")


def test_a_strand_leads_from_what_is_said_to_the_bytes_that_say_it() -> None:
    data = '{"query": "a\\n\u00e9\\u00e9\\ud83d\\ude00{b}"}'.encode()
    found = locate(read(data).field, ("query",))
    assert found is not None
    said = strand(data, found)
    assert said.data.decode() == "a\n\u00e9\u00e9\U0001f600{b}"
    for text, written in (
        ("a", b"a"),
        ("\n", b"\\n"),
        ("\n\u00e9", b"\\n\xc3\xa9"),
        ("\U0001f600", b"\\ud83d\\ude00"),
        ("\U0001f600{", b"\\ud83d\\ude00{"),
        ("{b}", b"{b}"),
    ):
        start = said.data.index(text.encode())
        first, last = said.source_of(start, start + len(text.encode()))
        assert data[first:last] == written
    assert said.source_of(len(said.data), len(said.data)) == (found.end - 1, found.end - 1)


@given(st.text(), st.booleans(), st.data())
@settings(deadline=None)
def test_every_range_of_a_strand_holds_what_it_says(text: str, ascii: bool, data: st.DataObject) -> None:
    written = json.dumps(text, ensure_ascii=ascii).encode("utf-8", "replace")
    said = strand(written, read(written).field.children[0])
    cut = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    start, end = (len(text[:at].encode("utf-8", "replace")) for at in cut)
    if not text.isascii() and any(0xD800 <= ord(char) < 0xE000 for char in text):
        return  # half surrogates: not the same number of bytes
    first, last = said.source_of(start, end)
    assert json.loads(b'"' + written[first:last] + b'"') == text[cut[0] : cut[1]]


def test_locate_follows_names_and_numbers_and_says_none_where_there_is_nothing() -> None:
    data = b'{"comma": {"[0]": [[10], {"a": "x"}]}, "comma": {"[0]": [[1], {"a": "y"}]}}'
    field = read(data).field
    found = locate(field, ("comma", "[0]", 1, "a"))
    assert found is not None and data[found.start : found.end] == b'"y"'
    assert locate(field, ("comma", "[0]", 0, 0)).value == 1  # type: ignore[union-attr]
    for path in (("a",), (0,), ("comma", 0), ("comma", "[0]", 2), ("comma", "[0]", 0, 0, 0)):
        assert locate(field, path) is None


def test_findings_are_bounded_and_belong_to_the_side_that_wrote() -> None:
    text = read(b"," * 1000, Side.SERVER)
    assert len(text.findings) == json_text.MOST
    assert {found.side for found in text.findings} == {Side.SERVER}
