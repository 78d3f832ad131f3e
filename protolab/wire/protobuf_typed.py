"""Explain a protobuf message with its .proto file: names, types and values, each beside the line that declares it.

What the file does not declare is explained as its bytes alone allow, and marked. A parser does the same: it keeps what it
does not know as unknown fields, and a wire type other than the declared one makes a field unknown.
"""

from __future__ import annotations

import struct

from protolab.fields import Field, Side, unparsed
from protolab.findings import Discard, Finding
from protolab.wire import protobuf_rules as rules
from protolab.wire.later import later
from protolab.wire.protobuf import (
    DEPTH,
    I32,
    I64,
    LEN,
    SGROUP,
    VARINT,
    WIRE_TYPES,
    Broken,
    Groups,
    Record,
    varint,
)
from protolab.wire.protobuf_scalars import FORMATS, INTEGERS
from protolab.wire.protobuf_schema import FieldType, MessageType, Schema
from protolab.wire.protobuf_tree import Reading, Tree

_LISTED = 6  # fields that are not set, named in a message's note
_LAST = "protobuf encoding, last one wins"


def read_typed(
    data: bytes | bytearray,
    schema: Schema,
    type: str,
    start: int = 0,
    end: int | None = None,
    side: Side = Side.CLIENT,
) -> Reading:
    """Explain the message of that type ("user_service.User") between `start` and `end`.

    Offsets count from the start of `data`. KeyError: the schema has no such type.
    """
    end = len(data) if end is None else end
    tree = TypedTree(data, schema, schema.messages[type])
    discards: list[Discard] = []
    findings = tree.findings(start, end, side)
    tree.replaced(start, end, discards)
    return Reading(tree.message(type.rpartition(".")[2], start, end), tuple(findings), tuple(discards))


class TypedTree(Tree):
    """Makes the fields of a message of a known type."""

    def __init__(
        self, data: bytes | bytearray, schema: Schema, type: MessageType, groups: Groups | None = None
    ) -> None:
        super().__init__(data)
        self.schema = schema
        self.type = type
        if groups is not None:
            self.groups = groups

    def of(self, field: FieldType) -> Tree:
        """The tree for what is in a field of a message type; without names if the schema does not have it."""
        if (type := self.schema.messages.get(field.type)) is not None:
            return TypedTree(self.data, self.schema, type, self.groups)
        return self.bare()

    def bare(self) -> Tree:
        """The tree for what is not declared: no name of this type holds inside it."""
        tree = Tree(self.data)
        tree.groups = self.groups
        return tree

    def message(self, name: str, start: int, end: int, depth: int = 0) -> Field:
        field = super().message(name, start, end, depth)
        there = {record.number for record in self.scan(start, end).records if self.declared(record)}
        missing = [each for each in self.type.fields.values() if each.number not in there and not each.oneof]
        named = [f"{each.name} = {each.default}" if each.default else each.name for each in missing[:_LISTED]]
        if more := len(missing) - len(named):
            named.append(f"{more} more")
        return field._replace(note=f"{field.note}; not set: {', '.join(named)}" if named else field.note)

    def declared(self, record: Record) -> FieldType | None:
        """The field that a record is, if it is declared and its wire type is the declared one, or that of its packed form."""
        field = self.type.fields.get(record.number)
        return field if field is not None and (record.wire == field.wire or _packs(field, record)) else None

    def record(self, record: Record, depth: int, unknown: str = "") -> Field:
        field = self.declared(record)
        if field is None:
            known = self.type.fields.get(record.number)
            why = f"unknown: {self.type.name} declares no field {record.number}"
            if known is not None:
                why = f"unknown: {known.declared.rstrip(';')} would be {WIRE_TYPES[known.wire]}"
            return self.bare().record(record, depth, why)
        _, wire, start, tag, value, stop, end = record
        if wire == SGROUP or field.kind == "message":
            return self._message(record, field, depth)
        if _packs(field, record):
            values = self.values(field, value, stop)
            inner = later(lambda: (self.tag(start, tag), self.length(record), self._packed(field, value, stop, values)))
            return Field(
                field.name,
                start,
                end,
                values,
                f"{field.declared} // packed: {len(values)} value{'' if len(values) == 1 else 's'}",
                inner,
            )
        held, note = self.value(field, value, stop)
        said = f"{field.declared}{' // ' * bool(note)}{note}"  # as a comment after its line

        def parts() -> tuple[Field, ...]:
            if wire != LEN:
                return (self.tag(start, tag), self.plain(field.kind, wire, value, stop, held, note))
            payload = (Field(field.kind, value, stop, held, note),) if value < stop else ()
            return (self.tag(start, tag), self.length(record), *payload)

        return Field(field.name, start, end, held, said, later(parts))

    def _message(self, record: Record, field: FieldType, depth: int) -> Field:
        _, wire, start, tag, value, stop, end = record
        tree, name = self.of(field), field.type.rpartition(".")[2]
        if wire == SGROUP:
            inner = later(lambda: tree._group(record, depth))
            return Field(field.name, start, end, None, field.declared, inner)

        def parts() -> tuple[Field, ...]:
            body: tuple[Field, ...] = ()
            if value < stop:
                deep = depth >= DEPTH
                body = (
                    unparsed(value, stop, rules.DEPTH.says) if deep else tree.message(name, value, stop, depth + 1),
                )
            return (self.tag(start, tag), self.length(record), *body)

        held: object = None
        if isinstance(tree, TypedTree) and tree.type.entry and depth < DEPTH:
            held = tree.pair(value, stop)
        return Field(field.name, start, end, held, field.declared, later(parts))

    def pair(self, start: int, end: int) -> tuple[object, object]:
        """The key and the value of a map's entry; a message as None."""
        found: dict[int, object] = {}
        for record in self.scan(start, end).records:
            if (field := self.declared(record)) is not None and field.kind not in ("message", "group"):
                found[record.number] = self.value(field, record.value, record.stop)[0]
        return tuple(found.get(number, self.default(self.type.fields.get(number))) for number in (1, 2))  # type: ignore[return-value]

    def default(self, field: FieldType | None) -> object:
        """What a field that is not there means."""
        if field is None or field.kind in ("message", "group"):
            return None
        return {"string": "", "bytes": b"", "bool": False, "double": 0.0, "float": 0.0}.get(field.kind, 0)

    def value(self, field: FieldType, start: int, end: int) -> tuple[object, str]:
        """The value of a scalar as its type has it, and what there is to say of it."""
        body = bytes(self.data[start:end])
        if field.kind == "bytes":
            return body, ""
        if field.kind == "string":
            try:
                return body.decode(), ""
            except UnicodeDecodeError as error:
                return body, f"not UTF-8 at byte {error.start} of it"
        if field.wire != VARINT:
            return struct.unpack(f"<{FORMATS[field.kind]}", body)[0], ""
        raw = varint(body, 0, len(body))[0]
        held = INTEGERS[field.kind](raw)
        note = ""
        if (
            field.kind in ("int32", "uint32", "enum", "sint32")
            and raw != held & 0xFFFF_FFFF_FFFF_FFFF
            and field.kind != "sint32"
        ):
            note = f"a parser keeps the lowest 32 bits of {raw}"
        if field.kind == "bool":
            return bool(held), f"{raw} is true too" if raw > 1 else ""
        if field.kind.startswith("sint"):
            note = f"zigzag: {raw} stands for {held}"
        if field.kind == "enum" and (enum := self.schema.enums.get(field.type)) is not None:
            nameless = "among the unknown fields, since the enum is closed" if enum.closed else "as it is"
            note = enum.names.get(held, f"a number that the enum has no name for: kept {nameless}")
        return held, note

    def named(self, field: FieldType, value: object) -> bool:
        """Whether a parser gives a value to its field: of a closed enum only what has a name."""
        enum = self.schema.enums.get(field.type)
        return enum is None or not enum.closed or value in enum.names

    def names(self, field: FieldType, record: Record) -> bool:
        """The same of a record that is not packed."""
        return field.kind != "enum" or self.named(field, self.value(field, record.value, record.stop)[0])

    def understood(self) -> bool:
        """Whether a parser knows all of it: a map's entry with anything else in it goes among the unknown fields (upb)."""
        for record in self.scan(0, len(self.data)).records:
            field = self.declared(record)
            if field is None or not self.names(field, record):
                return False
        return True

    def values(self, field: FieldType, start: int, end: int) -> tuple[object, ...]:
        """The values of a packed field, as far as they are whole."""
        found, at = [], start
        while at < end:
            try:
                after = _after(self.data, field, at, end)
            except Broken:
                break
            found.append(self.value(field, at, after)[0])
            at = after
        return tuple(found)

    def _packed(self, field: FieldType, start: int, stop: int, values: tuple[object, ...]) -> Field:
        def parts() -> tuple[Field, ...]:
            fields = self.packed(field.name, field.wire, start, stop, values)
            rest = fields[-1].end if fields else start
            return (*fields, unparsed(rest, stop, rules.PACKED.says)) if rest < stop else fields

        if start == stop:
            return Field("packed values", start, stop, values, "none")
        return Field("packed values", start, stop, values, "", later(parts))

    def findings(self, start: int, end: int, side: Side, depth: int = 0) -> list[Finding]:
        broken = super().findings(start, end, side, depth)
        there = {record.number for record in self.scan(start, end).records if self.declared(record)}
        return broken + (self.missing(there, start, end, side) if start < end else [])

    def missing(self, there: set[int], start: int, end: int, side: Side) -> list[Finding]:
        """The required fields that are not among those that are there."""
        return [
            rules.REQUIRED.at(start, end, side, f"{field.name} is missing: {field.declared}")
            for field in self.type.fields.values()
            if field.required and field.number not in there
        ]

    def sure(self, record: Record) -> bool:
        field = self.type.fields.get(record.number)
        if field is None or field.wire != record.wire or field.kind in ("message", "group"):
            return False
        return field.kind != "string" or bytes(self.data[record.value : record.stop]).isascii()

    def wrong(self, record: Record, side: Side, depth: int) -> list[Finding]:
        field = self.declared(record)
        if field is None:
            if (known := self.type.fields.get(record.number)) is not None:
                says = f"{known.name} is {known.kind}, {WIRE_TYPES[known.wire]}; its wire type here is {WIRE_TYPES[record.wire]}"
                return [
                    rules.MISMATCH.at(record.start, record.tag, side, says),
                    *self.bare().wrong(record, side, depth),
                ]
            return self.bare().wrong(record, side, depth)
        if field.kind in ("message", "group"):
            if depth >= DEPTH:
                return [rules.DEPTH.at(record.start, record.end, side)]
            tree = self.of(field)
            if record.value == record.stop and isinstance(tree, TypedTree):
                return tree.missing(set(), record.start, record.end, side)
            return tree.findings(record.value, record.stop, side, depth + 1)
        if _packs(field, record):
            try:
                at = record.value
                while at < record.stop:
                    at = _after(self.data, field, at, record.stop)
            except Broken:
                return [rules.PACKED.at(at, record.stop, side)]
        if field.utf8:
            try:
                bytes(self.data[record.value : record.stop]).decode()
            except UnicodeDecodeError as error:
                wrong = record.value + error.start, min(record.value + error.end, record.stop)
                return [rules.UTF8.at(*wrong, side, f"{field.name} is not UTF-8 from here on")]
        return []

    def replaced(self, start: int, end: int, discards: list[Discard], depth: int = 0) -> None:
        """Find the records whose values a later record replaces: the same singular field, or another of its oneof."""
        last: dict[str, tuple[Record, FieldType]] = {}
        for record in self.scan(start, end).records:
            field = self.declared(record)
            if field is None or not (field.repeated or self.names(field, record)):
                continue
            composed = field.kind in ("message", "group")
            tree = self.of(field) if composed and depth < DEPTH else None
            if isinstance(tree, TypedTree):
                tree.replaced(record.value, record.stop, discards, depth + 1)
            if field.repeated:
                continue
            before = last.get(key := field.oneof or f".{field.name}")
            if before is not None and (before[1] is not field or not composed):  # two of one message are merged
                why = (
                    f"{field.name} comes again"
                    if before[1] is field
                    else f"{field.name} comes later, of oneof {field.oneof}"
                )
                discards.append(Discard(before[0].start, before[0].end, f"{why}: the last one wins", _LAST))
            last[key] = record, field


def _packs(field: FieldType, record: Record) -> bool:
    """Whether a record is the packed form of a field: a parser takes it whichever way the field is declared."""
    return record.wire == LEN and field.repeated and field.wire in (VARINT, I64, I32)


def _after(data: bytes | bytearray, field: FieldType, at: int, end: int) -> int:
    """Where the packed value at `at` ends. Broken: past the end."""
    if field.wire == VARINT:
        return varint(data, at, end)[1]
    after = at + (8 if field.wire == I64 else 4)
    if after > end:
        raise Broken(rules.PACKED, at, end)
    return after
