"""JSON texts, RFC 8259: every byte of one as fields, whatever the bytes, and the value that they stand for.

`read` explains: a member is a field of its name, an element is `[0]`, `[1]`, ..., and between them stand braces, colons,
commas and space. What is not JSON is `unparsed`, with a finding, and reading goes on as its writer probably meant it.
`load` only wants the value. `strand` undoes a string's escapes and remembers where each byte came from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from protolab.fields import Field
from protolab.wire import json_strings
from protolab.wire.json_reader import DEEPEST, MOST, Text, read, refuse
from protolab.wire.json_strings import Strand

__all__ = [
    "DEEPEST",
    "MOST",
    "Strand",
    "Text",
    "element",
    "load",
    "locate",
    "member",
    "read",
    "strand",
    "written",
]


def load(data: bytes) -> tuple[Any, bool]:
    """The value of a JSON text as far as it can be read, and whether it is one: cheaper than `read`.

    >>> load(b'{"a": 1}'), load(b'{"a": 1')
    (({'a': 1}, True), ({'a': 1}, False))
    """
    try:
        return json.loads(data.decode(), parse_constant=refuse), True
    except (ValueError, RecursionError):  # a number too long for Python is a ValueError too
        text = read(data)
        return text.value, text.sound


def strand(data: bytes, field: Field) -> Strand:
    """What the string token `field` of the text `data` says, without escapes, each byte with where it came from."""
    closed = data[field.end - 1 : field.end] == b'"' and field.end - field.start > 1
    return json_strings.strand(data, field.start + 1, field.end - closed)


def locate(field: Field, path: Sequence[str | int]) -> Field | None:
    """The value that stands at a path of member names and element numbers below a tree of `read`, or None.

    >>> locate(read(b'{"a": [1, {"b": true}]}').field, ("a", 1, "b"))[:4]
    ('literal', 16, 20, True)
    """
    found = next((child for child in field.children if child.name in _VALUES), None)
    if found is None:
        return None
    for step in path:
        below = member(found, step) if isinstance(step, str) else element(found, step)
        if below is None:
            return None
        found = below
    return found


def member(field: Field, name: str) -> Field | None:
    """The value of an object's member; where the name stands twice the last one, as most readers have it."""
    for child in reversed(field.children):
        if child.name == name and child.children and child.children[0].name == "member name":
            return child.children[-1] if child.children[-1].name in _VALUES else None
    return None


def element(field: Field, number: int) -> Field | None:
    """An element of an array."""
    if not field.children or field.children[0].name != "begin array":
        return None
    return next((child for child in field.children if child.name == f"[{number}]"), None)


_VALUES = frozenset(("object", "array", "string", "number", "literal"))


def written(value: Any) -> str:
    """A value as a short JSON text, for titles and notes.

    >>> written({"a": [1, None]})
    '{"a":[1,null]}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
