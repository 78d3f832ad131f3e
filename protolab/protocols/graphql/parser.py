"""The grammar of GraphQL documents (GraphQL specification, September 2025, section 2): bytes to a tree of fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from protolab.fields import Field
from protolab.protocols.graphql.cursor import Stop
from protolab.protocols.graphql.document import Definition, Document, Executable, Selection, Selections
from protolab.protocols.graphql.tokens import IGNORED
from protolab.protocols.graphql.type_system import TypeSystem

_SMALL = 2048  # bytes of a document that is remembered
_KINDS = ("query", "mutation", "subscription")


def parse(data: bytes, notes: Mapping[int, str] | None = None) -> Document:
    """A document from any bytes. `notes` are put on the variables that begin at these offsets.

    >>> document = parse(b"query Q($id: ID!) { user(id: $id) { name } }")
    >>> str(document.operation(None)), document.at(1, 21).start, document.problem
    ('query Q { user }', 20, None)
    """
    return _Parser(data, notes or {}).document() if notes or len(data) > _SMALL else _parse(data)


@lru_cache(maxsize=64)
def _parse(data: bytes) -> Document:
    """A small document, which is asked with again and again."""
    return _Parser(data, {}).document()


class _Parser(TypeSystem):
    def __init__(self, data: bytes, notes: Mapping[int, str]) -> None:
        super().__init__(data, notes)
        self.operations: list[Executable] = []
        self.fragments: dict[str, Executable] = {}

    def document(self) -> Document:
        try:
            if not self.token.kind:
                self.stop("a definition must stand here")
            while self.token.kind:
                self.definition()
        except Stop:
            rest = self.all[self.kept :]
            if rest:
                kept = [Field(kind, start, end) for kind, start, end, _ in rest]
                children = tuple(kept) if len(kept) > 1 or kept[0].name != "unparsed" else ()
                self.levels[-1].append(
                    Field(
                        "unparsed", rest[0].start, rest[-1].end, None, "the grammar allows no such token here", children
                    )
                )
                self.kept = len(self.all)
        self._flush(len(self.all))
        root = Field("document", 0, len(self.data), None, "", tuple(self.levels[0]))
        significant = tuple(token for token in self.all if token.kind not in IGNORED)
        return Document(self.data, root, tuple(self.operations), self.fragments, significant, self.problem)

    def definition(self) -> None:
        described = self.described()  # section 2.3: a description may stand before a definition
        token = self.ahead if described else self.token
        word = self.text(token) if token.kind == "name" else ""
        if word in _KINDS or (token.kind == "{" and not described):
            self.operation(word or "query")
        elif word == "fragment":
            self.fragment()
        elif word in self.parts or (word == "extend" and not described):
            self.type_system()
        elif described and token.kind in ("name", "{"):
            self.stop(
                "a description stands only before a definition that begins with a keyword, so none must stand here"
            )
        else:
            self.describe()
            self.stop("query, mutation, subscription, fragment or '{' must stand here")

    def operation(self, kind: str) -> None:
        with self.node("operation") as labels:
            self.here = Executable(kind, self.token.start)
            self.operations.append(self.here)
            self.describe()
            if self.token.kind == "name":
                self.take("operation type", kind)
                if self.token.kind == "name":
                    self.here.name = self.name("operation name")
                if self.token.kind == "(":
                    with self.node("variable definitions"):
                        self.many(")", "variable definitions", self.variable_definition)
                self.directives()
            labels += [self.here.name or None, kind]
            self.selection_set(self.here.selections)
            self.here.end = self.all[self.kept - 1].end

    def fragment(self) -> None:
        with self.node("fragment") as labels:
            self.here = Executable("fragment", self.token.start)
            self.describe()
            self.take("keyword", "fragment")
            if self.word() == "on":
                self.stop("a fragment's name must stand here, and it must not be 'on'")
            self.here.name = self.name("fragment name")
            self.fragments.setdefault(self.here.name, self.here)
            labels.append(self.here.name)
            if self.token.kind == "(":  # an experiment of older servers; the grammar has none
                self.stop("'on' must stand here")
            self.type_condition()
            self.directives()
            self.selection_set(self.here.selections)
            self.here.end = self.all[self.kept - 1].end

    def type_condition(self) -> None:
        if self.word() != "on":
            self.stop("'on' must stand here")
        with self.node("type condition") as labels:
            self.take("keyword", "on")
            labels.append(self.name("type name"))

    def variable_definition(self) -> None:
        with self.node("variable definition") as labels:
            self.describe()
            start, note = self.token.start, self.notes.get(self.token.start, "")
            name = self.variable("variable")
            end = self.levels[-1][-1].end
            self.mark(":")
            first = self.token.start
            self.type()
            written = self.data[first : self.all[self.kept - 1].end].decode("utf-8", "replace")
            self.here.variables.append(Definition(name, re.sub(r"[\s,]+", "", written), start, end))
            labels += [f"${name}: {self.here.variables[-1].type}", note]
            self.default()
            self.directives(const=True)

    def selection_set(self, into: Selections) -> None:
        if self.token.kind != "{":
            self.stop("'{' must stand here")
        with self.node("selection set"):
            self.many(
                "}",
                "selection set",
                lambda: self.spread(into) if self.token.kind == "..." else self.selection(into),
            )

    def selection(self, into: Selections) -> None:
        with self.node("field") as labels:
            first, aliased = self.token, self.ahead.kind == ":"
            key = name = self.name("alias" if aliased else "field name")
            if aliased:
                self.mark(":")
                name = self.name("field name")
            labels += [name, f"answered as {key}"] if aliased else [name]
            selection = Selection(key, name, first.start, first.end)
            into.fields.append(selection)
            self.arguments()
            self.directives()
            if self.token.kind == "{":
                self.selection_set(selection.below)

    def spread(self, into: Selections) -> None:
        if self.ahead.kind == "name" and self.text(self.ahead) != "on":
            with self.node("fragment spread") as labels:
                self.mark("...")
                labels.append(name := self.name("fragment name"))
                into.spreads.append(name)
                self.here.spreads.append(name)
                self.directives()
            return
        with self.node("inline fragment"):
            self.mark("...")
            if self.token.kind == "name":
                self.type_condition()
            self.directives()
            self.selection_set(into)
