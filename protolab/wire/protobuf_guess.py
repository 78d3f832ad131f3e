"""What length-delimited bytes may be when no .proto file says: text, a message, packed numbers, or just bytes.

Nothing in the bytes decides it, so every reading that is possible gets a score, and the best one comes first:

- text: UTF-8 without control characters; the longer, the surer.
- message: the records fill the bytes exactly, with field numbers that people choose (small, in order, from 1).
- packed varints, doubles, floats: whole values to the last byte, of sizes that people choose.
- bytes: always possible, and what is left.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from protolab.wire.protobuf import EGROUP, LEN, RESERVED, SGROUP, Broken, scan, varint


class Guess(NamedTuple):
    """One reading: what `kind` of thing, how sure (0 to 100), its value. A message's value is its number of records."""

    kind: str
    score: int
    value: object


def guesses(data: bytes | bytearray, start: int = 0, end: int | None = None, nested: bool = True) -> list[Guess]:
    """Every possible reading of these bytes, the best first. `nested` False: too deep for a message.

    >>> [guess.kind for guess in guesses(bytes.fromhex("089601"))]
    ['message', 'packed varints', 'bytes']
    >>> guesses(b"hi")[0].value, guesses(bytes.fromhex("038e029ea705"))[0].value
    ('hi', (3, 270, 86942))
    """
    end = len(data) if end is None else end
    body = bytes(data[start:end])
    if not body:
        return [Guess("empty", 50, b"")]
    text = _text(body)
    found = [text, _message(data, start, end, text) if nested else None, _varints(body), *_fixed(body)]
    return sorted((guess for guess in (*found, Guess("bytes", 20, body)) if guess), key=lambda guess: -guess.score)


def _text(body: bytes) -> Guess | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if text.isprintable():
        return Guess("text", 60 + 4 * min(len(text), 8), text)
    if text.translate(_BREAKS).isprintable():
        return Guess("text", 50 + 3 * min(len(text), 8), text)
    return Guess("text", 5, text)


_BREAKS = {ord(character): None for character in "\n\r\t"}


def _message(data: bytes | bytearray, start: int, end: int, text: Guess | None) -> Guess | None:
    records, _, trouble = scan(data, start, end)
    numbers = [record.number for record in records]
    if trouble or not all(numbers) or any(r.wire == EGROUP or r.number in RESERVED for r in records):
        return None
    score = 45 + 15 * (numbers[0] == 1) + 10 * (numbers == sorted(numbers)) + 10 * (max(numbers) < 32)
    score -= 25 * (max(numbers) > 2000) + 20 * any(record.wire == SGROUP for record in records)
    score -= 20 * (text is not None and str(text.value).isprintable())
    score -= 20 * any(record.tag - record.start > 1 and not data[record.tag - 1] for record in records)  # padded tags
    if any(r.wire == LEN and r.value < r.stop and _readable(data[r.value : r.stop]) for r in records):
        score += 12  # a length that ends exactly with a text is no chance
    return Guess("message", score, len(records))


def _readable(body: bytes | bytearray) -> bool:
    try:
        return bytes(body).decode().isprintable()
    except UnicodeDecodeError:
        return False


def _varints(body: bytes) -> Guess | None:
    values, at = [], 0
    try:
        while at < len(body):
            value, after = varint(body, at, len(body))
            if not body[after - 1] and after - at > 1:
                return None  # padded: nobody writes that
            values.append(value)
            at = after
    except Broken:
        return None
    high = sum(byte >> 7 for byte in body)  # in random bytes, half of them
    return Guess("packed varints", 30 if len(body) < 8 or 3 * high <= len(body) else 10, tuple(values))


def _fixed(body: bytes) -> list[Guess]:
    found = []
    for kind, letter, size, least, most in (("doubles", "d", 8, 1e-9, 1e15), ("floats", "f", 4, 1e-4, 1e7)):
        if len(body) % size == 0:
            values = struct.unpack(f"<{len(body) // size}{letter}", body)
            likely = any(values) and all(plausible(value, least, most) for value in values)
            found.append(Guess(f"packed {kind}", 32 + size // 8 if likely else 3, values))
    return found


def plausible(value: float, least: float, most: float) -> bool:
    """Whether somebody may have meant this number, rather than an integer or other bytes of the same length."""
    return value == 0 or (math.isfinite(value) and least <= abs(value) <= most)
