"""One side's frames, one after another: which message a frame belongs to, what it says, and which rules it breaks.

`Direction.step` is the judge. It looks at the header, unmasks, inflates and checks the text, and remembers what the next
frame needs; it builds no fields, so judging a long capture is much faster than explaining it.
"""

from __future__ import annotations

import zlib
from collections import deque
from copy import copy
from typing import NamedTuple

from protolab.fields import Side, Source
from protolab.findings import Discard, Finding, Rule
from protolab.protocols.websocket import close_codes, rules
from protolab.protocols.websocket.deflate import INFLATED_LIMIT, TAIL, Agreement, Inflater
from protolab.protocols.websocket.states import ANYTHING, CLOSED, READY, SENDING, sending_event
from protolab.wire.websocket_frames import BINARY, CLOSE, CONTINUATION, OPCODES, PING, PONG, TEXT, Head, mask, read_head

PINGS_KEPT = 1000  # unanswered pings of a side that are remembered; a pong to an older one counts as unsolicited


class Message(NamedTuple):
    """A message made of more than its one frame's plain payload: reassembled, inflated, or both. `data` is None if lost."""

    opcode: int
    compressed: bool
    data: bytes | None
    sources: tuple[Source, ...]
    why: str = ""  # why `data` is None


class Parts(NamedTuple):
    """The fragments of an open message as a chain, the newest first: a checkpoint of the state shares it, not copies it."""

    before: Parts | None
    said: bytes  # unmasked, and inflated where that applies
    source: Source

    def message(self, opcode: int, compressed: bool, broken: str) -> Message:
        """The message that these fragments make."""
        chain: list[Parts] = []
        part: Parts | None = self
        while part is not None:
            chain.append(part)
            part = part.before
        chain.reverse()
        data = None if broken else b"".join(part.said for part in chain)
        return Message(opcode, compressed, data, tuple(part.source for part in chain), broken)


class Step(NamedTuple):
    """What `explain` needs to know of one frame."""

    head: Head | None
    payload: bytes  # unmasked
    opcode: int  # of the message that the frame belongs to
    inflated: bytes | None  # this frame's payload, inflated, on a compressed message
    message: Message | None  # complete with this frame, where that is more than this frame's own payload or text
    findings: tuple[Finding, ...]
    discards: tuple[Discard, ...]
    text: str | None = None  # the payload, where it is a whole text message
    answers: int | None = None  # for a pong: the number of the unit whose ping it answers


class Opening(NamedTuple):
    """What the first two bytes of a frame decide: the rules that they break, each with its byte range; whether it is
    `simple`, a whole data message that breaks none; and its header, where the length stands in them.
    """

    broken: tuple[tuple[Rule, int, int], ...]
    simple: bool = False
    head: Head | None = None
    event: str = ""  # of the table `SENDING`


class _Openings(dict[bytes, Opening]):
    """The openings of one side's frames, each worked out when it is first met."""

    def __init__(self, side: Side) -> None:
        self.side = side

    def __missing__(self, start: bytes) -> Opening:
        self[start] = opening = _opening(start, self.side) if len(start) == 2 else Opening(())
        return opening


_OPENINGS = tuple(_Openings(side) for side in Side)


def _opening(start: bytes, side: Side) -> Opening:
    first, second = start
    opcode, length = first & 0x0F, second & 0x7F
    found: list[tuple[Rule, int, int]] = []
    if opcode not in OPCODES:
        found.append((rules.RESERVED_OPCODE, 0, 1))
    if side is Side.CLIENT and not second & 0x80:
        found.append((rules.CLIENT_UNMASKED, 1, 2))
    if side is Side.SERVER and second & 0x80:
        found.append((rules.SERVER_MASKED, 1, 2))
    if opcode >= 8 and length > 125:
        found.append((rules.CONTROL_LONG, 1, 4 if length == 126 else 10))
    if opcode >= 8 and not first & 0x80:
        found.append((rules.CONTROL_FRAGMENTED, 0, 1))
    simple = not found and first & 0xB0 == 0x80 and opcode in (TEXT, BINARY)
    head = read_head(start + bytes(4)) if length < 126 else None
    return Opening(tuple(found), simple, head, sending_event(first))


_new = tuple.__new__  # NamedTuple without its keyword handling, for the lines that run for every frame


def _shortest(head: Head) -> bool:
    """Whether the length is written in the fewest bytes that hold it."""
    return head.form == 7 or head.length > (125 if head.form == 16 else 0xFFFF)


def _forbidden(state: str, opcode: int) -> Rule:
    """The rule that a data frame breaks by coming in this state."""
    if state is CLOSED:
        return rules.AFTER_CLOSE
    return rules.CONTINUATION if opcode == CONTINUATION else rules.INTERLEAVED


class Direction:
    """What one side has said so far, as far as it decides what its next frame means."""

    def __init__(
        self, side: Side, agreement: Agreement | None = None, midway: bool = False, strange: bool = False
    ) -> None:
        self.side = side
        self.strange = strange  # an extension that is not known here may give reserved bits and opcodes a meaning
        self.inflater = Inflater(agreement.takeover[side], agreement.bits[side]) if agreement else None
        self.midway = midway  # it is not known which extensions were agreed on, nor what was said before
        self.state = ANYTHING if midway else READY  # in the table `SENDING`
        self.opcode = CONTINUATION  # of the open message; CONTINUATION when none is
        self.deflated = False  # whether the open message is compressed
        self.parts: Parts | None = None
        self.size = 0  # of the open message so far, inflated
        self.utf8_rest = b""  # of the open text message: bytes of a character that is not complete yet
        self.utf8_bad = False  # whether the open text message is known not to be UTF-8
        self.broken = ""  # why the open message's data cannot be known
        self.pings: deque[tuple[bytes, int]] = deque(maxlen=PINGS_KEPT)

    def __copy__(self) -> Direction:
        other = object.__new__(Direction)
        other.__dict__.update(self.__dict__)
        other.pings = self.pings.copy()
        other.inflater = copy(self.inflater)
        return other

    def step(self, data: bytes, number: int, start: int, complete: bool, other: Direction) -> Step:
        """Judge the frame `data`, unit `number`, that starts at stream offset `start`; `other` is the peer's direction."""
        opening = _OPENINGS[self.side][data[:2]]
        short = opening.head is not None
        head = opening.head if short else read_head(data)
        if head is not None and opening.simple and complete and self.state is READY and (short or _shortest(head)):
            # By far the most frames are whole messages that break no rule: the short way for them.
            size = head.size
            payload = mask(data[size:], data[size - 4 : size]) if head.masked else data[size:]
            if not head.rsv1:
                try:
                    text = payload.decode() if head.opcode == TEXT else None
                    return _new(Step, (head, payload, head.opcode, None, None, (), (), text, None))
                except UnicodeDecodeError:
                    pass  # the long way says where it is broken
            elif self.inflater is not None:
                return self._compressed(head, payload, self.inflater)
        if head is None or len(data) < head.size:
            return Step(None, b"", CONTINUATION, None, None, self._broken(opening, data), ())
        payload = data[head.size :]
        if head.masked:
            payload = mask(payload, data[head.size - 4 : head.size])
        findings = list(self._broken(opening, data))
        if not _shortest(head):
            findings.append(
                rules.LENGTH_FORM.at(1, 2 + head.form // 8, self.side, f"{head.length} fits a shorter form")
            )
        if head.length >> 63:
            findings.append(rules.LENGTH_SIGN.at(2, 10, self.side))
        self._judge_reserved_bits(head, findings)
        discards: tuple[Discard, ...] = ()
        if self.state is CLOSED:
            discards = (Discard(0, len(data), "it came after this side's Close frame", "RFC 6455 section 5.5.1"),)
        after = SENDING.after(self.state, opening.event)
        if after is None and opening.event:
            findings.append(_forbidden(self.state, head.opcode).at(0, len(data) if discards else 1, self.side))
        if not complete:
            return Step(head, payload, head.opcode or self.opcode, None, None, tuple(findings), discards)
        if head.control:
            self.state = after or self.state
            answers = self._control(head, payload, number, findings, other)
            if head.opcode == PONG and answers is None and not discards and not self.midway:
                why = "an unsolicited pong: no ping asked for it"
                discards = (Discard(0, len(data), why, "RFC 6455 section 5.5.3"),)
            return Step(head, payload, head.opcode, None, None, tuple(findings), discards, None, answers)
        if discards or not opening.event:  # after Close, or a reserved opcode: part of no message
            return Step(head, payload, head.opcode, None, None, tuple(findings), discards)
        if head.opcode != CONTINUATION:  # where it is not allowed, go on as if the open message had ended before it
            after = after or SENDING.after(READY, opening.event)
            self._open(head)
        self.state = after or self.state
        if self.opcode == CONTINUATION:  # of nothing that is known
            return Step(head, payload, CONTINUATION, None, None, tuple(findings), ())
        return self._data(head, payload, start, findings)

    def _broken(self, opening: Opening, data: bytes) -> tuple[Finding, ...]:
        return tuple(
            rule.at(at, min(end, len(data)), self.side)
            for rule, at, end in opening.broken
            if not (self.strange and rule is rules.RESERVED_OPCODE)
        )

    def _judge_reserved_bits(self, head: Head, findings: list[Finding]) -> None:
        if head.rsv1 and (self.inflater is not None or self.midway):
            if head.control:
                findings.append(rules.RSV1_CONTROL.at(0, 1, self.side))
            elif head.opcode == CONTINUATION:
                findings.append(rules.RSV1_CONTINUATION.at(0, 1, self.side))
        elif head.rsv1 and not self.strange:
            findings.append(rules.RESERVED_BIT.at(0, 1, self.side, "RSV1 is set and no extension was agreed on"))
        for name, bit in (("RSV2", head.rsv2), ("RSV3", head.rsv3)):
            if bit and not self.strange:
                findings.append(
                    rules.RESERVED_BIT.at(0, 1, self.side, f"{name} is set and no extension gives it a meaning")
                )

    def _control(
        self, head: Head, payload: bytes, number: int, findings: list[Finding], other: Direction
    ) -> int | None:
        """Judge a control frame; for a pong, the number of the ping that it answers."""
        at = head.size
        if head.opcode == PING:
            self.pings.append((payload, number))
        elif head.opcode == PONG:
            # Section 5.5.3: a pong answers the newest ping, or an older one; those before it need no answer any more.
            for asked, ping in reversed(other.pings):
                if asked == payload:
                    while other.pings and other.pings[0][1] <= ping:
                        other.pings.popleft()
                    return ping
        elif head.opcode == CLOSE:
            if len(payload) == 1:
                findings.append(rules.CLOSE_HALF.at(at, at + 1, self.side))
            elif payload:
                code = int.from_bytes(payload[:2])
                if not close_codes.allowed(code):
                    findings.append(
                        rules.CLOSE_CODE.at(
                            at, at + 2, self.side, f"{code} ({close_codes.describe(code)}) must not be sent"
                        )
                    )
                bad, _ = utf8_error(payload[2:], final=True)
                if bad is not None:
                    findings.append(rules.CLOSE_REASON.at(at + 2 + bad[0], at + 2 + bad[1], self.side))
        return None

    def _compressed(self, head: Head, payload: bytes, inflater: Inflater) -> Step:
        """A whole compressed message in one frame: what `_data` does, the short way."""
        findings: list[Finding] = []
        inflated, self.broken = None, inflater.lost
        try:
            if not inflater.lost:
                inflated = inflater.part(payload, True, INFLATED_LIMIT)
                if payload.endswith(TAIL):
                    findings.append(self._untrimmed(head, payload))
                if head.opcode == TEXT:
                    inflated.decode()
                return _new(Step, (head, payload, head.opcode, inflated, None, tuple(findings), (), None, None))
        except UnicodeDecodeError:
            # Offsets in inflated text are not offsets on the wire: the whole payload is meant.
            findings.append(rules.TEXT_UTF8.at(head.size, head.size + len(payload), self.side))
        except (zlib.error, OverflowError) as error:
            self._give_up(error, head, payload, findings)
        message = Message(head.opcode, True, None, (), self.broken) if inflated is None else None
        return Step(head, payload, head.opcode, inflated, message, tuple(findings), ())

    def _data(self, head: Head, payload: bytes, start: int, findings: list[Finding]) -> Step:
        opcode = self.opcode
        inflated = self._inflate(head, payload, findings) if self.deflated else None
        said = payload if inflated is None else inflated
        if opcode == TEXT and not self.utf8_bad and not self.broken:
            self._judge_text(head, said, inflated is None, payload, findings)
        source = Source(self.side, start + head.size, start + head.size + len(payload))
        self.parts, self.size = Parts(self.parts, said, source), self.size + len(said)
        message = None
        if head.fin:
            if self.deflated or self.parts.before is not None:
                message = self.parts.message(opcode, self.deflated, self.broken)
            self.opcode, self.parts = CONTINUATION, None
        return Step(head, payload, opcode, inflated, message, tuple(findings), ())

    def _judge_text(self, head: Head, said: bytes, plain: bool, payload: bytes, findings: list[Finding]) -> None:
        """Check the next part of a text message; a character may be split between fragments."""
        before = len(self.utf8_rest)
        bad, self.utf8_rest = utf8_error(self.utf8_rest + said, head.fin)
        if bad is None:
            return
        self.utf8_bad = True
        first, last = max(bad[0] - before, 0), max(bad[1] - before, 1)
        if not plain:  # offsets in inflated text are not offsets on the wire: the whole payload is meant
            first, last = 0, len(payload)
        if payload:
            findings.append(rules.TEXT_UTF8.at(head.size + first, head.size + last, self.side))
        else:  # the message ends inside a character, with an empty fragment
            findings.append(rules.TEXT_UTF8.at(0, head.size, self.side, "the message ends inside a character"))

    def _open(self, head: Head) -> None:
        self.opcode = head.opcode
        self.deflated = head.rsv1 and (self.inflater is not None or self.midway)
        self.parts, self.size, self.utf8_rest, self.utf8_bad, self.broken = None, 0, b"", False, ""
        if self.deflated and self.midway:
            self.broken = "the recording began after the handshake and the messages that this one may refer to"

    def _inflate(self, head: Head, payload: bytes, findings: list[Finding]) -> bytes | None:
        """This frame's payload inflated, or None when it cannot be known; then `broken` says why."""
        if self.inflater is None or self.broken:
            return None
        if self.inflater.lost:
            self.broken = self.inflater.lost
            return None
        try:
            inflated = self.inflater.part(payload, head.fin, INFLATED_LIMIT - self.size)
            if head.fin and payload.endswith(TAIL):
                findings.append(self._untrimmed(head, payload))
            return inflated
        except (zlib.error, OverflowError) as error:
            self._give_up(error, head, payload, findings)
        return None

    def _untrimmed(self, head: Head, payload: bytes) -> Finding:
        # What is left without the tail ends in the three zero bits of an empty block's header, so never in FF.
        end = head.size + len(payload)
        return rules.TAIL.at(end - len(TAIL), end, self.side)

    def _give_up(self, error: zlib.error | OverflowError, head: Head, payload: bytes, findings: list[Finding]) -> None:
        """Say why the open message cannot be known: a finding where the data are at fault, not our bound."""
        if isinstance(error, OverflowError):
            self.broken = f"it inflates to more than {INFLATED_LIMIT} bytes"
            return
        self.broken = "it does not inflate"
        says = f"this does not inflate ({error})"
        at, end = (head.size, head.size + len(payload)) if payload else (0, head.size)
        findings.append(rules.INFLATE.at(at, end, self.side, says))


def utf8_error(data: bytes, final: bool) -> tuple[tuple[int, int] | None, bytes]:
    """The range of the first bytes that are not UTF-8, or None; and an incomplete character at the end, unless `final`.

    >>> utf8_error(b"caf\\xc3", final=False)
    (None, b'\\xc3')
    >>> utf8_error(b"caf\\xc3", final=True)
    ((3, 4), b'')
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not final:
            return None, data[error.start :]
        return (error.start, error.end), b""
    return None, b""
