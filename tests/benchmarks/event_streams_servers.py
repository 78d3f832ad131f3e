"""The servers that event_streams.py compares: `python -m tests.benchmarks.event_streams_servers NAME [COUNT]`.

Each prints its port. `POST /say?n=8` has it say 8 events to everyone, one after another in one turn; all say the same
event: `id`, `event` and a JSON object, some 95 bytes in all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from itertools import count

DATA = {"title": "Tea", "message": "is ready in the kitchen, help yourself", "n": 10_000_000}


def flask() -> None:
    """The sample's way: a thread and an unbounded queue for each client, one after another woken for each event."""
    from flask import Flask, Response, request
    from werkzeug.serving import make_server

    app = Flask(__name__)
    clients: set[queue.Queue[str]] = set()
    ids = count(10_000_000)  # all of one length

    @app.get("/events")
    def events() -> Response:
        own: queue.Queue[str] = queue.Queue()
        clients.add(own)

        def generate() -> Iterator[str]:
            yield "event: connected\ndata: {}\n\n"
            try:
                while True:
                    yield own.get()
            finally:
                clients.discard(own)

        return Response(generate(), mimetype="text/event-stream")

    @app.post("/say")
    def say() -> str:
        for _ in range(int(request.args["n"])):
            text = f"id: {next(ids)}\nevent: notification\ndata: {json.dumps(DATA)}\n\n"
            for each in list(clients):
                each.put(text)
        return "said"

    logging.getLogger("werkzeug").disabled = True
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.socket.listen(2048)
    print(server.server_port, flush=True)
    server.serve_forever()


def starlette() -> None:
    """sse-starlette under uvicorn: a task and a queue for each client, as its documentation has it."""
    import uvicorn
    from sse_starlette import EventSourceResponse, ServerSentEvent
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    clients: set[asyncio.Queue[ServerSentEvent]] = set()
    ids = count(10_000_000)  # all of one length

    async def events(request: Request) -> Response:
        async def generate() -> AsyncIterator[ServerSentEvent]:
            own: asyncio.Queue[ServerSentEvent] = asyncio.Queue()
            clients.add(own)
            try:
                yield ServerSentEvent("{}", event="connected")
                while True:
                    yield await own.get()
            finally:
                clients.discard(own)

        return EventSourceResponse(generate())

    async def say(request: Request) -> Response:
        for _ in range(int(request.query_params["n"])):
            event = ServerSentEvent(json.dumps(DATA), event="notification", id=str(next(ids)))
            for each in clients:
                each.put_nowait(event)
        return PlainTextResponse("said")

    app = Starlette(routes=[Route("/events", events), Route("/say", say, methods=["POST"])])
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False)).run([listening])


def protolab() -> None:
    """The event server whole, with ids, history and bounds; `/say` is added beside its own API."""
    from tornado.web import RequestHandler

    from protolab.protocols.sse.server import EventServer

    class Say(RequestHandler):
        def post(self) -> None:
            for _ in range(int(self.get_query_argument("n"))):
                server.say("notification", DATA)
            self.finish("said")

    async def main() -> None:
        port = await server.start()
        assert server._http is not None
        server._http.request_callback.add_handlers(".*", [("/say", Say)])  # type: ignore[union-attr]
        print(port, flush=True)
        await asyncio.Event().wait()

    server = EventServer(first=10_000_000)
    asyncio.run(main())


SERVERS = {"flask": flask, "sse-starlette": starlette, "protolab": protolab}

if __name__ == "__main__":
    threading.stack_size(256 << 10)  # a thousand threads of the usual 8 MB would not fit everywhere
    SERVERS[sys.argv[1]]()
