"""What a learner has done, in one local JSON file. Nothing of it leaves the machine.

`PROTOLAB_PROGRESS` names the file, or turns it off ("off"). Without it there is one for each user, but none in CI and
under pytest, where a lesson must not depend on what ran before. What cannot be written is remembered until Python ends.
Two kernels that write in the same instant overwrite each other's last word, nothing more: each reads before it writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LIMIT = 2000  # questions that one file remembers; the oldest make room
_OFF = {"off", "0", "no", "false"}


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done about one question: the last outcome, how often it was tried, and when it was first right (UTC)."""

    outcome: str = ""
    tries: int = 0
    hints: int = 0
    solution: bool = False
    guess: str = ""
    right: str = ""


_kept: dict[str, Entry] = {}  # of this process, where there is no file


def place() -> Path | None:
    """The file, or None when progress is not kept."""
    said = os.environ.get("PROTOLAB_PROGRESS", "")
    if said:
        return None if said.lower() in _OFF else Path(said).expanduser()
    if os.environ.get("CI") or os.environ.get("PYTEST_CURRENT_TEST") or os.environ.get("PYTEST_VERSION"):
        return None
    home = Path.home()
    if sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return folder / "protolab" / "progress.json"


def read() -> dict[str, Entry]:
    """All that is known, by id. A file that is no record of ours is put aside as .broken, and nothing is known."""
    path = place()
    if path is None:
        return dict(_kept)
    try:
        found = json.loads(path.read_bytes())["questions"]
        return {str(id): _entry(said) for id, said in found.items()} | _kept
    except FileNotFoundError:
        return dict(_kept)
    except OSError:
        return dict(_kept)  # not ours to read: then not ours to put aside either
    except (ValueError, KeyError, TypeError, AttributeError):
        with contextlib.suppress(OSError):  # else it stays where it is, and is overwritten by what comes next
            os.replace(path, path.with_name(f"{path.name}.broken"))
        return dict(_kept)


def entry(id: str) -> Entry:
    """What is known of one question."""
    return read().get(id, Entry())


def change(id: str, how: Callable[[Entry], Entry]) -> Entry:
    """Note something about one question, whole or not at all, and return what is known of it now."""
    known = read()
    now = how(known.pop(id, Entry()))
    known[id] = now  # last, so that the oldest stand first
    path = place()
    if path is None:
        _kept[id] = now
        return now
    said = {"protolab": 1, "questions": {id: asdict(one) for id, one in list(known.items())[-LIMIT:]}}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(beside, path)
        _kept.clear()
    except OSError:
        _kept[id] = now  # a full disk or a read-only home is no reason to stop learning
    return now


def answered(id: str, outcome: str, right: bool) -> Entry:
    """Note that a question was tried; what was right once stays so."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return change(
        id,
        lambda known: replace(
            known, outcome=outcome, tries=known.tries + 1, right=known.right or (now if right else "")
        ),
    )


def _entry(said: dict[str, Any]) -> Entry:
    """An entry from JSON; values of another type, from another version or hand, are left out."""
    empty = asdict(Entry())
    known: dict[str, Any] = {name: value for name, value in said.items() if type(value) is type(empty.get(name))}
    return Entry(**known)
