"""One reader, four ways to be told; and the schedule by which updates are published and polls are sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from protolab import repeat
from protolab.errors import LabError
from protolab.protocols import http, sse, websocket
from protolab.protocols.http.client import Response
from protolab.serve.updates import Updates

PATH = "/updates"
PATIENCE = 10.0  # seconds for a reader to ask


class Heads(NamedTuple):
    """Header lines that the reader adds to each request of its own, and to those that ask for WebSocket or a stream."""

    fetch: Mapping[str, str] = {}
    websocket: Mapping[str, str] = {}
    stream: Mapping[str, str] = {}


_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
_ANY = {"User-Agent": _AGENT, "Accept-Encoding": "gzip, deflate, br, zstd", "Accept-Language": "en-US,en;q=0.9"}
_FETCH = {
    "Connection": "keep-alive",
    "sec-ch-ua-platform": '"Linux"',
    "sec-ch-ua": '"Not:A-Brand";v="8", "Chromium";v="156"',
    "sec-ch-ua-mobile": "?0",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Referer": f"http://{repeat.AUTHORITY}/",
    **_ANY,
}
_FRESH = {"Pragma": "no-cache", "Cache-Control": "no-cache"}
BROWSER = Heads(  # what Chromium 156 says to a page's own server, recorded; a site's cookies would come on top
    _FETCH,
    {
        **_FRESH,
        "Origin": f"http://{repeat.AUTHORITY}",
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
        **_ANY,
    },
    {**_FRESH, **_FETCH},
)


class Reader:
    """The reader, and with it the schedule: which update is published, and which poll sent, at which step.

    A step is the time from update to update, `pace` seconds. What is said is decided by the steps alone: a machine that
    is late moves the rest of the schedule, and never changes its order.
    """

    def __init__(self, texts: Sequence[str], every: Fraction, heads: Heads, pace: float) -> None:
        self.texts = texts
        self.every = every
        self.heads = heads
        self.pace = pace
        self.waits: list[Fraction] = []  # how many steps each update waited for its poll
        self.delays: list[float] = []  # seconds from publication to reception
        self._published: list[float] = []
        self._began: float | None = None

    async def poll(self, url: str, told: Updates) -> None:
        """Ask at every multiple of `every`. Update k is due half a poll (or half a step) before step k."""
        early = min(self.every, Fraction(1)) / 2
        due = [k - early for k in range(1, len(self.texts) + 1)]
        step = Fraction(0)
        async with http.connect(url, self.heads.fetch) as connection:
            while (got := len(self.waits)) < len(due):
                step += self.every
                for when in due[len(self._published) :]:
                    if when > step:
                        break
                    await self._publish(told, when)
                await self._until(step)
                new = _lines(await connection.get(f"{PATH}?since={got}"))
                self._take(new, [step - when for when in due[got : got + len(new)]])

    async def hang(self, url: str, told: Updates) -> None:
        """Ask and be kept waiting; each update is published when the request for it is held."""
        async with http.connect(url, self.heads.fetch) as connection:
            for k in range(len(self.texts)):
                asking = asyncio.create_task(connection.get(f"{PATH}?since={k}&wait=1"))
                await _awaited(told)
                await self._publish(told, Fraction(k))
                self._take(_lines(await asking), [Fraction(0)])

    async def listen(self, url: str, told: Updates) -> None:
        """Connect and be told; each update is published when what came before it was sent."""
        lines = dict(self.heads.websocket)
        agent = lines.pop("User-Agent", "protolab")
        async with websocket.connect(url, additional_headers=lines, user_agent_header=agent) as connection:
            for k in range(len(self.texts)):
                await _awaited(told)
                await self._publish(told, Fraction(k))
                self._take([await connection.recv(decode=True)], [Fraction(0)])

    async def stream(self, url: str, told: Updates) -> None:
        """Ask once for an event stream and be told; each update is published when what came before it was sent."""
        async with sse.Client(url, headers=self.heads.stream) as client:
            events = aiter(client)
            for k in range(len(self.texts)):
                await _awaited(told)
                await self._publish(told, Fraction(k))
                self._take([(await anext(events)).data], [Fraction(0)])

    async def _until(self, step: Fraction) -> None:
        """Wait for a step to come, where steps take time."""
        if not self.pace:
            return
        if self._began is None:
            self._began = time.perf_counter()
        if (left := self._began + float(step) * self.pace - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        self._began = max(self._began, time.perf_counter() - float(step) * self.pace)

    async def _publish(self, told: Updates, step: Fraction) -> None:
        await self._until(step)
        self._published.append(time.perf_counter())
        told.publish(self.texts[len(self._published) - 1])

    def _take(self, new: Sequence[str], waits: Sequence[Fraction]) -> None:
        """Keep what came. LabError: it is not what was published."""
        now, got = time.perf_counter(), len(self.waits)
        if list(new) != list(self.texts[got : got + len(new)]):
            raise LabError(f"Update {got + 1} came as {new!r}.", "Look into the server's log, and run it again.")
        self.delays += [now - at for at in self._published[got : got + len(new)]]
        self.waits += waits


async def _awaited(told: Updates) -> None:
    """Until the server waits for the next update. LabError: it does not, since the conversation ended."""
    try:
        async with asyncio.timeout(PATIENCE):
            await told.awaited.wait()
    except TimeoutError:
        raise LabError("No reader asks for updates any more.", "Look into lab.log(), and run it again.") from None


def _lines(response: Response) -> list[str]:
    """The updates of a response, which are one a line."""
    return response.body.decode().split("\n")[:-1]
