"""WebSocket against HTTP, measured: the same updates to one reader by polling, long polling, event stream and WebSocket.

    compare.run()                                 # 100 updates
    compare.run(poll_every=2)                     # a poll for every second update: fewer bytes, more delay
    compare.run(headers=compare.BROWSER)          # with the heads that a browser sends

Each way is a real conversation over loopback that the tap records. What the bytes are is read off the decoded units, and
the parts of each way add up to what was recorded, byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from protolab import lab, repeat
from protolab.compare.account import Parts, Way, account, weigh
from protolab.compare.comparison import Comparison
from protolab.compare.readers import BROWSER, Heads, Reader
from protolab.errors import LabError
from protolab.protocols import http, sse, websocket

__all__ = ["BROWSER", "Comparison", "Heads", "Parts", "Way", "account", "run", "weigh"]

MOST_POLLS = 20_000  # of one run: some ten megabytes with a browser's heads, and less than the tap keeps
INTERVAL = 0.01  # seconds between two updates, where time is measured


def run(
    updates: int | Iterable[str] = 100,
    *,
    poll_every: float = 0.25,
    headers: Heads | None = None,
    interval: float = INTERVAL,
) -> Comparison:
    """Tell one reader the same updates by polling, long polling, Server-Sent Events and WebSocket, every byte accounted for.

    `updates` are lines of text, or how many made-up ones; `poll_every` is the time from poll to poll and counts in times
    from update to update; `headers` are added to what the reader sends. There are `interval` seconds between updates; a
    repeatable run takes no time between them and measures none. What is said is decided by the schedule, not by a clock.

    LabError: there are no updates or too many, one is not a line, or the schedule has no polls or too many.
    """
    every = Fraction(poll_every).limit_denominator(1000) if math.isfinite(poll_every) else Fraction(0)
    texts = _texts(updates, every)
    pace = 0.0 if repeat.on() else interval
    ways = []
    for name, kind, way in (
        ("polling", http.UpdatesServer, Reader.poll),
        ("long polling", http.UpdatesServer, Reader.hang),
        ("Server-Sent Events", sse.UpdatesServer, Reader.stream),
        ("WebSocket", websocket.UpdatesServer, Reader.listen),
    ):
        reader, server = Reader(texts, every, headers or Heads(), pace), kind(keep=len(texts))
        with lab.start(server, name=f"compare {name}") as handle:
            lab.run(way(reader, handle.url, server.updates))
            capture = handle.capture
        ways.append(account(name, capture, len(texts), reader.waits, reader.delays if pace else ()))
    polling, long_polling, stream, telling = ways
    return Comparison(polling, long_polling, stream, telling, every)


def _texts(updates: int | Iterable[str], every: Fraction) -> list[str]:
    """The updates, and a LabError where they cannot be told by that schedule."""
    given = range(1, updates + 1) if isinstance(updates, int) else list(updates)
    if not given:
        raise LabError("There is no update to tell.", "Ask for one or more, such as compare.run(updates=100).")
    if every <= 0 or len(given) / min(every, Fraction(1)) > MOST_POLLS:
        raise LabError(
            f"{len(given):,} updates with poll_every={float(every):g} cannot be run.",
            f"Take a poll_every above 0, and updates and polls up to {MOST_POLLS:,}.",
        )
    texts = [text if isinstance(text, str) else _made_up(text) for text in given]
    for text in texts:
        if not text or "\n" in text or "\r" in text:
            raise LabError(f"The update {text!r} is not a line.", "Write each as one line of text, such as JSON.")
    return texts


def _made_up(number: int) -> str:
    """Update `number` of a share's price.

    >>> _made_up(1)
    '{"tick":1,"price":100.07}'
    """
    return f'{{"tick":{number},"price":{100 + number * number * 7 % 900 / 100:.2f}}}'
