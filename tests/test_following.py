"""Conversations of a capture that still grows."""

from __future__ import annotations

from protolab import protocols
from protolab.capture import Capture
from protolab.fields import Side
from protolab.following import Decoded


def test_bytes_that_come_between_the_judgement_and_the_scan_are_judged_too(monkeypatch):
    connection = Capture("live").connect()
    recognise = protocols.recognise
    talk = iter([(Side.CLIENT, b"GET / HTTP/1.1\r\nHost: lab.local\r\n\r\n"), (Side.SERVER, b"HTTP/1.1 204 \r\n\r\n")])

    def recognised(connection):
        found = recognise(connection)
        for side, data in talk:  # the tap's thread, right after
            connection.add(side, data)
        return found

    monkeypatch.setattr(protocols, "recognise", recognised)
    decoded = Decoded(lambda: [connection])
    assert [unit.kind for unit in decoded.decoded(connection)] == ["request head", "response head"]
