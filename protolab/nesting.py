"""`%load_ext protolab`: make `asyncio.run(...)` work in a cell, as code pasted from elsewhere wants. Ours needs it not.

A kernel runs each cell inside its own running event loop, and asyncio lets no loop run inside another: `asyncio.run`
in a cell raises RuntimeError. The honest way is `await` at top level. The patch changes asyncio for the whole process
(leftover tasks are no longer cancelled, and tasks switch more slowly), so it is applied when asked for, never on
import.
"""

from __future__ import annotations

import asyncio
import importlib

from protolab.errors import LabError

_PACKAGES = ("nest_asyncio2", "nest_asyncio")  # the maintained one, which ipykernel brings; then the one it came from


def apply() -> str | None:
    """Patch the running loop, and return the name of the package that did it; None where no loop runs and none need be.

    LabError says that neither package is installed.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None  # plain IPython between two awaits: asyncio.run works as it is
    for name in _PACKAGES:
        try:
            package = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        package.apply(loop)
        return name
    raise LabError("Neither nest_asyncio2 nor nest_asyncio is installed.", "Run: pip install nest-asyncio2")
