"""The README says what is so: its commands are those that CI runs, its example runs, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from protolab.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_two_commands_are_there_and_ci_runs_the_second():
    assert "\n    python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/protolab lab\n" in README
    second = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest"
    assert f"\n    {second}\n" in README
    ran = [line.replace('"$python"', "python3").replace(" -q ", " ") for line in CI.splitlines()]
    steps = second.split(" && ")
    assert [line for line in ran if line in steps] == steps  # each of them, in this order


def test_its_example_runs_and_shows_the_conversation(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    result = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Hello\n")
    assert 'text "Hello" ─' in result.stdout


def test_its_commands_are_commands():
    shown = re.findall(r"^    protolab (\w+)", README, re.MULTILINE)
    assert set(shown) == main.commands.keys() - {"lab"}


def test_its_links_lead_to_files_of_the_project():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_workflow_runs_ci_on_three_pythons():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]["run"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
