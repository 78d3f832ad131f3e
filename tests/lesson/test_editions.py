"""The instructor's edition: answers stand where a learner would put them, and the learner's cells are otherwise the same."""

from __future__ import annotations

import json

import pytest

from protolab.errors import LabError
from protolab.lesson import editions, library
from tests.notebooks.classroom import NOTEBOOKS, cells, source


@pytest.mark.parametrize(
    ("cell", "answer", "filled"),
    [
        ('check("a.b", ...)  # ü, in quotes', "'ü'", "check(\"a.b\", 'ü')  # ü, in quotes"),
        ('x = ...\nawait say(x)\ncheck("a.b", x)', "1", 'x = 1\nawait say(x)\ncheck("a.b", x)'),
        ('def f(x):\n    return ...\n\n\ncheck("a.b", f)', "len", 'f = len\n\n\ncheck("a.b", f)'),
        ('async def f():\n    ...\nlesson.check("a.b", f)', "def f():\n    pass", 'def f():\n    pass\nlesson.check("a.b", f)'),
        ('...  # yours\n\ncheck("a.b")', "await go()\nstop()", 'await go()\nstop()  # yours\n\ncheck("a.b")'),
    ],
)  # fmt: skip
def test_an_answer_goes_where_a_learner_would_put_it(cell, answer, filled):
    assert editions.checks(cell) == ["a.b"]
    assert editions.fill(cell, "a.b", answer) == filled


@pytest.mark.parametrize("cell", ['check("a.b", x)', 'check("a.b", x + 1)', 'check("a.b")', "1"])
def test_a_cell_that_does_not_say_where_is_refused(cell):
    with pytest.raises(LabError, match="does not say where its answer goes"):
        editions.fill(cell, "a.b", "1")


@pytest.mark.parametrize("topic", library.topics(), ids=lambda topic: topic.name)
def test_a_lessons_edition_has_all_solutions_and_is_otherwise_the_lesson(topic):
    (path,) = NOTEBOOKS.glob(f"{topic.number}_*.ipynb")
    learners = json.loads(path.read_text())
    edition = editions.filled(learners)
    notes = [cell for cell in edition["cells"] if "instructor" in cell["metadata"].get("tags", ())]
    rest = [cell for cell in edition["cells"] if cell not in notes]
    assert len({cell["id"] for cell in edition["cells"]}) == len(edition["cells"])
    assert len(notes) == sum(map(len, map(editions.checks, cells(source(topic)))))
    for ours, theirs in zip(rest, learners["cells"], strict=True):
        code = "".join(theirs["source"])
        if theirs["cell_type"] == "code" and (ids := editions.checks(code)):
            assert library.find(ids[0]).solution in ours["source"]
            assert ours["outputs"] == [] and ours["execution_count"] is None  # what it showed is no longer so
        else:
            assert ours == theirs
    assert learners == json.loads(path.read_text())  # and the learner's is left alone


def test_notes_hold_question_hints_and_known_wrong_answers():
    code = 'check("sums.value", ...)'
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": [code], "outputs": [1], "execution_count": 1}
    filled, note = editions.filled({"cells": [cell]})["cells"]
    assert filled["source"] == 'check("sums.value", 2 + 2)'
    for text in ("`sums.value`", "2 + 2?", "1. Count.", "2. On your fingers.", "`5`: One too many."):
        assert text in note["source"]
