"""How wide the terminal is."""

from __future__ import annotations

import shutil

from protolab.view.ladder import RAIL

BESIDE = 40  # columns of a line beside its arrow: the connection, unit, time, stream and size
NARROWEST = 24


def rail() -> int:
    """The columns between the two sides of a ladder: what fits this terminal, and as ever where there is none."""
    columns = shutil.get_terminal_size((RAIL + BESIDE, 0)).columns
    return max(NARROWEST, min(RAIL, columns - BESIDE))
