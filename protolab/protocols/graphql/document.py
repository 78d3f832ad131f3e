"""A GraphQL document that was taken apart (`parser.parse`): its tree of fields, and what is in it.

The tree tiles the document, so each token has its place; operations, selections, arguments, variables, directives and
fragments nest. From the first token that the grammar does not allow on, the tokens stand unsorted, as a server would read
no further either.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from protolab.fields import Field
from protolab.protocols.graphql.tokens import Token

_LINE_END = re.compile(rb"\r\n|\n|\r")


class Definition(NamedTuple):
    """A variable that an operation defines: its name without the dollar, its type as written, and where it stands."""

    name: str
    type: str
    start: int
    end: int


class Use(NamedTuple):
    """A variable that is used, with its place."""

    name: str
    start: int
    end: int


class Selection:
    """A field that is asked for: the key it is answered under, its place, and what is selected below it."""

    __slots__ = ("below", "end", "key", "name", "start")

    def __init__(self, key: str, name: str, start: int, end: int) -> None:
        self.key = key
        self.name = name
        self.start = start  # of its alias or name alone
        self.end = end
        self.below = Selections()


class Selections:
    """What a selection set, inline fragments included, asks for; `spreads` are the fragments it names."""

    __slots__ = ("fields", "spreads")

    def __init__(self) -> None:
        self.fields: list[Selection] = []
        self.spreads: list[str] = []


class Executable:
    """An operation ("query", "mutation", "subscription") or a "fragment"."""

    __slots__ = ("end", "kind", "name", "selections", "spreads", "start", "uses", "variables")

    def __init__(self, kind: str, start: int) -> None:
        self.kind = kind
        self.name = ""
        self.start = start
        self.end = start
        self.variables: list[Definition] = []
        self.uses: list[Use] = []
        self.spreads: list[str] = []  # at any depth
        self.selections = Selections()

    def __str__(self) -> str:
        keys = [selection.key for selection in self.selections.fields]
        keys += [f"...{name}" for name in self.selections.spreads]
        shown = " ".join(keys[:4]) + (" ..." if len(keys) > 4 else "")
        return " ".join(part for part in (self.kind, self.name, f"{{ {shown} }}" if shown else "") if part)


class Problem(NamedTuple):
    """The first thing that the grammar does not allow: its place (possibly empty, at the end), and what is wrong."""

    start: int
    end: int
    says: str


class Document(NamedTuple):
    """A document explained. Offsets count in `data`; `tokens` has no ignored ones."""

    data: bytes
    field: Field
    operations: tuple[Executable, ...]
    fragments: dict[str, Executable]
    tokens: tuple[Token, ...]
    problem: Problem | None

    def operation(self, name: str | None) -> Executable | None:
        """The operation that a request means (section 6.1, GetOperation), or None."""
        if name is None:
            return self.operations[0] if len(self.operations) == 1 else None
        return next((each for each in self.operations if each.name == name), None)

    def uses(self, operation: Executable) -> Iterator[Use]:
        """Where an operation uses variables: in itself and in every fragment that it reaches."""
        yield from operation.uses
        known: set[str] = set()
        todo = list(operation.spreads)
        while todo:
            if (name := todo.pop()) not in known and name in self.fragments:
                known.add(name)
                yield from self.fragments[name].uses
                todo += self.fragments[name].spreads

    def lines(self) -> Iterator[tuple[int, int]]:
        """Where each line stands, without its end."""
        at = 0
        for end in _LINE_END.finditer(self.data):
            yield at, end.start()
            at = end.end()
        yield at, len(self.data)

    def line(self, number: int) -> tuple[int, int] | None:
        """Where a line (from 1) stands, without its end."""
        return next(islice(self.lines(), number - 1, None), None) if number > 0 else None

    def at(self, line: int, column: int) -> Token | None:
        """The token at a line and column, both from 1, as errors have them (section 7.1.2); at a line's end one of no bytes.

        What a column counts is not said: characters, UTF-16 units (in JavaScript) or bytes. Where they differ, the one that
        leads to where a token begins is meant.
        """
        if (found := self.line(line)) is None or column < 1:
            return None
        text, before = self.data[slice(*found)].decode("utf-8", "replace"), column - 1
        units, encoded = text.encode("utf-16-le"), text.encode()
        ways = [len(text[:before].encode())] if before <= len(text) else []
        ways += [len(units[: 2 * before].decode("utf-16-le", "ignore").encode())] if 2 * before <= len(units) else []
        ways += [before] if before <= len(encoded) else []
        near = [self._token(found[0] + way) for way in ways]
        for way, token in zip(ways, near, strict=True):
            if token is not None and token.start == found[0] + way:
                return token
        if near and near[0] is None and found[0] + ways[0] == found[1]:
            return Token("", found[1], found[1])
        return near[0] if near else None

    def _token(self, offset: int) -> Token | None:
        index = bisect_right(self.tokens, offset, key=lambda token: token.start) - 1
        return self.tokens[index] if index >= 0 and offset < self.tokens[index].end else None

    def select(self, operation: Executable, path: list[object]) -> Selection | None:
        """The selection that a response path ("user", "posts", 0, "title") leads to; None when nothing was asked for there.

        A key that is selected more than once is answered once, with all that is below (section 6.3.2, CollectFields).
        """
        below, found = [operation.selections], None
        for step in path:
            if isinstance(step, str):
                same = [field for field in self._selected(below) if field.key == step]
                if not same:
                    return None
                below, found = [field.below for field in same], same[0]
        return found

    def _selected(self, selections: list[Selections]) -> Iterator[Selection]:
        """What is selected there, that of the fragments included."""
        todo, known = selections[::-1], set()
        while todo:
            here = todo.pop()
            yield from here.fields
            for name in here.spreads:
                if name not in known and name in self.fragments:
                    known.add(name)
                    todo.append(self.fragments[name].selections)
