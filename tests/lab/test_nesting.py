"""What `%load_ext protolab` does where there is nothing to patch, or nothing to patch with; a real kernel is in test_kernel."""

from __future__ import annotations

import asyncio
import sys

import pytest

from protolab import nesting
from protolab.errors import LabError


def test_where_no_loop_runs_nothing_is_patched() -> None:
    run = asyncio.run
    assert nesting.apply() is None
    assert asyncio.run is run


def test_without_either_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nest_asyncio2", "nest_asyncio"):
        monkeypatch.setitem(sys.modules, name, None)  # an import of it now fails, as where it is not installed

    async def main() -> None:
        with pytest.raises(LabError) as error:
            nesting.apply()
        assert error.value.remedy == "Run: pip install nest-asyncio2"

    asyncio.run(main())


def test_the_older_package_does_where_the_newer_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Older:
        applied: list[object] = []  # noqa: RUF012

        @classmethod
        def apply(cls, loop: object) -> None:
            cls.applied.append(loop)

    monkeypatch.setitem(sys.modules, "nest_asyncio2", None)
    monkeypatch.setitem(sys.modules, "nest_asyncio", Older)  # type: ignore[arg-type]

    async def main() -> None:
        assert nesting.apply() == "nest_asyncio"
        assert Older.applied == [asyncio.get_running_loop()]

    asyncio.run(main())
