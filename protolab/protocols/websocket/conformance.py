"""Every violation in the catalogue, planted in real bytes, and what a live peer makes of it.

Each `Case` says which bytes break which rule, and where. The decoder must find the rule at those bytes; `judge_server`
says them to a server and compares its reaction with the one that the rule promises.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.findings import Rule
from protolab.protocols.websocket import rules
from protolab.protocols.websocket.raw import raw_connect
from protolab.wire.websocket_frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, Frame

KEY = b"\x12\x34\x56\x78"
_START = "GET / HTTP/1.1"


class Case(NamedTuple):
    """One planted violation. `span` is the byte range of the finding, in the frame numbered `frame` (from 0)."""

    name: str
    rule: Rule
    frames: tuple[Frame, ...]
    span: tuple[int, int]
    frame: int = 0
    deflate: bool = False

    @property
    def said(self) -> bytes:
        """The bytes of all frames."""
        return b"".join(frame.encode() for frame in self.frames)


class Request(NamedTuple):
    """A handshake request that breaks a rule: headers to replace (None leaves one out), or another start line."""

    name: str
    rule: Rule
    headers: dict[str, str | None]
    start: str = _START


def _frame(opcode: int, payload: bytes = b"", **more: object) -> Frame:
    return Frame(opcode, payload, key=KEY, **more)  # type: ignore[arg-type]


def _close(payload: bytes) -> tuple[Frame, ...]:
    return (_frame(CLOSE, payload),)


_HELLO = _frame(TEXT, b"Hel", fin=False)
_BAD = b"ok \xed\xa0\x80"  # a surrogate: never UTF-8

CASES = (
    *(Case(f"opcode {code:X}", rules.RESERVED_OPCODE, (_frame(code, b"?"),), (0, 1)) for code in (3, 4, 5, 6, 7)),
    *(Case(f"opcode {code:X}", rules.RESERVED_OPCODE, (_frame(code, b"?"),), (0, 1)) for code in (11, 12, 13, 14, 15)),
    Case("RSV1, nothing agreed on", rules.RESERVED_BIT, (_frame(TEXT, b"Hello", rsv1=True),), (0, 1)),
    Case("RSV2", rules.RESERVED_BIT, (_frame(TEXT, b"Hello", rsv2=True),), (0, 1)),
    Case("RSV3", rules.RESERVED_BIT, (_frame(BINARY, b"Hello", rsv3=True),), (0, 1)),
    Case("no masking", rules.CLIENT_UNMASKED, (Frame(TEXT, b"Hello"),), (1, 2)),
    Case("a ping of 126 bytes", rules.CONTROL_LONG, (_frame(PING, b"x" * 126),), (1, 4)),
    Case("a close of 126 bytes", rules.CONTROL_LONG, _close(b"\x03\xe8" + b"x" * 124), (1, 4)),
    Case("a fragmented ping", rules.CONTROL_FRAGMENTED, (_frame(PING, b"x", fin=False),), (0, 1)),
    Case("5 bytes, length in 16 bits", rules.LENGTH_FORM, (_frame(TEXT, b"Hello", form=16),), (1, 4)),
    Case("5 bytes, length in 64 bits", rules.LENGTH_FORM, (_frame(TEXT, b"Hello", form=64),), (1, 10)),
    Case("126 bytes, length in 64 bits", rules.LENGTH_FORM, (_frame(TEXT, b"x" * 126, form=64),), (1, 10)),
    Case("a length with its top bit set", rules.LENGTH_SIGN, (_frame(BINARY, b"x", form=64, length=1 << 63),), (2, 10)),
    Case("a continuation of nothing", rules.CONTINUATION, (_frame(CONTINUATION, b"lo"),), (0, 1)),
    Case("a message inside a message", rules.INTERLEAVED, (_HELLO, _frame(TEXT, b"lo")), (0, 1), 1),
    Case("one byte of close code", rules.CLOSE_HALF, _close(b"\x03"), (6, 7)),
    *(
        Case(f"close code {code}", rules.CLOSE_CODE, _close(code.to_bytes(2)), (6, 8))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    Case("a close reason that is not UTF-8", rules.CLOSE_REASON, _close(b"\x03\xe8" + _BAD), (11, 12)),
    Case("a text that is not UTF-8", rules.TEXT_UTF8, (_frame(TEXT, _BAD),), (9, 10)),
    Case("a text with an overlong character", rules.TEXT_UTF8, (_frame(TEXT, b"\xc0\xaf"),), (6, 7)),
    Case("a text past U+10FFFF", rules.TEXT_UTF8, (_frame(TEXT, b"\xf4\x90\x80\x80"),), (6, 7)),
    Case("a text that ends inside a character", rules.TEXT_UTF8, (_frame(TEXT, b"caf\xc3"),), (9, 10)),
    Case(
        "a character broken between fragments",
        rules.TEXT_UTF8,
        (_frame(TEXT, b"caf\xc3", fin=False), _frame(CONTINUATION, b"e")),
        (6, 7),
        1,
    ),
    Case("a compressed ping", rules.RSV1_CONTROL, (_frame(PING, b"x", rsv1=True),), (0, 1), deflate=True),
    Case(
        "a continuation with RSV1",
        rules.RSV1_CONTINUATION,
        (_frame(TEXT, b"\xf2\x48\xcd", fin=False, rsv1=True), _frame(CONTINUATION, b"\xc9\xc9\x07\x00", rsv1=True)),
        (0, 1),
        1,
        deflate=True,
    ),
    Case("data that do not inflate", rules.INFLATE, (_frame(TEXT, b"\xff\xff", rsv1=True),), (6, 8), deflate=True),
    Case(
        "a compressed text that is not UTF-8",
        rules.TEXT_UTF8,
        (_frame(TEXT, b"\x00\x02\x00\xfd\xff\xc3\x28\x00", rsv1=True),),
        (6, 14),
        deflate=True,
    ),
)

REQUESTS = (
    Request("POST", rules.METHOD, {}, "POST / HTTP/1.1"),
    Request("HTTP/1.0", rules.HTTP_VERSION, {}, "GET / HTTP/1.0"),
    Request("no Host", rules.HOST, {"Host": None}),
    Request("a Host that is no name", rules.HOST, {"Host": "not a name"}),
    Request("no Upgrade", rules.UPGRADE, {"Upgrade": None}),
    Request("Upgrade: h2c", rules.UPGRADE, {"Upgrade": "h2c"}),
    Request("Connection: close", rules.CONNECTION, {"Connection": "close"}),
    Request("no key", rules.KEY_MISSING, {"Sec-WebSocket-Key": None}),
    Request("a key of 15 bytes", rules.KEY_LENGTH, {"Sec-WebSocket-Key": "AAECAwQFBgcICQoLDA0O"}),
    Request("a key that is not base64", rules.KEY_LENGTH, {"Sec-WebSocket-Key": "not base64 at all!!!"}),
    Request("version 8", rules.VERSION, {"Sec-WebSocket-Version": "8"}),
    Request("no version", rules.VERSION_MISSING, {"Sec-WebSocket-Version": None}),
    Request("a subprotocol in quotes", rules.SUBPROTOCOL_OFFER, {"Sec-WebSocket-Protocol": '"chat"'}),
    Request("a parameter without its value", rules.EXTENSION_OFFER, {"Sec-WebSocket-Extensions": "x-own; level="}),
)


class Verdict(NamedTuple):
    """What a live server did with one case: `expected` by the rule, and what it `got`."""

    name: str
    rule: Rule
    expected: str
    got: str

    @property
    def agrees(self) -> bool:
        return self.got in self.expected.split(" or ")


async def judge_server(url: str) -> list[Verdict]:
    """Say every case to the server at `url`, each on a connection of its own, and compare its reaction with the rule's.

    The server must accept permessage-deflate, or the cases about compression come out as refused. LabError: nobody
    listens there.
    """
    verdicts = []
    for request in REQUESTS:
        async with raw_connect(url, upgrade=False) as peer:
            status = await peer.upgrade("/", "lab.local", request.headers, request.start)
        verdicts.append(Verdict(request.name, request.rule, request.rule.reaction, f"HTTP {status}"))
    for case in CASES:
        headers = {"Sec-WebSocket-Extensions": "permessage-deflate"} if case.deflate else None
        async with raw_connect(url, headers) as peer:
            await peer.send(case.said)
            ending = await peer.ending()
        verdicts.append(Verdict(case.name, case.rule, case.rule.reaction, str(ending.code)))
    return verdicts
