"""The order of the tests, fast ones first, and a count of what ran."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
KINDS = ("unit and property", "live loopback", "notebook cells", "browser")
TALKS = {"asyncio", "lab", "socket", "subprocess", "threading"}  # a module of tests that uses one of these has live peers
KIND = pytest.StashKey[int]()


def kind(item: pytest.Item) -> int:
    """Which of KINDS a test is."""
    if item.path.suffix == ".ipynb":
        return 2
    if TESTS / "browser" in item.path.parents:
        return 3
    live = item.get_closest_marker("live") or (TESTS in item.path.parents and TALKS & vars(getattr(item, "module", object)).keys())
    return 1 if live else 0


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.stash[KIND] = kind(item)
    items.sort(key=lambda item: item.stash[KIND])  # stable: a notebook's cells stay in their order


@pytest.fixture(scope="session", autouse=True)
def _own_ipython(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kernels start without this machine's user's start-up files and settings."""
    os.environ["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    report.kind = item.stash[KIND]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = Counter(report.kind for report in terminalreporter.getreports("passed") if report.when == "call")
    terminalreporter.write_line("passed: " + ", ".join(f"{passed[number]} {name}" for number, name in enumerate(KINDS)))
