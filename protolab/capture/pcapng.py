"""Captures as pcapng, so that Wireshark opens them: made-up IPv4 and TCP around the bytes that were said.

The bytes, their times and the ends are those of the recording. Made up are the handshake (none for a connection that
was recorded midway), an acknowledgement for each packet, sequence numbers, and whatever of the addresses is not IPv4
with a port. A segment too large for one IP packet becomes several. Bytes that were dropped leave a gap in the
sequence numbers, so Wireshark says what is missing. Times count from the epoch, since a capture knows no date.

Layout: draft-ietf-opsawg-pcapng (blocks), RFC 791 section 3.1 (IP header), RFC 9293 section 3.1 (TCP header, checksum).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from heapq import merge
from ipaddress import AddressValueError, IPv4Address
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from protolab.capture.model import Capture, Connection, End
from protolab.fields import Side

MAGIC = b"\x0a\x0d\x0d\x0a"  # the type of the block that starts a file; the same read either way round
_RAW_IP = 101  # LINKTYPE_RAW: a packet starts with its IP header
_MOST_PAYLOAD = 65_000 - 40  # an IP packet of 65,000 bytes less the two headers
_WINDOW = 65_535
_MSS = struct.pack("!BBH", 2, 4, 65_495)  # the only TCP option: what the loopback interface of Linux says
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16


class Address(NamedTuple):
    """An IPv4 address and a port."""

    host: bytes
    port: int


Addresses = tuple[Address, Address]  # the client's, the server's


def write(capture: Capture, path: Path, first: tuple[int, int] | None = None) -> None:
    """Write the capture as pcapng; OSError if the file cannot be written. `first`: sequence numbers to begin with."""
    connections = list(capture.connections)
    streams = map(packets, connections, addresses(connections), repeat(first))
    with path.open("wb") as file:
        # Section header: byte order, version 1.0, length of the section not known.
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(4, b"protolab") + _option(0)
        file.write(_block(0x0A0D0D0A, section))
        # Interface: link type, no limit on a packet's length; if_tsresol 9 counts in nanoseconds.
        file.write(_block(1, struct.pack("<HHI", _RAW_IP, 0, 0) + _option(9, b"\x09") + _option(0)))
        for at, packet in merge(*streams, key=itemgetter(0)):
            length = len(packet)
            file.write(_block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, length, length) + _padded(packet)))


def addresses(connections: list[Connection]) -> Iterator[Addresses]:
    """The two addresses of each connection; made up where they are not known, or would make two connections one."""
    taken: set[frozenset[Address]] = set()
    spare = 49_152  # the first dynamic port (RFC 6335 section 6)
    for connection in connections:
        client, server = _address(connection.client), _address(connection.server)
        server = server._replace(port=server.port or 80)
        while not client.port or client == server or frozenset((client, server)) in taken:
            client, spare = client._replace(port=spare), spare + 1
        taken.add(frozenset((client, server)))
        yield client, server


def packets(connection: Connection, ends: Addresses, first: tuple[int, int] | None) -> Iterator[tuple[int, bytes]]:
    """The connection as IP packets in order, each with its time in nanoseconds."""
    number = connection.number
    # Made up, the same each time. Never 2**32 - 1: Wireshark takes an acknowledgement of number 0 for a repeated one.
    next_ = list(first or (zlib.crc32(f"{side} {number}".encode()) >> 1 for side in Side))
    at = 0

    def packet(side: Side, flags: int, data: bytes = b"", options: bytes = b"") -> tuple[int, bytes]:
        acknowledged = next_[side.other] if flags & _ACK else 0
        made = _packet(ends[side], ends[side.other], next_[side], acknowledged, flags, options, data)
        next_[side] = (next_[side] + len(data) + (flags & (_SYN | _FIN) > 0)) % 2**32  # SYN and FIN count as a byte
        return at, made

    at = _nanoseconds(connection.at)
    if not connection.midway:
        yield packet(Side.CLIENT, _SYN, options=_MSS)
        yield packet(Side.SERVER, _SYN | _ACK, options=_MSS)
        yield packet(Side.CLIENT, _ACK)
    for event in connection.events:
        at = max(at, _nanoseconds(event.at))
        side = event.side
        if isinstance(event, End):
            next_[side] = (next_[side] + connection.dropped[side]) % 2**32
            yield packet(side, (_FIN if event.how == "FIN" else _RST) | _ACK)
            if event.how == "FIN":
                yield packet(side.other, _ACK)
            continue
        end = event.offset + event.length
        for start in range(event.offset, end, _MOST_PAYLOAD):
            yield packet(side, _PSH | _ACK, connection.read(side, start, min(start + _MOST_PAYLOAD, end)))
            yield packet(side.other, _ACK)


def _packet(
    source: Address, target: Address, sequence: int, acknowledged: int, flags: int, options: bytes, data: bytes
) -> bytes:
    """An IPv4 packet with a TCP segment, both checksums right."""
    size = 20 + len(options)
    words = (source.port, target.port, sequence, acknowledged, size // 4 << 12 | flags, _WINDOW)
    segment = struct.pack("!HHIIHH", *words) + bytes(4) + options + data
    pseudo = source.host + target.host + struct.pack("!HH", 6, len(segment))
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    # Version 4, header of five words; do not fragment, so no identification (RFC 6864 section 4.1); time to live 64.
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, 6, 0) + source.host + target.host
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + segment


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): the complement of the ones' complement sum of the 16-bit words.

    That sum is the remainder by 2**16 - 1 of all the bytes as one number, because 2**16 leaves 1; only a
    remainder of zero is written 0xFFFF.

    >>> hex(checksum(bytes.fromhex("0001f203f4f5f6f7")))
    '0x220d'
    """
    number = int.from_bytes(data + bytes(len(data) % 2))
    return 0xFFFF - (number % 0xFFFF or 0xFFFF) if number else 0xFFFF


def _nanoseconds(seconds: float) -> int:
    return max(0, round(seconds * 1e9))


def _address(text: str) -> Address:
    """An address as text; 127.0.0.1 for a host, and 0 for a port, that it does not say."""
    host, _, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
    try:
        packed = IPv4Address(host).packed
    except AddressValueError:
        packed = IPv4Address("127.0.0.1").packed
    return Address(packed, number if number < 65_536 else 0)


def _padded(data: bytes) -> bytes:
    """Filled up to a multiple of four bytes, as everything in a block is."""
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes = b"") -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    """A block: its type, its length at both ends, and the body between."""
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
