"""What every HPACK representation is made of, RFC 7541 section 5: integers and strings."""

from __future__ import annotations

from typing import NamedTuple

from protolab.wire import huffman

LONGEST_INTEGER = 5  # bytes after the prefix: 2 to the power of 32 and more is a decoding error (section 5.1)


class Integer(NamedTuple):
    """An integer and where it ends; `end` is -1 when the bytes end first, `long` when it is over the bound."""

    value: int
    end: int
    long: bool = False


def integer(data: bytes, at: int, bits: int) -> Integer:
    """The integer with a prefix of `bits` bits in the byte at `at` (section 5.1).

    >>> integer(bytes([0b11111, 0b10011010, 0b00001010]), 0, 5)
    Integer(value=1337, end=3, long=False)
    """
    if at >= len(data):
        return Integer(0, -1)
    most = (1 << bits) - 1
    value = data[at] & most
    at += 1
    if value < most:
        return Integer(value, at)
    shift, size = 0, len(data)
    while at < size:
        byte = data[at]
        at += 1
        if shift < 7 * LONGEST_INTEGER:
            value += (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            long = shift > 7 * LONGEST_INTEGER or value >> 32 > 0
            return Integer(value, at, long)
    return Integer(value, -1, shift > 7 * LONGEST_INTEGER)


def integer_size(value: int, bits: int) -> int:
    """Bytes of an integer with a prefix of so many bits."""
    rest = value - ((1 << bits) - 1)
    return 1 if rest < 0 else 2 + max(rest.bit_length() - 1, 0) // 7


class String(NamedTuple):
    """A string literal (section 5.2): its raw bytes begin at `start` and end at `end`, which is -1 when they are cut off."""

    text: bytes | None
    start: int
    end: int
    coded: bool = False
    wrong: str = ""
    long: bool = False  # its length is an integer over the bound


def string(data: bytes, at: int) -> String:
    """The string literal at `at`: length, Huffman bit, and its text, None when it cannot be decoded."""
    if at >= len(data):
        return String(None, at, -1)
    coded = data[at] >= 0x80
    length, start, long = integer(data, at, 7)
    if start < 0 or long or start + length > len(data):
        return String(None, start, -1, coded, "", long)
    raw = data[start : start + length]
    if not coded:
        return String(raw, start, start + length)
    text, wrong = huffman.decode(raw)
    return String(None if wrong else text, start, start + length, True, wrong)
