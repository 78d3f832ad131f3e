"""The learner's folder: lessons are copied into it, and never over what a learner wrote."""

from __future__ import annotations

import json

import pytest

from protolab import workdir
from protolab.errors import LabError
from protolab.terminal.lab import told


def notebook(*sources: str, output: str = "") -> str:
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    cells = [{"cell_type": "code", "source": source, "outputs": outputs, "metadata": {}} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two lessons."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "00_a.ipynb").write_text(notebook("1"))
    (folder / "01_b.ipynb").write_text(notebook("2"))
    monkeypatch.setattr(workdir, "lessons", lambda: {path.name: path for path in sorted(folder.glob("*.ipynb"))})
    return folder


@pytest.fixture
def mine(tmp_path):
    return tmp_path / "some" / "folder"


def hows(mine, **options):
    return [how for _, how in workdir.copy(mine, **options)]


def test_first_they_are_new_then_as_they_were(package, mine):
    assert hows(mine) == [workdir.FRESH, workdir.FRESH]
    assert (mine / "00_a.ipynb").read_text() == notebook("1")
    assert hows(mine) == [workdir.SAME, workdir.SAME]


def test_a_newer_lesson_takes_the_place_of_one_that_was_not_edited(package, mine):
    workdir.copy(mine)
    (package / "00_a.ipynb").write_text(notebook("1, better"))
    assert hows(mine) == [workdir.UPDATED, workdir.SAME]
    assert (mine / "00_a.ipynb").read_text() == notebook("1, better")


def test_a_lesson_that_was_run_is_not_an_edited_one(package, mine):
    workdir.copy(mine)
    (mine / "00_a.ipynb").write_text(notebook("1", output="1\n"))
    assert hows(mine) == [workdir.SAME, workdir.SAME]
    assert "stdout" in (mine / "00_a.ipynb").read_text()  # what running it gave is still there
    (package / "00_a.ipynb").write_text(notebook("1, better"))
    assert hows(mine) == [workdir.UPDATED, workdir.SAME]


def test_an_edited_lesson_is_kept_whether_or_not_a_newer_one_came(package, mine):
    workdir.copy(mine)
    (mine / "00_a.ipynb").write_text(notebook("mine"))
    assert hows(mine) == [workdir.KEPT, workdir.SAME]
    (package / "00_a.ipynb").write_text(notebook("1, better"))
    assert hows(mine) == [workdir.KEPT, workdir.SAME]
    assert (mine / "00_a.ipynb").read_text() == notebook("mine")


def test_a_file_of_that_name_that_was_there_before_is_kept(package, mine):
    mine.mkdir(parents=True)
    (mine / "00_a.ipynb").write_text("no notebook at all")
    assert hows(mine) == [workdir.KEPT, workdir.FRESH]
    assert (mine / "00_a.ipynb").read_text() == "no notebook at all"


def test_without_the_manifest_what_differs_counts_as_edited(package, mine):
    workdir.copy(mine)
    (mine / workdir.HIDDEN / "manifest.json").write_text("spoilt")
    (package / "00_a.ipynb").write_text(notebook("1, better"))
    assert hows(mine) == [workdir.KEPT, workdir.SAME]


def test_reset_puts_fresh_ones_there_and_keeps_each_edited_one(package, mine):
    workdir.copy(mine)
    for number, name in enumerate(["00_a.mine.ipynb", "00_a.mine2.ipynb"]):
        (mine / "00_a.ipynb").write_text(notebook(f"mine {number}"))
        assert hows(mine, reset=True) == [workdir.RESET.format(name), workdir.SAME]
        assert (mine / name).read_text() == notebook(f"mine {number}")
        assert (mine / "00_a.ipynb").read_text() == notebook("1")
    assert hows(mine, reset=True) == [workdir.SAME, workdir.SAME]


def test_a_lesson_that_was_deleted_comes_back(package, mine):
    workdir.copy(mine)
    (mine / "01_b.ipynb").unlink()
    assert hows(mine) == [workdir.SAME, workdir.FRESH]


def test_in_the_folder_of_the_originals_nothing_is_written(package):
    before = sorted(package.iterdir())
    assert hows(package) == [workdir.SAME, workdir.SAME]
    assert sorted(package.iterdir()) == before


def test_a_folder_that_cannot_be_is_said_with_a_remedy(package, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be copied") as refused:
        workdir.copy(tmp_path / "file" / "below")
    assert "protolab lab FOLDER" in refused.value.remedy


def test_what_was_done_is_told_and_how_to_get_fresh_ones(package, mine):
    workdir.copy(mine)
    (mine / "00_a.ipynb").write_text(notebook("mine"))
    assert told(mine, workdir.copy(mine)).splitlines() == [
        f"Lessons in {mine}: 1 as it was.",
        "  00_a.ipynb: edited by you, kept",
        "  For fresh copies of what you edited: protolab lab --reset (yours are kept beside them).",
    ]


def test_the_real_lessons_begin_with_00():
    assert next(iter(workdir.lessons())).startswith("00_")


def test_an_edition_is_made_on_the_way_and_is_the_learners_once_edited(package, mine):
    def louder(found):
        return {**found, "cells": [{**cell, "source": cell["source"] + "!"} for cell in found["cells"]]}

    assert hows(mine, edition=louder) == [workdir.FRESH, workdir.FRESH]
    assert "1!" in (mine / "00_a.ipynb").read_text() and "!" not in (package / "00_a.ipynb").read_text()
    assert hows(mine, edition=louder) == [workdir.SAME, workdir.SAME]
    with pytest.raises(LabError, match="holds the lessons themselves"):
        workdir.copy(package, edition=louder)
