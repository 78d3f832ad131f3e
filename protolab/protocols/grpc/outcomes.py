"""Calls: each stream of a connection as the one call that it is, with its status and who said it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protolab.capture import Connection
from protolab.fields import Side
from protolab.plain import printable
from protolab.protocols.grpc import bodies, metadata, status
from protolab.protocols.grpc.bodies import Message
from protolab.protocols.grpc.call_state import Turn
from protolab.protocols.grpc.decode import GrpcConversation
from protolab.protocols.grpc.dressing import detail_types
from protolab.protocols.grpc.schemas import messages_of
from protolab.protocols.grpc.talks import Talk
from protolab.units import Span
from protolab.wire import http2, protobuf_values

# Who gave a call its status. The first three came in grpc-status; all others the client's library makes of what it saw.
APPLICATION, LIBRARY, EITHER = status.APPLICATION, status.LIBRARY, status.EITHER
DEADLINE, CANCELLED, RESET, GOAWAY = "deadline", "cancelled", "RST_STREAM", "GOAWAY"
HTTP, CLIENT, CONNECTION, OPEN = "HTTP", "client's library", "connection", "open"
_REFUSED, _CANCEL = 7, 8
_EARLY = 0.02  # of a deadline: a client's clock starts before its request passes the tap, and grpc-timeout is rounded


class Outcome(NamedTuple):
    """How a call ended: its code (None while it goes on), the message, who said so, and why that can be told.

    `by` is "application", "library", "application or library" for a status that came in grpc-status; "HTTP", "RST_STREAM",
    "GOAWAY", "connection", "client's library" for one that the client makes itself; "deadline" and "cancelled" for calls that
    the client ended; "open". `units` are the numbers of the units that show it. `details` names the types of the details.
    `retryable` says that the server has certainly not begun with it.
    """

    code: int | None
    message: str
    by: str
    why: str
    units: tuple[int, ...]
    details: tuple[str, ...] = ()
    retryable: bool = False

    @property
    def name(self) -> str:
        """The code's name, "OPEN" while the call goes on."""
        return "OPEN" if self.code is None else status.name(self.code)

    def __str__(self) -> str:
        """`status 5 NOT_FOUND: there is no user "9" (the application said so: ...; unit 12)`."""
        if self.code is None:
            return f"open: {self.why}"
        said = f"status {self.code} {self.name}{': ' if self.message else ''}{printable(self.message)}"
        units = ", ".join(f"unit {unit}" for unit in self.units)
        return f"{said} ({_BY[self.by]}: {self.why}; {units})" if units else f"{said} ({_BY[self.by]}: {self.why})"


_BY = {
    APPLICATION: "the application said so",
    LIBRARY: "the server's gRPC library said so",
    EITHER: "the application or the server's library said so",
    DEADLINE: "the client gave up at its deadline",
    CANCELLED: "the client cancelled it",
    RESET: "the client's library makes it of RST_STREAM",
    GOAWAY: "the client's library makes it of GOAWAY",
    HTTP: "the client's library makes it of the HTTP status",
    CLIENT: "the client's library makes it of what is missing",
    CONNECTION: "the client's library makes it of the connection's end",
    OPEN: "nobody",
}


class Call(NamedTuple):
    """One call. `kind` is "unary", "client streaming", "server streaming" or "bidirectional": as its .proto file declares it,
    or, where none does, as it was seen. `deadline` is in seconds; `began` and `ended` are numbers of units, `began_at` and
    `ended_at` when they came, in seconds; `attempts` is how many attempts came before this one, if it is a retry.
    """

    stream: int
    path: str
    service: str
    method: str
    declared: str
    kind: str
    requests: int
    responses: int
    deadline: float | None
    began: int
    began_at: float
    ended: int | None
    ended_at: float | None
    attempts: int
    outcome: Outcome

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it goes on."""
        return None if self.ended_at is None else self.ended_at - self.began_at

    def __str__(self) -> str:
        counts = f"{_count(self.requests, 'request')}, {_count(self.responses, 'response')}"
        limit = "" if self.deadline is None else f", within {self.deadline:g} s"
        again = f", a retry after {_count(self.attempts, 'attempt')}" if self.attempts else ""
        method = printable(self.method or self.path or "?")
        return f"stream {self.stream}: {method}, {self.kind}, {counts}{limit}{again}: {self.outcome}"


class Calls(tuple[Call, ...]):
    """The calls of a connection, in the order in which they began; `timeline` can draw them."""

    title: str = "calls"
    logical: bool = False
    began: float = 0.0  # of the capture, on its clock

    @property
    def spans(self) -> list[Span]:
        """Each call that ended as a span, on the clock of the capture."""
        return [
            Span(
                f"stream {call.stream}: {call.method or call.path}",
                self.began + call.began_at,
                call.ended_at - call.began_at,
                0,
                f"{call.outcome.name}, by: {call.outcome.by}",
                call.outcome.name,
            )
            for call in self
            if call.ended_at is not None
        ]

    def on(self, stream: int) -> Call:
        """The call on that stream; KeyError names those that there are."""
        for call in self:
            if call.stream == stream:
                return call
        raise KeyError(f"no call on stream {stream}; there are: {', '.join(str(call.stream) for call in self)}")

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no calls"

    def __repr__(self) -> str:
        return str(self)


def calls(conversation: GrpcConversation) -> Calls:
    """The calls of a connection. Requests that are no gRPC are left out."""
    talks: dict[int, Talk] = {}  # by identity: a stream's number may, wrongly, come twice
    for step in conversation.steps():
        if isinstance(turn := step.turn, Turn) and turn.talk.grpc:
            talks.setdefault(id(turn.talk), turn.talk)
    found = Calls(_call(talk, conversation.connection) for talk in talks.values())
    capture = conversation.connection.capture
    found.logical, found.began = capture.logical, capture.began
    return found


def read_messages(conversation: GrpcConversation, stream: int | None = None) -> Iterator[Message]:
    """Every message that is complete, of all calls or of one, in order: its bytes, decompressed where they were compressed."""
    for step in conversation.steps():
        turn = step.turn
        if not isinstance(turn, Turn) or not turn.pieces or stream not in (None, turn.talk.stream):
            continue
        for piece in turn.pieces:
            if piece.complete and not (turn.talk.web and piece.flag & 0x80):
                side, start = step.place.side, step.place.start
                yield bodies.message(turn.talk, side, piece, step.data, start, conversation.connection)


def read_values(conversation: GrpcConversation, stream: int | None = None) -> Iterator[dict[str, object]]:
    """Every message that a .proto file declares, as a dictionary of its fields by name."""
    for step in conversation.steps():
        turn = step.turn
        if isinstance(turn, Turn) and turn.pieces and turn.talk.method and stream in (None, turn.talk.stream):
            side, schema = step.place.side, messages_of(turn.talk.method)
            for piece in turn.pieces:
                if piece.complete:
                    said = bodies.message(turn.talk, side, piece, step.data, step.place.start, conversation.connection)
                    if said.content is not None and said.type in schema.messages:
                        yield protobuf_values.values(said.content, schema, said.type)


def _call(talk: Talk, connection: Connection) -> Call:
    outcome = _outcome(talk, connection)
    named = metadata.service_and_method(talk.path or b"") or ("", "")
    over = outcome.by != OPEN
    return Call(
        talk.stream,
        (talk.path or b"").decode(errors="replace"),
        *named,
        talk.method.declared if talk.method is not None else "",
        _kind(talk),
        talk.counts[Side.CLIENT],
        talk.counts[Side.SERVER],
        None if talk.timeout is None else talk.timeout / 10**9,
        talk.began,
        talk.began_at,
        talk.last if over else None,
        talk.last_at if over else None,
        talk.attempts,
        outcome,
    )


def _kind(talk: Talk) -> str:
    many = talk.counts[0] > 1, talk.counts[1] > 1
    if talk.method is not None:
        many = talk.method.client_streaming, talk.method.server_streaming
    return {(False, False): "unary", (True, False): "client streaming", (False, True): "server streaming"}.get(
        many, "bidirectional"
    )


def _outcome(talk: Talk, connection: Connection) -> Outcome:
    """What came first counts: a status, then a reset, then what the connection says of the stream."""
    said, reset = talk.status, talk.reset
    early = reset is not None and reset.side is Side.CLIENT and (said is None or reset.unit < said.unit)
    if said is not None and not early:
        return _said(talk)
    if reset is not None:
        return _reset(talk, connection)
    if talk.http is not None and talk.http != 200:
        code = status.from_http(talk.http)
        return Outcome(code, "", HTTP, f"{talk.http} came without grpc-status", (talk.trailed or talk.last,))
    if talk.trailed is not None or talk.ended[Side.SERVER] is not None:
        why = "the trailers have no grpc-status" if talk.trailed is not None else "the stream ended without trailers"
        return Outcome(status.UNKNOWN, "", CLIENT, why, (talk.trailed or talk.ended[Side.SERVER] or talk.last,))
    if talk.gone is not None:
        why = f"the server takes nothing beyond an earlier stream ({http2.error(talk.gone.error)})"
        return Outcome(status.UNAVAILABLE, "", GOAWAY, why, (talk.gone.unit,), retryable=True)
    if any(connection.ended(side) for side in Side):
        why = "the connection ended before the call did"
        return Outcome(status.UNAVAILABLE, "", CONNECTION, why, (talk.last,))
    return Outcome(None, "", OPEN, f"the last of it is unit {talk.last}", ())


def _said(talk: Talk) -> Outcome:
    said = talk.status
    assert said is not None
    details = () if said.details is None else detail_types(said.details)
    if said.code is None or said.code >= len(status.CODES):
        return Outcome(
            status.UNKNOWN, said.message, CLIENT, "grpc-status is no code that there is", (said.unit,), details
        )
    origin = status.origin(said.code, said.message, said.details is not None, talk.answered)
    if said.code == status.DEADLINE_EXCEEDED and _passed(talk, talk.last_at) and not details:
        allowed = metadata.seconds(talk.timeout or 0)
        return Outcome(
            said.code, said.message, LIBRARY, f"the deadline of {allowed} had passed", (talk.began, said.unit)
        )
    return Outcome(said.code, said.message, origin.by, origin.why, (said.unit,), details)


def _reset(talk: Talk, connection: Connection) -> Outcome:
    """A call that RST_STREAM ended before a status came."""
    reset = talk.reset
    assert reset is not None
    name = http2.error(reset.error)
    if reset.side is Side.SERVER:
        code = status.from_reset(reset.error)
        refused = reset.error == _REFUSED
        why = f"{name} stands for {status.name(code)}" + (": the server has not begun with it" if refused else "")
        return Outcome(code, "", RESET, why, (reset.unit,), retryable=refused)
    if reset.error == _CANCEL:
        if talk.timeout is None:
            return Outcome(
                status.CANCELLED, "", CANCELLED, "it sent RST_STREAM CANCEL, and had set no deadline", (reset.unit,)
            )
        passed = _passed(talk, reset.at)
        took = "" if connection.capture.logical else f", {reset.at - talk.began_at:.3f} s after the request"
        why = (
            f"RST_STREAM CANCEL{took}: its {metadata.seconds(talk.timeout)} had {'passed' if passed else 'not passed'}"
        )
        code, by = (status.DEADLINE_EXCEEDED, DEADLINE) if passed else (status.CANCELLED, CANCELLED)
        return Outcome(code, "", by, why, (talk.began, reset.unit))
    if talk.ended[Side.SERVER] is not None or talk.trailed is not None:
        return Outcome(status.UNKNOWN, "", CLIENT, "no grpc-status came", (talk.last,))
    why = f"it sent RST_STREAM {name}"
    return Outcome(status.from_reset(reset.error), "", CLIENT, why, (reset.unit,))


def _passed(talk: Talk, at: float) -> bool:
    """Whether a call's deadline had passed at that time."""
    return talk.timeout is not None and at - talk.began_at >= talk.timeout / 10**9 * (1 - _EARLY) - 0.005


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
