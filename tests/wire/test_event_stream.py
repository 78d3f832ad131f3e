"""The event stream parser: every behaviour that web-platform-tests check, under every split; its bounds; its pace."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab import sse
from protolab.errors import LabError
from protolab.wire.event_stream import LONGEST_WAIT, Event, EventTooBig, Parser, parse
from tests.protocols.sse.streams import CASES, cuts


@pytest.mark.parametrize("name", CASES)
def test_every_stream_gives_its_events_whole_byte_by_byte_and_under_every_split(name: str) -> None:
    data, events = CASES[name]
    assert list(parse(data)) == events
    assert list(parse([data])) == events
    assert list(parse(data[i : i + 1] for i in range(len(data)))) == events
    for parts in (*cuts(data, 1), *cuts(data, 2)):
        assert list(parse(parts)) == events, parts


def by_the_book(data: bytes) -> tuple[list[Event], str, int | None]:
    """Sections 9.2.5 and 9.2.6 written down once more, character by character, slow and plain."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    events: list[Event] = []
    buffer = kind = id_buffer = last = line = ""
    retry = None
    for at, char in enumerate(text):
        if char not in "\r\n":
            line += char
            continue
        if char == "\n" and at and text[at - 1] == "\r":
            continue
        if not line:
            last = id_buffer
            if buffer:
                events.append(Event(kind or "message", buffer[:-1], last))
            buffer = kind = ""
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "data":
                buffer += value + "\n"
            elif name == "event":
                kind = value
            elif name == "id" and "\0" not in value:
                id_buffer = value
            elif name == "retry" and value and set(value) <= set("0123456789"):
                retry = int(value)
        line = ""
    return events, last, retry


pieces = st.one_of(
    st.sampled_from([b"data", b"event", b"id", b"retry", b":", b": ", b"\n", b"\r", b"\r\n", b"\n\n", b"1", b"\0"]),
    st.sampled_from([b"\xef\xbb\xbf", b"\xe2\x80\xa6", b"\xe2\x80", b"\xf0\x9f", b"\xed\xa0\x80", b" ", b"x"]),
    st.binary(max_size=3),
)


@given(st.lists(st.lists(pieces, max_size=6).map(b"".join), max_size=8))
def test_any_bytes_in_any_chunks_read_as_the_specification_says(chunks: list[bytes]) -> None:
    parser = Parser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    assert (events, parser.last_event_id, parser.retry) == by_the_book(b"".join(chunks))


def test_a_line_end_dispatches_at_once_and_a_late_lf_is_swallowed() -> None:
    parser = Parser()
    assert parser.feed(b"data: a\r\r") == [Event("message", "a")]
    assert parser.feed(b"\n") == []
    assert parser.feed(b"data: b\n\n") == [Event("message", "b")]


def test_the_id_counts_from_the_blank_line_and_goes_over_to_the_next_connection() -> None:
    parser = Parser()
    parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: cut off")
    assert parser.last_event_id == "1", "an event that was cut off does not count"
    again = Parser(parser.last_event_id)
    assert again.feed(b"data: b\n\n") == [Event("message", "b", "1")]
    parser.feed(b"\n\n")
    assert parser.last_event_id == "2"


@pytest.mark.parametrize(
    ("value", "retry"),
    [
        ("3000", 3000),
        ("0", 0),
        ("007", 7),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        (" 1", None),
        ("1 ", None),
        ("\u0661", None),
        ("\u00b2", None),
        ("9" * 5000, LONGEST_WAIT),
        ("0" * 5000 + "1", 1),
    ],
)
def test_retry_takes_ascii_digits_only(value: str, retry: int | None) -> None:
    parser = Parser()
    parser.feed(f"retry: {value}\n\n".encode())
    assert parser.retry == retry


def test_a_bad_retry_leaves_the_one_before() -> None:
    parser = Parser()
    parser.feed(b"retry: 5\nretry: 1x\n\n")
    assert parser.retry == 5


ENDLESS = {
    "line": b"data: " + b"x" * 200,
    "comment": b": " + b"x" * 200,
    "data": b"data: x\n" * 60,
    "empty": b"data\n" * 200,
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
def test_an_endless_line_or_event_is_given_up_on_after_what_came_before_it(endless: bytes, size: int) -> None:
    data = b"data: fine\n\n" + endless + b"\n\n"
    parser, events = Parser(limit=100), []
    with pytest.raises(EventTooBig, match="more than 100 bytes") as raised:
        for at in range(0, len(data) + size, size):
            events += parser.feed(data[at : at + size])
    assert events == [Event("message", "fine")]
    assert "higher limit" in raised.value.remedy
    with pytest.raises(EventTooBig):
        parser.feed(b"data: more\n\n")


def test_parse_says_so_too_when_it_is_the_last_chunk_that_is_too_big() -> None:
    found = parse([b"data: fine\n\n" + b"data: " + b"x" * 20_000_000 + b"\n\n"])
    assert next(found).data == "fine"
    with pytest.raises(EventTooBig):
        next(found)


@pytest.mark.parametrize("text", ["data: tea\n\n", ["data: tea\n\n"], list(b"data: tea\n\n")])
def test_what_is_no_bytes_is_refused_with_what_to_do(text: Any) -> None:
    with pytest.raises(LabError, match="encode"):
        list(parse(text))


def test_many_lines_within_the_limit_are_no_trouble() -> None:
    parser = Parser(limit=100)
    assert len(parser.feed(b"data: 0123456789\n\n" * 1000)) == 1000


@pytest.mark.timeout(30)  # quadratic would be hours
def test_a_line_of_a_megabyte_may_come_byte_by_byte() -> None:
    parser, line = Parser(), b"data: " + b"x" * 2**20
    for at in range(len(line)):
        assert not parser.feed(line[at : at + 1])
    assert [len(event.data) for event in parser.feed(b"\n\n")] == [2**20]


def test_a_copy_goes_its_own_way() -> None:
    parser = Parser()
    parser.feed(b"id: 1\ndata: a\nda")
    other = copy.copy(parser)
    assert parser.feed(b"ta: b\n\n") == [Event("message", "a\nb", "1")]
    assert other.feed(b"ta: c\n\n") == [Event("message", "a\nc", "1")]


def test_it_is_public_and_gives_json() -> None:
    (event,) = sse.parse(b'data: {"tea": 1}\n\n')
    assert isinstance(event, sse.Event)
    assert event.json() == {"tea": 1}
