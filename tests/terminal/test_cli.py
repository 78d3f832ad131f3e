"""What holds for every command: help, plain errors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from protolab.cli import main
from protolab.errors import LabError
from tests.terminal.typed import typed

COMMANDS = ["lab", "tour", "serve", "tap", "show", "progress", "doctor"]


def test_help_lists_the_commands_in_order_each_with_a_whole_sentence():
    lines = typed("--help").stdout.split("Commands:")[1].strip().splitlines()
    assert [line.split()[0] for line in lines if line[2] != " "] == COMMANDS
    assert "..." not in "".join(lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command):
    result = typed(command, "--help")
    assert result.exit_code == 0
    assert main.commands[command].help.splitlines()[0].rstrip(".") in " ".join(result.stdout.split())


def test_a_mistyped_command_exits_with_2_and_says_where_help_is():
    result = typed("sevre")
    assert result.exit_code == 2
    assert "No such command 'sevre'" in result.stderr and " for help." in result.stderr


def test_an_error_is_two_lines_without_a_traceback(monkeypatch):
    monkeypatch.delenv("PROTOLAB_TRACEBACK", raising=False)
    result = typed("serve", "nobody")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert (
        result.stderr == "protolab: There is no server called nobody.\nThere are: graphql, users, events, echo, chat.\n"
    )


def test_an_error_of_the_system_is_two_lines_that_name_the_file(tmp_path):
    result = typed("show", str(tmp_path))
    assert result.exit_code == 1
    problem, remedy = result.stderr.splitlines()
    assert problem == f"protolab: {tmp_path}: Is a directory."
    assert "protolab doctor" in remedy


def test_protolab_traceback_shows_where_it_happened(monkeypatch):
    monkeypatch.setenv("PROTOLAB_TRACEBACK", "1")
    with pytest.raises(LabError, match="no server called nobody"):
        typed("serve", "nobody")


def test_a_reader_that_leaves_early_ends_the_command_quietly():
    source = f"{sys.executable} -m protolab tour | head -n 1"
    result = subprocess.run(source, shell=True, capture_output=True, text=True, timeout=60)
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == ""


def test_a_pipe_that_knows_no_arrows_breaks_nothing_and_keeps_the_columns():
    run = [sys.executable, "-m", "protolab", "show", "810548656c6c6f", "8100"]
    shown = [
        subprocess.run(
            run, capture_output=True, check=True, timeout=60, env=os.environ | {"PYTHONIOENCODING": encoding}
        ).stdout.decode(encoding)
        for encoding in ("utf-8", "cp1252")
    ]
    assert "─→" in shown[0] or "←─" in shown[0]
    assert [len(line) for line in shown[0].splitlines()] == [len(line) for line in shown[1].splitlines()]


def test_a_name_that_would_command_a_terminal_is_spelled_out():
    assert "'no\\x1b[31mfile' is no file" in typed("show", "no\x1b[31mfile").stderr


def test_the_module_runs_as_the_command_does():
    result = subprocess.run([sys.executable, "-m", "protolab", "--version"], capture_output=True, text=True, timeout=60)
    assert result.stdout.startswith("protolab, version ")


def test_help_imports_no_server_and_no_jupyter():
    heavy = "{'websockets', 'tornado', 'grpc', 'graphql', 'IPython', 'jupyterlab', 'asyncio'}"
    run = "import sys; from protolab.cli import main; main(['--help'], standalone_mode=False)"
    code = f"{run}; print({heavy} & sys.modules.keys())"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent
    )
    assert result.stdout.splitlines()[-1] == "set()"
