"""What gRPC's own services and google.rpc declare, from their packages: `python -m tests.protocols.grpc.known` writes it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from google.protobuf import any_pb2, descriptor_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

PATH = Path(str(files("protolab.protocols.grpc"))) / "known.binpb"


def descriptors() -> bytes:
    """A FileDescriptorSet with them; reflection also under its newer name, with which it has the same messages."""
    found = descriptor_pb2.FileDescriptorSet()
    for module in (any_pb2, duration_pb2, status_pb2, error_details_pb2, health_pb2, reflection_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    newer = found.file.add()
    reflection_pb2.DESCRIPTOR.CopyToProto(newer)
    newer.name, newer.package = "grpc/reflection/v1/reflection.proto", "grpc.reflection.v1"
    for message in newer.message_type:
        for field in message.field:
            field.type_name = field.type_name.replace(".v1alpha.", ".v1.")
    for method in newer.service[0].method:
        method.input_type = method.input_type.replace(".v1alpha.", ".v1.")
        method.output_type = method.output_type.replace(".v1alpha.", ".v1.")
    return found.SerializeToString(deterministic=True)


if __name__ == "__main__":
    PATH.write_bytes(descriptors())
