"""What the number in a record means, by the declared type of its field."""

from __future__ import annotations

from collections.abc import Callable

from protolab.wire.protobuf import unzigzag


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


# I64 and I32, as struct spells them; their least byte comes first
FORMATS = {"double": "d", "float": "f", "fixed32": "I", "fixed64": "Q", "sfixed32": "i", "sfixed64": "q"}
# VARINT: from the 64 bits that came; a parser keeps as many of them as the type has
INTEGERS: dict[str, Callable[[int], int]] = {
    "int32": lambda raw: _signed(raw, 32),
    "enum": lambda raw: _signed(raw, 32),
    "int64": lambda raw: _signed(raw, 64),
    "uint32": lambda raw: raw & 0xFFFF_FFFF,
    "uint64": int,
    "sint32": lambda raw: unzigzag(raw & 0xFFFF_FFFF),
    "sint64": unzigzag,
    "bool": bool,
}
