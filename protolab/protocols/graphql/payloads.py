"""JSON that carries GraphQL, as fields: the document inside its string, variables matched to their uses, errors pointed at.

Every token of a document has its place in the bytes of the JSON string that holds it, escapes and all. What an error's
location or path points at is looked up in the document that was asked with, and drawn with carets under it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import is_
from typing import Any, NamedTuple

from protolab.fields import Derived, Field, Side, Source
from protolab.findings import Finding
from protolab.plain import width
from protolab.protocols.graphql import parameters, rules
from protolab.protocols.graphql.document import Document
from protolab.protocols.graphql.parser import parse
from protolab.protocols.graphql.session import Asked
from protolab.protocols.graphql.shapes import Path, Spot
from protolab.wire import json_text
from protolab.wire.json_strings import Strand

SHOWN = 30  # characters of a line that are drawn around what an error points at
MOST = 100  # broken rules of one message that are said
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
        response = _value(value, path)
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


def message(
    data: bytes,
    side: Side,
    requests: Iterable[Path],
    answers: Iterable[tuple[Path, Question]],
    spots: Iterable[Spot],
    name: str = "JSON text",
) -> tuple[Field, tuple[Finding, ...]]:
    """The tree of a JSON text, and what is wrong in it, in its own offsets.

    `requests` are the paths of the requests in it, `answers` those of its responses, each with what was asked.
    """
    text = json_text.read(data, side, name)
    tree, findings = text.field, list(text.findings)
    new: dict[int, Field] = {}  # what takes the place of a field, by its id
    for path in requests:
        string = json_text.locate(tree, (*path, "query"))
        if string is not None and isinstance(string.value, str):
            value = _value(text.value, (*path, "variables"))
            new[id(string)], found = embedded(data, string, value if isinstance(value, dict) else {}, side)
            findings += found
    for path, asked in answers:
        findings += [_placed(spot, tree, side, len(data)) for spot in _point(tree, text.value, path, asked, new)]
    findings += [_placed(spot, tree, side, len(data)) for spot in islice(spots, MOST) if data]
    return _renewed(tree, new) if new else tree, tuple(findings)


def _value(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _placed(spot: Spot, tree: Field, side: Side, size: int) -> Finding:
    """A spot as a finding: at its value, or at the nearest one around it that there is."""
    path = spot.path
    while path:
        if (found := json_text.locate(tree, path)) is not None and found.end > found.start:
            return spot.rule.at(found.start, found.end, side, spot.detail)
        path = path[:-1]
    whole = json_text.locate(tree, ()) if path is not None else None
    if whole is not None and whole.end > whole.start:
        return spot.rule.at(whole.start, whole.end, side, spot.detail)
    return spot.rule.at(0, size, side, spot.detail)


def _renewed(field: Field, new: dict[int, Field]) -> Field:
    """The tree with all that is new in it, in one pass; each has the bytes of what it takes the place of."""
    if (found := new.get(id(field))) is not None:
        return found
    children = tuple(_renewed(child, new) if child.children or id(child) in new else child for child in field.children)
    return field if all(map(is_, children, field.children)) else field._replace(children=children)


def swap(field: Field, old: Field, new: Field) -> Field:
    """The tree with `new` in the place of `old`, which has the same bytes."""
    if field is old:
        return new
    children = tuple(
        swap(child, old, new) if child.start <= old.start and old.end <= child.end else child
        for child in field.children
    )
    return field._replace(children=children)


# The document inside its string.


def embedded(data: bytes, string: Field, variables: dict[str, Any], side: Side) -> tuple[Field, list[Finding]]:
    """The JSON string that holds a document, with the document's tokens as its fields, in the bytes of the JSON text."""
    strand = json_text.strand(data, string)
    document, tree, derived = placed_document(strand, variables)
    quotes = [Field("quote", string.start, string.start + 1)]
    if document.data:
        quotes.append(tree)
    if quotes[-1].end < string.end:
        quotes.append(Field("quote", string.end - 1, string.end))
    found = []
    if document.problem is not None:
        start, end, says = document.problem
        first, last = strand.source_of(start, end) if end > start else (string.end - 1, string.end)
        found.append(rules.SYNTAX.at(first, last, side, says))
    return string._replace(children=tuple(quotes), derived=derived), found


def placed_document(strand: Strand, variables: dict[str, Any]) -> tuple[Document, Field, tuple[Derived, ...]]:
    """A document, its tree in the bytes that it was written in, and its text where that is not what stands there."""
    document = parse(strand.data)
    notes = _notes(document, strand, variables)
    if notes:
        document = parse(strand.data, notes)
    derived: tuple[Derived, ...] = ()
    if len(strand.data) != strand.source[-1] - strand.source[0]:
        escapes = sum(
            b - a != d - c
            for a, b, c, d in zip(strand.source, strand.source[1:], strand.decoded, strand.decoded[1:], strict=False)
        )
        derived = (
            Derived("query", strand.data, _lines(document), f"{escapes} escape{'' if escapes == 1 else 's'} undone"),
        )
    return document, _mapped(document.field, strand), derived


def _mapped(field: Field, strand: Strand) -> Field:
    start, end = (strand.source_of(at, at)[0] for at in (field.start, field.end))
    children = tuple(_mapped(child, strand) for child in field.children)
    return field._replace(start=start, end=end, children=children)


def _lines(document: Document) -> Field:
    """A document by its lines, as errors count them."""
    data, children, at = document.data, [], 0
    for number, where in enumerate(document.lines(), 1):
        if where[0] > at:
            children.append(Field("line end", at, where[0]))
        if where[1] > where[0]:
            children.append(Field(f"line {number}", *where, data[slice(*where)].decode("utf-8", "replace")))
        at = where[1]
    return Field("document", 0, len(data), None, "", tuple(children))


def _notes(document: Document, strand: Strand, variables: dict[str, Any]) -> dict[int, str]:
    """What to say of each variable: where it is defined and used, and the value that came with the request."""
    notes: dict[int, list[str]] = {}
    for operation in document.operations:
        defined = {each.name: each for each in operation.variables}
        uses: dict[str, list[str]] = {}
        for use in document.uses(operation):
            where = _bytes(*strand.source_of(use.start, use.end))
            uses.setdefault(use.name, []).append(where)
            if (found := defined.get(use.name)) is None:
                notes.setdefault(use.start, []).append(f"{operation.name or 'this operation'} does not define it")
            else:
                said = f"{found.type}, defined at {_bytes(*strand.source_of(found.start, found.end))}"
                notes.setdefault(use.start, []).append(f"{said}; {_given(use.name, variables)}")
        for name, each in defined.items():
            used = (
                f"used at {', '.join(uses[name][:4])}{' ...' if len(uses[name]) > 4 else ''}"
                if name in uses
                else "not used"
            )
            notes.setdefault(each.start, []).append(f"{used}; {_given(name, variables)}")
    return {start: "; ".join(dict.fromkeys(said)) for start, said in notes.items()}


def _given(name: str, variables: dict[str, Any]) -> str:
    if name not in variables:
        return "no value given"
    said = json_text.written(variables[name])
    return f"given {said if len(said) <= 60 else said[:57] + '...'}"


def _bytes(start: int, end: int) -> str:
    return f"byte {start}" if end - start == 1 else f"bytes {start}-{end - 1}"


# What errors point at.


def _point(tree: Field, value: Any, path: Path, asked: Question, new: dict[int, Field]) -> list[Spot]:
    """Put what each location and path of an error below `path` points at into `new`; returns paths that lead nowhere."""
    lost = []
    response = _value(value, path)
    errors, where = (
        (response, path) if isinstance(response, list) else (_value(response, ("errors",)), (*path, "errors"))
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
    where = f"{_bytes(start, end)} of the document in unit {asked.unit}"
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


def placed_json(strand: Strand, name: str) -> Field:
    """The JSON in an escaped parameter: its tree in the bytes that it was written in, and its text beside it."""
    tree = json_text.read(strand.data, name=name).field
    derived: tuple[Derived, ...] = ()
    if len(strand.data) != strand.source[-1] - strand.source[0]:
        derived = (
            Derived(
                name, strand.data, Field(name, 0, len(strand.data), strand.data.decode("utf-8", "replace")), "unescaped"
            ),
        )
    return _mapped(tree, strand)._replace(derived=derived)
