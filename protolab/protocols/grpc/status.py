"""Statuses: their names, what stands for them where no grpc-status came, and who can have said one.

The tables are those of grpc/grpc/doc: statuscodes.md, http-grpc-status-mapping.md, and PROTOCOL-HTTP2.md, Errors.
"""

from __future__ import annotations

from typing import NamedTuple

CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
(
    OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
    RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS,
    UNAUTHENTICATED,
) = range(17)  # fmt: skip
# statuscodes.md: a gRPC library never makes these by itself, so whoever wrote the server did.
APPLICATION_ONLY = frozenset(
    {INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, DATA_LOSS}
)
_HTTP = {
    400: INTERNAL, 401: UNAUTHENTICATED, 403: PERMISSION_DENIED, 404: UNIMPLEMENTED, 429: UNAVAILABLE, 431: INTERNAL,
    502: UNAVAILABLE, 503: UNAVAILABLE, 504: UNAVAILABLE,
}  # fmt: skip
_RST = {7: UNAVAILABLE, 8: CANCELLED, 0xB: RESOURCE_EXHAUSTED, 0xC: PERMISSION_DENIED}
# By RST_STREAM; what is in neither (STREAM_CLOSED has no mapping, and HTTP_1_1_REQUIRED) is UNKNOWN.
_RST_INTERNAL = frozenset({0x0, 0x1, 0x2, 0x3, 0x4, 0x6, 0x9, 0xA})
# What known libraries write into grpc-message for statuses of their own making, at its beginning.
_WORDS = (
    "Method not found", "unknown service", "unknown method", "The server does not implement the method",
    "Method is unimplemented", "Exception calling application", "Unexpected <class", "Exception iterating",
    "Exception serializing", "Exception deserializing", "Error deserializing request", "Failed to deserialize",
    "grpc: failed to unmarshal", "Received message larger than max", "SERVER: Received message larger than max",
    "CLIENT: Received message larger than max", "grpc: received message larger than max",
    "received metadata size exceeds", "Deadline Exceeded", "Deadline exceeded", "Concurrent RPC limit exceeded",
    "Concurrent rpc limit exceeded", "Server shutting down", "Server is stopping", "Cancelled",
)  # fmt: skip

APPLICATION, LIBRARY, EITHER = "application", "library", "application or library"


class Origin(NamedTuple):
    """Who said a status: "application", "library" or either; and why that can be told."""

    by: str
    why: str


def name(code: int) -> str:
    """A code's name.

    >>> name(5), name(17)
    ('NOT_FOUND', 'unknown code 17')
    """
    return CODES[code] if 0 <= code < len(CODES) else f"unknown code {code}"


def from_http(status: int) -> int:
    """The code that a client makes of an HTTP status where no grpc-status came.

    >>> name(from_http(404)), name(from_http(200))
    ('UNIMPLEMENTED', 'UNKNOWN')
    """
    return _HTTP.get(status, UNKNOWN)


def from_reset(error: int) -> int:
    """The code that RST_STREAM with that error code stands for.

    >>> name(from_reset(7)), name(from_reset(8)), name(from_reset(0))
    ('UNAVAILABLE', 'CANCELLED', 'INTERNAL')
    """
    return INTERNAL if error in _RST_INTERNAL else _RST.get(error, UNKNOWN)


def origin(code: int, message: str, details: bool, answered: bool) -> Origin:
    """Who can have said a status that came in grpc-status.

    `details` says that google.rpc.Status came with it, `answered` that headers or messages had come before it.
    """
    if code in APPLICATION_ONLY:
        return Origin(APPLICATION, f"no gRPC library makes {name(code)} by itself")
    if code == OK:
        return Origin(APPLICATION, "its handler came to its end")
    if details:
        return Origin(APPLICATION, "no gRPC library sends details by itself")
    if message.startswith(_WORDS):
        return Origin(LIBRARY, "the words of the message are a library's")
    if code == UNIMPLEMENTED and not answered:
        return Origin(EITHER, "a library says it of a method that it does not have, and an application may")
    return Origin(EITHER, f"both may say {name(code)}")
