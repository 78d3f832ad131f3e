"""Messages for the tests of protobuf's encoding: any bytes, bytes that are nearly a message, and messages."""

from __future__ import annotations

from hypothesis import strategies as st

from protolab.fields import Field, Side, untiled
from protolab.findings import Finding
from protolab.protocols.grpc.generated import lessons_pb2
from protolab.wire.protobuf import EGROUP, I32, I64, LEN, SGROUP, VARINT, write_tag, write_varint

numbers = st.one_of(st.integers(1, 40), st.integers(1, 2**29 - 1), st.sampled_from([0, 18999, 19000, 19999, 20000]))
varints = st.builds(write_varint, st.integers(0, 2**64 - 1), st.integers(0, 11))


def record(number: int, wire: int, value: bytes) -> bytes:
    return write_tag(number, wire) + (write_varint(len(value)) if wire == LEN else b"") + value


def _records(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    pieces = st.one_of(
        st.builds(record, numbers, st.just(VARINT), varints),
        st.builds(record, numbers, st.just(I64), st.binary(min_size=8, max_size=8)),
        st.builds(record, numbers, st.just(I32), st.binary(min_size=4, max_size=4)),
        st.builds(record, numbers, st.just(LEN), st.one_of(st.text(max_size=9).map(str.encode), inner)),
        st.builds(lambda n, body: write_tag(n, SGROUP) + body + write_tag(n, EGROUP), numbers, inner),
    )
    return st.lists(pieces, max_size=5).map(b"".join)


messages = st.recursive(st.binary(max_size=6), _records, max_leaves=12)


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A message of which a byte was changed, or the end is missing."""
    data = bytearray(draw(messages))
    if data:
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


anything = st.one_of(st.binary(max_size=60), messages, spoiled())


def _all_types() -> st.SearchStrategy[lessons_pb2.AllTypes]:
    def ints(bits: int, signed: bool = True) -> st.SearchStrategy[int]:
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        return st.one_of(st.integers(low, high), st.sampled_from([low, high, 0, 1]))

    def fields(inner: st.SearchStrategy[lessons_pb2.AllTypes | None]) -> st.SearchStrategy[lessons_pb2.AllTypes]:
        text, colors = st.text(max_size=6), st.sampled_from([-1, 0, 1, 2, 3, 77])
        doubles = st.floats(allow_nan=False)
        some = {
            "a_double": doubles, "a_float": st.floats(width=32, allow_nan=False), "an_int32": ints(32), "an_int64": ints(64),
            "a_uint32": ints(32, False), "a_uint64": ints(64, False), "a_sint32": ints(32), "a_sint64": ints(64),
            "a_fixed32": ints(32, False), "a_fixed64": ints(64, False), "a_sfixed32": ints(32), "a_sfixed64": ints(64),
            "a_bool": st.booleans(), "a_string": text, "some_bytes": st.binary(max_size=6), "a_color": colors,
            "a_message": inner, "packed": st.lists(ints(32), max_size=4), "unpacked": st.lists(ints(32), max_size=3),
            "strings": st.lists(text, max_size=3), "a_map": st.dictionaries(text, ints(32), max_size=3), "maybe": ints(32),
            "doubles": st.lists(doubles, max_size=3), "zigzags": st.lists(ints(64), max_size=3),
            "colors": st.lists(colors, max_size=3), "text": text, "number": ints(32),
        }  # fmt: skip
        return st.fixed_dictionaries({}, optional=some).map(lambda chosen: lessons_pb2.AllTypes(**chosen))

    return st.recursive(fields(st.none()), fields, max_leaves=3)


all_types = _all_types()


def sound(field: Field, data: bytes, findings: tuple = ()) -> None:
    """The laws: every byte explained once, findings inside the bytes."""
    assert (field.start, field.end) == (0, len(data))
    assert untiled(field) is None
    bits = "".join(f"{byte:08b}" for byte in data)
    assert "".join(bits[slice(*leaf.span)] for leaf in field.leaves()) == bits
    for finding in findings:
        assert 0 <= finding.start < finding.end <= len(data), finding
        assert finding.side in Side


def zero_in_a_group(field: Field, finding: Finding) -> bool:
    """upb passes over a group that it does not know without a look at its numbers."""
    inside = [child for child in field.children if child.start < finding.start and finding.end < child.end]
    return finding.rule.id == "protobuf-field-zero" and any("SGROUP" in child.note for child in inside)
