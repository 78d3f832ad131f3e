"""Packages from npm that tests have as peers and judges, installed once for a run."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.tools import need


@cache
def installed(*packages: str) -> Path:
    """A folder with `node_modules` in which those packages are; run node with it as its working directory.

    Call it inside a test or a fixture, each time with the same packages: `folder = installed("graphql-ws@6", "graphql@16")`.
    A script in another place finds them with NODE_PATH, or by `createRequire` from a file in this folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="protolab-npm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [need("npm"), "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder
