"""The GraphQL client: `async with graphql.Client(server.url) as client: await client.query("{ users { name } }")`."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterable, Mapping
from typing import Any, Self
from urllib.parse import urlencode, urlsplit, urlunsplit

from protolab.errors import LabError
from protolab.protocols.graphql.client_errors import Ended, GraphQLError, Result, TooSlow
from protolab.protocols.graphql.client_http import HttpLink
from protolab.protocols.graphql.client_socket import Payload, SocketLink
from protolab.protocols.graphql.client_stream import StreamLink
from protolab.protocols.graphql.persisted import hash_of
from protolab.protocols.graphql.request import Malformed, load
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT
from protolab.protocols.graphql.subscription import Inlet, Subscription, result_of
from protolab.serve import Log
from protolab.serve.backoff import Backoff

__all__ = ["Client", "Ended", "GraphQLError", "Result", "Subscription", "TooSlow"]

SSE = "sse"
_ACCEPT = "application/graphql-response+json, application/json;q=0.9"
_SCHEMES = {"http": "ws", "https": "wss"}
Request = str | tuple[Any, ...] | Mapping[str, Any]


class Client:
    """Talks to the server at `url`: with http, queries and mutations go over HTTP, and subscriptions over WebSocket, or
    event streams, at the same path; with ws, all goes over one socket.

    `subscriptions` is "graphql-transport-ws", "graphql-ws" (the older protocol: see `subprotocols`) or "sse". `headers` go
    with every request and handshake; `payload` with connection_init, and may be a function, called for each connection.
    `get`: send queries by GET. `persisted`: send the hash of a document in its place, and the document only when asked.

    `timeout` is for a query or mutation, `ack_timeout` for connection_ack (4504). The socket is pinged every `keepalive`
    seconds. When it breaks, it comes back after the delays of `backoff`, if the close code allows, and gives up after
    `max_attempts` in a row (None: never); after 1012 and 1013 it waits `later`, so many to so many seconds. At most `inbox`
    results of a subscription wait to be read; past that, it is completed, and its reader hears `TooSlow`.
    """

    def __init__(
        self,
        url: str,
        *,
        subscriptions: str = TRANSPORT,
        headers: Mapping[str, str] | None = None,
        payload: Payload = None,
        get: bool = False,
        persisted: bool = False,
        timeout: float = 30.0,
        ack_timeout: float = 10.0,
        keepalive: float | None = 20.0,
        backoff: Backoff | None = None,
        max_attempts: int | None = 5,
        later: tuple[float, float] = (5.0, 30.0),
        inbox: int = 1000,
        max_size: int = 2**24,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        where = urlsplit(url)
        if subscriptions not in (TRANSPORT, LEGACY, SSE):
            raise LabError(f"There is no way to subscribe called {subscriptions!r}.", f"Say {TRANSPORT!r}, or {SSE!r}.")
        if where.scheme not in ("http", "https", "ws", "wss") or not where.hostname:
            raise LabError(
                f"{url!r} is no URL that GraphQL is served at.", "Write one such as http://host:port/graphql."
            )
        socket_only = where.scheme in ("ws", "wss")
        if socket_only and subscriptions == SSE:
            raise LabError("Event streams come over HTTP.", "Give the client an http URL.")
        self.url = url
        self.headers = dict(headers or {})
        self.get = get
        self.persisted = persisted
        self.timeout = timeout
        self.inbox = inbox
        self.log = Log()
        self.http = None if socket_only else HttpLink(url, tls)
        self.link: SocketLink | StreamLink
        if subscriptions == SSE:
            assert self.http is not None
            base = backoff or Backoff()  # each stream has a row of failures of its own
            self.link = StreamLink(
                self.http,
                headers=self.headers,
                backoff=lambda: Backoff(base.base, base.cap, factor=base.factor, stable=base.stable),
                max_attempts=max_attempts,
                log=self.log,
            )
        else:
            self.link = SocketLink(
                urlunsplit(where._replace(scheme=_SCHEMES.get(where.scheme, where.scheme))),
                subscriptions,
                payload=payload,
                headers=self.headers,
                ack_timeout=ack_timeout,
                keepalive=keepalive,
                backoff=backoff or Backoff(),
                max_attempts=max_attempts,
                later=later,
                max_size=max_size,
                log=self.log,
                tls=tls,
            )
        self._closed = False

    async def query(
        self, document: str, variables: Mapping[str, Any] | None = None, *, operation: str | None = None
    ) -> Any:
        """The data of a query. GraphQLError: there were errors (its `data` is what there is all the same). LabError:
        trouble on the way."""
        return (await self._run(_request(document, variables, operation), self.get)).unwrap()

    async def mutate(
        self, document: str, variables: Mapping[str, Any] | None = None, *, operation: str | None = None
    ) -> Any:
        """The data of a mutation; as `query`. After a LabError nobody knows whether the server ran it."""
        return (await self._run(_request(document, variables, operation), False)).unwrap()

    async def execute(
        self, document: str, variables: Mapping[str, Any] | None = None, *, operation: str | None = None
    ) -> Result:
        """What a query or mutation came to, data and errors. LabError: trouble on the way."""
        return await self._run(_request(document, variables, operation), False)

    async def batch(self, requests: Iterable[Request]) -> list[Result]:
        """What several requests came to, in one exchange and in their order.

        Each is a document, a (document, variables) pair, or an object as it is sent. Errors stay in the results. LabError:
        trouble on the way, or no batch is answered here.
        """
        asked = [
            _request(one) if isinstance(one, str) else dict(one) if isinstance(one, Mapping) else _request(*one)
            for one in requests
        ]
        if self.http is None:
            return list(await asyncio.gather(*(self._run(one, False) for one in asked)))
        answer = await self._post(asked)
        if not isinstance(answer, list) or len(answer) != len(asked):
            if isinstance(answer, dict) and answer.get("errors"):
                result_of(answer).unwrap()
            raise LabError("The answer to a batch is not one result for each request.", "Send them one by one.")
        return [result_of(each) for each in answer]

    def subscribe(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        raw: bool = False,
    ) -> Subscription:
        """Begin a subscription, and iterate over what it brings: `async for event in client.subscribe(...)`."""
        return Subscription(self._begin(_request(document, variables, operation), once=False), self.link.begun, raw=raw)

    async def ping(self) -> None:
        """Until the server has answered a ping on the socket. LabError: there is none."""
        if not isinstance(self.link, SocketLink) or self.link.name == LEGACY:
            raise LabError("Only graphql-transport-ws has pings.", f"Make a client with subscriptions={TRANSPORT!r}.")
        await self.link.ping()

    async def close(self) -> None:
        """End all subscriptions and connections: nothing is left when this returns. Safe to call twice."""
        self._closed = True
        await self.link.close()
        if self.http is not None:
            await self.http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<graphql client of {self.url}>"

    def _begin(self, request: dict[str, Any], *, once: bool) -> Inlet:
        if self._closed:
            raise LabError("This client is closed.", "Make another.")
        inlet = Inlet(request, self.inbox, self.link.end, once=once)
        self.link.begin(inlet)
        return inlet

    async def _run(self, request: dict[str, Any], get: bool) -> Result:
        if self.http is None:
            return await self._over_socket(request)
        if not self.persisted:
            return result_of(await self._ask(request, get))
        asked = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(request["query"])}}
        short = {name: value for name, value in request.items() if name != "query"} | {"extensions": asked}
        result = result_of(await self._ask(short, get))
        known = {str(error.get("message")) for error in result.errors}
        if "PersistedQueryNotFound" in known:
            return result_of(await self._ask({**request, "extensions": asked}, get))
        if "PersistedQueryNotSupported" in known:
            self.persisted = False
            return result_of(await self._ask(request, get))
        return result

    async def _over_socket(self, request: dict[str, Any]) -> Result:
        inlet = self._begin(request, once=True)
        try:
            async with asyncio.timeout(self.timeout):
                result = await inlet.get()
        except TimeoutError:
            raise self._late() from None
        finally:
            inlet.end()
        if result is None:
            raise LabError("The server completed this operation without a result.", "Look into its log.")
        return result

    async def _ask(self, request: dict[str, Any], get: bool) -> Any:
        if not get:
            return await self._post(request)
        parts = {name: value if isinstance(value, str) else _json(value) for name, value in request.items()}
        return await self._exchange("GET", {}, b"", urlencode(parts))

    async def _post(self, value: Any) -> Any:
        return await self._exchange("POST", {"Content-Type": "application/json"}, _json(value).encode(), "")

    async def _exchange(self, method: str, headers: Mapping[str, str], body: bytes, query: str) -> Any:
        """The JSON in the answer, whatever its status: a GraphQL response says itself what it is."""
        assert self.http is not None
        if self._closed:
            raise LabError("This client is closed.", "Make another.")
        try:
            async with asyncio.timeout(self.timeout):
                head, said = await self.http.request(
                    method, {"Accept": _ACCEPT, **headers, **self.headers}, body, query
                )
        except TimeoutError:
            raise self._late() from None
        kind = (head.get("Content-Type") or "").partition(";")[0].strip().lower()
        try:
            if kind in ("application/json", "application/graphql-response+json"):
                return load(said)
        except Malformed as wrong:
            kind += f" that cannot be read ({wrong.problem.rstrip('.')})"
        text = said[:200].decode("utf-8", "replace").strip()
        raise LabError(
            f"{self.url} answers {head.status} with {kind or 'no content'}, not with a GraphQL response"
            + (f": {text}" if text else "."),
            "Is GraphQL served at this path?",
        )

    def _late(self) -> LabError:
        return LabError(
            f"No answer came within {self.timeout:g} seconds.", "Ask for less, or give the client more time."
        )


def _request(document: str, variables: Mapping[str, Any] | None = None, operation: str | None = None) -> dict[str, Any]:
    """A request as it is sent, without what is absent."""
    whole = {"query": document, "operationName": operation, "variables": None if variables is None else dict(variables)}
    return {name: value for name, value in whole.items() if value is not None}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
