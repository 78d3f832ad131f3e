"""The one place where something low reaches up: how an object draws itself when a notebook or `print` asks it to.

Captures and units know nothing of views, yet a learner types `capture` in a cell and expects to see it. So they ask here,
and `protolab.show` (which knows protocols and views) is imported by name, at the moment of drawing and not before.
"""

from __future__ import annotations

import importlib
from typing import Any


def bundle(thing: object) -> dict[str, Any]:
    """The mime bundle of `thing`: text/plain, text/html and application/vnd.protolab.<kind>.v1+json."""
    found: dict[str, Any] = importlib.import_module("protolab.show").view_of(thing).bundle()
    return found


def text(thing: object) -> str:
    """The text form of `thing`: complete and aligned, without colour."""
    return str(bundle(thing)["text/plain"])


class Drawn:
    """Mixin: `print(thing)` gives the text form, a notebook cell the whole bundle."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return bundle(self)

    def __str__(self) -> str:
        return text(self)
