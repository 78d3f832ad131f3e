"""Documents that are known by their hash: automatic persisted queries, and lists of the only documents that may run.

A client sends `extensions: {"persistedQuery": {"version": 1, "sha256Hash": "..."}}` without a query; told
`PersistedQueryNotFound`, it sends both once, and from then on the hash alone will do.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from graphql import GraphQLError

from protolab.protocols.graphql.request import Request


def _error(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


class Persisted:
    """At most `most` documents that clients registered, the least recently used falls out; 0 keeps none.

    `safelist`: documents that may run, and no other may; then nothing can be registered.
    """

    def __init__(self, most: int = 500, *, safelist: Iterable[str] | None = None) -> None:
        self.most = most
        self._safe = None if safelist is None else {hash_of(text): text for text in safelist}
        self._known: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def document(self, request: Request) -> str | GraphQLError:
        """The document that a request means, or why there is none."""
        asked = (request.extensions or {}).get("persistedQuery")
        if asked is None:
            digest = hash_of(request.query) if self._safe is not None else ""
        else:
            wanted = _wanted(asked)
            if isinstance(wanted, GraphQLError):
                return wanted
            digest = wanted
            if request.query and hash_of(request.query) != digest:
                return _error("The hash is not that of the query.", "PERSISTED_QUERY_HASH_MISMATCH")
        if self._safe is not None:
            return self._safe.get(digest) or _error("This document is not on the list.", "PERSISTED_QUERY_NOT_IN_LIST")
        if request.query or not digest:
            return request.query
        if not self.most:
            return _error("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
        if digest not in self._known:
            return _error("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        self._known.move_to_end(digest)
        return self._known[digest]

    def register(self, request: Request) -> None:
        """Keep a valid document whose hash the client gave."""
        asked = (request.extensions or {}).get("persistedQuery")
        if asked is None or not request.query or not self.most or self._safe is not None:
            return
        self._known[asked["sha256Hash"].lower()] = request.query
        if len(self._known) > self.most:
            self._known.popitem(last=False)


def hash_of(text: str) -> str:
    """The SHA-256 of a document, as clients write it.

    >>> hash_of("{ users { name } }")[:12]
    '3de70fc68b4b'
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _wanted(asked: Any) -> str | GraphQLError:
    if not isinstance(asked, dict) or asked.get("version") != 1 or isinstance(asked["version"], bool):
        return _error("persistedQuery is to have version 1.", "PERSISTED_QUERY_MALFORMED")
    digest = asked.get("sha256Hash")
    if not isinstance(digest, str) or len(digest) != 64:
        return _error("sha256Hash is to be 64 hexadecimal digits.", "PERSISTED_QUERY_MALFORMED")
    return digest.lower()
