"""A server that runs, as its user sees it: where it is, what was said to it, how to stop it."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Self

from protolab import repeat
from protolab.capture import Capture, Connection
from protolab.capture.tap import Tap
from protolab.errors import LabError
from protolab.fields import Side
from protolab.serve import Log, Loop, Server

GRACE = 0.5  # seconds a server has to say goodbye; then what is still connected is cut
PATIENCE = 10.0  # seconds to wait for the loop to start or stop a server before saying that something blocks it
_QUIET = 10  # turns of the loop, a millisecond each, without news: then all that was said is recorded
_TALK = 0.25  # seconds to wait for that when the two sides just go on talking


class Running:
    """What there is while servers run: the loop, and each server's handle by name."""

    def __init__(self) -> None:
        self.loop = Loop("protolab lab")
        self.handles: dict[str, Handle] = {}
        self.gate = asyncio.Lock()  # one server starts or stops at a time, whichever threads ask
        self.closed = False

    async def close(self) -> None:
        """Stop every server, all at the same time, and start none any more."""
        async with self.gate:
            self.closed = True
            await asyncio.gather(*(handle._shut(self) for handle in list(self.handles.values())))


class Handle:
    """A server that runs: its `url`, the `capture` of what was said to it, its `log`, and `stop()`.

    Also a context manager, of both kinds, that stops it at the end of the block.
    """

    def __init__(self, server: Server, name: str, capture: Capture | None) -> None:
        self.server = server
        self.name = name
        self._capture = capture
        self._lab: Running | None = None  # while it runs
        self._tap: Tap | None = None
        self._url = ""
        self._given_up: dict[int, int] = {}  # connection number: its segments when waiting for its end was in vain

    @property
    def running(self) -> bool:
        """Whether it was started, not stopped, and still listens."""
        return self._lab is not None and self._lab.loop.alive and self.server.serving

    @property
    def url(self) -> str:
        """Where clients find it, such as ws://127.0.0.1:53122/. LabError: it does not run any more."""
        if not self.running:
            how = "was stopped" if self._lab is None else "died"
            raise LabError(f"The {self.name} server {how}.", "Run the cell that starts it again; its log may say more.")
        return self._url

    @property
    def capture(self) -> Capture:
        """The recording, once it holds all that was said so far (see `settle`). LabError: it runs without a tap."""
        if self._capture is None:
            raise LabError(f"The {self.name} server runs without a tap.", "Start it with tap=True to record.")
        self.settle()
        return self._capture

    @property
    def log(self) -> Log:
        """What the server and its tap had to report, newest last."""
        return self.server.log

    def settle(self, timeout: float = 2.0) -> None:
        """Wait until the capture holds all that was said before this call, Close frames and FINs included.

        What the system took from a client is still to be read by the tap, answered, and recorded: that is done when
        the loop had nothing new for several turns. Where a client has said FIN, the server's FIN is waited for too,
        for no longer than `timeout` seconds. A conversation that just goes on is not waited for.
        """
        if (lab := self._lab) is not None and self._capture is not None and lab.loop.alive and not lab.loop.here:
            lab.loop.run(self._settle(self._capture, timeout))

    def cut(self) -> int:
        """Break every open connection off with a reset, as a failing network would. Returns how many there were."""
        if self._lab is None or self._tap is None:
            why = "was stopped" if self._lab is None else "runs without a tap"
            raise LabError(f"The {self.name} server {why}: there is nothing to cut.", "Start it again, with tap=True.")
        tap = self._tap

        async def cut() -> int:
            return tap.cut()

        return tap.cut() if self._lab.loop.here else self._lab.loop.run(cut())

    def stop(self) -> None:
        """Say goodbye to its clients, then free its port. Whoever has not answered after half a second is cut off."""
        if (lab := self._lab) is not None and lab.loop.alive:
            try:
                lab.loop.run(self._end(lab), PATIENCE)
            except TimeoutError:
                raise LabError(
                    f"The {self.name} server did not stop in {PATIENCE:g} seconds.",
                    "A handler blocks the lab's loop (time.sleep, not await asyncio.sleep?): restart the kernel.",
                ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        lab = self._lab
        if lab is None or not lab.loop.alive:
            return
        if lab.loop.here:
            await self._end(lab)
        else:  # without blocking: its clients may live on the caller's loop, and should answer the goodbye
            await asyncio.shield(asyncio.wrap_future(lab.loop.submit(self._end(lab))))

    def __repr__(self) -> str:
        if not self.running:
            return f"<{self.name} server, {'stopped' if self._lab is None else 'died'}>"
        return f"<{self.name} server, running>" if repeat.on() else f"<{self.name} server at {self._url}>"

    # What follows runs on the lab's loop.

    async def _begin(self, lab: Running, host: str, port: int) -> None:
        async with lab.gate:
            if lab.closed:
                raise LabError("The lab is being stopped.", "Start the server once it is.")
            if (before := lab.handles.get(self.name)) is not None:
                await asyncio.shield(before._shut(lab))
            if any(handle.server is self.server for handle in lab.handles.values()):
                raise LabError("This server runs already, under another name.", "Stop it first, or make another one.")
            try:
                if self._capture is None:
                    listening = await self.server.start(host, port)
                else:
                    self._capture.logical = repeat.on()
                    tap = Tap("127.0.0.1", await self.server.start(), self._capture, log=self.log)
                    try:
                        listening = await tap.start(host, port)
                    except BaseException:
                        await self.server.stop()
                        raise
                    self._tap = tap
            except LabError:
                raise
            except Exception as error:
                raise _explain(self.name, host, port, error) from error
            shown = f"[{host}]" if ":" in host else "127.0.0.1" if host in ("", "0.0.0.0") else host
            self._url = f"{self.server.scheme}://{shown}:{listening}{self.server.path}"
            self._lab = lab
            lab.handles[self.name] = self

    async def _end(self, lab: Running) -> None:
        async with lab.gate:
            await asyncio.shield(self._shut(lab))  # an interrupt ends the waiting, not the stopping

    async def _shut(self, lab: Running) -> None:
        """Let no new client in, let the server say goodbye for as long as the grace lasts, and cut off who is left."""
        if self._lab is None:
            return
        self._lab = None
        if lab.handles.get(self.name) is self:
            del lab.handles[self.name]
        if self._tap is not None:
            self._tap.refuse = True
        in_time = await self._goodbye()
        if self._tap is not None:
            if self._capture is not None and self._tap.live:
                await self._settle(self._capture, GRACE)  # the tap may still have to pass the last words on
            await self._tap.stop()
        if not in_time and not await self._goodbye():  # what kept the server waiting is gone now
            self.log("the server did not stop: its clients were cut off, but something of it may be left")

    async def _goodbye(self) -> bool:
        """Whether the server stopped within the grace."""
        try:
            async with asyncio.timeout(GRACE):
                await self.server.stop()
        except TimeoutError:
            return False
        except Exception as error:
            self.log(f"stopping the server failed: {error!r}")
        return True

    async def _settle(self, capture: Capture, timeout: float) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        quiet, before = 0, None
        while True:
            await asyncio.sleep(0.001)
            now = [(one.turns, *one.dropped, len(one.ends)) for one in capture.connections]
            quiet, before = quiet + 1 if now == before else 0, now
            ending = [one for one in capture.connections if self._is_ending(one)]
            if not ending and (quiet >= _QUIET or clock() - began > _TALK):
                return
            if clock() - began > timeout:
                self._given_up |= {one.number: one.turns for one in ending}
                return

    def _is_ending(self, connection: Connection) -> bool:
        """Whether the client has said all it had to say, the server has not, and it is not known to take its time."""
        hows = {end.side: end.how for end in connection.ends}
        return hows == {Side.CLIENT: "FIN"} and self._given_up.get(connection.number) != connection.turns


def _explain(name: str, host: str, port: int, error: Exception) -> LabError:
    """Why a server could not start, and what to do about it."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return LabError(
            f"Port {port} on {host} is in use already.",
            "Stop what uses it, pick another, or let port=0 find a free one.",
        )
    if number == errno.EACCES:
        return LabError(f"You may not open port {port}.", "Pick one from 1024 up, or let port=0 find a free one.")
    nowhere = isinstance(error, OSError) and number is None  # asyncio's word, from 3.12 on, for none of several addresses
    if nowhere or number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return LabError(
            f"This machine has no address {host}.",
            "Use 127.0.0.1 to serve this machine alone, or 0.0.0.0 to serve its network.",
        )
    return LabError(f"The {name} server could not start: {error!r}.", "Mend its start() and run the cell again.")
