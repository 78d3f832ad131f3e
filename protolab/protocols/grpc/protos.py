"""The .proto files of this package at run time: what was compiled into generated/descriptors.binpb."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from protolab.wire import protobuf_text
from protolab.wire.protobuf_schema import Schema


@cache
def schema() -> Schema:
    """What user_service.proto and lessons.proto declare: message types, and methods by the path they are called under."""
    return Schema.of((files(__package__) / "generated" / "descriptors.binpb").read_bytes())


def proto(file: str = "user_service.proto") -> str:
    """The text of a .proto file: "user_service.proto" or "lessons.proto"."""
    return protobuf_text.proto(schema(), file)
