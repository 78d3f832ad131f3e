"""GraphQL over HTTP/1.1 on one connection: requests matched to responses, and both judged by what either profile allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from protolab.fields import Side, Source
from protolab.findings import Finding, Rule
from protolab.protocols.graphql import parameters, rules, shapes
from protolab.protocols.graphql.parser import parse
from protolab.protocols.graphql.session import Asked
from protolab.protocols.graphql.shapes import Path, Spot
from protolab.wire import http1, http1_bodies, json_text

RESPONSE_JSON, JSON = "application/graphql-response+json", "application/json"
# Refused before GraphQL is looked at.
_REFUSALS = (401, 402, 403, 404, 405, 406, 408, 411, 413, 414, 415, 421, 429, 431, 451, 501, 503)
_OTHERS = ("text/html", "text/event-stream")  # a page for people; what graphql-sse answers everything with
BATCH = 1000  # requests of one batch that are judged


class Parts(NamedTuple):
    """The pieces of a body as a chain, the newest first: a checkpoint of the state shares it."""

    before: Parts | None
    data: bytes
    source: Source


class Body(NamedTuple):
    """A complete body that says GraphQL: its bytes, where they are, and how it is to be explained and judged.

    `at` is where the bytes stand in the unit itself; None when they were joined from several units.
    """

    data: bytes
    at: int | None
    sources: tuple[Source, ...]
    requests: tuple[Path, ...]
    answers: tuple[tuple[Path, Asked], ...]
    spots: tuple[Spot, ...]
    value: Any
    status: int = 0  # of the response that it belongs to


class Request(NamedTuple):
    """A request as far as its response must know it."""

    unit: int
    method: str
    graphql: bool
    asked: tuple[tuple[Path, Asked], ...] = ()
    mutation: bool = False
    trouble: str = ""  # "unreadable", "syntax" or "malformed"; "" for none that can be seen
    batch: bool = False
    plain: bool = True  # its body is JSON as it stands, as far as its head says
    media: str = ""  # what its body is called


class Response(NamedTuple):
    """A response head."""

    status: int
    media: str
    request: Request | None
    plain: bool = True  # its body is not compressed


class Exchange:
    """What both sides have said on one connection, as far as it decides what comes next."""

    def __init__(self) -> None:
        self.waiting: deque[Request] = deque()  # requests without a response
        self.request: Request | None = None  # whose body is coming
        self.response: Response | None = None
        self.parts: tuple[Parts | None, Parts | None] = (None, None)
        self.over = False  # the operation of the response that streams is complete

    def __copy__(self) -> Exchange:
        other = object.__new__(Exchange)
        other.__dict__.update(self.__dict__)
        other.waiting = self.waiting.copy()
        return other

    # Requests.

    def ask(self, unit: int, data: bytes, start: int) -> tuple[list[Finding], Request]:
        """A request head: what is wrong with it."""
        head = http1.request(data)
        method, target, _ = head.start
        found: list[Finding] = []
        line = next((child for child in head.field.children if child.name == "request line"), head.field)
        where = next((child for child in line.children if child.name == "target"), line)
        media = _media(head.get("Content-Type"))
        graphql = "graphql" in target.partition("?")[0].lower() or RESPONSE_JSON in (head.get("Accept") or "").lower()
        plain = _plain(head) and media in ("", JSON, RESPONSE_JSON)
        made = Request(unit, method, graphql, plain=plain, media=media)
        framing = http1_bodies.framing(head)
        if method in ("GET", "HEAD"):
            raw = data[where.start : where.end]
            made, spots = self._get(
                made, raw, start + where.start, "text/event-stream" in (head.get("Accept") or "").lower()
            )
            for rule, begin, end, detail in spots:
                found.append(rule.at(where.start + begin, where.start + end, Side.CLIENT, detail))
        elif method == "POST" and graphql:
            if framing.kind == "none":
                found.append(rules.BODY.at(where.start, where.end, Side.CLIENT))
                made = made._replace(trouble="unreadable")
            elif not media:
                found.append(rules.CONTENT_TYPE.at(line.start, line.end, Side.CLIENT))
        self.request = made
        self.waiting.append(made)
        self._drop(Side.CLIENT)
        return found, made

    def _get(
        self, made: Request, target: bytes, base: int, events: bool
    ) -> tuple[Request, list[tuple[Rule, int, int, str]]]:
        found = parameters.parameters(target)
        names = {each.name for each in found}
        if not names & {"query", "extensions"}:
            # A page, perhaps, at the same URL; or the stream of graphql-sse's single connection, which carries what others ask.
            return made._replace(graphql=made.graphql and events), []
        value, broken = parameters.request(found)
        spots: list[tuple[Rule, int, int, str]] = []
        for spot in (
            *shapes.request(value, (), rules.PARAMETERS),
            *(Spot(rules.PARAMETERS, (name,), f"{name} must be JSON") for name in broken),
        ):
            if broken and spot.path and spot.path[0] in broken and not spot.detail.endswith("JSON"):
                continue
            each = next((one for one in found if spot.path and one.name == spot.path[0]), None)
            spots.append((spot.rule, each.start if each else 0, each.end if each else len(target), spot.detail))
        asked = Asked(made.unit, Side.CLIENT, target, ("target",), base)
        trouble = "malformed" if spots else ""
        query = next((one for one in found if one.name == "query" and one.value.data), None)
        mutation = False
        if query is not None:
            document = parse(query.value.data)
            name = value.get("operationName")
            operation = document.operation(name if isinstance(name, str) else None)
            if document.problem is not None:
                start, end, says = document.problem
                first, last = query.value.source_of(start, end) if end > start else (query.end - 1, query.end)
                spots.append((rules.SYNTAX, first, last, says))
                trouble = "syntax"
            elif operation is not None and operation.kind == "mutation":
                first, last = query.value.source_of(operation.start, operation.start + len("mutation"))
                spots.append((rules.MUTATION, first, last, ""))
                mutation = True
        return made._replace(graphql=True, asked=(((), asked),), mutation=mutation, trouble=trouble), spots

    def asked(self, unit: int, data: bytes, at: int | None, sources: tuple[Source, ...]) -> Body | None:
        """A complete request body."""
        made, self.request = self.request, None
        if made is None:
            return None
        value, sound = json_text.load(data)
        some = value if isinstance(value, list) else [value]
        looks = any(isinstance(each, dict) and (each.keys() & {"query", "extensions"}) for each in some)
        if not (made.graphql and made.plain) and not (sound and looks):
            return None  # an upload, a bare document, something compressed: the head says that it is not to be read as JSON
        paths: list[Path] = [(number,) for number in range(min(len(value), BATCH))] if isinstance(value, list) else [()]
        spots = [
            spot
            for path, each in zip(paths, some, strict=False)
            for spot in shapes.request(each, path, rules.PARAMETERS)
        ]
        if isinstance(value, list) and not value:
            spots.append(Spot(rules.PARAMETERS, (), "the batch is empty"))
        base = sources[0].start if at is not None or len(sources) == 1 else None
        asked = tuple((path, Asked(unit, Side.CLIENT, data, path, base)) for path in paths)
        trouble = "malformed" if spots else ""
        if not sound:
            trouble, spots = "unreadable", []
        elif any(_broken(each) for each in some[:BATCH]):
            trouble = "syntax"
        if sound and made.graphql and made.media and not made.media.endswith("json"):
            spots.append(Spot(rules.CONTENT_TYPE, (), f"this is JSON, and it is called {made.media}"))
        full = made._replace(unit=unit, graphql=True, asked=asked, trouble=trouble, batch=isinstance(value, list))
        if self.waiting and self.waiting[-1] is made:
            self.waiting[-1] = full
        return Body(data, at, sources, tuple(paths), (), tuple(spots), value)

    # Responses.

    def answer(self, data: bytes) -> tuple[list[Finding], Response | None]:
        """A response head: what is wrong with it, as far as that does not take its body."""
        head = http1.response(data)
        if 100 <= head.status < 200:
            return [], None
        made = self.waiting.popleft() if self.waiting else None
        if self.request is made:
            self.request = None  # answered before its body was complete
        media = _media(head.get("Content-Type"))
        self.response = Response(head.status, media, made, _plain(head))
        self._drop(Side.SERVER)
        self.over = False
        if made is None or not made.graphql:
            return [], self.response
        found: list[Finding] = []
        line = next((child for child in head.field.children if child.name == "status line"), head.field)
        status = next((child for child in line.children if child.name == "status"), line)
        at = (status.start, status.end, Side.SERVER)
        framing = http1_bodies.framing(head, made.method)
        # In chunks may come nothing: that their sum will say. PUT and DELETE are graphql-sse's, and ask for no response.
        if not media and framing.kind == "length" and made.method in ("GET", "POST"):
            found.append(rules.RESPONSE_TYPE.at(line.start, line.end, Side.SERVER))
        if head.status == 405 and head.get("Allow") is None:
            found.append(rules.ALLOW.at(*at))
        if head.status == 294 and media != RESPONSE_JSON:
            found.append(rules.PARTIAL.at(*at))
        if media in _OTHERS:
            return found, self.response
        if made.mutation and 200 <= head.status < 300:
            found.append(rules.MUTATED.at(*at))
        elif (wrong := _status(made, head.status, media)) is not None and not (  # that its body will say
            media == RESPONSE_JSON and 200 <= head.status < 300
        ):
            found.append(rules.STATUS.at(*at, wrong))
        return found, self.response

    def answered(self, unit: int, data: bytes, at: int | None, sources: tuple[Source, ...]) -> Body | None:
        """A complete response body."""
        response, self.response = self.response, None
        if response is None or response.request is None or not response.request.graphql:
            return None
        called = response.media in (RESPONSE_JSON, JSON)
        if not response.plain or not (called or data[:1] == b"{"):
            return None
        value, sound = json_text.load(data)
        if not called:
            said = response.media and f"this is a GraphQL response, and it is called {response.media}"
            if response.media.endswith("json") or not _answer(value) or not (response.media or at is None):
                return None  # without a type, at its head
            wrong = (Spot(rules.RESPONSE_TYPE, (), said),)
            return Body(data, at, sources, (), response.request.asked, wrong, value, response.status)
        batch = isinstance(value, list) and response.request.batch
        spots = list(self._judged(response, value, sound, batch))
        # Of a batch each response answers the request in its place; one response to a batch refuses it as a whole.
        answers = response.request.asked if batch == response.request.batch else ()
        return Body(data, at, sources, (), answers, tuple(spots), value, response.status)

    def _judged(self, response: Response, value: Any, sound: bool, batch: bool) -> Iterator[Spot]:
        strict = response.media == RESPONSE_JSON
        if not sound:
            if strict:
                yield Spot(rules.ILL_FORMED, None, "this is not JSON")
            return
        if batch:
            asked = len(response.request.asked) if response.request is not None else 0
            if len(value) != asked < BATCH:
                yield Spot(
                    rules.RESPONSE, (), f"{asked} requests came in the batch, and {len(value)} responses are here"
                )
            for number, each in enumerate(value[:BATCH]):
                yield from shapes.response(each, (number,))
            return
        wrong = list(shapes.response(value, ()))
        if not strict and not _answer(value) and not 200 <= response.status < 300:
            return  # a refusal in JSON of the server's own
        yield from wrong
        if strict and any(spot.rule is rules.RESPONSE and spot.path in ((), ("errors",)) for spot in wrong):
            yield Spot(rules.ILL_FORMED, ())
            return
        if not isinstance(value, dict):
            return
        good = 200 <= response.status < 300
        if strict and good and "data" not in value and "errors" in value:
            yield Spot(
                rules.SUCCESS_WITHOUT_DATA, ("errors",), f"there is no data, and the status is {response.status}"
            )
        if not good and value.get("data") is not None:
            yield Spot(rules.FAILURE_WITH_DATA, ("data",), f"there is data, and the status is {response.status}")
        if response.status == 294 and "errors" not in value:
            yield Spot(rules.PARTIAL, ("data",), "294 says that there are errors, and there are none")

    # Bodies, piece by piece.

    def add(self, side: Side, data: bytes, source: Source) -> None:
        """A chunk of a body."""
        client, server = self.parts
        part = Parts(self.parts[side], data, source)
        self.parts = (part, server) if side is Side.CLIENT else (client, part)

    def joined(self, side: Side) -> tuple[bytes, tuple[Source, ...]]:
        """The body whose chunks came, and where they stand in the stream."""
        chain = []
        part = self.parts[side]
        while part is not None:
            chain.append(part)
            part = part.before
        self._drop(side)
        chain.reverse()
        return b"".join(part.data for part in chain), tuple(part.source for part in chain)

    def _drop(self, side: Side) -> None:
        client, server = self.parts
        self.parts = (None, server) if side is Side.CLIENT else (client, None)


def _plain(head: http1.Head) -> bool:
    return (head.get("Content-Encoding") or "identity").strip().lower() == "identity"


def _media(value: str | None) -> str:
    return (value or "").partition(";")[0].strip().lower()


def _answer(value: Any) -> bool:
    """Whether this looks like a GraphQL response."""
    return isinstance(value, dict) and bool(value.keys() & {"data", "errors"})


def _broken(request: Any) -> bool:
    query = request.get("query") if isinstance(request, dict) else None
    return isinstance(query, str) and parse(query.encode("utf-8", "replace")).problem is not None


def _status(request: Request, status: int, media: str) -> str | None:
    """Why a status fits neither profile for what was asked; None when it does, or nothing can be said.

    What cannot be read or parsed is 400 in both; application/json had 200 for it (2023). What is malformed is 400 (2023) or
    422 (draft).
    """
    if not request.trouble or status in _REFUSALS or request.batch:
        return None
    fits = {400, 422} if request.trouble == "malformed" else {400}
    if media == JSON and request.trouble != "unreadable":
        fits.add(200)
    if status in fits:
        return None
    what = {"unreadable": "JSON that cannot be read", "syntax": "a document that cannot be parsed"}.get(
        request.trouble, "a request that is not well-formed"
    )
    return f"{status} for {what}; {' or '.join(map(str, sorted(fits)))} fits"
