"""A socket that speaks GraphQL, judged message by message: both protocols, told apart by the subprotocol agreed on.

`Session.take` is the judge. It knows values, not bytes: what it finds are `Spot`s, paths in the message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from protolab.fields import Side
from protolab.findings import Rule
from protolab.protocols.graphql import rules, shapes
from protolab.protocols.graphql.shapes import Spot

MODERN, LEGACY = "graphql-transport-ws", "graphql-ws"  # subprotocols: the second name is the older protocol's
IDS_KEPT = 2000  # operations that are remembered; when older ones were forgotten, an unknown id is no breach

BOTH, ONLY_CLIENT, ONLY_SERVER = (Side.CLIENT, Side.SERVER), (Side.CLIENT,), (Side.SERVER,)
TYPES: dict[str, dict[str, tuple[tuple[Side, ...], bool]]] = {  # who may send it, and whether it is about an operation
    MODERN: {
        "connection_init": (ONLY_CLIENT, False),
        "connection_ack": (ONLY_SERVER, False),
        "ping": (BOTH, False),
        "pong": (BOTH, False),
        "subscribe": (ONLY_CLIENT, True),
        "next": (ONLY_SERVER, True),
        "error": (ONLY_SERVER, True),
        "complete": (BOTH, True),
    },
    LEGACY: {
        "connection_init": (ONLY_CLIENT, False),
        "connection_ack": (ONLY_SERVER, False),
        "connection_error": (ONLY_SERVER, False),
        "ka": (ONLY_SERVER, False),
        "connection_terminate": (ONLY_CLIENT, False),
        "start": (ONLY_CLIENT, True),
        "stop": (ONLY_CLIENT, True),
        "data": (ONLY_SERVER, True),
        "error": (ONLY_SERVER, True),
        "complete": (ONLY_SERVER, True),
    },
}
_LEAVING = (1000, 1001, 1005, 1011, 1012, 1013)  # closes that need no cause in what was said
_CAUSES = {  # what must have happened for a code
    4400: "no message was invalid",
    4401: "nothing was subscribed before the ack; a connection_init is rejected with 4403",
    4409: "no id was taken twice",
    4429: "connection_init was sent once at most",
}


class Asked(NamedTuple):
    """A request, to point into: the unit it came in, its JSON, where in it the request stands, and where the JSON begins in
    the unit's own bytes and in the stream (None when those are others: fragments, compression).
    """

    unit: int
    side: Side
    data: bytes
    path: shapes.Path
    base: int | None


class Operation(NamedTuple):
    """An operation: its request, and how it ended ("" while it is active)."""

    asked: Asked | None
    ended: str = ""  # "client", "server" or "error"


class Verdict(NamedTuple):
    """What a message is: its type and id as far as it has them, what it breaks, and why a receiver may throw it away."""

    type: str
    id: str
    spots: tuple[Spot, ...]
    asked: Asked | None = None  # the request of the operation that it is about
    late: str = ""
    newest: bool = False  # whether that operation was begun last


class Session:
    """What both sides have said on one socket."""

    def __init__(self, protocol: str | None, midway: bool = False) -> None:
        self.protocol = protocol
        self.midway = midway  # the beginning was not recorded: nothing is known of what was agreed on then
        self.inited = False
        self.acked = False
        self.operations: dict[str, Operation] = {}
        # For each side: the code with which its peer must close the socket, and the unit that asks for it.
        self.due: tuple[tuple[str, int] | None, tuple[str, int] | None] = (None, None)
        self.pings: tuple[int, int] = (0, 0)  # unanswered ones of each side, since its breach
        self.new: frozenset[str] = frozenset()  # ids that the client subscribed since its breach
        self.last = ""  # the id that was subscribed last
        self.forgot = midway  # operations, so that an id that is not known may be right
        self.told = False  # that a breach was answered by going on: said once
        self.closing = False  # a side has said Close

    def __copy__(self) -> Session:
        other = object.__new__(Session)
        other.__dict__.update(self.__dict__)
        other.operations = dict(self.operations)
        return other

    def take(self, side: Side, unit: int, value: Any, sound: bool, asked: Asked) -> Verdict:
        """Judge the message `value` that `side` sent in unit `unit`."""
        if self.protocol is None and isinstance(value, dict):  # recorded from the middle on: what only one of them has
            said = value.get("type")
            for mine, other in ((MODERN, LEGACY), (LEGACY, MODERN)):
                if isinstance(said, str) and said in TYPES[mine] and said not in TYPES[other]:
                    self.protocol = mine
        judge = self._legacy if self.protocol == LEGACY else self._modern
        late: list[str] = []
        spots = tuple(judge(side, unit, value, sound, asked, late))
        said = value.get("type") if isinstance(value, dict) else None
        id = value.get("id") if isinstance(value, dict) else None
        found = self.operations.get(id) if isinstance(id, str) else None
        for spot in spots:
            if spot.rule.reaction[:2] == "44" and self.due[side] is None:
                self._owe(side, (spot.rule.reaction, unit))
        return Verdict(
            said if isinstance(said, str) else "",
            id if isinstance(id, str) else "",
            spots,
            found.asked if found else None,
            late[0] if late else "",
            bool(self.last) and id == self.last,
        )

    def binary(self, side: Side, unit: int) -> tuple[Spot, ...]:
        """A binary message."""
        if self.protocol == LEGACY:
            return (Spot(rules.L_NOT_JSON, None, "a message must be text, not binary"),)
        if self.due[side] is None:
            self._owe(side, (rules.BINARY.reaction, unit))
        return (Spot(rules.BINARY, None),)

    def close(self, side: Side, code: int | None) -> Iterator[Spot]:
        """A Close frame of `side`: whether its code fits what the other side did.

        The answer to a Close repeats its code (RFC 6455 section 5.5.1), and says nothing of its own.
        """
        due, self.due = self.due, (None, None)
        answers, self.closing = self.closing, True
        if self.protocol != MODERN or code is None or answers:
            return
        owed = due[side.other]
        if owed is not None:
            if str(code) != owed[0] and code not in _LEAVING and not (code == 4403 and not self.acked):
                yield Spot(rules.CODE, None, f"unit {owed[1]} asks for {owed[0]}, not {code}")
        elif due[side] is None and code in _CAUSES:
            yield Spot(rules.CODE, None, f"{code}, but {_CAUSES[code]}")
        elif code == 4408 and side is Side.SERVER and self.inited:
            yield Spot(rules.CODE, None, "4408, but connection_init had come")
        elif code == 4406 and side is Side.SERVER:
            yield Spot(rules.CODE, None, f"4406, but the server agreed to {self.protocol}")
        elif code == 4403 and side is Side.SERVER and (self.acked or not self.inited):
            yield Spot(
                rules.CODE, None, f"4403, but connection_init {'was acknowledged' if self.acked else 'had not come'}"
            )
        elif code == 4504 and side is Side.CLIENT and self.acked:
            yield Spot(rules.CODE, None, "4504, but connection_ack had come")

    def _owe(self, side: Side, due: tuple[str, int] | None) -> None:
        client, server = self.due
        self.due = (due, server) if side is Side.CLIENT else (client, due)
        if side is Side.CLIENT:
            self.new = frozenset()
        self.pings = (0, self.pings[1]) if side is Side.CLIENT else (self.pings[0], 0)

    # graphql-transport-ws

    def _modern(self, side: Side, unit: int, value: Any, sound: bool, asked: Asked, late: list[str]) -> Iterator[Spot]:
        if not sound:
            yield Spot(rules.NOT_JSON, None)
            return
        if not isinstance(value, dict):
            yield Spot(rules.NOT_OBJECT, (), f"a message must be a JSON object, not {shapes.kind(value)}")
            return
        said = value.get("type")
        if not isinstance(said, str):
            detail = f"a type must be a string, not {shapes.kind(said)}" if "type" in value else ""
            yield Spot(rules.TYPE_MISSING, ("type",) if "type" in value else (), detail)
            return
        known = TYPES[MODERN].get(said)
        if known is None:
            legacy = said in TYPES[LEGACY]
            yield Spot(
                rules.LEGACY_TYPE if legacy else rules.TYPE,
                ("type",),
                "" if legacy else f"there is no type {said[:60]!r}",
            )
            return
        senders, about = known
        if side not in senders:
            yield Spot(rules.WRONG_SIDE, ("type",), f"{said} is the {side.other}'s to send")
            return
        fine = True
        if about:
            for spot in _id(value, rules.ID_MISSING, rules.ID_TYPE, rules.ID_EMPTY):
                fine = False
                yield spot
        for spot in _payload(said, value):
            fine = fine and spot.rule.reaction != "4400"
            yield spot
        yield from self._answered(side, said, value)
        if said == "connection_init":
            if self.inited:
                yield Spot(rules.INIT_TWICE, ("type",))
            self.inited = True
        elif said == "connection_ack":
            if (not self.inited and not self.midway) or self.acked:
                yield Spot(rules.ACK_UNASKED, ("type",), "connection_ack was sent already" if self.acked else "")
            self.acked = True
        elif said == "ping" and self.due[side] is not None:
            client, server = self.pings
            self.pings = (client + 1, server) if side is Side.CLIENT else (client, server + 1)
        elif fine and about:
            yield from self._operate(side, said, value["id"], asked, late)

    def _operate(self, side: Side, said: str, id: str, asked: Asked, late: list[str]) -> Iterator[Spot]:
        found = self.operations.get(id)
        if said == "subscribe":
            if not self.acked and not self.midway:
                yield Spot(rules.UNACKNOWLEDGED, ("type",))
            elif found is not None and not found.ended:
                yield Spot(rules.ID_TAKEN, ("id",))
            else:
                self._keep(id, Operation(asked))
                self.last = id
            if self.due[side] is not None and not self.new:  # one that is answered shows it
                self.new = frozenset({id})
        elif side is Side.CLIENT:
            if found is None:
                if not self.forgot:
                    yield Spot(rules.COMPLETE_UNKNOWN, ("id",))
            elif found.ended:
                late.append("the operation was over when the client completed it")
            else:
                self._keep(id, found._replace(ended="client"))
        else:
            yield from self._told(said, id, found, late)

    def _told(self, said: str, id: str, found: Operation | None, late: list[str]) -> Iterator[Spot]:
        """What the server says of an operation."""
        if found is None:
            if not self.forgot:
                yield Spot(rules.ID_UNKNOWN, ("id",))
        elif found.ended == "client":
            late.append("the client completed this operation: what was on its way is ignored")
        elif found.ended:
            yield Spot(rules.AFTER_ERROR if found.ended == "error" else rules.AFTER_COMPLETE, ("type",))
        elif said != "next":
            self._keep(id, found._replace(ended="error" if said == "error" else "server"))

    def _keep(self, id: str, operation: Operation) -> None:
        """Keep an operation as it is now, as the newest, and forget the oldest."""
        self.operations.pop(id, None)
        self.operations[id] = operation
        if len(self.operations) > IDS_KEPT:
            del self.operations[next(iter(self.operations))]
            self.forgot = True

    def _answered(self, side: Side, said: str, value: dict[str, Any]) -> Iterator[Spot]:
        """Whether this answers what came after a breach that had to close the socket."""
        due = self.due[side.other]
        if due is None or self.told:
            return
        new = side is Side.SERVER and value.get("id") in self.new
        pong = said == "pong" and self.pings[side.other] > 0
        acked = said == "connection_ack" and self.acked
        if new or pong or acked:
            self.told = True
            yield Spot(
                rules.NOT_CLOSED, ("type",), f"unit {due[1]} asks for a close with {due[0]}; this goes on instead"
            )

    # subscriptions-transport-ws

    def _legacy(self, side: Side, unit: int, value: Any, sound: bool, asked: Asked, late: list[str]) -> Iterator[Spot]:
        if not sound or not isinstance(value, dict):
            yield Spot(rules.L_NOT_JSON, () if sound else None)
            return
        said = value.get("type")
        known = TYPES[LEGACY].get(said) if isinstance(said, str) else None
        if known is None:
            modern = isinstance(said, str) and said in TYPES[MODERN]
            yield Spot(rules.L_MODERN if modern else rules.L_TYPE, ("type",) if "type" in value else ())
            return
        senders, about = known
        if side not in senders:
            yield Spot(rules.L_SIDE, ("type",), f"{said} is the {side.other}'s to send")
            return
        # Servers of old put a list of errors into "error": the reference implementation reads both.
        shape = (dict, list) if said == "error" else dict
        if said in ("start", "data", "error") and not isinstance(value.get("payload"), shape):
            yield Spot(rules.L_PAYLOAD, ("payload",) if "payload" in value else ())
        if said == "connection_init":
            self.inited = True
        elif said == "connection_ack":
            self.acked = True
        if not about:
            return
        wrong = list(_id(value, rules.L_ID, rules.L_ID, rules.L_ID))
        yield from wrong
        if not wrong:
            yield from self._run(str(said), value["id"], asked, late)

    def _run(self, said: str, id: str, asked: Asked, late: list[str]) -> Iterator[Spot]:
        found = self.operations.get(id)
        if said == "start":  # one with the same id is stopped first
            self._keep(id, Operation(asked))
            self.last = id
        elif said == "stop":
            if found is not None and not found.ended:
                self._keep(id, found._replace(ended="client"))
        elif found is None:
            if not self.forgot:
                yield Spot(rules.L_UNKNOWN, ("id",))
        elif found.ended == "client":
            late.append("the client stopped this operation: what was on its way is ignored")
        elif found.ended == "server":
            yield Spot(rules.L_AFTER, ("type",))
        elif said == "complete":
            self._keep(id, found._replace(ended="server"))


def _id(value: dict[str, Any], missing: Rule, type: Rule, empty: Rule) -> Iterator[Spot]:
    if "id" not in value:
        yield Spot(missing, ())
    elif not isinstance(value["id"], str):
        yield Spot(type, ("id",), f"an id must be a string, not {shapes.kind(value['id'])}")
    elif not value["id"]:
        yield Spot(empty, ("id",))


def _payload(said: str, value: dict[str, Any]) -> Iterator[Spot]:
    """What is wrong with a payload on graphql-transport-ws."""
    path, payload = ("payload",), value.get("payload")
    where = path if "payload" in value else ()
    if said == "subscribe":
        if not isinstance(payload, dict):
            yield Spot(rules.PAYLOAD, where, f"subscribe needs an object as payload, not {shapes.kind(payload)}")
        else:
            yield from shapes.request(payload, path, rules.PAYLOAD)
    elif said == "next":
        if not isinstance(payload, dict):
            yield Spot(rules.PAYLOAD, where, f"next needs a response as payload, not {shapes.kind(payload)}")
        else:
            yield from shapes.response(payload, path)
    elif said == "error":
        if not isinstance(payload, list) or not payload:
            yield Spot(rules.PAYLOAD, where, f"error needs a list of errors as payload, not {shapes.kind(payload)}")
        else:
            yield from shapes.errors(payload, path)
    elif said != "complete" and payload is not None and not isinstance(payload, dict):
        yield Spot(rules.PAYLOAD, where, f"the payload of {said} must be an object or null, not {shapes.kind(payload)}")
