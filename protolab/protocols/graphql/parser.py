"""The grammar of GraphQL documents (GraphQL specification, September 2025, section 2): bytes to a tree of fields."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from protolab.fields import Field
from protolab.protocols.graphql.document import Definition, Document, Executable, Problem, Selection, Selections, Use
from protolab.protocols.graphql.tokens import IGNORED, Token, block_value, string_value, tokens

DEEPEST = 64  # levels of selections, lists, objects and types that are taken apart; a deeper one stays whole
_SMALL = 2048  # bytes of a document that is remembered
_KINDS = ("query", "mutation", "subscription")
_TYPE_SYSTEM = ("schema", "scalar", "type", "interface", "union", "enum", "input", "directive", "extend")
_MARKS = {
    "{": "begin", "}": "end", "(": "begin", ")": "end", "[": "begin", "]": "end", ":": "colon", "=": "equals",
    "$": "dollar", "@": "at", "!": "non-null", "...": "ellipsis", "&": "ampersand", "|": "pipe",
}  # fmt: skip


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


class _Stop(Exception):
    """The grammar allows no such token here."""


class _Parser:
    def __init__(self, data: bytes, notes: Mapping[int, str]) -> None:
        self.data = data
        self.notes = notes
        self.all = tokens(data)
        self.next = -1  # the next token that is not ignored
        self.kept = 0  # tokens that have their field
        self.levels: list[list[Field]] = [[]]
        self.depth = 0
        self.operations: list[Executable] = []
        self.fragments: dict[str, Executable] = {}
        self.here = Executable("", 0)
        self.problem: Problem | None = None
        self._step()

    # Tokens and nodes.

    def _after(self, index: int) -> int:
        """The index of the first token past `index` that is not ignored."""
        index += 1
        while index < len(self.all) and self.all[index].kind in IGNORED:
            index += 1
        return index

    def _step(self) -> None:
        self.next = self._after(self.next)

    def _token(self, index: int) -> Token:
        return self.all[index] if index < len(self.all) else Token("", len(self.data), len(self.data))

    @property
    def token(self) -> Token:
        """The next token that is not ignored; past the last one a token of no kind."""
        return self._token(self.next)

    @property
    def ahead(self) -> Token:
        """The one after `token`."""
        return self._token(self._after(self.next))

    def text(self, token: Token) -> str:
        return self.data[token.start : token.end].decode("utf-8", "replace")

    def _flush(self, until: int) -> None:
        """Give the tokens that are ignored their fields."""
        self.levels[-1] += [Field(kind, start, end) for kind, start, end, _ in self.all[self.kept : until]]
        self.kept = max(self.kept, until)

    def take(self, name: str, value: object = None, note: str = "") -> Token:
        """The next token, as a leaf of that name."""
        token = self.token
        self._flush(self.next)
        self.levels[-1].append(Field(name, token.start, token.end, value, note))
        self.kept = self.next + 1
        self._step()
        return token

    def mark(self, sign: str, of: str = "") -> None:
        """A punctuator that must stand here."""
        if self.token.kind != sign:
            self.stop(f"{sign!r} must stand here")
        self.take(f"{_MARKS[sign]} {of}".rstrip())

    def name(self, as_what: str) -> str:
        """A name that must stand here."""
        if self.token.kind != "name":
            self.stop("a name must stand here")
        name = self.text(self.token)
        self.take(as_what, name)
        return name

    @contextmanager
    def node(self, name: str) -> Iterator[list[object]]:
        """A field around what is taken meanwhile; put its value, and perhaps its note, into the list."""
        self._flush(self.next)
        self.levels.append([])
        labels: list[object] = []
        try:
            yield labels
        finally:
            children = self.levels.pop()
            if children:
                value = labels[0] if labels else None
                note = labels[1] if len(labels) > 1 else ""
                field = Field(name, children[0].start, children[-1].end, value, str(note), tuple(children))
                self.levels[-1].append(field)

    @contextmanager
    def level(self, closer: str, of: str) -> Iterator[bool]:
        """Brackets around what is taken meanwhile; False when that is too deep, and was taken as a whole."""
        self.depth += 1
        if fine := self.depth <= DEEPEST:
            self.mark({"}": "{", ")": "(", "]": "["}[closer], of)
        else:
            self._whole()
        yield fine
        if fine:
            self.mark(closer, of)
        self.depth -= 1

    def _whole(self) -> None:
        """What stands in brackets, as one field."""
        self._flush(self.next)
        start, depth = self.token.start, 0
        while self.token.kind:
            depth += {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}.get(self.token.kind, 0)
            last = self.token.end
            self._step()
            if depth <= 0:
                break
        self.kept = self.next if not self.token.kind else self._index(last)
        end = len(self.data) if not self.token.kind else last
        self.levels[-1].append(Field("unparsed", start, end, None, f"nested deeper than {DEEPEST} levels: left whole"))

    def _index(self, end: int) -> int:
        return bisect_right(self.all, end - 1, key=lambda token: token.start)

    def stop(self, says: str) -> None:
        token = self.token
        if token.wrong:
            says = token.wrong
        elif not token.kind:
            says = f"the document ends where {says.replace(' must stand here', ' must stand')}"
        self.problem = Problem(token.start, token.end, says)
        raise _Stop

    # Section 2.2 and on: the grammar.

    def document(self) -> Document:
        try:
            if not self.token.kind:
                self.stop("a definition must stand here")
            while self.token.kind:
                self.definition()
        except _Stop:
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
        token = self.token
        described = token.kind in ("string", "block string")
        if described:  # section 2.3: a description may stand before a definition
            token = self.ahead
        word = self.text(token) if token.kind == "name" else ""
        if word in _KINDS or (token.kind == "{" and not described):
            self.operation(word or "query", described)
        elif word == "fragment":
            self.fragment(described)
        elif word in _TYPE_SYSTEM:
            with self.node("type system") as labels:  # section 3: nothing that a server executes
                labels += [None, "definitions of types: a server does not execute them"]
                while self.token.kind:
                    if self.token.wrong:
                        self.stop("")
                    self.take(_MARKS.get(self.token.kind, self.token.kind))
        else:
            if described:
                self.take("description")
            self.stop("query, mutation, subscription, fragment or '{' must stand here")

    def operation(self, kind: str, described: bool) -> None:
        with self.node("operation") as labels:
            self.here = Executable(kind, self.token.start)
            self.operations.append(self.here)
            if described:
                self.describe()
            if self.token.kind == "name":
                self.take("operation type", kind)
                if self.token.kind == "name":
                    self.here.name = self.name("operation name")
                if self.token.kind == "(":
                    with self.node("variable definitions"), self.level(")", "variable definitions") as fine:
                        while fine:
                            self.variable_definition()
                            fine = self.token.kind != ")"
                self.directives()
            labels += [self.here.name or None, kind]
            self.selection_set(self.here.selections)
            self.here.end = self.all[self.kept - 1].end

    def fragment(self, described: bool) -> None:
        with self.node("fragment") as labels:
            self.here = Executable("fragment", self.token.start)
            if described:
                self.describe()
            self.take("keyword", "fragment")
            if self.token.kind == "name" and self.text(self.token) == "on":
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

    def describe(self) -> None:
        self.take("description", self.string())

    def type_condition(self) -> None:
        if self.token.kind != "name" or self.text(self.token) != "on":
            self.stop("'on' must stand here")
        with self.node("type condition") as labels:
            self.take("keyword", "on")
            labels.append(self.name("type name"))

    def variable_definition(self) -> None:
        with self.node("variable definition") as labels:
            if self.string_ahead():
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
            if self.token.kind == "=":
                self.mark("=")
                self.value("default value", const=True)
            self.directives(const=True)

    def string_ahead(self) -> bool:
        return self.token.kind in ("string", "block string")

    def variable(self, as_what: str, note: str = "") -> str:
        with self.node(as_what) as labels:
            self.mark("$")
            labels += [name := self.name("variable name"), note]
        return name

    def type(self) -> None:
        with self.node("type"):
            if self.token.kind == "[":
                with self.level("]", "list type") as fine:
                    if fine:
                        self.type()
            else:
                self.name("type name")
            if self.token.kind == "!":
                self.take("non-null", None, "null is not allowed")

    def directives(self, const: bool = False) -> None:
        while self.token.kind == "@":
            with self.node("directive") as labels:
                self.mark("@")
                labels.append(self.name("directive name"))
                self.arguments(const)

    def arguments(self, const: bool = False) -> None:
        if self.token.kind != "(":
            return
        with self.node("arguments"), self.level(")", "arguments") as fine:
            while fine:
                with self.node("argument") as labels:
                    labels.append(self.name("argument name"))
                    self.mark(":")
                    self.value("", const)
                fine = self.token.kind != ")"

    def selection_set(self, into: Selections) -> None:
        if self.token.kind != "{":
            self.stop("'{' must stand here")
        with self.node("selection set"), self.level("}", "selection set") as fine:
            while fine:
                if self.token.kind == "...":
                    self.spread(into)
                else:
                    self.selection(into)
                fine = self.token.kind != "}"

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

    def value(self, as_what: str, const: bool) -> None:
        token = self.token
        match token.kind:
            case "$":
                if const:
                    self.stop("a value without variables must stand here")
                name = self.variable(as_what or "variable", self.notes.get(token.start, ""))
                self.here.uses.append(Use(name, token.start, self.levels[-1][-1].end))
            case "[":
                with self.node(as_what or "list"), self.level("]", "list") as fine:
                    while fine and self.token.kind != "]":
                        self.value("", const)
            case "{":
                with self.node(as_what or "object"), self.level("}", "object") as fine:
                    while fine and self.token.kind != "}":
                        with self.node("object field") as labels:
                            labels.append(self.name("object field name"))
                            self.mark(":")
                            self.value("", const)
            case "int" | "float":
                number = self.text(token)
                short = len(number) < 400
                self.take(as_what or token.kind, (int if token.kind == "int" else float)(number) if short else number)
            case "string" | "block string":
                self.take(as_what or token.kind, self.string())
            case "name":
                word = self.text(token)
                literal = {"true": True, "false": False, "null": None}.get(word, word)
                kind = "null" if word == "null" else "boolean" if word in ("true", "false") else "enum value"
                self.take(as_what or kind, literal, "null" if word == "null" else "")
            case _:
                self.stop("a value must stand here")

    def string(self) -> str:
        token = self.text(self.token)
        return string_value(token) if self.token.kind == "string" else block_value(token)
