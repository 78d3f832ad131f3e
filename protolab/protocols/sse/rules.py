"""Every rule that captured bytes of an event stream can be seen to break: what it says, its clause, how a browser's
EventSource answers its breach ("fail": it closes for good), and how to mend it.
"""

from __future__ import annotations

from protolab.findings import Finding, Rule
from protolab.units import Place

RULES: dict[str, Rule] = {}


def _rule(id: str, clause: str, reaction: str, says: str, mend: str) -> Rule:
    RULES[id] = rule = Rule(id, says, clause, reaction, mend)
    return rule


# The client's request: section 9.2.2 and 9.2.3.
LAST_ID_EMPTY = _rule(
    "last-event-id-empty", "WHATWG HTML section 9.2.3", "", "Last-Event-ID is sent, but empty",
    "leave the header out as long as no id was received",
)  # fmt: skip
LAST_ID_UTF8 = _rule(
    "last-event-id-utf8", "WHATWG HTML section 9.2.4", "", "Last-Event-ID is not UTF-8",
    "encode the id as UTF-8, the encoding in which it came",
)  # fmt: skip
# The response's head.
CONTENT_TYPE = _rule(
    "content-type", "WHATWG HTML section 9.2.3", "fail", "a stream was asked for, and 200 comes with another Content-Type",
    "send `Content-Type: text/event-stream`",
)  # fmt: skip
CONTENT_TYPE_MISSING = _rule(
    "content-type-missing", "WHATWG HTML section 9.2.3", "fail", "a stream was asked for, and 200 comes without Content-Type",
    "send `Content-Type: text/event-stream`",
)  # fmt: skip
CHARSET = _rule(
    "charset", "WHATWG HTML section 9.2.5", "", "an event stream is UTF-8, whatever charset says",
    "leave the parameter out, and encode as UTF-8",
)  # fmt: skip
STORABLE = _rule(
    "storable", "RFC 9111 section 3", "", "Cache-Control lets caches store the stream, so a client may get an old one again",
    "send `Cache-Control: no-store`",
)  # fmt: skip
HEAD_WITH_BODY = _rule(
    "head-with-body", "RFC 9110 section 9.3.2", "", "the response to HEAD has no body, and this comes after it",
    "answer HEAD with the head alone, and do not begin the stream",
)  # fmt: skip
BODY_FORBIDDEN = _rule(
    "body-forbidden", "RFC 9112 section 6.3", "", "a response with this status has no body, and this comes after it",
    "end the response with its head; 204 tells an EventSource not to come back",
)  # fmt: skip

# The stream.
DATA_SPLIT = _rule(
    "data-split", "WHATWG HTML section 9.2.5", "ignored", "this line has no field name: a line end inside data cut it off",
    "split the text at CR LF, CR and LF, and send each line with `data: ` before it",
)  # fmt: skip
UTF8 = _rule(
    "utf8", "WHATWG HTML section 9.2.5", "U+FFFD", "this is not UTF-8; a reader sees a replacement character here",
    "encode the text as UTF-8, and do not cut it inside a character",
)  # fmt: skip
ID_BACKWARDS = _rule(
    "id-backwards", "WHATWG HTML section 9.2.3", "", "this id is smaller than one before it, so resuming from it repeats events",
    "number events upwards over all readers",
)  # fmt: skip
ID_REPEATED = _rule(
    "id-repeated", "WHATWG HTML section 9.2.3", "", "the event before has the same id, so resuming cannot tell the two apart",
    "give each event an id of its own",
)  # fmt: skip
RESUME_IGNORED = _rule(
    "resume-ignored", "WHATWG HTML section 9.2.3", "", "the client named this id or a later one as its last: it has this event",
    "begin with the first event after Last-Event-ID",
)  # fmt: skip
SILENCE = _rule(
    "silence", "WHATWG HTML section 9.2.7", "", "nothing came for so long that proxies cut the connection",
    "send a comment line every 15 seconds or so",
)  # fmt: skip
INCOMPLETE = _rule(
    "incomplete", "RFC 9112 section 8", "reconnect", "the connection ended inside this chunk, before all that its size announced",
    "send whole chunks, and the last chunk when the stream is over",
)  # fmt: skip


def silence(seconds: float, place: Place, when: str) -> Finding:
    """That nothing came for so long before or after a unit, as `when` says."""
    return SILENCE.at(0, place.end - place.start, place.side, f"nothing came for {seconds:.0f} seconds {when}")
