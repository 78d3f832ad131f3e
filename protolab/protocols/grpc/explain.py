"""A unit of an HTTP/2 connection, explained: its tree, with what the connection makes of it, and its line in the ladder."""

from __future__ import annotations

from protolab.fields import Derived, Field
from protolab.protocols.grpc.connection import FRAME, START, Step
from protolab.units import Unit
from protolab.wire import hpack_fields, http2, http2_fields, http2_settings
from protolab.wire.http2 import ACK, HEAD_SIZE, Head

SHOWN = 3  # settings that a title names
_BLOCKS = (http2.HEADERS, http2.PUSH_PROMISE, http2.CONTINUATION)


def unit(protocol: str, step: Step) -> Unit:
    """The unit of a step."""
    data, head = step.data, step.head
    if step.kind == START:
        field = http2_fields.preface(data)
    elif step.kind != FRAME:
        field = Field(step.kind, 0, len(data), data, "it began before the capture")
    elif head is None or not step.place.complete:
        field = http2_fields.tree(data, head)
    else:
        field = http2_fields.tree(data, head, *_carried(step, head), _note(step, head))
    lane = head.stream if head is not None and head.stream else None
    return Unit(protocol, step.kind, step.place, data, field, step.findings, step.discards, entitle, lane)


def _carried(step: Step, head: Head) -> tuple[tuple[Field, ...] | None, tuple[Derived, ...]]:
    """The fields of what a frame carries, where the connection tells more of it than the frame; and what was put together."""
    reading = step.reading
    if reading is None:
        return None, ()
    if not reading.sources:
        return hpack_fields.fields(reading.data, reading.block, reading.start), ()
    how = f"the header block fragments of {len(reading.sources)} frames, joined"
    tree = hpack_fields.tree(reading.data, reading.block)
    return None, (Derived("header block", reading.data, tree, how, reading.sources),)


def _note(step: Step, head: Head) -> str:
    """What the connection makes of a frame."""
    parts = [step.lost] if step.lost else []
    if step.reading is not None:
        parts.append(hpack_fields.summary(step.reading.block))
    if step.answers is not None:
        parts.append(f"answers unit {step.answers}")
    if step.applied:
        parts.append("puts in force " + ", ".join(f"{http2_settings.name(k)} {v}" for k, v in step.applied[:8]))
    for stream, side, before, after in step.moves[:8]:
        window = f"stream {stream}" if stream else "the connection"
        before_it = "as before" if before == after else f"not {before}"
        parts.append(f"the {side} may send {after} bytes on {window}, {before_it}")
    if len(step.moves) > 8:
        parts.append(f"and {len(step.moves) - 8} more windows moved")
    return "; ".join(parts)


def entitle(unit: Unit) -> str:
    """Type, stream, and what is said: `HEADERS stream 1 POST /users.Users/Get`, `DATA stream 1, 18 bytes, END_STREAM`."""
    data = unit.data
    head = http2.read_head(data) if unit.kind == FRAME else None
    if unit.kind == START:
        return "the client's preface" if data == http2.PREFACE else f"preface, {len(data)} bytes"
    if head is None:
        return f"{unit.kind}, {len(data)} byte{'' if len(data) == 1 else 's'} so far"
    name = head.name + (f" stream {head.stream}" if head.stream else "")
    if not unit.place.complete:
        return f"{name}, {len(data)} of {head.length + HEAD_SIZE} bytes so far"
    return name + _said(unit, head) + "".join(f", {flag}" for flag in flags(head))


def flags(head: Head) -> list[str]:
    names = http2.FLAGS.get(head.type, {})
    shown = ("END_STREAM",) if head.type in (http2.HEADERS, http2.DATA) else ()
    found = [name for bit, name in names.items() if head.flags & bit and name in shown]
    if head.type in _BLOCKS and not head.flags & http2.END_HEADERS:
        found.append("more to come")
    return found


def _said(unit: Unit, head: Head) -> str:
    fields = {field.name: field for field in unit.field.children}
    number = {name: field.value for name, field in fields.items()}
    if head.type == http2.DATA:
        start, end = http2.content(unit.data, head)
        end = max(start, end)
        padding = f" and {head.length - (end - start)} of padding" if head.length > end - start else ""
        return f", {_bytes(end - start)}{padding}"
    if head.type in _BLOCKS:
        return _headers(unit, head, number)
    if head.flags & ACK and head.type in (http2.SETTINGS, http2.PING):
        return " ACK"
    if head.type == http2.SETTINGS:
        found = [f"{f.name} {f.value}" for f in unit.field.children if f.children and f.start >= HEAD_SIZE]
        more = [f"{len(found) - SHOWN} more"] if len(found) > SHOWN else []
        return (" " + ", ".join(found[:SHOWN] + more)) if found else ", none"
    if head.type == http2.WINDOW_UPDATE and "increment" in number:
        return f"{'' if head.stream else ' connection'}, {_bytes(int(str(number['increment'])))} more"
    if "error code" in number:
        code = http2.error(int(str(number["error code"])))
        last = f" last stream {number.get('last stream')}," if head.type == http2.GOAWAY else ""
        debug = f" {number['debug data']!r}" if "debug data" in number else ""
        return f"{last} {code}{debug}"
    return f", {_bytes(head.length)}" if head.type not in http2.FRAMES else ""


def _headers(unit: Unit, head: Head, number: dict[str, object]) -> str:
    """A request by its method and path, a response by its status, trailers by their first header."""
    block = unit.field
    for derived in unit.field.derived:
        if derived.name == "header block":
            block = derived.field
    says = {field.name: field.value for field in block.children if field.start >= HEAD_SIZE or block is not unit.field}
    promised = f" promises stream {number['promised stream']}" if "promised stream" in number else ""
    if ":method" in says or ":path" in says:
        return f"{promised} {says.get(':method', '?')} {says.get(':path', '?')}"
    if ":status" in says:
        return f"{promised} {says[':status']}"
    first = next((name for name in says if name == "grpc-status"), None)
    return promised + (f" grpc-status {says[first]}" if first else "")


def _bytes(count: int) -> str:
    return f"{count} byte{'' if count == 1 else 's'}"
