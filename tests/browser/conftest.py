"""What tests of pages need once for all of them."""

from __future__ import annotations

import pytest

from tests.npm import installed


@pytest.fixture(scope="session")
def axe():
    """axe-core's source, installed for this run."""
    return (installed("axe-core@4") / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
