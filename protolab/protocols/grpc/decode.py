"""A gRPC connection, both sides: HTTP/2 frames, each explained to the bit and judged, with the calls that they make up."""

from __future__ import annotations

from protolab.capture import Connection
from protolab.protocols.grpc import dressing, exchange
from protolab.protocols.grpc.call_state import GrpcState
from protolab.protocols.grpc.connection import State, Step
from protolab.protocols.grpc.http2_conversation import Http2Conversation
from protolab.units import Place, Unit
from protolab.wire import http2


def decode(connection: Connection) -> GrpcConversation:
    """The units of an HTTP/2 connection. A `midway` one begins wherever a frame does."""
    return GrpcConversation(connection)


class GrpcConversation(Http2Conversation):
    """The frames of a connection that gRPC rides on."""

    def begin(self) -> GrpcState:
        return GrpcState(self.connection.midway)

    def advance(self, state: State, place: Place, data: bytes) -> Step:
        step = super().advance(state, place, data)
        head = step.head
        if head is not None and place.complete:
            assert isinstance(state, GrpcState)
            if head.stream:
                exchange.follow(state, step, head)
            elif head.type == http2.GOAWAY:
                exchange.leave_out(state, step)
        return step

    def explain(self, place: Place, data: bytes, context: Step) -> Unit:
        unit = super().explain(place, data, context)
        return unit if context.turn is None else dressing.dress(unit, context, context.turn, self.connection)
