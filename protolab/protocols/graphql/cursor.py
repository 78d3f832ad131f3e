"""The way through a document's tokens: what every rule of the grammar takes them with, and the tree that comes of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from protolab.fields import Field
from protolab.protocols.graphql.document import Problem
from protolab.protocols.graphql.tokens import IGNORED, Token, tokens

DEEPEST = 64  # levels of selections, lists, objects and types that are taken apart; a deeper one stays whole
_MARKS = {
    "{": "begin", "}": "end", "(": "begin", ")": "end", "[": "begin", "]": "end", ":": "colon", "=": "equals",
    "$": "dollar", "@": "at", "!": "non-null", "...": "ellipsis", "&": "ampersand", "|": "pipe",
}  # fmt: skip


class Stop(Exception):
    """The grammar allows no such token here."""


class Cursor:
    """The tokens of a document, taken one by one into a tree of fields that tiles it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.all = tokens(data)
        self.next = -1  # the next token that is not ignored
        self.kept = 0  # tokens that have their field
        self.levels: list[list[Field]] = [[]]
        self.depth = 0
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

    def many(self, closer: str, of: str, item: Callable[[], None], least: int = 1) -> None:
        """Brackets around items, as many as there are; each is taken by `item`."""
        with self.level(closer, of) as fine:
            if fine and least:
                item()
            while fine and self.token.kind != closer:
                item()

    def word(self) -> str:
        """The next token's text, where it is a name."""
        return self.text(self.token) if self.token.kind == "name" else ""

    def stop(self, says: str) -> NoReturn:
        """The grammar allows no such token as the next one: `says` what must stand here."""
        token = self.token
        if token.wrong:
            says = token.wrong
        elif not token.kind:
            says = f"the document ends where {says.replace(' must stand here', ' must stand')}"
        self.problem = Problem(token.start, token.end, says)
        raise Stop
