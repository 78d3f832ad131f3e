"""`byte_lab`: bytes to change, decoded as they change; fields to change, encoded at once; what breaks, says so.

Python decodes and encodes; JavaScript shows what it was told. What only a protocol knows (how bytes read, what else changes
with a value, what a peer answers) comes in as a `Bench`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Protocol

import traitlets

from protolab.errors import LabError
from protolab.fields import Field, Side
from protolab.units import Place, Unit, Units
from protolab.view.base import View
from protolab.view.edits import Choices, Spot, Whole, control, read, spots, whole, written
from protolab.view.parts import unit_parts
from protolab.view.text import elided
from protolab.view.unit import Exchange, UnitView
from protolab.view.widget import Answer, Widget, module, sheet

MOST = 4096  # bytes on the bench
KEPT = 200  # steps that can be undone


class Bench(Protocol):
    """What a protocol's `bench` module says. `where` is the kind of connection that bytes are judged on, in words."""

    CHOICES: Choices  # values by the names of fields
    ACTIONS: Mapping[str, str]  # what can be done to all of the bytes, and how it is called
    REBUILDS: Collection[str]  # names of derived bytes that can be put back

    def units(self, data: bytes, side: Side, where: str, /) -> Units: ...

    def encode(self, data: bytes, name: str, value: int | bytes, /) -> bytes | None: ...

    def rebuild(self, data: bytes, derived: str, new: bytes, /) -> bytes | None: ...

    def act(self, data: bytes, action: str, /) -> bytes: ...


class Reply(Protocol):
    """What a peer answered: in words, and as the code that a rule's `reaction` may begin with; "" is none."""

    @property
    def says(self) -> str: ...

    @property
    def code(self) -> str: ...


class ByteLab(Widget):
    """Bytes on a bench. `data` are they, and `server` whether the server says them: both can be set. `units` is what they
    mean now. `say()` says them to a live peer and returns what it answered.
    """

    kind: ClassVar[str] = "byte_lab"
    _esm = module("byte_lab")
    _css = sheet("common", "explore", "byte_lab")

    data = traitlets.Bytes(b"")
    server = traitlets.Bool(False).tag(sync=True)
    said = traitlets.Dict().tag(sync=True)
    reply = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        data: bytes,
        side: Side,
        bench: Bench,
        where: str,
        peer: Callable[[bytes], Reply],
        peer_name: str = "the peer",
    ) -> None:
        """`peer` says bytes to a live server and returns its answer; `peer_name` is what the button calls it."""
        self._bench, self._where, self._peer, self._peer_name = bench, where, peer, peer_name
        self._first = data
        self._before: list[bytes] = []
        self._after: list[bytes] = []
        self._ready = False
        super().__init__(data=data, server=side is Side.SERVER)
        self._ready = True
        self._tell()

    def static(self) -> View:
        return UnitView(self.units[0]) if len(self.units) == 1 else Exchange(self.units)

    @property
    def units(self) -> Units:
        """What the bytes mean now; several where a length ends before they do."""
        return self._bench.units(self.data, Side(self.server), self._where)

    def say(self) -> str:
        """Say the bytes to the peer, and return what it answered, in words. LabError: a server's bytes are not for it."""
        if self.server:
            raise LabError("A server does not hear what a server says.", "Say who says it: the client.")
        heard = self._peer(self.data)
        promised = _promised(self.units)
        self.reply = {
            "says": elided(heard.says, 400),
            "code": heard.code,
            "promised": list(promised),
            **_verdict(promised, heard.code),
        }
        return heard.says

    @traitlets.validate("data")
    def _check(self, proposal: Any) -> bytes:
        return _bounded(bytes(proposal["value"]))

    @traitlets.observe("data")
    def _changed(self, change: Any) -> None:
        if self._ready:
            self._before = [*self._before[-KEPT:], change["old"]]
            self._after = []
            self._tell()

    @traitlets.observe("server")
    def _turned(self, _: Any) -> None:
        if self._ready:
            self._tell()

    def _tell(self) -> None:
        """Decode, and tell the browser."""
        units = self.units
        of = whole(units)
        found, buffers = unit_parts(_as_unit(of))
        listed = dict(enumerate(spots(of)))
        for index, row in enumerate(found["fields"]):
            row["edit"] = control(listed[index], self._bench.CHOICES, self._bench.REBUILDS)
        can = [index == 0 or name["name"] in self._bench.REBUILDS for index, name in enumerate(found["buffers"])]
        with self.hold_sync():
            self.reply = {}
            self.said = {
                **found,
                "data": buffers,
                "can": can,
                "title": "; then ".join(elided(unit.title, 120) for unit in units) or "no bytes",
                "about": self._about(units),
                "promised": list(_promised(units)),
                "actions": [[name, says] for name, says in self._bench.ACTIONS.items()],
                "undo": len(self._before),
                "redo": len(self._after),
                "peer": self._peer_name,
            }

    def _about(self, units: Units) -> str:
        size = len(self.data)
        count = f"{len(units)} units in " if len(units) != 1 else ""
        unfinished = ", not complete yet" if units and not units[-1].place.complete else ""
        side = Side(self.server)
        return f"{count}{size:,} byte{'' if size == 1 else 's'} from the {side}{unfinished}; the first on {self._where}"

    # What the browser asks for.

    def ask_bytes(self, body: dict[str, Any]) -> Answer:
        """Put other bytes in the place of [start, end) of one buffer."""
        start, end, new = body["start"], body["end"], bytes.fromhex(body["hex"])
        spot = next((spot for spot in spots(whole(self.units)) if spot.buffer == body["buffer"]), None)
        if spot is None:
            raise LabError("The bytes changed meanwhile.", "Look again, and try again.")
        self._put(spot, spot.data[:start] + new + spot.data[end:])
        return {}

    def ask_field(self, body: dict[str, Any]) -> Answer:
        """Set a field to what was typed: only its own bits, or, with `anew`, the unit encoded with that value."""
        units = self.units
        of = whole(units)
        spot = next((spot for index, spot in enumerate(spots(of)) if index == body["index"]), None)
        found = control(spot, self._bench.CHOICES, self._bench.REBUILDS) if spot else None
        if spot is None or found is None or not isinstance(spot.node, Field) or spot.node.name != body["name"]:
            raise LabError("The bytes changed meanwhile.", "Look again, and try again.")
        value = read(body["text"], found)
        unit = units[spot.unit]
        if body["anew"] and not spot.path and (made := _encoded(self._bench, unit, spot.node.name, value)) is not None:
            start = of.starts[spot.unit]
            self.data = self.data[:start] + made + self.data[start + len(unit.data) :]
        else:
            self._put(spot, written(spot.data, spot.node, value))
        return {}

    def ask_act(self, body: dict[str, Any]) -> Answer:
        """One of the protocol's own actions, such as making a length fit."""
        self.data = self._bench.act(self.data, body["action"])
        return {}

    def ask_step(self, body: dict[str, Any]) -> Answer:
        """Undo, redo, or begin again."""
        match body["way"]:
            case "undo" if self._before:
                *before, new = self._before
                self._turn(new, before, [*self._after, self.data])
            case "redo" if self._after:
                *after, new = self._after
                self._turn(new, [*self._before, self.data], after)
            case "reset":
                self.data = self._first
        return {}

    def _turn(self, new: bytes, before: list[bytes], after: list[bytes]) -> None:
        """Go to bytes that were there already; what comes before and after them is known."""
        self._ready = False
        self.data, self._before, self._after = new, before, after
        self._ready = True
        self._tell()

    def ask_send(self, body: dict[str, Any]) -> Answer:
        """Say the bytes to the peer: the answer comes as a trait."""
        self.say()
        return {}

    def _put(self, spot: Spot, new: bytes) -> None:
        """Other bytes in a buffer: in the wire's own, or in derived ones, which the protocol then puts back."""
        if not spot.path:
            self.data = new
            return
        units = self.units
        unit, start = units[spot.unit], whole(units).starts[spot.unit]
        made = self._bench.rebuild(unit.data, spot.path[0].name, new) if len(spot.path) == 1 else None
        if made is None:
            raise LabError("These bytes were derived, and cannot be put back.", "Change those of the wire.")
        self.data = self.data[:start] + made + self.data[start + len(unit.data) :]


def _bounded(data: bytes) -> bytes:
    if len(data) > MOST:
        raise LabError(f"{len(data):,} bytes are too many for the bench.", f"Take {MOST:,} or fewer.")
    return data


def _as_unit(of: Whole) -> Unit:
    """All units as one, for `unit_parts`."""
    place = Place(0, Side.CLIENT, 0, len(of.data), 0.0)
    return Unit("", "", place, of.data, of.field, of.findings, of.discards, lambda _: "")


def _encoded(bench: Bench, unit: Unit, name: str, value: int | bytes) -> bytes | None:
    try:
        return bench.encode(unit.data, name, value)
    except ValueError as error:
        raise LabError(f"That cannot be encoded: {error}.", "Change only the field's own bits instead.") from None


def _promised(units: Units) -> tuple[str, ...]:
    """The answers that the findings promise, each once."""
    return tuple(dict.fromkeys(each.rule.reaction for unit in units for each in unit.findings if each.rule.reaction))


def _verdict(promised: tuple[str, ...], code: str) -> dict[str, Any]:
    """Whether the answer is one that the findings promised; None where they promised none."""
    if not promised:
        return {"agrees": None, "verdict": "No finding promised a complaint."}
    said = " or ".join(promised)
    if any(code and code in each for each in promised):
        return {"agrees": True, "verdict": f"As the finding promised: {said}."}
    return {"agrees": False, "verdict": f"The finding promised {said}; this peer does not keep to it."}
