"""HTTP/2 frames: every type built, found, explained to the bit, and read as `hyperframe` reads it; any bytes at all."""

from __future__ import annotations

from array import array

import pytest
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import Frame as LibraryFrame
from hyperframe.frame import SettingsFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.fields import untiled
from protolab.wire import http2, http2_fields, http2_settings
from protolab.wire.http2 import Frame, read_head, scan

FRAMES = {
    "data": http2.data(1, b"hello", end=True),
    "data padded": http2.data(1, b"hello", pad=3),
    "headers": http2.headers(3, b"\x82\x84", end=True),
    "headers with all": http2.headers(3, b"\x82\x84", last=False, pad=2, priority=(1, 256, True)),
    "priority": http2.priority(5, 3, 7, exclusive=True),
    "rst_stream": http2.rst_stream(1, 8),
    "settings": http2.settings({1: 4096, 4: 65535, 0xFE03: 1}),
    "settings ack": http2.settings(ack=True),
    "push_promise": http2.push_promise(1, 2, b"\x82", pad=1),
    "ping": http2.ping(b"12345678", ack=True),
    "goaway": http2.goaway(7, 11, b"too_many_pings"),
    "window_update": http2.window_update(0, 2**31 - 1),
    "continuation": http2.continuation(3, b"\x84", last=False),
    "altsvc": Frame(http2.ALTSVC, 0, 0, b"\x00\x01ah2=:443"),
    "origin": Frame(http2.ORIGIN, 0, 0, b"\x00\x03abc\x00\x00"),
    "priority_update": Frame(http2.PRIORITY_UPDATE, 0, 0, b"\x00\x00\x00\x03u=1"),
    "unknown": Frame(0xBB, 0xFF, 1, b"whatever", reserved=True),
}


@pytest.mark.parametrize("name", FRAMES)
def test_every_type_is_laid_out_and_built_again(name: str) -> None:
    frame = FRAMES[name]
    data = frame.encode()
    assert Frame.decode(data) == frame
    tree = http2_fields.tree(data, read_head(data))
    assert untiled(tree) is None and tree.name == http2.name(frame.type)
    assert not [field for field in tree.leaves() if field.name == "unparsed"]
    for size in range(len(data)):  # cut off anywhere
        cut = http2_fields.tree(data[:size], read_head(data[:size]))
        assert untiled(cut) is None and cut.end == size


def test_values_stand_at_their_bits() -> None:
    data = FRAMES["headers with all"].encode()
    tree = http2_fields.tree(data, read_head(data))
    assert {field.name: (field.span, field.value) for field in tree.children} == {
        "length": ((0, 24), 10),
        "type": ((24, 32), 1),
        "flags": ((32, 40), 0x28),
        "R": ((40, 41), False),
        "stream": ((41, 72), 3),
        "pad length": ((72, 80), 2),
        "exclusive": ((80, 81), 1),
        "stream dependency": ((81, 112), 1),
        "weight": ((112, 120), 255),
        "header block fragment": ((120, 136), b"\x82\x84"),
        "padding": ((136, 152), b"\0\0"),
    }
    flags = tree.find("flags")
    assert [(bit.name, bit.span, bit.value) for bit in flags.children] == [
        ("unused", (32, 34), 0),
        ("PRIORITY", (34, 35), True),
        ("unused", (35, 36), 0),
        ("PADDED", (36, 37), True),
        ("END_HEADERS", (37, 38), False),
        ("unused", (38, 39), 0),
        ("END_STREAM", (39, 40), False),
    ]
    assert flags.note == "PADDED, PRIORITY"


@pytest.mark.parametrize("name", [name for name in FRAMES if name not in ("origin", "priority_update", "unknown")])
def test_hyperframe_reads_the_same(name: str) -> None:
    data = FRAMES[name].encode()
    theirs, length = LibraryFrame.parse_frame_header(memoryview(data[:9]))
    theirs.parse_body(memoryview(data[9:]))
    head = read_head(data)
    assert head is not None and (length, theirs.stream_id) == (head.length, head.stream)
    tree = http2_fields.tree(data, head)
    value = {field.name: field.value for field in tree.children}
    bits = [bit.name for bit in tree.find("flags").children if bit.value and bit.name != "unused"]
    assert set(bits) == set(theirs.flags)
    pairs = {
        "data": "data", "header block fragment": "data", "error code": "error_code", "last stream": "last_stream_id",
        "increment": "window_increment", "promised stream": "promised_stream_id", "opaque data": "opaque_data",
        "stream dependency": "depends_on", "exclusive": "exclusive", "pad length": "pad_length",
    }  # fmt: skip
    for ours, attribute in pairs.items():
        if ours in value:
            assert value[ours] == getattr(theirs, attribute), ours
    if "weight" in value:
        assert value["weight"] == theirs.stream_weight
    if isinstance(theirs, SettingsFrame):
        known = {field.children[0].value: field.children[1].value for field in tree.children if field.start >= 9}
        assert known == dict(theirs.settings)


def test_settings_are_named() -> None:
    names = {key: http2_settings.name(key) for key in (1, 2, 3, 4, 5, 6, 8, 9, 0xFE03, 0x1234)}
    assert names[8] == "ENABLE_CONNECT_PROTOCOL" and names[0xFE03] == "GRPC_ALLOW_TRUE_BINARY_METADATA"
    assert names[0x1234] == "unknown setting 0x1234"
    for key, known in SettingsFrame.__dict__.items():  # the library's numbers for the same names
        if isinstance(known, int) and key in {setting.name for setting in http2_settings.SETTINGS.values()}:
            assert http2_settings.SETTINGS[known].name == key


def test_a_value_that_no_frame_can_hold_is_named() -> None:
    with pytest.raises(ValueError, match="stream 2147483648 does not fit in 31 bits"):
        Frame(0, stream=2**31).encode()
    with pytest.raises(ValueError, match="8 bytes are not yet a frame header"):
        Frame.decode(bytes(8))


frames = st.builds(
    Frame,
    st.integers(0, 18),
    st.integers(0, 255),
    st.integers(0, 2**31 - 1),
    st.binary(max_size=40),
    st.booleans(),
    st.none(),
)


@given(st.lists(frames, max_size=8), st.binary(max_size=12), st.data())
def test_frames_are_found_wherever_the_bytes_end(said: list[Frame], rest: bytes, data: st.DataObject) -> None:
    stream = b"".join(frame.encode() for frame in said)
    starts: array[int] = array("Q")
    cut = data.draw(st.integers(0, len(stream)))
    end = scan(stream[:cut], 0, starts)  # as far as there is something,
    assert scan(stream, end, starts) == len(stream)  # and on from there
    at, expected = 0, []
    for frame in said:
        expected.append(at)
        at += 9 + len(frame.payload)
    assert list(starts) == expected


@given(st.binary(min_size=0, max_size=60))
@settings(deadline=None)
def test_any_bytes_tile(data: bytes) -> None:
    tree = http2_fields.tree(data, read_head(data))
    assert untiled(tree) is None and tree.span == (0, len(data) * 8)


@given(frames)
@settings(deadline=None)
def test_what_hyperframe_takes_we_lay_out_whole(frame: Frame) -> None:
    data = frame.encode()
    tree = http2_fields.tree(data, read_head(data))
    assert untiled(tree) is None
    try:
        theirs, _ = LibraryFrame.parse_frame_header(memoryview(data[:9]))
        theirs.parse_body(memoryview(data[9:]))
    except HyperframeError:
        return
    assert [field.name for field in tree.leaves()].count("unparsed") == 0 or frame.type in (
        http2.ALTSVC,
        http2.ORIGIN,
        http2.PRIORITY_UPDATE,
    )


def test_zeros_in_the_middle_of_a_payload_do_not_begin_frames() -> None:
    said = bytes(5000) + http2.data(1, bytes(16384)).encode() + http2.data(1, bytes(300), end=True).encode()
    assert http2.next_frame(said) == (5000, True)
