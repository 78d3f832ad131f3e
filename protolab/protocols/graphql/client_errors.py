"""What can go wrong for a client, and the endings that it comes back from.

`GraphQLError` is what the server says about a request: it understood, and could not do (all of) it. Trouble on the way, where
nobody knows what the server did, is a `LabError`: `Ended` for a socket or stream that is closed, with the code that says why.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from protolab.errors import LabError
from protolab.protocols.graphql.subprotocols import CODES
from protolab.serve.returning import Rule


class Result(NamedTuple):
    """What an operation came to: `errors` are those of fields that are null in `data`, or why there is no data."""

    data: Any = None
    errors: list[dict[str, Any]] = []  # noqa: RUF012 - never changed
    extensions: dict[str, Any] | None = None

    def unwrap(self) -> Any:
        """The data, all of it. GraphQLError: some is missing."""
        if self.errors:
            raise GraphQLError(self)
        return self.data


class GraphQLError(Exception):
    """A response with errors in it. `str` tells them; `errors` has them as sent; `data` is what there is all the same.

    `paths`, `locations` and `extensions` are those of each error, in their order, None or empty where it has none.

    >>> print(GraphQLError(Result({"a": None}, [{"message": "No.", "path": ["a"], "locations": [{"line": 1, "column": 3}]}])))
    No. (at a, line 1 column 3)
    """

    def __init__(self, result: Result) -> None:
        super().__init__("\n".join(_told(error) for error in result.errors))
        self.result = result

    @property
    def data(self) -> Any:
        """What could be had; None when there is none, or when a null moved up to the top."""
        return self.result.data

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors as the server sent them."""
        return self.result.errors

    @property
    def paths(self) -> list[list[str | int] | None]:
        """Which field each error is of."""
        return [error.get("path") for error in self.errors]

    @property
    def locations(self) -> list[list[dict[str, int]]]:
        """Where in the document each error is."""
        return [error.get("locations") or [] for error in self.errors]

    @property
    def extensions(self) -> list[dict[str, Any]]:
        """What else each error says, such as a code."""
        return [error.get("extensions") or {} for error in self.errors]


def _told(error: dict[str, Any]) -> str:
    path, places = error.get("path"), error.get("locations")
    at = [".".join(map(str, path))] if isinstance(path, list) and path else []
    if isinstance(places, list) and places and isinstance(places[0], dict):
        at.append(f"line {places[0].get('line')} column {places[0].get('column')}")
    message = str(error.get("message", "an error without a message"))
    return f"{message} (at {', '.join(at)})" if at else message


class Ended(LabError):
    """A connection ended before its operations did. `code` and `reason` are its Close's; 1006: there was none; 0: no socket.

    `rule` says whether to come back, and `why`.
    """

    def __init__(self, code: int, reason: str, rule: Rule, why: str, *, remedy: str = "") -> None:
        said = reason or (CODES[code].meaning if code in CODES else "")
        problem = (f"The connection was closed with {code}" if code else "There is no connection") + f": {said or why}"
        super().__init__(problem.rstrip(".") + ".", remedy or _REMEDIES.get(rule, "Make another client."))
        self.code = code
        self.reason = reason
        self.rule = rule
        self.why = why


class TooSlow(LabError):
    """A subscription whose results were not read in time; it was completed, and what had come before can still be read."""


_REMEDIES = {
    Rule.AGAIN: "Look whether the server runs, then try again; max_attempts=None never gives up.",
    Rule.LATER: "Give the server time, then try again.",
    Rule.DONE: "Subscribe again, if there should be more.",
    Rule.NEVER: "To come back would not help: mend what it complains of, and make another client.",
}

# After which codes to come back. Those of RFC 6455 that speak of a mistake would end the same way; of those that the
# subprotocol has, four may end otherwise the next time.
_PASSING = {
    1000: (Rule.DONE, "the server is done"),
    1001: (Rule.AGAIN, "the server goes away, and another may take its place"),
    1005: (Rule.AGAIN, "it was closed without a code"),
    1006: (Rule.AGAIN, "the network failed, or the server died"),
    1012: (Rule.LATER, "the server restarts"),
    1013: (Rule.LATER, "the server has too much to do, or found us too slow"),
    1014: (Rule.AGAIN, "a gateway lost the server behind it"),
    4403: (Rule.AGAIN, "what connection_init said was not accepted, and may be the next time"),
    4408: (Rule.AGAIN, "connection_init came too late"),
    4499: (Rule.AGAIN, "it was given up"),
    4504: (Rule.AGAIN, "connection_ack came too late"),
}
_FATAL = {4004, 4005, 4400, 4401, 4406, 4409, 4429, 4500}
_STATUSES = {408, 425, 429, 500, 502, 503, 504}  # of a refused handshake that may not be refused the next time


def ended(error: BaseException) -> Ended:
    """How a socket ended, or did not begin."""
    match error:
        case Ended():
            return error
        case ConnectionClosed():
            theirs = error.rcvd is not None and (error.sent is None or bool(error.rcvd_then_sent))
            close = error.rcvd if theirs else error.sent
            if close is None or (not theirs and close.code == 1011):  # the library's, for a ping without an answer
                return after(1006, "")
            return after(int(close.code), close.reason)
        case InvalidStatus():
            status = error.response.status_code
            rule = Rule.AGAIN if status in _STATUSES else Rule.NEVER
            said = bytes(error.response.body or b"")[:200].decode("utf-8", "replace").strip()
            return Ended(0, f"the handshake was refused with {status}" + (f": {said}" if said else ""), rule, "")
        case InvalidMessage(__cause__=EOFError() | OSError()) | OSError() | EOFError():
            said = getattr(error, "strerror", None) or f"{error}" or repr(error)
            return Ended(0, f"nobody is there, or the network failed ({said})", Rule.AGAIN, "")
    return Ended(0, f"{error}" or repr(error), Rule.NEVER, "what answers is not what a client can talk to")


def after(code: int, reason: str) -> Ended:
    """What follows from a close code.

    >>> after(4400, "").rule.name, after(4408, "").rule.name, after(1008, "").rule.name, after(4321, "").rule.name
    ('NEVER', 'AGAIN', 'NEVER', 'AGAIN')
    """
    if code in _PASSING:
        return Ended(code, reason, *_PASSING[code])
    fatal = code in _FATAL or code < 2000
    why = "it would end the same way" if fatal else "what it means is between the applications"
    return Ended(code, reason, Rule.NEVER if fatal else Rule.AGAIN, why)
