"""What lesson 14 asks. Server "users": connection 0 is a real client with three calls at once; the last one is a client that
opens a stream with a number that is not its own.
"""

from protolab import show
from protolab.capture import Capture
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, Missing
from protolab.wire import hpack, http2
from protolab.wire.http2 import Frame


def said(seen, number, *types):
    """The client's frames of those types, or all, on a connection."""
    units = [unit for unit in seen.units("users", number, side=Side.CLIENT, kind="frame") if unit.place.complete]
    return [unit for unit in units if not types or http2.read_head(unit.data).type in types]


def requests(seen):
    """The three HEADERS frames of the real client."""
    found = said(seen, 0, http2.HEADERS)
    if len(found) < 3:
        raise Missing("The three calls were not recorded yet: run the cells above, in order.")
    return [unit.data for unit in found]


def third(seen):
    return http2.read_head(requests(seen)[2]).stream


def block(seen, number):
    return requests(seen)[number][http2.HEAD_SIZE :]


def readable(seen):
    """How many headers of the second request say what they are to one who has not heard the first."""
    late = Capture("late")
    late.connect(midway=True).add(Side.CLIENT, requests(seen)[1])
    children = show.conversation(late)[0].field.children
    return sum(field.value is not None for field in children if field.start >= http2.HEAD_SIZE)


def silence(seen):
    """Of the client's frames, the number of the one that breaks a rule."""
    for talk in reversed(seen.conversations("users")):
        broken = [unit.place.number for unit, finding in talk.findings if finding.rule.id == "stream-parity"]
        if broken:
            frames = [unit.place.number for unit in talk if unit.side is Side.CLIENT and unit.kind == "frame"]
            return frames.index(broken[0])
    raise Missing("The client with three calls and two answers was not recorded yet: run the cell above.")


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def read_head(data):
    length, stream = int.from_bytes(data[:3]), int.from_bytes(data[5:9]) & 0x7FFF_FFFF
    return length, data[3], data[4], stream


def least_first(data):
    length, stream = int.from_bytes(data[:3], "little"), int.from_bytes(data[5:9], "little") & 0x7FFF_FFFF
    return length, data[3], data[4], stream


def reserved_bit_too(data):
    return int.from_bytes(data[:3]), data[3], data[4], int.from_bytes(data[5:9])


def with_the_head(data):
    length, *rest = read_head(data)
    return length + 9, *rest


def flags_first(data):
    length, kind, flags, stream = read_head(data)
    return length, flags, kind, stream


def one_byte_stream(data):
    return int.from_bytes(data[:3]), data[3], data[4], data[8]


def as_bytes(data):
    return data[:3], data[3:4], data[4:5], data[5:9]


HEADS = [
    (http2.settings({4: 65535}).encode(),),
    (http2.data(1, b"Hello", end=True).encode(),),
    (Frame(http2.HEADERS, 4, 259, bytes(70_000)).encode(),),
    (Frame(http2.WINDOW_UPDATE, 0, 2**31 - 1, bytes(4), reserved=True).encode(),),
]


def integer(number):
    if number < 31:
        return bytes([number])
    out, rest = [31], number - 31
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest])


def varint(number):
    out = []
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def not_subtracted(number):
    return bytes([number]) if number < 31 else b"\x1f" + varint(number)


def thirty_one_fits(number):
    return bytes([number]) if number <= 31 else b"\x1f" + varint(number - 31)


def most_first(number):
    if number < 31:
        return bytes([number])
    groups = [(number - 31) >> shift & 127 for shift in range(0, max(1, (number - 31).bit_length()), 7)][::-1]
    return bytes([31, *(group | 128 for group in groups[:-1]), groups[-1]])


def two_bytes(number):
    return bytes([number]) if number < 31 else b"\x1f" + (number - 31).to_bytes(2)


def never_continues(number):
    return bytes(byte & 127 for byte in integer(number))


def subtracts_thirty(number):
    return bytes([number]) if number < 31 else b"\x1f" + varint(number - 30)


TABLE = [(b"te", b"trailers"), (b"x-key", b"1"), (b":authority", b"lab.local"), (b"x-key", b"2")]
STATIC = [(entry.name, entry.value) for entry in hpack.STATIC]


def look_up(block, dynamic):
    entries = STATIC + dynamic
    return [entries[byte - 0x80 - 1] for byte in block]


def from_zero(block, dynamic):
    entries = STATIC + dynamic
    return [entries[(byte - 0x80) % len(entries)] for byte in block]


def oldest_first(block, dynamic):
    entries = STATIC + dynamic[::-1]
    return [entries[byte - 0x80 - 1] for byte in block]


def dynamic_first(block, dynamic):
    entries = dynamic + STATIC
    return [entries[byte - 0x80 - 1] for byte in block]


def six_bits(block, dynamic):
    entries = STATIC + dynamic
    return [entries[(byte & 0x3F) - 1] for byte in block]


def only_names(block, dynamic):
    return [name for name, _ in look_up(block, dynamic)]


EXERCISES = [
    Exercise(
        "shortest",
        "How many bytes has the shortest header of a WebSocket frame?",
        fact=lambda seen: 2,
        right="2",
        why="FIN and opcode in the first, MASK and a short length in the second.",
        wrong={
            "6": "So many has a client's, with the masking key. A server does not mask.",
            "4": "With a length of sixteen bits it has so many. There is a shorter way to write a length.",
            "1": "FIN and opcode share a byte; and the length?",
        },
        otherwise="A server's frame, with a short payload: what stands before the payload?",
        hints=("It holds FIN, the opcode, MASK and a length of seven bits.",),
    ),
    Exercise(
        "varint",
        "Which number is the varint ac 02?",
        fact=lambda seen: 300,
        right="300",
        wrong={
            "44034": "These are the bytes as one number. But each has only seven bits of it.",
            "684": "That is the bytes as one number, the least first. But each has only seven bits of it.",
            "5634": "Seven bits of each, yes; but the first byte weighs least.",
            "174": "The second byte's bits weigh 128 each.",
        },
        otherwise="Seven bits of each byte, the first byte weighs least.",
        hints=("Without its first bit, ac is 44. The next byte counts 128 times.",),
    ),
    Guess(
        "third",
        "Which number has the stream of the third call?",
        fact=third,
        why="A client's streams have odd numbers, and each a higher one than the stream before.",
        wrong={
            "3": "So it would be if all numbers were the client's. It has only the odd ones.",
            "1": "Each call has a stream of its own.",
        },
    ),
    Guess(
        "second",
        "How many bytes is the header block of the second call?",
        fact=lambda seen: len(block(seen, 1)),
        why="Everything in it has been said before, so each header is one index, and each index one byte.",
        wrong={
            "0": "Without any it would be a request without a method. The indices have to be said.",
            "1": "Each header is one index. There are more of them.",
            "16": "An index that is small enough fits into the byte that says that it is one.",
        },
    ),
    Guess(
        "late",
        "How many of the eight headers can a recorder read that came after the first call?",
        fact=readable,
        why="Those of the static table, which everybody has. The others stand in a table that it has not seen grow.",
        wrong={
            "0": "Some stand in the static table, and that is the same for everyone.",
            "8": "All of the bytes are there. But what does an index mean, whose table you do not know?",
        },
    ),
    Exercise(
        "head",
        "From the bytes of a frame: length, type, flags and stream.",
        tries=HEADS,
        right=read_head,
        why="Nine bytes, always at the same places.",
        wrong={
            least_first: "In HTTP/2 the byte that weighs most comes first: int.from_bytes(..., 'big').",
            reserved_bit_too: "The first bit of the stream's four bytes is reserved, and does not count.",
            with_the_head: "The length is that of what follows the head; give it as it stands there.",
            flags_first: "The type comes first, and then the flags.",
            one_byte_stream: "The stream has four bytes, without their first bit.",
            as_bytes: "These are the right bytes. int.from_bytes makes numbers of them.",
        },
        otherwise="Look at the picture of the PING: where does each part begin?",
        hints=(
            "The length is data[0:3], the type data[3], the flags data[4], the stream data[5:9] without its first bit.",
            "int.from_bytes(data[0:3]) makes a number of three bytes, and & 0x7fffffff takes a first bit away.",
        ),
    ),
    Exercise(
        "integer",
        "An integer with a prefix of five bits, as bytes.",
        tries=[(0,), (10,), (30,), (31,), (32,), (158,), (159,), (1337,), (60_000,)],
        right=integer,
        why="A length of one byte for what is short, and no bound for what is long.",
        wrong={
            not_subtracted: "What the prefix says, 31, is part of the number: only the rest follows.",
            thirty_one_fits: "Five ones mean that more follows, so 31 itself does not fit: a byte 00 follows it.",
            most_first: "As in protobuf, the lowest seven bits come first.",
            two_bytes: "What follows is a varint: as many bytes as it needs.",
            never_continues: "Each byte after the prefix says with its first bit whether another one follows.",
            subtracts_thirty: "Five ones are 31. That much is said already.",
        },
        otherwise="Under 31 one byte; else 31, and a varint of the rest.",
        hints=(
            "if number < 31, it is bytes([number]).",
            "Else it begins with the byte 31. What follows is the varint of number - 31; you wrote one in lesson 13.",
        ),
    ),
    Exercise(
        "indexed",
        "The headers of a block of indices, with this dynamic table.",
        tries=[(b"\x83\x86", TABLE), (b"\x88\xbe", TABLE), (b"\x83\xbe\xbf\xc0", TABLE), (b"", [])],
        right=look_up,
        why="One list, as it were: the static entries, and behind them the dynamic ones, the newest first.",
        wrong={
            from_zero: "Indices count from 1, and Python's lists from 0.",
            oldest_first: "The newest entry comes first, right behind the static ones. The table is given in that order.",
            dynamic_first: "The static entries come first; theirs are the low numbers.",
            six_bits: "The index has seven bits: only the first bit says that it is one.",
            only_names: "These are the names. A header is a name with its value.",
        },
        otherwise="The static entries, and behind them the dynamic ones, counted from 1.",
        hints=(
            "STATIC + dynamic is one list with all entries.",
            "A byte without its first bit is byte - 0x80; the entry with index 1 is the first of the list.",
        ),
    ),
    Exercise(
        "silence",
        "Which of the client's frames breaks a rule?",
        fact=silence,
        right="5",
        why="It opens stream 4. Even numbers are the server's (RFC 9113, section 5.1.1), and this server says nothing.",
        wrong={
            "0": "SETTINGS, of type 4, empty: a client may have no wishes.",
            "3": "HEADERS on stream 3: odd, and higher than the one before.",
            "6": "DATA on a stream that the frame before it has opened. Look at that one.",
            "7": "A PING, of type 6, on stream 0: it asks whether the server is there, and it is.",
            "4": "DATA, of type 0, with END_STREAM, on a stream that is open.",
        },
        otherwise="Read the stream in the last four bytes of each head.",
        hints=(
            "The last four bytes are the stream. Which streams does this client open?",
            "Which numbers may a client's streams have?",
        ),
    ),
]
