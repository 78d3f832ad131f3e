"""A lesson, sat through by a learner who tries everything: each cell is run in order, live, and where a question is asked,
first as it stands, then with every wrong answer that is stored, then with the right one.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jupytext

from protolab import lab, lesson
from protolab.lesson import Exercise, Guess, Outcome, Result, Seen, editions, library, record

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ODD_GUESS = "something that nobody expects"


class Told(NamedTuple):
    """What a learner was told of one answer; `stored` is what the file of exercises has to be said of it."""

    answer: str
    stored: str
    result: Result


class Sat(NamedTuple):
    """All that a lesson said, by id: before an answer, and of the right and the wrong ones."""

    untouched: dict[str, Result]
    right: dict[str, Result]
    wrong: dict[str, list[Told]]


def source(topic: library.Topic) -> Path:
    """The lesson that a file of exercises belongs to: the one of its number."""
    (path,) = (NOTEBOOKS / "source").glob(f"{topic.number}_*.py")
    return path


@cache
def cells(path: Path) -> list[str]:
    """The code cells of a lesson's source."""
    return [cell.source for cell in jupytext.read(path, fmt="py:percent").cells if cell.cell_type == "code"]


class Learner:
    """Runs cells as a kernel does: names stay, `await` works, and what the last line gives is what is seen."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.names: dict[str, Any] = {"display": lambda *things: None}

    def run(self, code: str) -> Any:
        tree = ast.parse(code)
        if isinstance(last := tree.body[-1], ast.Expr):
            tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("_", ast.Store())], last.value), last)
        self.names["_"] = None
        compiled = compile(ast.fix_missing_locations(tree), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if inspect.iscoroutine(waiting := eval(compiled, self.names)):
            self.runner.run(_all(waiting))
        return self.names["_"]


async def _all(waiting: Any) -> None:
    await waiting


@cache
def sit(name: str) -> Sat:
    """Sit through the lesson of a topic."""
    topic = library.topic(name)
    sat = Sat({}, {}, {})
    record._kept.clear()
    try:
        with asyncio.Runner() as runner:
            learner = Learner(runner)
            for code in cells(source(topic)):
                shown = learner.run(code)
                for id in editions.checks(code):
                    sat.untouched[id] = shown
                    _answer(learner, code, id, sat)
                if isinstance(shown, Result) and shown.about == "reveal":
                    sat.untouched[shown.id] = shown
                    _guess(shown.id, sat)
    finally:
        lab.stop()
    return sat


def _answer(learner: Learner, code: str, id: str, sat: Sat) -> None:
    exercise = library.find(id)
    assert isinstance(exercise, Exercise)
    sat.wrong[id] = []
    for wrong, says in exercise.wrong.items():
        answer, typed = wrong, wrong if isinstance(wrong, str) else wrong.__name__
        if callable(answer) and exercise.fact:
            answer = typed = repr(answer(Seen()))
        if callable(answer):
            learner.names["an_answer"], answer = answer, "an_answer"
        sat.wrong[id].append(Told(typed, says, learner.run(editions.fill(code, id, answer))))
    sat.right[id] = learner.run(editions.fill(code, id, exercise.solution))


def _guess(id: str, sat: Sat) -> None:
    """Guess wrongly, as stored and otherwise, and then rightly, with the evidence of this moment."""
    question = library.find(id)
    assert isinstance(question, Guess)
    fact, seen = question.fact(Seen()), Seen()
    guesses = [
        (ast.literal_eval(wrong) if isinstance(wrong, str) else wrong(seen), says)
        for wrong, says in question.wrong.items()
    ]
    sat.wrong[id] = []
    for guess, says in [*guesses, (ODD_GUESS, "")]:
        assert lesson.predict(id, guess).outcome is None
        sat.wrong[id].append(Told(repr(guess), says, lesson.reveal(id)))
    lesson.predict(id, fact)
    sat.right[id] = lesson.reveal(id)


def outcome(result: Any) -> Outcome | None:
    """The outcome of what a cell showed; None when it showed something else."""
    return result.outcome if isinstance(result, Result) else None
