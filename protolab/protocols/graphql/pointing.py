"""What the errors of a response point at: places and paths looked up in the document that was asked with, with carets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from protolab.fields import Derived, Field, Side, Source
from protolab.plain import width
from protolab.protocols.graphql import parameters, rules
from protolab.protocols.graphql.document import Document
from protolab.protocols.graphql.parser import parse
from protolab.protocols.graphql.session import Asked
from protolab.protocols.graphql.shapes import Path, Spot
from protolab.wire import json_text
from protolab.wire.json_strings import Strand

SHOWN = 30  # characters of a line that are drawn around what an error points at
POINTED = 50  # places of one response that are pointed at; the rest stays as it is


class Question(NamedTuple):
    """A document that was asked with, to point into; `place` turns its offsets into a range of the stream, if it can."""

    unit: int
    side: Side
    document: Document
    strand: Strand
    base: int | None
    operation: str | None

    def source(self, start: int, end: int) -> tuple[Source, ...]:
        if self.base is None or start == end:
            return ()
        first, last = self.strand.source_of(start, end)
        return (Source(self.side, self.base + first, self.base + last),)


def questions(value: Any, answers: Iterable[tuple[Path, Asked]]) -> list[tuple[Path, Question]]:
    """The documents that the responses in `value` answer, of those responses that have errors to point with."""
    found = []
    read: dict[bytes, Field] = {}  # the requests of a batch came in one text
    for path, asked in answers:
        response = value_at(value, path)
        pointing = isinstance(response, list) or (isinstance(response, dict) and "errors" in response)
        if pointing and (asked_with := question(asked, read)) is not None:
            found.append((path, asked_with))
    return found


def question(asked: Asked, read: dict[bytes, Field]) -> Question | None:
    """The document of a request; None where it has none (a persisted one, or no string). `read` keeps what was read."""
    if asked.path == ("target",):
        found = parameters.parameters(asked.data)
        each = next((one for one in found if one.name == "query" and one.value.data), None)
        name = next((one.text for one in found if one.name == "operationName" and one.value.data), None)
        if each is None:
            return None
        return Question(asked.unit, asked.side, parse(each.value.data), each.value, asked.base, name)
    if (field := read.get(asked.data)) is None:
        field = read[asked.data] = json_text.read(asked.data).field
    string = json_text.locate(field, (*asked.path, "query"))
    if string is None or not isinstance(string.value, str):
        return None
    named = json_text.locate(field, (*asked.path, "operationName"))
    name = named.value if named is not None and isinstance(named.value, str) else None
    strand = json_text.strand(asked.data, string)
    return Question(asked.unit, asked.side, parse(strand.data), strand, asked.base, name)


def point(tree: Field, value: Any, path: Path, asked: Question, new: dict[int, Field]) -> list[Spot]:
    """Put what each location and path of an error below `path` points at into `new`; returns paths that lead nowhere."""
    lost = []
    response = value_at(value, path)
    errors, where = (
        (response, path) if isinstance(response, list) else (value_at(response, ("errors",)), (*path, "errors"))
    )
    left = POINTED
    for number, error in enumerate(errors if isinstance(errors, list) else ()):
        if not isinstance(error, dict):
            continue
        if not left:
            break
        places, steps = error.get("locations"), error.get("path")
        for index, place in enumerate(places[:left] if isinstance(places, list) else ()):
            found = json_text.locate(tree, (*where, number, "locations", index))
            if found is not None and isinstance(place, dict):
                new[id(found)], left = _located(found, place, asked), left - 1
        if isinstance(steps, list) and left:
            found = json_text.locate(tree, (*where, number, "path"))
            if found is not None:
                followed, left = _followed(found, steps, asked, not places), left - 1
                if followed is not None:
                    new[id(found)] = followed
                else:
                    what = f"the document of unit {asked.unit} asks for nothing at {'.'.join(map(str, steps))[:100]}"
                    lost.append(Spot(rules.ERROR, (*where, number, "path"), what))
    return lost


def _located(field: Field, place: dict[str, Any], asked: Question) -> Field:
    line, column = place.get("line"), place.get("column")
    if not isinstance(line, int) or not isinstance(column, int):
        return field
    token = asked.document.at(line, column)
    if token is None:
        return field._replace(note=f"no token stands there in the document of unit {asked.unit}")
    derived = _caret(
        asked, token.start, token.end, f"line {line}, column {column} of the document in unit {asked.unit}"
    )
    return field._replace(note=f"points at {_said(asked, token.start, token.end)}", derived=(derived,))


def _followed(field: Field, steps: list[Any], asked: Question, draw: bool) -> Field | None:
    """A path with the selection that it leads to; None where it leads to none."""
    document = asked.document
    operation = document.operation(asked.operation)
    found = document.select(operation, steps) if operation is not None else None
    said = ".".join(map(str, steps))
    if found is None:
        return None if operation is not None and document.problem is None and steps else field._replace(note=said)
    how = f"the selection that is answered under {said}"
    derived = (_caret(asked, found.start, found.end, how),) if draw else ()  # its location is drawn already
    return field._replace(note=f"{said}: selected by {_said(asked, found.start, found.end)}", derived=derived)


def _said(asked: Question, start: int, end: int) -> str:
    """A piece of a document, and where it stands."""
    if start == end:
        end_of = "the end" if end == len(asked.document.data) else "the end of a line"
        return f"{end_of} of the document in unit {asked.unit}, behind its byte {end - 1}"
    text = asked.document.data[start:end].decode("utf-8", "replace")
    where = f"{bytes_at(start, end)} of the document in unit {asked.unit}"
    return f"{text if len(text) <= SHOWN else text[: SHOWN - 3] + '...'}, {where}"


def _caret(asked: Question, start: int, end: int, how: str) -> Derived:
    """The line around [start, end) of a document, and carets under it."""
    data = asked.document.data
    first = max(data.rfind(b"\n", 0, start), data.rfind(b"\r", 0, start)) + 1
    ends = [at for at in (data.find(b"\n", start), data.find(b"\r", start)) if at >= 0]
    before = data[first:start].decode("utf-8", "replace")
    here = data[start : min([end, *ends])].decode("utf-8", "replace")[:SHOWN]
    after = data[min(end, *ends) if ends else end : min(ends, default=len(data))].decode("utf-8", "replace")
    room = max(SHOWN - len(here), 0)
    before = before if len(before) <= room else f"...{before[len(before) - max(room - 3, 0) :]}" if room > 3 else ""
    after = after[: max(room - len(before), 0)]
    under = "".join("\t" if char == "\t" else " " * width(char) for char in before)
    line, carets = before + here + after, under + "^" * max(width(here), 1)
    parts = line.encode(), carets.encode()
    size = len(parts[0])
    children = (Field("line", 0, size, line), Field("carets", size, size + len(parts[1]), carets))
    return Derived(
        "pointed at",
        b"".join(parts),
        Field("pointed at", 0, size + len(parts[1]), None, "", children),
        how,
        asked.source(start, end),
    )


def value_at(value: Any, path: Path) -> Any:
    """What stands at a path of a JSON value; None for nothing."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def bytes_at(start: int, end: int) -> str:
    """Where something stands, in words."""
    return f"byte {start}" if end - start == 1 else f"bytes {start}-{end - 1}"
