"""`protolab progress`: what was done, printed or written for an instructor."""

from __future__ import annotations

import json
import re

import pytest

from protolab import lesson
from tests.terminal.typed import typed


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("PROTOLAB_PROGRESS", str(path))
    return path


def test_it_prints_a_row_for_each_exercise_and_where_it_is_kept(kept):
    assert lesson.check("frames.switched", 200).outcome == "wrong"
    assert lesson.check("frames.switched", 101).outcome == "right"
    told = typed("progress").stdout
    assert re.match(r"1 of \d+ exercises are right\.\n", told)
    assert re.search(r"frames\.switched +✓ right +2\n", told)
    assert f"Kept on this machine only, in {kept}." in told


def test_it_is_exported_as_json(tmp_path):
    lesson.check("frames.switched", 101)
    told = typed("progress", "--export", str(tmp_path / "mine.json")).stdout
    assert re.fullmatch(rf"1 of \d+ exercises are right\. Written to {tmp_path}/mine\.json\.\n", told)
    found = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in found["questions"] if one["outcome"] == "right"] == ["frames.switched"]


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    result = typed("progress", "--export", str(tmp_path / "no" / "such" / "file"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr and "--export FILE" in result.stderr
