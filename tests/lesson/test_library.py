"""Exercises are found beside the lessons and beside the notebook that runs; a file that does not load says why."""

from __future__ import annotations

import os
import re
import textwrap

import pytest

from protolab.errors import LabError
from protolab.lesson import Exercise, check, library


def test_a_course_brings_its_own_beside_its_notebooks():
    assert [topic.name for topic in library.topics()][-1] == "sums"
    assert "frames" in library.files()  # and those of the package are there too


def test_a_file_that_was_edited_is_read_anew(exercises):
    assert check("sums.value", 4).outcome == "right"
    exercises.write_text(exercises.read_text().replace('"fact": lambda seen: 4', '"fact": lambda seen: 6'))
    os.utime(exercises, ns=(1, 1))
    assert check("sums.value", 6).outcome == "right"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("def", "does not load: SyntaxError"),
        ("x = 1", "does not load: KeyError: 'EXERCISES'"),
        ("EXERCISES = [1]", "does not load: AttributeError"),
        (
            "from protolab.lesson import Guess\nEXERCISES = [Guess('a', '', lambda seen: 1, '')] * 2",
            "two questions called a",
        ),
    ],
)
def test_a_file_that_does_not_load_is_named_with_the_reason(exercises, content, problem):
    exercises.write_text(content)
    os.utime(exercises, ns=(2, 2))
    with pytest.raises(LabError, match=f"90_sums.py.*{problem}"):
        check("sums.value", 4)


@pytest.mark.parametrize(
    "ways", [{}, {"fact": lambda seen: 1, "deed": lambda seen: None}, {"tries": [(1,)]}, {"fact": int, "hints": "one"}]
)
def test_an_exercise_that_says_too_little_or_too_much_is_refused(ways):
    with pytest.raises(ValueError, match=r"^name: "):
        Exercise(**{"name": "name", "question": "?", "right": "1", "wrong": {}, "hints": (), **ways})


def test_the_example_in_contributing_loads_and_judges(exercises):
    page = (library.notebooks().parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(r"^    # notebooks/exercises/(05_\w+\.py)\n((?:    .*\n|\n)*)", page, re.MULTILINE)
    assert found
    exercises.with_name(found[1]).write_text(textwrap.dedent(found[2]))
    write = library.topic("stream").questions["write"]
    assert isinstance(write, Exercise)
    assert check("stream.write", write.right).outcome == "right"
    told = [check("stream.write", wrong) for wrong in write.wrong]
    assert all(one.outcome == "wrong" and one.marks for one in told)
    assert [one.says[0].endswith(says) for one, says in zip(told, write.wrong.values(), strict=True)] == [True] * 3
    for id in library.topic("stream").ids:  # how the page names them in its cells
        assert f'check("{id}"' in page or (f'predict("{id}"' in page and f'reveal("{id}"' in page)
