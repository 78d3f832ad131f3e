"""sse.Client and a server that is not ours: Node's http, which breaks off after every third event and resumes by its ids."""

from __future__ import annotations

import asyncio
import os

import pytest

from protolab import sse
from protolab.serve.backoff import Backoff
from tests.protocols.sse.scripted import GONE, OK, quick, run, served, told
from tests.tools import need

pytestmark = pytest.mark.live

NODE = """
const server = require("http").createServer((request, response) => {
  let number = +(request.headers["last-event-id"] ?? 0);
  if (number >= 9) return response.writeHead(204).end();
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store" });
  response.write(`\\ufeffretry: 5\\n: for ${request.headers.accept}\\n\\n`);
  const timer = setInterval(() => {
    response.write(`event: tick\\r\\nid: ${++number}\\r\\ndata: {"n":\\r\\ndata: ${number}}\\r\\n\\r\\n`);
    if (number % 3) return;
    clearInterval(timer);
    response.write(`id: lost\\ndata: cut o`, () => response.socket.destroy());
  }, 1);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


def test_every_event_of_nodes_server_comes_once_over_all_its_cuts() -> None:
    async def main() -> None:
        node = await asyncio.create_subprocess_exec(need("node"), "-e", NODE, stdout=asyncio.subprocess.PIPE)
        assert node.stdout is not None
        try:
            port = int(await node.stdout.readline())
            client = sse.Client(f"http://127.0.0.1:{port}/", backoff=Backoff(0.001, 0.01))
            events = [event async for event in client]
        finally:
            node.kill()
            await node.communicate()
        assert [(event.type, event.json()["n"], event.last_event_id) for event in events] == [
            ("tick", number, str(number)) for number in range(1, 10)
        ]
        assert client.counts.connections == 3 and client.retry == 5 and client.failure is None

    run(main())


def test_a_hundred_streams_one_after_the_other_leave_no_descriptor_behind() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def main() -> None:
        answers = [OK + b"id: %d\ndata: %d\n\n" % (n, n) for n in range(100)]
        async with served(*answers, GONE) as server:
            before = descriptors()
            client = sse.Client(server.url, **quick(backoff=Backoff(0, 0)))
            assert await told(client) == [str(n) for n in range(100)]
            await server.until(requests=101, still_open=0)
            assert descriptors() <= before + 4  # the last ones may still be closing

    run(main())
