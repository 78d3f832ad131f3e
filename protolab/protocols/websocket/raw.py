"""A WebSocket client made of bytes: it says whatever it is told, legal or not, and shows what the peer answers.

async with websocket.raw_connect(url) as peer:
    await peer.send(websocket.Frame(0x3, b"?"))        # a reserved opcode, and no masking key
    print(await peer.receive())                        # Frame(opcode=8, payload=b'\\x03\\xea...')
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from protolab import repeat
from protolab.errors import LabError
from protolab.wire import http1, http1_bodies
from protolab.wire.websocket_frames import CLOSE, Frame, read_head

PATIENCE = 5.0  # seconds that a peer has to answer
LIMIT = 2**24  # bytes of one frame or head that are waited for


class Ending(NamedTuple):
    """How the peer ended: with a Close frame (`code`, or 1005 for one without), by FIN or RST alone (1006), or not at all."""

    code: int | None
    reason: str = ""


class RawConnection:
    """A TCP connection with the parts of WebSocket that a learner builds by hand. `key` masks frames that ask for it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.random = repeat.token_source()
        self.response: http1.Head | None = None

    async def upgrade(
        self, path: str, host: str, headers: Mapping[str, str | None] | None = None, start: str | None = None
    ) -> int:
        """Send a handshake request and return the status that came back; `headers` replace ours, None leaves one out."""
        ours: dict[str, str | None] = {
            "Host": repeat.authority(host),
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(self.random(16)).decode(),
            "Sec-WebSocket-Version": "13",
        }
        lines = [start or f"GET {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (ours | dict(headers or {})).items() if value is not None]
        return await self.request("\r\n".join([*lines, "", ""]).encode())

    async def request(self, head: bytes) -> int:
        """Send a request head byte for byte and return the status that came back; 0 when the peer hung up instead."""
        await self.send(head)
        try:
            data = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        self.response = http1.response(data)
        body = http1_bodies.framing(self.response, "GET")
        if body.kind == "length":
            await asyncio.wait_for(self.reader.readexactly(min(body.length, LIMIT)), PATIENCE)
        return self.response.status

    async def send(self, said: Frame | bytes, *, mask: bool = False) -> None:
        """Send a frame or any bytes as they are; `mask` gives a frame a fresh key first, as a client should."""
        if isinstance(said, Frame):
            said = (said._replace(key=self.random(4)) if mask else said).encode()
        self.writer.write(said)
        try:
            await self.writer.drain()
        except ConnectionError:
            return  # the peer has gone: `receive` and `ending` say how

    async def receive(self, patience: float = PATIENCE) -> Frame | None:
        """The peer's next frame; None when it hung up instead. TimeoutError: nothing came."""
        data = b""
        try:
            async with asyncio.timeout(patience):
                while (head := read_head(data)) is None:
                    data += await self.reader.readexactly(1)
                data += await self.reader.readexactly(min(head.length, LIMIT))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return Frame.decode(data)

    async def ending(self, patience: float = PATIENCE) -> Ending:
        """Read on until the peer closes, and say how it did; a `code` of None says that it did not within `patience`."""
        try:
            while (frame := await self.receive(patience)) is not None:
                if frame.opcode == CLOSE:
                    code = int.from_bytes(frame.payload[:2]) if len(frame.payload) > 1 else 1005
                    return Ending(code, frame.payload[2:].decode("utf-8", "replace"))
        except TimeoutError:
            return Ending(None)
        return Ending(1006)

    async def close(self) -> None:
        """End the TCP connection, with no WebSocket goodbye."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


@asynccontextmanager
async def raw_connect(
    url: str, headers: Mapping[str, str | None] | None = None, *, upgrade: bool = True
) -> AsyncIterator[RawConnection]:
    """A raw connection to the server at `url`, upgraded unless told not to; closed when the block ends.

    LabError: nobody listens there, or the server did not upgrade.
    """
    where = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port or 80, limit=LIMIT)
    except OSError as error:
        raise LabError(f"Nobody answers at {url} ({error.strerror}).", "Start the server first.") from error
    connection = RawConnection(reader, writer)
    try:
        if upgrade:
            status = await connection.upgrade(where.path or "/", where.netloc, headers)
            if status != 101:
                said = f"answered {status}" if status else "hung up"
                raise LabError(f"The server at {url} {said} and did not upgrade.", "Pass upgrade=False to look closer.")
        yield connection
    finally:
        await connection.close()
