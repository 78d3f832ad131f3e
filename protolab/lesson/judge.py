"""What becomes of an answer: values held against evidence, functions against tries, bytes against bytes, bit by bit."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from protolab.fields import Field
from protolab.lesson.evidence import Missing, Seen, Stumbled, called
from protolab.lesson.exercise import Exercise, Guess, Outcome, Verdict, right, untouched, written, wrong
from protolab.view.text import elided

_BYTES = (bytes, bytearray, memoryview)
_ROWS = (list, tuple)


def judge(exercise: Exercise, answer: object, seen: Seen) -> Verdict:
    """The verdict on an answer. Nothing raises: what does in the learner's code, or over it, becomes a verdict too."""
    if answer is ... and not exercise.deed:
        return untouched()
    try:
        verdict = _examined(exercise, answer, seen)
        if verdict.outcome is Outcome.RIGHT and not verdict.says:
            return verdict._replace(says=worded(exercise.why, seen))
        if verdict.outcome is Outcome.WRONG and not verdict.says:
            return verdict._replace(says=known(exercise, answer, seen) or exercise.otherwise)
        return verdict
    except Missing as missing:
        return untouched(str(missing))
    except Stumbled as stumbled:
        if isinstance(stumbled.error, KeyboardInterrupt):
            return Verdict(Outcome.RAISED, f"{stumbled.call} was interrupted. Does a loop in it come to its end?")
        return Verdict(Outcome.RAISED, f"{stumbled.call} raised {raised(stumbled.error)}.")
    except Exception as error:
        return Verdict(Outcome.RAISED, f"The check could not make sense of {_shown(answer)}: {raised(error)}.")


def _examined(exercise: Exercise, answer: Any, seen: Seen) -> Verdict:
    if exercise.deed:
        return exercise.deed(seen)
    if exercise.check:
        return exercise.check(answer, seen)
    if exercise.tries:
        return _tried(exercise, answer, seen)
    assert exercise.fact is not None
    fact = exercise.fact(seen)
    return right() if same(answer, fact) else _differs(exercise, answer, fact, known(exercise, answer, seen))


def _tried(exercise: Exercise, answer: Any, seen: Seen) -> Verdict:
    """A function, held against the one that is right, call by call; one that is wrong as a known one is gets its words."""
    assert callable(exercise.right)
    if not callable(answer):
        return wrong(f"A function was asked for, and this is {_shown(answer)}: give its name, without calling it.")
    made = []
    for arguments in exercise.tries:
        result = seen.call(answer, *arguments)
        if result is ...:
            return untouched("Put your code in place of the dots.")
        made.append(result)
    wanted = [seen.call(exercise.right, *arguments) for arguments in exercise.tries]
    if all(map(same, made, wanted)):
        return right()
    says = next((says for function, says in exercise.wrong.items() if _behaves(function, made, exercise, seen)), "")
    at = next(i for i, pair in enumerate(zip(made, wanted, strict=True)) if not same(*pair))
    return _differs(exercise, made[at], wanted[at], says, f"{called(answer, exercise.tries[at])} gives ")


def _behaves(function: str | Callable[..., Any], made: list[Any], exercise: Exercise, seen: Seen) -> bool:
    """Whether a stored wrong function makes of every try just what the learner's made."""
    if isinstance(function, str):
        return False
    try:
        return all(
            same(result, seen.call(function, *arguments), exactly=True)
            for result, arguments in zip(made, exercise.tries, strict=True)
        )
    except Stumbled:
        return False


def known(question: Exercise | Guess, answer: object, seen: Seen) -> str:
    """What is stored to be said of this very answer, or nothing."""
    for stored, says in question.wrong.items():
        if isinstance(stored, str):
            try:
                value = ast.literal_eval(stored)
            except (ValueError, SyntaxError):
                continue  # code that is no plain value: for the tests, and for the instructor's edition
        elif question.fact:
            value = stored(seen)
        else:
            continue
        if same(answer, value):
            return says
    return ""


def same(answer: Any, fact: Any, exactly: bool = False) -> bool:
    """Whether two values are the same to a teacher: text whatever its case and outer spaces, but True is not 1.

    >>> same(" Client", "client"), same(True, 1), same(bytearray(b"a"), b"a"), same("1", 1), same((3, 5), [3, 5])
    (True, False, True, False, True)
    """
    if isinstance(answer, str) and isinstance(fact, str) and not exactly:
        return answer.strip().casefold() == fact.strip().casefold()
    if isinstance(answer, bool) is not isinstance(fact, bool):
        return False
    if isinstance(answer, _BYTES) is not isinstance(fact, _BYTES):
        return False
    if isinstance(answer, _ROWS) and isinstance(fact, _ROWS):
        return list(answer) == list(fact)
    return bool(answer == fact)


def _differs(exercise: Exercise, answer: Any, fact: Any, says: str, made: str = "") -> Verdict:
    """How an answer differs from the fact without telling the fact: what is known of it, its type, or its first bad byte."""
    if isinstance(answer, _BYTES) and isinstance(fact, _BYTES):
        return _bytes_differ(exercise, bytes(answer), bytes(fact), says, made)
    if not says:
        says = "That is nothing at all: is a return missing?" if made and answer is None else type_differs(answer, fact)
    if not says and exercise.otherwise:
        return wrong(exercise.otherwise if not made else f"{made}{_shown(answer)}. {exercise.otherwise}")
    return wrong(
        f"{made}{_shown(answer)}{'. ' if made else ' is not it. '}{says}".strip() if made or not says else says
    )


def type_differs(answer: Any, fact: Any) -> str:
    """What to say of an answer of another type; nothing, when it is of the right one or of one that nobody types."""
    match answer, fact:
        case None, _:
            return "That is nothing at all: write the value itself (a print gives none)."
        case str(), int():
            return "A number was asked for, and this is a text: leave the quotes away."
        case int(), str():
            return "A text was asked for, and this is a number: put quotes around it."
        case bytes() | bytearray(), str():
            return "A text was asked for, and these are bytes: .decode() makes a text of them."
        case str(), bytes():
            return "Bytes were asked for, and this is a text: .encode() makes bytes of it."
        case str() | int(), list() | tuple():
            return "A list was asked for: put it in brackets, with commas between its items."
    return ""


def _bytes_differ(exercise: Exercise, answer: bytes, fact: bytes, says: str, made: str) -> Verdict:
    """Names the first byte that is wrong, and the field it is in; a caret stands under it."""
    at = next((i for i, pair in enumerate(zip(answer, fact, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        at = min(len(answer), len(fact))
        more = abs(len(answer) - len(fact))
        words = f"{more:,} byte{'' if more == 1 else 's'} too {'many' if len(answer) > len(fact) else 'few'}"
        end = at + 1 if at < len(answer) else at
    else:
        field = exercise.anatomy and _leaf(exercise.anatomy(fact), at * 8 + _bit(answer[at] ^ fact[at]))
        words = f"byte {at}{f' ({field})' if field else ''} is the first that is wrong"
        end = at + 1
    size = f"{made}{len(answer):,} byte{'' if len(answer) == 1 else 's'}. " if made else ""
    return wrong(f"{size}{words[0].upper()}{words[1:]}. {says or exercise.otherwise}".strip(), answer, at, end)


def _bit(difference: int) -> int:
    """Where the first bit of a byte's difference stands, from the left."""
    return 8 - difference.bit_length()


def _leaf(tree: Field, bit: int) -> str:
    return next((leaf.name for leaf in tree.leaves() if leaf.span[0] <= bit < leaf.span[1]), "")


def worded(why: str | Callable[[Seen], str], seen: Seen) -> str:
    """One line on why, which may be computed from the evidence."""
    return why if isinstance(why, str) else why(seen)


def raised(error: BaseException) -> str:
    """An exception in a line.

    >>> raised(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    return f"{type(error).__name__}{f': {elided(str(error), 200)}' if str(error) else ''}"


def _shown(answer: object) -> str:
    return written(answer, 60)
