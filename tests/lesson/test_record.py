"""The record of progress: one file, whole or as it was, that survives what happens to files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from protolab.lesson import check, hint, predict, progress, record, solution


@pytest.fixture
def path(tmp_path, monkeypatch):
    found = tmp_path / "kept" / "progress.json"
    monkeypatch.setenv("PROTOLAB_PROGRESS", str(found))
    return found


def test_what_was_done_is_kept_for_the_next_kernel(path):
    check("sums.value", 5)
    hint("sums.value")
    check("sums.value", 4)
    check("sums.value", 3)
    solution("sums.value")
    predict("sums.g", 5)
    one, guess = record.read()["sums.value"], record.read()["sums.g"]
    assert (one.outcome, one.tries, one.hints, one.solution) == ("wrong", 3, 1, True)
    assert one.right.endswith("+00:00")  # right once is right
    assert guess.guess == "5"
    assert json.loads(path.read_text())["protolab"] == 1
    code = "from protolab.lesson import record; print(record.entry('sums.value').tries)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment())
    assert found.stdout == "3\n", found.stderr


def environment():
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def test_looking_leaves_no_file(path):
    check("sums.value", ...)
    predict("sums.g", ...)
    progress().bundle()
    assert not path.parent.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\x00", b"[]", b'{"questions": 3}', b'{"questions": {"a.b": 1}}'])
def test_a_spoilt_file_is_put_aside_and_work_goes_on(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    check("sums.value", 4)
    assert record.read()["sums.value"].outcome == "right"
    assert path.with_name("progress.json.broken").read_bytes() == content


def test_values_of_another_version_are_left_out(path):
    path.parent.mkdir()
    path.write_text(json.dumps({"questions": {"a.b": {"tries": "many", "hints": 2, "mood": "good", "solution": 1}}}))
    assert record.read() == {"a.b": record.Entry(hints=2)}


def test_two_kernels_keep_each_others_work(path):
    check("sums.value", 4)
    known = json.loads(path.read_text())
    known["questions"]["sums.text"] = {"outcome": "right", "tries": 1}
    path.write_text(json.dumps(known))
    check("sums.double", 1)
    assert set(record.read()) == {"sums.value", "sums.text", "sums.double"}


def test_what_cannot_be_written_is_remembered_until_the_end(path):
    path.parent.write_text("a file where a folder should be")
    check("sums.value", 4)
    hint("sums.value")
    assert (record.entry("sums.value").outcome, record.entry("sums.value").hints) == ("right", 1)


def test_it_is_bounded_and_forgets_the_oldest(path, monkeypatch):
    monkeypatch.setattr(record, "LIMIT", 2)
    for name in ("value", "text", "bytes"):
        check(f"sums.{name}", 0)
    assert list(record.read()) == ["sums.text", "sums.bytes"]


def test_nothing_is_left_beside_the_file(path):
    check("sums.value", 4)
    assert os.listdir(path.parent) == ["progress.json"]


@pytest.mark.parametrize("name", ["CI", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"])
def test_none_is_kept_in_ci_and_under_pytest(monkeypatch, name):
    for other in ("PROTOLAB_PROGRESS", "CI", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
        monkeypatch.delenv(other, raising=False)
    kept = record.place()
    assert kept is not None and kept.parts[-2:] == ("protolab", "progress.json")
    monkeypatch.setenv(name, "true")
    assert record.place() is None


def test_off_means_off(monkeypatch):
    monkeypatch.setenv("PROTOLAB_PROGRESS", "OFF")
    assert record.place() is None
