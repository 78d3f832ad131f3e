"""Plain HTTP/1.1: what is left when no protocol that rides on it claims the connection.

`from protolab import http` offers its names, imported when asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protolab.protocols import Card, public

_REQUEST = re.compile(rb"\s*[!-~]+ [^\r\n]+ HTTP/1\.\d\r?\n")


def _recognise(client: bytes, server: bytes, midway: bool) -> int:
    return 50 if _REQUEST.match(client) or server.startswith(b"HTTP/1.") else 0


CARD = Card("http", "HTTP/1.1", ("RFC 9110", "RFC 9112"), recognise=_recognise)

_PUBLIC = {"connect": "client", "UpdatesServer": "server"}
if TYPE_CHECKING:  # the same once more, for editors and type checkers
    from protolab.protocols.http.client import connect as connect
    from protolab.protocols.http.server import UpdatesServer as UpdatesServer

__all__ = ["CARD", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = public(__name__, _PUBLIC)
