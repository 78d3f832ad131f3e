"""HTTP/1.1 message heads, RFC 9112: where a head ends, what each byte of it is, and how long the body after it is.

Everything is total: a line that is not what the grammar asks for becomes a field named `unparsed` with a finding on it, and
reading goes on with the next line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from protolab.fields import Derived, Field, Side, unparsed
from protolab.findings import Finding
from protolab.wire import http1_rules as rules

_END = re.compile(rb"\n\r?\n")
_LINE = re.compile(rb"([^\n]*?)(\r?\n|$)", re.S)
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER = re.compile(rb"(" + _TOKEN + rb")([ \t]*)(:)([ \t]*)((?:.*[^ \t])?)([ \t]*)", re.S)
_REQUEST = re.compile(rb"(" + _TOKEN + rb")( +)([^ ]+)( +)(HTTP/\d\.\d)")
_STATUS = re.compile(rb"(HTTP/\d\.\d)( +)(\d{3})(?:( )(.*))?", re.S)
_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]+")  # RFC 9110 section 5.5: all but the tab
_NO_TARGET = re.compile(rb"[^!-~]+|#.*", re.S)  # section 3.2: visible ASCII, and RFC 9110 section 4.2.5: no fragment
_FORMS = re.compile(rb"/|[A-Za-z][A-Za-z0-9+.\-]*://")  # of targets: a path, or a whole URI
TARGET = re.compile(r"(?:/|[A-Za-z][A-Za-z0-9+.\-]*://)[!-\"$-~]*")  # the same for text
HOST = re.compile(r"(?:\[[0-9A-Za-z:.%~_\-]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::\d*)?", re.A)  # RFC 3986 section 3.2.2
# RFC 9110 section 6.5.1: what frames, routes or changes a message, or says how to read it, must come before its body.
_NEVER_TRAILERS = re.compile(
    "authorization|cache-control|content-(encoding|length|range|type)|expect|host|max-forwards|proxy-authorization|range|"
    "te|trailer|transfer-encoding",
    re.I,
)


class Header(NamedTuple):
    """One header line: its name as sent, its value, and where each stands in the head."""

    name: str
    value: str
    field: Field

    @property
    def at(self) -> tuple[int, int]:
        """The half-open range of the value; of the whole line when the value is empty."""
        value = next((child for child in self.field.children if child.name == "value"), self.field)
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
        if ending == b"\n":
            findings.append(rules.BARE_LF.at(stop, stop + 1, side))
        if not line:
            children.append(
                Field("blank line" if start else "empty line", at, match.end(), None, "ends the head" if start else "")
            )
            continue
        if start is None:
            field = start_line(line, at)
            start = ("", "", "")
            if field:
                parts = [str(child.value) for child in field.children if child.name not in ("space", "line end")]
                start = (parts[0], parts[1], parts[2] if len(parts) > 2 else "")
            if ending:
                findings += _judge_start(field, data, at, stop, match.end(), side)
        else:
            field = _header_line(line, at)
            if field:
                headers.append(Header(field.name, str(field.value), field))
            if ending:
                findings += _judge_line(field, data, at, stop, side)
        children.append(_whole(field, match))
    root = Field(name, 0, len(data), None, "", tuple(children))
    head = Head(root, start or ("", "", ""), tuple(headers), tuple(findings))
    if children and children[-1].name == "blank line":
        head = head._replace(findings=(*findings, *_judge_whole(head, side)))
    return head


def _judge_start(line: Field | None, data: bytes, at: int, stop: int, end: int, side: Side) -> list[Finding]:
    """What is wrong with a whole start line, at [at, stop), that ends at `end`."""
    if line is None:
        return [rules.START_LINE.at(at, stop, side)]
    found = []
    for child in line.children:
        if child.name == "space" and child.end - child.start > 1:
            found.append(rules.LOOSE_LINE.at(child.start + 1, child.end, side, "one space stands here, not more"))
        elif child.name == "target":
            found += _judge_target(data[child.start : child.end], line.children[0].value, child, side)
        elif child.name == "status" and not 100 <= int(str(child.value)) < 600:
            found.append(rules.STATUS.at(child.start, child.end, side))
        elif child.name == "reason" and (bad := _CONTROL.search(data, child.start, child.end)):
            found.append(rules.LOOSE_LINE.at(*bad.span(), side, "a reason holds no control characters"))
    if line.children[-1].name == "status":  # section 4: "even when the reason-phrase is absent"
        found.append(rules.LOOSE_LINE.at(stop, end, side, "a space must stand here, even if no reason follows"))
    return found


def _judge_target(target: bytes, method: object, field: Field, side: Side) -> list[Finding]:
    if bad := _NO_TARGET.search(target):
        says = (
            "a fragment stays with the client"
            if bad[0][:1] == b"#"
            else "a target is visible ASCII: percent-encode this"
        )
        return [rules.TARGET.at(field.start + bad.start(), field.start + bad.end(), side, says)]
    if _FORMS.match(target) or method == "CONNECT" or (method == "OPTIONS" and target == b"*"):
        return []
    return [rules.TARGET.at(field.start, field.end, side)]


def _judge_line(field: Field | None, data: bytes, at: int, stop: int, side: Side) -> list[Finding]:
    """What is wrong with a whole line after the first, at [at, stop)."""
    if field is None:
        return [(rules.FOLDED if data[at] in b" \t" else rules.HEADER_LINE).at(at, stop, side)]
    found = []
    if (space := field.children[1]).name == "space":
        found.append(rules.COLON.at(space.start, space.end, side))
    if bad := _CONTROL.search(data, at, stop):
        found.append(rules.VALUE.at(*bad.span(), side))
    return found


def _judge_whole(head: Head, side: Side) -> list[Finding]:
    """What a whole head says of its body's length that cannot be or must not be said (sections 6.1 to 6.3), or of its server."""
    lengths, codings = head.all("Content-Length"), head.all("Transfer-Encoding")
    if 100 <= head.status < 200 or head.status == 204:
        return [rules.BODILESS.at(*header.at, side) for header in (*lengths, *codings)]
    found = []
    if side is Side.CLIENT and head.start[2] not in ("", "HTTP/1.0") and (unnamed := _host_problem(head)):
        found.append(rules.HOST.at(*unnamed[:2], side, unnamed[2]))
    if codings:
        names = elements((head.get("Transfer-Encoding") or "").lower())
        problem = "chunked stands twice" if names.count("chunked") > 1 else ""
        if "HTTP/1.0" in head.start:
            problem = "HTTP/1.0 knows no transfer codings"
        elif side is Side.CLIENT and names[-1:] != ["chunked"]:
            problem = "the last transfer coding of a request is chunked"
        if problem:
            found.append(rules.CODING.at(*codings[-1].at, side, problem))
        found += [rules.BOTH.at(*lengths[-1].at, side)] if lengths else []
    elif lengths and content_length(head) is None:
        several = len(set(elements(head.get("Content-Length") or ""))) > 1
        found.append(rules.LENGTH.at(*lengths[-1].at, side, "the lengths differ" if several else ""))
    return found


def content_length(head: Head) -> int | None:
    """What Content-Length says, once or several times alike (RFC 9110 section 8.6); None when it says no number, or several."""
    values = set(elements(head.get("Content-Length") or ""))
    digits = values.pop() if len(values) == 1 else ""
    if not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits.lstrip("0")[:20] or "0")  # with more digits than that it is just as far beyond all that will come


def _host_problem(head: Head) -> tuple[int, int, str] | None:
    """Where and why a request does not name its server (section 3.2), or None when it does."""
    hosts = head.all("Host")
    if len(hosts) == 1:
        return None if HOST.fullmatch(hosts[0].value) else (*hosts[0].at, "this is not the name of a server")
    line = next((child for child in head.field.children if child.name == "request line"), head.field)
    where = hosts[-1].at if hosts else (line.start, line.end)
    return (*where, f"there are {len(hosts)} Host headers" if hosts else "there is no Host header")


def trailers(data: bytes, at: int, side: Side) -> tuple[tuple[Field, ...], tuple[Finding, ...]]:
    """The fields after a body, from offset `at` of the last chunk on (section 7.1.2), with the blank line that ends them."""
    children: list[Field] = []
    findings: list[Finding] = []
    for match in _LINE.finditer(data, at):
        start, line, ending = match.start(), match[1], match[2]
        stop = start + len(line)
        if ending == b"\n":
            findings.append(rules.BARE_LF.at(stop, stop + 1, side))
        if line:
            field = _header_line(line, start)
            if ending:
                findings += _judge_line(field, data, start, stop, side)
            if field and _NEVER_TRAILERS.fullmatch(field.name):
                findings.append(rules.TRAILER.at(start, stop, side, f"{field.name} cannot come after the body"))
            children.append(_whole(field, match))
        elif ending:
            children.append(Field("blank line", start, match.end(), None, "ends the body"))
    return tuple(children), tuple(findings)


def _whole(field: Field | None, match: re.Match[bytes]) -> Field:
    """The line that `_LINE` matched as a field, understood or not, with its line end inside it."""
    stop, ending = match.start(2), match[2]
    if not ending:
        return field or unparsed(match.start(), stop, "cut off")
    end = Field("line end", stop, match.end(), None, "CR LF" if len(ending) == 2 else "LF alone")
    if field is None:
        children = (unparsed(match.start(), stop, "not what the grammar asks for here"), end)
        return Field("line", match.start(), match.end(), None, "", children)
    return field._replace(end=end.end, children=(*field.children, end))


def _request_line(line: bytes, at: int) -> Field | None:
    return _fields("request line", _REQUEST.fullmatch(line), at, ("method", "space", "target", "space", "version"))


def _status_line(line: bytes, at: int) -> Field | None:
    return _fields("status line", _STATUS.fullmatch(line), at, ("version", "space", "status", "space", "reason"))


def _header_line(line: bytes, at: int) -> Field | None:
    match = _HEADER.fullmatch(line)
    field = _fields("", match, at, ("name", "space", "colon", "space", "value", "space"))
    if match is None or field is None:
        return None
    return field._replace(name=match[1].decode("ascii"), value=match[5].decode("utf-8", "backslashreplace"))


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
