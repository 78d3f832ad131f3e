"""What a message comes to, as a parser would hand it over: a dictionary of plain values, by the names of its .proto file."""

from __future__ import annotations

from protolab.fields import Field
from protolab.wire.protobuf import DEPTH
from protolab.wire.protobuf_schema import FieldType, Schema
from protolab.wire.protobuf_typed import TypedTree


def values(data: bytes, schema: Schema, type: str, depth: int = 0) -> dict[str, object]:
    """The fields that are set, by name; messages are dictionaries, repeated fields lists, maps dictionaries.

    The rules of merging hold: the last of a singular scalar wins, messages that come again are merged (which is the same
    as joining their bytes), the last of a oneof clears the others. Unknown fields are left out, as is what lies deeper
    than parsers go, and strings that are not UTF-8 stay bytes.
    """
    tree = TypedTree(data, schema, schema.messages[type])
    found: dict[str, object] = {}
    bodies: dict[str, tuple[FieldType, bytearray]] = {}  # singular messages, joined
    set_in: dict[str, str] = {}  # oneof: which of its fields is set
    for record in tree.scan(0, len(data)).records:
        field = tree.declared(record)
        if field is None:
            continue
        name, body = field.name, data[record.value : record.stop]
        composed = field.kind in ("message", "group")
        if not composed and record.wire == field.wire and not tree.names(field, record):
            continue  # of a closed enum
        if field.oneof and set_in.get(field.oneof, name) != name:
            found.pop(set_in[field.oneof], None)
            bodies.pop(set_in[field.oneof], None)
        set_in[field.oneof] = name
        if composed:
            if not field.repeated:
                bodies.setdefault(name, (field, bytearray()))[1].extend(body)
            elif depth < DEPTH and field.type in schema.messages:
                inner = values(body, schema, field.type, depth + 1)
                if (entry := schema.messages[field.type]).entry:
                    if TypedTree(body, schema, entry).understood():
                        _put(found.setdefault(name, {}), inner, schema, field.type, tree)
                else:
                    _list(found, name).append(inner)
        elif record.wire != field.wire:  # packed
            packed = tree.values(field, record.value, record.stop)
            _list(found, name).extend(value for value in packed if tree.named(field, value))
        elif field.repeated:
            _list(found, name).append(tree.value(field, record.value, record.stop)[0])
        else:
            found[name] = tree.value(field, record.value, record.stop)[0]
    for name, (field, joined) in bodies.items():
        if depth < DEPTH and field.type in schema.messages:
            found[name] = values(bytes(joined), schema, field.type, depth + 1)
    return found


def _list(found: dict[str, object], name: str) -> list[object]:
    held = found.setdefault(name, [])
    assert isinstance(held, list)
    return held


def _put(map: object, entry: dict[str, object], schema: Schema, type: str, tree: TypedTree) -> None:
    """Put a map's entry in; a key or value that is not there has its default."""
    assert isinstance(map, dict)
    key, value = (schema.messages[type].fields[number] for number in (1, 2))
    empty: object = {} if value.kind == "message" else tree.default(value)
    map[entry.get(key.name, tree.default(key))] = entry.get(value.name, empty)


def brief(message: Field, most: int = 60) -> str:
    """The records of an explained message in one line, such as `id: '1', user: {...}`, in no more than `most` characters."""
    said = ""
    for child in message.children:
        held = "{...}" if child.value is None else repr(child.value)
        said += f"{', ' if said else ''}{child.name}{'' if child.name == 'unparsed' else f': {held}'}"
        if len(said) > most:
            return said[: most - 3] + "..."
    return said
