"""Updates over plain HTTP: who wants news asks again and again (polling), or asks and is kept waiting (long polling)."""

from __future__ import annotations

import asyncio

from protolab.serve.updates_server import HttpUpdatesServer, UpdatesHandler


class UpdatesServer(HttpUpdatesServer):
    """Answers `GET /updates?since=N` with what was published after number N, one update a line, in order.

    With nothing new it answers 204 at once; asked with `&wait=1` it holds the request until there is something, or
    answers 204 after `patience` seconds, since a connection on which nothing moves is cut by proxies. Readers that fall
    more than `keep` updates behind are answered 410. `await publish(text)`, on the lab's loop, tells the news.
    """

    name = "updates-http"

    def __init__(self, *, keep: int = 1000, patience: float = 30) -> None:
        super().__init__(keep, _Handler)
        self.patience = patience


class _Handler(UpdatesHandler):
    server: UpdatesServer
    waiting: asyncio.Task[list[str]] | None = None

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/x-ndjson")
        super().set_default_headers()

    async def get(self) -> None:
        since = self.get_query_argument("since", "0")
        if not (since.isascii() and since.isdigit() and len(since) < 16):
            return self._refuse(400, f"since={since} is not a number: say how many updates you have")
        try:
            if self.get_query_argument("wait", "0") == "1":
                news = await self._wait(int(since))
            else:
                news = self.server.updates.since(int(since))
        except LookupError as error:
            return self._refuse(410, f"{error}: begin again with what there is now")
        if news:
            self.write("".join(f"{text}\n" for text in news))
        else:
            self.set_status(204)
        self.finish()

    async def _wait(self, since: int) -> list[str]:
        """The news once there is some; none when patience, the connection or the server ends first."""
        self.waiting = asyncio.create_task(self.server.updates.after(since))
        self.server.held.add(self.waiting)
        try:
            await asyncio.wait([self.waiting], timeout=self.server.patience)
        finally:
            self.server.held.discard(self.waiting)
        if not self.waiting.done() or self.waiting.cancelled():
            self.waiting.cancel()
            return []
        return self.waiting.result()

    def _refuse(self, status: int, why: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{why}\n")

    def log_exception(self, *error: object) -> None:
        """Into the log: what a thread prints lands in somebody's notebook cell."""
        self.server.log(f"{self.request.method} {self.request.uri} failed: {error[1]!r}")
