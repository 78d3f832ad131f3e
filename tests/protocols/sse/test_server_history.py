"""The history's ring and the encoder of events, against a model and against the parser."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab.protocols.sse import format
from protolab.protocols.sse.history import History

NAMES = st.sampled_from(["ada", "bob", "eve"])


@given(
    st.lists(st.tuples(st.binary(max_size=30), st.none() | st.sets(NAMES)), max_size=40),
    st.integers(1, 10),
    st.integers(1, 200),
    st.integers(1, 1000),
    NAMES,
    st.integers(-3, 1050),
)
def test_what_is_missed_is_what_a_list_without_bounds_says_or_it_is_said_to_be_less(
    said: list[tuple[bytes, set[str] | None]], most: int, size: int, first: int, who: str, after: int
) -> None:
    history = History(most, size, first)
    for number, (data, targets) in enumerate(said):
        assert history.add(data, targets) == first + number
        assert len(history) <= most and (history.bytes <= size or len(history) == 1)
        assert history.oldest + len(history) == history.last + 1
    everything = [(first + number, data) for number, (data, to) in enumerate(said) if to is None or who in to]
    missed = history.since(str(after), who)
    kept = [data for number, data in everything if number >= history.oldest]
    if missed.reason:
        assert missed.events == kept
        assert after < history.oldest - 1 or after > history.last
    else:
        assert missed.events == [data for number, data in everything if number > after]


@given(
    st.text(), st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=9), st.integers(0)
)
def test_an_event_is_read_as_it_was_encoded(data: str, name: str, number: int) -> None:
    try:
        encoded = format.encode(data, event=name, id=str(number), retry=number)
    except ValueError:
        assert re.search("[\ud800-\udfff]", data)
        return
    text = encoded.decode()
    assert text.endswith("\n\n") and "\r" not in text and text.count("\n\n") == 1
    retry, id, event, *lines = text[:-2].split("\n")
    assert (retry, id, event) == (f"retry: {number}", f"id: {number}", f"event: {name}")
    assert all(line.startswith("data: ") for line in lines)
    assert [line[6:] for line in lines] == data.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@pytest.mark.parametrize(
    "wrong", [{"id": "a\nb"}, {"id": "a\rb"}, {"id": "a\0b"}, {"event": "a\nb"}, {"event": "a\r"}, {"retry": -1}]
)
def test_what_would_begin_another_field_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        format.encode("x", **wrong)  # type: ignore[arg-type]


def test_json_that_is_none_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    for data in (object(), float("inf"), {1, 2}, endless):
        with pytest.raises(ValueError):
            format.as_text(data)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError):
        format.as_text(deep)


def test_a_comment_cannot_become_anything_else() -> None:
    assert format.comment("one\r\ndata: two\rid: 3\n") == b": one\n: data: two\n: id: 3\n:\n\n"
