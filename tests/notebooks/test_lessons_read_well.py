"""What the prose of every lesson keeps to: links that lead somewhere, numbers from the bytes, guesses before answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
RULES = {"7", "16", "64", "125", "126", "127"}  # the specification's own bounds: not what a capture happens to hold


@pytest.fixture(params=sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def cells(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    found = json.loads(request.param.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in found]


@pytest.fixture
def prose(cells: list[dict[str, Any]]) -> str:
    return "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")


def result(cell: dict[str, Any]) -> dict[str, Any]:
    """What predict, reveal or check said in this cell, as JSON; empty when it showed something else, or nothing."""
    kind = "application/vnd.protolab.result.v1+json"
    found = [output["data"][kind] for output in cell["outputs"] if kind in output.get("data", {})]
    return found[0] if len(found) == 1 else {}


def test_links_lead_to_lessons_that_exist(prose):
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        assert (FOLDER / target).is_file()


def test_no_length_or_count_is_typed_that_the_capture_could_give(prose):
    things = r"bytes?|bits?|characters?|letters?|units?|frames?|fields?|segments?|connections?|arrows?"
    typed = re.findall(rf"\b(\d[\d,_]*)[ -](?:{things})\b", prose)
    assert set(typed) <= RULES


def test_a_guess_is_asked_for_before_the_answer_is_shown(cells):
    code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    asked = {id: at for at, source in enumerate(code) for id in re.findall(r'^predict\("([^"]+)"', source, re.M)}
    shown = {id: at for at, source in enumerate(code) for id in re.findall(r'^reveal\("([^"]+)"', source, re.M)}
    assert asked and asked.keys() == shown.keys()
    assert all(at < shown[id] for id, at in asked.items())


def test_every_question_is_left_to_the_learner_and_says_so(cells):
    asking = r"^(?:lesson\.)?(check|predict|reveal|hint|solution)\("
    asked = [
        (cell, found[1])
        for cell in cells
        if cell["cell_type"] == "code"
        for found in re.finditer(asking, cell["source"], re.M)
    ]
    assert asked
    for cell, about in asked:
        assert about in ("check", "predict", "reveal")  # a hint or a solution is the learner's to ask for
        assert (result(cell).get("about"), result(cell).get("outcome")) == (about, "not attempted"), cell["source"]


def test_tables_have_a_head(prose):
    for table in re.findall(r"(?:^\|.*\n?)+", prose, re.MULTILINE):
        head, rule, *rows = table.splitlines()
        assert all(name.strip() for name in head.strip("|").split("|"))
        assert re.fullmatch(r"\|(?:-+\|)+", rule) and rows
