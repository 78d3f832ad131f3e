"""What a header list must be like: RFC 9113 section 8, for requests, responses and trailers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from protolab.findings import Rule
from protolab.protocols.grpc import rules
from protolab.wire.hpack import UPDATE, Block
from protolab.wire.hpack_fields import shown

REQUEST, RESPONSE, TRAILERS = "request", "response", "trailers"
_PSEUDO = {
    REQUEST: frozenset({b":method", b":scheme", b":authority", b":path", b":protocol"}),
    RESPONSE: frozenset({b":status"}),
    TRAILERS: frozenset(),
}
_CONNECTION = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"})
# RFC 9110 section 5.6.2: what a name may be made of; in HTTP/2 no capital letters (RFC 9113 section 8.2.1).
_NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")

Wrong = tuple[Rule, str]  # a rule that a header breaks, and how


class Breach(NamedTuple):
    """A rule that a header list breaks, at the header block's bytes [start, end)."""

    rule: Rule
    start: int
    end: int
    says: str


class Meaning(NamedTuple):
    """What a header list says: its kind, the pseudo-headers, and the length that it announces, None for none."""

    kind: str
    pseudo: dict[bytes, bytes]
    length: int | None = None
    whole: bool = True  # False where a header of it is not known

    @property
    def interim(self) -> bool:
        """Whether it is a response before the response (RFC 9110 section 15.2)."""
        return self.kind == RESPONSE and self.pseudo.get(b":status", b"")[:1] == b"1"


def judge(block: Block, kind: str, binary: bool = False) -> tuple[Meaning, list[Breach]]:
    """What a block's headers say, and the rules that they break. `binary` allows raw bytes in -bin metadata."""
    pseudo: dict[bytes, bytes] = {}
    found: list[Breach] = []
    allowed, regular, whole, length = _PSEUDO[kind], False, True, None
    for line in block.lines:
        start, end, sort, _, name, value, _, _, _ = line
        if sort == UPDATE:
            continue
        if name is None:
            whole = False
            continue
        if name[:1] == b":":
            if kind == TRAILERS:
                found.append(Breach(rules.TRAILER_PSEUDO, start, end, f"{shown(name)} in trailers"))
            elif name not in allowed:
                found.append(Breach(rules.PSEUDO_UNKNOWN, start, end, f"a {kind} has no {shown(name)}"))
            elif name in pseudo:
                found.append(Breach(rules.PSEUDO_REPEATED, start, end, f"{shown(name)} came before"))
            if regular and kind != TRAILERS:
                found.append(Breach(rules.PSEUDO_LATE, start, end, f"{shown(name)} comes after other headers"))
            if value is None:
                whole = False
            else:
                pseudo.setdefault(name, value)
            if name in allowed and value is not None and (why := _pseudo_value(name, value)):
                found.append(Breach(why[0], start, end, why[1]))
            continue
        regular = True
        if name == b"content-length" and value is not None:
            fine = value.isdigit() and len(value) < 20 and length in (None, int(value))
            if not fine:
                before = "" if length is None else f", after {length}"
                found.append(Breach(rules.CONTENT_LENGTH, start, end, f"content-length is {shown(value)}{before}"))
            length = int(value) if fine else length
        elif name == b"host" and value is not None and (value.lower() != pseudo.get(b":authority", value).lower()):
            says = f"host is {shown(value)}, and :authority {shown(pseudo[b':authority'])}"
            found.append(Breach(rules.PSEUDO_VALUE, start, end, says))
        for rule, says in _wrong(name, value, binary) if len(value or b"") < 256 else _find(name, value, binary):
            found.append(Breach(rule, start, end, says))
    if whole and not block.problems:
        found += _missing(kind, pseudo, block)
    return Meaning(kind, pseudo, length, whole), found


def _missing(kind: str, pseudo: dict[bytes, bytes], block: Block) -> Iterator[Breach]:
    """The rules about pseudo-headers that are not there; they are broken by the block as a whole."""
    if kind == RESPONSE:
        if b":status" not in pseudo:
            yield Breach(rules.STATUS_MISSING, 0, block.end, "")
    elif kind == REQUEST and pseudo.get(b":method") == b"CONNECT" and b":protocol" not in pseudo:
        if b":authority" not in pseudo or b":scheme" in pseudo or b":path" in pseudo:
            yield Breach(rules.CONNECT, 0, block.end, "")
    elif kind == REQUEST:
        absent = [name.decode() for name in (b":method", b":scheme", b":path") if name not in pseudo]
        if absent:
            yield Breach(rules.PSEUDO_MISSING, 0, block.end, f"the request has no {' and no '.join(absent)}")


def _find(name: bytes, value: bytes | None, binary: bool) -> tuple[Wrong, ...]:
    """The rules that a header that is no pseudo-header breaks by itself."""
    found: list[Wrong] = []
    if not name or not _NAME.issuperset(name):
        lower = name.lower()
        why = "has capital letters" if lower != name and _NAME.issuperset(lower) else "has bytes that no name may have"
        found.append((rules.NAME, f"{shown(name)} {why}" if name else "the name is empty"))
    if name.lower() in _CONNECTION:
        found.append((rules.CONNECTION_HEADER, f"{shown(name)} belongs to HTTP/1.1 connections"))
    if value is None:
        return tuple(found)
    if name == b"te" and value.lower() != b"trailers":
        found.append((rules.TE, f"te says {shown(value)}"))
    raw = binary and name.endswith(b"-bin") and value[:1] == b"\0"  # after which anything may stand
    return (*found, *(() if raw else unfit(name, value)))


def unfit(name: bytes, value: bytes) -> Iterator[Wrong]:
    """What no header's value may have (section 8.2.1)."""
    if value.strip(b" \t") != value:
        yield rules.VALUE, f"{shown(name)} has a space at an end of its value"
    if any(byte in value for byte in b"\0\r\n"):
        yield rules.VALUE, f"{shown(name)} has NUL, CR or LF in its value"


_wrong = lru_cache(4096)(_find)


@lru_cache(1024)
def _pseudo_value(name: bytes, value: bytes) -> Wrong | None:
    """The first rule that the value of a pseudo-header breaks (section 8.3)."""
    if name == b":status":
        if value == b"101":
            return rules.STATUS_101, ""
        fine = len(value) == 3 and value.isdigit() and value >= b"100"
        return None if fine else (rules.STATUS_VALUE, f":status is {shown(value)}: not a number of three digits")
    wrong = next(unfit(name, value), None)
    if wrong is not None:
        return wrong
    says = ""
    if name == b":path" and value[:1] != b"/" and value != b"*":
        says = ":path begins with a slash, or is an asterisk" if value else ":path is empty"
    elif name == b":authority" and b"@" in value:
        says = ":authority has no user's name"
    elif name == b":method" and not (value and _NAME.issuperset(value.lower())):
        says = f":method is {shown(value)}" if value else ":method is empty"
    return (rules.PSEUDO_VALUE, says) if says else None
