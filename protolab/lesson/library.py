"""Where exercises are found: `exercises/NN_topic.py` beside the lessons; "topic.name" is the id of each one in it."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from protolab.errors import LabError
from protolab.lesson.exercise import Exercise, Guess


class Topic(NamedTuple):
    """The exercises of one lesson: `number` as in NN_topic.py, and the questions by name, in the order of the file."""

    number: str
    name: str
    path: Path
    questions: dict[str, Exercise | Guess]

    @property
    def ids(self) -> list[str]:
        return [f"{self.name}.{name}" for name in self.questions]


def notebooks() -> Path:
    """The folder of the lessons: the one in the package or, in a development install, the repository's."""
    package = Path(str(resources.files("protolab")))
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if any(folder.glob("[0-9]*.ipynb")):
            return folder
    raise LabError(
        "This installation of protolab has no lessons in it.",
        "Install it again: pip install --force-reinstall protolab",
    )


def files() -> dict[str, Path]:
    """The files of exercises by topic: those beside the notebook that runs come first, so that a course can bring its own."""
    found: dict[str, Path] = {}
    for folder in (Path.cwd() / "exercises", notebooks() / "exercises"):
        for path in sorted(folder.glob("[0-9]*_*.py")):
            found.setdefault(path.stem.partition("_")[2], path)
    return found


def topics() -> list[Topic]:
    """Every topic, in the order of the lessons."""
    return sorted((topic(name) for name in files()), key=lambda topic: topic.path.stem)


def topic(name: str) -> Topic:
    """The exercises of one topic. LabError: there is no such topic, or its file does not load."""
    known = files()
    if name not in known:
        raise LabError(f"There are no exercises on {name!r}.", _meant(name, list(known)))
    return _load(known[name], known[name].stat().st_mtime_ns)


def find(id: str) -> Exercise | Guess:
    """The question of that id. LabError names those that are near."""
    name, _, rest = id.partition(".")
    here = topic(name)
    if rest not in here.questions:
        raise LabError(f"There is no question {id!r}.", _meant(id, here.ids))
    return here.questions[rest]


@lru_cache(maxsize=64)
def _load(path: Path, changed: int) -> Topic:
    """Read a file of exercises; one that was `changed` is read anew, so that who writes one need not restart."""
    try:
        names_of_file: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
        exec(compile(path.read_bytes(), path, "exec", dont_inherit=True), names_of_file)
        written: list[Exercise | Guess] = names_of_file["EXERCISES"]
        names = [question.name for question in written]
    except Exception as error:
        raise LabError(
            f"{path.name} does not load: {type(error).__name__}: {error}.",
            "It needs a list EXERCISES of Exercise(...) and Guess(...); CONTRIBUTING.md shows one.",
        ) from error
    if twice := {name for name in names if names.count(name) > 1}:
        raise LabError(f"{path.name} has two questions called {', '.join(sorted(twice))}.", "Give each its own name.")
    number, _, name = path.stem.partition("_")
    return Topic(number, name, path, dict(zip(names, written, strict=True)))


def _meant(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"Did you mean {near[0]!r}? There are: {', '.join(known)}." if near else f"There are: {', '.join(known)}."
