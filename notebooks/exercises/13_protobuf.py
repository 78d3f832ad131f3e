"""What lesson 13 asks. Server "users": connection 0 creates a user; then one sends a list of numbers, one negative numbers; the
last one is the learner's own message.
"""

from protolab.fields import Side
from protolab.lesson import Exercise, Guess, Missing, right, untouched, wrong
from protolab.protocols.grpc import lessons, schema, users
from protolab.wire.protobuf_tree import read
from protolab.wire.protobuf_typed import read_typed

CREATE = "/user_service.UserService/CreateUser"


def message(seen, number, side):
    """The first message that a side sent on a connection."""
    frames = [unit.data for unit in seen.units("users", number, side=side, kind="frame") if unit.place.complete]
    carried = [frame[14:] for frame in frames if frame[3] == 0 and len(frame) >= 14]
    if not carried:
        raise Missing("No message was recorded yet: run the cells above, in order.")
    return carried[0]


def user(seen):
    return message(seen, 0, Side.SERVER)


def asked(seen):
    return message(seen, 0, Side.CLIENT)


def record(data, name):
    return read(data).field.find(name)


def sent(seen, name):
    """The newest message that a client sent with a record of that name."""
    for number in reversed(range(len(seen.conversations("users")))):
        try:
            record(data := message(seen, number, Side.CLIENT), name)
            return data
        except (Missing, KeyError):
            continue
    raise Missing("This message was not recorded yet: run the cells above, in order.")


def negative(seen):
    """The size of the int32, without its tag."""
    field = record(sent(seen, "field 11"), "field 3")
    return field.end - field.start - 1


def reading(seen):
    """What the schema says of the one record that was sent."""
    field = read_typed(sent(seen, "field 18"), schema(), "protolab.lessons.AllTypes").field.children[0]
    return "numbers" if isinstance(field.value, tuple) else "text"


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value += (byte & 0b0111_1111) << shift
        if byte < 0b1000_0000:
            return value, at
        shift += 7


def split(key):
    return key >> 3, key & 0b111


def two_bits(key):
    return key >> 2, key & 0b11


def other_way_round(key):
    return key & 0b111, key >> 3


def from_the_left(key):
    return key & 0b1_1111, key >> 5


def without_shift(key):
    return key, key & 0b111


def sixteen_fields(key):
    return key >> 3 & 0b1111, key & 0b111


def value(data, at, wire):
    if wire == 0:
        return varint(data, at)
    if wire == 2:
        size, at = varint(data, at)
    else:
        size = {1: 8, 5: 4}[wire]
    return data[at : at + size], at + size


def length_of_one_byte(data, at, wire):
    if wire == 2:
        return data[at + 1 : at + 1 + data[at]], at + 1 + data[at]
    return value(data, at, wire)


def length_is_counted(data, at, wire):
    if wire == 2:
        size, start = varint(data, at)
        return data[start : at + size], at + size
    return value(data, at, wire)


def length_stays(data, at, wire):
    if wire == 2:
        size, start = varint(data, at)
        return data[at : start + size], start + size
    return value(data, at, wire)


def fixed_swapped(data, at, wire):
    return value(data, at, {1: 5, 5: 1}.get(wire, wire))


def always_four(data, at, wire):
    return (data[at : at + 4], at + 4) if wire in (1, 5) else value(data, at, wire)


def decode(data):
    at, records = 0, []
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 0b111
        if wire == 0:
            found, at = varint(data, at)
        else:
            if wire == 2:
                size, at = varint(data, at)
            else:
                size = {1: 8, 5: 4}[wire]
            found, at = data[at : at + size], at + size
        records.append((number, found))
    return records


def only_first(data):
    return decode(data)[:1]


def as_dictionary(data):
    return list(dict(decode(data)).items())


def with_keys(data):
    at, records = 0, []
    while at < len(data):
        key, at = varint(data, at)
        found, at = value(data, at, key & 0b111)
        records.append((key, found))
    return records


def as_text(data):
    return [(number, found.decode() if isinstance(found, bytes) else found) for number, found in decode(data)]


def without_last(data):
    return decode(data)[:-1]


def as_mapping(data):
    return dict(decode(data))


SAMPLE = users.User(id="1", name="Ada", email="a@b.org", age=300, roles=["x", "y"]).SerializeToString()


def decoded(answer, seen):
    """Held against the recorded message first, then against one with records of every wire type."""
    if not callable(answer):
        return wrong(f"A function was asked for, and this is {answer!r}: give its name, without calling it.")
    every = lessons.AllTypes(
        a_double=1.5, a_fixed32=7, an_int32=150, a_string="yes", unpacked=[1, 2]
    ).SerializeToString()
    for data in (user(seen), SAMPLE, every, b""):
        made, wanted = seen.call(answer, data), decode(data)
        if made is ...:
            return untouched("Put your code in place of the dots.")
        if made != wanted:
            return _differs(made, wanted, data)
    return right("On the message of the server, and on others with every wire type.")


def _differs(made, wanted, data):
    if not isinstance(made, list):
        return wrong(f"A list was asked for, and this is of type {type(made).__name__}.")
    if [each[:1] for each in made] == [each[:1] for each in wanted] or len(made) == len(wanted):
        if all(isinstance(each[1], str) for each in made if not isinstance(each[1], int)):
            return wrong("Values of LEN are bytes. Nothing says that they are text: leave them as they are.")
        place = next(at for at, pair in enumerate(zip(made, wanted, strict=False)) if pair[0] != pair[1])
        field = read(data).field.children[place]
        return wrong(f"Record {place} is not {made[place]!r}.", data, field.start, field.end)
    if made == list(dict(wanted).items()):
        return wrong(f"A field may come again, and then it counts again: here are {len(wanted)} records.")
    at = read(data).field.children[min(len(made), len(wanted) - 1)] if wanted else None
    says = f"{len(made)} records, and there are {len(wanted)}."
    return wrong(says, data, at.start, at.end) if at else wrong(says)


def write_varint(number):
    out = []
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def most_first(number):
    out = [number & 127]
    while number > 127:
        number >>= 7
        out.insert(0, number & 127 | 128)
    return bytes(out)


def never_continues(number):
    return bytes(byte & 127 for byte in write_varint(number))


def always_continues(number):
    return bytes(byte | 128 for byte in write_varint(number))


def eight_bits(number):
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "little")


def four_bytes(number):
    return number.to_bytes(4, "little")


def one_too_early(number):
    out = []
    while number >= 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def nothing_for_zero(number):
    return write_varint(number) if number else b""


GRACE = users.CreateUserRequest(name="Grace", email="g@navy.mil", age=300)


def built(seen):
    """Judged by the newest message on the wire, read as the server reads it."""
    talk = seen.conversation("users")
    heads = [unit for unit in talk if unit.side is Side.CLIENT and unit.kind == "frame" and unit.data[3] == 1]
    asked = [unit.field.find(":path").value for unit in heads]
    if asked != [CREATE]:
        return untouched()
    try:
        data = message(seen, -1, Side.CLIENT)
    except Missing:
        return wrong("A call was made, but no message was in it.")
    reading = read_typed(data, schema(), "user_service.CreateUserRequest")
    names = {field.name: field for field in reading.field.children}
    wanted = {name: getattr(GRACE, name) for name in ("name", "email", "age")}
    differs = [names[name] for name in wanted if name in names and names[name].value != wanted[name]]
    first = min(differs, key=lambda field: field.start, default=None)
    found = min(reading.findings, key=lambda finding: finding.start, default=None)
    if found and (first is None or found.start <= first.start):
        says = found.message[0].upper() + found.message[1:]
        return wrong(f"{says.rstrip('.')}.", data, found.start, found.end)
    if first:
        says = f"The {first.name} is {first.value!r}, not {wanted[first.name]!r}."
        return wrong(says, data, first.start, first.end)
    if missing := [name for name in wanted if name not in names]:
        return wrong(f"There is no {missing[0]} in it.", data, 0, len(data))
    if users.CreateUserRequest.FromString(data) != GRACE and len(names) == len(wanted):
        return wrong("The generated class reads something else from it.", data, 0, len(data))
    if strange := [field for field in reading.field.children if field.name not in wanted]:
        return wrong(f"It is all there, and more: {strange[0].name}.", data, strange[0].start, strange[0].end)
    return right("The server read every field of it. No library has written these bytes: you have.")


EXERCISES = [
    Exercise(
        "opcode",
        "What is the opcode of a text in WebSocket?",
        fact=lambda seen: 1,
        right="1",
        wrong={
            "2": "That is for bytes that are no text.",
            "0": "That says that a message goes on.",
            "8": "That is a goodbye.",
        },
        otherwise="It is one of the two for data, and the smaller one.",
        hints=("Data frames have small opcodes: one for text, one for other bytes.",),
    ),
    Exercise(
        "order",
        "Which byte of a length comes first in a WebSocket frame: the one that weighs most, or least?",
        fact=lambda seen: "most",
        right='"most"',
        why="As nearly everywhere on the network. This lesson has an exception.",
        wrong={
            '"least"': "So it is in this lesson. In lesson 02, 126 was written 00 7e.",
            '"big"': "You mean big-endian: then which byte comes first?",
            '"both"': "Of several bytes, one comes first.",
        },
        otherwise="Answer with 'most' or 'least'.",
        hints=("In lesson 02, a length of 126 was written 00 7e.",),
    ),
    Guess(
        "names",
        "How often does the word 'email' stand in the message?",
        fact=lambda seen: user(seen).count(b"email"),
        why="Only numbers of fields are sent. Their names stand in the schema, which both sides have.",
        wrong={"1": "So it is in JSON, where each value comes with its name."},
    ),
    Guess(
        "age",
        "Which byte is the tag of field 3, when its wire type is VARINT?",
        fact=lambda seen: asked(seen)[record(asked(seen), "field 3").start],
        why="The number is pushed three bits to the left, and the wire type stands in those three bits.",
        wrong={
            "3": "That is the number. The wire type has to go into the same byte.",
            "0x1a": "So it is with wire type LEN.",
            "48": "That would be pushed by four bits; the wire type takes three.",
        },
    ),
    Exercise(
        "split",
        "From a tag: field number and wire type.",
        tries=[(0x0A,), (0x20,), (0x5D,), (146,), (2000,)],
        right=split,
        why="Three bits for the wire type, all the others for the number, however many they are.",
        wrong={
            two_bits: "The wire type has three bits, since it goes up to 5.",
            other_way_round: "The number stands in the high bits, and the wire type in the last three.",
            from_the_left: "The last three bits are the wire type, not the first three.",
            without_shift: "The number is what is left when the wire type is pushed out: >> 3.",
            sixteen_fields: "A tag may take more than one byte, and then the number has more than four bits.",
        },
        otherwise="Number first, then the wire type.",
        hints=(
            "Under 'The tag' a cell takes the first byte apart. Here key is in its place.",
            "The wire type is key & 0b111. How do you push those three bits out to get the number?",
        ),
    ),
    Exercise(
        "value",
        "The value of a wire type at an offset, and where it ends.",
        tries=[
            (b"\x96\x01", 0, 0),
            (b"\x05Grace!", 0, 2),
            (b"..\x01?", 2, 2),
            (b"\x80\x01" + bytes(range(128)), 0, 2),
            (b"\x01\x00\x00\x00\x02\x00\x00\x00\x03", 0, 5),
            (b"\x01\x00\x00\x00\x02\x00\x00\x00\x03", 0, 1),
        ],
        right=value,
        why="The four wire types are four ways to find the end. More a decoder does not need to know.",
        wrong={
            length_of_one_byte: "The length is a varint, and may take more than one byte.",
            length_is_counted: "The length counts what comes after it, not itself.",
            length_stays: "The value of LEN begins after the length.",
            fixed_swapped: "I64 (1) has eight bytes and I32 (5) four: you have them the other way round.",
            always_four: "I64 takes eight bytes.",
        },
        otherwise="Compare with the table of wire types.",
        hints=(
            "For wire type 0, varint(data, at) is all of the answer.",
            "For wire type 2, varint gives the length, and where the value begins.",
            "data[at : at + size] takes bytes; return them together with at + size.",
        ),
    ),
    Exercise(
        "decode",
        "From a message, a list with a pair for each record: the field's number and the value.",
        check=decoded,
        right=decode,
        wrong={
            only_first: "1 records",
            as_dictionary: "A field may come again",
            with_keys: "Record 0 is not",
            as_text: "Values of LEN are bytes",
            without_last: "5 records",
            as_mapping: "A list was asked for",
        },
        hints=(
            "A loop that goes on while at < len(data): a tag, a value, and at moves to where the value ends.",
            "varint(data, at) reads a tag, split(...) takes it apart, and value(data, at, wire) gives two things.",
            "Put (number, found) into a list each time, and return it after the loop.",
        ),
    ),
    Exercise(
        "reading",
        "Which of the readings does the sender mean?",
        fact=reading,
        right='"numbers"',
        wrong={
            '"text"': "It looks so, and a decoder without a schema guesses so. What does the schema declare?",
            '"message"': "The bytes allow it; but AllTypes declares no message under this number.",
            '"bytes"': "They are always bytes. What are they for, by the schema?",
        },
        otherwise="Answer with one of the four words.",
        why="repeated int32 is a list of numbers. Nothing in the bytes says so: the schema does.",
        hints=("The word 'repeated' means a list. Of what?",),
    ),
    Guess(
        "negative",
        "How many bytes does -1 take as an int32?",
        fact=negative,
        why="It is written as 64 ones, seven in each byte: the longest varint there is.",
        wrong={
            "1": "So it would be in zigzag, as sint32. An int32 is written without it.",
            "4": "So many bytes has an int32 in memory. But this is a varint.",
            "5": "Thirty-two ones would take so many. But it is written as if it had 64 bits.",
        },
    ),
    Guess(
        "empty",
        "How many bytes is a user whose fields have their defaults?",
        fact=lambda seen: users.User(name="", age=0, roles=[]).ByteSize(),
        why="What has its default is not sent, and here nothing has anything else.",
        wrong={
            "4": "Two tags, a length and a 0 would take so many, if they were sent.",
            "5": "Not even a byte to say that there is nothing.",
        },
    ),
    Exercise(
        "varint",
        "Write a varint from a number.",
        tries=[(0,), (1,), (127,), (128,), (150,), (300,), (16_384,), (2**32 - 1,)],
        right=write_varint,
        why="Seven bits a byte, the least first, and a bit that says that more follows.",
        wrong={
            most_first: "The byte with the lowest seven bits comes first.",
            never_continues: "All bytes but the last have their first bit set, or nobody knows where it ends.",
            always_continues: "The last byte has its first bit clear: nothing follows.",
            eight_bits: "Seven bits of the number go into each byte, not eight.",
            four_bytes: "A varint takes as few bytes as it can. This takes four of them always.",
            one_too_early: "127 still fits into seven bits.",
            nothing_for_zero: "Even 0 takes a byte.",
        },
        otherwise="Compare with the table under 'Varints'.",
        hints=(
            "number & 127 are the lowest seven bits, and number >> 7 is what is left.",
            "While more than 127 is left: note the seven bits with 128 added, and push them out.",
            "bytes([...]) makes bytes from a list of numbers; what is left last goes in without the 128.",
        ),
    ),
    Exercise(
        "build",
        "Create a user with bytes that you wrote.",
        deed=built,
        right=r'await create(b"\x0a\x05Grace\x12\x0ag@navy.mil\x18\xac\x02")',
        wrong={
            r'await create(b"\x0a\x05Grace\x12\x0ag@navy.mil\x18\x02\xac")': "The age is 2,",
            r'await create(b"\x0a\x05Grace\x12\x0ag@navy.mil\x18\xac")': "ends inside",
            r'await create(b"\x0a\x05Grace\x12\x0ag@navy.mil\x1a\xac\x02")': "The length says",
            r'await create(b"\x0a\x05Grace\x18\xac\x02")': "There is no email",
            r'await create(b"\x0a\x05Grace\x12\x09g@navy.mil\x18\xac\x02")': "The email is 'g@navy.mi'",
            r'await create(b"\x12\x05Grace\x1a\x0ag@navy.mil\x20\xac\x02")': "The email is 'Grace'",
            r'await create(b"\x0a\x05Grace\x12\x0ag@navy.mil\x18\x96\x01")': "The age is 150",
        },
        hints=(
            "Three records. Their tags: the number pushed three bits to the left, and 2 for a text, 0 for a number.",
            "A text's record is its tag, its length, and its letters.",
            "300 is more than 127, so its varint has two bytes: it stands in the table under 'Varints'.",
        ),
    ),
]
