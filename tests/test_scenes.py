"""Scenarios: every one runs live, and in a repeatable run says, byte for byte, what its frozen recording holds; where a
library chooses some of the bytes, it says the same by them.

`python -m tests.test_scenes` writes the recordings anew.
"""

from __future__ import annotations

import pytest

from protolab import protocols, scenes
from protolab.capture import Capture
from protolab.errors import LabError
from protolab.fields import Side
from tests.decoding import facts, sound


def said(capture: Capture) -> list[tuple[bytes, ...]]:
    return [tuple(connection.read(side) for side in Side) for connection in capture.connections]


@pytest.mark.live
@pytest.mark.parametrize("name", scenes.scenarios())
def test_a_repeatable_run_says_what_the_frozen_recording_holds(name: str) -> None:
    frozen = scenes.recording(name)
    again = scenes.freeze(name)
    protocol, _, scene = name.partition("/")
    card = protocols.card(protocol)
    if (same := card.load(card.scenarios[scene]).same) is not None:
        here, there = ([same(protocols.decode(each)) for each in capture.connections] for capture in (again, frozen))
        assert here == there, "run `python -m tests.test_scenes` when the change is meant"
        return
    assert said(again) == said(frozen), "run `python -m tests.test_scenes` when the change is meant"
    for here, there in zip(again.connections, frozen.connections, strict=True):
        assert [facts(unit) for unit in protocols.decode(here)] == [facts(unit) for unit in protocols.decode(there)]


@pytest.mark.parametrize("name", scenes.scenarios())
def test_every_prefix_of_a_recording_decodes_and_tiles(name: str) -> None:
    for connection in scenes.recording(name).connections:
        segments = [(s.side, connection.read(s.side, s.offset, s.offset + s.length)) for s in connection.segments]
        for count in range(len(segments)):
            growing = Capture().connect()
            for side, data in segments[:count]:
                growing.add(side, data, 0.0)
            side, data = segments[count]
            for size in (1, len(data) // 2, len(data) - 1):
                growing_more = Capture().connect()
                for at, piece in [*segments[:count], (side, data[:size])]:
                    growing_more.add(at, piece, 0.0)
                sound(growing_more)
            sound(growing)


def test_a_live_run_needs_no_seed() -> None:
    first, second = (said(scenes.play("websocket/hello")) for _ in range(2))
    assert first != second, "keys and masks are random unless a repeatable run is asked for"


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"Choose one of: .*websocket/hello"):
        scenes.recording("websocket/nonsense")


if __name__ == "__main__":
    for scenario in scenes.scenarios():
        protocol, _, scene = scenario.partition("/")
        path = protocols.card(protocol).recording(scene)
        path.parent.mkdir(exist_ok=True)
        scenes.freeze(scenario).save(path)
        print(path)
