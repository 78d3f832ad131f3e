"""The closing story, RFC 6455 section 7: who began, what both Close frames said, how TCP ended, what each API reports."""

from __future__ import annotations

from typing import Any, NamedTuple

from protolab.capture import End
from protolab.conversation import Conversation
from protolab.fields import Side
from protolab.protocols.websocket.close_codes import describe
from protolab.wire.websocket_frames import CLOSE, Frame

NO_CODE, ABNORMAL = 1005, 1006  # section 7.4.1: what an API reports; never on the wire


class Goodbye(NamedTuple):
    """One side's Close frame: the unit's number, and its code (None for an empty one) and reason."""

    unit: int
    code: int | None
    reason: str

    def __str__(self) -> str:
        if self.code is None:
            return "a Close without a code"
        return f"Close {self.code} ({describe(self.code)})" + (f' "{self.reason}"' if self.reason else "")


class Ending(NamedTuple):
    """How a connection ended, as far as the capture shows. `closes` and `codes` are (client's, server's).

    `codes` is what each side's API reports: the code in the Close that it received, 1005 for one without, and 1006 when
    none came. `began` is the side whose Close came first, None when there was none.
    """

    began: Side | None
    closes: tuple[Goodbye | None, Goodbye | None]
    tcp: tuple[End, ...]
    codes: tuple[int, int] | None

    @property
    def clean(self) -> bool:
        """Section 7.1.4: whether both sides sent and received a Close before TCP ended."""
        return None not in self.closes

    def __str__(self) -> str:
        lines = []
        for side in sorted(Side, key=lambda side: side is not self.began):
            close = self.closes[side]
            verb = "began" if side is self.began else "answered"
            lines.append(f"The {side} {verb} with {close}." if close else f"The {side} sent no Close.")
        lines += [f"The {end.side} {'ended' if end.how == 'FIN' else 'broke off'} TCP ({end.how})." for end in self.tcp]
        if self.codes is None:
            lines.append("The connection is open.")
        else:
            lines.append(f"So it closed {'cleanly' if self.clean else 'without a closing handshake'}.")
            lines += [
                f"The {side}'s API reports {code} ({describe(code)})."
                for side, code in zip(Side, self.codes, strict=True)
            ]
        return "\n".join(lines)


def ending(conversation: Conversation[Any, Any]) -> Ending:
    """How this conversation ended."""
    closes: list[Goodbye | None] = [None, None]
    for unit in conversation:
        if unit.kind == "frame" and unit.place.complete and unit.data[0] & 0x0F == CLOSE and not closes[unit.side]:
            said = Frame.decode(unit.data).payload
            code = int.from_bytes(said[:2]) if len(said) > 1 else None
            closes[unit.side] = Goodbye(unit.place.number, code, said[2:].decode("utf-8", "backslashreplace"))
    found = [(close.unit, side) for side in Side if (close := closes[side])]
    tcp = tuple(conversation.connection.ends)
    over = (
        len(found) == len(Side) or any(end.how == "RST" for end in tcp) or len({end.side for end in tcp}) == len(Side)
    )
    client, server = closes
    codes = (_reported(server), _reported(client)) if over else None
    return Ending(min(found)[1] if found else None, (client, server), tcp, codes)


def _reported(received: Goodbye | None) -> int:
    if received is None:
        return ABNORMAL
    return NO_CODE if received.code is None else received.code
