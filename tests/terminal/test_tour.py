"""`protolab tour`."""

from __future__ import annotations

import re

from protolab import lab
from tests.terminal.typed import typed


def test_the_tour_shows_ladder_handshake_frame_and_picture_of_what_was_said_just_now():
    result = typed("tour")
    assert result.exit_code == 0
    text = result.stdout
    for shown in ("GET / HTTP/1.1 ─", "101 Switching Protocols", 'text "Hello"', "pong", "close 1000"):
        assert shown in text.split("2. ")[0]
    assert "step 2: SHA-1" in text  # the derivation of Sec-WebSocket-Accept
    assert "masking key" in text and "+-+-+-+-+-------+" in text
    assert lab.servers() == []


def test_the_bytes_are_new_each_time():
    first, second = (re.search(r'Sec-WebSocket-Key +"(\S+)"', typed("tour").stdout)[1] for _ in range(2))
    assert first != second
