"""`protolab lab`: what it starts. What it looks like is seen in tests/browser."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from protolab import workdir
from protolab.terminal import lab
from tests.terminal.typed import answer, running, typed


@pytest.fixture
def started(monkeypatch):
    """What would have been started, instead of starting it."""
    commands: list[list[str]] = []
    monkeypatch.setattr(lab, "become", commands.append)
    return commands


def test_jupyterlab_serves_the_first_lesson_behind_a_token_at_the_address_printed(tmp_path):
    first = next(iter(workdir.lessons()))
    with running("lab", "lessons", "--no-browser", cwd=tmp_path) as command:
        url = command.line(r"http://(?:127\.0\.0\.1|localhost):\d+/\S+")[0]
        path, query = urlsplit(url).path, urlsplit(url).query
        assert path == f"/lab/tree/{first}"
        assert query.startswith("token=")
        site = url.split("/lab/")[0]
        listed = {file["name"] for file in json.loads(answer(f"{site}/api/contents?{query}"))["content"]}
        assert listed == set(workdir.lessons())
        with pytest.raises(urllib.error.HTTPError, match="403"):
            answer(f"{site}/api/contents")
        assert command.end(signal.SIGTERM) == 0
    told = command.output.splitlines()
    assert told[0] == f"Lessons in lessons: {len(listed)} new."
    assert "[I " not in command.output and "[W " not in command.output


def test_it_opens_a_browser_unless_told_not_to(started, tmp_path):
    typed("lab", str(tmp_path / "a"))
    typed("lab", str(tmp_path / "a"), "--no-browser")
    with_browser, without = started
    assert "--no-browser" not in with_browser
    assert set(without) - set(with_browser) == {"--no-browser"}


def test_the_port_and_what_stands_after_two_dashes_are_passed_on(started, tmp_path):
    typed("lab", str(tmp_path / "a"), "--port", "9999", "--", "--LabApp.dark=1", "--debug")
    assert "--ServerApp.port=9999" in started[0]
    assert started[0][-2:] == ["--LabApp.dark=1", "--debug"]


def test_yesterdays_layout_is_forgotten_and_lessons_are_kept(started, tmp_path):
    layout = tmp_path / "a" / workdir.HIDDEN / "layout"
    typed("lab", str(tmp_path / "a"))
    assert f"--LabApp.workspaces_dir={layout}" in started[0]
    layout.mkdir(parents=True)
    (layout / "default.jupyterlab-workspace").write_text("{}")
    first = tmp_path / "a" / next(iter(workdir.lessons()))
    first.write_text("mine")
    result = typed("lab", str(tmp_path / "a"))
    assert not layout.exists()
    assert first.read_text() == "mine"
    assert f"{first.name}: edited by you, kept" in result.stdout


def test_a_folder_that_is_a_file_is_refused(started, tmp_path):
    (tmp_path / "file").write_text("")
    result = typed("lab", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "is a file" in result.stderr
    assert started == []


def test_a_missing_jupyterlab_is_said_with_the_command_that_installs_it(started, monkeypatch, tmp_path):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    result = typed("lab", str(tmp_path / "a"))
    assert result.exit_code == 1
    assert "pip install jupyterlab" in result.stderr
    assert not Path(tmp_path / "a").exists()


def test_solutions_come_in_a_folder_of_their_own_and_wait_for_no_hints(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROTOLAB_SOLUTIONS", "")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")  # both are set for what is started, and put back here
    typed("lab")
    assert os.environ["PROTOLAB_SOLUTIONS"] == ""
    typed("lab", "--solutions")
    assert os.environ["PROTOLAB_SOLUTIONS"] == "on"
    for name in workdir.lessons():
        learners, edition = (tmp_path / folder / name for folder in ("protolab-lessons", "protolab-solutions"))
        assert "For instructors" in edition.read_text(encoding="utf-8")
        assert "For instructors" not in learners.read_text(encoding="utf-8")
