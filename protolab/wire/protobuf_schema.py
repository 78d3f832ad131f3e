"""What .proto files say, as plain data, read from a FileDescriptorSet (descriptor.proto) with the decoder of this package.

A compiled .proto file is itself a protobuf message: `protoc --descriptor_set_out` writes it, servers with reflection send
it, generated code carries it. Each field knows the line that declares it, rebuilt from its descriptor, so that bytes can be
shown beside it; protobuf_text.py prints whole files.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.wire.protobuf import I32, I64, LEN, SGROUP, VARINT, Broken, scan, varint
from protolab.wire.protobuf_features import EDITIONS, PROTO2, PROTO3, Features, said

# FieldDescriptorProto.Type, by number: the word for it, and its wire type
TYPES = {
    1: ("double", I64), 2: ("float", I32), 3: ("int64", VARINT), 4: ("uint64", VARINT), 5: ("int32", VARINT),
    6: ("fixed64", I64), 7: ("fixed32", I32), 8: ("bool", VARINT), 9: ("string", LEN), 10: ("group", SGROUP),
    11: ("message", LEN), 12: ("bytes", LEN), 13: ("uint32", VARINT), 14: ("enum", VARINT), 15: ("sfixed32", I32),
    16: ("sfixed64", I64), 17: ("sint32", VARINT), 18: ("sint64", VARINT),
}  # fmt: skip
_REQUIRED, _REPEATED = 2, 3


class FieldType(NamedTuple):
    """One field of a message type. `kind` is a scalar type's name, or "message", "enum", "group"; `type` the full name then.

    `declared` is its line in the .proto file; `packed` how it is written when it is repeated; `oneof` the group of which
    only one can be set; `default` what a field that is not there means, in words; `utf8` whether parsers hold it to that.
    """

    name: str
    number: int
    kind: str
    wire: int
    repeated: bool
    required: bool
    packed: bool
    type: str
    oneof: str
    presence: bool
    default: str
    declared: str
    comment: str
    utf8: bool = False


class MessageType(NamedTuple):
    """A message type; `entry` is true for the pairs that a map field is made of."""

    name: str
    fields: dict[int, FieldType]
    entry: bool


class EnumType(NamedTuple):
    """An enum: its names by number, the first where several share one. What a `closed` one does not name is unknown."""

    name: str
    names: dict[int, str]
    closed: bool = False


class Method(NamedTuple):
    """A method: `path` is what stands in :path, "/package.Service/Method"; `asks` and `answers` are message types' names."""

    path: str
    asks: str
    answers: str
    client_streaming: bool
    server_streaming: bool
    declared: str


class Schema(NamedTuple):
    """All that a FileDescriptorSet declares, by full name ("user_service.User"), and its files as they came."""

    messages: dict[str, MessageType]
    enums: dict[str, EnumType]
    methods: dict[str, Method]
    files: dict[str, bytes]

    @classmethod
    def of(cls, descriptors: bytes) -> Schema:
        """Read a FileDescriptorSet. What it does not understand it leaves out; it never raises."""
        schema = cls({}, {}, {}, {})
        for file in parts(descriptors).get(1, ()):
            if isinstance(file, bytes):
                _File(schema, file)
        return schema


Held = int | bytes
Parts = dict[int, list[Held]]


def parts(data: bytes) -> Parts:
    """The values of a message by field number: numbers of VARINT, bytes of the rest."""
    found: Parts = {}
    for record in scan(data).records:
        body = data[record.value : record.stop]
        value = varint(data, record.value, record.stop)[0] if record.wire == VARINT else body
        found.setdefault(record.number, []).append(value)
    return found


def text(values: Parts, number: int) -> str:
    """The last value of a string field; "" where there is none."""
    last = values.get(number, [b""])[-1]
    return last.decode(errors="replace") if isinstance(last, bytes) else ""


def whole(values: Parts, number: int, default: int = 0) -> int:
    """The last value of an integer field."""
    last = values.get(number, [default])[-1]
    return last if isinstance(last, int) else default


def inner(values: Parts, number: int) -> list[Parts]:
    """The messages in a field, taken apart."""
    return [parts(value) for value in values.get(number, []) if isinstance(value, bytes)]


def features_of(declaration: Parts, options: int, number: int) -> dict[str, str]:
    """The features that a declaration says by itself, in its field of options, which has them in that number."""
    found: dict[str, str] = {}
    for each in inner(declaration, options):
        for features in inner(each, number):
            found.update(said({key: whole(features, key) for key in features}))
    return found


class _File:
    """One FileDescriptorProto, read into a schema."""

    def __init__(self, schema: Schema, data: bytes) -> None:
        self.schema = schema
        file = parts(data)
        self.package = text(file, 2)
        self.syntax = text(file, 12)
        base = {"proto3": PROTO3, "editions": EDITIONS}.get(self.syntax, PROTO2)
        features = base.under(features_of(file, 8, 50))
        self.comments = _comments(file)
        schema.files[text(file, 1)] = data
        scope = self.package and f"{self.package}."
        for number, message in enumerate(inner(file, 4)):
            self.message(message, scope, (4, number), features)
        for enum in inner(file, 5):
            self.enum(enum, scope, features)
        for service in inner(file, 6):
            for method in inner(service, 2):
                self.method(method, f"{scope}{text(service, 1)}")

    def message(self, message: Parts, scope: str, path: tuple[int, ...], features: Features) -> None:
        name, features = f"{scope}{text(message, 1)}", features.under(features_of(message, 7, 12))
        entry = any(whole(options, 7) for options in inner(message, 7))
        fields: dict[int, FieldType] = {}
        self.schema.messages[name] = MessageType(name, fields, entry)
        if len(path) < 100:
            for number, nested in enumerate(inner(message, 3)):
                self.message(nested, f"{name}.", (*path, 3, number), features)
        for enum in inner(message, 4):
            self.enum(enum, f"{name}.", features)
        oneofs = [(text(oneof, 1), features.under(features_of(oneof, 2, 1))) for oneof in inner(message, 8)]
        oneofs.append(("", features))  # of a field that is in none
        for number, field in enumerate(inner(message, 2)):
            made = self.field(field, oneofs, self.comments.get((*path, 2, number), ""), entry)
            fields[made.number] = made

    def field(self, field: Parts, oneofs: list[tuple[str, Features]], comment: str, entry: bool) -> FieldType:
        name, number, label = text(field, 1), whole(field, 3), whole(field, 4, 1)
        kind, wire = TYPES.get(whole(field, 5), ("bytes", LEN))
        type_name = text(field, 6).lstrip(".")
        repeated, optional = label == _REPEATED, bool(whole(field, 17))
        options = (inner(field, 8) or [{}])[-1]
        index = whole(field, 9, -1) if not optional else -1
        oneof, features = oneofs[index if index < len(oneofs) else -1]
        features = features.under(own := features_of(field, 8, 21))
        pair = self.schema.messages.get(type_name)
        mapped = pair is not None and pair.entry
        if kind == "message" and features.message_encoding == "DELIMITED" and not mapped and not entry:
            kind, wire = "group", SGROUP
        packable = repeated and wire in (VARINT, I64, I32)
        packed = packable and bool(whole(options, 2, features.repeated_field_encoding == "PACKED"))
        required = label == _REQUIRED or features.field_presence == "LEGACY_REQUIRED"
        implicit = features.field_presence == "IMPLICIT"
        presence = not repeated and (optional or bool(oneof) or kind in ("message", "group") or not implicit)
        word = type_name.removeprefix(f"{self.package}.") if type_name else kind
        if pair is not None and mapped:
            key, value = (pair.fields[part].declared.split()[0] for part in (1, 2))
            word, before = f"map<{key}, {value}>", ""
        elif repeated:
            before = "repeated "
        elif not oneof and (optional or self.syntax not in ("proto3", "editions")):
            before = "required " if required else "optional "
        else:
            before = ""
        said = f"{before}{word} {name} = {number}"
        notes = [f"packed = {'true' if packed else 'false'}"] if 2 in options else []
        notes += [f"default = {text(field, 7)}"] if 7 in field else []
        notes += ["deprecated = true"] if whole(options, 3) else []
        notes += [f"features.{feature} = {value}" for feature, value in own.items()]
        said += f" [{', '.join(notes)}];" if notes else ";"
        default = "" if presence else "[]" if repeated else text(field, 7) or _DEFAULTS.get(kind, "0")
        return FieldType(
            name,
            number,
            kind,
            wire,
            repeated,
            required,
            packed,
            type_name,
            oneof,
            presence,
            default,
            said,
            comment,
            kind == "string" and features.utf8_validation == "VERIFY",
        )

    def enum(self, enum: Parts, scope: str, features: Features) -> None:
        names: dict[int, str] = {}
        for value in inner(enum, 2):
            number = whole(value, 2)
            names.setdefault(number - 2**64 if number >= 2**63 else number, text(value, 1))
        name = f"{scope}{text(enum, 1)}"
        self.schema.enums[name] = EnumType(name, names, features.under(features_of(enum, 3, 7)).enum_type == "CLOSED")

    def method(self, method: Parts, service: str) -> None:
        name, asks, answers = text(method, 1), text(method, 2).lstrip("."), text(method, 3).lstrip(".")
        many = bool(whole(method, 5)), bool(whole(method, 6))
        words = [
            ("stream " if stream else "") + kind.removeprefix(f"{self.package}.")
            for kind, stream in zip((asks, answers), many, strict=True)
        ]
        path = f"/{service}/{name}"
        self.schema.methods[path] = Method(path, asks, answers, *many, f"rpc {name}({words[0]}) returns ({words[1]});")


_DEFAULTS = {"string": '""', "bytes": '""', "bool": "false"}


def comments_of(data: bytes) -> dict[tuple[int, ...], str]:
    """The comments before each declaration of a FileDescriptorProto, by path (SourceCodeInfo)."""
    return _comments(parts(data))


def _comments(file: Parts) -> dict[tuple[int, ...], str]:
    found = {}
    for info in inner(file, 9):
        for location in inner(info, 1):
            if 3 in location:
                path = tuple(number for packed in location.get(1, []) for number in _packed(packed))
                found[path] = " ".join(text(location, 3).split())
    return found


def _packed(body: Held) -> list[int]:
    if isinstance(body, int):
        return [body]
    numbers, at = [], 0
    while at < len(body):
        try:
            number, at = varint(body, at, len(body))
        except Broken:
            break
        numbers.append(number)
    return numbers
