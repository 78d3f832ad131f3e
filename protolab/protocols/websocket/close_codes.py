"""Close codes: RFC 6455 section 7.4 and the IANA registry that it opened."""

from __future__ import annotations

from protolab.fields import Field

CODES = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1004: "reserved",
    1005: "no status received, never on the wire",
    1006: "abnormal closure, never on the wire",
    1007: "invalid payload data",
    1008: "policy violation",
    1009: "message too big",
    1010: "mandatory extension missing",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
    1015: "TLS handshake failed, never on the wire",
    3000: "unauthorized",
    3003: "forbidden",
    3008: "timeout",
}


def describe(code: int) -> str:
    """What a close code means, in a few words.

    >>> describe(1000), describe(4400), describe(999)
    ('normal closure', 'private: agreed between applications', 'unused: never a close code')
    """
    if code in CODES:
        return CODES[code]
    if code < 1000:
        return "unused: never a close code"
    if code < 3000:
        return "reserved for the protocol and its extensions"
    if code < 4000:
        return "registered with IANA by libraries and frameworks"
    return "private: agreed between applications" if code < 5000 else "undefined: above every range"


def allowed(code: int) -> bool:
    """Whether a Close frame may carry this code (section 7.4)."""
    return (code in CODES and code not in (1004, 1005, 1006, 1015)) or 3000 <= code <= 4999


def close_body(data: bytes) -> Field:
    """The tree of an unmasked Close payload (section 5.5.1): two bytes of code, then a UTF-8 reason."""
    if len(data) < 2:
        return Field("close", 0, len(data), None, "no code: an API reports 1005" if not data else "half a close code")
    code = int.from_bytes(data[:2])
    children = [Field("close code", 0, 2, code, describe(code))]
    if len(data) > 2:
        children.append(Field("close reason", 2, len(data), data[2:].decode("utf-8", "backslashreplace")))
    return Field("close", 0, len(data), None, "", tuple(children))
