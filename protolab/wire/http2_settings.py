"""The settings of HTTP/2 by number: names, defaults, what a value may be and what it means (RFC 9113 section 6.5.2)."""

from __future__ import annotations

from typing import NamedTuple

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 2, 3, 4
MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES = 5, 6, 8, 9
TRUE_BINARY_METADATA = 0xFE03


class Setting(NamedTuple):
    """What is known of a setting: `default` is None for "no limit"; a value outside [least, most] is an error."""

    name: str
    default: int | None
    least: int
    most: int
    says: str
    clause: str = "RFC 9113 section 6.5.2"
    reaction: str = "PROTOCOL_ERROR"


_ANY = 2**32 - 1
SETTINGS = {
    HEADER_TABLE_SIZE: Setting("HEADER_TABLE_SIZE", 4096, 0, _ANY, "bytes of the header table that the peer may use"),
    ENABLE_PUSH: Setting("ENABLE_PUSH", 1, 0, 1, "whether the peer may promise streams"),
    MAX_CONCURRENT_STREAMS: Setting("MAX_CONCURRENT_STREAMS", None, 0, _ANY, "streams that the peer may have open"),
    INITIAL_WINDOW_SIZE: Setting(
        "INITIAL_WINDOW_SIZE", 65535, 0, 2**31 - 1, "bytes that the peer may send on a new stream",
        reaction="FLOW_CONTROL_ERROR",
    ),
    MAX_FRAME_SIZE: Setting("MAX_FRAME_SIZE", 16384, 16384, 2**24 - 1, "bytes of the largest payload it takes"),
    MAX_HEADER_LIST_SIZE: Setting("MAX_HEADER_LIST_SIZE", None, 0, _ANY, "bytes of headers that it takes, uncompressed"),
    ENABLE_CONNECT_PROTOCOL: Setting(
        "ENABLE_CONNECT_PROTOCOL", 0, 0, 1, "whether :protocol may be used, for WebSocket", "RFC 8441 section 3"
    ),
    NO_RFC7540_PRIORITIES: Setting(
        "NO_RFC7540_PRIORITIES", 0, 0, 1, "whether RFC 7540 priorities are left aside", "RFC 9218 section 2.1"
    ),
    TRUE_BINARY_METADATA: Setting(
        "GRPC_ALLOW_TRUE_BINARY_METADATA", 0, 0, 1, "whether -bin metadata may come as a 0 byte and raw bytes",
        "gRPC proposal G1",
    ),
    0xFE04: Setting("GRPC_PREFERRED_RECEIVE_MESSAGE_SIZE", None, 0, _ANY, "bytes of a message that it likes best", "gRPC core"),
    0xFE05: Setting("GRPC_ALLOW_SECURITY_FRAME", 0, 0, 1, "whether gRPC's security frames may come", "gRPC core"),
}  # fmt: skip


def name(key: int) -> str:
    """A setting's name.

    >>> name(4), name(0xAAAA)
    ('INITIAL_WINDOW_SIZE', 'unknown setting 0xaaaa')
    """
    return SETTINGS[key].name if key in SETTINGS else f"unknown setting 0x{key:04x}"
