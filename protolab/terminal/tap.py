"""`protolab tap`: a relay in front of any TCP service that prints the ladder as it grows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click

from protolab import lab
from protolab.capture import Capture, Connection, files
from protolab.capture.tap import Tap
from protolab.errors import LabError
from protolab.following import Decoded
from protolab.terminal import until
from protolab.terminal.screen import rail
from protolab.view.ladder import Rail
from protolab.view.steps import Step, end_step, step_of
from protolab.view.text import elided

LOOK = 0.05  # seconds between two looks at what came
DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_BARE = re.compile(r"(?:(?P<host>[^\s:\[\]/]*|\[[^\s\[\]/]+\]):)?(?P<port>\d{1,5})")


def target_of(text: str) -> tuple[str, int, str]:
    """The host, the port, and what a client's URL has around them, with {} for the address.

    >>> target_of("localhost:8765"), target_of("8765"), target_of("ws://lab.local/chat")
    (('localhost', 8765, '{}'), ('127.0.0.1', 8765, '{}'), ('lab.local', 80, 'ws://{}/chat'))
    """
    if bare := _BARE.fullmatch(text):
        host, port, around = (bare["host"] or "127.0.0.1").strip("[]"), int(bare["port"]), "{}"
    else:
        try:
            url = urlsplit(text)
            host, port = url.hostname or "", url.port or DEFAULT_PORTS.get(url.scheme, 0)
        except ValueError:
            host, port = "", 0
        if not host or not port:
            raise LabError(
                f"{text!r} names no TCP service.",
                "Write host:port, such as localhost:8765, or a URL such as ws://localhost:8765/.",
            )
        around = f"{url.scheme}://{{}}{url.path}{'?' if url.query else ''}{url.query}"
    if not 0 < port < 65536:
        raise LabError(f"{port} is not a port that a server can have.", "Give one from 1 to 65535.")
    return host, port, around


class Growing:
    """The ladder of one connection, step by step: `steps` gives those that were not there at the last look."""

    def __init__(self, connection: Connection, decoded: Decoded) -> None:
        self.connection = connection
        self._decoded = decoded
        self._units = 0
        self._ends = 0
        self._seen = (-1, -1)

    def steps(self, last: bool = False) -> Iterator[Step]:
        """What came since; at the `last` look, what is not complete as well."""
        connection = self.connection
        seen, self._seen = self._seen, (connection.turns, len(connection.ends))
        if seen == self._seen and not last:
            return
        ends = connection.ends[self._ends :]
        for unit in self._decoded.decoded(connection)[self._units :]:
            if unit.place.complete:
                self._units += 1
            elif not last:
                break
            yield step_of(unit, unit.place.at)
        self._ends += len(ends)
        yield from map(end_step, ends)


class Printer:
    """The ladders of all connections of a capture, as they grow, in one: each line begins with its connection's number."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.decoded = Decoded(lambda: capture.connections)
        self.growing: list[Growing] = []
        self.rail = Rail(columns=rail())

    def lines(self, last: bool = False) -> Iterator[str]:
        """The lines that are new, in the order of time."""
        found: list[tuple[float, int, str]] = []
        for connection in self.capture.connections[len(self.growing) :]:
            if not self.growing:
                yield f"conn {self.rail.head()[0]}"
            self.growing.append(Growing(connection, self.decoded))
            found.append((connection.at, connection.number, f"connection from {elided(connection.client)}"))
        for growing in self.growing:
            number = growing.connection.number
            found += ((step.when, number, self.rail.line(step)) for step in growing.steps(last))
        for _, number, line in sorted(found, key=lambda entry: entry[0]):
            yield f"{number:>4} {line}"


def run(target: str, listen: int, save: Path | None) -> None:
    """Relay, record and print until told to stop, then save. LabError: no target, no port, or a file in the way."""
    host, port, around = target_of(target)
    if save is not None and save.exists():
        raise LabError(f"{save} is there already.", "Name another file, or delete that one first.")
    if save is not None and not save.absolute().parent.is_dir():
        raise LabError(f"There is no folder {save.absolute().parent}.", "Make it first, or save somewhere else.")
    capture = Capture(f"{host}:{port}")
    tap = Tap(host, port, capture, log=lambda text: click.echo(text, err=True))
    with until.stopped() as stop:
        try:
            listening = lab.run(tap.start(port=listen))
        except OSError as error:
            raise LabError(
                f"The tap cannot listen on port {listen}: {os.strerror(error.errno or 0)}.",
                "Leave --listen out to have a free port found.",
            ) from error
        click.echo(f"Connect your client to {around.format(f'127.0.0.1:{listening}')} instead of {target}.")
        if around.startswith(("https", "wss")):
            click.echo(
                "TLS hides what is said from a relay, too: you will see that something is said, not what.", err=True
            )
        click.echo("Ctrl-C ends it.", err=True)
        printer = Printer(capture)
        while not stop.wait(LOOK):
            for line in printer.lines():
                click.echo(line)
        for line in printer.lines(last=True):
            click.echo(line)
        finish(capture, save)
        lab.run(tap.stop())  # last, for it breaks off what is still connected: neither side did that


def finish(capture: Capture, save: Path | None) -> None:
    """Say what was recorded, and save it if that was wanted."""
    count = len(capture.connections)
    dropped = f", {capture.dropped:,} more not kept" if capture.dropped else ""
    click.echo(f"{count} connection{'' if count == 1 else 's'}, {capture.size:,} bytes{dropped}.", err=True)
    if save is not None:
        files.save(capture, save)
        hint = "Wireshark opens it" if save.suffix == ".pcapng" else f"`protolab show {save}` explains it"
        click.echo(f"Saved to {save}: {hint}.", err=True)
