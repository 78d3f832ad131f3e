"""The views on real WebSocket bytes: RFC 6455's own handshake and frames."""

from __future__ import annotations

import json

from protolab import protocols, show
from protolab.capture import Capture
from protolab.fields import Side
from tests.view.build import HELLO, Page

REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def sample(*, client: bytes = REQUEST + HELLO, server: bytes = RESPONSE + b"\x81\x05Hello") -> Capture:
    capture = Capture("section 1.3")
    capture.logical = True
    connection = capture.connect("127.0.0.1:1", "127.0.0.1:2")
    connection.add(Side.CLIENT, client[: len(REQUEST)])
    connection.add(Side.SERVER, server[: len(RESPONSE)])
    connection.add(Side.CLIENT, client[len(REQUEST) :])
    connection.add(Side.SERVER, server[len(RESPONSE) :])
    return capture


def test_the_ladder_of_the_rfcs_example() -> None:
    assert (
        str(show.ladder(sample()))
        == """\
capture section 1.3: 1 connection, 4 units, 308 bytes

connection 1, websocket
  unit  step  client                                                  server    bytes
     0     1  GET /chat HTTP/1.1 ──────────────────────────────────────────→      161
     1     2  ←──────────────────────────── HTTP/1.1 101 Switching Protocols      129
     2     3  text "Hello" ────────────────────────────────────────────────→       11
     3     4  ←──────────────────────────────────────────────── text "Hello"        7"""
    )


def test_the_handshake_shows_request_response_and_each_step_of_the_derivation() -> None:
    heads = show.explain(protocols.decode(sample()[0])[:2])
    for said in (heads.text(), Page(heads.html()).text):
        facts = (
            "unit 0: GET /chat HTTP/1.1",
            "unit 1: HTTP/1.1 101 Switching Protocols",
            "step 1: key and GUID",
            "step 2: SHA-1",
            "b3 7a 4f 2c c0 62 4f 16",
            "step 3: base64",
            '"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="',
        )
        assert sorted(facts, key=said.rindex) == list(facts)


def test_the_picture_of_a_real_frame_is_the_rfcs() -> None:
    text = str(show.picture(protocols.decode(sample()[0])[2]))
    assert "|1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|      37              fa       |" in text


def test_every_prefix_of_a_conversation_is_drawn() -> None:
    client, server = REQUEST + HELLO, RESPONSE + b"\x81\x05Hello"
    for cut in range(0, len(client), 3):
        capture = sample(client=client[:cut], server=server[: max(0, cut - 30)])
        for view in (show.ladder(capture), show.explain(capture)):
            assert view.text()
            Page(view.html())
            json.dumps(view.json(), ensure_ascii=False).encode()
