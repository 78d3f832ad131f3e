"""Bytes changed by way of their fields: which fields a person can set, how, and what the bytes are then.

A field is set by its own bits and nothing else; what else ought to change with it (a length, a mask) is the protocol's to
say. Nothing here draws.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from protolab.errors import LabError
from protolab.fields import Derived, Field
from protolab.findings import Discard, Finding
from protolab.units import Unit

LONGEST = 1024  # bytes of a field that is edited as one text
Choices = Mapping[str, Sequence[tuple[int, str]]]


class Spot(NamedTuple):
    """A field where it stands: `path` are the derived bytes it is in, outermost first; none in the unit's own bytes."""

    node: Field | Derived
    data: bytes  # of its buffer
    buffer: int
    unit: int  # the index of its unit
    path: tuple[Derived, ...] = ()


class Whole(NamedTuple):
    """Units that follow each other, as one: offsets count from the start of the first."""

    field: Field
    data: bytes
    findings: tuple[Finding, ...]
    discards: tuple[Discard, ...]
    starts: tuple[int, ...]


def whole(units: Sequence[Unit]) -> Whole:
    """Several units as one tree over all their bytes; one unit stays as it is."""
    data = b"".join(unit.data for unit in units)
    starts: list[int] = []
    at = 0
    for unit in units:
        starts.append(at)
        at += len(unit.data)
    placed = list(zip(starts, units, strict=True))
    fields = tuple(unit.field.shifted(start) for start, unit in placed)
    root = fields[0] if len(fields) == 1 else Field(f"{len(fields)} units", 0, len(data), None, "", fields)
    return Whole(
        root,
        data,
        tuple(each._replace(start=each.start + at, end=each.end + at) for at, unit in placed for each in unit.findings),
        tuple(each._replace(start=each.start + at, end=each.end + at) for at, unit in placed for each in unit.discards),
        tuple(starts),
    )


def spots(of: Whole) -> Iterator[Spot]:
    """Every field and heading of derived bytes, in the order in which `parts.parts` lists them."""
    buffers = 1
    several = len(of.starts) > 1
    todo: list[Spot] = [Spot(of.field, of.data, 0, 0)]
    while todo:
        spot = todo.pop()
        node = spot.node
        if isinstance(node, Derived):
            spot = spot._replace(data=node.data, buffer=buffers, path=(*spot.path, node))
            buffers += 1
            yield spot
            todo.append(spot._replace(node=node.field))
            continue
        yield spot
        below: list[Field | Derived] = [*node.children, *node.derived]
        inner = [spot._replace(node=each) for each in below]
        if several and node is of.field:
            inner = [each._replace(unit=index) for index, each in enumerate(inner)]
        todo += reversed(inner)


def control(spot: Spot, choices: Choices, rebuilds: Collection[str]) -> dict[str, Any] | None:
    """How a field is set: {kind, value} of a "flag", "choice", "number", "text" or "hex"; None where it cannot be."""
    node = spot.node
    if isinstance(node, Derived) or node.children or any(each.name not in rebuilds for each in spot.path):
        return None
    if len(spot.path) > 1 or node.end - node.start > LONGEST:
        return None
    first, last = node.span
    if last - first == 1:
        return {"kind": "flag", "value": _bits(spot.data, node)}
    if node.name in choices:
        options = [[value, says] for value, says in choices[node.name]]
        return {"kind": "choice", "value": _bits(spot.data, node), "options": options}
    if node.bits is not None or (isinstance(node.value, int) and last - first <= 64):
        value = _bits(spot.data, node)
        return {"kind": "number", "value": str(value)} if last > first and value == node.value else None
    data = spot.data[node.start : node.end]
    if isinstance(node.value, str) and _readable(data) == node.value:
        return {"kind": "text", "value": node.value}
    return {"kind": "hex", "value": data.hex(" ")}


def _readable(data: bytes) -> str | None:
    """The text that one line of an input keeps as it is; None for other bytes."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _bits(data: bytes, node: Field) -> int:
    first, last = node.bits or (0, (node.end - node.start) * 8)
    width = (node.end - node.start) * 8
    return int.from_bytes(data[node.start : node.end]) >> (width - last) & ((1 << last - first) - 1)


def read(text: str, found: Mapping[str, Any]) -> int | bytes:
    """What was typed into a control, as a value. LabError says what the control takes.

    >>> read("0x7e", {"kind": "number"}), read("81 05", {"kind": "hex"}), read("é", {"kind": "text"})
    (126, b'\\x81\\x05', b'\\xc3\\xa9')
    """
    if found["kind"] == "text":
        return text.encode("utf-8", "surrogatepass")
    if found["kind"] == "hex":
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise LabError(f"{text!r} is not hexadecimal.", "Write pairs of digits, such as 37 fa 21 3d.") from None
    try:
        return int(text, 0)
    except ValueError:
        raise LabError(f"{text!r} is not a number.", "Write one such as 5 or 0x7e.") from None


def written(data: bytes, node: Field, value: int | bytes) -> bytes:
    """The buffer `data` with nothing but this field's bits, or bytes, replaced. LabError: the value does not fit.

    >>> written(b"\\x81\\x05", Field("opcode", 0, 1, 1, bits=(4, 8)), 9)
    b'\\x89\\x05'
    """
    if isinstance(value, int):
        first, last = node.bits or (0, (node.end - node.start) * 8)
        size = node.end - node.start
        most, shift = (1 << last - first) - 1, size * 8 - last
        if not 0 <= value <= most:
            raise LabError(f"{value} does not fit in this field.", f"It holds 0 to {most:,}.")
        others = int.from_bytes(data[node.start : node.end]) & ~(most << shift)
        value = (others | value << shift).to_bytes(size)
    return data[: node.start] + value + data[node.end :]
