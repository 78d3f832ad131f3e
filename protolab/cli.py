"""The command `protolab`: what can be typed, in one place. The work is in `protolab.terminal`, imported when asked for.

Whatever a user can do wrong ends in one or two plain lines, the problem and the remedy, and exit code 1 (2 for a
command that was typed wrongly). `PROTOLAB_TRACEBACK=1` shows where in the code it happened.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import IO, Any

import click

from protolab import __version__
from protolab.errors import LabError


class Trouble(click.ClickException):
    """What went wrong, as a user reads it."""

    def __init__(self, error: LabError) -> None:
        super().__init__(f"protolab: {error.problem}\n{error.remedy}")

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=file is None)


class Commands(click.Group):
    """The commands in the order in which they stand below, and the one place where errors become plain lines."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (LabError, OSError) as error:
            if os.environ.get("PROTOLAB_TRACEBACK") or getattr(error, "errno", None) == errno.EPIPE:
                raise  # a closed pipe, as in `protolab show x | head`, is click's to end quietly
            if not isinstance(error, LabError):
                about = f"{error.filename}: " if error.filename else ""
                hint = "Check the name, and that it is yours to use. `protolab doctor` looks at the rest."
                error = LabError(f"{about}{error.strerror or error}.", hint)
            raise Trouble(error) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="protolab")
def main() -> None:
    """See what WebSocket, Server-Sent Events, GraphQL and gRPC really say to each other.

    Start with `protolab lab`, which opens the lessons, or with `protolab tour`, which needs a second and no browser.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe on Windows knows no arrows; a question mark is as wide


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--no-browser", is_flag=True, help="Open no browser: print the address to open.")
@click.option(
    "--reset",
    is_flag=True,
    help="Put fresh lessons in place of those you edited; yours are kept beside them, as .mine.",
)
@click.option(
    "--solutions",
    is_flag=True,
    help="The instructor's edition: solutions filled in, hints and wrong answers beside them.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port to start looking for a free one from.  [default: 8888]"
)
@click.argument("jupyter", nargs=-1, type=click.UNPROCESSED)
def lab(
    folder: Path | None, no_browser: bool, reset: bool, solutions: bool, port: int | None, jupyter: tuple[str, ...]
) -> None:
    """Open the lessons in JupyterLab.

    They are copied to FOLDER (default: protolab-lessons, here; with --solutions, protolab-solutions), never over what you
    changed. What stands after `--` is passed on to JupyterLab.
    """
    from protolab.terminal import lab

    folder = folder or Path("protolab-solutions" if solutions else "protolab-lessons")
    lab.run(folder, browser=not no_browser, reset=reset, port=port, extra=jupyter, solutions=solutions)


@main.command()
def tour() -> None:
    """See a live conversation explained, in about a second."""
    from protolab.terminal import tour

    for text in tour.run():
        click.echo(text)


@main.command()
@click.argument("name", required=False)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all there are."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on.  [default: a free one]")
@click.option("-v", "--verbose", is_flag=True, help="Print what the server logs.")
def serve(name: str | None, host: str, port: int, verbose: bool) -> None:
    """Run a server; without NAME, list them.

    It runs until Ctrl-C, and prints its URL when it is ready.
    """
    from protolab.terminal import serve

    serve.run(name, host, port, verbose)


@main.command()
@click.argument("target")
@click.option(
    "--listen",
    type=click.IntRange(0, 65535),
    default=0,
    help="The port that clients connect to.  [default: a free one]",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the capture here: JSON lines, or pcapng if so named.",
)
def tap(target: str, listen: int, save: Path | None) -> None:
    """Stand between a client and a server, and print what they say.

    TARGET is any TCP service: host:port, a port of this machine, or a URL. Connect your client to the address that is
    printed, instead. Ctrl-C ends it.
    """
    from protolab.terminal import tap

    tap.run(target, listen, save)


@main.command()
@click.argument("what", nargs=-1)
@click.option("--as", "protocol", metavar="PROTOCOL", help="The protocol that is spoken, where it is not recognised.")
@click.option("--side", type=click.Choice(("client", "server")), help="Who said the bytes, where they do not tell.")
@click.option("--unit", type=int, help="Explain this unit only, by its number in the ladder.")
@click.option("--all", "everything", is_flag=True, help="Explain every unit, however many there are.")
@click.option("--picture", is_flag=True, help="Draw units in the 32-bit-wide picture of the RFCs, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each unit, one a line, for programs.")
def show(
    what: tuple[str, ...],
    protocol: str | None,
    side: str | None,
    unit: int | None,
    everything: bool,
    picture: bool,
    as_json: bool,
) -> None:
    """Explain a saved capture, or bytes.

    WHAT is a file (a capture, bytes, or a hex dump), or bytes as hex or base64, such as 810548656c6c6f. Without WHAT,
    or with -, the same is read from standard input.
    """
    from protolab.terminal import show

    for text in show.run(what, sys.stdin.buffer, protocol, side, unit, everything, picture, as_json):
        click.echo(text)


@main.command()
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to this file, as JSON, for an instructor.",
)
def progress(export: Path | None) -> None:
    """Say which exercises are right so far.

    It is kept on this machine only; PROTOLAB_PROGRESS names the file, or turns it off.
    """
    from protolab.terminal import progress

    click.echo(progress.run(export))


@main.command()
def doctor() -> None:
    """Say what is missing here, and how to mend it."""
    from protolab import doctor

    checks = list(doctor.examine())
    for check in checks:
        click.echo(check)
    wrong = sum(check.needed and not check.good for check in checks)
    click.echo(
        "\nEverything that protolab needs is here." if not wrong else f"\n{wrong} of the things it needs are missing."
    )
    sys.exit(1 if wrong else 0)
