"""The result: four ways side by side, and the chart that they make."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from protolab.compare.account import OPEN_AND_CLOSE, PACKET, Way
from protolab.view import Chart, Column


@dataclass(frozen=True, slots=True)
class Comparison:
    """Four ways to tell the same updates. In a cell or under `print` it is a table with bars; `view()` is that chart."""

    polling: Way
    long_polling: Way
    sse: Way
    websocket: Way
    poll_every: Fraction

    @property
    def ways(self) -> tuple[Way, Way, Way, Way]:
        """All four."""
        return self.polling, self.long_polling, self.sse, self.websocket

    def view(self, *, notes: bool = True) -> Chart:
        """The comparison as a table with bars; `notes` say below it what the columns count."""
        measured = self.polling.delay is not None
        parts = [Column(name, part=True) for name in ("set-up", "heads", "framing", "payload")]
        columns = [*parts, Column("bytes"), Column("bytes an update", 1), Column("requests")]
        columns += [Column("empty answers"), Column("round trips"), Column("mean wait, steps", 3)]
        columns += [Column("median delay, ms", 2)] if measured else []
        columns += [Column("TCP/IP, estimated")]
        return Chart(
            f"{_count(self.polling.updates, 'update')} to one reader, {self.polling.parts.payload:,} bytes of them",
            columns,
            [(way.name, _numbers(way, measured)) for way in self.ways],
            unit="bytes",
            notes=self._notes(measured) if notes else (),
        )

    def _notes(self, measured: bool) -> list[str]:
        rate = float(self.poll_every)
        return [
            "The first four columns add up to every byte that the tap recorded. Set-up is said once for each connection: "
            "the heads of the opening handshake, and the Close frames; for Server-Sent Events the one request, and the head "
            "of the one response. Polling says nothing of that kind here, since each way keeps one connection, which TCP "
            "alone opens. Framing says where an update begins and ends: frame headers, the line ends after updates in a "
            "body, chunk sizes, the names and ids of events; a Content-Length counts as part of its head.",
            f"The schedule is fixed: an update in each step, a poll every {rate:g} steps, so an update waits up to {rate:g} "
            "steps for its poll. Long polling has a request waiting when an update comes.",
            "Round trips count how often the server spoke after the reader. TCP/IP is not recorded but estimated, on top "
            f"of all else: a packet with {PACKET} bytes of headers for each message, and {OPEN_AND_CLOSE} such packets to "
            "open and close a connection.",
            *(["Delay runs from publication to reception, waiting included, on this machine."] if measured else []),
        ]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return self.view().bundle()

    def __str__(self) -> str:
        return self.view().text()

    def __repr__(self) -> str:
        return f"<comparison: {', '.join(f'{way.name} {way.total:,} bytes' for way in self.ways)}>"


def _numbers(way: Way, measured: bool) -> list[float | None]:
    numbers: list[float | None] = [*way.parts, way.total, way.per_update, way.requests, way.empty, way.round_trips]
    delay = [None if way.delay is None else way.delay * 1000] if measured else []
    return [*numbers, way.wait, *delay, way.tcp_ip]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
