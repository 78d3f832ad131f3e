"""How a call fails: what a server refuses it with (`Refusal`), and what a client is told (`CallFailed`).

A status has a code and a message, which travel in the trailers. Details for programs travel beside them, in
`grpc-status-details-bin`: a google.rpc.Status whose details are protobuf messages of any kind, such as BadRequest.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from protolab.errors import LabError
from protolab.plain import printable
from protolab.protocols.grpc.library import aio, grpc

# Clients take 8 KiB of trailers and, when there are more, report RESOURCE_EXHAUSTED in place of the status. A character may
# take 12 bytes in grpc-message and 4 in the details, so this much always fits:
_MESSAGE, _VIOLATIONS, _DESCRIPTION = 300, 10, 60  # characters of a message, fields that are named, characters for each
DETAILS_KEY = "grpc-status-details-bin"
Violation = tuple[str, str]  # a field's path, and what is wrong with it


class Refusal(Exception):
    """Raised in a handler: the call ends with this code, this message (the client reads it), and these details.

    A message of more than 300 characters, which may quote what a stranger sent, is cut.
    """

    def __init__(self, code: grpc.StatusCode, message: str, *details: Message) -> None:
        self.code = code
        self.message = _cut(message, _MESSAGE)
        super().__init__(self.message)
        self.details = details

    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        """The trailing metadata that carries the details; none without details."""
        if not self.details:
            return ()
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        return ((DETAILS_KEY, status.SerializeToString()),)


def invalid(violations: Iterable[Violation]) -> Refusal:
    """INVALID_ARGUMENT, with each field that is wrong (of more than ten, the first) as a google.rpc.BadRequest."""
    request, wrong = error_details_pb2.BadRequest(), []
    for field, description in islice(violations, _VIOLATIONS):
        description = _cut(description, _DESCRIPTION)
        request.field_violations.add(field=field, description=description)
        wrong.append(f"{field}: {description}")
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "; ".join(wrong), request)


def about(code: grpc.StatusCode, message: str, kind: str, name: str) -> Refusal:
    """A refusal that concerns one thing (a user, by id or by e-mail address), named in a google.rpc.ResourceInfo."""
    return Refusal(
        code, message, error_details_pb2.ResourceInfo(resource_type=kind, resource_name=_cut(name, _MESSAGE))
    )


def request_info(id: str) -> Message:
    """The detail that names the request under which the server's log has more."""
    info: Message = error_details_pb2.RequestInfo(request_id=id)
    return info


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


class CallFailed(LabError):
    """A call ended with a status other than OK.

    `code` is a grpc.StatusCode and `message` the text beside it, empty if the server sent none; `details` are the decoded
    messages of grpc-status-details-bin; `metadata` holds the trailing metadata, as pairs. What to do next is `remedy`.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, details: tuple[Message, ...], metadata: tuple[tuple[str, Any], ...]
    ) -> None:
        said = printable(message) or "no message"
        stop = "" if said.endswith((".", "!", "?")) else "."
        super().__init__(f"{code.name}: {said}{stop}", _remedy(code, message))
        self.code = code
        self.message = message
        self.details = details
        self.metadata = metadata

    @classmethod
    def of(cls, error: aio.AioRpcError) -> CallFailed:
        """What the library's error says."""
        metadata = tuple((key, value) for key, value in error.trailing_metadata() or ())
        return cls(error.code(), error.details() or "", unpacked(metadata), metadata)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The fields that the server did not accept, if it says so in a BadRequest."""
        requests = [detail for detail in self.details if isinstance(detail, error_details_pb2.BadRequest)]
        return tuple((wrong.field, wrong.description) for request in requests for wrong in request.field_violations)


def unpacked(metadata: Iterable[tuple[str, Any]]) -> tuple[Message, ...]:
    """The messages in grpc-status-details-bin; one of an unknown type stays a google.protobuf.Any.

    The server may be anyone's: bytes that are no Status give no details, and never an error.
    """
    status = status_pb2.Status()
    for key, value in metadata:
        if key == DETAILS_KEY:
            try:
                status.ParseFromString(value if isinstance(value, bytes) else value.encode())
            except DecodeError:
                return ()
    return tuple(_unpack(detail) for detail in status.details)


def _unpack(packed: any_pb2.Any) -> Message:
    try:
        kind = descriptor_pool.Default().FindMessageTypeByName(packed.TypeName())
        detail = message_factory.GetMessageClass(kind)()
        return detail if packed.Unpack(detail) else packed
    except (KeyError, DecodeError):
        return packed


_C = grpc.StatusCode
# For each code: what whoever called can do. The words follow the codes' definitions (google/rpc/code.proto).
REMEDIES = {
    _C.OK: "Nothing is wrong.",
    _C.CANCELLED: "The call was cancelled, mostly by the client itself: call again if the answer is still wanted.",
    _C.UNKNOWN: "The server gave no reason that gRPC knows: read the message, and the server's log.",
    _C.INVALID_ARGUMENT: "Mend the request: the same one will fail again.",
    _C.DEADLINE_EXCEEDED: "Give the call more time (timeout=...); what it did at the server may have been done.",
    _C.NOT_FOUND: "Check the id, or create it first.",
    _C.ALREADY_EXISTS: "Choose another one, or get the one that exists.",
    _C.PERMISSION_DENIED: "Ask as somebody who may: the same call will fail again.",
    _C.RESOURCE_EXHAUSTED: "Ask for less or send less, or wait and try again.",
    _C.FAILED_PRECONDITION: "Change the state that the message names first, then call again.",
    _C.ABORTED: "Somebody else was faster: read again, and repeat the whole change.",
    _C.OUT_OF_RANGE: "Ask for less: what was asked for lies past the end.",
    _C.UNIMPLEMENTED: "The server has no such method: check the service's name and the method's, letter by letter.",
    _C.INTERNAL: "Something broke at the server or on the way: its log says what.",
    _C.UNAVAILABLE: "The server cannot answer just now, or is going away: try again in a moment.",
    _C.DATA_LOSS: "What was asked for is lost or damaged: trying again will not help.",
    _C.UNAUTHENTICATED: "Send credentials in the metadata.",
}
# What grpcio says, under UNAVAILABLE, of a connection that did not come about, and what to do about it.
_UNREACHED = {
    "Connection refused": "Nobody listens there: see that the server runs and the port is its own, then try again.",
    "HTTP/2": "Something else answers there: give the address of a gRPC server, one without TLS.",
    "http1.x": "Something else answers there: give the address of a gRPC server, one without TLS.",  # grpcio up to 1.7x
    "failed to connect": "No gRPC server answers there: see that it runs, without TLS, and that the port is its own.",
    "resol": "Nobody knows that host: check its name, letter by letter.",
}


def _remedy(code: grpc.StatusCode, message: str) -> str:
    unreached = _UNREACHED.items() if code is _C.UNAVAILABLE else ()
    return next((remedy for part, remedy in unreached if part in message), REMEDIES[code])
