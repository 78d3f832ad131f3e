"""HTTP/1.1 message heads, RFC 9112: where a head ends, what each byte of it is, and how long the body after it is.

Everything is total: a line that is not what the grammar asks for becomes a field named `unparsed` with a finding on it, and
reading goes on with the next line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from protolab.fields import Derived, Field, Side, unparsed
from protolab.findings import Finding, Rule

_END = re.compile(rb"\n\r?\n")
_LINE = re.compile(rb"([^\n]*?)(\r?\n|$)", re.S)
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER = re.compile(rb"(" + _TOKEN + rb")(:)([ \t]*)((?:.*[^ \t])?)([ \t]*)", re.S)
_REQUEST = re.compile(rb"(" + _TOKEN + rb")( +)([^ ]+)( +)(HTTP/\d\.\d)")
_STATUS = re.compile(rb"(HTTP/\d\.\d)( +)(\d{3})(?:( )(.*))?", re.S)

START_LINE = Rule(
    "start-line", "the start line is not what the grammar asks for", "RFC 9112 section 3", "HTTP 400",
    "send `METHOD target HTTP/1.1` or `HTTP/1.1 NNN reason`, with single spaces",
)  # fmt: skip
HEADER_LINE = Rule(
    "header-line", "this line is not `Name: value`", "RFC 9112 section 5", "HTTP 400",
    "write the name, a colon with no space before it, and the value",
)  # fmt: skip
FOLDED = Rule(
    "folded-line", "a value that goes on in the next line (obs-fold) is no longer allowed", "RFC 9112 section 5.2", "HTTP 400",
    "put the whole value on one line",
)  # fmt: skip
BARE_LF = Rule(
    "bare-lf", "this line ends with LF alone, not with CR LF", "RFC 9112 section 2.2", "",
    "end every line of a head with CR LF",
)  # fmt: skip


class Header(NamedTuple):
    """One header line: its name as sent, its value, and where each stands in the head."""

    name: str
    value: str
    field: Field

    @property
    def at(self) -> tuple[int, int]:
        """The half-open range of the value; of the whole line when the value is empty."""
        value = self.field.find("value") if any(c.name == "value" for c in self.field.children) else self.field
        return value.start, value.end


class Head(NamedTuple):
    """A message head. `start` is (method, target, version) or (version, status, reason); all empty when not understood."""

    field: Field
    start: tuple[str, str, str]
    headers: tuple[Header, ...]
    findings: tuple[Finding, ...]

    def all(self, name: str) -> list[Header]:
        """Every header line of that name, in order; names are not case-sensitive."""
        wanted = name.lower()
        return [header for header in self.headers if header.name.lower() == wanted]

    def get(self, name: str) -> str | None:
        """The values of that name joined by commas (RFC 9110 section 5.2), or None when there is none."""
        values = [header.value for header in self.all(name)]
        return ", ".join(values) if values else None

    @property
    def status(self) -> int:
        """The status code of a response; 0 for a request or a line that was not understood."""
        return int(self.start[1]) if self.start[1].isdigit() and self.start[0].startswith("HTTP/") else 0


def head_end(data: bytes | bytearray, start: int = 0) -> int:
    """The offset just past the blank line that ends the head starting at `start`, or -1 when it has not come yet.

    Empty lines before the start line belong to the head (RFC 9112 section 2.2).

    >>> head_end(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nrest")
    27
    """
    first = start
    while first < len(data) and data[first] in b"\r\n":
        first += 1
    found = _END.search(data, first)
    return found.end() if found else -1


def request(data: bytes) -> Head:
    """A request head, explained."""
    return _head(data, "request head", Side.CLIENT, _request_line)


def response(data: bytes) -> Head:
    """A response head, explained."""
    return _head(data, "response head", Side.SERVER, _status_line)


def _head(data: bytes, name: str, side: Side, start_line: Callable[[bytes, int], Field | None]) -> Head:
    children: list[Field] = []
    headers: list[Header] = []
    findings: list[Finding] = []
    start: tuple[str, str, str] | None = None
    for match in _LINE.finditer(data):
        at, line, ending = match.start(), match[1], match[2]
        if not match[0]:
            break
        stop = at + len(line)
        if not line:
            children.append(
                Field("blank line" if start else "empty line", at, match.end(), None, "ends the head" if start else "")
            )
            continue
        if ending == b"\n":
            findings.append(BARE_LF.at(stop, stop + 1, side))
        if start is None:
            field = start_line(line, at)
            start = ("", "", "")
            if field:
                parts = [str(child.value) for child in field.children if child.name not in ("space", "line end")]
                start = (parts[0], parts[1], parts[2] if len(parts) > 2 else "")
            elif ending:
                findings.append(START_LINE.at(at, stop, side))
        else:
            field = _header_line(line, at)
            if field:
                headers.append(Header(field.name, str(field.value), field))
            elif ending:
                rule = FOLDED if line[:1] in b" \t" else HEADER_LINE
                findings.append(rule.at(at, stop, side))
        field = field or unparsed(at, stop, "cut off" if not ending else "not what the grammar asks for here")
        if ending:
            end = Field("line end", stop, match.end(), None, "CR LF" if len(ending) == 2 else "LF alone")
            field = _with_end(field, end)
        children.append(field)
    root = Field(name, 0, len(data), None, "", tuple(children))
    return Head(root, start or ("", "", ""), tuple(headers), tuple(findings))


def _with_end(field: Field, end: Field) -> Field:
    """The line's field with its line end inside it."""
    if field.children:
        return field._replace(end=end.end, children=(*field.children, end))
    return Field("line", field.start, end.end, None, "", (field, end))


def _request_line(line: bytes, at: int) -> Field | None:
    return _fields("request line", _REQUEST.fullmatch(line), at, ("method", "space", "target", "space", "version"))


def _status_line(line: bytes, at: int) -> Field | None:
    return _fields("status line", _STATUS.fullmatch(line), at, ("version", "space", "status", "space", "reason"))


def _header_line(line: bytes, at: int) -> Field | None:
    match = _HEADER.fullmatch(line)
    field = _fields("", match, at, ("name", "colon", "space", "value", "space"))
    if match is None or field is None:
        return None
    return field._replace(name=match[1].decode("ascii"), value=match[4].decode("utf-8", "backslashreplace"))


def _fields(name: str, match: re.Match[bytes] | None, at: int, names: tuple[str, ...]) -> Field | None:
    """A field with one child for each group that matched something."""
    if match is None:
        return None
    children = tuple(
        Field(
            part,
            at + match.start(i),
            at + match.end(i),
            match[i].decode("utf-8", "backslashreplace") if part not in ("space", "colon") else None,
        )
        for i, part in enumerate(names, 1)
        if match[i]
    )
    return Field(name, at, at + match.end(), None, "", children)


def annotate(head: Head, notes: Mapping[str, tuple[str, tuple[Derived, ...]]]) -> Field:
    """The head's tree with a note and derived bytes on the header lines named (in lower case)."""

    def noted(child: Field) -> Field:
        note, derived = notes.get(child.name.lower(), (child.note, child.derived))
        return child._replace(note=note, derived=derived)

    return head.field._replace(children=tuple(noted(child) for child in head.field.children))


def elements(value: str) -> list[str]:
    """The elements of a comma-separated header value (RFC 9110 section 5.6.1), commas inside quotes left alone.

    >>> elements('Upgrade, keep-alive ,,x="a,b"')
    ['Upgrade', 'keep-alive', 'x="a,b"']
    """
    return [part.strip(" \t") for part in re.findall(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+', value) if part.strip(" \t")]
