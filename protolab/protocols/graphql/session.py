"""A socket that speaks GraphQL, judged message by message: both protocols, told apart by the subprotocol agreed on.

`Session.take` is the judge. It knows values, not bytes: what it finds are `Spot`s, paths in the message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from protolab.fields import Side
from protolab.findings import Rule
from protolab.protocols.graphql import messages, rules, shapes
from protolab.protocols.graphql.messages import RULES_OF, TYPES, Breaches
from protolab.protocols.graphql.shapes import Spot
from protolab.protocols.graphql.subprotocols import LEGACY, TRANSPORT

IDS_KEPT = 2000  # operations that are remembered; when older ones were forgotten, an unknown id is no breach

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
    """An operation: its request, and how it ended: "" while it is active, "client", or by the server's "complete" or "error".

    Its id may be that of an operation which the client completed, and for which the server's end was on its way: the first
    end that comes is then one of either ("perhaps").
    """

    asked: Asked | None
    ended: str = ""
    crossed: bool = False
    single: bool = False  # it has one result at most
    answered: bool = False  # and that came


class Verdict(NamedTuple):
    """What a message is: its type and id as far as it has them, what it breaks, and why a receiver may throw it away."""

    type: str
    id: str
    spots: tuple[Spot, ...]
    asked: Asked | None = None  # the request of the operation that it is about
    late: str = ""
    clause: str = ""  # that allows to throw it away
    newest: bool = False  # whether that operation was begun last


class Session:
    """What both sides have said on one socket. `protocol` is the subprotocol agreed on; None for none, or none known."""

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

    def take(self, side: Side, unit: int, value: Any, sound: bool, asked: Asked) -> Verdict | None:
        """Judge the message `value` that `side` sent in unit `unit`; None when it is in no protocol that is known here."""
        said, id = (value.get("type"), value.get("id")) if isinstance(value, dict) else (None, None)
        said, id = said if isinstance(said, str) else "", id if isinstance(id, str) else ""
        if self.protocol is None:  # recorded from the middle on: told by what only one of the protocols has
            mine = [protocol for protocol, types in TYPES.items() if said in types]
            if not mine:
                return None
            if len(mine) == 1:
                self.protocol = mine[0]
        elif self.protocol not in RULES_OF:
            return None
        broken = RULES_OF[self.protocol or TRANSPORT]
        late: list[str] = []
        spots = tuple(self._judge(broken, side, value, sound, asked, late))
        for spot in spots:
            self._owe(side, spot.rule, unit)
        found = self.operations.get(id)
        newest = bool(self.last) and id == self.last
        return Verdict(said, id, spots, found.asked if found else None, "".join(late), broken.clause, newest)

    def binary(self, side: Side, unit: int) -> tuple[Spot, ...]:
        """A binary message."""
        if self.protocol == LEGACY:
            return (Spot(rules.L_NOT_JSON, None, "a message must be text, not binary"),)
        if self.protocol != TRANSPORT:
            return ()
        self._owe(side, rules.BINARY, unit)
        return (Spot(rules.BINARY, None),)

    def close(self, side: Side, code: int | None) -> Iterator[Spot]:
        """A Close frame of `side`: whether its code fits what the other side did.

        The answer to a Close repeats its code (RFC 6455 section 5.5.1), and says nothing of its own.
        """
        due, self.due = self.due, (None, None)
        answers, self.closing = self.closing, True
        if self.protocol != TRANSPORT or code is None or answers:
            return
        owed = due[side.other]
        if owed is not None:
            if str(code) != owed[0] and code not in _LEAVING and not (code == 4403 and not self.acked):
                yield Spot(rules.CODE, None, f"unit {owed[1]} asks for {owed[0]}, not {code}")
        elif self.midway:
            return  # the cause may have come before
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

    def _owe(self, side: Side, rule: Rule, unit: int) -> None:
        """A breach that has to close the socket, if it is the first of its side."""
        if rule.reaction[:2] != "44" or self.due[side] is not None:
            return
        client, server = self.due
        due = rule.reaction, unit
        self.due = (due, server) if side is Side.CLIENT else (client, due)
        if side is Side.CLIENT:
            self.new = frozenset()
        self.pings = (0, self.pings[1]) if side is Side.CLIENT else (self.pings[0], 0)

    def _judge(
        self, broken: Breaches, side: Side, value: Any, sound: bool, asked: Asked, late: list[str]
    ) -> Iterator[Spot]:
        if not sound:
            yield Spot(broken.text, None)
            return
        if not isinstance(value, dict):
            yield Spot(broken.object, (), f"a message must be a JSON object, not {shapes.kind(value)}")
            return
        said = value.get("type")
        if not isinstance(said, str):
            detail = f"a type must be a string, not {shapes.kind(said)}" if "type" in value else ""
            yield Spot(broken.no_type, ("type",) if "type" in value else (), detail)
            return
        mine = self.protocol or TRANSPORT
        known = TYPES[mine].get(said)
        if known is None:
            if said in TYPES[LEGACY if mine == TRANSPORT else TRANSPORT]:
                yield Spot(broken.others_type, ("type",))
            else:
                yield Spot(broken.type, ("type",), f"there is no type {said[:60]!r}")
            return
        shape = known.get(side)
        if shape is None:
            yield Spot(broken.side, ("type",), f"{said} is the {side.other}'s to send")
            return
        spots = [
            *(messages.id(value, broken) if shape.id else ()),
            *messages.payload(shape.payload, said, value, broken.payload),
        ]
        fine = not any(spot.rule.reaction == "4400" for spot in spots)
        yield from spots
        yield from self._answered(side, said, value)
        if said == "connection_init":
            if self.inited and broken.init_twice:
                yield Spot(broken.init_twice, ("type",))
            self.inited = True
        elif said == "connection_ack":
            if broken.ack and ((not self.inited and not self.midway) or self.acked):
                yield Spot(broken.ack, ("type",), "connection_ack was sent already" if self.acked else "")
            self.acked = True
        elif said == "ping" and self.due[side] is not None:
            client, server = self.pings
            self.pings = (client + 1, server) if side is Side.CLIENT else (client, server + 1)
        elif shape.id and fine and isinstance(id := value.get("id"), str) and id:
            yield from self._operate(broken, side, said, id, value.get("payload"), asked, late)

    def _operate(
        self, broken: Breaches, side: Side, said: str, id: str, payload: Any, asked: Asked, late: list[str]
    ) -> Iterator[Spot]:
        """A message about an operation."""
        found = self.operations.get(id)
        if said in ("subscribe", "start"):
            if broken.early and not self.acked and not self.midway:
                yield Spot(broken.early, ("type",))
            elif broken.taken and found is not None and not found.ended:
                yield Spot(broken.taken, ("id",))
            else:
                crossed = found is not None and found.ended in ("", "client", "perhaps")
                self._keep(id, Operation(asked, crossed=crossed, single=messages.single(payload)))
                self.last = id
            if self.due[side] is not None and not self.new:  # one that is answered shows it
                self.new = frozenset({id})
        elif found is None:
            rule = broken.stopped_unknown if side is Side.CLIENT else broken.unknown
            if rule and not self.forgot:
                yield Spot(rule, ("id",))
        elif side is Side.CLIENT:
            if found.ended in ("", "perhaps"):
                self._keep(id, found._replace(ended="client"))
            else:
                late.append(f"the operation was over when the client {broken.stops} it")
        elif found.ended == "client":
            late.append(f"the client {broken.stops} this operation: what was on its way is ignored")
        elif found.ended in broken.over:
            yield Spot(broken.over[found.ended], ("type",))
        elif said in broken.over:
            self._keep(id, found._replace(ended="perhaps" if found.crossed else said, crossed=False))
        elif broken.second and found.single and not found.crossed and "hasNext" not in payload:
            if found.answered:
                yield Spot(broken.second, ("type",))
            self._keep(id, found._replace(answered=True))

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
        new = side is Side.SERVER and isinstance(id := value.get("id"), str) and id in self.new
        pong = said == "pong" and self.pings[side.other] > 0
        acked = said == "connection_ack" and self.acked
        if new or pong or acked:
            self.told = True
            yield Spot(
                rules.NOT_CLOSED, ("type",), f"unit {due[1]} asks for a close with {due[0]}; this goes on instead"
            )
