"""Lessons that answer back: predict before you look, check what you think, take a hint, and see how far you are.

    predict("frames.header", ...)      a guess, in place of the dots
    reveal("frames.header")            the guess against what was recorded, and why
    check("frames.second", ...)        right, wrong (and how), not attempted or raised
    hint("frames.second")              the next hint
    solution("frames.second")          after the last hint, or a right answer

Each gives an object that draws itself, so it stands last in its cell. The questions are data, in a file for each lesson;
`CONTRIBUTING.md` shows how to write one. What counts as evidence is what the lab recorded.
"""

from __future__ import annotations

import os
from dataclasses import replace

from protolab.errors import LabError
from protolab.lesson import library, record
from protolab.lesson.evidence import Missing, Seen
from protolab.lesson.exercise import Exercise, Guess, Outcome, Verdict, right, untouched, written, wrong
from protolab.lesson.judge import judge, known, raised, same, type_differs, worded
from protolab.lesson.result import Progress, Result, marks, shown
from protolab.view.text import elided

__all__ = [
    "Exercise",
    "Guess",
    "Missing",
    "Outcome",
    "Progress",
    "Result",
    "Seen",
    "Verdict",
    "check",
    "hint",
    "predict",
    "progress",
    "reveal",
    "right",
    "solution",
    "untouched",
    "wrong",
]

LONGEST = 1000  # characters of what a check says: one that quotes an answer may have been given a megabyte

_guesses: dict[str, object] = {}  # of this kernel: what was typed, to hold against the recording


def predict(id: str, guess: object = ...) -> Result:
    """Take a guess before the answer is seen; the dots, or nothing, are no guess."""
    _guess(id)
    if guess is ...:
        _guesses.pop(id, None)
        return Result(
            "predict", id, ["Put a guess in place of the dots; a wrong one teaches as much."], Outcome.UNTOUCHED
        )
    _guesses[id] = guess
    record.change(id, lambda known: replace(known, guess=written(guess, 80), tries=known.tries + 1))
    return Result("predict", id, [f"Your guess is kept: {shown(guess)}. Now look."], head="guessed")


def reveal(id: str) -> Result:
    """Hold the guess against what was recorded, with one line on why. Without a guess nothing is given away."""
    question = _guess(id)
    if id not in _guesses:
        says = f'First predict("{id}", ...), with a guess in place of the dots: then the answer is told here.'
        return Result("reveal", id, [says], Outcome.UNTOUCHED, "no guess yet")
    guess, seen = _guesses[id], Seen()
    try:
        fact = question.fact(seen)
        why, hit = worded(question.why, seen), same(guess, fact)
        told = "" if hit else known(question, guess, seen) or type_differs(guess, fact)
    except Missing as missing:
        return Result("reveal", id, [str(missing)], Outcome.UNTOUCHED, "nothing to see yet")
    except Exception as error:
        says = f"This could not be read from the recording ({raised(error)}): run the cells above, in order."
        return Result("reveal", id, [says], Outcome.RAISED)
    says = f"You guessed {shown(guess)}{', and so it is' if hit else f'. It is {shown(fact)}'}."
    record.answered(id, Outcome.RIGHT if hit else Outcome.WRONG, hit)
    return Result("reveal", id, [says, told, why], Outcome.RIGHT if hit else Outcome.WRONG)


def check(id: str, answer: object = ...) -> Result:
    """Say whether an answer is right. What is wrong is said with it, and where, if it is bytes."""
    exercise = _exercise(id)
    verdict = judge(exercise, answer, Seen())
    says = [elided(verdict.says, LONGEST)]
    if verdict.outcome is Outcome.UNTOUCHED:
        nothing = "Do it, then run this cell again." if exercise.deed else "Put your answer in place of the dots."
        says = [verdict.says or nothing]
    else:
        record.answered(id, verdict.outcome, verdict.outcome is Outcome.RIGHT)
    if verdict.outcome is not Outcome.RIGHT:
        says.append(_help(id, exercise))
    return Result("check", id, says, verdict.outcome, marks=marks(verdict.data, verdict.start, verdict.end))


def hint(id: str) -> Result:
    """The next hint, below those given before; it says how many are left."""
    exercise = _exercise(id)
    total = len(exercise.hints)
    given = record.change(id, lambda known: replace(known, hints=min(known.hints + 1, total))).hints
    left = total - given
    more = (
        f"{left} more {'is' if left == 1 else 'are'} left." if left else f'That was the last; solution("{id}") is next.'
    )
    says = [f"{number}. {text}" for number, text in enumerate(exercise.hints[:given], 1)]
    return Result("hint", id, [more, *says], head=f"hint {given} of {total}" if total else "no hints")


def solution(id: str) -> Result:
    """One solution, once the hints are used up or the answer was right; always in an instructor's edition."""
    exercise = _exercise(id)
    known = record.entry(id)
    left = len(exercise.hints) - known.hints
    if left > 0 and not known.right and not os.environ.get("PROTOLAB_SOLUTIONS"):
        says = f'{left} hint{"" if left == 1 else "s"} first: hint("{id}"). Or answer rightly, and compare.'
        return Result("solution", id, [says], head="not yet")
    record.change(id, lambda known: replace(known, solution=True))
    try:
        why = worded(exercise.why, Seen())
    except Exception:
        why = ""  # it speaks of what was not recorded in this kernel
    return Result("solution", id, [why], head="one solution", code=exercise.solution)


def progress() -> Progress:
    """What was done so far, in all lessons."""
    path = record.place()
    kept = (
        f"Kept on this machine only, in {path}."
        if path
        else "Kept until Python ends: PROTOLAB_PROGRESS, or CI, turns it off here."
    )
    return Progress(library.topics(), record.read(), kept)


def _help(id: str, exercise: Exercise) -> str:
    left = len(exercise.hints) - record.entry(id).hints
    return f'hint("{id}") helps: {left} left.' if left > 0 else f'solution("{id}") shows one way.'


def _guess(id: str) -> Guess:
    question = library.find(id)
    if isinstance(question, Guess):
        return question
    raise LabError(f"{id!r} is an exercise, not something to predict.", f'Write check("{id}", ...).')


def _exercise(id: str) -> Exercise:
    question = library.find(id)
    if isinstance(question, Exercise):
        return question
    raise LabError(f"{id!r} is something to predict.", f'Write predict("{id}", ...), and reveal("{id}") to see.')
