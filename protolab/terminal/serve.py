"""`protolab serve`: one server in the foreground. The names come from the protocols' cards."""

from __future__ import annotations

from difflib import get_close_matches

import click

from protolab import lab
from protolab.errors import LabError
from protolab.protocols import Card, cards
from protolab.serve import Log, Server
from protolab.terminal import until

LOOK = 0.5  # seconds between two looks at whether the server still lives


class Said(Log):
    """A log that also prints its lines, on standard error: in a terminal of its own nothing else stands in the way."""

    def __call__(self, text: str) -> None:
        super().__call__(text)
        click.echo(text, err=True)


def names() -> dict[str, tuple[Card, str]]:
    """Every server there is: the card it is on, and where its class is."""
    return {name: (card, target) for card in cards() for name, target in card.servers.items()}


def listed() -> str:
    """The servers, a line each, with the first line of what they say of themselves."""
    lines = []
    for name, (card, target) in names().items():
        about = (card.load(target).__doc__ or "").strip().splitlines() or [""]
        lines.append(f"  {name:<8}{card.title}: {about[0]}")
    return "\n".join(["Servers, for `protolab serve NAME`:", *lines])


def make(name: str) -> Server:
    """The server of that name; LabError names those there are."""
    known = names()
    if name not in known:
        meant = get_close_matches(name, known, 1)
        hint = f"Did you mean {meant[0]}? " if meant else ""
        raise LabError(f"There is no server called {name}.", f"{hint}There are: {', '.join(known)}.")
    card, target = known[name]
    server: Server = card.load(target)()
    return server


def run(name: str | None, host: str, port: int, verbose: bool) -> None:
    """Run a server until it is told to stop; LabError says why it could not start, or that it died."""
    if name is None:
        click.echo(listed())
        return
    server = make(name)
    if verbose:
        server.log = Said()
    with until.stopped() as stop:
        handle = lab.start(server, tap=False, host=host, port=port)
        click.echo(handle.url)  # flushed, so that whoever waits for the line knows that the server is ready
        click.echo("Ctrl-C stops it.", err=True)
        while handle.running and not stop.wait(LOOK):
            pass
        died = not handle.running
        handle.stop()
    if died:
        raise LabError(
            f"The {name} server died.", f"Start it again; `protolab serve {name} --verbose` prints what it logs."
        )
