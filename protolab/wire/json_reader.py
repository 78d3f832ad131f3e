"""Reading a JSON text, RFC 8259, token by token: the machinery behind `json_text.read`.

What is missing is noted and taken as if it stood there; what is too much is `unparsed`; so reading goes on to the end.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from protolab.fields import Field, Side, unparsed
from protolab.findings import Finding, Rule
from protolab.wire.json_rules import BOM, CUT_OFF, SURROGATE, SYNTAX, TWICE
from protolab.wire.json_strings import pieces

DEEPEST = 64  # levels of brackets that are taken apart (RFC 8259 section 9 allows a limit); what is deeper stays whole
MOST = 100  # findings of one text; what is wrong after that stays `unparsed` and unsaid

_TOKEN = re.compile(
    rb"(?P<space>[ \t\r\n]+)"
    rb'|(?P<string>"(?:[^"\\]++|\\.)*+(?P<closed>")?)'
    rb"|(?P<number>-?(?:0|[1-9][0-9]*+)(?P<inexact>(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)(?![0-9A-Za-z_.+-]))"
    rb"|(?P<literal>(?:true|false|null)(?![0-9A-Za-z_]))"
    rb"|(?P<mark>[][{},:])"
    rb'|(?P<other>[^][{},:" \t\r\n]+)',
    re.S,
)
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[][{}]', re.S)
_LITERALS = {b"true": True, b"false": False, b"null": None}
_MARKS = {
    b"{": "begin object",
    b"[": "begin array",
    b"}": "end object",
    b"]": "end array",
    b",": "comma",
    b":": "colon",
}


class Text(NamedTuple):
    """A JSON text explained. `value` is what it stands for as far as it could be read; it is JSON when `sound`."""

    field: Field
    value: Any
    findings: tuple[Finding, ...]
    sound: bool


def read(data: bytes, side: Side = Side.CLIENT, name: str = "JSON text") -> Text:
    """A JSON text as a tree of fields that tiles it, with findings at what `side` did wrong. Any bytes will do.

    >>> text = read(b'{"id": "7", "tags": [1, 2,]}')
    >>> text.value, [(found.start, found.end, found.message) for found in text.findings]
    ({'id': '7', 'tags': [1, 2]}, [(25, 26, 'nothing follows this comma')])
    >>> text.field.find("id")[:4]
    ('id', 1, 10, '7')
    """
    return _Reader(data, side).read(name)


class _Level:
    """A value that is not complete yet: an object, an array, or the text itself."""

    __slots__ = ("children", "comma", "expects", "kind", "names", "pending", "start", "value")

    def __init__(self, kind: str, start: int, expects: str, opener: tuple[Field, ...] = ()) -> None:
        self.kind = kind
        self.start = start
        self.expects = expects  # "name", "colon", "value", "comma" or "end"
        self.children: list[Field] = list(opener)
        self.pending: list[Field] | None = None  # of the member that is not complete yet
        self.names: set[str] = set()
        self.comma: int | None = None  # the last one, while nothing follows it
        self.value: Any = {} if kind == "object" else []


class _Reader:
    """Reads one text, by a stack of its own, so that no nesting exhausts Python's."""

    def __init__(self, data: bytes, side: Side) -> None:
        self.data = data
        self.side = side
        self.findings: list[Finding] = []
        self.sound = True
        self.levels = [_Level("text", 0, "value")]

    def read(self, name: str) -> Text:
        data, at, size = self.data, 0, len(self.data)
        if data.startswith(b"\xef\xbb\xbf"):
            self._trouble(BOM, 0, 3)
            self._put(Field("byte order mark", 0, 3))
            at = 3
        while at < size:
            top = self.levels[-1]
            token = _TOKEN.match(data, at)
            if token is None or (top.expects == "end" and token.lastgroup != "space"):
                self._trouble(SYNTAX, at, size, "nothing may follow the value")
                self._put(unparsed(at, size, "after the end of the value"))
                break
            kind = "string" if token["string"] is not None else token.lastgroup
            at = self._token(str(kind), token, at)
        if (len(self.levels) > 1 or self.levels[0].expects != "end") and CUT_OFF not in [
            at.rule for at in self.findings
        ]:
            self._trouble(CUT_OFF, max(size - 1, 0), size)
        while len(self.levels) > 1:
            self._close(self.levels.pop(), size, "cut off")
        root = self.levels[0]
        value = root.value[0] if root.value else None
        return Text(Field(name, 0, size, None, "", tuple(root.children)), value, tuple(self.findings), self.sound)

    def _token(self, kind: str, token: re.Match[bytes], at: int) -> int:
        """Take in one token; returns where the next one begins."""
        end = token.end()
        match kind:
            case "space":
                self._put(Field("space", at, end))
            case "mark":
                return self._mark(token[0], at)
            case "string":
                if not token["closed"]:
                    end = len(self.data)
                field, text = self._string(at, end, bool(token["closed"]))
                self._scalar(field, text)
            case "number":
                self._scalar(Field("number", at, end, number := _number(token[0], not token["inexact"])), number)
            case "literal":
                literal = _LITERALS[token[0]]
                self._scalar(Field("literal", at, end, literal, "null" if literal is None else ""), literal)
            case _:
                self._trouble(SYNTAX, at, end, _why(token[0]))
                self._scalar(unparsed(at, end, "not JSON"), token[0].decode("utf-8", "backslashreplace"))
        return end

    def _mark(self, mark: bytes, at: int) -> int:
        top, field = self.levels[-1], Field(_MARKS[mark], at, at + 1)
        match mark:
            case b"{" | b"[":
                self._ready(at, at + 1)
                if top.expects == "name":
                    self._trouble(SYNTAX, at, at + 1, "the name of a member must be a string")
                    self._put(unparsed(at, at + 1))
                elif len(self.levels) > DEEPEST:
                    end = self._skip(at)
                    self._value(unparsed(at, end, f"nested deeper than {DEEPEST} levels: left whole"), None)
                    return end
                else:
                    kind, expects = ("object", "name") if mark == b"{" else ("array", "value")
                    self.levels.append(_Level(kind, at, expects, (field,)))
            case b"}" | b"]":
                self._end("object" if mark == b"}" else "array", field)
            case b",":
                self._finish_member(at)
                if top.expects == "comma":
                    top.children.append(field)
                    top.expects, top.comma = ("name" if top.kind == "object" else "value"), at
                else:
                    self._trouble(SYNTAX, at, at + 1, "nothing stands before this comma")
                    self._put(unparsed(at, at + 1))
            case _:
                if top.expects == "colon" and top.pending:
                    top.pending.append(field)
                    top.expects = "value"
                else:
                    self._trouble(SYNTAX, at, at + 1, "a colon stands only between a name and its value")
                    self._put(unparsed(at, at + 1))
        return at + 1

    def _ready(self, at: int, end: int) -> None:
        """Before a value: note a colon or comma that is missing, and go on as if it stood there."""
        top = self.levels[-1]
        if top.expects == "comma":
            self._trouble(SYNTAX, at, end, "a comma is missing before this")
            top.expects = "name" if top.kind == "object" else "value"
        elif top.expects == "colon":
            self._trouble(SYNTAX, at, end, "a colon is missing before this")
            top.expects = "value"

    def _scalar(self, field: Field, value: Any) -> None:
        self._ready(field.start, field.end)
        top = self.levels[-1]
        if top.expects != "name":
            self._value(field, value)
            return
        name = (
            value if isinstance(value, str) else self.data[field.start : field.end].decode("utf-8", "backslashreplace")
        )
        if field.name not in ("string", "unparsed"):
            self._trouble(SYNTAX, field.start, field.end, "the name of a member must be a string")
        if name in top.names:
            self._trouble(TWICE, field.start, field.end)
        top.names.add(name)
        top.pending = [field._replace(name="member name", value=name)]
        top.expects, top.comma = "colon", None

    def _value(self, field: Field, value: Any) -> None:
        """A complete value, in its place."""
        top = self.levels[-1]
        if top.pending is not None:
            name = str(top.pending[0].value)
            top.pending.append(field)
            children = tuple(top.pending)
            top.children.append(Field(name, children[0].start, field.end, field.value, "", children))
            top.value[name] = value
            top.pending, top.expects = None, "comma"
            return
        if top.kind == "array":
            field = field._replace(name=f"[{len(top.value)}]")
            top.expects, top.comma = "comma", None
        else:
            top.expects = "end"
        top.children.append(field)
        top.value.append(value)

    def _finish_member(self, at: int) -> None:
        """A member that ends without a value."""
        top = self.levels[-1]
        if top.pending is not None:
            self._trouble(SYNTAX, top.pending[0].start, top.pending[-1].end, "this member has no value")
            self._drop_member(top, at)

    @staticmethod
    def _drop_member(level: _Level, at: int) -> None:
        if level.pending is not None:
            children = tuple(level.pending)
            level.children.append(
                Field(str(children[0].value), children[0].start, children[-1].end, None, "no value", children)
            )
            level.pending, level.expects = None, "comma"

    def _end(self, kind: str, field: Field) -> None:
        """A closing bracket: of the innermost value, or of one around it whose inner ones were never closed."""
        if not any(level.kind == kind for level in self.levels):
            self._trouble(SYNTAX, field.start, field.end, f"no {kind} is open here")
            self._put(unparsed(field.start, field.end))
            return
        while self.levels[-1].kind != kind:
            level = self.levels.pop()
            self._trouble(SYNTAX, level.start, level.start + 1, f"this {level.kind} is not closed")
            self._close(level, field.start, "not closed")
        self._finish_member(field.start)
        level = self.levels.pop()
        if level.comma is not None:
            self._trouble(SYNTAX, level.comma, level.comma + 1, "nothing follows this comma")
        level.children.append(field)
        self._close(level, field.end, "")

    def _close(self, level: _Level, end: int, note: str) -> None:
        """Put a value that is now complete where it belongs. `levels` does not hold it any more."""
        self._drop_member(level, end)
        self._value(Field(level.kind, level.start, end, None, note, tuple(level.children)), level.value)

    def _skip(self, at: int) -> int:
        """The end of the bracketed value that begins at `at`, by counting; the end of the text when it has none."""
        depth = 0
        for bracket in _BRACKETS.finditer(self.data, at):
            depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(bracket[0], 0)
            if not depth:
                self._judge(at, bracket.end())
                return bracket.end()
        self._trouble(CUT_OFF, len(self.data) - 1, len(self.data))
        return len(self.data)

    def _judge(self, at: int, end: int) -> None:
        """Whether what stays whole is JSON. What is too deep for Python's reader too is believed to be."""
        try:
            json.loads(self.data[at:end].decode(), parse_int=str, parse_constant=refuse)
        except RecursionError:
            return
        except ValueError:
            self._trouble(SYNTAX, at, end)

    def _string(self, at: int, end: int, closed: bool) -> tuple[Field, str]:
        """A string token: a leaf, or, where its characters do not stand as they are, its pieces."""
        found = pieces(self.data, at + 1, end - closed)
        text = "".join(piece.text for piece in found)
        children: list[Field] = []
        for piece in found:
            if piece.rule is not None:
                self._trouble(piece.rule, piece.start, piece.end, piece.detail)
            if piece.name == "characters" and len(found) == 1:
                break
            children.append(Field(piece.name, piece.start, piece.end, piece.text))
        if not closed:
            self._trouble(CUT_OFF, at, at + 1, "this string has no end")
        if children:
            quotes = Field("quote", at, at + 1), *children
            children = [*quotes, *([Field("quote", end - 1, end)] if closed else [])]
        return Field("string", at, end, text, "" if closed else "cut off", tuple(children)), text

    def _put(self, field: Field) -> None:
        """A field that is no value: inside the member that is not complete yet, or beside the values."""
        top = self.levels[-1]
        (top.children if top.pending is None else top.pending).append(field)

    def _trouble(self, rule: Rule, start: int, end: int, detail: str = "") -> None:
        self.sound = self.sound and rule in (TWICE, SURROGATE)  # which are JSON, if barely
        if start < end and len(self.findings) < MOST:
            self.findings.append(rule.at(start, end, self.side, detail))


def refuse(constant: str) -> None:
    """For `json.loads`: NaN and the infinities are no JSON."""
    raise ValueError(constant)


def _number(token: bytes, exact: bool) -> int | float:
    """A number's value; an integer of more digits than Python reads is taken for a double, as JavaScript takes all."""
    try:
        return int(token) if exact else float(token)
    except ValueError:
        return float(token)


def _why(token: bytes) -> str:
    """What is wrong with a word that is no JSON."""
    if token.lstrip(b"+-") in (b"NaN", b"Infinity"):
        return "JSON has no such number (RFC 8259 section 6)"
    if token[:1] in b"+-.0123456789":
        return "this is not how JSON writes a number (RFC 8259 section 6)"
    if token[:1] == b"'":
        return "strings stand in double quotes"
    return "JSON has no comments" if token[:2] in (b"//", b"/*") else "this is not JSON"
