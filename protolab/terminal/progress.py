"""`protolab progress`: what was done in the lessons, for the learner to read or an instructor to collect."""

from __future__ import annotations

import json
import os
from pathlib import Path

from protolab import lesson
from protolab.errors import LabError


def run(export: Path | None) -> str:
    """What to print. With `export`, the same is written there as JSON. LabError: it cannot be written."""
    found = lesson.progress()
    if export is None:
        return found.text()
    beside = export.with_name(f".{export.name}.new")
    try:
        beside.write_text(json.dumps(found.json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(beside, export)
    except OSError as error:
        raise LabError(
            f"Progress cannot be written to {export}: {error.strerror or error}.",
            "Name a file that is yours to write: protolab progress --export FILE",
        ) from error
    return f"{found.text().splitlines()[0]} Written to {export}."
