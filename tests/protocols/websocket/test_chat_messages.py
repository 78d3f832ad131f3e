"""What the chat reads: every request, every way not to make one, and any text at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab.protocols.websocket.chat_messages import (
    Chat,
    GetStats,
    Join,
    Leave,
    Ping,
    Refusal,
    Request,
    frame,
    read,
    write,
)

REQUESTS = [
    ("chat", {"room": "tea", "message": "Hi"}, Chat("tea", "Hi")),
    ("chat", {"message": "Hi", "timestamp": 1, "sender": "the queen"}, Chat("general", "Hi")),
    ("chat", {"room": "Tee & Gebäck", "message": " \U0001f375\n"}, Chat("Tee & Gebäck", " \U0001f375\n")),
    ("room", {"action": "join", "room": "x" * 64}, Join("x" * 64)),
    ("room", {"action": "leave", "room": "tea"}, Leave("tea")),
    ("system", {"command": "ping", "timestamp": 1}, Ping()),
    ("system", {"command": "get_stats"}, GetStats()),
]

REFUSED = [
    ("", "bad_json"),
    ("hello", "bad_json"),
    ('{"type": "chat"', "bad_json"),
    ("[" * 20_000, "bad_json"),
    ('{"type": "chat", "payload": {"message": NaN}}', "bad_json"),
    ('{"type": "chat", "payload": {"message": 1' + "0" * 5000 + "}}", "bad_json"),
    ("null", "bad_shape"),
    ('"chat"', "bad_shape"),
    ("[]", "bad_shape"),
    ("{}", "bad_shape"),
    ('{"type": "chat"}', "bad_shape"),
    ('{"type": ["chat"], "payload": {}}', "bad_shape"),
    ('{"type": "chat", "payload": []}', "bad_shape"),
    ('{"type": "chat", "payload": {}}', "bad_shape"),
    ('{"type": "chat", "payload": {"message": 1}}', "bad_shape"),
    ('{"type": "chat", "payload": {"message": {"$": 1}, "room": "tea"}}', "bad_shape"),
    ('{"type": "chat", "payload": {"message": "Hi", "room": null}}', "bad_shape"),
    (r'{"type": "chat", "payload": {"message": "half \ud83c"}}', "bad_shape"),
    ('{"type": "room", "payload": {"room": "tea"}}', "bad_shape"),
    ('{"type": "room", "payload": {"action": "join"}}', "bad_shape"),
    ('{"type": "system", "payload": {"command": 7}}', "bad_shape"),
    ('{"type": "chat", "payload": {"message": ""}}', "empty_message"),
    (r'{"type": "chat", "payload": {"message": " \t\n\u3000 "}}', "empty_message"),
    ('{"type": "dance", "payload": {}}', "unknown_type"),
    ('{"type": "error", "payload": {}}', "unknown_type"),
    ('{"type": "room", "payload": {"action": "burn", "room": "tea"}}', "unknown_action"),
    ('{"type": "system", "payload": {"command": "welcome"}}', "unknown_command"),
    ('{"type": "room", "payload": {"action": "join", "room": ""}}', "bad_room_name"),
    ('{"type": "room", "payload": {"action": "join", "room": " tea"}}', "bad_room_name"),
    ('{"type": "room", "payload": {"action": "join", "room": "' + "x" * 65 + '"}}', "bad_room_name"),
    (r'{"type": "room", "payload": {"action": "join", "room": "a\nb"}}', "bad_room_name"),
    (r'{"type": "room", "payload": {"action": "join", "room": "\u202etea"}}', "bad_room_name"),
    (r'{"type": "chat", "payload": {"message": "Hi", "room": "\ud800"}}', "bad_room_name"),
]


@pytest.mark.parametrize(("kind", "payload", "request_"), REQUESTS)
def test_a_request_is_read(kind: str, payload: dict[str, object], request_: Request) -> None:
    made = read(json.dumps({"type": kind, "payload": payload, "id": 7}))
    assert made == request_ and type(made) is type(request_)


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_anything_else_is_refused_with_a_code_and_a_way_out(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(text)
    assert refused.value.code == code
    assert refused.value.message[-1] in ".}"
    assert len(write("error", code=code, message=refused.value.message)) < 250  # however long the text was


keys = st.sampled_from(["type", "payload", "room", "message"]) | st.text()
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
)
near_misses = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["chat", "room", "system"]) | anything,
        "payload": st.dictionaries(
            st.sampled_from(["room", "message", "action", "command"]),
            st.sampled_from(["join", "leave", "ping", "tea", "\ud800", ""]) | anything,
        ),
    }
)


@given(st.text() | anything.map(json.dumps) | near_misses.map(json.dumps))
def test_any_text_is_a_request_or_a_refusal_and_its_answer_can_be_sent(text: str) -> None:
    try:
        made = read(text)
    except Refusal as refusal:
        assert json.loads(write("error", code=refusal.code, message=refusal.message))["payload"]["code"] == refusal.code
    else:
        assert isinstance(made, Request)
        assert json.loads(write("chat", **made._asdict()))["payload"] == made._asdict()


@pytest.mark.parametrize(
    ("size", "start"),
    [(125, "81 7d"), (126, "81 7e 00 7e"), (65_535, "81 7e ff ff"), (65_536, "81 7f 00 00 00 00 00 01 00 00")],
)
def test_a_frame_is_final_text_not_masked_with_its_length_in_the_shortest_form(size: int, start: str) -> None:
    assert frame(b"x" * size) == bytes.fromhex(start) + b"x" * size  # RFC 6455 sections 5.1 and 5.2
