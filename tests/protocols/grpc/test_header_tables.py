"""Both header tables as they stand at every unit: what was added, referred to and evicted, and what that saved."""

from __future__ import annotations

import pytest

from protolab.protocols.grpc.header_tables import HeaderTable, tables
from protolab.protocols.grpc.http2_conversation import Http2Conversation
from protolab.wire.hpack import PLAIN
from protolab.wire.hpack_encoder import Encoder, indexed, literal, size_update
from tests.decoding import Said
from tests.protocols.grpc.talk import BEGUN, START, TRAILERS, C, S, decoded, request, response, start

REQUEST = indexed(3) + indexed(6) + indexed(4)


def at(number: int, *said: list[Said], midway: bool = False) -> tuple[HeaderTable, HeaderTable]:
    conversation = decoded(*said, midway=midway)
    assert isinstance(conversation, Http2Conversation)
    return tables(conversation, number)


def rows(table: HeaderTable) -> list[tuple[int | None, object, object, int | None, str]]:
    return [(row.index, row.name, row.value, row.unit, row.change) for row in table.rows]


def test_the_tables_tell_what_each_unit_did() -> None:
    first = REQUEST + literal(b"x-a", b"1") + literal(b"x-b", b"2")
    again = REQUEST + indexed(63) + literal(62, b"3")  # refers to x-a whole, and to x-b by its name
    said = [*START, *request(1, block=first), *request(3, block=again), *response(1)]
    client, server = at(BEGUN, said)
    assert (client.side, server.side, client.size, client.limit, client.lost) == (C, S, 2 * (3 + 1 + 32), 4096, "")
    assert rows(client) == [(62, "x-b", "2", BEGUN, "added"), (63, "x-a", "1", BEGUN, "added")] and rows(server) == []
    assert (
        client.saved == 14 + 14 + 9 - 3
    )  # the three that stand in the static table, spelled out, less a byte for each
    client, server = at(BEGUN + 1, said)
    assert rows(client) == [
        (62, "x-b", "3", BEGUN + 1, "added"),
        (63, "x-b", "2", BEGUN, "referred to"),
        (64, "x-a", "1", BEGUN, "referred to"),
    ]
    client, server = at(BEGUN + 2, said)
    assert [row[4] for row in rows(client)] == ["", "", ""] and client.saved == 0 and server.saved > 0
    assert at(-1, said) == at(BEGUN + 2, said)
    with pytest.raises(IndexError, match="no unit 99: this conversation has 8"):
        at(99, said)


def test_evicted_entries_are_told_once() -> None:
    encoder = Encoder()
    small = [*start({}, {1: 80})]
    encoder.resize(80)
    blocks = [
        encoder.encode([(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b"n", b"%d" % n)])
        for n in range(3)
    ]
    said = [*small, *(item for n, block in enumerate(blocks) for item in request(2 * n + 1, block=block))]
    client, _ = at(BEGUN + 2, said)
    assert rows(client) == [
        (62, "n", "2", BEGUN + 2, "added"),
        (63, "n", "1", BEGUN + 1, "referred to"),
        (None, "n", "0", BEGUN, "evicted"),
    ]
    assert (client.size, client.limit) == (68, 80)
    gone = [*said, *request(7, block=size_update(0) + REQUEST)]
    client, _ = at(BEGUN + 3, gone)
    assert [row[4] for row in rows(client)] == ["evicted", "evicted"] and client.size == 0


def test_midway_the_table_says_what_it_does_not_know() -> None:
    client, server = at(
        0, request(block=REQUEST + indexed(70) + literal(66, b"v") + literal(b"raw", bytes(2))), midway=True
    )
    assert (client.limit, client.lost) == (None, "inserted before the capture began")
    assert rows(client) == [(62, "raw", bytes(2), 0, "added"), (63, None, "v", 0, "added")]
    assert server.rows == ()


def test_what_never_joins_the_table_leaves_it_alone() -> None:
    client, server = at(
        -1, START, request(), response(), response(end=True, block=TRAILERS + literal(b"x", b"y", PLAIN))
    )
    assert client.rows == server.rows == ()
