"""The parts of the grammar that queries and schemas share: values, types, directives (GraphQL section 2.9 to 2.12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from protolab.protocols.graphql.cursor import Cursor
from protolab.protocols.graphql.document import Executable, Use
from protolab.protocols.graphql.tokens import block_value, string_value


class Values(Cursor):
    def __init__(self, data: bytes, notes: Mapping[int, str]) -> None:
        super().__init__(data)
        self.notes = notes
        self.here = Executable("", 0)  # what uses the variables

    def described(self) -> bool:
        return self.token.kind in ("string", "block string")

    def describe(self) -> None:
        """A description, where there is one."""
        if self.described():
            self.take("description", self.string())

    def string(self) -> str:
        token = self.text(self.token)
        return string_value(token) if self.token.kind == "string" else block_value(token)

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

    def default(self) -> None:
        if self.token.kind == "=":
            self.mark("=")
            self.value("default value", const=True)

    def directives(self, const: bool = False) -> None:
        while self.token.kind == "@":
            with self.node("directive") as labels:
                self.mark("@")
                labels.append(self.name("directive name"))
                self.arguments(const)

    def arguments(self, const: bool = False) -> None:
        if self.token.kind == "(":
            with self.node("arguments"):
                self.many(")", "arguments", self._named("argument", const))

    def _named(self, what: str, const: bool) -> Callable[[], None]:
        """What takes a name, a colon and a value."""

        def take() -> None:
            with self.node(what) as labels:
                labels.append(self.name(f"{what} name"))
                self.mark(":")
                self.value("", const)

        return take

    def value(self, as_what: str, const: bool) -> None:
        token = self.token
        match token.kind:
            case "$":
                if const:
                    self.stop("a value without variables must stand here")
                name = self.variable(as_what or "variable", self.notes.get(token.start, ""))
                self.here.uses.append(Use(name, token.start, self.levels[-1][-1].end))
            case "[":
                with self.node(as_what or "list"):
                    self.many("]", "list", lambda: self.value("", const), least=0)
            case "{":
                with self.node(as_what or "object"):
                    self.many("}", "object", self._named("object field", const), least=0)
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
