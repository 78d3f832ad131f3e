"""The HTTP client, answered by a server that says whatever a test wants."""

from __future__ import annotations

import asyncio

import pytest

from protolab.errors import LabError
from protolab.protocols.http import connect
from protolab.protocols.http.client import LIMIT, Response

pytestmark = pytest.mark.live


def answered(answer: bytes) -> Response:
    """What the client makes of this answer, after which the server hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def main() -> Response:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"http://127.0.0.1:{port}/") as connection:
                return await connection.get("/")

    return asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello and more",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nHe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nHello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
    ],
)
def test_a_body_is_read_however_it_is_delimited(answer: bytes) -> None:
    response = answered(answer)
    assert (response.head.status, response.body) == (200, b"Hello")


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHell"],
)
def test_a_server_that_hangs_up_is_named(answer: bytes) -> None:
    with pytest.raises(LabError, match="hung up on GET /"):
        answered(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (LIMIT + 1),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(LIMIT + 1),
        b"x" * (LIMIT + 10),
    ],
    ids=["long", "long chunk", "no chunk", "endless", "no head"],
)
def test_what_cannot_be_read_is_said(answer: bytes) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        answered(answer)


def test_nobody_there_is_said() -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        async with connect(f"http://127.0.0.1:{port}/"):
            raise AssertionError("connected to nobody")

    with pytest.raises(LabError, match=r"Nobody answers at .* Start the server first\."):
        asyncio.run(main())
