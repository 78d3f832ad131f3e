"""The builder of the lessons: the same bytes each time, and a difference said in words."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[2] / "notebooks" / "build.py"
SOURCE = """\
# %% [markdown]
# # A lesson

# %%
import sys
import ipywidgets
print("one")
print("two", file=sys.stderr)
print("three")
6 * 7

# %% tags=["raises-exception"]
1 / 0

# %% tags=["exercise"] jupyter={"source_hidden": true}
ipywidgets.IntSlider()

# %%
6 * 7

# %%
6 * 7
"""


def load():
    spec = importlib.util.spec_from_file_location("notebooks_build", BUILD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = load()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder of lessons with one that was built, and what building printed."""
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "source").mkdir()
    (folder / "source" / "00_one.py").write_text(SOURCE)
    assert build.main([], folder) == 0
    return folder


@pytest.fixture
def lesson(built, tmp_path):
    """A copy of that folder, to spoil."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "00_one.py").write_text(SOURCE)
    (tmp_path / "00_one.ipynb").write_bytes((built / "00_one.ipynb").read_bytes())
    return tmp_path


def cells(folder: Path) -> list[dict]:
    notebook = json.loads((folder / "00_one.ipynb").read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_building_again_gives_the_same_bytes(built, capsys):
    before = (built / "00_one.ipynb").read_bytes()
    assert build.main(["00"], built) == 0
    assert (built / "00_one.ipynb").read_bytes() == before
    assert capsys.readouterr().out == "00_one.ipynb: as it was\n"


def test_check_passes_on_what_was_built_and_writes_nothing(built):
    before = (built / "00_one.ipynb").stat().st_mtime_ns
    assert build.main(["--check"], built) == 0
    assert (built / "00_one.ipynb").stat().st_mtime_ns == before


def test_streams_are_joined_and_widgets_leave_their_text(built):
    first, _, slider, *_ = cells(built)
    assert [output.get("name") for output in first["outputs"]] == ["stdout", "stderr", None]
    assert first["outputs"][0]["text"] == ["one\n", "three\n"]
    assert list(slider["outputs"][0]["data"]) == ["text/plain"]


def test_tags_and_other_metadata_survive(built):
    _, raising, slider, *_ = cells(built)
    assert raising["metadata"] == {"tags": ["raises-exception"]}
    assert slider["metadata"] == {"jupyter": {"source_hidden": True}, "tags": ["exercise"]}


def test_an_error_that_is_meant_is_kept_without_the_machines_paths(built):
    (output,) = cells(built)[1]["outputs"]
    assert output["traceback"] == ["ZeroDivisionError: division by zero"]


def test_equal_cells_have_ids_of_their_own(built):
    ids = [cell["id"] for cell in cells(built)]
    assert len(set(ids)) == len(ids)


def test_what_was_built_passes_strict_nbval(built):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
    ]
    result = subprocess.run([*command, "00_one.ipynb"], cwd=built, capture_output=True, text=True, timeout=100)
    assert "5 passed" in result.stdout, result.stdout


def test_check_shows_a_spoilt_output_and_what_to_run(lesson, capsys):
    path = lesson / "00_one.ipynb"
    path.write_text(path.read_text().replace('"42"', '"43"', 1))
    assert build.main(["--check"], lesson) == 1
    said = capsys.readouterr().err
    assert '-       "43"' in said and '+       "42"' in said
    assert "build.py 00_one" in said


def test_check_finds_a_source_without_notebook_and_a_notebook_without_source(lesson, capsys):
    (lesson / "00_one.ipynb").rename(lesson / "99_lost.ipynb")
    assert build.main(["--check"], lesson) == 1
    said = capsys.readouterr().err
    assert "00_one.ipynb is not there. Run: python" in said
    assert "99_lost.ipynb has no source/99_lost.py" in said


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("# %%\n1 / 0\n", "this cell raised ZeroDivisionError: division by zero\n    1 / 0\n"),
        ("# %%\n\n# %%\n1\n", "a code cell is empty"),
        ("# %%\nimport os\nos._exit(1)\n", "the kernel died"),
    ],
)
def test_a_lesson_that_cannot_be_built_is_refused_and_left_alone(lesson, capsys, source, problem):
    before = (lesson / "00_one.ipynb").read_bytes()
    (lesson / "source" / "00_one.py").write_text(source)
    assert build.main([], lesson) == 1
    assert problem in capsys.readouterr().err
    assert (lesson / "00_one.ipynb").read_bytes() == before


def test_a_name_that_no_lesson_has_is_said(lesson, capsys):
    assert build.main(["05"], lesson) == 1
    assert "no lesson's name starts with '05'; there are: 00_one" in capsys.readouterr().err
