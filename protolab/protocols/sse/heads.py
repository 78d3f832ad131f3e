"""The heads around an event stream: what they ask for and promise, what an EventSource makes of them, what is wrong.

The value of a response's head is the readyState that it leads to, WHATWG HTML section 9.2.3.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.fields import Derived, Field, Side
from protolab.findings import Finding, Rule
from protolab.protocols.sse import rules
from protolab.wire import http1
from protolab.wire.event_blocks import announces, compressed, essence
from protolab.wire.http1 import Head
from protolab.wire.http1_bodies import framing

CONNECTING, OPEN, CLOSED = "CONNECTING", "OPEN", "CLOSED"
REDIRECTS = (301, 302, 303, 307, 308)


class Ask(NamedTuple):
    """A request: whether it asks for a stream, by which method, and the id that it names as its last."""

    field: Field
    findings: tuple[Finding, ...]
    stream: bool
    method: str
    last_event_id: str | None


class Answer(NamedTuple):
    """A response: whether it is a stream, how its body is delimited, its status."""

    field: Field
    findings: tuple[Finding, ...]
    stream: bool
    framing: str
    status: int

    @property
    def interim(self) -> bool:
        """Whether the real answer is still to come (RFC 9110 section 15.2)."""
        return 100 <= self.status < 200 and self.status != 101


def read_request(data: bytes) -> Ask:
    """A request head, explained and judged."""
    head = http1.request(data)
    # With another type beside it (as MCP asks), an answer of that type is as good.
    stream = [each.split(";")[0].strip().lower() for each in http1.elements(head.get("Accept") or "")] == [
        "text/event-stream"
    ]
    named = head.all("Last-Event-ID")
    last = named[-1] if named else None
    method = head.start[0]
    findings = list(head.findings)
    notes = {"accept": "asks for an event stream"} if stream else {}
    if last is not None:
        start, end = last.at
        notes["last-event-id"] = "the last event that this client has seen: the stream is to go on after it"
        if not last.value:
            findings.append(rules.LAST_ID_EMPTY.at(last.field.start, last.field.end, Side.CLIENT))
        elif not _utf8(data[start:end]):
            findings.append(rules.LAST_ID_UTF8.at(start, end, Side.CLIENT))
    field = _noted(head, notes)
    if stream:
        field = field._replace(value=CONNECTING, note="from here on until the stream begins")
    return Ask(field, tuple(findings), stream, method, last.value if last else None)


def read_response(data: bytes, ask: Ask | None) -> Answer:
    """A response head, explained and judged by the request that it answers, where that is known."""
    head = http1.response(data)
    status, stream = head.status, announces(head)
    asked = ask is not None and ask.stream
    field, findings = _noted(head, _notes(head)), list(head.findings)

    def blame(rule: Rule, header: str, detail: str = "") -> None:
        found = head.all(header)
        line = head.field.children[0]
        start, end = found[-1].at if found else (line.start, line.end)
        findings.append(rule.at(start, end, Side.SERVER, detail))

    if asked and status == 200 and essence(head) != "text/event-stream":
        blame(rules.CONTENT_TYPE if head.all("Content-Type") else rules.CONTENT_TYPE_MISSING, "Content-Type")
    if essence(head) == "text/event-stream" and status == 200:
        charset = _parameter(head.get("Content-Type") or "", "charset")
        if charset not in (None, "utf-8", "utf8"):
            blame(rules.CHARSET, "Content-Type", f"charset={charset} changes nothing: an event stream is UTF-8")
        if _storable(head.get("Cache-Control") or ""):
            blame(rules.STORABLE, "Cache-Control")
    if asked or stream:
        state, note = _outcome(head, stream)
        if ask is not None and ask.method == "HEAD":
            state, note = CLOSED, "the head alone, as HEAD asks"
        if state:
            field = field._replace(value=state, note=note)
    return Answer(field, tuple(findings), stream, framing(head, "GET").kind, status)


def _outcome(head: Head, stream: bool) -> tuple[str, str]:
    """The readyState of an EventSource after this answer, and why."""
    status, type_ = head.status, essence(head)
    if stream:
        return OPEN, "the stream begins after this head"
    if status == 200 and type_ == "text/event-stream":
        return OPEN, f"the stream is compressed ({compressed(head)}): its events are not looked at here"
    if status == 204:
        return CLOSED, "204 tells an EventSource not to come back"
    if status in REDIRECTS and head.get("Location") is not None:
        return CONNECTING, "an EventSource follows this to another address"
    if 100 <= status < 200 or not status:
        return "", ""
    why = f"the type is {type_ or 'missing'}" if status == 200 else f"the status is {status}"
    return CLOSED, f"an EventSource gives up for good: {why}"


def _notes(head: Head) -> dict[str, str]:
    notes = {}
    if announces(head):
        notes["content-type"] = "an event stream, in UTF-8"
        notes["cache-control"] = "no-store: a stream is not kept by caches"
        notes["content-length"] = "the stream ends after so many bytes; then the client comes back"
        notes["x-accel-buffering"] = "no: nginx passes each event on at once"
        if "no-store" not in (head.get("Cache-Control") or "").lower():
            del notes["cache-control"]
    if compressed(head):
        notes["content-encoding"] = "the body is compressed and left as it is"
    return notes


def _noted(head: Head, notes: dict[str, str]) -> Field:
    nothing: tuple[Derived, ...] = ()
    return http1.annotate(head, {name: (note, nothing) for name, note in notes.items()})


def _parameter(value: str, name: str) -> str | None:
    """A parameter of a media type, unquoted, in lower case."""
    for part in value.split(";")[1:]:
        key, _, text = part.partition("=")
        if key.strip().lower() == name:
            return text.strip().strip('"').lower()
    return None


def _storable(value: str) -> bool:
    """Whether Cache-Control says that a shared cache may store the response and use it again (RFC 9111 section 5.2.2)."""
    said = dict(part.lower().partition("=")[::2] for part in http1.elements(value))
    if said.keys() & {"no-store", "no-cache", "private"}:
        return False
    ages = [said[name].strip('"') for name in ("max-age", "s-maxage") if name in said]
    return "public" in said or any(age.isdigit() and int(age[:9]) > 0 for age in ages)


def _utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
