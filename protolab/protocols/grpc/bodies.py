"""Messages explained: in DATA where they stand, put together where they are spread over frames, decompressed, and read as
protobuf with their .proto file, or by guessing without one.
"""

from __future__ import annotations

import re
import zlib
from copy import copy
from typing import NamedTuple

from protolab.capture import Connection
from protolab.fields import Derived, Field, Side, Source, unparsed
from protolab.findings import Discard, Finding
from protolab.protocols.grpc import grpc_rules as rules
from protolab.protocols.grpc import metadata
from protolab.protocols.grpc.call_state import Turn
from protolab.protocols.grpc.schemas import messages_of
from protolab.protocols.grpc.talks import NOTHING, PREFIX, Piece, Talk, pieces
from protolab.wire import protobuf_tree, protobuf_typed
from protolab.wire.hpack_fields import text
from protolab.wire.protobuf_tree import Reading

LARGEST = 16 * 2**20  # bytes of a message that is put together, and that one decompresses to
_WINDOWS = {metadata.GZIP: 31, metadata.DEFLATE: 15}  # zlib's wbits: gzip's wrapping, or zlib's (compression.md)


class Message(NamedTuple):
    """A message of a call: its bytes as they came, without the prefix, and as they mean something, decompressed.

    `type` is the message type's full name, "" where no .proto file declares it. `content` is None where it cannot be had, and
    `why` says why. `sources` is where it stood in its side's stream.
    """

    side: Side
    number: int
    flag: int
    data: bytes
    content: bytes | None
    type: str
    sources: tuple[Source, ...]
    why: str = ""


class Explained(NamedTuple):
    """The messages of a DATA frame: fields that tile its content, what was put together, and what is wrong in them.

    `first` is the tree of the first message that the frame completes, for its title.
    """

    fields: tuple[Field, ...]
    derived: tuple[Derived, ...]
    findings: tuple[Finding, ...]
    discards: tuple[Discard, ...]
    first: Field | None


def type_of(talk: Talk, side: Side) -> str:
    """The full name of the message type that a side of a call sends; "" where that is not known."""
    method = talk.method
    return "" if method is None else method.asks if side is Side.CLIENT else method.answers


def message(talk: Talk, side: Side, piece: Piece, data: bytes, place: int, connection: Connection) -> Message:
    """The message that `piece` of the unit `data`, which begins at `place` of its stream, completes."""
    type, flag = type_of(talk, side), piece.flag
    sources: tuple[Source, ...]
    if piece.parts is None:
        body, sources = data[piece.body : piece.end], (Source(side, place + piece.body, place + piece.end),)
    else:
        sources = piece.parts.sources()
        if sum(source.end - source.start for source in sources) > LARGEST:
            return Message(side, piece.number, flag, b"", None, type, sources, f"it is longer than {LARGEST:,} bytes")
        body = b"".join([connection.read(side, source.start, source.end) for source in sources])
    if not flag & 1:
        return Message(side, piece.number, flag, body, body, type, sources)
    content, why = decompressed(body, talk.encodings[side])
    return Message(side, piece.number, flag, body, content, type, sources, why)


def decompressed(body: bytes, encoding: bytes) -> tuple[bytes | None, str]:
    """What a compressed message says; or None, and why it cannot be had.

    >>> decompressed(zlib.compress(b"hi"), b"deflate")
    (b'hi', '')
    >>> decompressed(b"hi", b"gzip")
    (None, 'it is not gzip (incorrect header check)')
    """
    name = encoding.decode(errors="replace")
    if encoding in (b"", metadata.IDENTITY):
        return None, "nothing says how it is compressed"
    if encoding not in _WINDOWS:
        return None, f"{name} is not understood here"
    inflater = zlib.decompressobj(_WINDOWS[encoding])
    try:
        content = inflater.decompress(body, LARGEST + 1)
    except zlib.error as error:
        return None, f"it is not {name} ({str(error).rpartition(': ')[2]})"
    if len(content) > LARGEST:
        return None, f"it decompresses to more than {LARGEST:,} bytes"
    if not inflater.eof:
        return None, f"it ends before {name} does"
    if inflater.unused_data:
        return None, f"{name} ends {len(inflater.unused_data):,} bytes before it does"
    return content, ""


def read(content: bytes | bytearray, talk: Talk, side: Side, start: int = 0, end: int | None = None) -> Reading:
    """A message as protobuf: with its .proto file where one declares the method, by guessing otherwise.

    gRPC carries any bytes. Where nothing says that they are protobuf, what cannot be it is no breach of protobuf's rules.
    """
    end = len(content) if end is None else end
    method, type = talk.method, type_of(talk, side)
    if talk.codec in (b"", b"proto") and method is not None and type in (schema := messages_of(method)).messages:
        return protobuf_typed.read_typed(content, schema, type, start, end, side)
    if talk.codec in (b"", b"proto"):
        reading = protobuf_tree.read(content, start, end, side)
        if talk.codec or not reading.findings:
            return reading
    body = bytes(content[start:end])
    what = f"{talk.codec.decode(errors='replace')}, as content-type says" if talk.codec else "not protobuf"
    return Reading(Field("message", start, end, text(body), what), ())


def explain(turn: Turn, side: Side, data: bytes, start: int, end: int, place: int, connection: Connection) -> Explained:
    """The content [start, end) of a DATA frame that is the unit `data`, which begins at `place` of its side's stream."""
    talk = turn.talk
    fields: list[Field] = []
    derived: list[Derived] = []
    findings: list[Finding] = []
    discards: list[Discard] = []
    first: Field | None = None
    for piece in turn.pieces:
        if talk.web and piece.flag & 0x80:
            fields.append(_web_trailers(data, piece))
            continue
        if not piece.complete:
            fields.append(_part(data, piece, _size_so_far(piece)))
            continue
        if piece.parts is None and not piece.flag & 1:
            reading = read(data, talk, side, piece.body, piece.end)
            fields.append(_whole(data, piece, reading.field if piece.body < piece.end else None))
            findings += reading.findings
            discards += reading.discards
            first = first or reading.field
            continue
        said = message(talk, side, piece, data, place, connection)
        made, reading_ = _derived(said, talk)
        wrong = _wrong(said, piece, talk, reading_, side)
        findings += wrong
        if piece.parts is None:
            body = Field("compressed message", piece.body, piece.end, None, said.why or made[-1].how, (), None, made)
            fields.append(_whole(data, piece, body if piece.body < piece.end else None))
            derived += made if piece.body == piece.end else ()
        else:
            fields.append(_part(data, piece, "the last part of it"))
            derived += made
        first = first or (reading_.field if reading_ else None)
    if talk.web == metadata.WEB_TEXT and start < end:
        fields.append(_web_text(turn, side, data, start, end, connection))
    elif turn.rest < end:
        at = max(turn.rest, start)
        count = "more messages than are shown" if turn.pieces else "where its message begins was not recorded"
        fields.append(unparsed(at, end, count))
    return Explained(tuple(fields), tuple(derived), tuple(findings), tuple(discards), first)


def _size_so_far(piece: Piece) -> str:
    length, got = piece.length, max(piece.skip + piece.end - piece.start - PREFIX, 0)
    return f"{got:,} of {length:,} bytes so far" if length is not None else "its length is not whole yet"


def _prefix(data: bytes, piece: Piece) -> tuple[Field, ...]:
    """The flag and the length before a message, as far as they are in this piece."""
    found: tuple[Field, ...] = ()
    start, skip = piece.start, piece.skip
    if not skip:
        says = ("not compressed", "compressed")[piece.flag] if piece.flag < 2 else "neither 0 nor 1"
        found = (Field("compressed flag", start, start + 1, piece.flag, says),)
        start, skip = start + 1, 1
    if start < piece.body:
        length = piece.length
        part = "" if piece.body - start == 4 else f", {piece.body - start} of 4 bytes here"
        says = "not whole yet" if length is None else f"{length:,} byte{'' if length == 1 else 's'} of message"
        found += (Field("message length", start, piece.body, length, says + part),)
    return found


def _whole(data: bytes, piece: Piece, body: Field | None) -> Field:
    """A message that is whole in its frame."""
    note = f"number {piece.number + 1}"
    return Field(
        "length-prefixed message",
        piece.start,
        piece.end,
        None,
        note,
        (*_prefix(data, piece), *((body,) if body is not None else ())),
    )


def _part(data: bytes, piece: Piece, says: str) -> Field:
    """A part of a message that is spread over frames."""
    body: tuple[Field, ...] = ()
    if piece.body < piece.end:
        body = (Field("part of message", piece.body, piece.end, data[piece.body : piece.end], says),)
    return Field(
        "length-prefixed message",
        piece.start,
        piece.end,
        None,
        f"number {piece.number + 1}, {says}",
        (*_prefix(data, piece), *body),
    )


def _derived(said: Message, talk: Talk) -> tuple[tuple[Derived, ...], Reading | None]:
    """What was put together and decompressed, the last with the message's tree."""
    how, found = f"the parts of {len(said.sources)} frames, joined", tuple[Derived, ...]()
    reading = read(said.content, talk, said.side) if said.content is not None else None
    if len(said.sources) > 1 or not said.flag & 1:
        if reading is not None and not said.flag & 1:
            return (Derived("message", said.data, reading.field, how, said.sources),), reading
        plain = Field("compressed message", 0, len(said.data), None, said.why)
        found = (Derived("compressed message", said.data, plain, how, said.sources),)
    if said.content is not None and reading is not None:
        name = talk.encodings[said.side].decode(errors="replace")
        how = f"{name}: {len(said.data):,} bytes say {len(said.content):,}"
        found += (Derived("message", said.content, reading.field, how, said.sources),)
    return found, reading


def _wrong(said: Message, piece: Piece, talk: Talk, reading: Reading | None, side: Side) -> list[Finding]:
    """What is wrong in a message that is not in its frame as it is: at its bytes where they are here, else at all that are."""
    start, end = (piece.body, piece.end) if piece.body < piece.end else (piece.start, piece.end)
    if said.content is None:
        undone = said.flag == 1 and talk.encodings[side] in _WINDOWS and "more than" not in said.why
        return [rules.UNDECODABLE.at(start, end, side, said.why)] if undone else []
    if reading is None:
        return []
    if said.flag & 1:
        return [
            each._replace(
                start=start, end=end, detail=f"{each.message} (byte {each.start} of the message, decompressed)"
            )
            for each in reading.findings
        ]
    before = len(said.data) - (piece.end - piece.body)  # bytes of the message in frames before
    found = []
    for each in reading.findings:
        at, stop = each.start - before + piece.body, each.end - before + piece.body
        if stop > start:
            found.append(each._replace(start=max(at, start), end=stop))
        else:
            where = f"{each.message} (bytes {each.start} to {each.end} of the message, in a frame before)"
            found.append(each._replace(start=start, end=end, detail=where))
    return found


def _web_text(turn: Turn, side: Side, data: bytes, start: int, end: int, connection: Connection) -> Field:
    """Content of gRPC-Web in base64 (PROTOCOL-WEB.md): each part of it may have padding of its own."""
    text, talk = data[start:end], copy(turn.talk)
    talk.web = metadata.WEB  # as what the text stands for is read
    groups = [metadata.binary(group + b"=" * (-len(group) % 4)) for group in re.findall(rb"[^=]+", text)]
    if not groups or any(group is None for group in groups):
        return Field("base64 text", start, end, text, "not whole, or not base64")
    decoded = b"".join(group[0] for group in groups if group is not None)
    found, rest, _, _ = pieces(NOTHING, 0, decoded, 0, len(decoded), 0, side)
    if rest < len(decoded) or not all(piece.complete for piece in found):
        field = Field("part of messages", 0, len(decoded), decoded, "a message goes on in another frame")
    else:
        made = explain(Turn(talk, "", tuple(found), rest), side, decoded, 0, len(decoded), 0, connection).fields
        field = Field("messages", 0, len(decoded), None, "", made)
    derived = (Derived("base64-decoded", decoded, field, "base64"),) if decoded else ()
    return Field("base64 text", start, end, text, "gRPC-Web as text", (), None, derived)


def _web_trailers(data: bytes, piece: Piece) -> Field:
    """gRPC-Web's trailers, which come as a last message (PROTOCOL-WEB.md): `name: value` in lines."""
    flag = Field("trailers flag", piece.start, piece.start + 1, piece.flag, "these are trailers")
    prefix = (flag, *_prefix(data, piece)[1:]) if not piece.skip else _prefix(data, piece)
    lines, at = [], piece.body
    while at < piece.end and not piece.flag & 1:
        stop = data.find(b"\r\n", at, piece.end) + 2
        stop = piece.end if stop < 2 else stop
        name, colon, value = data[at:stop].partition(b":")
        text = value.strip().decode(errors="replace")
        lines.append(Field(name.decode(errors="replace") if colon else "line", at, stop, text))
        at = stop
    if at < piece.end:
        lines.append(unparsed(at, piece.end, "compressed"))
    return Field("trailers", piece.start, piece.end, None, "of gRPC-Web", (*prefix, *lines))
