"""Which view belongs to which thing, and what people call."""

from __future__ import annotations

import subprocess
import sys

import pytest

from protolab import draw, protocols, show
from protolab.capture import Capture
from protolab.fields import Derived, Field, Side
from protolab.units import Units
from protolab.view import Exchange, Ladder, Picture, Tree, UnitView
from tests.view.build import Lines, talk, unit


def chat() -> Capture:
    return talk((Side.CLIENT, b"hello\n", 0.1), (Side.SERVER, b"hello\n", 0.2)).capture


def test_each_thing_has_its_view() -> None:
    capture = chat()
    one = unit(b"a", Field("a", 0, 1))
    for thing, view in (
        (capture, Ladder),
        (capture[0], Ladder),
        (Lines(capture[0]), Ladder),
        (one, UnitView),
        (Units([one]), Exchange),
        (Field("a", 0, 1), Tree),
        (Derived("d", b"a", Field("a", 0, 1)), Tree),
    ):
        assert type(show.view_of(thing)) is view
    picture = show.picture(one)
    assert isinstance(picture, Picture) and show.view_of(picture) is picture


def test_a_thing_that_has_a_capture_is_drawn_by_it() -> None:
    class Handle:
        capture = chat()

    assert show.ladder(Handle()).text() == show.ladder(Handle.capture).text()
    assert show.explain(Handle()).text() == show.explain(Handle.capture).text()


@pytest.mark.parametrize("call", [show.view_of, show.ladder, show.explain, show.picture])
def test_anything_else_is_a_type_error_that_says_what_can_be_drawn(call: object) -> None:
    with pytest.raises(TypeError, match=r"a str.*(unit|capture)"):
        call("a string")  # type: ignore[operator]


def test_things_draw_themselves_in_three_forms() -> None:
    capture = chat()
    for thing, kind in (
        (capture, "ladder"),
        (unit(b"a", Field("a", 0, 1)), "unit"),
        (show.picture(Field("a", 0, 1), b"x"), "picture"),
    ):
        bundle = thing._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html", f"application/vnd.protolab.{kind}.v1+json"}
        assert str(thing) == bundle["text/plain"]
    assert draw.text(capture) == str(show.ladder(capture))


def test_explain_takes_units_and_conversations() -> None:
    capture = chat()
    conversation = Lines(capture[0])
    assert (
        show.explain(conversation).text()
        == show.explain(list(conversation)).text()
        == show.explain(conversation[:]).text()
    )
    assert "unparsed" in show.explain(capture).text()  # the toy is no protocol of the house: bytes stay bytes
    assert "unparsed" in show.explain(capture[0]).text()


def test_importing_the_views_imports_no_heavy_library() -> None:
    heavy = "IPython", "grpc", "tornado", "graphql", "ipywidgets", "websockets"
    code = f"import sys, protolab.show; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_title_and_a_finding_command_no_terminal():
    connection = Capture("evil").connect()
    connection.add(Side.CLIENT, b"GET / HTTP/1.1\r\nHost: a\r\nX-\x1b[31m: 1\r\n\r\n")
    connection.add(Side.SERVER, b"HTTP/1.1 200 \x1b[31m\xe2\x80\xae\r\nContent-Length: 0\r\n\r\n")
    said = [f"{unit!r} {unit.title} {' '.join(map(str, unit.findings))}" for unit in protocols.decode(connection)]
    assert any(unit.findings for unit in protocols.decode(connection)) and "\\x1b[31m" in said[1]
    assert all(text.isprintable() for text in said)
