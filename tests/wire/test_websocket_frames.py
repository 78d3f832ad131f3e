"""RFC 6455 section 5, format only: scanning, reading, explaining and building frames."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame as LibraryFrame
from websockets.frames import Opcode

from protolab.fields import untiled
from protolab.wire.websocket_frames import OPCODES, Frame, mask, read_head, scan, tree

# RFC 6455 section 5.7, word for word: (the RFC's name for it, the bytes, the frame)
KEY = bytes.fromhex("37fa213d")
EXAMPLES = [
    ("a single-frame unmasked text message", "810548656c6c6f", Frame(1, b"Hello", form=7)),
    ("a single-frame masked text message", "818537fa213d7f9f4d5158", Frame(1, b"Hello", key=KEY, form=7)),
    ("a fragmented unmasked text message, first", "010348656c", Frame(1, b"Hel", fin=False, form=7)),
    ("a fragmented unmasked text message, last", "80026c6f", Frame(0, b"lo", form=7)),
    ("unmasked ping", "890548656c6c6f", Frame(9, b"Hello", form=7)),
    ("masked pong", "8a8537fa213d7f9f4d5158", Frame(10, b"Hello", key=KEY, form=7)),
    ("256 bytes in a single unmasked frame", "827e0100" + "00" * 256, Frame(2, bytes(256), form=16)),
    ("64 KiB in a single unmasked frame", "827f0000000000010000" + "00" * 65536, Frame(2, bytes(65536), form=64)),
]  # fmt: skip

frames = st.builds(
    Frame,
    opcode=st.integers(0, 15),
    payload=st.one_of(st.binary(max_size=140), st.sampled_from([b"x" * n for n in (125, 126, 127, 65535, 65536)])),
    fin=st.booleans(),
    rsv1=st.booleans(),
    rsv2=st.booleans(),
    rsv3=st.booleans(),
    key=st.one_of(st.none(), st.binary(min_size=4, max_size=4)),
    form=st.none(),
    length=st.none(),
)


@pytest.mark.parametrize(("data", "frame"), [example[1:] for example in EXAMPLES], ids=[e[0] for e in EXAMPLES])
def test_the_examples_of_section_5_7(data: str, frame: Frame) -> None:
    assert Frame.decode(bytes.fromhex(data)) == frame
    assert frame.encode().hex() == data


@given(st.binary(max_size=40))
def test_encoding_what_was_decoded_gives_the_same_bytes(data: bytes) -> None:
    head = read_head(data)
    if head is None:
        with pytest.raises(ValueError, match="not yet a frame header"):
            Frame.decode(data)
    else:
        assert Frame.decode(data).encode() == data[: head.size + head.length]


@given(frames)
def test_the_websockets_library_writes_the_same_frames(frame: Frame) -> None:
    frame = frame._replace(opcode=sorted(OPCODES)[frame.opcode % 6])
    if frame.opcode >= 8:  # the library writes none that section 5.5 forbids
        frame = frame._replace(payload=frame.payload[:125], fin=True)
    theirs = LibraryFrame(Opcode(frame.opcode), frame.payload, frame.fin)
    ours = Frame(frame.opcode, frame.payload, frame.fin)
    assert theirs.serialize(mask=False) == ours.encode()


@given(st.lists(frames, max_size=8), st.data())
def test_a_scan_finds_each_frame_wherever_it_is_resumed(said: list[Frame], data: st.DataObject) -> None:
    pieces = [frame.encode() for frame in said]
    stream = b"".join(pieces)
    starts: array[int] = array("Q")
    assert scan(stream, 0, starts) == len(stream)
    expected = [sum(map(len, pieces[:i])) for i in range(len(pieces))]
    assert list(starts) == expected
    cut = data.draw(st.integers(0, len(stream)))
    resumed: array[int] = array("Q")
    middle = scan(stream[:cut], 0, resumed)
    assert scan(stream, middle, resumed) == len(stream)
    assert list(resumed) == expected


@given(st.binary(max_size=300))
def test_a_scan_of_any_bytes_ends_inside_them_and_a_tree_tiles_them(data: bytes) -> None:
    starts: array[int] = array("Q")
    end = scan(data, 0, starts)
    assert 0 <= end <= len(data)
    assert list(starts) == sorted(set(starts))
    field = tree(data, read_head(data))
    assert untiled(field) is None
    assert field.end == len(data)


@given(st.binary(max_size=5000), st.binary(min_size=4, max_size=4))
@settings(max_examples=50)
def test_masking_twice_gives_the_payload_back_and_is_the_loop_of_section_5_3(data: bytes, key: bytes) -> None:
    assert mask(data, key) == bytes(byte ^ key[i % 4] for i, byte in enumerate(data))
    assert mask(mask(data, key), key) == data


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (Frame(16), "opcode 16"),
        (Frame(1, key=b"abc"), "a masking key has 4 bytes"),
        (Frame(1, b"x" * 126, form=7), "length 126 cannot be written in 7 bits"),
        (Frame(1, form=8), "form 7, 16 or 64"),
        (Frame(1, length=-1), "length -1"),
    ],
)
def test_a_value_that_no_frame_holds_is_refused_by_name(frame: Frame, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        frame.encode()


def test_a_frame_may_lie_about_its_length_and_waste_bytes_on_it() -> None:
    assert Frame(1, b"hi", length=5).encode() == b"\x81\x05hi"
    assert Frame(1, b"hi", form=64).encode() == b"\x81\x7f\0\0\0\0\0\0\0\x02hi"
