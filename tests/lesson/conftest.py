"""A folder of exercises beside the notebook that runs, and nothing remembered from the test before."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolab import lesson
from protolab.lesson import record

FILE = '''\
"""What lesson 90 asks."""

from protolab.lesson import Exercise, Guess, Missing, right, untouched, wrong


def double(number):
    return 2 * number


def square(number):
    return number * number


def unseen(seen):
    raise Missing("Run the cell above.")


def checked(answer, seen):
    if answer == "as it was":
        return untouched("Change it.")
    return right("So it is.") if answer == b"ab" else wrong("", answer, 1)


FACT = {"fact": lambda seen: 4, "right": "2 + 2", "wrong": {"5": "One too many.", "3": "One too few.", "-4": "Turn it."}}

EXERCISES = [
    Guess("g", "How many?", fact=lambda seen: 4, why="Two and two.", wrong={"5": "One too many."}),
    Guess("unseen", "How many?", fact=unseen, why=""),
    Guess("broken", "How many?", fact=lambda seen: 1 / 0, why=""),
    Exercise("value", "2 + 2?", hints=("Count.", "On your fingers."), otherwise="Count again.", why="Two and two.", **FACT),
    Exercise("text", "Who?", fact=lambda seen: "Client", right="'client'", wrong={}, hints=()),
    Exercise("list", "Which?", fact=lambda seen: [3, 5], right="[3, 5]", wrong={}, hints=()),
    Exercise("bytes", "Which?", fact=lambda seen: b"abc", right="b'abc'", wrong={"b'abC'": "A small letter."}, hints=()),
    Exercise("double", "Write it.", tries=[(3,), (5,)], right=double, wrong={square: "That squares."}, hints=("Twice.",)),
    Exercise("own", "Which?", check=checked, right="b'ab'", wrong={"b'xy'": "Other letters."}, hints=()),
    Exercise("odd", "Which?", check=lambda answer, seen: right() if answer > 3 else wrong(), right="4", wrong={}, hints=()),
    Exercise("deed", "Do it.", deed=unseen, right="pass", wrong={}, hints=()),
]
'''


@pytest.fixture(autouse=True)
def exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of exercises of topic "sums", in the folder in which Python runs."""
    (tmp_path / "exercises").mkdir()
    path = tmp_path / "exercises" / "90_sums.py"
    path.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROTOLAB_PROGRESS", "off")
    monkeypatch.delenv("PROTOLAB_SOLUTIONS", raising=False)
    monkeypatch.setattr(record, "_kept", {})
    monkeypatch.setattr(lesson, "_guesses", {})
    return path
