"""Messages as DATA brings them: cut out of the frames, counted, and judged by what stands before them."""

from __future__ import annotations

from protolab.fields import Side
from protolab.protocols.grpc import grpc_rules as rules
from protolab.protocols.grpc import metadata, status
from protolab.protocols.grpc.call_state import GrpcState, Turn, end_of, moved
from protolab.protocols.grpc.connection import Step
from protolab.protocols.grpc.talks import NOTHING, PREFIX, Piece, Said, Talk, pieces
from protolab.wire import http2
from protolab.wire.http2 import Head

DEFAULT_LIMIT = 4 * 2**20  # bytes of a message that peers take unless they were told
MOST_FINDINGS = 100  # of the messages in one frame
END_FLAG = (4, 5)  # where a frame says END_STREAM
_SMALL, _LARGE = PREFIX + 1, PREFIX + DEFAULT_LIMIT  # of most messages there is nothing to be said


def take(state: GrpcState, step: Step, head: Head, talk: Talk) -> None:
    """A DATA frame of a call."""
    side, unit = step.place.side, step.data
    start, end = http2.content(unit, head)
    moved(talk, step)
    if side is Side.SERVER and talk.page:
        if head.flags & http2.END_STREAM:
            end_of(state, talk, step, side)
        return
    if talk.trailed is not None and side is Side.SERVER and start < end:
        step.breaks(rules.AFTER_TRAILERS, start, end)
    now, found, rest = talk.open[side], list[Piece](), start
    if now is not None:
        found, rest, talk.open[side], talk.counts[side] = pieces(
            now, talk.counts[side], unit, start, end, step.place.start, side
        )
    for piece in found:
        if talk.web and piece.prefix[0] & 0x80:
            _web_trailers(step, talk, piece)
        elif (
            piece.prefix[0]
            or piece.number
            or piece.parts is not None
            or not _SMALL <= piece.end - piece.start <= _LARGE
        ):
            _judge_piece(step, talk, side, piece)
    step.turn = Turn(talk, "", tuple(found), rest, talk.status if talk.web else None)
    if head.flags & http2.END_STREAM:
        last = found[-1] if found and not found[-1].complete else None
        ends(step, talk, side, *((last.start, last.end) if last else END_FLAG))
        if side is Side.SERVER and talk.status is None and talk.web != metadata.WEB_TEXT:
            step.breaks(rules.STATUS_MISSING, *END_FLAG, "the stream ends without trailers")
        end_of(state, talk, step, side)


def _web_trailers(step: Step, talk: Talk, piece: Piece) -> None:
    """The status in trailers of gRPC-Web, where they are whole in their frame, which they are as good as always."""
    if not piece.complete or piece.parts is not None or piece.flag & 1:
        return
    talk.counts[step.place.side] -= 1  # they are no message
    said: dict[bytes | None, bytes | None] = {}
    for line in step.data[piece.body : piece.end].split(b"\r\n"):
        name, _, value = line.partition(b":")
        said[name.strip().lower()] = value.strip()
    talk.trailed = step.place.number
    if (code := said.get(b"grpc-status")) is None:
        step.breaks(rules.STATUS_MISSING, piece.start, piece.end)
        return
    number = int(code) if code.isdigit() and len(code) < 10 else None
    message = metadata.unescaped(said.get(b"grpc-message") or b"")
    talk.status = Said(number, message, None, step.place.number, only=False)


def _judge_piece(step: Step, talk: Talk, side: Side, piece: Piece) -> None:
    """A message as far as its prefix tells, where that becomes known."""
    if len(step.findings) >= MOST_FINDINGS:
        return
    flag = piece.flag
    if not piece.skip:
        if flag > 1:
            step.breaks(rules.FLAG, piece.start, piece.start + 1, f"the flag is {flag}")
        elif flag and talk.encodings[side] in (b"", metadata.IDENTITY):
            step.breaks(rules.NO_ENCODING, piece.start, piece.start + 1)
        method = talk.method
        many = method is None or (method.client_streaming, method.server_streaming)[side]
        if piece.number and not many:
            step.breaks(rules.CARDINALITY, piece.start, piece.end, f"message {piece.number + 1} of one")
    if piece.skip < PREFIX <= piece.skip + piece.end - piece.start and (length := piece.length or 0) > DEFAULT_LIMIT:
        says = f"a message of {length:,} bytes: peers take {DEFAULT_LIMIT:,} unless they were told"
        step.breaks(rules.TOO_LONG, max(piece.start + 1 - piece.skip, piece.start), piece.body, says)


def ends(step: Step, talk: Talk, side: Side, start: int, end: int) -> None:
    """A side has said its last message: it must be whole, and the count right."""
    now = talk.open[side]
    if now is None:
        return
    if now is not NOTHING:
        wanted = PREFIX + int.from_bytes(now.prefix[1:]) if len(now.prefix) == PREFIX else None
        says = f"{now.got} bytes of a message came" + (f", of {wanted} with its prefix" if wanted else "")
        step.breaks(rules.TRUNCATED, start, end, says)
        return
    method = talk.method
    if method is None or talk.counts[side] or (method.client_streaming, method.server_streaming)[side]:
        return
    # A response that fails has no message, and needs none.
    if side is Side.CLIENT or (talk.status is not None and talk.status.code == status.OK):
        step.breaks(rules.CARDINALITY, *END_FLAG, "there is no message at all")
