"""The same data by REST: one address for each thing, all of it or nothing. To measure over- and under-fetching against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protolab.protocols.graphql.lean import Lean, encode
from protolab.protocols.graphql.store import Post, User


class RestHandler(Lean):
    """GET /rest/users, /rest/users/1, /rest/users/1/posts, /rest/posts, /rest/posts/1."""

    async def get(self, kind: str, key: str | None = None, sub: str | None = None) -> None:
        store = self.server.store
        found: User | Post | Sequence[User | Post] | None
        if key is None:
            found = await (store.users() if kind == "users" else store.posts())
        elif kind == "posts":
            found = (await store.posts_by_id([key])).get(key) if sub is None else None
        else:
            found = (await store.users_by_id([key])).get(key)
            if found is not None and sub is not None:
                found = (await store.posts_of([key]))[key]
        if found is None:
            return self.missing()
        self._say(found.json if isinstance(found, User | Post) else [item.json for item in found])

    head = get

    def missing(self) -> None:
        """Answer that nothing is there."""
        self.set_status(404)
        self._say({"error": f"There is no {self.request.path[:100]}."})

    def _say(self, value: Any) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(encode(value))

    def write_error(self, status_code: int, **_: Any) -> None:
        if status_code == 405:
            self.set_header("Allow", "GET, HEAD")
        self._say({"error": self._reason})


class Nowhere(RestHandler):
    """Any other path."""

    def prepare(self) -> None:
        self.missing()
