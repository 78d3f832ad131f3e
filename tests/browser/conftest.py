"""What tests of pages need once for all of them."""

from __future__ import annotations

import subprocess

import pytest

from tests.tools import need


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """axe-core's source, installed for this run."""
    folder = tmp_path_factory.mktemp("axe")
    command = [need("npm"), "install", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
