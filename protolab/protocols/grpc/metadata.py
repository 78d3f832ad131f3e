"""What gRPC's headers mean: deadlines, percent-encoded messages, binary metadata (PROTOCOL-HTTP2.md)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache

from protolab.findings import Rule
from protolab.protocols.grpc import grpc_rules as rules
from protolab.protocols.grpc.headers import REQUEST, RESPONSE, TRAILERS, unfit
from protolab.wire.hpack import Block
from protolab.wire.hpack_fields import shown

GRPC = b"application/grpc"
WEB, WEB_TEXT = b"application/grpc-web", b"application/grpc-web-text"
IDENTITY, GZIP, DEFLATE = b"identity", b"gzip", b"deflate"
KNOWN_ENCODINGS = (IDENTITY, GZIP, DEFLATE, b"snappy")  # that PROTOCOL-HTTP2.md names

_UNITS = {  # nanoseconds, and the word
    b"H": (3600 * 10**9, "hours"),
    b"M": (60 * 10**9, "minutes"),
    b"S": (10**9, "s"),
    b"m": (10**6, "ms"),
    b"u": (10**3, "µs"),
    b"n": (1, "ns"),
}
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_NAME = re.compile(rb"[0-9a-z_.-]+")
_STATUS = re.compile(rb"0|[1-9][0-9]*")
_ESCAPED = re.compile(rb"(?:[\x20-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_CONTENT_TYPE = re.compile(rb"application/grpc(-web(-text)?)?([+;].*)?")

# Names with grpc- that gRPC has given a meaning, and in what they may stand.
_BOTH, _ASKED, _ENDS = (REQUEST, RESPONSE, TRAILERS), (REQUEST,), (RESPONSE, TRAILERS)
_ANSWERED = (RESPONSE,)
OWN: dict[bytes, tuple[str, ...]] = {
    b"grpc-timeout": _ASKED,
    b"grpc-encoding": (REQUEST, RESPONSE),
    b"grpc-accept-encoding": (REQUEST, RESPONSE),
    b"grpc-message-type": _ASKED,
    b"grpc-previous-rpc-attempts": _BOTH,
    b"grpc-retry-pushback-ms": _ENDS,
    b"grpc-status": _ENDS,
    b"grpc-message": _ENDS,
    b"grpc-status-details-bin": _ENDS,
    b"grpc-trace-bin": _BOTH,
    b"grpc-tags-bin": _BOTH,
    b"grpc-server-stats-bin": _ENDS,
    b"grpc-internal-encoding-request": _BOTH,
}


def timeout(value: bytes) -> int | None:
    """The nanoseconds that a grpc-timeout allows; None where it has not the form that it must have.

    >>> timeout(b"4990m"), timeout(b"123456789n"), timeout(b"1 S")
    (4990000000, None, None)
    """
    found = _TIMEOUT.fullmatch(value)
    count = int(found[1]) if found else 0
    return count * _UNITS[found[2]][0] if found and count else None


def timeout_words(value: bytes) -> str:
    """A grpc-timeout in words.

    >>> timeout_words(b"4990m"), timeout_words(b"5S"), timeout_words(b"2H")
    ('4,990 ms: 4.99 s', '5 s', '2 hours: 7,200 s')
    """
    found, allowed = _TIMEOUT.fullmatch(value), timeout(value)
    if found is None or allowed is None:
        return "not a time that gRPC knows"
    word = _UNITS[found[2]][1]
    said = f"{int(found[1]):,} {word.rstrip('s') if word.endswith(('rs', 'es')) and int(found[1]) == 1 else word}"
    return said if word == "s" else f"{said}: {seconds(allowed)}"


def seconds(nanoseconds: int) -> str:
    """A time in seconds.

    >>> seconds(4_990_000_000), seconds(1)
    ('4.99 s', '0.000000001 s')
    """
    whole, rest = divmod(nanoseconds, 10**9)
    return f"{whole:,}{f'.{rest:09}'.rstrip('0') if rest else ''} s"


def unescaped(value: bytes) -> str:
    """A grpc-message as it was meant. What is not encoded as it should be stays as it is: decoding never fails.

    >>> unescaped(b"nothing %E2%82%AC here, 100%, %zz")
    'nothing € here, 100%, %zz'
    """
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), value)
    return raw.decode(errors="replace")


def binary(value: bytes) -> list[bytes] | None:
    """The values of a -bin header: base64, with or without padding, several joined by commas; None where it is neither.

    After a NUL stand raw bytes, which peers send to each other that say SETTINGS GRPC_ALLOW_TRUE_BINARY_METADATA.

    >>> binary(b"AAEC/w"), binary(b"AAEC/w==,aGk"), binary(bytes([0, 1, 255])), binary(b"a")
    ([b'\\x00\\x01\\x02\\xff'], [b'\\x00\\x01\\x02\\xff', b'hi'], [b'\\x01\\xff'], None)
    """
    if value[:1] == b"\0":
        return [value[1:]]
    found = []
    for part in value.split(b","):
        part = part.strip(b" ")
        bare = part.rstrip(b"=")
        padding = -len(bare) % 4
        if not _BASE64.fullmatch(part) or padding == 3 or len(part) - len(bare) not in (0, padding):
            return None
        try:
            found.append(base64.b64decode(bare + b"=" * padding))
        except binascii.Error:
            return None
    return found


def is_grpc(content_type: bytes | None) -> bool:
    """Whether a content-type is gRPC's.

    >>> is_grpc(b"application/grpc+proto"), is_grpc(b"application/grpcx"), is_grpc(b"application/json")
    (True, False, False)
    """
    return content_type is not None and _CONTENT_TYPE.fullmatch(content_type.lower()) is not None


def web_and_codec(content_type: bytes) -> tuple[bytes, bytes]:
    """Of a gRPC content-type: itself where it is one of gRPC-Web's, and the name of what its messages are written in.

    >>> web_and_codec(b"application/grpc+proto"), web_and_codec(b"application/grpc-web-text")
    ((b'', b'proto'), (b'application/grpc-web-text', b''))
    """
    type = content_type.lower().partition(b";")[0]
    kind, _, codec = type.partition(b"+")
    return kind if kind in (WEB, WEB_TEXT) else b"", codec


@lru_cache(1024)
def service_and_method(path: bytes) -> tuple[str, str] | None:
    """What a :path names, or None where it has not that form.

    >>> service_and_method(b"/user_service.UserService/GetUser")
    ('user_service.UserService', 'GetUser')
    """
    service, slash, method = path[1:].rpartition(b"/")
    if path[:1] != b"/" or not slash or not service or not method or not path.isascii() or b"?" in path:
        return None
    return service.decode(), method.decode()


Wrong = tuple[Rule, str]


@lru_cache(4096)
def _remembered(kind: str, name: bytes, value: bytes) -> tuple[Wrong, ...]:
    return tuple(_find(kind, name, value))


def wrong(kind: str, name: bytes, value: bytes | None) -> tuple[Wrong, ...]:
    """The rules that a header of a call breaks by itself, in a "request", a "response" or "trailers"."""
    if name[:1] == b":" or value is None:
        return ()
    return _remembered(kind, name, value) if len(value) < 256 else tuple(_find(kind, name, value))


def _find(kind: str, name: bytes, value: bytes) -> list[Wrong]:
    if name.startswith(b"grpc-"):
        allowed = OWN.get(name)
        if allowed is None:
            return [(rules.RESERVED, f"{shown(name)} is none of gRPC's own names")]
        if kind not in allowed:
            return [(rules.RESERVED, f"{shown(name)} does not belong into {_article(kind)}")]
        return _find_own(kind, name, value)
    if name == b"content-type":
        if kind == TRAILERS or is_grpc(value):
            return []
        return [(rules.CONTENT_TYPE if kind == REQUEST else rules.RESPONSE_TYPE, f"content-type is {shown(value)}")]
    if name in _HTTP_NAMES:
        return []
    if not _NAME.fullmatch(name):
        # What HTTP/2 forbids, such as capital letters, is a finding of that layer.
        legal = name == name.lower() and re.fullmatch(rb"[!#$%&'*+.^_`|~0-9a-z-]+", name)
        return [(rules.NAME, f"{shown(name)} has characters that no metadata's name may have")] if legal else []
    if name.endswith(b"-bin"):
        return [] if binary(value) is not None else [(rules.BASE64, f"{shown(name)} is not base64")]
    # An empty value is against the grammar too, but every peer sends and takes it.
    # What HTTP/2 forbids, as above, is not said twice.
    if not _PRINTABLE.fullmatch(value) and not any(unfit(name, value)):
        return [(rules.VALUE, f"{shown(name)} has bytes that are not printable ASCII")]
    return []


def repeated(block: Block) -> Iterator[tuple[Rule, int, int, str]]:
    """Headers of gRPC's own that stand in a block a second time. Binary ones and lists may."""
    seen: set[bytes | None] = set()
    for line in block.lines:
        name = line[4]
        if name in seen and name in _ONCE:
            yield rules.REPEATED, line[0], line[1], f"{shown(name)} came before"
        seen.add(name)


_ONCE = {name for name in OWN if not name.endswith(b"-bin")} - {b"grpc-accept-encoding"} | {b"content-type"}
_HTTP_NAMES = frozenset({b"te", b"user-agent", b"content-length", b"date", b"server"})


def _article(kind: str) -> str:
    return kind if kind == TRAILERS else f"a {kind}"


def _find_own(kind: str, name: bytes, value: bytes) -> list[Wrong]:
    """The rules that a header of gRPC itself breaks."""
    if name == b"grpc-timeout" and timeout(value) is None:
        return [(rules.TIMEOUT, f"grpc-timeout is {shown(value)!r}: {_why_no_timeout(value)}")]
    if name == b"grpc-encoding" and value not in KNOWN_ENCODINGS:
        return [(rules.ENCODING, f"grpc-encoding is {shown(value)!r}, which no peer has to know")]
    if name == b"grpc-status":
        if not _STATUS.fullmatch(value):
            zeros = value.isdigit() and len(value) > 1
            return [
                (rules.STATUS_FORM, f"grpc-status is {shown(value)!r}: {'leading zeros' if zeros else 'not decimal'}")
            ]
        if len(value) > 2 or int(value) > 16:
            return [(rules.STATUS_UNKNOWN, f"there is no code {shown(value)}")]
    if name == b"grpc-message" and not _ESCAPED.fullmatch(value):
        bad = _ESCAPED.match(value)
        at = bad.end() if bad else 0
        return [
            (rules.STATUS_MESSAGE, f"{shown(value[at : at + 3])!r} at character {at} of grpc-message is not encoded")
        ]
    if name.endswith(b"-bin") and binary(value) is None:
        return [(rules.BASE64, f"{shown(name)} is not base64")]
    return []


def _why_no_timeout(value: bytes) -> str:
    digits = value[:-1]
    if value[-1:] not in _UNITS:
        return "no unit at its end"
    if not digits.isdigit():
        return "not digits and a unit"
    return "more than 8 digits" if len(digits) > 8 else "it must be positive"
