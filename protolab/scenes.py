"""Scenarios: named conversations, run live against a server of their own or read from their frozen recordings."""

from __future__ import annotations

from protolab import lab, protocols, repeat
from protolab.capture import Capture
from protolab.capture.files import load
from protolab.errors import LabError
from protolab.protocols import Card


def scenarios() -> dict[str, str]:
    """Every scenario as "protocol/name", with its title."""
    return {
        f"{card.name}/{name}": card.load(target).title
        for card in protocols.cards()
        for name, target in card.scenarios.items()
    }


def play(name: str) -> Capture:
    """Run a scenario ("websocket/hello") now, and return what was recorded. LabError: there is no such scenario."""
    card, scene = _find(name)
    scenario = card.load(card.scenarios[scene])
    with lab.start(scenario.server(), name=name) as server:
        lab.run(scenario.talk(server.url))
        return server.capture


def recording(name: str) -> Capture:
    """The frozen recording of a scenario: what `play` records in a repeatable run. LabError: there is none."""
    card, scene = _find(name)
    return load(card.recording(scene))


def freeze(name: str) -> Capture:
    """Record a scenario anew for `captures/`: in a repeatable run, with logical times and addresses."""
    card, scene = _find(name)
    exact = card.load(card.scenarios[scene]).same is None
    before = repeat.switch(0)
    try:
        live = play(name)
    finally:
        repeat.switch(before)
    frozen = Capture(name, live.limit)
    frozen.logical = True
    for connection in live.connections:
        copy = frozen.connect("client:1", "server:1")
        steps = 0
        for unit in protocols.decode(connection):  # one segment for each unit: how TCP cut them is chance
            # Where bytes differ anyway, times are kept: that a deadline passed shows in nothing else.
            copy.add(unit.side, unit.data, (steps := steps + 1) / 1000 if exact else round(unit.place.at, 3))
        for end in sorted(connection.ends, key=lambda end: -end.side):  # both sides end TCP at about the same time
            copy.end(end.side, end.how, (steps := steps + 1) / 1000 if exact else round(end.at, 3))
    return frozen


def _find(name: str) -> tuple[Card, str]:
    protocol, _, scene = name.partition("/")
    for card in protocols.cards():
        if card.name == protocol and scene in card.scenarios:
            return card, scene
    raise LabError(f"There is no scenario {name!r}.", f"Choose one of: {', '.join(scenarios())}.")
