"""JSON that carries GraphQL, as fields: the document inside its string, variables matched to their uses, errors pointed at.

Every token of a document has its place in the bytes of the JSON string that holds it, escapes and all.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import is_
from typing import Any

from protolab.fields import Derived, Field, Side
from protolab.findings import Finding
from protolab.protocols.graphql import rules
from protolab.protocols.graphql.document import Document
from protolab.protocols.graphql.parser import parse
from protolab.protocols.graphql.pointing import Question, bytes_at, point, value_at
from protolab.protocols.graphql.shapes import Path, Spot
from protolab.wire import json_text
from protolab.wire.json_strings import Strand

MOST = 100  # broken rules of one message that are said


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
            value = value_at(text.value, (*path, "variables"))
            new[id(string)], found = embedded(data, string, value if isinstance(value, dict) else {}, side)
            findings += found
    for path, asked in answers:
        findings += [_placed(spot, tree, side, len(data)) for spot in point(tree, text.value, path, asked, new)]
    findings += [_placed(spot, tree, side, len(data)) for spot in islice(spots, MOST) if data]
    return _renewed(tree, new) if new else tree, tuple(findings)


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
            where = bytes_at(*strand.source_of(use.start, use.end))
            uses.setdefault(use.name, []).append(where)
            if (found := defined.get(use.name)) is None:
                notes.setdefault(use.start, []).append(f"{operation.name or 'this operation'} does not define it")
            else:
                said = f"{found.type}, defined at {bytes_at(*strand.source_of(found.start, found.end))}"
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
