"""What a workbench for bytes needs to know of WebSocket: how bytes read on an open connection, how a frame with one value
changed is encoded, and what a live peer answers to bytes.

The connection that bytes are judged on is as fresh as can be: its handshake is done, and nothing else was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from protolab import repeat
from protolab.capture import Capture
from protolab.errors import LabError
from protolab.fields import Field, Side, Source
from protolab.protocols.websocket import rules
from protolab.protocols.websocket.decode import decode
from protolab.protocols.websocket.handshake import accept
from protolab.protocols.websocket.raw import RawConnection, raw_connect
from protolab.protocols.websocket.server import EchoServer
from protolab.units import Unit, Units
from protolab.wire.websocket_frames import CLOSE, OPCODES, Frame, mask, read_head

OPEN, COMPRESSED, REQUEST = "an open connection", "an open connection with compression", "a new connection"
PATIENCE = 1.5  # seconds that a peer has to answer
MORE = 0.3  # seconds that it has for each further frame
ANSWERS = 10  # frames that are listened to
_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3's example
_ALONE = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
_PLAIN = "unmasked payload"


class Reply(NamedTuple):
    """What a peer answered: in words, and as a code that a rule's `reaction` may begin with ("1002", "HTTP 426")."""

    says: str
    code: str = ""


def context(unit: Unit) -> str:
    """On what kind of connection a unit's bytes can be judged alone. LabError: they cannot."""
    if unit.kind == "request head":
        return REQUEST
    if unit.kind != "frame":
        raise LabError(f"A {unit.kind} means nothing without what it answers.", "Take a frame, or a request head.")
    deflated = (
        unit.data[:1] and unit.data[0] & 0x40 and not any(each.rule is rules.RESERVED_BIT for each in unit.findings)
    )
    if deflated and any(each.rule is rules.INFLATE for each in units(unit.data, unit.side, COMPRESSED)[0].findings):
        raise LabError(
            "This compressed message refers to what was said before it.",
            "Take the first compressed message of its side.",
        )
    return COMPRESSED if deflated else OPEN


def units(data: bytes, side: Side, where: str) -> Units:
    """The units that `data` is when `side` says it on a connection of that kind; places count from there."""
    connection = Capture("bench").connect()
    if where == REQUEST:
        connection.add(Side.CLIENT, data, 0.0)
        return Units(decode(connection))
    extensions = _ALONE if where == COMPRESSED else None
    connection.add(Side.CLIENT, _head("GET / HTTP/1.1", extensions, f"Sec-WebSocket-Key: {_KEY.decode()}"), 0.0)
    answer = f"Sec-WebSocket-Accept: {accept(_KEY).decode()}"
    connection.add(Side.SERVER, _head("HTTP/1.1 101 Switching Protocols", extensions, answer), 0.0)
    before = connection.size(side)
    connection.add(side, data, 0.0)
    return Units(_placed(unit, number, before) for number, unit in enumerate(decode(connection)[2:]))


def _placed(unit: Unit, number: int, before: int) -> Unit:
    """The unit as it is where the `before` bytes of the handshake are not counted."""
    place = unit.place
    place = place._replace(number=number, start=place.start - before, end=place.end - before)
    return unit._replace(place=place, field=_sourced(unit.field, before))


def _sourced(field: Field, before: int) -> Field:
    derived = (
        each._replace(sources=tuple(Source(who, start - before, end - before) for who, start, end in each.sources))
        for each in field.derived
    )
    return field._replace(children=tuple(_sourced(each, before) for each in field.children), derived=tuple(derived))


def _head(start: str, extensions: str | None, line: str) -> bytes:
    lines = [start, "Host: lab.local", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", line]
    lines += [f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []
    return "\r\n".join([*lines, "", ""]).encode()


# Values by the names of fields, in the order of the bytes.
CHOICES: Mapping[str, Sequence[tuple[int, str]]] = {
    "opcode": [(code, f"{code:X} {OPCODES.get(code, 'reserved')}") for code in range(16)]
}
ACTIONS: Mapping[str, str] = {
    "length": "Make the length fit",
    "key": "Mask with a fresh key",
    "unmask": "Take the mask off",
}
REBUILDS = frozenset({_PLAIN})


def encode(data: bytes, name: str, value: int | bytes) -> bytes | None:
    """The frame `data` with one of its values changed, and the rest made to fit; None where no frame has such a value.

    A new masking key masks the payload anew, a new payload gets the length that it has, a length may lie.

    >>> encode(b"\\x81\\x05Hello", "payload", b"Hi")
    b'\\x81\\x02Hi'
    >>> encode(b"\\x81\\x02Hi", "payload length", 126)
    b'\\x81~\\x00~Hi'
    """
    if read_head(data) is None:
        return None
    frame = Frame.decode(data)
    match name, value:
        case "FIN", int():
            frame = frame._replace(fin=bool(value))
        case "RSV1", int():
            frame = frame._replace(rsv1=bool(value))
        case "RSV2", int():
            frame = frame._replace(rsv2=bool(value))
        case "RSV3", int():
            frame = frame._replace(rsv3=bool(value))
        case "opcode", int():
            frame = frame._replace(opcode=value)
        case "MASK", int():
            frame = frame._replace(key=(frame.key or _fresh()) if value else None)
        case (("payload length" | "extended payload length"), int()):
            frame = frame._replace(form=None, length=None if value == len(frame.payload) else value)
        case "masking key", bytes() if len(value) == 4:
            frame = frame._replace(key=value)
        case "payload", bytes():
            said = value if frame.key is None else mask(value, frame.key)
            frame = frame._replace(payload=said, form=None, length=None)
        case _:
            return None
    return frame.encode()


def rebuild(data: bytes, derived: str, new: bytes) -> bytes | None:
    """The frame `data` with other bytes in what was derived from it; None where that cannot be undone."""
    if derived != _PLAIN or read_head(data) is None:
        return None
    return Frame.decode(data)._replace(payload=new, form=None, length=None).encode()


def act(data: bytes, action: str) -> bytes:
    """All of `data` after its first header as one frame: its length made to fit, masked afresh, or not masked."""
    head = read_head(data)
    if head is None:
        raise LabError("There is no whole header here.", "Add bytes until there is one: two, or more as they say.")
    key = data[head.size - 4 : head.size] if head.masked else None
    frame = Frame.decode(data)
    if action == "length":
        payload = data[head.size :]
        frame = frame._replace(payload=mask(payload, key) if key else payload, form=None, length=None)
        return frame.encode()
    rest = data[head.size + head.length :]
    return frame._replace(key=_fresh() if action == "key" else None).encode() + rest


def _fresh() -> bytes:
    return repeat.token_source()(4)


def server(where: str) -> EchoServer:
    """A peer for bytes that are said on such a connection."""
    return EchoServer(compression="deflate" if where == COMPRESSED else None)


async def send(url: str, data: bytes, where: str) -> Reply:
    """Say `data` to the server at `url`, as a client on a connection of that kind, and tell what it answered."""
    headers = {"Sec-WebSocket-Extensions": _ALONE} if where == COMPRESSED else None
    async with raw_connect(url, headers, upgrade=where != REQUEST) as peer:
        if where == REQUEST:
            return await _requested(peer, data)
        if where == COMPRESSED and not (peer.response and peer.response.get("Sec-WebSocket-Extensions")):
            raise LabError("The server did not agree to compress.", 'Start it with compression="deflate".')
        await peer.send(data)
        return await _answered(peer, where)


async def _requested(peer: RawConnection, data: bytes) -> Reply:
    try:
        status = await peer.request(data)
    except TimeoutError:
        return Reply("nothing: it waits for the rest of the head")
    if not status or peer.response is None:
        return Reply("nothing: it hung up", "1006")
    return Reply(f"HTTP {status} {peer.response.start[2]}".strip(), f"HTTP {status}")


async def _answered(peer: RawConnection, where: str) -> Reply:
    """What came back: frames, up to a Close or until nothing more comes."""
    heard: list[str] = []
    patience = PATIENCE
    try:
        while len(heard) < ANSWERS:
            frame = await peer.receive(patience)
            if frame is None:
                return Reply("; ".join([*heard, "it hung up, without a Close"]), "1006")
            said = units(frame.encode(), Side.SERVER, where)[0].title
            heard.append(said)
            if frame.opcode == CLOSE:
                return Reply("; ".join(heard), str(int.from_bytes(frame.payload[:2])) if frame.payload else "1005")
            patience = MORE
    except TimeoutError:
        pass  # it has said all that it had to say
    if not heard:
        return Reply(f"nothing within {PATIENCE:g} seconds; it may wait for more bytes, or have nothing to say to this")
    await peer.send(Frame(CLOSE, (1000).to_bytes(2)), mask=True)
    return Reply("; ".join(heard))
