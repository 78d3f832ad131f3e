"""Which HTTP status says what. Two profiles, because the specification changed and its public audits did not.

"2023" is what the audits of npm `graphql-http` ask for, and what most servers do: 400 for any request error, but 200 where
the answer is application/json and the request was well-formed, whatever came of it. "draft" is GraphQL over HTTP as of
2026, section 6.4: 422 for what can be read and not be done, 294 for partial success, and no error as application/json.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from protolab.protocols.graphql.media import JSON, RESPONSE

Profile = Literal["2023", "draft"]

_DRAFT = {"unreadable": 400, "syntax": 400, "timeout": 503}  # all other refusals: 422
_REASONS = {294: "Partial Success", 422: "Unprocessable Content", 413: "Content Too Large"}


class Status(NamedTuple):
    """A status code, its reason phrase (None: the usual one), and the media type of the body that goes with it."""

    code: int
    reason: str | None
    media: str


def offers(profile: Profile) -> tuple[str, str]:
    """The media types of a response, the server's favourite first."""
    return (JSON, RESPONSE) if profile == "2023" else (RESPONSE, JSON)


def of_refusal(profile: Profile, kind: str, media: str) -> Status:
    """The status of a request that is not run.

    >>> of_refusal("2023", "validation", JSON).code, of_refusal("2023", "validation", RESPONSE).code
    (200, 400)
    >>> of_refusal("draft", "validation", JSON)
    Status(code=422, reason='Unprocessable Content', media='application/graphql-response+json')
    """
    if profile == "2023":
        well_formed = kind not in ("unreadable", "malformed")
        return _status(200 if media == JSON and well_formed else 503 if kind == "timeout" else 400, media)
    return _status(_DRAFT.get(kind, 422), RESPONSE)


def of_result(profile: Profile, result: dict[str, Any], media: str) -> Status:
    """The status of a request that was run.

    >>> of_result("draft", {"errors": [{"message": "no"}], "data": {"a": None}}, RESPONSE)[:2]
    (294, 'Partial Success')
    """
    partial = profile == "draft" and media == RESPONSE and "errors" in result
    return _status(294 if partial else 200, media)


def of_http(profile: Profile, code: int) -> Status:
    """The status of a message that is no GraphQL request: its method, its size, its types."""
    return _status(code, JSON if profile == "2023" else RESPONSE)


def _status(code: int, media: str) -> Status:
    return Status(code, _REASONS.get(code), media)
