"""The order of the tests, fast ones first, and a count of what ran."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from protolab import repeat

# What hypothesis does by itself in CI, everywhere: a busy machine fails no test, and neither does one example in a million.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
TESTS = Path(__file__).parent
KINDS = ("unit and property", "live loopback", "notebook cells", "browser")
TALKS = {
    "asyncio",
    "lab",
    "socket",
    "subprocess",
    "threading",
}  # a module of tests that uses one of these has live peers
KIND = pytest.StashKey[dict[str, int]]()


def kind(item: pytest.Item) -> int:
    """Which of KINDS a test is."""
    if item.path.suffix == ".ipynb":
        return 2
    if TESTS / "browser" in item.path.parents:
        return 3
    live = item.get_closest_marker("live") or (
        TESTS in item.path.parents and TALKS & vars(getattr(item, "module", object)).keys()
    )
    return 1 if live else 0


def pytest_configure(config: pytest.Config) -> None:
    """Kernels start without this machine's user's start-up files, settings and progress."""
    profile = tempfile.TemporaryDirectory()
    config.add_cleanup(profile.cleanup)
    os.environ["IPYTHONDIR"] = profile.name
    os.environ["PROTOLAB_PROGRESS"] = "off"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kinds = config.stash[KIND] = {item.nodeid: kind(item) for item in items}
    items.sort(key=lambda item: kinds[item.nodeid])  # stable: a notebook's cells stay in their order


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A module of tests that runs lessons makes runs repeatable, as they do: that ends with it, as do their servers."""
    if nextitem is None or nextitem.path != item.path:
        repeat.switch(None)
        if (lab := sys.modules.get("protolab.lab")) is not None:
            lab.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    kinds = config.stash.get(KIND, {})
    passed = Counter(kinds[report.nodeid] for report in terminalreporter.getreports("passed") if report.when == "call")
    terminalreporter.write_line("passed: " + ", ".join(f"{passed[number]} {name}" for number, name in enumerate(KINDS)))
