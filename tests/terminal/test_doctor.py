"""`protolab doctor`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from protolab import doctor, workdir
from protolab.errors import LabError
from tests.terminal.typed import typed


def test_it_looks_at_what_is_needed_and_at_what_is_optional():
    checks = {check.name: check for check in doctor.examine()}
    needed = {name for name, check in checks.items() if check.needed}
    assert needed == {"Python", "packages", "kernel", "ports", "lessons"}
    assert {"browser", "tshark", "redis-server", "node"} <= checks.keys() - needed
    assert all(check.mend for check in checks.values() if not check.good)


def test_here_everything_needed_is_there():
    result = typed("doctor")
    assert result.exit_code == 0, result.stdout
    assert "Everything that protolab needs is here." in result.stdout


def test_it_looks_for_every_package_that_the_project_needs():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert list(doctor.PACKAGES) == [line.split(">=")[0] for line in project["dependencies"]]


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("click", "no-such-package"))
    check = doctor.packages()
    assert not check.good
    assert "no-such-package" in check.says and "click" not in check.says
    assert check.mend.endswith("-m pip install no-such-package")


def test_missing_lessons_make_it_exit_with_1(monkeypatch):
    def none():
        raise LabError("There are no lessons.", "Install again.")

    monkeypatch.setattr(workdir, "lessons", none)
    result = typed("doctor")
    assert result.exit_code == 1
    assert "missing lessons" in result.stdout and "Install again." in result.stdout


def test_missing_tools_are_no_failure(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = typed("doctor")
    assert result.exit_code == 0
    assert "apt-get install tshark" in result.stdout and "apt-get install chromium" in result.stdout


def test_a_proxy_in_the_way_of_this_machine_is_said(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert not doctor.proxy().good
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    assert doctor.proxy().good


@pytest.mark.parametrize("content", ['{"argv": ["/no/such/python"], "display_name": "x", "language": "python"}'])
def test_a_kernel_that_starts_a_python_that_is_gone_is_found(monkeypatch, tmp_path, content):
    (tmp_path / "kernels" / "python3").mkdir(parents=True)
    (tmp_path / "kernels" / "python3" / "kernel.json").write_text(content)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    check = doctor.kernel()
    assert not check.good
    assert "/no/such/python" in check.says and "ipykernel install" in check.mend
