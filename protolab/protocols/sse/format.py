"""Events as a server writes them: the event stream format of WHATWG HTML section 9.2.5, encoded.

What cannot be said in the format is refused, not mended: a line end in an event's name would begin a field of its own,
and a program that puts one there should hear of it.
"""

from __future__ import annotations

import json
import re
from typing import Any

LINE_END = re.compile(r"\r\n|\r|\n")  # and no other: str.splitlines knows seven more, which are data here


def as_text(data: Any) -> str:
    """Data as an event carries it: a string as it is, anything else as JSON. ValueError: JSON has no such value.

    >>> as_text("as it is"), as_text({"n": 1}), as_text(None)
    ('as it is', '{"n":1}', 'null')
    """
    if isinstance(data, str):
        return data
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except TypeError as error:
        raise ValueError(f"JSON cannot say this: {error}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply for JSON") from None


def encode(data: str, *, event: str | None = None, id: str | None = None, retry: int | None = None) -> bytes:
    """One event, with the blank line that dispatches it.

    Each line of `data` becomes a data line, so that it comes out as it went in (line ends as LF). `retry` is in
    milliseconds. ValueError: a line end in `event` or `id`, a NUL in `id` (which clients ignore it for), a `retry` that
    is negative, or a lone surrogate, which UTF-8 cannot say.

    >>> encode("two\\nlines", event="message", id="7")
    b'id: 7\\nevent: message\\ndata: two\\ndata: lines\\n\\n'
    >>> encode("x", event="a\\ndata: injected")
    Traceback (most recent call last):
    ValueError: an event's name is one line: 'a\\ndata: injected' is more
    """
    lines = []
    if retry is not None:
        if retry < 0:
            raise ValueError(f"nobody can wait {retry} ms")
        lines.append(f"retry: {retry}")
    if id is not None:
        if LINE_END.search(id) or "\0" in id:
            raise ValueError(f"an id is one line without NUL: {id!r} is not")
        lines.append(f"id: {id}")
    if event is not None:
        if LINE_END.search(event):
            raise ValueError(f"an event's name is one line: {event!r} is more")
        lines.append(f"event: {event}")
    lines += [f"data: {line}" for line in LINE_END.split(data)]
    try:
        return "\n".join([*lines, "", ""]).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"UTF-8 cannot say {error.object[error.start]!r}, half of a pair") from None


def comment(text: str = "") -> bytes:
    """A comment, which clients read and forget: it shows every proxy on the way that the connection lives.

    >>> comment("one\\ntwo"), comment()
    (b': one\\n: two\\n\\n', b':\\n\\n')
    """
    return "".join(f": {line}".rstrip(" ") + "\n" for line in LINE_END.split(text)).encode(errors="replace") + b"\n"
