"""Every rule of protobuf's encoding that bytes can be seen to break, and what parsers (upb, measured) make of the breach."""

from __future__ import annotations

from protolab.findings import Rule

RULES: dict[str, Rule] = {}
_ENCODING = "protobuf encoding, "


def _rule(id: str, clause: str, says: str, reaction: str, mend: str) -> Rule:
    RULES[id] = rule = Rule(id, says, _ENCODING + clause, reaction, mend)
    return rule


_REFUSE = "INTERNAL: a parser refuses the whole message"

TRUNCATED = _rule(
    "protobuf-truncated",
    "message structure",
    "the message ends inside a field",
    _REFUSE,
    "send the whole message, and lengths that count what follows them",
)
VARINT = _rule(
    "protobuf-varint-length",
    "base 128 varints",
    "a varint has at most ten bytes, and five in a tag or a length",
    _REFUSE,
    "clear the continuation bit of the last byte",
)
NUMBER_ZERO = _rule(
    "protobuf-field-zero",
    "message structure",
    "field number 0 does not exist",
    _REFUSE,
    "number fields from 1",
)
NUMBER_LARGE = _rule(
    "protobuf-field-number",
    "message structure",
    "field numbers end at 536,870,911 (2^29 - 1)",
    _REFUSE,
    "use a number that fits into 29 bits",
)
NUMBER_RESERVED = _rule(
    "protobuf-field-reserved",
    "assigning field numbers",
    "field numbers 19000 to 19999 are reserved for protobuf itself",
    "",
    "use another number: protoc declares no field with this one",
)
WIRE_TYPE = _rule(
    "protobuf-wire-type",
    "message structure",
    "wire types 6 and 7 do not exist",
    _REFUSE,
    "use 0 (varint), 1 (64 bits), 2 (length), or 5 (32 bits)",
)
GROUP_END = _rule(
    "protobuf-group-end",
    "groups",
    "a group ends where none of that number began",
    _REFUSE,
    "end each group with the number that it began with, or use messages, as everyone does",
)
GROUP_OPEN = _rule(
    "protobuf-group-open",
    "groups",
    "the group is never ended",
    _REFUSE,
    "end the group with its number and wire type 4",
)
DEPTH = _rule(
    "protobuf-depth",
    "limits of parsers",
    "messages may be nested 100 deep",
    _REFUSE,
    "nest less: parsers stop at 100, so that a message cannot exhaust their stack",
)
LENGTH = _rule(
    "protobuf-length",
    "length-delimited records",
    "a length is at most 2,147,483,647 (2^31 - 1)",
    _REFUSE,
    "split the field: no message may have 2 GiB",
)
UTF8 = _rule(
    "protobuf-utf8",
    "strings",
    "a string must be UTF-8",
    _REFUSE,
    "encode the text as UTF-8, or declare the field as bytes",
)
MISMATCH = _rule(
    "protobuf-mismatch",
    "updating a message type",
    "the wire type is not that of the declared type",
    "",
    "compare the .proto files of both sides: a parser takes this for an unknown field",
)
REQUIRED = _rule(
    "protobuf-required",
    "required fields",
    "a required field is missing",
    _REFUSE,
    "set the field; and require no field that is not there for ever",
)
PACKED = _rule(
    "protobuf-packed",
    "packed repeated fields",
    "the packed values do not end where the field does",
    _REFUSE,
    "give the length of whole values",
)
