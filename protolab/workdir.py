"""The learner's folder: the lessons are copied into it, and never over what a learner wrote.

A manifest in the folder remembers what each lesson said when it was put there. A lesson that still says it belongs to
protolab, and a newer one takes its place; any other belongs to the learner. What counts is what the cells say: a lesson
that was run, and has other outputs now, is not an edited one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from protolab.errors import LabError
from protolab.lesson import library

HIDDEN = ".protolab"  # the folder inside the learner's for what is ours
FRESH, SAME, UPDATED, KEPT, RESET = "new", "as it was", "updated", "edited by you, kept", "fresh; yours is now {}"


class Copied(NamedTuple):
    """What became of one lesson: `how` is one of the words above."""

    name: str
    how: str


def lessons() -> dict[str, Path]:
    """The lessons' files by name: those inside the package or, in a development install, those of the repository."""
    return {path.name: path for path in sorted(library.notebooks().glob("[0-9]*.ipynb"))}


def copy(
    folder: Path, *, reset: bool = False, edition: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> list[Copied]:
    """Copy the lessons into `folder`, and say what became of each. With `reset`, edited ones are renamed to .mine.

    `edition` makes another notebook of each on the way (as JSON). LabError: the folder cannot be made or written.
    """
    sources = lessons()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(source.parent.samefile(folder) for source in sources.values()):
            if edition is None:
                return [Copied(name, SAME) for name in sources]  # the originals themselves
            raise LabError(
                f"{folder} holds the lessons themselves.", "Name another folder for this edition: protolab lab FOLDER"
            )
        manifest = folder / HIDDEN / "manifest.json"
        known = _read(manifest)
        done = [_copy_one(_content(source, edition), folder / name, known, reset) for name, source in sources.items()]
        manifest.parent.mkdir(exist_ok=True)
        _write(manifest, json.dumps(known, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise LabError(
            f"The lessons cannot be copied to {folder}: {error.strerror or error}.",
            "Name a folder that is yours to write in: protolab lab FOLDER",
        ) from error
    return done


def _content(source: Path, edition: Callable[[dict[str, Any]], dict[str, Any]] | None) -> bytes:
    content = source.read_bytes()
    if edition is None:
        return content
    return json.dumps(edition(json.loads(content)), indent=1, ensure_ascii=False).encode() + b"\n"


def _copy_one(content: bytes, target: Path, known: dict[str, str], reset: bool) -> Copied:
    there = target.read_bytes() if target.exists() else None
    says = None if there is None else said(there)
    if there is None:
        how = FRESH
    elif says == said(content):
        known[target.name] = says
        return Copied(target.name, SAME)
    elif says == known.get(target.name):
        how = UPDATED
    elif not reset:
        return Copied(target.name, KEPT)
    else:
        mine = next(path for path in _mine(target) if not path.exists())
        os.replace(target, mine)
        how = RESET.format(mine.name)
    _write(target, content)
    known[target.name] = said(content)
    return Copied(target.name, how)


def said(notebook: bytes) -> str:
    """A fingerprint of what a notebook's cells say, whatever their outputs; of all its bytes when it is no notebook."""
    try:
        cells = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(notebook)["cells"]]
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(notebook).hexdigest()
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _mine(target: Path) -> Iterator[Path]:
    """Names for a learner's own copy: 00_welcome.mine.ipynb, then 00_welcome.mine2.ipynb and so on."""
    yield target.with_suffix(".mine.ipynb")
    number = 2
    while True:
        yield target.with_suffix(f".mine{number}.ipynb")
        number += 1


def _read(manifest: Path) -> dict[str, str]:
    try:
        found = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return {}  # then every lesson that differs counts as the learner's, which errs on the safe side
    return {str(name): str(says) for name, says in found.items()} if isinstance(found, dict) else {}


def _write(path: Path, content: bytes) -> None:
    """Write whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    os.replace(beside, path)
