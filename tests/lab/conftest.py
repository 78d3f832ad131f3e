"""Each test of the lab begins and ends with none running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from protolab import lab, repeat


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()
    repeat.switch(None)
