"""A ladder in a terminal that is not as wide as its text form."""

from __future__ import annotations

import pytest

from protolab import scenes
from protolab.capture import files
from tests.terminal.typed import typed


@pytest.mark.parametrize("scenario", ["websocket/hello", "grpc/unary"])
def test_a_ladder_fits_a_terminal_of_80_columns(scenario, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    files.save(scenes.recording(scenario), tmp_path / "talk.jsonl")
    ladder = typed("show", str(tmp_path / "talk.jsonl")).stdout.split("\n\nunit 0")[0].split("\n\nOne unit")[0]
    widths = [len(line) for line in ladder.splitlines()]
    assert "→" in ladder and 60 < max(widths) <= 80
