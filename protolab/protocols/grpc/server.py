"""The gRPC server: the sample's users, and the services of the lessons, with health and reflection."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from protolab.protocols.grpc.library import aio, grpc  # before all that imports grpcio by itself

# isort: split
from google.protobuf import descriptor_pool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from protolab import repeat
from protolab.protocols.grpc.chat import Chat
from protolab.protocols.grpc.generated import lessons_pb2, lessons_pb2_grpc, user_service_pb2, user_service_pb2_grpc
from protolab.protocols.grpc.interceptors import Guard
from protolab.protocols.grpc.services import Calls, Directory, UserService
from protolab.protocols.grpc.store import Store
from protolab.serve import Server

_GOODBYE = 0.3  # seconds that calls have to end, after GOAWAY, before they are cancelled
_PENDING = 2000  # calls that may wait to be looked at, 20 kB each; of more, grpcio refuses some as CANCELLED
SERVICES = tuple(
    service.full_name
    for module in (user_service_pb2, lessons_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)


class UserServer(Server):
    """UserService, and Calls, Chat and Directory of lessons.proto; health checks, and reflection for tools.

    `max_message` bounds a message that comes in (RESOURCE_EXHAUSTED), `max_metadata` the headers of a call, `max_calls` how
    many run at once (RESOURCE_EXHAUSTED) and `max_streams` how many one connection may have open (a client keeps the others
    back until one ends). A connection with nothing
    on it is pinged every `keepalive` seconds and dropped after as many without an answer (None: never, and neither in a
    repeatable run); a client that pings more often than every ten seconds is told ENHANCE_YOUR_CALM. `store` holds the users.
    """

    name = "users"
    scheme = "http"
    path = ""

    def __init__(
        self,
        *,
        max_message: int = 2**20,
        max_metadata: int = 2**14,
        max_calls: int = 1000,
        max_streams: int = 100,
        keepalive: float | None = 20,
    ) -> None:
        super().__init__()
        self.store = Store()
        self.chat = Chat()
        self._max_calls = max_calls
        self._options: list[tuple[str, Any]] = [
            ("grpc.so_reuseport", 0),  # else two servers share a port, and calls go to either
            ("grpc.max_receive_message_length", max_message),
            ("grpc.max_metadata_size", max_metadata),
            ("grpc.absolute_max_metadata_size", max_metadata),  # no lottery between the two
            ("grpc.max_concurrent_streams", max_streams),
            ("grpc.http.overload_protection", 0),  # counts streams that have ended, and refuses what a client may open
            ("grpc.server.max_pending_requests", _PENDING),
            ("grpc.server.max_pending_requests_hard_limit", _PENDING),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.http2.max_ping_strikes", 2),
        ]
        if repeat.on():
            self._options.append(("grpc.http2.bdp_probe", 0))  # its pings come when a clock says so
        elif keepalive is not None:
            self._options.append(("grpc.keepalive_time_ms", int(keepalive * 1000)))
            self._options.append(("grpc.http2.ping_timeout_ms", int(keepalive * 1000)))
            self._options.append(("grpc.keepalive_permit_without_calls", 1))
        self._server: aio.Server | None = None
        self._health = health.aio.HealthServicer()
        self._stopping: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        server = aio.server(
            interceptors=[Guard(self.log)], options=self._options, maximum_concurrent_rpcs=self._max_calls
        )
        self._health = health.aio.HealthServicer()
        self.chat = Chat()
        user_service_pb2_grpc.add_UserServiceServicer_to_server(UserService(self.store), server)
        lessons_pb2_grpc.add_DirectoryServicer_to_server(Directory(self.store), server)
        lessons_pb2_grpc.add_CallsServicer_to_server(Calls(), server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        described = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        answers = reflection.aio.ReflectionServicer(described, _Pool())
        server.add_generic_rpc_handlers((self.chat.handler(), *_reflections(answers)))
        for service in SERVICES:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        try:
            bound = server.add_insecure_port(f"{f'[{host}]' if ':' in host else host}:{port}")
        except RuntimeError as error:  # grpcio says only that it failed: the system says why
            socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
            raise OSError(f"grpcio cannot listen on {host}:{port}") from error
        await server.start()
        self._server = server
        return bound

    async def stop(self) -> None:
        """Say GOAWAY, end the streams that would go on, let calls finish for a moment, cancel the rest, free the port."""
        if self._stopping is None and self._server is not None:
            self._stopping = asyncio.create_task(self._stop(self._server))
        if self._stopping is not None:
            await asyncio.shield(
                self._stopping
            )  # whoever waits may be cancelled: stopping goes on, and can be awaited again
            self._stopping = None

    async def _stop(self, server: aio.Server) -> None:
        self._server = None
        self.chat.goodbye()
        farewell = asyncio.create_task(self._health.enter_graceful_shutdown())  # waits for watchers, who may not read
        await server.stop(_GOODBYE)
        farewell.cancel()
        await asyncio.wait([farewell])

    @property
    def serving(self) -> bool:
        """Whether it listens."""
        return self._server is not None


class _Pool:
    """protobuf's descriptors, with the file of a method by the method's name too, as reflection.proto wants and it does not."""

    def __getattr__(self, name: str) -> Any:
        return getattr(descriptor_pool.Default(), name)

    def FindFileContainingSymbol(self, symbol: str) -> Any:
        """The file; KeyError."""
        try:
            return descriptor_pool.Default().FindFileContainingSymbol(symbol)
        except KeyError:
            return descriptor_pool.Default().FindMethodByName(symbol).containing_service.file


def _reflections(answers: Any) -> tuple[grpc.GenericRpcHandler, ...]:
    """Reflection under both of its names: v1, which tools ask for first, has v1alpha's messages, byte for byte."""
    handlers = {
        "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
            answers.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
    }
    names = (reflection.SERVICE_NAME, "grpc.reflection.v1.ServerReflection")
    return tuple(grpc.method_handlers_generic_handler(name, handlers) for name in names)
