"""The page that a browser gets at /graphql: write a query, run it, subscribe. All of it is in this package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from protolab.protocols.graphql.lean import Lean

if TYPE_CHECKING:
    from tornado.web import RequestHandler

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_POLICY = (  # nothing from elsewhere, nothing inline, nothing framed
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def _asset(kind: str) -> bytes:
    return (files(__package__) / f"page.{kind}").read_bytes()


def send(handler: RequestHandler, kind: str = "html") -> None:
    """Answer with the page, or one of its parts."""
    handler.set_header("Content-Type", f"{_TYPES[kind]}; charset=utf-8")
    handler.set_header("Content-Security-Policy", _POLICY)
    handler.add_header("Vary", "Accept")
    handler.finish(_asset(kind))


class PageHandler(Lean):
    """GET /graphql/page.js and page.css."""

    def get(self, kind: str) -> None:
        send(self, kind)
