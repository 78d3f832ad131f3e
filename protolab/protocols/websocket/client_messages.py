"""What a client that comes back sends and gets: texts, bytes, and JSON texts of the form {"type": ..., "payload": ...}."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from protolab import repeat

Message = dict[str, Any] | str | bytes  # a dict for a text that is a JSON object

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # of time, in a repeatable run


def encode(data: object) -> tuple[str | bytes, int]:
    """A message as it is sent, and its size in bytes. TypeError or ValueError: it is no JSON, or no text for UTF-8.

    >>> encode("text"), encode(b"bytes"), encode({"ä": [1, None]})
    (('text', 4), (b'bytes', 5), ('{"ä":[1,null]}', 15))
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return (copy := bytes(data)), len(copy)
    text = data if isinstance(data, str) else _JSON.encode(data)
    return text, len(text.encode())


def decode(data: str | bytes) -> Message:
    """A message as its handlers get it.

    >>> decode('{"type": "chat"}'), decode("[1]"), decode(b"{}")
    ({'type': 'chat'}, '[1]', b'{}')
    """
    if isinstance(data, bytes) or not data.lstrip().startswith("{"):
        return data
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):  # the latter for brackets nested by the thousand
        return data
    return message if isinstance(message, dict) else data


def clock() -> Callable[[], str]:
    """Tells the time in UTC, ISO 8601; in a repeatable run, a second after the last time asked."""
    ticks = count(1)

    def now() -> str:
        time = _BEGINNING + timedelta(seconds=next(ticks)) if repeat.on() else datetime.now(UTC)
        return time.isoformat(timespec="milliseconds")

    return now
