"""A channel to a server, made inside the loop that uses it, and what every client of it shares: deadlines and errors."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols.grpc.errors import CallFailed
from protolab.protocols.grpc.library import aio, grpc

Answer = TypeVar("Answer")
Stub = TypeVar("Stub")
Answer_co = TypeVar("Answer_co", covariant=True)
Metadata = Iterable[tuple[str, str | bytes]]
_LONGEST = 1e9  # seconds, 31 years; a deadline that is later, grpcio takes for one that has passed
_SCHEMES = "dns|ipv4|ipv6|unix|unix-abstract|vsock|xds"  # of targets that grpcio resolves itself


class Hearing(Protocol[Answer_co]):
    """A call with many answers."""

    def __aiter__(self) -> AsyncIterator[Answer_co]: ...
    def cancel(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Retry:
    """When the library calls again by itself, in the words of a service config (gRFC A6).

    `attempts` counts the first one, and the library makes no more than five. The wait before each retry is random, from
    nothing to `initial` seconds, then up to `multiplier` times as much each time, and never more than `most`. LabError:
    one of them is not what the library takes.
    """

    attempts: int = 4
    initial: float = 0.1
    most: float = 1.0
    multiplier: float = 2.0
    codes: tuple[str, ...] = ("UNAVAILABLE",)

    def __post_init__(self) -> None:
        if not (isinstance(self.attempts, int) and self.attempts > 1):
            raise LabError(f"{self.attempts} attempts are no retry.", "Say 2 to 5: the first one counts.")
        if min(self.initial, self.most) < 0.001 or self.multiplier <= 0:
            raise LabError(
                "No time would pass between attempts.",
                "Let `initial` and `most` be 0.001 seconds or more, and `multiplier` more than 0.",
            )
        if not self.codes or not set(self.codes) <= set(grpc.StatusCode.__members__):
            raise LabError(f"{self.codes!r} are no codes.", 'Name at least one, such as ("UNAVAILABLE",).')

    def config(self) -> dict[str, Any]:
        """The service config that says so, for every method."""
        policy = {
            "maxAttempts": self.attempts,
            "initialBackoff": f"{self.initial:.12g}s",
            "maxBackoff": f"{self.most:.12g}s",
            "backoffMultiplier": self.multiplier,
            "retryableStatusCodes": list(self.codes),
        }
        return {"methodConfig": [{"name": [{}], "retryPolicy": policy}]}


class Client:
    """What clients of a service share. `target` is "host:port" or the url of a server's handle.

    `timeout` is the deadline of each call, in seconds, where a call gives none of its own; None waits for ever.
    `metadata` goes with every call. With `retry` failed calls are repeated; `wait_for_ready` waits, within the deadline,
    for a server that does not answer yet. `options` are grpcio's channel options, put before the ones given here.

    Leave it with `async with`, or by `await close()`. It belongs to the event loop that first uses it.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float | None = 5.0,
        metadata: Metadata = (),
        retry: Retry | None = None,
        wait_for_ready: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.target = address(target)
        self.timeout = timeout
        self.metadata = pairs(metadata)
        self.wait_for_ready = wait_for_ready
        self._options = list({**_defaults(retry), **(options or {})}.items())
        self._channel: aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._stubs: dict[Any, Any] = {}

    @property
    def channel(self) -> aio.Channel:
        """The channel, made when it is first asked for, inside the running loop.

        LabError: the client is closed, or belongs to another loop.
        """
        loop = asyncio.get_running_loop()
        if self._closed:
            raise LabError("This client is closed.", "Make a new one.")
        if self._channel is None:
            self._loop = loop
            self._channel = aio.insecure_channel(self.target, options=self._options)
        elif loop is not self._loop:
            raise LabError("This client belongs to another event loop.", "Make one in the loop that uses it.")
        return self._channel

    def stub_of(self, kind: Callable[[aio.Channel], Stub]) -> Stub:
        """The generated stub of that kind, made once, on the channel."""
        channel = self.channel
        if kind not in self._stubs:
            self._stubs[kind] = kind(channel)
        stub: Stub = self._stubs[kind]
        return stub

    async def close(self) -> None:
        """Cancel what still runs, and close the connection. Safe to call twice."""
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def __aenter__(self) -> Self:
        assert self.channel is not None  # made here, so that an error of it shows here
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def said(self, timeout: float | None, metadata: Metadata) -> dict[str, Any]:
        """What goes with a call, for a stub's method: its deadline and metadata, and the client's own."""
        extra = self.metadata + pairs(metadata)
        chosen = self.timeout if timeout is None else timeout
        if chosen is not None and chosen > _LONGEST:
            chosen = None
        elif chosen is not None and chosen >= 1 and repeat.on():
            chosen += 0.05 if chosen >= 10 else 0.005  # see _defaults: the middle between two steps
        return {
            "timeout": chosen,
            "metadata": aio.Metadata(*extra) if extra else None,
            "wait_for_ready": self.wait_for_ready or None,
        }

    async def ask(self, call: Awaitable[Answer]) -> Answer:
        """The answer of a call that has one; CallFailed. Cancelling the task that awaits this cancels the call."""
        with failures():
            return await call

    async def hear(self, call: Hearing[Answer]) -> AsyncIterator[Answer]:
        """The answers of a call that has many; CallFailed. Whoever stops listening cancels the call."""
        try:
            with failures():
                async for answer in call:
                    yield answer
        finally:
            call.cancel()


@contextmanager
def failures() -> Iterator[None]:
    """Turn the library's errors into CallFailed."""
    try:
        yield
    except aio.AioRpcError as error:
        raise CallFailed.of(error) from error
    except (grpc.RpcError, asyncio.InvalidStateError) as error:
        raise LabError(f"grpcio: {error}.", "Make a new call.") from error


def pairs(metadata: Metadata) -> tuple[tuple[str, str | bytes], ...]:
    """The metadata, checked as grpcio would, which says no more than that a batch failed. LabError."""
    given = tuple(metadata)
    for pair in given:
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(part, (str, bytes)) for part in pair):
            raise LabError(f"{pair!r} is no pair of a name and a value.", 'Give metadata as [("x-name", "value")].')
        name, value = pair
        if not (isinstance(name, str) and re.fullmatch("[0-9a-z_.-]+", name)):
            raise LabError(f"Metadata cannot be named {name!r}.", "Use only 0 to 9, a to z, _ - and . in names.")
        if name.endswith("-bin"):
            if not isinstance(value, bytes):
                raise LabError(f"{name} has text for its value.", "Give bytes, or a name without -bin.")
        elif not re.fullmatch("[ -~]*", value if isinstance(value, str) else value.decode("latin-1")):
            raise LabError(
                f"{name} cannot have the value {value!r}.",
                "Use printable ASCII, or bytes and a name that ends in -bin.",
            )
    return given


def address(target: str) -> str:
    """What grpcio connects to: http://127.0.0.1:50051 is 127.0.0.1:50051. LabError: it names no port, or another protocol."""
    if re.match(f"({_SCHEMES}):", target):
        return target
    found = urlsplit(target if "://" in target else f"//{target}")
    try:
        port = found.port
    except ValueError:
        port = None
    remedy = 'Say "127.0.0.1:50051", or give the url of a server\'s handle.'
    if found.scheme not in ("", "http"):
        raise LabError(f"{target} is no address of a gRPC server without TLS.", remedy)
    if port is None or not found.hostname:
        raise LabError(f"{target} names no host and port.", remedy)
    return found.netloc.rpartition("@")[2]


def _defaults(retry: Retry | None) -> dict[str, Any]:
    """The channel's options. In a repeatable run, a connection's bytes are then the same each time, as far as grpcio goes:

    what still differs between machines is the version in user-agent, and between runs grpc-timeout of less than a second
    (it is what is left, in steps of 1 ms, from 1 s on of 10 ms and from 10 s on of 100 ms), the eight random bytes of the
    PING that goes with a server's goodbye, and, with streams, how far WINDOW_UPDATEs lag behind.
    """
    options: dict[str, Any] = {
        "grpc.use_local_subchannel_pool": 1,  # a connection of its own, which ends when this channel is closed
        "grpc.primary_user_agent": "protolab",
        "grpc.enable_http_proxy": 0,
    }
    if repeat.on():
        options["grpc.default_authority"] = repeat.AUTHORITY
        options["grpc.http2.bdp_probe"] = 0  # its pings come when a clock says so
    if retry is not None:
        options["grpc.service_config"] = json.dumps(retry.config())
    return options
