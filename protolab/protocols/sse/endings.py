"""What the end of a stream, or of an attempt to open one, means for the next: WHATWG HTML section 9.2.3.

Of a response there is one kind that a stream comes in, status 200 and the type text/event-stream. A client never asks again
after any other, unless it was made with `rules` that say so. When the stream ends, or the network fails, it asks again.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal, NamedTuple

from protolab.errors import LabError
from protolab.protocols.sse.fetch import BadAnswer
from protolab.serve.returning import Rule, retry_after
from protolab.wire import http1
from protolab.wire.event_blocks import compressed, essence
from protolab.wire.event_stream import EventTooBig


class StreamError(LabError):
    """A stream that failed for good. `status` is that of the last HTTP response, None if there was none."""

    def __init__(self, problem: str, remedy: str, status: int | None = None) -> None:
        super().__init__(problem, remedy)
        self.status = status


class Ending(NamedTuple):
    """How a stream ended (`status` 200), or why there was none: the `status` it was refused with, None without response.

    `by` says who ended it, `rule` what follows, and `why`; `least`, how many seconds the server wants to be left alone.
    """

    status: int | None
    reason: str
    by: Literal["client", "server", "network"]
    rule: Rule
    why: str
    least: float = 0.0

    def __str__(self) -> str:
        return self.reason


def refusal(head: http1.Head, rules: Mapping[int, Rule] | None = None) -> Ending | None:
    """Why no stream comes with this response; None if one does."""
    status = head.status
    if status == 200:
        type_, coding = essence(head), compressed(head)
        if type_ != "text/event-stream":
            said = f"has the type {type_}" if type_ else "does not say of which type it is"
            why = "only text/event-stream is an event stream"
        elif coding:
            said, why = f"is coded as {coding}", "it was asked for as it is"
        else:
            return None
        return Ending(status, f"the response (200) {said}", "server", Rule.NEVER, why)
    phrase = next((one.phrase for one in HTTPStatus if one == status), head.start[2])
    rule, why = Rule.NEVER, "a stream comes with status 200 only"
    if status == 204:
        rule, why = Rule.DONE, "204 is how a server tells a client not to come back"
    if rules and status in rules:
        rule, why = rules[status], "so say the rules of this client"
    least = retry_after(*(header.value for header in head.all("Retry-After")[:1]))
    said = f"the server has no stream for this client: {status} {phrase}".rstrip()
    return Ending(status, said, "server", rule, why, least)


def failure(error: Exception) -> Ending:
    """Why there was no response, or why a stream broke off."""
    match error:
        case BadAnswer():
            return Ending(None, f"cannot read what answers: {error}", "server", Rule.NEVER, "it would answer the same")
        case EventTooBig():
            return Ending(200, error.problem, "client", Rule.NEVER, "the server would send it again")
        case ssl.SSLCertVerificationError():
            why = "the certificate is not trusted"
            return Ending(None, f"no connection: {error.verify_message}", "server", Rule.NEVER, why)
        case TimeoutError():
            said = str(error) or "nobody answered in time"
        case _:
            said = f"no connection: {str(error) or repr(error)}"
    return Ending(None, said, "network", Rule.AGAIN, "the network failed, or nobody is there")
