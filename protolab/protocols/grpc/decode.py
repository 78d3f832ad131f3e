"""A gRPC connection, both sides: HTTP/2 frames, each explained to the bit and judged."""

from __future__ import annotations

from protolab.capture import Connection
from protolab.protocols.grpc.http2_conversation import Http2Conversation


def decode(connection: Connection) -> GrpcConversation:
    """The units of an HTTP/2 connection. A `midway` one begins wherever a frame does."""
    return GrpcConversation(connection)


class GrpcConversation(Http2Conversation):
    """The frames of a connection that gRPC rides on."""
