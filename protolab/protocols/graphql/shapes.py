"""The shapes that messages, requests and responses must have, checked on JSON values: what is wrong, and at which path.

Nothing here knows bytes. A `Spot` names a place by its path ("payload", "errors", 0); the decoder finds the bytes there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from protolab.findings import Rule
from protolab.protocols.graphql import rules

Path = tuple[str | int, ...]
_ENTRIES = ("data", "errors", "extensions")
_INCREMENTAL = ("hasNext", "incremental", "pending", "completed", "label", "path", "items", "subsequent")


class Spot(NamedTuple):
    """A broken rule at the value of that path. A path of None is the whole message."""

    rule: Rule
    path: Path | None
    detail: str = ""


def request(value: Any, path: Path, rule: Rule) -> Iterator[Spot]:
    """What is wrong with the parameters of a request (GraphQL over HTTP, Request Parameters; Subscribe has the same)."""
    if not isinstance(value, dict):
        yield Spot(rule, path, f"the request must be an object, not {kind(value)}")
        return
    query, extensions = value.get("query"), value.get("extensions")
    # Known by its hash (APQ), or by an id that both sides agreed on (GraphQL over HTTP, Persisted Documents).
    persisted = isinstance(extensions, dict) and isinstance(extensions.get("persistedQuery"), dict)
    persisted = persisted or isinstance(value.get("documentId"), str)
    if query is None and not persisted:
        there = ", ".join(map(str, value)) or "nothing"
        yield Spot(rule, (*path, "query") if "query" in value else path, f"there is no query; there is {there[:100]}")
    elif query is not None and not isinstance(query, str):
        yield Spot(rule, (*path, "query"), f"query must be a string, not {kind(query)}")
    for name, fine, what in (
        ("operationName", str, "a string"),
        ("variables", dict, "an object"),
        ("extensions", dict, "an object"),
    ):
        if value.get(name) is not None and not isinstance(value[name], fine):
            yield Spot(rule, (*path, name), f"{name} must be {what} or null, not {kind(value[name])}")


def response(value: Any, path: Path) -> Iterator[Spot]:
    """What is wrong with a GraphQL response (GraphQL section 7.1)."""
    if not isinstance(value, dict):
        yield Spot(rules.RESPONSE, path, f"a response must be an object, not {kind(value)}")
        return
    incremental = any(name in value for name in _INCREMENTAL)
    if "data" not in value and "errors" not in value and not incremental:
        yield Spot(rules.RESPONSE, path, "there is neither data nor errors")
    if value.get("data") is not None and not isinstance(value["data"], dict) and not incremental:
        yield Spot(rules.RESPONSE, (*path, "data"), f"data must be an object or null, not {kind(value['data'])}")
    if "errors" in value:
        yield from errors(value["errors"], (*path, "errors"))
    elif "data" in value and value["data"] is None and not incremental:
        yield Spot(rules.RESPONSE, (*path, "data"), "data is null, and no error says why")
    if value.get("extensions") is not None and not isinstance(value["extensions"], dict):
        yield Spot(
            rules.RESPONSE, (*path, "extensions"), f"extensions must be an object, not {kind(value['extensions'])}"
        )
    for name in value:
        if name not in _ENTRIES and not (incremental and name in _INCREMENTAL):
            yield Spot(rules.ENTRY, (*path, name))


def errors(value: Any, path: Path) -> Iterator[Spot]:
    """What is wrong with a list of errors (GraphQL section 7.1.2)."""
    if not isinstance(value, list):
        yield Spot(rules.RESPONSE, path, f"errors must be a list, not {kind(value)}")
        return
    if not value:
        yield Spot(rules.ERRORS_EMPTY, path)
    for number, error in enumerate(value):
        yield from _error(error, (*path, number))


def _error(value: Any, path: Path) -> Iterator[Spot]:
    if not isinstance(value, dict):
        yield Spot(rules.ERROR, path, f"an error must be an object, not {kind(value)}")
        return
    if not isinstance(value.get("message"), str):
        yield Spot(
            rules.ERROR, (*path, "message") if "message" in value else path, "an error must have a message, a string"
        )
    if "locations" in value:
        found = value["locations"]
        if not isinstance(found, list) or not all(
            isinstance(place, dict) and all(_positive(place.get(name)) for name in ("line", "column"))
            for place in found
        ):
            yield Spot(rules.ERROR, (*path, "locations"), "locations must be a list of lines and columns, from 1")
    if "path" in value:
        steps = value["path"]
        if not isinstance(steps, list) or not all(_step(step) for step in steps):
            yield Spot(rules.ERROR, (*path, "path"), "a path must be a list of names and of numbers from 0")
    if "extensions" in value and not isinstance(value["extensions"], dict):
        yield Spot(rules.ERROR, (*path, "extensions"), "extensions must be an object")


def _positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _step(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def kind(value: Any) -> str:
    """What a JSON value is, in words.

    >>> kind([]), kind(None), kind(True), kind(1.5)
    ('a list', 'null', 'a boolean', 'a number')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
    return "an object"
