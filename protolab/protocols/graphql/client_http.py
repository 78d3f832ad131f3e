"""HTTP/1.1 for the GraphQL client: requests with a body, on connections that are kept for the next one."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from protolab import repeat
from protolab.errors import LabError
from protolab.wire import http1, http1_bodies

LIMIT = 2**24  # bytes of a response's body that are waited for
_PIECE = 2**16  # bytes of a head, of a line, and of a body read at a time
_KEPT = 8  # connections without a request that are kept; one more is closed
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class HttpLink:
    """Sends requests to the server at `url`. `tls` is for https, by default Python's own settings.

    LabError, from every method: nobody is there, the connection broke, or what answers is no HTTP/1.1.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise LabError(
                f"{url!r} is no URL that GraphQL is served at.", "Write one such as http://host:port/graphql."
            )
        self.url = url
        self._host, self._netloc = where.hostname, where.netloc.rpartition("@")[2]
        self._port = where.port or (443 if where.scheme == "https" else 80)
        self._target = where.path or "/"
        self._query = where.query
        self._tls = (tls or ssl.create_default_context()) if where.scheme == "https" else None
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def request(
        self, method: str, headers: Mapping[str, str], body: bytes = b"", query: str = ""
    ) -> tuple[http1.Head, bytes]:
        """The response's head and its body, whole."""
        parts, size = [], 0
        async with self.exchange(method, headers, body, query) as (head, pieces):
            async for piece in pieces:
                size += len(piece)
                if size > LIMIT:
                    raise LabError(f"The response is longer than {LIMIT:,} bytes.", "Ask for less.")
                parts.append(piece)
        return head, b"".join(parts)

    @asynccontextmanager
    async def exchange(
        self, method: str, headers: Mapping[str, str], body: bytes = b"", query: str = ""
    ) -> AsyncIterator[tuple[http1.Head, AsyncIterator[bytes]]]:
        """The response's head, and its body as it comes. A block that ends before the body does ends the connection."""
        reader, writer = await self._connection()
        done = False
        try:
            writer.write(self._head(method, headers, body, query) + body)
            await writer.drain()
            head = http1.response(await reader.readuntil(b"\r\n\r\n"))
            while 100 <= head.status < 200:
                head = http1.response(await reader.readuntil(b"\r\n\r\n"))
            if not head.status:
                raise ValueError("its first line is no status line")
            framing = http1_bodies.framing(head, method)
            if framing.kind == "close" and head.get("Content-Length") and not head.get("Transfer-Encoding"):
                raise ValueError("its Content-Length is none")  # RFC 9112 section 6.3: unrecoverable
            over = asyncio.Event()
            yield head, _pieces(reader, framing, over)
            last = "close" in [one.lower() for one in http1.elements(head.get("Connection") or "")]
            done = over.is_set() and framing.kind != "close" and not last and head.start[0] == "HTTP/1.1"
        except (OSError, asyncio.IncompleteReadError) as error:
            why = "the answer is cut off" if isinstance(error, EOFError) else error
            raise LabError(f"The connection to {self.url} broke: {why}.", "Look into the server's log.") from error
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise LabError(f"What {self.url} answers cannot be read: {error}.", "Is it an HTTP server?") from error
        finally:
            if done and len(self._kept) < _KEPT:
                self._kept.append((reader, writer))
            else:
                writer.transport.abort()

    async def close(self) -> None:
        """Close the connections that are kept."""
        kept, self._kept = self._kept, []
        for _, writer in kept:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in kept), return_exceptions=True)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._kept:
            reader, writer = self._kept.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        try:
            return await asyncio.open_connection(self._host, self._port, limit=_PIECE, ssl=self._tls)
        except OSError as error:
            raise LabError(f"Nobody answers at {self.url} ({error.strerror}).", "Start the server first.") from error

    def _head(self, method: str, headers: Mapping[str, str], body: bytes, query: str) -> bytes:
        query = "&".join(filter(None, (self._query, query)))
        target = self._target + (f"?{query}" if query else "")
        fields = {"Host": repeat.authority(self._netloc), "User-Agent": "protolab", **headers}
        if method == "POST":
            fields["Content-Length"] = str(len(body))
        for name, value in fields.items():
            if re.search(r"[\r\n\0]", name + value):
                raise ValueError(f"the header {name!r} has a line end in it")
        text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode()


async def _pieces(
    reader: asyncio.StreamReader, framing: http1_bodies.Framing, over: asyncio.Event
) -> AsyncIterator[bytes]:
    """A body, as it comes; `over` is set at its end. RFC 9112 section 6.3."""
    if framing.kind == "chunked":
        while True:
            match = _SIZE.fullmatch(line := await reader.readuntil(b"\r\n"))
            if match is None:
                raise ValueError(f"{line[:20]!r} does not announce a chunk")
            if not (left := int(match[1], 16)):
                break
            async for piece in _exactly(reader, left):
                yield piece
            if await reader.readexactly(2) != b"\r\n":
                raise ValueError("a chunk is longer than announced")
        while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers, up to the blank line
            continue
    elif framing.kind == "length":
        async for piece in _exactly(reader, framing.length):
            yield piece
    elif framing.kind == "close":
        while piece := await reader.read(_PIECE):
            yield piece
    over.set()


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(piece)
        yield piece
