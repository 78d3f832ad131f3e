"""The byte lab: fields set in bytes, bytes put back, a live peer asked; as its JavaScript asks for it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab import lab, scenes, show, websocket
from protolab.errors import LabError
from protolab.fields import Derived, Side
from protolab.view.edits import control, spots, whole, written
from protolab.view.parts import parts
from protolab.view.widget import VIEW
from protolab.wire.websocket_frames import Frame
from tests.view.build import units

HELLO = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455 section 5.7


@pytest.fixture
def bench():
    return show.byte_lab(HELLO)


def setting(bench, name, text, anew=True):
    """Set a field as the table does; the bytes then."""
    index = next(i for i, row in enumerate(bench.said["fields"]) if row["name"] == name and row["edit"])
    bench.ask_field({"index": index, "name": name, "text": text, "anew": anew})
    return bench.data


@given(st.lists(units(), max_size=3))
@settings(deadline=None)
def test_fields_are_told_in_the_order_in_which_the_browser_lists_them(found):
    of = whole(found)
    rows, buffers = parts(of.field, of.data)
    listed = list(spots(of))
    assert [row["buffer"] for row in rows["fields"]] == [spot.buffer for spot in listed]
    assert [row["start"] for row in rows["fields"]] == [
        0 if isinstance(spot.node, Derived) else spot.node.start for spot in listed
    ]
    assert all(spot.data == buffers[spot.buffer] for spot in listed)
    assert b"".join(unit.data for unit in found) == of.data


@given(st.binary(min_size=1, max_size=40), st.data())
@settings(deadline=None, max_examples=60)
def test_a_field_set_to_what_it_is_changes_nothing_and_to_its_complement_only_its_own_bits(data, draw):
    of = whole(websocket_units(data))
    listed = [
        spot for spot in spots(of) if not isinstance(spot.node, Derived) and not spot.path and not spot.node.children
    ]
    spot = draw.draw(st.sampled_from(listed))
    first, last = spot.node.span
    number = int.from_bytes(of.data)
    size = len(of.data) * 8
    own = ((1 << last - first) - 1) << size - last
    value = (number & own) >> size - last
    assert written(of.data, spot.node, value) == of.data
    most = (1 << last - first) - 1
    assert int.from_bytes(written(of.data, spot.node, most ^ value)) ^ number == own


def websocket_units(data):
    return show.byte_lab(data, protocol="websocket").units


def test_a_value_is_encoded_with_the_rest_made_to_fit_or_alone(bench):
    assert setting(bench, "opcode", "0x9") == b"\x89" + HELLO[1:]
    assert bench.said["title"] == 'ping "Hello"'
    bench.ask_step({"way": "reset"})
    assert setting(bench, "masking key", "00 00 00 00") == bytes.fromhex("818500000000") + b"Hello"
    assert setting(bench, "masking key", "20 20 20 20", anew=False)[6:] == b"Hello"
    assert bench.said["title"] == 'text "hELLO"'
    bench.ask_step({"way": "reset"})
    assert setting(bench, "text", "Hello, you")[1] == 0x80 | 10
    assert Frame.decode(bench.data).payload == b"Hello, you"
    assert setting(bench, "payload length", "300")[1:4] == bytes.fromhex("fe012c")
    bench.ask_step({"way": "reset"})
    assert setting(bench, "MASK", "0") == b"\x81\x05Hello"
    assert [each.rule.id for each in bench.units[0].findings] == ["client-unmasked"]


def test_what_does_not_fit_is_said_and_changes_nothing(bench):
    for name, text, anew, says in (
        ("payload length", "128", False, "It holds 0 to 127."),
        ("payload length", "99999999999999999999", True, "cannot be encoded"),
        ("payload length", "-1", True, "cannot be encoded"),
        ("payload length", "five", False, "'five' is not a number"),
        ("masking key", "37 f", False, "pairs of digits"),
    ):
        with pytest.raises(LabError, match=says):
            setting(bench, name, text, anew)
        assert bench.data == HELLO
    with pytest.raises(LabError, match="changed meanwhile"):
        bench.ask_field({"index": 99, "name": "FIN", "text": "1", "anew": False})


def test_derived_bytes_are_put_back_where_that_can_be_done(bench):
    bench.ask_bytes({"buffer": 1, "start": 0, "end": 1, "hex": "4a"})
    assert Frame.decode(bench.data).payload == b"Jello" and bench.data[2:6] == HELLO[2:6]
    packed = show.byte_lab(show.conversation(scenes.recording("websocket/compressed"))[2])
    assert "from client bytes 6-24" in str(packed)  # of the 25 on the bench, not of a connection
    message = next(i for i, each in enumerate(packed.said["buffers"]) if each["name"] == "text message")
    assert not packed.said["can"][message]
    with pytest.raises(LabError, match="cannot be put back"):
        packed.ask_bytes({"buffer": message, "start": 0, "end": 1, "hex": "4a"})


def test_a_length_that_ends_early_makes_two_units_and_is_made_to_fit(bench):
    setting(bench, "payload length", "3", anew=False)
    assert len(bench.units) == 2 and "; then " in bench.said["title"]
    assert "2 units in 11 bytes" in bench.said["about"]
    marks = bench.said["findings"]
    assert marks and all(each["start"] >= 9 for each in marks)  # they count from the first unit's start
    bench.ask_act({"action": "length"})
    assert bench.data == HELLO


def test_undo_and_redo_walk_the_same_way(bench):
    setting(bench, "FIN", "0")
    setting(bench, "RSV1", "1")
    seen = [bench.data]
    for _ in range(3):
        bench.ask_step({"way": "undo"})
        seen.append(bench.data)
    assert seen[2] == seen[3] == HELLO and (bench.said["undo"], bench.said["redo"]) == (0, 2)
    for _ in range(2):
        bench.ask_step({"way": "redo"})
    assert bench.data == seen[0] and (bench.said["undo"], bench.said["redo"]) == (2, 0)


def test_nothing_at_all_can_lie_on_the_bench(bench):
    bench.data = b""
    assert bench.said["title"] == "no bytes" and bench.static().text() == "no units"
    bench.ask_bytes({"buffer": 0, "start": 0, "end": 0, "hex": "89"})
    assert bench.data == b"\x89" and bench.said["about"].startswith("1 byte from the client, not complete yet")
    with pytest.raises(LabError, match="too many for the bench"):
        bench.data = bytes(5000)


def test_a_live_peer_answers_as_the_finding_promised():
    with lab.start(websocket.EchoServer()) as server:
        for data, code in ((HELLO, None), (b"\x81\x05Hello", "1002"), (b"\xc1" + HELLO[1:], "1002")):
            bench = show.byte_lab(data, server)
            bench.say()
            assert bench.reply["agrees"] is (None if code is None else True)
            assert bench.reply["code"] == (code or "")
        bad = bytearray(HELLO)
        bad[6] = 0x37 ^ 0xFF
        bench = show.byte_lab(bytes(bad), server)
        bench.say()
        assert (bench.said["promised"], bench.reply["code"]) == (["1007"], "1007")
        request = show.conversation(server)[0]
        head = show.byte_lab(request, server)
        assert head.say() == "HTTP 101 Switching Protocols"
        head.data = request.data.replace(b"Version: 13", b"Version: 12")
        head.say()
        assert head.said["promised"] == ["HTTP 426"] and head.reply["agrees"] is True
        assert head.reply["says"].startswith("HTTP 426")
        assert len(server.capture) == 6
    with pytest.raises(LabError, match="server was stopped"):
        head.say()


def test_a_server_of_its_own_is_started_when_there_is_none_and_only_once():
    bench = show.byte_lab(show.conversation(scenes.recording("websocket/compressed"))[2])
    assert "inflated" in bench.units[0].title
    try:
        bench.say()
        assert bench.reply["agrees"] is None and "to be, or not to be" in bench.reply["says"]
        first = lab.servers()
        bench.say()
        assert lab.servers() == first and len(first) == 1
    finally:
        lab.stop()


def test_the_server_is_judged_as_a_server_and_says_nothing_to_one():
    bench = show.byte_lab(b"\x81\x05Hello", side=Side.SERVER)
    assert bench.said["promised"] == []
    with pytest.raises(LabError, match="A server does not hear"):
        bench.say()
    bench.server = False
    assert bench.said["promised"] == ["1002"]


def test_what_cannot_stand_alone_is_refused():
    with pytest.raises(LabError, match="means nothing without"):
        show.byte_lab(show.conversation(scenes.recording("websocket/hello"))[1])
    with pytest.raises(LabError, match="refers to what was said before"):
        show.byte_lab(show.conversation(scenes.recording("websocket/compressed"))[4])
    with pytest.raises(LabError, match="no bench for bytes of tcp"):
        show.byte_lab(b"x", protocol="tcp")


def test_without_widgets_the_unit_stands_there(bench):
    data, _ = bench._repr_mimebundle_()
    assert data.pop(VIEW) and data == show.explain(bench.units[0]).bundle()
    assert repr(bench) == "<byte_lab widget>"
    assert "unit 0" in data["text/plain"] and "bytes 0-10 of what the client said" in data["text/plain"]


def test_every_field_of_a_frame_can_be_set(bench):
    assert {row["name"] for row in bench.said["fields"] if row["edit"]} == {
        "FIN", "RSV1", "RSV2", "RSV3", "opcode", "MASK", "payload length", "masking key", "payload", "text"
    }  # fmt: skip
    kinds = {spot.node.name: control(spot, {}, ()) for spot in spots(whole(bench.units))}
    assert kinds["masking key"] == {"kind": "hex", "value": "37 fa 21 3d"} and kinds["text"] is None
