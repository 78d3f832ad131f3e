"""Bodies without what delimits them: the same however the bytes are cut, and nothing but BadAnswer for any bytes at all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab.protocols.sse.fetch import LINE_LIMIT, BadAnswer, Body
from protolab.wire.http1_bodies import Framing


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(st.lists(st.binary(min_size=1, max_size=40)), st.lists(st.integers(0, 500)), st.sampled_from([b"\r\n", b"\n"]))
def test_a_chunked_body_comes_out_whole_however_it_was_cut(said: list[bytes], places: list[int], end: bytes) -> None:
    stream = b"".join(b"%X;a=b" % len(chunk) + end + chunk + end for chunk in said) + b"0" + end + b"T: x" + end + end
    body = Body(Framing("chunked"))
    pieces = cut(stream + b"what follows", places)
    assert b"".join(body.feed(piece) for piece in pieces) == b"".join(said)
    assert body.done and not body.cut
    partial = Body(Framing("chunked"))
    assert b"".join(said).startswith(partial.feed(stream[:-1])) and partial.cut


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_read_or_refused_and_what_is_held_is_bounded(pieces: list[bytes]) -> None:
    body = Body(Framing("chunked"))
    try:
        for piece in pieces:
            body.feed(piece)
            assert len(body._buffer) < LINE_LIMIT + 60
    except BadAnswer:
        assert not body.done


@pytest.mark.parametrize(
    ("framing", "said", "done", "cut"),
    [
        (Framing("length", 3), b"abc", True, False),
        (Framing("length", 9), b"abcdef", False, True),
        (Framing("close"), b"abcdef", False, False),
        (Framing("none"), b"", True, False),
    ],
)
def test_other_bodies_end_where_they_said_or_with_the_connection(
    framing: Framing, said: bytes, done: bool, cut: bool
) -> None:
    body = Body(framing)
    assert b"".join(body.feed(bytes([byte])) for byte in b"abcdef") == said
    assert (body.done, body.cut) == (done, cut)
