"""Text that is safe to show and lines up: escapes, values, hexadecimal, columns.

What is shown comes from the network, so nothing here trusts it: control characters, bidirectional overrides, invisible
and unassigned characters and lone surrogates are written as escapes, and long values are cut with their length said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from protolab.fields import Field
from protolab.plain import printable, width

VALUE = 160  # characters of a value
NOTE = 400  # characters of a note, a title or a name
PER_LINE = 8  # bytes in a line of hexadecimal
LONGEST = 256  # bytes of one field that are shown; of a longer one, the beginning and the end
HEAD, TAIL = 160, 32


def elided(text: str, limit: int = NOTE) -> str:
    """The text, made printable; one longer than `limit` is cut and says how long it is."""
    if len(text) <= limit:
        return printable(text)
    return f"{printable(text[: max(limit - 24, 8)])}... ({len(text):,} characters)"


def quoted(text: str, limit: int = VALUE) -> str:
    r"""Text in quotes, so that spaces at its ends show.

    >>> quoted('say "hi"\r\n')
    '"say \\"hi\\"\\r\\n"'
    """
    shown = text if len(text) <= limit else text[: limit - 24]
    shown = printable(shown.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{shown}"' if len(text) <= limit else f'"{shown}..." ({len(text):,} characters)'


def hexed(data: bytes, limit: int = VALUE // 3) -> str:
    """Bytes as pairs of hexadecimal digits, cut with their number said."""
    return data.hex(" ") if len(data) <= limit else f"{data[: limit - 8].hex(' ')} ... ({len(data):,} bytes)"


def value_text(value: object) -> str:
    """A field's value as a person writes it; None, which says nothing, is empty.

    >>> value_text("Hello"), value_text(b"Hi"), value_text(1000), value_text(None), value_text(True)
    ('"Hello"', '48 69', '1000', '', 'true')
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case bytes() | bytearray() | memoryview():
            return hexed(bytes(value))
        case int():
            return elided(str(int(value)) if value.bit_length() <= 512 else hex(value), VALUE)
        case Mapping():
            pairs = (f"{value_text(key)}: {value_text(item)}" for key, item in _first(value.items()))
            return elided(", ".join(pairs), VALUE)
        case tuple() | list():
            return elided(", ".join(value_text(item) for item in _first(value)), VALUE)
    return elided(str(value), VALUE)


def field_value(field: Field, data: bytes | None) -> str:
    """A field's value as text: a single bit as 1 or 0, and nothing when it would only repeat the bytes beside it.

    >>> field_value(Field("FIN", 0, 1, True, bits=(0, 1)), bytes([0x81]))
    '1'
    """
    value = field.value
    if isinstance(value, bool) and field.bits is not None and field.bits[1] - field.bits[0] == 1:
        return str(int(value))
    if data is not None and not field.children and isinstance(value, bytes) and value == data[field.start : field.end]:
        return ""
    return value_text(value)


def bit_lines(field: Field, data: bytes) -> list[str]:
    """The field's bits at their place in their bytes, dots for the bits that are not its own; two bytes a line.

    >>> bit_lines(Field("opcode", 0, 1, 1, bits=(4, 8)), bytes([0x81]))
    ['.... 0001']
    """
    first, last = field.bits or (0, (field.end - field.start) * 8)
    shown = []
    for index, byte in enumerate(data[field.start : field.end][:16]):
        digits = "".join(d if first <= index * 8 + i < last else "." for i, d in enumerate(f"{byte:08b}"))
        shown.append(f"{digits[:4]} {digits[4:]}")
    if field.end - field.start > 16:
        shown.append(f"... {field.end - field.start:,} bytes")
    return ["  ".join(shown[i : i + 2]) for i in range(0, len(shown), 2)]


def characters(data: bytes) -> str:
    """Bytes as ASCII, a dot for each that is not printable."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def hex_lines(data: bytes, start: int = 0) -> list[tuple[int | None, str, str]]:
    """Bytes in lines of eight: offset, hexadecimal, ASCII. A long run keeps its ends and says what is left out."""
    parts = [(0, len(data))] if len(data) <= LONGEST else [(0, HEAD), (len(data) - TAIL, len(data))]
    lines: list[tuple[int | None, str, str]] = []
    for low, high in parts:
        if low:
            lines.append((None, f"... {len(data) - HEAD - TAIL:,} bytes more ...", ""))
        for at in range(low, high, PER_LINE):
            row = data[at : min(at + PER_LINE, high)]
            lines.append((start + at, row.hex(" "), characters(row)))
    return lines


def carets(data: bytes, start: int, end: int) -> tuple[str, str]:
    r"""Two lines: up to 16 bytes around [start, end), with the offset of the first, and carets under those meant.

    >>> print(*carets(b"\x81\x05Hello", 1, 2), sep="\n")
    byte 0:  81 05 48 65 6c ...
                ^^
    """
    end = min(max(end, start), len(data))
    low = max(min(start, len(data)) - 3, 0)
    high = min(max(end + 3, low + 1), low + 16, len(data))
    label = f"byte {low}:  "
    digits = data[low:high].hex(" ")
    under = " " * (len(label) + (min(start, len(data)) - low) * 3)
    under += "^" * ((min(end, high) - start) * 3 - 1)
    if start >= end:
        under += "^ here"
    elif end > high:
        under += f" ... to byte {end - 1}"
    return f"{label}{digits}{' ...' if high < len(data) else ''}", under


def fitted(text: str, columns: int) -> str:
    """The text cut to that many columns, with `...` at the end when something is missing."""
    if width(text) <= columns:
        return text
    while width(text) > columns - 3:
        text = text[:-1]
    return f"{text}..."


def padded(text: str, columns: int) -> str:
    """The text with spaces after it up to that many columns."""
    return text + " " * (columns - width(text))


def wrapped(text: str, columns: int) -> list[str]:
    """The text in lines of at most that many columns, broken at spaces where there are any."""
    lines = [""]
    for word in text.split():
        if lines[-1] and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += f" {word}"
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if width(lines[-1]) + width(char) > columns:
                lines.append("")
            lines[-1] += char
    return lines


def aligned(rows: Sequence[str | Sequence[Sequence[str]]], right: frozenset[int] = frozenset()) -> list[str]:
    """Rows of cells of lines as aligned lines, two spaces between columns; columns in `right` line up at their ends.

    A row that is a string stands as it is, across all columns. A column that is empty in every row takes no room.

    >>> aligned([[["1"], ["one", "uno"], ["x"]], "-- and --", [["20"], ["two"], ["y"]]], right=frozenset({0}))
    [' 1  one  x', '    uno', '-- and --', '20  two  y']
    """
    cells = [row for row in rows if not isinstance(row, str)]
    count = len(cells[0]) if cells else 0
    widths = [max(width(line) for row in cells for line in row[i] or [""]) for i in range(count)]
    lines = []
    for row in rows:
        if isinstance(row, str):
            lines.append(row)
            continue
        for number in range(max(map(len, row))):
            texts = [cell[number] if number < len(cell) else "" for cell in row]
            columns = [
                " " * (columns - width(text)) + text if i in right else padded(text, columns)
                for i, (text, columns) in enumerate(zip(texts, widths, strict=True))
                if columns
            ]
            lines.append("  ".join(columns).rstrip())
    return lines


def _first(items: Iterable[Any]) -> list[Any]:
    return list(islice(items, 100))
