"""`protolab lab`: the lessons in a folder of the learner's, and JupyterLab open on the first of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import click

from protolab import workdir
from protolab.errors import LabError
from protolab.lesson import editions


def run(
    folder: Path, *, browser: bool, reset: bool, port: int | None, extra: tuple[str, ...], solutions: bool = False
) -> None:
    """Copy the lessons, say what was done, and become JupyterLab. With `solutions` it is the instructor's edition."""
    if find_spec("jupyterlab") is None:
        raise LabError("JupyterLab is not installed here.", f"Install it: {sys.executable} -m pip install jupyterlab")
    copied = workdir.copy(folder, reset=reset, edition=editions.filled if solutions else None)
    if solutions:
        os.environ["PROTOLAB_SOLUTIONS"] = "on"  # solution(...) waits for no hints
    click.echo(told(folder, copied))
    click.echo(
        "JupyterLab starts; Ctrl-C here, twice, ends it."
        if browser
        else "Open the address below; Ctrl-C here, twice, ends it."
    )
    sys.stdout.flush()
    unprompted(folder.resolve())
    become(command(folder.resolve(), copied[0].name, browser=browser, port=port, extra=extra))


def told(folder: Path, copied: list[workdir.Copied]) -> str:
    """What became of the lessons, in a line for each thing that happened.

    >>> print(told(Path("lessons"), [workdir.Copied("00_a.ipynb", "new"), workdir.Copied("01_b.ipynb", "new")]))
    Lessons in lessons: 2 new.
    """
    names: dict[str, list[str]] = defaultdict(list)
    for name, how in copied:
        names[how].append(name)
    counts = ", ".join(
        f"{len(found)} {how}" for how, found in names.items() if how in (workdir.FRESH, workdir.SAME, workdir.UPDATED)
    )
    lines = [f"Lessons in {folder}: {counts or 'all yours'}."]
    lines += [
        f"  {name}: {how}" for how, found in names.items() for name in found if how not in (workdir.FRESH, workdir.SAME)
    ]
    if workdir.KEPT in names:
        lines.append("  For fresh copies of what you edited: protolab lab --reset (yours are kept beside them).")
    return "\n".join(lines)


def command(folder: Path, lesson: str, *, browser: bool, port: int | None, extra: tuple[str, ...]) -> list[str]:
    """The command that opens JupyterLab on one lesson and nothing else. It finds the free port and makes the token.

    All of it is said in flags, so the user's own settings stay in force for the rest. The layout is kept apart from
    theirs, in the folder, and forgotten each time: no launcher, news or tab of yesterday stands before the lesson.
    """
    layout = folder / workdir.HIDDEN / "layout"
    shutil.rmtree(layout, ignore_errors=True)
    flags = [
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{quote(lesson)}",
        f"--LabApp.workspaces_dir={layout}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LanguageServerManager.autodetect=False",  # it would call npm to look for language servers
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
    ]
    if not browser:
        flags.append("--no-browser")
    if port is not None:
        flags.append(f"--ServerApp.port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--allow-root")  # as in a container: it listens on this machine only, behind a token
    import zmq  # JupyterLab brings it

    if zmq.has("curve"):  # else every kernel warns in the terminal that what it says goes in plain text
        flags.append("--MappingKernelManager.transport_encryption=auto")
    return [sys.executable, "-m", "jupyterlab", *flags, *extra]


def unprompted(folder: Path) -> None:
    """Keep JupyterLab from asking in the first lesson whether it may fetch news.

    With `news_url=None` it fetches none, and asks all the same. Only its page configuration takes the question away, so
    one is put in the folder and added to the user's own by the environment.
    """
    configuration = folder / workdir.HIDDEN / "jupyter"
    page = configuration / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = f"{theirs}{os.pathsep}{configuration}" if theirs else str(configuration)


def become(command: list[str]) -> None:
    """Turn this process into that command; on Windows, where a process cannot, run it and pass on how it ended."""
    if sys.platform == "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for JupyterLab: else it would be killed from here
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)
