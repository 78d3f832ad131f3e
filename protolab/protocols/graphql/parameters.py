"""The parameters of a GraphQL request in the target of a GET (GraphQL over HTTP, GET), each with its bytes.

They are `application/x-www-form-urlencoded`: percent escapes of UTF-8, and a plus sign for a space.
"""

from __future__ import annotations

import re
from array import array
from typing import Any, NamedTuple

from protolab.fields import Field
from protolab.wire import json_text
from protolab.wire.json_strings import Strand

_PIECE = re.compile(rb"[^%+]+|\+|(?:%[0-9A-Fa-f]{2})|%")
_PAIR = re.compile(rb"(?P<name>[^&=]*)(?P<equals>=?)(?P<value>[^&]*)(?P<amp>&?)")


class Parameter(NamedTuple):
    """A parameter: its name, its value decoded, and the half-open ranges of both in the target."""

    name: str
    value: Strand
    start: int
    begin: int  # where the value begins
    end: int

    @property
    def text(self) -> str:
        return self.value.data.decode("utf-8", "replace")


def unescape(data: bytes, start: int, end: int) -> Strand:
    """[start, end) of `data` without its escapes, and where each byte came from; bytes that are no UTF-8 stay as they are.

    >>> unescape(b"a%20b+c", 0, 7).data
    b'a b c'
    """
    decoded, source, parts, size = array("Q", [0]), array("Q", [start]), [], 0
    for match in _PIECE.finditer(data, start, end):
        piece = match[0]
        part = b" " if piece == b"+" else bytes([int(piece[1:], 16)]) if piece[:1] == b"%" and piece[1:] else piece
        parts.append(part)
        size += len(part)
        decoded.append(size)
        source.append(match.end())
    return Strand(b"".join(parts), decoded, source)


def parameters(target: bytes) -> list[Parameter]:
    """The parameters in the query of a request target, in their order."""
    found = []
    for match in _pairs(target):
        if match.end() > match.start():
            name = unescape(target, *match.span("name")).data.decode("utf-8", "replace")
            value = unescape(target, *match.span("value"))
            found.append(Parameter(name, value, match.start(), match.start("value"), match.end("value")))
    return found


def _pairs(target: bytes) -> list[re.Match[bytes]]:
    mark = target.find(b"?")
    return list(_PAIR.finditer(target, mark + 1, len(target))) if mark >= 0 else []


def request(found: list[Parameter]) -> tuple[dict[str, Any], list[str]]:
    """The request that these parameters make, and the names of those that must be JSON and are not.

    >>> request(parameters(b"/graphql?query=%7Ba%7D&variables=%7B%7D&operationName="))
    ({'query': '{a}', 'variables': {}}, [])
    """
    value: dict[str, Any] = {}
    broken = []
    for each in found:
        if each.name in ("query", "operationName") and each.value.data:
            value[each.name] = each.text
        elif each.name in ("variables", "extensions") and each.value.data:
            value[each.name], sound = json_text.load(each.value.data)
            if not sound:
                broken.append(each.name)
    return value, broken


def tree(target: bytes, contents: dict[int, Field]) -> tuple[Field, ...]:
    """The fields of a target; `contents` are what stands in values, in the target's bytes, by where they begin."""
    mark = target.find(b"?")
    if mark < 0:
        return ()
    fields = [Field("path", 0, mark, target[:mark].decode("latin-1"))] if mark else []
    fields.append(Field("question mark", mark, mark + 1))
    for match in _pairs(target):
        if match.end() == match.start():
            continue
        name = unescape(target, *match.span("name")).data.decode("utf-8", "replace")
        children = [Field("parameter name", *match.span("name"), name)] if match["name"] else []
        children += [Field("equals", *match.span("equals"))] if match["equals"] else []
        if match["value"]:
            start, end = match.span("value")
            text = unescape(target, start, end).data.decode("utf-8", "replace")
            inner = contents.get(start)
            derived = inner.derived if inner else ()
            below = (inner._replace(derived=()),) if inner else ()
            children.append(Field("parameter value", start, end, text, "", below, None, derived))
        if children:
            fields.append(Field(name, match.start(), match.end() - len(match["amp"]), None, "", tuple(children)))
        if match["amp"]:
            fields.append(Field("ampersand", *match.span("amp")))
    return tuple(fields)
