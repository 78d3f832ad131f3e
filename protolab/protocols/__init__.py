"""The contract that a protocol's folder fulfils, and how folders are found. Nothing here names a protocol.

A folder `protocols/<name>/` has the same file names in each: `__init__` (its `CARD` and its public names, lazily), `decode`,
`states`, `server`, `client`, `scenarios`, and `captures/` with frozen recordings; `states` (tables that a conversation is
stepped through by) and `bench` (what it takes to change bytes and send them) may be missing. A card is cheap to import: what
it names is imported when asked for, so listing the protocols pulls in none of their libraries.
"""

from __future__ import annotations

import importlib.util
import pkgutil
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from protolab.capture import Connection
from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.serve import Server

LOOK = 4096  # bytes of each side's beginning that a card may look at to recognise its protocol


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named conversation: `talk(url)` says a client's part to a fresh `server()`, live or for the frozen recording.

    A repeatable run says the same bytes again; where libraries choose some of them, `same(conversation)` is what it says again.
    """

    title: str
    server: Callable[[], Server]
    talk: Callable[[str], Coroutine[Any, Any, None]]
    same: Callable[[Conversation[Any, Any]], object] | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What a protocol's folder says of itself.

    `recognise(client, server, midway)` looks at the first bytes of each side and answers 0 (not mine) to 100 (surely mine).
    `servers` maps the names of `protolab serve` to "module:Class"; `scenarios` maps the names of conversations to
    "module:NAME" of a `Scenario`, whose frozen recording is `captures/<name>.jsonl`. Modules are relative to the folder.
    """

    name: str
    title: str
    specifications: tuple[str, ...]
    recognise: Callable[[bytes, bytes, bool], int]
    servers: Mapping[str, str] = field(default_factory=dict)
    scenarios: Mapping[str, str] = field(default_factory=dict)

    def load(self, target: str) -> Any:
        """The object that "module:name" means in this protocol's folder."""
        module, _, name = target.partition(":")
        return getattr(importlib.import_module(f"{__name__}.{self.name}.{module}"), name)

    def part(self, module: str) -> Any:
        """A module that a protocol's folder may have or not ("states", "bench"); None where it has not."""
        name = f"{__name__}.{self.name}.{module}"
        return importlib.import_module(name) if importlib.util.find_spec(name) else None

    def recording(self, scenario: str) -> Path:
        """The file that holds the frozen recording of a scenario."""
        return Path(str(files(f"{__name__}.{self.name}"))) / "captures" / f"{scenario}.jsonl"


def public(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__` (PEP 562), which import what it offers when that is first asked for.

    `names` says where each public name is: in a module of the package ("client"), in one elsewhere ("protolab.wire.http1"),
    or "" for a module of the package itself.
    """

    def get(name: str) -> Any:
        if (module := names.get(name)) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not module:
            return importlib.import_module(f"{package}.{name}")
        return getattr(importlib.import_module(module if "." in module else f"{package}.{module}"), name)

    return get, lambda: sorted(["CARD", *names])


@cache
def cards() -> tuple[Card, ...]:
    """The card of every folder here, by name."""
    folders = sorted(info.name for info in pkgutil.iter_modules(__path__) if info.ispkg)
    return tuple(importlib.import_module(f"{__name__}.{name}").CARD for name in folders)


def card(name: str) -> Card:
    """The card of that name; KeyError names those there are."""
    for found in cards():
        if found.name == name:
            return found
    raise KeyError(f"no protocol {name!r}; there are: {', '.join(found.name for found in cards())}")


def recognise(connection: Connection) -> Card:
    """The protocol that a connection most probably speaks, judged by the first bytes of both sides."""
    client, server = (connection.read(side, 0, LOOK) for side in Side)
    return max(cards(), key=lambda card: card.recognise(client, server, connection.midway))


def decode(connection: Connection, protocol: str | None = None) -> Conversation[Any, Any]:
    """The units of a connection, by the protocol named or by the one it is recognised as."""
    chosen = recognise(connection) if protocol is None else card(protocol)
    conversation: Conversation[Any, Any] = chosen.load("decode:decode")(connection)
    return conversation
