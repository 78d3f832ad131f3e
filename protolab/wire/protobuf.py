"""Protobuf's encoding, format only: varints, tags, where the records of a message are, and a small encoder.

A message is a sequence of records. Each begins with a tag, a varint that holds a field number and, in its lowest three
bits, a wire type, which says how to find the record's end; names and types stand in the .proto file, not in the bytes.
`scan` finds the records of one level and looks into none of them; protobuf_tree.py explains them.

Specification: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from protolab.findings import Rule
from protolab.wire import protobuf_rules as rules

VARINT, I64, LEN, SGROUP, EGROUP, I32 = range(6)
WIRE_TYPES = ("VARINT", "I64", "LEN", "SGROUP", "EGROUP", "I32")
LAST_NUMBER = 2**29 - 1
RESERVED = range(19000, 20000)
DEPTH = 100  # messages and groups in each other: parsers' limit, and ours, since what reads a tree is recursive
_LARGEST_LENGTH = 2**31 - 1


class Record(NamedTuple):
    """One record: its tag from `start`, its value from `value` to `stop`, its end. Wire type LEN has the length before its
    value, a group its end tag after it. `tag` is where the tag ends.
    """

    number: int
    wire: int
    start: int
    tag: int
    value: int
    stop: int
    end: int


class Trouble(NamedTuple):
    """Where a message cannot be read on: the rule that [start, end) breaks. What stands from `start` of its record on is lost."""

    rule: Rule
    start: int
    end: int
    says: str = ""


class Scan(NamedTuple):
    """The records of one level, where reading stopped, and why, if that is not the end."""

    records: list[Record]
    stop: int
    trouble: Trouble | None


class Broken(Exception):
    """Raised inside this package only, where a varint or a group cannot be read."""

    def __init__(self, rule: Rule, start: int, end: int, says: str = "") -> None:
        super().__init__(rule.id)
        self.trouble = Trouble(rule, start, end, says)


Groups = dict[int, tuple[int, int] | Trouble]  # by where a group's tag is: its end tag, or why there is none


def varint(data: bytes | bytearray, at: int, end: int, most: int = 10) -> tuple[int, int]:
    """The varint at `at`, and where it ends. Broken: the data end before it does, or it has more than `most` bytes.

    >>> varint(bytes.fromhex("9601"), 0, 2)
    (150, 2)
    """
    value = shift = 0
    for position in range(at, min(end, at + most)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + 1  # parsers drop what is over 64 bits
        shift += 7
    if end - at < most:
        raise Broken(rules.TRUNCATED, at, end, "the message ends inside a varint")
    raise Broken(rules.VARINT, at, at + most, f"the varint goes on after {most} bytes")


def scan(data: bytes | bytearray, start: int = 0, end: int | None = None, groups: Groups | None = None) -> Scan:
    """The records between `start` and `end`, without a look inside them.

    >>> [record[:2] for record in scan(bytes.fromhex("089601120774657374696e67")).records]
    [(1, 0), (2, 2)]
    """
    end = len(data) if end is None else end
    groups = {} if groups is None else groups
    records: list[Record] = []
    add, new, at = records.append, tuple.__new__, start
    try:
        while at < end:
            first = data[at]
            if first < 0x80:
                number, wire, tag = first >> 3, first & 7, at + 1
            else:
                key, tag = varint(data, at, end, 5)
                number, wire = key >> 3, key & 7
                if number > LAST_NUMBER:
                    raise Broken(rules.NUMBER_LARGE, at, tag, f"field number {number} is larger than {LAST_NUMBER}")
            if wire == LEN:
                if tag < end and data[tag] < 0x80:
                    value = tag + 1
                    stop = after = value + data[tag]
                else:
                    length, value = varint(data, tag, end, 5)
                    stop = after = value + length
                if after > end:
                    raise _short(data, tag, value, after, end)
            elif wire == VARINT:
                value = tag
                if tag < end and data[tag] < 0x80:
                    stop = after = tag + 1
                else:
                    stop = after = varint(data, tag, end)[1]
            elif wire in (I64, I32):
                value, stop = tag, tag + (8 if wire == I64 else 4)
                after = stop
                if after > end:
                    raise Broken(rules.TRUNCATED, at, end, f"{end - tag} bytes are left for a value of {after - tag}")
            elif wire == SGROUP:
                value = tag
                found = groups.get(at) or _group(data, at, tag, end, groups)
                if isinstance(found, Trouble):  # it takes all that is left: a look inside shows how far it can be read
                    add(Record(number, wire, at, tag, value, end, end))
                    return Scan(records, end, found)
                stop, after = found
            elif wire == EGROUP:
                value = stop = after = tag  # a finding, made when it is looked at; the next record can be found
            else:
                raise Broken(rules.WIRE_TYPE, at, tag, f"wire type {wire} does not exist")
            add(new(Record, (number, wire, at, tag, value, stop, after)))
            at = after
    except Broken as broken:
        trouble = broken.trouble
        return Scan(records, at, trouble if trouble.start < end else trouble._replace(start=at))
    return Scan(records, at, None)


def _short(data: bytes | bytearray, tag: int, value: int, after: int, end: int) -> Broken:
    length = after - value
    if length > _LARGEST_LENGTH:
        return Broken(rules.LENGTH, tag, value, f"the length is {length}, more than {_LARGEST_LENGTH}")
    return Broken(rules.TRUNCATED, tag, end, f"the length says {length} bytes, and {end - value} are left")


def _group(data: bytes | bytearray, start: int, tag: int, end: int, groups: Groups) -> tuple[int, int] | Trouble:
    """Where the end tag of the group that begins at `start` is. Groups in it are noted too, so each byte is passed once."""
    opened = [(varint(data, start, end, 5)[0] >> 3, start)]
    at = tag
    try:
        while opened:
            if at >= end:
                raise Broken(rules.GROUP_OPEN, opened[-1][1], end)
            key, after = varint(data, at, end, 5)
            number, wire = key >> 3, key & 7
            if number > LAST_NUMBER:
                raise Broken(rules.NUMBER_LARGE, at, after, f"field number {number} is larger than {LAST_NUMBER}")
            if wire == SGROUP:
                opened.append((number, at))
                if len(opened) > DEPTH:
                    raise Broken(rules.DEPTH, at, after, f"this group is the {len(opened)}th, one inside another")
            elif wire == EGROUP:
                begun, where = opened[-1]
                if begun != number:
                    raise Broken(rules.GROUP_END, at, after, f"group {number} ends here, but group {begun} is open")
                opened.pop()
                groups[where] = (at, after)
            else:
                after = _past(data, at, after, wire, end)
            at = after
    except Broken as broken:
        trouble = broken.trouble if broken.trouble.start < end else broken.trouble._replace(start=at)
        for _, where in opened:
            groups[where] = trouble
    return groups[start]


def _past(data: bytes | bytearray, at: int, tag: int, wire: int, end: int) -> int:
    """Where the record of a group that begins at `at`, with its tag up to `tag`, ends."""
    if wire == VARINT:
        return varint(data, tag, end)[1]
    if wire == LEN:
        length, value = varint(data, tag, end, 5)
        if value + length > end:
            raise _short(data, tag, value, value + length, end)
        return value + length
    if wire not in (I64, I32):
        raise Broken(rules.WIRE_TYPE, at, tag, f"wire type {wire} does not exist")
    after = tag + (8 if wire == I64 else 4)
    if after > end:
        raise Broken(rules.TRUNCATED, at, end, f"{end - tag} bytes are left for a value of {after - tag}")
    return after


def zigzag(value: int) -> int:
    """What sint32 and sint64 write for a number, so that small ones stay short on both sides of zero.

    >>> [zigzag(value) for value in (0, -1, 1, -2, 2147483647)]
    [0, 1, 2, 3, 4294967294]
    """
    return value * 2 if value >= 0 else -value * 2 - 1


def unzigzag(value: int) -> int:
    """The number that sint32 and sint64 wrote so.

    >>> unzigzag(3)
    -2
    """
    return value >> 1 ^ -(value & 1)


def write_varint(value: int, size: int = 0) -> bytes:
    """A varint; negative numbers as 64 bits of two's complement, ten bytes long. `size` pads it, which parsers allow.

    >>> write_varint(150).hex(), write_varint(-1).hex(), write_varint(1, size=3).hex()
    ('9601', 'ffffffffffffffffff01', '818000')
    """
    if not -(2**63) <= value < 2**64:
        raise ValueError(f"{value} does not fit into 64 bits")
    value &= 0xFFFF_FFFF_FFFF_FFFF
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1, size * 7 - 6), 7)]
    return bytes((*(group | 0x80 for group in groups[:-1]), groups[-1]))


def write_tag(number: int, wire: int) -> bytes:
    """The tag of a record; any number and wire type that fit, legal or not.

    >>> write_tag(2, LEN).hex()
    '12'
    """
    if not (0 <= number < 2**61 and 0 <= wire <= 7):
        raise ValueError(f"field number {number} with wire type {wire} cannot be written; wire types are 0 to 7")
    return write_varint(number << 3 | wire)


Value = (
    int | float | str | bytes | Sequence["int | tuple[int, Value]"]
)  # a list of pairs is a message, of ints is packed


def encode(fields: Iterable[tuple[int, Value]]) -> bytes:
    """A message from pairs of number and value: what a value is decides how it is written.

    An int or bool is a VARINT (`zigzag` it first for sint64), a float an I64, text and bytes are LEN, as are a list of
    pairs (a message) and a list of ints (packed). For the rest there is `write_tag`.

    >>> encode([(1, 150), (2, "testing"), (3, [(1, 150)]), (6, [3, 270, 86942])]).hex()
    '089601120774657374696e671a030896013206038e029ea705'
    """
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += write_tag(number, VARINT) + write_varint(value)
        elif isinstance(value, float):
            out += write_tag(number, I64) + struct.pack("<d", value)
        else:
            body = _body(value)
            out += write_tag(number, LEN) + write_varint(len(body)) + body
    return bytes(out)


def _body(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    assert not isinstance(value, (int, float))
    if value and isinstance(value[0], int):
        return b"".join(write_varint(item) for item in value if isinstance(item, int))
    return encode(item for item in value if not isinstance(item, int))
