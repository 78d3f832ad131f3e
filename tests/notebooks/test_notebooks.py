"""The lessons' files: every cell was run, nothing in them differs from run to run, and they read without a kernel.

That the outputs are right is nbval's to say, and that the source gives them, `notebooks/build.py --check`'s. But nbval
compares no cell that has no count, so a notebook without counts would pass it without being looked at.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_lessons_each_with_its_source():
    assert NOTEBOOKS
    sources = sorted((FOLDER / "source").glob("[0-9]*.py"))
    assert [path.stem for path in NOTEBOOKS] == [path.stem for path in sources]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_every_code_cell_was_run_in_order(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all("".join(cell["source"]).strip() for cell in cells)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))


def test_nothing_in_it_differs_from_run_to_run(notebook):
    assert notebook["metadata"].keys() == {"kernelspec", "language_info"}  # no widget state, no tool's own settings
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in notebook["metadata"]["language_info"]
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    for cell in notebook["cells"]:
        assert cell["metadata"].keys() <= {"tags", "jupyter"}
        for output in cell.get("outputs", []):
            assert output.get("execution_count") in (None, cell["execution_count"])
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    outputs = json.dumps([cell.get("outputs") for cell in notebook["cells"]])
    assert not re.search(r"0x[0-9a-f]{8,}>|127\.0\.0\.1:\d|/home/|/root/|site-packages", outputs)


def test_what_it_shows_needs_no_kernel_no_script_and_no_network(notebook):
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {"text/plain": ""})
            assert "text/plain" in data
            assert "application/vnd.jupyter.widget-view+json" not in data
            html = "".join(data.get("text/html", ""))
            assert not re.search(r"<script|<style|<svg|\sid=|\shidden|src=.?https?:", html)
            assert len(html) <= 200_000


def test_it_has_one_title_and_headings_in_order(notebook):
    text = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
