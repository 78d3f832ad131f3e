"""Fresh gRPC traffic for tests: a server that takes any bytes, a client that says them, a tap in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from protolab.capture import Capture, Connection
from protolab.capture.tap import Tap

Talk = Callable[[grpc.aio.Channel], Awaitable[None]]
SERVICE = "lab.Bytes"


async def _echo(request: bytes, context: Any) -> bytes:
    sent = {key: value for key, value in context.invocation_metadata() if key.startswith("x-")}
    await context.send_initial_metadata(tuple(sent.items()))
    context.set_trailing_metadata((("x-trailer", "done"), ("x-raw-bin", bytes(range(4)))))
    return request


async def _same(request: bytes, context: Any) -> bytes:
    return request


async def _fail(request: bytes, context: Any) -> bytes:
    await context.abort(grpc.StatusCode.NOT_FOUND, "nothing \u20ac here")


async def _count(request: bytes, context: Any) -> AsyncIterator[bytes]:
    for _ in range(int(request)):
        yield bytes(1000)


async def _chat(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    def service(self, details: Any) -> Any:
        return {
            f"/{SERVICE}/Echo": grpc.unary_unary_rpc_method_handler(_echo),
            f"/{SERVICE}/Same": grpc.unary_unary_rpc_method_handler(_same),
            f"/{SERVICE}/Fail": grpc.unary_unary_rpc_method_handler(_fail),
            f"/{SERVICE}/Count": grpc.unary_stream_rpc_method_handler(_count),
            f"/{SERVICE}/Chat": grpc.stream_stream_rpc_method_handler(_chat),
        }.get(details.method)


def recorded(
    talk: Talk, options: Sequence[tuple[str, Any]] = (), server_options: Sequence[tuple[str, Any]] = ()
) -> Connection:
    """The one connection on which `talk` spoke with the server."""

    async def speak() -> Capture:
        server = grpc.aio.server(options=server_options)
        server.add_generic_rpc_handlers((_Handlers(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        capture = Capture("traffic")
        tap = Tap("127.0.0.1", port, capture)
        front = await tap.start()
        try:
            options_ = [("grpc.use_local_subchannel_pool", 1), *options]
            async with grpc.aio.insecure_channel(f"127.0.0.1:{front}", options=options_) as channel:
                await talk(channel)
        finally:
            await tap.stop()
            await server.stop(None)
        return capture

    (connection,) = asyncio.run(speak()).connections
    return connection


def unary(channel: grpc.aio.Channel, method: str) -> Any:
    """A callable of that method, from bytes to bytes."""
    return channel.unary_unary(f"/{SERVICE}/{method}")


async def everything(channel: grpc.aio.Channel) -> None:
    """The kinds of calls, with metadata, an error, a deadline that passes, a cancelled stream and large messages."""
    echo = unary(channel, "Echo")
    for number in range(5):
        metadata = (("x-number", str(number)), ("x-raw-bin", bytes([0, 1, 255, number])), ("x-same", "the same"))
        assert await echo(b"hello", metadata=metadata, timeout=5) == b"hello"
    assert await echo(bytes(200_000)) == bytes(200_000)
    assert await echo(b"", metadata=(("x-long", "y" * 5000),)) == b""
    try:
        await unary(channel, "Fail")(b"")
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.NOT_FOUND
    try:
        await unary(channel, "Missing")(b"")
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert len([said async for said in channel.unary_stream(f"/{SERVICE}/Count")(b"20")]) == 20
    chat = channel.stream_stream(f"/{SERVICE}/Chat")()
    for number in range(5):
        await chat.write(b"%d" % number)
        assert await chat.read() == b"%d" % number
    await chat.done_writing()
    assert await chat.read() is grpc.aio.EOF
    endless = channel.stream_stream(f"/{SERVICE}/Chat")()
    await endless.write(b"x")
    assert await endless.read() == b"x"
    endless.cancel()
    await asyncio.gather(*(echo(b"%d" % number) for number in range(20)))
