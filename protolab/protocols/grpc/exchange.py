"""What each frame does to the calls of a connection, and which of gRPC's rules it breaks there.

A stream is a call when its request says so: content-type application/grpc, POST with `te` (unless it has `accept`: browsers
send both), a grpc- header, or, without a content-type, a :path that a known .proto file declares (with one it may be another
protocol's, such as Connect's). Everything else is HTTP/2 alone, and judged as nothing more.
"""

from __future__ import annotations

from protolab.fields import Side
from protolab.findings import Rule
from protolab.protocols.grpc import blocks, inbox, metadata, status
from protolab.protocols.grpc import grpc_rules as rules
from protolab.protocols.grpc.call_state import GrpcState, Turn, end_of, moved
from protolab.protocols.grpc.connection import Step
from protolab.protocols.grpc.headers import REQUEST, RESPONSE, TRAILERS
from protolab.protocols.grpc.peer import Reading
from protolab.protocols.grpc.schemas import declared
from protolab.protocols.grpc.streams import ENDED, MOST_STREAMS
from protolab.protocols.grpc.talks import NOTHING, Reset, Said, Talk
from protolab.wire import http2
from protolab.wire.hpack_fields import shown
from protolab.wire.http2 import HEAD_SIZE, Head
from protolab.wire.protobuf import scan
from protolab.wire.protobuf_schema import parts, whole


def follow(state: GrpcState, step: Step, head: Head) -> None:
    """Move the call on a frame's stream; `step.turn` says what the frame is to it."""
    type = head.type
    if type == http2.DATA:
        talk = state.talks.get(head.stream)
        if talk is not None and step.stream is not None and talk.grpc:
            inbox.take(state, step, head, talk)
    elif type in (http2.HEADERS, http2.CONTINUATION):
        if step.reading is not None and not step.reading.promised and step.reading.meaning is not None:
            _headers(state, step, head, step.reading)
    elif type == http2.RST_STREAM:
        talk = state.talks.get(head.stream)
        if talk is not None and len(step.data) >= HEAD_SIZE + 4:
            _reset(state, step, talk)


def leave_out(state: GrpcState, step: Step) -> None:
    """GOAWAY: the calls after the last stream that it names are not answered any more (RFC 9113 section 6.8)."""
    if len(step.data) < HEAD_SIZE + 8:
        return
    last = int.from_bytes(step.data[HEAD_SIZE : HEAD_SIZE + 4]) & http2.LARGEST_WINDOW
    error = int.from_bytes(step.data[HEAD_SIZE + 4 : HEAD_SIZE + 8])
    side = step.place.side
    for number in [n for n in state.talks if n > last and n % 2 == (side is Side.SERVER)]:
        state.talks[number].gone = Reset(side, error, step.place.number, step.place.at)


def _reset(state: GrpcState, step: Step, talk: Talk) -> None:
    """RST_STREAM. After the client's, a status may still be on its way: it is thrown away, and yet it says something."""
    side = step.place.side
    if side is Side.SERVER or talk.ended[Side.SERVER] is not None:
        state.talks.pop(talk.stream, None)
    if talk.reset is None:
        moved(talk, step)
        error = int.from_bytes(step.data[HEAD_SIZE : HEAD_SIZE + 4])
        talk.reset = Reset(side, error, step.place.number, step.place.at)
    if talk.grpc and not step.discards:
        step.turn = Turn(talk)


# Headers.


def _headers(state: GrpcState, step: Step, head: Head, reading: Reading) -> None:
    meaning, number, side = reading.meaning, reading.stream, step.place.side
    assert meaning is not None
    if meaning.interim:
        return
    stream = state.streams.get(number) or state.closed.get(number)
    ends = stream is not None and bool(stream.stopped[side] & ENDED)
    ends = ends or bool(head.type == http2.HEADERS and head.flags & http2.END_STREAM)  # though it be thrown away
    talk = state.talks.get(number)
    heads = state.heads(reading, meaning.kind)
    if meaning.kind == REQUEST and side is Side.CLIENT:
        talk = _request(state, step, reading, heads.said)
    elif talk is None:
        if not state.midway or side is Side.CLIENT:
            return
        talk = _put(state, Talk(number, step.place.number, step.place.at))
    moved(talk, step)
    if side is Side.SERVER:
        _response(step, talk, reading, heads.said, ends)
    elif meaning.kind == TRAILERS and talk.grpc:
        _breaks(step, reading, rules.REQUEST_TRAILERS)
        step.turn = Turn(talk, TRAILERS)
    if talk.grpc:
        for rule, first, last, says in heads.broken:
            if rule is rules.RESPONSE_TYPE and talk.http != 200:
                continue  # a proxy's page, which is no response of gRPC at all
            blocks.breaks(step, rule, first, last, says, reading.start, reading.skipped)
        if ends:
            inbox.ends(step, talk, side, *inbox.END_FLAG)
    if ends:
        end_of(state, talk, step, side)


def _put(state: GrpcState, talk: Talk) -> Talk:
    state.talks[talk.stream] = talk
    if len(state.talks) > MOST_STREAMS:
        del state.talks[next(iter(state.talks))]
    return talk


def _breaks(step: Step, reading: Reading, rule: Rule, says: str = "", name: bytes | None = None) -> None:
    """A rule that a header of that name breaks, or, without it, the block as a whole."""
    start, end = 0, max(len(reading.data), 1)
    for line in reading.block.lines:
        if name is not None and line.name == name:
            start, end = line.start, line.end
    blocks.breaks(step, rule, start, end, says, reading.start, reading.skipped)


def _request(state: GrpcState, step: Step, reading: Reading, said: dict[bytes | None, bytes | None]) -> Talk:
    meaning = reading.meaning
    assert meaning is not None
    pseudo = meaning.pseudo
    talk = _put(state, Talk(reading.stream, step.place.number, step.place.at))
    talk.path = pseudo.get(b":path")
    talk.method = declared(talk.path) if talk.path is not None else None
    type = said.get(b"content-type")
    talk.grpc = (
        (talk.method is not None and type is None)
        or (type or b"").lower().startswith(metadata.GRPC)
        or (b"te" in said and pseudo.get(b":method") == b"POST" and b"accept" not in said)
        or any(name is not None and name.startswith(b"grpc-") for name in said)
    )
    if not talk.grpc:
        return talk
    talk.web, talk.codec = metadata.web_and_codec(type or b"")
    talk.open[Side.CLIENT] = None if talk.web == metadata.WEB_TEXT else NOTHING  # there it is base64 that is cut up
    talk.timeout = metadata.timeout(said.get(b"grpc-timeout") or b"")
    talk.encodings[Side.CLIENT] = said.get(b"grpc-encoding") or b""
    attempts = said.get(b"grpc-previous-rpc-attempts") or b""
    talk.attempts = int(attempts) if attempts.isdigit() and len(attempts) < 10 else 0
    if (accepts := said.get(b"grpc-accept-encoding")) is not None:
        talk.accepts = frozenset(each.strip() for each in accepts.split(b","))
    step.turn = Turn(talk, REQUEST)
    if (last := state.peers[Side.SERVER].goaway) is not None and reading.stream > last:
        talk.gone = Reset(Side.SERVER, 0, step.place.number, step.place.at)
    if (method := pseudo.get(b":method", b"POST")) != b"POST" and method.isalpha():
        _breaks(step, reading, rules.METHOD, f":method is {shown(method)}", b":method")
    if pseudo.get(b":scheme", b"http") not in (b"http", b"https"):
        _breaks(step, reading, rules.SCHEME, f":scheme is {shown(pseudo[b':scheme'])}", b":scheme")
    if talk.path is not None and talk.path[:1] in (b"/", b"*") and metadata.service_and_method(talk.path) is None:
        _breaks(step, reading, rules.PATH, f":path is {shown(talk.path)}", b":path")
    if meaning.whole and not reading.block.problems:
        if b"te" not in said and not talk.web:
            _breaks(step, reading, rules.TE, "the request has no te")
        if type is None:
            _breaks(step, reading, rules.CONTENT_TYPE, "the request has no content-type")
    return talk


def _response(step: Step, talk: Talk, reading: Reading, said: dict[bytes | None, bytes | None], ends: bool) -> None:
    """Response headers, Trailers-Only, or trailers."""
    meaning = reading.meaning
    assert meaning is not None
    code, type = said.get(b"grpc-status"), said.get(b"content-type")
    sure = meaning.whole and not reading.block.problems
    if not talk.grpc:  # a capture that began midway knows only the response
        if code is None and not (type or b"").lower().startswith(metadata.GRPC):
            return
        talk.grpc = True
        talk.web, talk.codec = metadata.web_and_codec(type or b"")
    if meaning.kind == RESPONSE:
        http = meaning.pseudo.get(b":status", b"")
        talk.http = int(http) if http.isdigit() and len(http) == 3 else None
        talk.page = talk.http not in (None, 200) or not (type or metadata.GRPC).lower().startswith(metadata.GRPC)
        talk.open[Side.SERVER] = None if talk.page or talk.web == metadata.WEB_TEXT else NOTHING
        talk.encodings[Side.SERVER] = encoding = said.get(b"grpc-encoding") or b""
        if talk.http is not None and talk.http != 200:
            makes = (
                "" if code is not None else f": without grpc-status, that is {status.name(status.from_http(talk.http))}"
            )
            _breaks(step, reading, rules.HTTP_STATUS, f":status is {talk.http}{makes}", b":status")
        elif sure and type is None:
            _breaks(step, reading, rules.RESPONSE_TYPE, "the response has no content-type")
        if encoding not in (b"", metadata.IDENTITY) and talk.accepts is not None and encoding not in talk.accepts:
            _breaks(step, reading, rules.NOT_ACCEPTED, f"{shown(encoding)} is not accepted", b"grpc-encoding")
    if meaning.kind == RESPONSE and not ends:
        talk.answered = True
        if code is not None:
            _breaks(step, reading, rules.STATUS_EARLY, "", b"grpc-status")
        step.turn = Turn(talk, RESPONSE)
        return
    only = meaning.kind == RESPONSE
    talk.trailed = step.place.number
    if code is None and sure and talk.http in (None, 200):
        _breaks(step, reading, rules.STATUS_MISSING, "")
    details = _details(step, reading, code, said)
    if code is not None:
        number = int(code) if code.isdigit() and len(code) < 10 else None
        message = metadata.unescaped(said.get(b"grpc-message") or b"")
        talk.status = Said(number, message, details, step.place.number, only)
    step.turn = Turn(talk, RESPONSE if only else TRAILERS, status=talk.status)


def _details(step: Step, reading: Reading, code: bytes | None, said: dict[bytes | None, bytes | None]) -> bytes | None:
    """The bytes of grpc-status-details-bin, which must agree with grpc-status."""
    name = b"grpc-status-details-bin"
    found = metadata.binary(said.get(name) or b"") if said.get(name) is not None else None
    if not found:
        return None
    if code == b"0":
        _breaks(step, reading, rules.DETAILS_OK, "", name)
    within = parts(found[0])
    if not found[0] or scan(found[0]).trouble or any(number not in (1, 2, 3) for number in within):
        _breaks(step, reading, rules.DETAILS_FORM, "this is no google.rpc.Status", name)
    elif code is not None and code.isdigit() and whole(within, 1) != int(code):
        _breaks(
            step, reading, rules.DETAILS_CODE, f"{whole(within, 1)} in the details, and grpc-status {int(code)}", name
        )
    return found[0]
