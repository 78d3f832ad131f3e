"""Rooms shared by several processes, through Redis pub/sub: `ChatServer(bus=RedisBus("redis://127.0.0.1:6379"))`.

Each server tells its own clients at once, and publishes what it told them on one channel that all servers listen to;
it passes on what the others publish there, and leaves out what is its own. Pub/sub delivers at most once: what is said
while a server has no Redis does not cross, and nobody repeats it. That is reported (log and statistics), not hidden;
rooms within each server go on. A server that is killed cannot say user_left for its clients.

Bounds: `backlog` messages, and BACKLOG_BYTES of them, wait for Redis, then the oldest go, counted; while Redis is away,
none wait at all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from protolab import repeat
from protolab.errors import LabError
from protolab.serve.backoff import Backoff
from protolab.serve.waiting import Waiting

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

BEAT = 5.0  # seconds of silence after which Redis is asked whether it is there, and then given up
BACKLOG_BYTES = 4 << 20


class RedisBus:
    """A chat server's line to the others. One server, one bus; all on the same `channel` share their rooms."""

    def __init__(
        self, url: str = "redis://127.0.0.1:6379", *, channel: str = "protolab:chat", backlog: int = 1000
    ) -> None:
        try:
            import redis.asyncio  # here, because few need it
        except ImportError:
            raise LabError("RedisBus needs the redis package.", "Install it: pip install 'protolab[redis]'") from None
        self._library = redis.asyncio
        self.url = url
        self.channel = channel
        self.node = repeat.token_source()(3).hex()
        self.connected = False
        self.lost = self.published = self.heard = self.dropped = self.ignored = 0
        self._pending: Waiting[bytes] = Waiting(backlog, BACKLOG_BYTES)
        self._backoff = Backoff(base=0.2, cap=5)
        self._running: asyncio.Task[None] | None = None
        self._receive: Callable[[str, bytes], None] = lambda room, text: None
        self._log: Callable[[str], None] = lambda text: None
        try:
            self._open()
        except ValueError as error:
            raise LabError(f"Not a Redis URL: {error}.", "Write it like redis://127.0.0.1:6379.") from None

    async def start(self, receive: Callable[[str, bytes], None], log: Callable[[str], None]) -> None:
        """Subscribe, and from then on hand over what other servers say. LabError: Redis cannot be reached."""
        self._receive, self._log = receive, log
        self._more, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()  # nothing pending, nothing on its way
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._run(ready))
        try:
            await ready
        except (self._library.RedisError, OSError) as error:
            parts = urlsplit(self.url)  # a password in the URL is nobody's business
            place = f"{parts.hostname}:{parts.port or 6379}"
            raise LabError(
                f"No Redis to be used at {place}: {error}.", "Start one with `redis-server`, or leave out the bus."
            ) from None

    async def stop(self) -> None:
        """Send what is pending, if Redis takes it within a second, and let go. Safe to call twice."""
        if self._running is None:
            return
        running, self._running = self._running, None
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._idle.wait()
        running.cancel()
        await asyncio.wait([running])

    def publish(self, room: str, text: bytes) -> None:
        """Tell the other servers."""
        if not self.connected:
            self.dropped += 1
            return
        data = b"\n".join((self.node.encode(), room.encode(), text))  # a room's name has no line end
        self.dropped += len(self._pending.put(data, len(data), 0))
        self._idle.clear()
        self._more.set()

    def statistics(self) -> dict[str, int | bool]:
        """Is Redis there, how often was it lost; messages published, heard, dropped, and ignored as not a server's."""
        return {
            "connected": self.connected,
            "lost": self.lost,
            "published": self.published,
            "heard": self.heard,
            "dropped": self.dropped,
            "ignored": self.ignored,
        }

    async def _run(self, ready: asyncio.Future[None]) -> None:
        """Be connected; when Redis is lost, come back, after pauses that the backoff hands out."""
        now = asyncio.get_running_loop().time
        while True:
            try:
                async with self._open() as redis, redis.pubsub() as line:
                    await line.subscribe(self.channel)
                    if await line.get_message(timeout=BEAT) is None:
                        raise self._library.ConnectionError(f"no answer within {BEAT:g} seconds")
                    self.connected = True
                    self._backoff.opened(now())
                    if ready.done():
                        self._log("bus: Redis is back")
                    else:
                        ready.set_result(None)
                    await self._carry(redis, line)
            except (self._library.RedisError, OSError) as error:
                if not ready.done():
                    ready.set_exception(error)
                    return
                if self.connected:
                    self.lost += 1
                    self._log(f"bus: Redis is lost ({error}); rooms are not shared until it is back")
            finally:
                self.connected = False
                self.dropped += len(self._all_pending())
                self._idle.set()
            await asyncio.sleep(self._backoff.failed(now()))

    def _all_pending(self) -> list[bytes]:
        """What waits, which then waits no more."""
        return [self._pending.take() for _ in range(len(self._pending))]

    def _open(self) -> Redis:
        """A client that tries once: what to do then is decided in one place, `_run`."""
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        opened: Redis = self._library.Redis.from_url(
            self.url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=BEAT, socket_timeout=BEAT
        )
        return opened

    async def _carry(self, redis: Redis, line: PubSub) -> None:
        """Both directions, until one fails."""
        tasks = [asyncio.create_task(self._send(redis)), asyncio.create_task(self._listen(line))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, redis: Redis) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            batch = self._all_pending()
            try:
                async with redis.pipeline(transaction=False) as pipeline:
                    for data in batch:
                        pipeline.publish(self.channel, data)
                    await pipeline.execute()
            except BaseException:
                self.dropped += len(batch)  # or not: whether Redis got them, nobody knows
                raise
            self.published += len(batch)
            if not self._pending:
                self._idle.set()

    async def _listen(self, line: PubSub) -> None:
        silent = False
        while True:
            message = await line.get_message(timeout=BEAT)
            if message is not None and message["type"] == "message":
                self._hear(message["data"])
            elif message is None and silent:
                raise self._library.ConnectionError(f"no answer within {BEAT:g} seconds")
            elif message is None:
                await line.ping()
            silent = message is None

    def _hear(self, data: bytes) -> None:
        """Anyone can publish on a channel: pass on only what one of our servers would have said."""
        node, room, text = (*data.split(b"\n", 2), b"", b"")[:3]
        if node == self.node.encode():
            return
        try:
            message, name = json.loads(text), room.decode()
            good = message["type"] in ("chat", "system") and message["payload"]["room"] == name
        except (ValueError, RecursionError, KeyError, TypeError):
            good = False
        if good:
            self.heard += 1
            self._receive(name, text)
        else:
            self.ignored += 1
