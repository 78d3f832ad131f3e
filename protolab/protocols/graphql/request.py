"""What a client asks for: JSON made into a `Request`, by one path for HTTP, WebSocket and event streams alike.

Parameters are those of GraphQL over HTTP section 5.1. Every transport answers trouble with a code of its own, so what is
wrong is raised as `Malformed`, with the path of where it is.
"""

from __future__ import annotations

import json
import re
from math import isinf
from typing import Any, NamedTuple

_DEEPEST = 200  # levels (RFC 8259 section 9 allows a limit): what is read is walked, and sometimes said again
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")  # half a character, perhaps: looked at closer


class Malformed(Exception):
    """What came is not JSON, or not a request. `path` says where in the JSON, `unreadable` that it is not JSON at all."""

    def __init__(self, problem: str, path: tuple[str | int, ...] = (), *, unreadable: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path
        self.unreadable = unreadable


class Request(NamedTuple):
    """One GraphQL request. `query` is "" when only `extensions.persistedQuery` says which document is meant."""

    query: str
    operation: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


def load(data: bytes | str) -> Any:
    """The value of a JSON text (RFC 8259). A BOM is passed over; Malformed says what is no JSON that all would read alike.

    >>> load(b'{"query": "{ hello }"}')
    {'query': '{ hello }'}
    """
    if not data:
        raise Malformed("There is nothing where JSON is to be.", unreadable=True)
    try:
        text = data.decode() if isinstance(data, bytes) else data
        value = _DECODER.decode(text.removeprefix("\ufeff"))
        if text.count("[") + text.count("{") > _DEEPEST and _holds(value) and _too_deep(value):
            raise RecursionError
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed("A string has half a surrogate pair, which is no character.", unreadable=True) from None
    except UnicodeDecodeError as error:
        raise Malformed(f"Byte {error.start} is not UTF-8.", unreadable=True) from None
    except RecursionError:
        raise Malformed("The JSON is nested too deeply.", unreadable=True) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise Malformed(f"This is not JSON: {error.msg} at {place}.", unreadable=True) from None
    except ValueError as error:  # a constant, a key that comes twice, or a number past what int and float can hold
        problem = str(error) if error.args and str(error).startswith("This is not") else "A number is too large."
        raise Malformed(problem, unreadable=True) from None
    return value


def read(value: Any, path: tuple[str | int, ...] = ()) -> Request:
    """The request in a decoded JSON object at `path`; unknown members are ignored, null means absent.

    >>> read({"query": "{ hello }", "operationName": None, "id": 7})
    Request(query='{ hello }', operation=None, variables=None, extensions=None)
    >>> try:
    ...     read({"query": "{ hello }", "variables": [7]})
    ... except Malformed as wrong:
    ...     print(wrong.path, wrong)
    ('variables',) "variables" is to be an object, and is an array.
    """
    if not isinstance(value, dict):
        raise Malformed(f"A request is to be an object, and is {_kind(value)}.", path)
    query = _member(value, "query", str, path)
    extensions = _member(value, "extensions", dict, path)
    if query is None and (extensions or {}).get("persistedQuery") is None:
        raise Malformed('"query" is missing: it is the document to run, as a string.', (*path, "query"))
    return Request(
        query or "",
        _member(value, "operationName", str, path),
        _member(value, "variables", dict, path),
        extensions,
    )


def _member(value: dict[str, Any], name: str, kind: type, path: tuple[str | int, ...]) -> Any:
    member = value.get(name)
    if member is not None and not isinstance(member, kind):
        expected = "a string" if kind is str else "an object"
        raise Malformed(f'"{name}" is to be {expected}, and is {_kind(member)}.', (*path, name))
    return member


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):  # RFC 8259 section 4: which of the two is meant is anybody's guess
        raise ValueError("This is not unambiguous JSON: an object has a key twice.")
    return made


def _constant(name: str) -> Any:
    raise ValueError(f"This is not JSON: {name} is no number there.")


def _too_deep(value: Any) -> bool:
    """Whether something in it stands more than `_DEEPEST` levels deep."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [each for one in level for each in (one.values() if isinstance(one, dict) else one) if _holds(each)]
    return bool(level)


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):  # it could not be said again: JSON has no infinity
        raise ValueError(text)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
