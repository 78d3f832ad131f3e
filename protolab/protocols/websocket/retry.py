"""Whether to come back: what each way for a connection to end, or not to begin, says about the next attempt.

The tables are the rules; each row has its reason. Codes are those of RFC 6455 section 7.4.1 and of the IANA registry,
statuses those of RFC 9110 section 15.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Literal, NamedTuple

from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from protolab.protocols.websocket.close_codes import describe
from protolab.serve.returning import Rule, retry_after

CODES: dict[int, tuple[Rule, str]] = {
    1000: (Rule.DONE, "what the connection was for is done"),
    1001: (Rule.AGAIN, "the server goes away, and another may take its place"),
    1002: (Rule.NEVER, "one side breaks the protocol, and would again"),
    1003: (Rule.NEVER, "it does not take the kind of data that it was sent"),
    1005: (Rule.DONE, "a Close without a code is meant as well"),
    1006: (Rule.AGAIN, "the network failed, or the server died"),
    1007: (Rule.NEVER, "one side sends what is not what it says it is, such as text that is no UTF-8"),
    1008: (Rule.NEVER, "a rule of the server's is broken, and would be again"),
    1009: (Rule.NEVER, "a message is longer than the receiver takes, and would be again"),
    1010: (Rule.NEVER, "the client needs an extension that the server does not have"),
    1011: (Rule.AGAIN, "something unexpected happened, which may not happen again"),
    1012: (Rule.LATER, "the server restarts; the registration asks for a random delay of 5 to 30 seconds"),
    1013: (Rule.LATER, "the server has too much to do, and who comes back at once adds to it"),
    1014: (Rule.AGAIN, "a gateway lost the server behind it"),
    1015: (Rule.NEVER, "TLS failed: the certificate is not trusted"),
    3000: (Rule.NEVER, "it wants credentials, or others"),
    3003: (Rule.NEVER, "it will not serve this client"),
    3008: (Rule.AGAIN, "it waited for this client in vain"),
}
_OTHER_CODE = Rule.AGAIN, "what it means is between the applications"  # they can say so: the client's `rules`

STATUSES: dict[int, tuple[Rule, str]] = {  # of an answer other than 101; any that is not here: NEVER
    408: (Rule.AGAIN, "it waited for the request in vain"),
    425: (Rule.AGAIN, "it will not risk that the request is a replay"),
    429: (Rule.AGAIN, "it was asked too often, and Retry-After may say for how long"),
    500: (Rule.AGAIN, "something unexpected happened"),
    502: (Rule.AGAIN, "a gateway lost the server behind it"),
    503: (Rule.AGAIN, "it is overloaded or being mended, and Retry-After may say for how long"),
    504: (Rule.AGAIN, "a gateway waited for the server behind it in vain"),
}
_OTHER_STATUS = Rule.NEVER, "asked the same again, it would answer the same"


class Ending(NamedTuple):
    """How a connection ended (`code` and `reason` as an API reports them, `by` whom), or that it did not begin (None).

    `rule` says what follows, and `why`; `least`, how many seconds a server wants to be left alone.
    """

    code: int | None
    reason: str
    by: Literal["client", "server", "network"]
    rule: Rule
    why: str
    least: float = 0.0

    def __str__(self) -> str:
        if self.code is None:
            return self.reason
        if self.code == 1006:
            return "broken off without a Close frame (1006)"
        said = f"closed by the {self.by} with {self.code} ({describe(self.code)})"
        return f"{said}: {self.reason}" if self.reason else said


def after_close(closed: ConnectionClosed, rules: Mapping[int, Rule] | None = None) -> Ending:
    """What follows from the end of a connection. `rules` say it for codes of an application's own, or say it otherwise.

    Of two Close frames the first counts: the second only answers.
    """
    theirs = closed.rcvd is not None and (closed.sent is None or bool(closed.rcvd_then_sent))
    close = closed.rcvd if theirs else closed.sent
    code = 1006 if close is None else int(close.code)
    rule, why = CODES.get(code, _OTHER_CODE)
    if rules and code in rules:
        rule, why = rules[code], "so say the rules of this client"
    by: Literal["client", "server", "network"] = "network" if close is None else "server" if theirs else "client"
    return Ending(code, "" if close is None else close.reason, by, rule, why)


def after_failure(error: Exception) -> Ending:
    """What follows when no connection came about: OSError, TimeoutError, or one of the library's for a failed handshake."""
    least = 0.0
    match error:
        case InvalidStatus():
            status = error.response.status_code
            rule, why = STATUSES.get(status, _OTHER_STATUS)
            least = retry_after(*error.response.headers.get_all("Retry-After")[:1])
            return Ending(None, f"the handshake was refused with {status}", "server", rule, why, least)
        case ssl.SSLCertVerificationError():
            rule, why = CODES[1015]
        case InvalidMessage(__cause__=EOFError() | OSError()) | EOFError() | OSError():
            rule, why = Rule.AGAIN, "nobody is there, or the network failed"
        case _:
            rule, why = Rule.NEVER, "what answers is not what a client can talk to"
    return Ending(None, f"no connection: {str(error) or repr(error)}", "network", rule, why, least)
