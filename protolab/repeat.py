"""Repeatable runs: when switched on, masking keys and nonces come from a seed, so a notebook's outputs are the same bytes
on every machine (law 9). The bytes on the wire stay real; only where chance or the machine would speak, a seed does.

Clients ask here for randomness and for the name they call the server by; `lab.repeatable()` switches it on.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

AUTHORITY = "lab.local"  # what a client writes into Host instead of an address and a port that differ at each run

_seed: int | None = None
_streams = 0


def switch(seed: int | None) -> int | None:
    """Seed all that follows, or, with None, be random again. Returns what was set before."""
    global _seed, _streams
    before, _seed, _streams = _seed, seed, 0
    return before


def on() -> bool:
    """Whether runs are repeatable now."""
    return _seed is not None


def token_source() -> Callable[[int], bytes]:
    """A source of `n` random bytes at a time: one for each connection, so that connections do not disturb each other."""
    global _streams
    if _seed is None:
        return secrets.token_bytes
    _streams += 1
    return random.Random(f"protolab {_seed} {_streams}").randbytes


def authority(real: str) -> str:
    """What to call the server in a Host header: `real` ("127.0.0.1:53122"), or the logical name in a repeatable run."""
    return AUTHORITY if on() else real
