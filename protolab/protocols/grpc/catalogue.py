"""Every rule that a gRPC connection can be seen to break: of HTTP/2 and HPACK, of gRPC, and of protobuf."""

from __future__ import annotations

from protolab.findings import Rule
from protolab.protocols.grpc import grpc_rules, rules
from protolab.wire import protobuf_rules

RULES: dict[str, Rule] = {**rules.RULES, **grpc_rules.RULES, **protobuf_rules.RULES}
