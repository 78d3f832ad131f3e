"""HPACK: the examples of RFC 7541 byte by byte, the `hpack` library as oracle, tables with holes, and any bytes at all."""

from __future__ import annotations

from copy import copy

import hpack as library
import pytest
from hpack.exceptions import HPACKDecodingError
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protolab.fields import untiled
from protolab.wire import hpack, hpack_encoder, hpack_fields, huffman
from protolab.wire.hpack import INCREMENTAL, INDEXED, NEVER, PLAIN, UPDATE
from protolab.wire.hpack_decoder import Decoder
from protolab.wire.hpack_encoder import Encoder, indexed, literal, size_update
from protolab.wire.hpack_primitives import Integer, integer
from protolab.wire.hpack_table import EMPTY, MIDWAY, MOST_ENTRIES, STATIC, Table

Headers = list[tuple[bytes, bytes]]


def test_the_tables_of_both_appendices_are_those_of_the_library() -> None:
    assert [entry[:2] for entry in STATIC] == list(HeaderTable.STATIC_TABLE)
    assert tuple(zip(REQUEST_CODES, REQUEST_CODES_LENGTH, strict=True)) == huffman.CODES


@pytest.mark.parametrize(
    ("data", "bits", "value", "size"),
    [("0a", 5, 10, 1), ("1f9a0a", 5, 1337, 3), ("2a", 8, 42, 1), ("ffa903", 6, 488, 3)],
)
def test_integers_of_appendix_c1(data: str, bits: int, value: int, size: int) -> None:
    assert integer(bytes.fromhex(data), 0, bits) == Integer(value, size)
    pattern = bytes.fromhex(data)[0] & ~((1 << bits) - 1)
    assert hpack_encoder.integer(value, bits, pattern).hex() == data


# Appendix C.2: one representation each, and the table after it.
SINGLE = [
    ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", INCREMENTAL, b"custom-key", b"custom-header", 55),
    ("040c2f73616d706c652f70617468", PLAIN, b":path", b"/sample/path", 0),
    ("100870617373776f726406736563726574", NEVER, b"password", b"secret", 0),
    ("82", INDEXED, b":method", b"GET", 0),
]


@pytest.mark.parametrize(("data", "kind", "name", "value", "size"), SINGLE, ids=["C.2.1", "C.2.2", "C.2.3", "C.2.4"])
def test_representations_of_appendix_c2(data: str, kind: int, name: bytes, value: bytes, size: int) -> None:
    block = hpack.read(bytes.fromhex(data))
    (line,) = block.lines
    assert (line.kind, line.name, line.value, line.start, line.end) == (kind, name, value, 0, len(data) // 2)
    assert block.after.size == size and not block.problems
    spelled: bytes | int = 4 if name == b":path" else name
    assert (indexed(2) if kind == INDEXED else literal(spelled, value, kind, coded=False)).hex() == data


# Appendix C.3 to C.6: blocks of one connection, each with its headers and the table after it, newest first.
_REQUESTS: list[tuple[Headers, list[str], int]] = [
    (
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")],
        [":authority: www.example.com"],
        57,
    ),
    (
        [
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":path", b"/"),
            (b":authority", b"www.example.com"),
            (b"cache-control", b"no-cache"),
        ],
        ["cache-control: no-cache", ":authority: www.example.com"],
        110,
    ),
    (
        [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/index.html"),
            (b":authority", b"www.example.com"),
            (b"custom-key", b"custom-value"),
        ],
        ["custom-key: custom-value", "cache-control: no-cache", ":authority: www.example.com"],
        164,
    ),
]
_DATE, _LATER = b"Mon, 21 Oct 2013 20:13:21 GMT", b"Mon, 21 Oct 2013 20:13:22 GMT"
_WHERE, _COOKIE = b"https://www.example.com", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
_RESPONSES: list[tuple[Headers, list[str], int]] = [
    (
        [(b":status", b"302"), (b"cache-control", b"private"), (b"date", _DATE), (b"location", _WHERE)],
        [f"location: {_WHERE.decode()}", f"date: {_DATE.decode()}", "cache-control: private", ":status: 302"],
        222,
    ),
    (
        [(b":status", b"307"), (b"cache-control", b"private"), (b"date", _DATE), (b"location", _WHERE)],
        [":status: 307", f"location: {_WHERE.decode()}", f"date: {_DATE.decode()}", "cache-control: private"],
        222,
    ),
    (
        [
            (b":status", b"200"),
            (b"cache-control", b"private"),
            (b"date", _LATER),
            (b"location", _WHERE),
            (b"content-encoding", b"gzip"),
            (b"set-cookie", _COOKIE),
        ],
        [f"set-cookie: {_COOKIE.decode()}", "content-encoding: gzip", f"date: {_LATER.decode()}"],
        215,
    ),
]
EXAMPLES = {
    "C.3": (
        4096,
        _REQUESTS,
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
    ),
    "C.4": (
        4096,
        _REQUESTS,
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ),
    "C.5": (
        256,
        _RESPONSES,
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f"
            "7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b42"
            "5a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        ],
    ),
    "C.6": (
        256,
        _RESPONSES,
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f36"
            "72c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_appendix_c(name: str) -> None:
    limit, expected, blocks = EXAMPLES[name]
    table = Table(limit=limit)
    encoder = Encoder(coded=name in ("C.4", "C.6"))
    encoder.table = table
    for (headers, entries, size), said in zip(expected, blocks, strict=True):
        data = bytes.fromhex(said)
        block = hpack.read(data, table, ceiling=limit)
        table = block.after
        assert block.headers == headers and not block.problems
        assert [f"{hpack_fields.shown(e.name)}: {hpack_fields.shown(e.value)}" for e in table.entries] == entries
        assert (table.size, block.end) == (size, len(data))
        assert encoder.encode(headers) == data
        assert untiled(hpack_fields.tree(data, block)) is None


def test_an_index_of_several_bytes_is_laid_out_to_the_bit() -> None:
    table = Table(limit=8192)
    for number in range(70):
        table = hpack.read(literal(b"x", b"%d" % number), table, ceiling=8192).after
    data = indexed(62 + 69)
    (field,) = hpack_fields.fields(data, hpack.read(data, table, ceiling=8192))
    assert (field.name, field.value, data.hex()) == ("x", "0", "ff04")
    mark, index = field.children
    assert (mark.span, index.span, index.value) == ((0, 1), (1, 16), 131)
    assert [(part.name, part.span, part.value) for part in index.children] == [
        ("prefix", (1, 8), 127),
        ("more", (8, 9), False),
        ("bits", (9, 16), 4),
    ]


def test_a_huffman_coded_value_shows_its_text_as_derived() -> None:
    data = bytes.fromhex("418cf1e3c2e5f23a6ba0ab90f4ff")
    (field,) = hpack_fields.fields(data, hpack.read(data))
    value = field.find("value")
    assert [child.name for child in value.children] == ["H", "length", "Huffman data"]
    (derived,) = value.find("Huffman data").derived
    assert derived.data == b"www.example.com" and derived.how == "Huffman code: 12 bytes say 15"
    assert field.note.startswith("literal, added to the table") and field.note.endswith(
        f"saves {1 + 11 + 16 - 14} bytes"
    )


# What is wrong, with the exact bytes where it stands.
PROBLEMS: list[tuple[str, bytes, str, int, int]] = [
    ("index 0", b"\x82\x80", hpack.INDEX_ZERO, 1, 2),
    ("index beyond both tables", b"\x82" + indexed(62), hpack.INDEX_BEYOND, 1, 2),
    ("name index beyond both tables", literal(99, b"v", PLAIN), hpack.INDEX_BEYOND, 0, 2),
    ("integer too long", b"\x82\xff\x80\x80\x80\x80\x80\x80\x00\x84", hpack.INTEGER_LONG, 1, 9),
    ("integer too large", b"\xff\xff\xff\xff\xff\x7f", hpack.INTEGER_LONG, 0, 6),
    ("integer cut off", b"\x82\xff", hpack.CUT, 1, 2),
    ("string longer than the block", b"\x82\x40\x01x\x05abc", hpack.CUT, 1, 8),
    ("string length too large", b"\x40\x7f\xff\xff\xff\xff\xff\x0f", hpack.INTEGER_LONG, 1, 8),
    ("EOS in a string", b"\x00\x01x\x84\xff\xff\xff\xff", hpack.HUFFMAN, 4, 8),
    ("eight bits of padding", b"\x00\x01x\x82\x1f\xff\x84", hpack.HUFFMAN, 4, 6),
    ("padding that is not ones", b"\x00\x01x\x81\x18\x84", hpack.HUFFMAN, 4, 5),
    ("update after a header", b"\x82\x20", hpack.UPDATE_LATE, 1, 2),
    ("update over the setting", size_update(4097) + b"\x82", hpack.UPDATE_LARGE, 0, 3),
]


@pytest.mark.parametrize(
    ("data", "what", "start", "end"), [case[1:] for case in PROBLEMS], ids=[c[0] for c in PROBLEMS]
)
def test_problems_stand_at_their_bytes(data: bytes, what: str, start: int, end: int) -> None:
    block = hpack.read(data)
    assert [(problem.what, problem.start, problem.end) for problem in block.problems] == [(what, start, end)]
    if b"\x80\x80\x80" not in data:  # the library takes any number of leading zeros, the RFC lets us bound them
        with pytest.raises(HPACKDecodingError):
            library.Decoder().decode(data)
    tree = hpack_fields.tree(data, block)
    assert untiled(tree) is None
    if data.endswith(b"\x84"):  # reading went on past the problem
        assert block.headers[-1] == (b":path", b"/")


def test_an_update_is_owed_after_the_limit_was_lowered() -> None:
    table = hpack.read(literal(b"a", b"b")).after
    assert [p.what for p in hpack.read(b"\x82", table, 100, owed=100).problems] == [hpack.UPDATE_MISSING]
    assert not hpack.read(size_update(100) + b"\x82", table, 100, owed=100).problems
    # Lowered to 0 and raised again: the encoder says both (RFC 7541 section 4.2).
    assert [p.what for p in hpack.read(size_update(50), table, 100, owed=0).problems] == [hpack.UPDATE_MISSING]
    both = hpack.read(size_update(0) + size_update(50), table, 100, owed=0)
    assert not both.problems and both.after.entries == () and both.after.limit == 50
    assert [line.kind for line in both.lines] == [UPDATE, UPDATE] and len(both.lines[0].evicted) == 1


def test_an_entry_larger_than_the_table_empties_it() -> None:
    table = hpack.read(literal(b"a", b"b"), Table(limit=100)).after
    block = hpack.read(literal(b"x" * 40, b"y" * 40, coded=False), table)
    assert block.after.entries == () and block.after.size == 0
    assert [entry.name for entry in block.lines[0].evicted] == [b"a"]


def test_a_recording_that_began_late_has_holes_and_everything_after_is_right() -> None:
    early = hpack.read(b"".join(literal(b"x-%d" % n, b"%d" % n) for n in range(3))).after
    said = literal(b"new", b"1") + indexed(62) + indexed(63) + literal(64, b"other") + indexed(62) + indexed(63)
    whole, late = hpack.read(said, early), hpack.read(said, MIDWAY)
    assert whole.headers == [
        (b"new", b"1"),
        (b"new", b"1"),
        (b"x-2", b"2"),
        (b"x-1", b"other"),
        (b"x-1", b"other"),
        (b"new", b"1"),
    ]
    assert late.headers == [
        (b"new", b"1"),
        (b"new", b"1"),
        (None, None),
        (None, b"other"),
        (None, b"other"),
        (b"new", b"1"),
    ]
    assert late.lines[2].why == late.lines[3].why == "inserted before the capture began" and not late.problems
    # After an update to 0 everything is known again, and an index beyond is an error again.
    later = hpack.read(size_update(0) + size_update(4096) + literal(b"a", b"b") + indexed(63), late.after)
    assert [problem.what for problem in later.problems] == [hpack.INDEX_BEYOND]


def test_what_is_kept_is_bounded() -> None:
    block = hpack.read(literal(b"", b"") * (MOST_ENTRIES + 5), Table(limit=2**20), ceiling=2**20)
    assert len(block.after.entries) == MOST_ENTRIES and block.after.lost
    many = hpack.read(b"\x82" * (hpack.MOST_LINES + 1))
    assert len(many.lines) == hpack.MOST_LINES and many.after.lost
    tree = hpack_fields.tree(b"\x82" * (hpack.MOST_LINES + 1), many)
    assert tree.children[-1].name == "unparsed" and untiled(tree) is None


names = st.sampled_from([entry.name or b"" for entry in STATIC[::3]]) | st.binary(min_size=1, max_size=12)
values = st.sampled_from([b"POST", b"/", b"identity"]) | st.binary(max_size=40)
lists = st.lists(st.tuples(names, values), max_size=8)


@given(st.lists(st.tuples(lists, st.booleans(), st.none() | st.integers(0, 4096)), max_size=8))
@settings(deadline=None)
def test_what_the_library_encodes_is_read_and_the_tables_agree(blocks: list[tuple[Headers, bool, int | None]]) -> None:
    encoder, table = library.Encoder(), EMPTY
    for headers, coded, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        data = encoder.encode(headers, huffman=coded)
        block = hpack.read(data, table)
        table = block.after
        assert block.headers == headers and not block.problems
        assert [entry[:2] for entry in table.entries] == list(encoder.header_table.dynamic_entries)
        assert untiled(hpack_fields.tree(data, block)) is None


@given(
    st.lists(
        st.tuples(lists, st.sampled_from([INCREMENTAL, PLAIN, NEVER]), st.none() | st.integers(0, 4096)), max_size=8
    )
)
@settings(deadline=None)
def test_what_we_encode_is_read_by_the_library(blocks: list[tuple[Headers, int, int | None]]) -> None:
    encoder, decoder = Encoder(), library.Decoder()
    for headers, kind, size in blocks:
        if size is not None:
            encoder.resize(size)
        assert [tuple(found) for found in decoder.decode(encoder.encode(headers, kind), raw=True)] == headers
        assert [entry[:2] for entry in encoder.table.entries] == list(decoder.header_table.dynamic_entries)


_SAID = ["828684", "be", "bebf", "4001610162", "4001630164", "20", "be20", "3fe11f", "be7f", "c0", "000161827fff", "f0"]


@given(
    st.lists(
        st.tuples(st.sampled_from(_SAID), st.sampled_from([None, 64, 4096]), st.sampled_from([None, None, 0, 64])),
        min_size=4,
        max_size=40,
    ),
    st.integers(0, 39),
)
@example([("3fe11f", None, None), ("3fe11f", 64, None)], 39)  # the same update, and not the same limit
@settings(deadline=None)
def test_a_decoder_remembers_only_what_would_be_read_again(
    said: list[tuple[str, int | None, int | None]], copied: int
) -> None:
    decoder, table = Decoder(), EMPTY
    for number, (data, ceiling, owed) in enumerate(said):
        if number == copied:
            before, decoder = decoder, copy(decoder)
            before.read(bytes.fromhex("4001780179"))  # the copy goes its own way
        block = hpack.read(bytes.fromhex(data), table, ceiling, owed, number)
        assert decoder.read(bytes.fromhex(data), ceiling, owed, number) == block
        assert decoder.table == block.after
        table = block.after


@given(st.binary(max_size=60), st.sampled_from([EMPTY, MIDWAY, Table(limit=64)]))
@settings(deadline=None)
def test_any_bytes_are_read_tile_and_agree_with_the_library(data: bytes, table: Table) -> None:
    block = hpack.read(data, table)
    tree = hpack_fields.tree(data, block)
    assert untiled(tree) is None
    assert all(0 <= problem.start < problem.end <= len(data) for problem in block.problems)
    if table is EMPTY:
        try:
            expected = library.Decoder().decode(data, raw=True)
        except HPACKDecodingError:
            assert block.problems
        else:
            assert block.headers == [tuple(found) for found in expected] or block.problems


@given(st.binary(max_size=64))
def test_huffman_says_what_the_library_says(data: bytes) -> None:
    from hpack.huffman_table import decode_huffman

    text, wrong = huffman.decode(data)
    try:
        expected = decode_huffman(data)
    except HPACKDecodingError:
        assert wrong
    else:
        assert (text, wrong) == (expected, "")
    assert huffman.decode(huffman.encode(data)) == (data, "")
    symbols = huffman.symbols(huffman.encode(data))
    assert bytes(symbol for symbol, _, _ in symbols) == data
    assert all(end - start == huffman.LENGTHS[symbol] for symbol, start, end in symbols)
