"""The content of an HTTP body that was compressed on its way: Content-Encoding undone, RFC 9110 section 8.4."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

from protolab.wire.http1 import elements, response

LIMIT = 16 * 2**20  # bytes that a body may inflate to here; past that its content is given up, said aloud
MEMBERS = 100  # of a gzip body (RFC 1952 section 2.2): each costs a copy of what follows it
_NAMED = re.compile(rb"\ncontent-encoding[ \t]*:", re.I)
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # 15 is the zlib format, which "deflate" means (section 8.4.1.2)


class Content(NamedTuple):
    """What a body says: `data` is None where that cannot be known. `why` says why not; `wrong` that the body is at fault."""

    data: bytes | None
    why: str = ""
    wrong: bool = False


def codings(head: bytes) -> tuple[str, ...]:
    """What was done to the body after a head, in order.

    >>> codings(b"HTTP/1.1 200 OK\\r\\nContent-Encoding: GZIP\\r\\n\\r\\n")
    ('gzip',)
    """
    if not _NAMED.search(head):
        return ()
    named = elements((response(head).get("Content-Encoding") or "").lower())
    return tuple(name for name in named if name != "identity")


def decode(body: bytes, done: tuple[str, ...]) -> Content:
    """The content of a whole body, what was `done` to it undone in reverse.

    >>> decode(zlib.compress(b"Hello"), ("deflate",)).data
    b'Hello'
    """
    for coding in reversed(done):
        if (wbits := _WBITS.get(coding)) is None:
            return Content(None, f"{coding} is not undone here")
        try:
            found = _inflate(body, wbits)
        except zlib.error as error:
            if coding == "deflate" and (raw := _raw(body)) is not None:
                return Content(
                    raw if len(done) == 1 else None, "this is DEFLATE without the zlib format around it", True
                )
            return Content(None, f"this is not {coding} ({error})", True)
        if found.data is None:
            return found
        body = found.data
    return Content(body)


def _inflate(data: bytes, wbits: int) -> Content:
    out = b""
    for _ in range(MEMBERS):
        member = zlib.decompressobj(wbits)
        out += member.decompress(data, LIMIT + 1 - len(out))
        if len(out) > LIMIT:
            return Content(None, f"it inflates to more than {LIMIT} bytes")
        if not member.eof:
            return Content(None, "the compressed data are cut off", True)
        data = member.unused_data
        if not data.strip(b"\0"):  # zeros may fill it up, as gzip's own tools allow
            return Content(out)
        if wbits != 31:
            return Content(None, f"{len(data)} bytes follow the end of the compressed data", True)
    return Content(None, f"it has more than {MEMBERS} members")


def _raw(data: bytes) -> bytes | None:
    try:
        return _inflate(data, -15).data
    except zlib.error:
        return None
