"""What a frame's line in the ladder says."""

from __future__ import annotations

import json

from protolab.fields import Field
from protolab.units import Unit
from protolab.wire.websocket_frames import CONTINUATION, OPCODES, PING, PONG

SHOWN = 60  # characters of a message that a title quotes


def entitle(unit: Unit) -> str:
    """Opcode, place in the message, and what is said: `text "Hello"`, `close 1000 "bye"`, `binary 5 bytes`."""
    if len(unit.data) < 2:
        return "frame, 1 byte so far"
    fields = {field.name: field for field in unit.field.children}
    opcode, last = unit.data[0] & 0x0F, fields["FIN"].value
    name = OPCODES.get(opcode, f"reserved opcode {opcode:X}")
    if not unit.place.complete:
        return f"{name}, {len(unit.data)} bytes so far"
    if opcode < 8 and opcode != CONTINUATION and not last:
        name += ", first fragment"
    payload = fields.get("payload", Field("payload", 0, 0))
    message = next((item for item in (*unit.field.derived, *payload.derived) if item.name.endswith(" message")), None)
    if message is not None:
        kind = message.name.removesuffix(" message")
        value = message.field.value
        if message.field.note:  # why it cannot be known
            return f"{name}, compressed, {message.field.note}"
        if message.sources[1:]:
            name += f", last of {len(message.sources)} fragments: {kind}"
        return f"{name} {_said(value, len(message.data))}" + (", inflated" if "inflated" in message.how else "")
    said = _payload(payload, opcode)
    return f"{name}, {said}" if said and opcode not in OPCODES else f"{name} {said}".rstrip()


def _payload(payload: Field, opcode: int) -> str:
    """What a payload says by itself."""
    content = next((item.field for item in payload.derived if item.name == "unmasked payload"), payload)
    inner = {field.name: field.value for field in content.children}
    if "close code" in inner:
        reason = inner.get("close reason")
        return f"{inner['close code']}" + (f" {quoted(str(reason))}" if reason else "")
    value = payload.value
    if opcode in (PING, PONG) and isinstance(value, bytes) and value.isascii() and value.decode().isprintable():
        value = value.decode()
    return _said(value, payload.end - payload.start) if payload.end else ""


def _said(value: object, size: int) -> str:
    return quoted(value) if isinstance(value, str) else f"{size} byte{'' if size == 1 else 's'}"


def quoted(text: str) -> str:
    """The text in quotes that it does not itself contain, cut after `SHOWN` characters with the whole length said.

    >>> print(quoted('{"type": "chat"}'))
    '{"type": "chat"}'
    """
    cut = json.dumps(text[:SHOWN], ensure_ascii=False).replace("\x7f", "\\u007f")
    if '\\"' in cut and "'" not in cut:
        cut = "'" + cut[1:-1].replace('\\"', '"') + "'"
    return cut + (f"... ({len(text)} characters)" if len(text) > SHOWN else "")
