"""Media types: which one a client may be answered in (RFC 9110 section 12.5.1), and what one that it sent says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"

_ITEM = re.compile(r'(?:[^,;"]|"(?:[^"\\]|\\.)*")+|[,;]')  # commas and semicolons in quotes separate nothing


class MediaType(NamedTuple):
    """A media type, or a range of them: `name` in lower case, its parameters but q, and q."""

    name: str
    parameters: dict[str, str]
    q: float = 1.0

    @property
    def utf8(self) -> bool:
        """Whether its charset, if it names one, is the only one that GraphQL over HTTP knows."""
        return self.parameters.get("charset", "utf-8").lower() in ("utf-8", "utf8")


@lru_cache(256)  # clients say the same few things again and again; what one of them may say is bounded by the server
def parse(text: str) -> tuple[MediaType, ...]:
    """The media types in a field value, in order.

    >>> parse('application/json; charset="UTF-8", text/*;q=0.5')[1]
    MediaType(name='text/*', parameters={}, q=0.5)
    """
    return tuple(_media_type(item) for item in _items(text) if item[0])


@lru_cache(256)
def choose(accept: str | None, offers: tuple[str, ...]) -> str | None:
    """The offer that an Accept field likes best, None if it likes none; without one the first.

    The most specific range that an offer falls under gives its q. Equal ones: the range that was named first wins, and
    under one range the offer that comes first.

    >>> choose("application/json;q=0.9, application/graphql-response+json", (JSON, RESPONSE))
    'application/graphql-response+json'
    >>> choose("*/*", (JSON, RESPONSE)), choose("text/plain", (JSON,)), choose("*/*, application/json;q=0", (JSON,))
    ('application/json', None, None)
    """
    ranges = parse(accept or "")
    if not ranges:
        return offers[0]
    best: tuple[float, int, int] | None = None
    chosen = None
    for turn, offer in enumerate(offers):
        fitting = [(_closeness(range_, offer), -place, range_.q) for place, range_ in enumerate(ranges)]
        closeness, place, q = max(fitting)
        if closeness and q > 0 and (best is None or (q, place, -turn) > best):
            best, chosen = (q, place, -turn), offer
    return chosen


def _closeness(range_: MediaType, offer: str) -> int:
    """0: the offer is not in that range; else the more, the more specific the range is."""
    if not range_.utf8 or set(range_.parameters) - {"charset"}:
        return 0  # a parameter that no offer has
    if range_.name == offer:
        return 3
    if range_.name == offer.partition("/")[0] + "/*":
        return 2
    return int(range_.name == "*/*")


def _items(text: str) -> Iterator[list[str]]:
    """The parts between commas, each cut at its semicolons."""
    parts = [""]
    for piece in _ITEM.findall(text):
        if piece == ",":
            yield parts
            parts = [""]
        elif piece == ";":
            parts.append("")
        else:
            parts[-1] += piece.strip()
    yield parts


def _media_type(parts: list[str]) -> MediaType:
    parameters = {}
    q = 1.0
    for part in parts[1:]:
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), value.strip().strip('"')
        if name == "q":
            q = min(float(value), 1.0) if re.fullmatch(r"\d(\.\d{0,3})?", value) else 1.0
        elif name:
            parameters[name] = value
    return MediaType(parts[0].strip().lower(), parameters, q)
