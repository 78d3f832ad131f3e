"""Fresh live conversations: what we decode is what the `websockets` library, wsproto and tshark read in the same bytes."""

from __future__ import annotations

import asyncio
import random
import subprocess
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import Close
from websockets.frames import Frame as LibraryFrame
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from protolab import lab, protocols, websocket
from protolab.capture import Connection, pcapng
from protolab.fields import Side
from protolab.units import Unit
from tests.decoding import derived, sound
from tests.tools import need

SIZES = (0, 1, 5, 125, 126, 127, 300, 65535, 65536)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "deflated"])
def deflate(request: pytest.FixtureRequest) -> bool:
    """Whether the conversation is compressed."""
    return bool(request.param)


@pytest.fixture(scope="module")
def talk(deflate: bool) -> Connection:
    """A live conversation with text, binary, pings, fragments and a close, over the tap."""

    async def speak(url: str) -> None:
        chance = random.Random(6455)
        async with websocket.connect(url, compression=compression) as peer:
            for size in SIZES:
                await peer.send("".join(chance.choices("abc \u00e9\u20ac\U0001f600", k=size)))
                await peer.recv()
                await peer.send(chance.randbytes(size))
                await peer.recv()
            await (await peer.ping(b"are you there"))
            await peer.send(["in ", "three ", "pieces \u20ac"])
            await peer.recv()
            await peer.close(4000, "au revoir \u00e9")

    compression = "deflate" if deflate else None
    with lab.start(websocket.EchoServer(compression=compression), name=f"oracle {compression}") as server:
        asyncio.run(speak(server.url))
        (connection,) = server.capture.connections
        return connection


def frames_of(connection: Connection) -> list[Unit]:
    return [unit for unit in sound(connection) if unit.kind == "frame"]


def test_the_websockets_library_reads_the_same_frames(talk: Connection, deflate: bool) -> None:
    server = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()] if deflate else None, max_size=None)
    stream = talk.read(Side.CLIENT)
    head = protocols.decode(talk)[0].place.end
    server.receive_data(stream[:head])
    (request,) = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type]
    server.receive_data(stream[head:])
    ours = [unit for unit in frames_of(talk) if unit.side is Side.CLIENT]
    compare(ours, server.events_received())
    assert len(ours) > 2 * len(SIZES) + 4


def test_the_websockets_library_reads_the_same_frames_from_the_server(talk: Connection, deflate: bool) -> None:
    extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)] if deflate else None
    client = ClientProtocol(parse_uri("ws://lab.local/"), extensions=extensions, max_size=None)
    client.key = protocols.decode(talk)[0].field.find("Sec-WebSocket-Key").value  # type: ignore[assignment]
    client.send_request(client.connect())
    client.receive_data(talk.read(Side.SERVER))
    _, *frames = client.events_received()
    compare([unit for unit in frames_of(talk) if unit.side is Side.SERVER], frames)


def compare(ours: list[Unit], theirs: list[object]) -> None:
    """FIN, opcode and the payload, unmasked and inflated, of every frame."""
    assert len(ours) == len(theirs)
    message = b""
    for unit, frame in zip(ours, theirs, strict=True):
        assert isinstance(frame, LibraryFrame)
        value = {field.name: field.value for field in unit.field.children}
        assert (value["FIN"], value["opcode"]) == (frame.fin, int(frame.opcode))
        if frame.opcode is frame.opcode.CLOSE:
            close = Close.parse(frame.data)
            tree = derived(unit.field, "unmasked payload").field if value["MASK"] else unit.field
            assert (tree.find("close code").value, tree.find("close reason").value) == (close.code, close.reason)
            continue
        if frame.opcode < 8:
            message = frame.data if frame.opcode else message + bytes(frame.data)
        if value["RSV1"] or not frame.opcode:
            if frame.fin:
                assert whole(unit) == bytes(message)
        elif "payload" in value and value["MASK"]:
            assert derived(unit.field, "unmasked payload").data == bytes(frame.data)
        elif "payload" in value:
            assert unit.data[-len(frame.data) :] == bytes(frame.data)
        else:
            assert not frame.data


def whole(unit: Unit) -> bytes:
    """The message that a frame completes."""
    return next(item.data for _, field in unit.field.walk() for item in field.derived if item.name.endswith(" message"))


def test_tshark_reads_the_same_values(talk: Connection, tmp_path: Path) -> None:
    path = tmp_path / "talk.pcapng"
    pcapng.write(talk.capture, path)
    names = ["fin", "rsv", "opcode", "mask", "payload_length", "masking_key"]
    command = [
        need("tshark"),
        "-r",
        str(path),
        "-d",
        f"tcp.port=={talk.server.rpartition(':')[2]},http",
        "-T",
        "fields",
    ]
    command += [part for name in names for part in ("-e", f"websocket.{name}")]
    command += ["-e", "websocket.payload_length_ext_16", "-e", "websocket.payload_length_ext_64", "-Y", "websocket"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = [
        row for line in lines for row in zip(*(column.split(",") for column in line.split("\t")[:5]), strict=True)
    ]
    lengths = {126: "payload_length_ext_16", 127: "payload_length_ext_64"}
    ours = []
    for unit in frames_of(talk):
        value = {field.name: field.value for field in unit.field.children}
        rsv = sum(bool(value[f"RSV{bit}"]) << 3 - bit for bit in (1, 2, 3))
        assert value["payload length"] not in lengths or "extended payload length" in value
        ours.append((value["FIN"], rsv, value["opcode"], value["MASK"], value["payload length"]))
    assert sorted(ours) == sorted(
        (text(fin), int(rsv, 0), int(op), text(mask), int(n)) for fin, rsv, op, mask, n in theirs
    )
    keys = sorted(key for line in lines for key in line.split("\t")[5].split(",") if key)
    assert keys == sorted(
        unit.field.find("masking key").value.hex() for unit in frames_of(talk) if unit.side is Side.CLIENT
    )  # type: ignore[attr-defined]
    extended = sorted(int(n) for line in lines for column in line.split("\t")[6:] for n in column.split(",") if n)
    assert extended == sorted(
        field.value  # type: ignore[type-var]
        for unit in frames_of(talk)
        for field in unit.field.children
        if field.name == "extended payload length"
    )


def text(flag: str) -> bool:
    return flag.lower() in ("1", "true")
