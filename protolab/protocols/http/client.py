"""An HTTP/1.1 client that keeps its connection: as many requests as wanted, one after another.

async with http.connect(server.url) as connection:
    response = await connection.get("/updates?since=0")
    print(response.head.status, response.body)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from protolab import repeat
from protolab.errors import LabError
from protolab.wire import http1, http1_bodies

LIMIT = 2**20  # bytes of a response that are waited for


class Response(NamedTuple):
    """What came back: the head, explained, and the body, without what delimits it."""

    head: http1.Head
    body: bytes


class HttpConnection:
    """One TCP connection for many requests. `headers` go with each: by default what curl would send."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        headers: Mapping[str, str | None] | None = None,
    ) -> None:
        self.reader = reader
        self.writer = writer
        ours: dict[str, str | None] = {"Host": repeat.authority(host), "User-Agent": "protolab", "Accept": "*/*"}
        self.headers = ours | dict(headers or {})

    async def get(self, target: str) -> Response:
        """Ask for `target` ("/updates?since=0") and read the whole response.

        LabError: the server hung up, or answered what is not HTTP/1.1 or longer than a mebibyte.
        """
        lines = [f"GET {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items() if value is not None]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            await self.writer.drain()
            head = http1.response(await self.reader.readuntil(b"\r\n\r\n"))
            while 100 <= head.status < 200 and head.status != 101:  # RFC 9110 section 15.2: the answer is still to come
                head = http1.response(await self.reader.readuntil(b"\r\n\r\n"))
            return Response(head, await self._body(http1_bodies.framing(head, "GET")))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise LabError(f"The server hung up on GET {target}.", "Look into its log, and connect again.") from error
        except (asyncio.LimitOverrunError, ValueError) as error:
            raise LabError(f"The answer to GET {target} cannot be read: {error}.", "Is this an HTTP server?") from error

    async def _body(self, framing: http1_bodies.Framing) -> bytes:
        """RFC 9112 section 6.3: the body, however it is delimited."""
        match framing.kind:
            case "length":
                return await self._exactly(framing.length)
            case "chunked":
                body = b""
                while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    body += await self._exactly(size, len(body))
                    await self.reader.readuntil(b"\r\n")
                while await self.reader.readuntil(b"\r\n") != b"\r\n":  # trailers, up to the blank line
                    continue
                return body
            case "close":
                body = b""
                while more := await self.reader.read(LIMIT):
                    body += more
                    self._bound(len(body))
                return body
        return b""

    async def _exactly(self, size: int, before: int = 0) -> bytes:
        self._bound(before + size)
        return await self.reader.readexactly(size)

    @staticmethod
    def _bound(size: int) -> None:
        if size > LIMIT:
            raise ValueError(f"its body is longer than {LIMIT:,} bytes")

    async def close(self) -> None:
        """End the TCP connection: HTTP has no goodbye of its own."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


@asynccontextmanager
async def connect(url: str, headers: Mapping[str, str | None] | None = None) -> AsyncIterator[HttpConnection]:
    """A connection to the server at `url`, closed when the block ends.

    `headers` replace those that every request is sent with, or add to them; None leaves one out. LabError: nobody
    listens there.
    """
    where = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port or 80, limit=LIMIT)
    except OSError as error:
        raise LabError(f"Nobody answers at {url} ({error.strerror}).", "Start the server first.") from error
    connection = HttpConnection(reader, writer, where.netloc, headers)
    try:
        yield connection
    finally:
        await connection.close()
