"""Exercises and guesses as data: what an instructor writes down, and what a check answers.

One file for each lesson, `notebooks/exercises/NN_topic.py`, holds a list `EXERCISES` of the two below. A check is a small
function that looks at the evidence, what the lab recorded, and says `right`, `wrong` or `untouched`.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from protolab.fields import Field
from protolab.view.text import elided

if TYPE_CHECKING:
    from protolab.lesson.evidence import Seen

    Fact = Callable[[Seen], object]
    Why = str | Callable[[Seen], str]


class Outcome(StrEnum):
    """What became of an answer. The values are the words that a learner reads."""

    RIGHT = "right"
    WRONG = "wrong"
    UNTOUCHED = "not attempted"
    RAISED = "raised"


class Verdict(NamedTuple):
    """What a check answers: the outcome, a line of words, and, where the answer is bytes, which of them are meant."""

    outcome: Outcome
    says: str = ""
    data: bytes | None = None
    start: int = 0
    end: int = 0


def right(says: str = "") -> Verdict:
    """The answer is right; `says` is one line on why, in place of the exercise's own."""
    return Verdict(Outcome.RIGHT, says)


def wrong(says: str = "", data: bytes | None = None, start: int = 0, end: int | None = None) -> Verdict:
    """The answer is wrong. With `data`, a caret is drawn under its bytes [start, end); one byte when `end` is not given.

    Without words, those stored for this answer in the exercise's `wrong` are said.
    """
    return Verdict(Outcome.WRONG, says, data, start, start + 1 if end is None else end)


def untouched(says: str = "") -> Verdict:
    """Nothing was tried yet."""
    return Verdict(Outcome.UNTOUCHED, says)


@dataclass(frozen=True, slots=True)
class Guess:
    """Something to predict: `predict("topic.name", guess)`, then `reveal("topic.name")`.

    `fact(seen)` reads the answer from the evidence. `why` is one line that is shown with it. `wrong` maps guesses that
    many make (as typed, or computed by a function of `seen`) to what is worth saying about them.
    """

    name: str
    question: str
    fact: Fact
    why: Why
    wrong: Mapping[str | Callable[..., Any], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exercise:
    """Something to answer or to do. Exactly one of these says what is right:

    - `fact(seen)`: the answer is a value, and this reads it from the evidence;
    - `tries`: the answer is a function, called with each of these tuples of arguments, and held against `right`;
      where it makes bytes, `anatomy(bytes)` may give their field tree, so that a wrong byte is named by its field;
    - `check(answer, seen)`: anything else about an answer, a verdict;
    - `deed(seen)`: there is no answer; what counts is what was said on the wire, a verdict.

    `right` is the solution: code as a learner would type it, or a function (whose source is shown). `wrong` maps at least
    three answers that are wrong (code, or functions; with `fact`, also functions of `seen` that compute the value) to the
    message that each gets; a check that words its own message has a part of it here. `hints` go from a nudge to nearly all.
    `why` is said with a right answer, `otherwise` of a wrong one that nobody thought of.
    """

    name: str
    question: str
    right: str | Callable[..., Any]
    wrong: Mapping[str | Callable[..., Any], str]
    hints: Sequence[str]
    why: Why = ""
    otherwise: str = ""
    fact: Fact | None = None
    tries: Sequence[tuple[Any, ...]] = ()
    anatomy: Callable[[bytes], Field] | None = None
    check: Callable[[Any, Seen], Verdict] | None = None
    deed: Callable[[Seen], Verdict] | None = None

    def __post_init__(self) -> None:
        ways = [bool(way) for way in (self.fact, self.tries, self.check, self.deed)]
        if sum(ways) != 1:
            raise ValueError(f"{self.name}: give exactly one of fact, tries, check and deed, not {sum(ways)}")
        if self.tries and not callable(self.right):
            raise ValueError(f"{self.name}: with tries, right must be the function that answers rightly")
        if isinstance(self.hints, str):
            raise ValueError(f"{self.name}: hints are several texts; a single one needs a comma after it: (text,)")

    @property
    def solution(self) -> str:
        """The code that answers rightly."""
        return source(self.right)


def written(value: object, limit: int) -> str:
    """A value as it would be typed, cut; its type's name where Python cannot write it, such as a number of 5,000 digits.

    >>> written([1, "a"], 60), written(10**5000, 60)
    ("[1, 'a']", '<int>')
    """
    try:
        return elided(repr(value), limit)
    except Exception:
        return f"<{type(value).__name__}>"


def source(answer: str | Callable[..., Any]) -> str:
    """An answer as it would be typed: code as it is, a function as its source.

    >>> source("1 + 1")
    '1 + 1'
    """
    return textwrap.dedent(answer if isinstance(answer, str) else inspect.getsource(answer)).strip()
