"""What gRPC adds to an explained frame: what its headers mean, the messages in it, and the title that says both."""

from __future__ import annotations

from functools import lru_cache, partial

from protolab.capture import Connection
from protolab.fields import Derived, Field, Side
from protolab.protocols.grpc import bodies, explain, metadata, status
from protolab.protocols.grpc.call_state import Turn
from protolab.protocols.grpc.connection import Step
from protolab.protocols.grpc.headers import REQUEST
from protolab.protocols.grpc.schemas import known
from protolab.protocols.grpc.talks import Said, Talk
from protolab.units import Unit
from protolab.wire import http2, protobuf_typed
from protolab.wire.hpack import UPDATE, Block
from protolab.wire.hpack_fields import text
from protolab.wire.http2 import HEAD_SIZE
from protolab.wire.protobuf_schema import Held, inner, parts
from protolab.wire.protobuf_schema import text as text_of
from protolab.wire.protobuf_values import brief

DETAILS = b"grpc-status-details-bin"
STATUS = "google.rpc.Status"
_SAID = 60  # characters of a grpc-message in a title


def dress(unit: Unit, step: Step, turn: Turn, connection: Connection) -> Unit:
    """The unit with what it is to its call."""
    head = step.head
    assert head is not None
    if step.reading is not None:
        return _dress_headers(unit, step, turn)
    if head.type == http2.DATA:
        return _dress_data(unit, step, turn, connection)
    if head.type == http2.RST_STREAM and turn.talk.reset is not None:
        says = f"to gRPC: {status.name(status.from_reset(turn.talk.reset.error))}"
        note = f"{says}; {unit.field.note}" if unit.field.note else says
        return unit._replace(field=unit.field._replace(note=note))
    return unit


# Headers.


def _dress_headers(unit: Unit, step: Step, turn: Turn) -> Unit:
    reading, field = step.reading, unit.field
    assert reading is not None
    if reading.sources:
        derived = tuple(
            each._replace(field=each.field._replace(children=_headers(each.field.children, reading.block)))
            if each.name == "header block"
            else each
            for each in field.derived
        )
        field = field._replace(derived=derived)
    else:
        first = next((at for at, child in enumerate(field.children) if child.start >= reading.start), 0)
        before, after = field.children[:first], field.children[first:]
        field = field._replace(children=(*before, *_headers(after, reading.block)))
    only = turn.status is not None and turn.status.only
    if only:
        note = "Trailers-Only: the status, and no message"
        field = field._replace(note=f"{note}; {field.note}" if field.note else note)
    path = (turn.talk.path or b"") if turn.kind == REQUEST else b""
    entitle = partial(_entitle_headers, path, turn.talk.timeout, turn.status, turn.talk.answered)
    return unit._replace(field=field, entitle=entitle)


def _asked(path: bytes, timeout: int | None) -> str:
    """What a request calls: `call UserService/GetUser within 4.99 s`; "" for what is none."""
    named = metadata.service_and_method(path)
    if named is None:
        return ""
    within = "" if timeout is None else f" within {metadata.seconds(timeout)}"
    return f"call {named[0].rpartition('.')[2]}/{named[1]}{within}"


def _headers(fields: tuple[Field, ...], block: Block) -> tuple[Field, ...]:
    """The fields of a block's representations, each with what its header means to gRPC; what comes after them stays."""
    found = [
        _header(field, line.name, line.value) if line.kind != UPDATE and line.name and line.value is not None else field
        for field, line in zip(fields, block.lines, strict=False)
    ]
    return (*found, *fields[len(found) :])


def _header(field: Field, name: bytes, value: bytes) -> Field:
    note, derived = (_remembered if len(value) < 256 else _meaning)(name, value)
    if not note and not derived:
        return field
    note = f"{note}; {field.note}" if note and field.note else note or field.note
    return field._replace(note=note, derived=(*field.derived, *derived))


def _meaning(name: bytes, value: bytes) -> tuple[str, tuple[Derived, ...]]:
    """What a header says, in words; and the bytes that it stands for, where it is encoded."""
    if name.endswith(b"-bin"):
        return _binary(name, value)
    if name == b":path":
        found = metadata.service_and_method(value)
        return (f"service {found[0]}, method {found[1]}" if found else ""), ()
    if name == b"grpc-timeout":
        return metadata.timeout_words(value), ()
    if name == b"grpc-status":
        return (status.name(int(value)) if value.isdigit() and len(value) < 10 else "no code"), ()
    if name == b"grpc-message":
        said = metadata.unescaped(value)
        if b"%" not in value:
            return "", ()
        raw = said.encode()
        return "", (
            Derived("percent-decoded", raw, Field("message", 0, len(raw), said), "%XX stands for a byte of UTF-8"),
        )
    if name == b"grpc-previous-rpc-attempts":
        return f"a retry: {value.decode(errors='replace')} attempts came before", ()
    return _WORDS.get(name, ""), ()


_remembered = lru_cache(2048)(_meaning)
_WORDS = {
    b"te": "trailers can pass: nobody on the way drops them",
    b"content-type": "messages of gRPC, each with a flag and a length before it",
    b"grpc-encoding": "how messages with the compressed flag are compressed",
    b"grpc-accept-encoding": "what answers may be compressed with",
    b"user-agent": "the library that says this",
    b"grpc-retry-pushback-ms": "when to try again, in milliseconds; a negative number: not at all",
}


def _binary(name: bytes, value: bytes) -> tuple[str, tuple[Derived, ...]]:
    """A -bin header: base64 or raw bytes, and in them perhaps a google.rpc.Status."""
    found = metadata.binary(value)
    if found is None:
        return "not base64", ()
    raw = value[:1] == b"\0"
    how = "what follows the NUL, as both peers' settings allow" if raw else "base64"
    made = []
    for data in found:
        if name == DETAILS:
            made.append(_details(data, how))
        else:
            field = Field("value", 0, len(data), text(data))
            made.append(Derived("true binary" if raw else "base64-decoded", data, field, how))
    return ("raw bytes after a NUL" if raw else ""), tuple(made)


def _details(data: bytes, how: str) -> Derived:
    """A google.rpc.Status, and on it each of its details, unpacked from google.protobuf.Any."""
    field = protobuf_typed.read_typed(data, known(), STATUS).field
    unpacked = []
    for number, any in enumerate(inner(parts(data), 3)):
        url, held = text_of(any, 1), _last(any, 2)
        type = url.rpartition("/")[2]
        if type in known().messages and held:
            tree = protobuf_typed.read_typed(held, known(), type).field
            unpacked.append(Derived(type, held, tree, f"details[{number}], unpacked: {url} names its type"))
    return Derived(STATUS, data, field._replace(derived=tuple(unpacked)), how)


def detail_types(data: bytes) -> tuple[str, ...]:
    """The types of the details in a google.rpc.Status: ("google.rpc.BadRequest",)."""
    return tuple(text_of(any, 1).rpartition("/")[2] for any in inner(parts(data), 3))


def _last(values: dict[int, list[Held]], number: int) -> bytes:
    held = values.get(number, [b""])[-1]
    return held if isinstance(held, bytes) else b""


# Data.


def _dress_data(unit: Unit, step: Step, turn: Turn, connection: Connection) -> Unit:
    head, side, data = step.head, step.place.side, step.data
    assert head is not None
    start, end = http2.content(data, head)
    if start > end:
        return unit
    said = bodies.explain(turn, side, data, start, end, step.place.start, connection)
    children = [child for child in unit.field.children if not (child.name == "data" and child.start == start)]
    at = next(
        (at for at, child in enumerate(children) if child.start >= end and child.name == "padding"), len(children)
    )
    field = unit.field._replace(
        children=(*children[:at], *said.fields, *children[at:]), derived=(*unit.field.derived, *said.derived)
    )
    return unit._replace(
        field=field,
        findings=(*unit.findings, *said.findings),
        discards=(*unit.discards, *said.discards),
        entitle=partial(_entitle_data, turn, side, said.first),
    )


# Titles.


def flags(unit: Unit) -> str:
    """The flags that a title names."""
    head = http2.read_head(unit.data)
    assert head is not None
    return "".join(f", {flag}" for flag in explain.flags(head))


def _entitle_headers(path: bytes, timeout: int | None, said: Said | None, answered: bool, unit: Unit) -> str:
    """A request by what it calls; trailers by the status, its message and who said it."""
    head = http2.read_head(unit.data)
    assert head is not None
    asked = _asked(path, timeout)
    if said is None and not asked:
        return explain.entitle(unit)
    words = asked if said is None else status_words(said, answered)
    return f"{head.name} stream {head.stream} {words}{flags(unit)}"


def status_words(said: Said, answered: bool) -> str:
    """A status in words: `status 5 NOT_FOUND: no user "9" (the application said so)`."""
    if said.code is None:
        return "no status that can be read"
    words = f"status {said.code} {status.name(said.code)}"
    message = said.message if len(said.message) <= _SAID else said.message[: _SAID - 3] + "..."
    if message:
        words += f": {message}"
    if said.code == status.OK:
        return words
    by = status.origin(said.code, said.message, said.details is not None, answered).by
    return f"{words} ({_BY[by]})"


_BY = {
    status.APPLICATION: "the application said so",
    status.LIBRARY: "a gRPC library said so",
    status.EITHER: "the application or its library said so",
}


def _entitle_data(turn: Turn, side: Side, first: Field | None, unit: Unit) -> str:
    """DATA by its first message: a request by its method, an answer by its type."""
    head = http2.read_head(unit.data)
    assert head is not None
    name, ends = f"DATA stream {head.stream}", flags(unit)
    if not turn.pieces:
        size = len(unit.data) - HEAD_SIZE
        if not size and ends:
            return f"{name} no more messages{ends}"
        return f"{name}, {size} byte{'' if size == 1 else 's'}{ends}"
    piece = turn.pieces[0]
    if piece.prefix[:1] >= b"\x80" and turn.talk.web:
        said = "" if turn.status is None else f", {status_words(turn.status, True)}"
        return f"{name} trailers of gRPC-Web{said}{ends}"
    what = called(turn.talk, side)
    if first is None and not piece.complete:
        got = max(piece.skip + piece.end - piece.start - 5, 0)
        length = piece.length
        said = f"{what}, {got:,} of {length:,} bytes" if length is not None else f"{what}, its length is not whole yet"
    elif first is None:
        said = f"{what}, {piece.length:,} bytes that cannot be read"
    elif first.value is not None and not first.children:  # no protobuf
        said = f"{what} {short(first.value)}"
    else:
        said = f"{what} {{{brief(first)}}}" if first.children else f"{what} {{}}"
    if (more := len(turn.pieces) - 1) > 0:
        said += f" and {more} more"
    return f"{name} {said}{ends}"


def short(value: object) -> str:
    """Text or bytes in quotes, cut where they are long."""
    if isinstance(value, bytes):
        value = f"0x{value[:_SAID].hex()}"
    said = str(value)
    return f'"{said}"' if len(said) <= _SAID else f'"{said[: _SAID - 3]}..."'


def called(talk: Talk, side: Side) -> str:
    """What to call a side's messages: a request's by the method, an answer's by their type; without a .proto "message"."""
    if talk.method is None:
        return "message"
    return talk.method.path.rpartition("/")[2] if side is Side.CLIENT else talk.method.answers.rpartition(".")[2]
