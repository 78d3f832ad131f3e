"""The grammar of schemas (GraphQL section 3): what defines types. A server executes none of it, yet it may stand in a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from protolab.protocols.graphql.values import Values

_LOCATIONS = (  # section 3.13; the two of the last line are of drafts
    "QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD", "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION", "SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INTERFACE", "UNION",
    "ENUM", "ENUM_VALUE", "INPUT_OBJECT", "INPUT_FIELD_DEFINITION",
    "FRAGMENT_VARIABLE_DEFINITION", "DIRECTIVE_DEFINITION",
)  # fmt: skip


class TypeSystem(Values):
    parts: ClassVar[dict[str, tuple[Callable[[TypeSystem], None], ...]]]  # what may follow each keyword and its name

    def type_system(self) -> None:
        """A definition, or, behind `extend`, an extension, which adds something at least."""
        with self.node("type system") as labels:
            labels += [None, "definitions of types: a server does not execute them"]
            self.describe()
            if extends := self.word() == "extend":
                self.take("keyword", "extend")
            kind = self.word()
            if kind not in self.parts:
                self.stop(f"{', '.join(self.parts)} must stand here")
            self.take("keyword", kind)
            if kind == "directive":
                self.mark("@")
            if kind != "schema":
                labels[0] = self.name("directive name" if kind == "directive" else "type name")
            if extends and kind == "directive":
                parts: tuple[Callable[[TypeSystem], None], ...] = (_directives,)
            else:
                parts = self.parts[kind]
            before = self.next
            for part in parts:
                part(self)
            if extends and self.next == before:
                self.stop("what the extension adds must stand here")
            if kind == "schema" and not extends and self.all[self.kept - 1].kind != "}":
                self.stop("'{' must stand here")

    def implements(self) -> None:
        if self.word() == "implements":
            self.take("keyword", "implements")
            self.separated("&", lambda: self.name("type name"))

    def separated(self, sign: str, item: Callable[[], object]) -> None:
        """Items with a sign between them, and perhaps before the first."""
        if self.token.kind == sign:
            self.mark(sign)
        item()
        while self.token.kind == sign:
            self.mark(sign)
            item()

    def members(self) -> None:
        if self.token.kind == "=":
            self.mark("=")
            self.separated("|", lambda: self.name("type name"))

    def fields(self) -> None:
        if self.token.kind == "{":
            self.many("}", "fields", self.field)

    def field(self) -> None:
        with self.node("field definition") as labels:
            self.describe()
            labels.append(self.name("field name"))
            self.argument_definitions()
            self.mark(":")
            self.type()
            self.directives(const=True)

    def argument_definitions(self) -> None:
        if self.token.kind == "(":
            self.many(")", "arguments", self.input)

    def inputs(self) -> None:
        if self.token.kind == "{":
            self.many("}", "fields", self.input)

    def input(self) -> None:
        with self.node("input value definition") as labels:
            self.describe()
            labels.append(self.name("input value name"))
            self.mark(":")
            self.type()
            self.default()
            self.directives(const=True)

    def enum_values(self) -> None:
        if self.token.kind == "{":
            self.many("}", "values", self.enum_value)

    def enum_value(self) -> None:
        with self.node("enum value definition") as labels:
            self.describe()
            if self.word() in ("true", "false", "null"):
                self.stop("a name other than true, false and null must stand here")
            labels.append(self.name("enum value"))
            self.directives(const=True)

    def roots(self) -> None:
        if self.token.kind == "{":
            self.many("}", "operation types", self.root)

    def root(self) -> None:
        if self.word() not in ("query", "mutation", "subscription"):
            self.stop("query, mutation or subscription must stand here")
        with self.node("operation type definition") as labels:
            labels.append(self.name("operation type"))
            self.mark(":")
            self.name("type name")

    def locations(self) -> None:
        if self.word() == "repeatable":
            self.take("keyword", "repeatable")
        if self.word() != "on":
            self.stop("'on' must stand here")
        self.take("keyword", "on")
        self.separated("|", self.location)

    def location(self) -> None:
        if self.word() not in _LOCATIONS:
            self.stop("the name of a place for directives must stand here")
        self.name("location")


def _directives(parser: TypeSystem) -> None:
    parser.directives(const=True)


_T = TypeSystem
_T.parts = {
    "schema": (_directives, _T.roots),
    "scalar": (_directives,),
    "type": (_T.implements, _directives, _T.fields),
    "interface": (_T.implements, _directives, _T.fields),
    "union": (_directives, _T.members),
    "enum": (_directives, _T.enum_values),
    "input": (_directives, _T.inputs),
    "directive": (_T.argument_definitions, _directives, _T.locations),
}
