"""protolab: what WebSocket, Server-Sent Events, GraphQL and gRPC really say to each other.

`from protolab import websocket, lab` works; importing the package alone imports nothing else.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which cannot look into folders
    from protolab.protocols import graphql as graphql
    from protolab.protocols import grpc as grpc
    from protolab.protocols import http as http
    from protolab.protocols import sse as sse
    from protolab.protocols import websocket as websocket

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """A room (`lab`, `show`) or a protocol's folder (`websocket`), imported when first asked for (PEP 562)."""
    if name.startswith("_"):
        raise AttributeError(name)
    room = f"{__name__}.{name}"
    target = room if importlib.util.find_spec(room) else f"{__name__}.protocols.{name}"
    try:
        return importlib.import_module(target)
    except ModuleNotFoundError as error:
        if error.name != target:
            raise
        raise AttributeError(f"protolab has no {name!r}") from None


def __dir__() -> list[str]:
    """What can be imported from here: the rooms, and each protocol's folder."""
    import pkgutil

    folders = [*__path__, *(f"{path}/protocols" for path in __path__)]
    return sorted({"__version__", *(found.name for found in pkgutil.iter_modules(folders) if found.name[0] != "_")})


def load_ipython_extension(ipython: object) -> None:
    """`%load_ext protolab`: let `asyncio.run(...)` pasted from elsewhere work in a cell. Nothing of ours needs it."""
    importlib.import_module("protolab.nesting").apply()
