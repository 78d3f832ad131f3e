"""`protolab tour`: one WebSocket conversation, live, and what was said in it, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator

from protolab import lab, protocols
from protolab.fields import Side
from protolab.show import explain, ladder, picture
from protolab.terminal.screen import rail

MESSAGE = "Hello"


def run() -> Iterator[str]:
    """The tour, piece by piece. LabError or OSError: no server could be started or reached."""
    from protolab import websocket  # imported when it is needed: it brings a client's and a server's library

    yield "A WebSocket server and a client talk on this machine, right now, through a tap that records every byte.\n"
    with lab.start(websocket.EchoServer(), name="tour") as server:
        lab.run(_talk(server.url))
        capture = server.capture
    conversation = protocols.decode(capture[0])
    heads = [unit for unit in conversation if unit.kind.endswith("head")]
    frame = next(unit for unit in conversation if unit.kind == "frame" and unit.side is Side.CLIENT)

    yield "1. Who said what when: the client's lines go to the right, the server's to the left.\n"
    yield f"{ladder(capture).text(rail())}\n"
    yield "2. It begins as HTTP: the client asks for another protocol, and the server proves that it understood.\n"
    yield f"{explain(heads)}\n"
    size = len(frame.data)
    yield f"3. From then on they speak in frames. Unit {frame.place.number} is {frame.title}, in {size} bytes:\n"
    yield f"{explain(frame)}\n"
    yield "4. The same bytes, bit by bit, as RFC 6455 section 5.2 draws a frame:\n"
    yield f"{picture(frame)}\n"
    yield f"That was {capture.size} bytes, each one explained. Go on with the lessons: protolab lab"


async def _talk(url: str) -> None:
    from protolab import websocket

    async with websocket.connect(url) as connection:
        await connection.send(MESSAGE)
        await connection.recv()
        await (await connection.ping(b"still there?"))
