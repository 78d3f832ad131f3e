"""What every answer of the server has in common: no word about the machine, errors in one shape, logs in a ring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError, RequestHandler

from protolab import repeat

if TYPE_CHECKING:
    from protolab.protocols.graphql.engine import Result
    from protolab.protocols.graphql.server import GraphQLServer


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encode(result: Any) -> bytes:
    """A result as JSON in UTF-8."""
    return _ENCODER.encode(result).encode("utf-8", "replace")


def refusal(problem: str, code: str, **about: Any) -> Result:
    """The result that refuses a message."""
    return {"errors": [{"message": problem, "extensions": {"code": code, **about}}]}


class Lean(RequestHandler):
    """A handler that says nothing about the machine, and logs into the server's ring."""

    @property
    def server(self) -> GraphQLServer:
        """Whose handler this is."""
        found: GraphQLServer = self.application.settings["graphql"]
        return found

    def set_default_headers(self) -> None:
        self.clear_header("Server")  # a version would differ between machines, and nobody needs to know it
        if repeat.on():
            self.clear_header("Date")  # RFC 9110 section 6.6.1: as a server without a clock
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        for name, value in self.server.cors(self.request):
            self.set_header(name, value)

    def compute_etag(self) -> None:
        """None: answers are not cached."""

    def log_exception(self, *error: object) -> None:
        """Into the log: what a thread prints lands in somebody's notebook cell."""
        if not isinstance(error[1], HTTPError):
            self.server.log(f"{self.request.method} {self.request.path} failed: {error[1]!r}")
