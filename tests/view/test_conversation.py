"""The units of one connection, from whatever holds it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from protolab import show
from protolab.capture import Capture
from protolab.fields import Side


def two() -> Capture:
    """A capture of two connections that say different things."""
    capture = Capture()
    for said in (b"first", b"second"):
        capture.connect().add(Side.CLIENT, said)
    return capture


def test_it_is_the_newest_connections_unless_a_number_is_given() -> None:
    capture = two()
    assert show.conversation(capture)[0].data == b"second"
    assert show.conversation(capture, 0)[0].data == b"first"
    assert show.conversation(SimpleNamespace(capture=capture), 0)[0].data == b"first"


def test_a_connection_and_a_conversation_are_taken_as_they_are() -> None:
    conversation = show.conversation(two()[0])
    assert conversation[0].data == b"first"
    assert show.conversation(conversation) is conversation


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(IndexError, match="no connection -1: 0 were recorded"):
        show.conversation(Capture())
    with pytest.raises(IndexError, match="no connection 2: 2 were recorded"):
        show.conversation(two(), 2)
    with pytest.raises(TypeError, match="a str holds no conversation"):
        show.conversation("echo")


def test_a_notebook_gets_the_whole_text_of_units_although_they_are_tuples() -> None:
    format = pytest.importorskip("IPython.core.formatters").DisplayFormatter().format
    conversation = show.conversation(two())
    for thing in (conversation[0], conversation[:1]):
        bundle, _ = format(thing)
        assert bundle["text/plain"] == str(thing)
        assert len(bundle) == 3
    bundle, _ = format([conversation[0]])
    assert bundle["text/plain"] == f"[{conversation[0]!r}]"
