"""What every call of a server goes through: it is logged, and what a handler raises becomes a status.

- `Refusal`: its code, message and details.
- `context.abort` in a handler: as it is.
- A request that is not the method's message: INTERNAL, as the other libraries have it.
- Cancelled, by the client or because the deadline passed: the handler stops where it waits, and its clean-up runs.
- Anything else: INTERNAL with a request id. The exception's own text may hold secrets and goes to the log only; grpcio
  would send it to the client ("Unexpected <class ...>: secret").
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from google.protobuf.message import DecodeError

from protolab.plain import printable
from protolab.protocols.grpc.errors import Refusal, request_info
from protolab.protocols.grpc.library import aio, grpc
from protolab.serve import Log

Handler = Any  # grpc.RpcMethodHandler, whose four behaviours the type stubs do not tell apart
_INTERNAL = grpc.StatusCode.INTERNAL
_OK = (0, None, grpc.StatusCode.OK)  # what a context's code is when nobody set one


class Guard(aio.ServerInterceptor):
    """Logs each call with its status and time into `log`, and turns what handlers raise into statuses."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._numbers = itertools.count(1)
        self._wrapped: dict[
            str, tuple[Handler, Handler]
        ] = {}  # method: its handler and ours; as many as there are methods

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        method = details.method
        if handler is None:  # the library answers UNIMPLEMENTED
            self.log(f"{_short(method)}: UNIMPLEMENTED, there is no such method")
            return None
        known, ours = self._wrapped.get(method, (None, None))
        if (
            known is not handler
        ):  # generated code keeps its handlers; one that makes them anew for each call is not kept
            ours = self._wrap(handler, _short(method))
            if len(self._wrapped) < 1000:
                self._wrapped[method] = (handler, ours)
        return ours

    def _wrap(self, handler: Handler, method: str) -> Handler:
        read, codec = handler.request_deserializer or bytes, (None, handler.response_serializer)
        if handler.request_streaming:  # requests raise in the handler; one alone would be told to the client by grpcio
            read, codec = _as_it_is, (handler.request_deserializer, handler.response_serializer)
        kinds = (
            "stream" if handler.request_streaming else "unary",
            "stream" if handler.response_streaming else "unary",
        )
        behaviour = getattr(handler, "_".join(kinds))

        async def unary(request: Any, context: Any) -> Any:
            began = time.perf_counter()
            try:
                answer = await behaviour(read(request), context)
            except BaseException as error:
                return await self._failed(error, method, context, began)
            if context.code() in _OK:  # mostly: the short way
                self.log(f"{method} OK in {(time.perf_counter() - began) * 1000:.1f} ms")
            else:
                self._note(method, context.code(), began)
            return answer

        async def stream(request: Any, context: Any) -> None:
            began = time.perf_counter()
            sent: int | None = None  # of a handler that writes by itself nobody counts
            try:
                answers = behaviour(read(request), context)
                if hasattr(answers, "__aiter__"):
                    sent = 0
                    async with aclosing(answers):  # cancelled between two answers, its clean-up runs now, not some day
                        async for answer in answers:
                            await context.write(answer)  # waits while the client's window is full
                            sent += 1
                else:
                    await answers
            except BaseException as error:
                await self._failed(error, method, context, began, sent)
            else:
                self._note(method, context.code(), began, sent)

        make = getattr(grpc, "_".join(kinds) + "_rpc_method_handler")
        return make(stream if handler.response_streaming else unary, *codec)

    async def _failed(
        self, error: BaseException, method: str, context: Any, began: float, sent: int | None = None
    ) -> None:
        """End the call as `error` asks for. Raises, always."""
        if isinstance(error, DecodeError):
            error = Refusal(_INTERNAL, "The request is not the message that this method takes: see its .proto.")
        if isinstance(error, Refusal):
            self._note(f"{method} refused ({printable(error.message)})", error.code, began, sent)
            await context.abort(error.code, error.message, error.trailers())
        if isinstance(error, aio.AbortError):
            self._note(method, context.code(), began, sent)
        elif isinstance(error, (asyncio.CancelledError, aio.InternalError)):  # that one: cancelled while it was writing
            left = context.time_remaining()
            # The client's clock may be the first to end it: it tells its deadline rounded up, by as much as 1 %.
            late = left is not None and left <= 0.05 + (time.perf_counter() - began) / 100
            why = "deadline passed" if late else "cancelled"
            self._note(f"{method} {why}", "", began, sent)
            if not isinstance(error, asyncio.CancelledError):  # which grpcio would print
                raise asyncio.CancelledError from error
        elif isinstance(error, Exception):
            number = next(self._numbers)
            self._note(f"{method} failed, request {number}: {error!r}", _INTERNAL, began, sent)
            message = f"The server failed. Its log has the reason under request {number}."
            told = Refusal(_INTERNAL, message, request_info(str(number)))
            await context.abort(told.code, message, told.trailers())
        raise error

    def _note(self, what: str, code: Any, began: float, sent: int | None = None) -> None:
        took = (time.perf_counter() - began) * 1000
        status = "OK" if code in _OK else code and (code.name if isinstance(code, grpc.StatusCode) else str(code))
        answers = "" if sent is None else f", {sent} answer{'' if sent == 1 else 's'}"
        self.log(f"{what}{' ' * bool(status)}{status}{answers} in {took:.1f} ms")


def _as_it_is(requests: Any) -> Any:
    return requests


def _short(method: str) -> str:
    """What to call a method in the log: "/user_service.UserService/GetUser" is UserService/GetUser. A stranger's may be long."""
    return method[:200].rpartition(".")[2].lstrip("/")
