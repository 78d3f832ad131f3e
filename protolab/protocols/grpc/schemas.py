"""The .proto files that messages are read with: ours, those that gRPC itself has, and whatever you add."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from protolab.protocols.grpc.protos import schema
from protolab.wire.protobuf_schema import Method, Schema

MOST = 100  # schemas that are kept; of more, the one added first is forgotten
_added: list[Schema] = []


@cache
def known() -> Schema:
    """Health, reflection, and google.rpc.Status with its details, as their own packages declare them."""
    return Schema.of((files(__package__) / "known.binpb").read_bytes())


def decode_with(descriptors: bytes) -> Schema:
    """Read messages with the .proto files of a FileDescriptorSet from now on, before all others; what it declares.

    `protoc --include_imports --descriptor_set_out=FILE` writes one. Without a method's .proto file its messages are guessed.
    """
    found = Schema.of(descriptors)
    _added.insert(0, found)
    del _added[MOST:]
    _methods.cache_clear()
    return found


def forget(schema: Schema) -> None:
    """Read no more messages with a schema that `decode_with` gave."""
    _added[:] = [each for each in _added if each is not schema]
    _methods.cache_clear()


@cache
def _methods() -> dict[bytes, tuple[Schema, Method]]:
    """Every method by its path; what was added last comes first."""
    return {
        path.encode(): (each, method)
        for each in (known(), schema(), *reversed(_added))
        for path, method in each.methods.items()
    }


def declared(path: bytes) -> Method | None:
    """The method that is called under a :path, where a .proto file declares it."""
    found = _methods().get(path)
    return found[1] if found else None


def messages_of(method: Method) -> Schema:
    """The schema that a method's message types are in."""
    found = _methods().get(method.path.encode())
    return found[0] if found else known()
