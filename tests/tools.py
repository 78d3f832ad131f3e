"""What tests of several rooms share."""

from __future__ import annotations

import os
import shutil

import pytest


def need(tool: str) -> str:
    """The path of a program that a test needs. Where it is absent the test is skipped with the reason; in CI it fails.

    Call it inside a test or a fixture: `tshark = need("tshark")`.
    """
    if path := shutil.which(tool):
        return path
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{tool} is not installed, and in CI no test may be skipped for that: install it in the workflow.")
    pytest.skip(f"{tool} is not installed")
