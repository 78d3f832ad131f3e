"""What lesson 02 asks. Server "echo", connection 0: Hello and its echo; later ones are named where they are used."""

from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, wrong
from protolab.wire.websocket_frames import Frame, read_head, tree


def frames(seen, number, side):
    return seen.units("echo", number, side=side, kind="frame")


def differs(seen):
    client, server = (seen.unit("echo", 0, side=side, kind="frame").data for side in Side)
    return next(number for number in (0, 1) if client[number] != server[number])


def headers(seen):
    """How long the headers are of what the server sent in the newest conversation."""
    return [unit.field.find("payload").start for unit in frames(seen, -1, Side.SERVER)]


def pieces(seen):
    return sum(unit.field.find("opcode").value < 8 for unit in frames(seen, -1, Side.CLIENT))


def second(answer, seen):
    """Judged by the newest conversation: what the client's frame said, and whether the server answered it."""
    if not isinstance(answer, int) or not 0 <= answer <= 255:
        return wrong(f"{answer!r} is not a byte. Write a number from 0 to 255, best in binary: 0b and eight digits.")
    sent = seen.unit("echo", side=Side.CLIENT, kind="frame").data
    if sent[1] != answer:
        return wrong("This byte was not sent: run the whole cell.")
    if any(unit.title == 'text "Hi"' for unit in frames(seen, -1, Side.SERVER)):
        return right("The server answered. You have built a frame.")
    masked, length = answer >> 7, answer & 0x7F
    if length == len(b"Hi"):
        says = "The length is right, but MASK is not set: that is the frame that was refused above."
    else:
        counted = f"{length} byte{'' if length == 1 else 's'} of payload" if length else "that there is no payload"
        says = f"MASK is {'set, but' if masked else 'not set, and'} the seven bits after it say {counted}: count the letters."
    return wrong(says, sent, 1)


def anatomy(data):
    return tree(data, read_head(data))


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def short_frame(payload, key):
    first = 0b1000_0001  # FIN, and the opcode of text
    second = 0b1000_0000 | len(payload)  # MASK, and the length
    return bytes([first, second]) + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def any_frame(payload, key):
    size = len(payload)
    if size <= 125:
        length = bytes([0x80 | size])
    elif size < 2**16:
        length = bytes([0x80 | 126]) + size.to_bytes(2)
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8)
    return bytes([0b1000_0001]) + length + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def no_mask_at_all(payload, key):
    return Frame(1, payload).encode()


def no_masking_but_a_key(payload, key):
    return bytes([0x81, 0x80 | len(payload)]) + key + payload


def no_bit_for_mask(payload, key):
    frame = bytearray(short_frame(payload, key))
    frame[1] &= 0x7F
    return bytes(frame)


def binary(payload, key):
    return Frame(2, payload, key=key).encode()


def key_backwards(payload, key):
    return bytes([0x81, 0x80 | len(payload)]) + key[::-1] + short_frame(payload, key)[6:]


def key_not_repeated(payload, key):
    return bytes([0x81, 0x80 | len(payload)]) + key + bytes(a ^ b for a, b in zip(payload, key, strict=False))


def never_16_bits(payload, key):
    return Frame(1, payload, key=key, form=7 if len(payload) < 126 else 64).encode()


def sixteen_bits_for_125(payload, key):
    return Frame(1, payload, key=key, form=None if len(payload) != 125 else 16).encode()


def least_byte_first(payload, key):
    frame = bytearray(any_frame(payload, key))
    end = len(frame) - len(payload) - 4
    frame[2:end] = frame[2:end][::-1]
    return bytes(frame)


KEYS = (bytes.fromhex("37fa213d"), bytes(4), b"\xff\x00\xff\x00")


def tries(*sizes):
    return [((b"Hello, frame! " * (size // 14 + 1))[:size], KEYS[i % 3]) for i, size in enumerate(sizes)]


EXERCISES = [
    Exercise(
        "source",
        "From which header of the request is the server's proof made?",
        fact=lambda seen: "Sec-WebSocket-Key",
        right='"Sec-WebSocket-Key"',
        wrong={
            '"Sec-WebSocket-Accept"': "That one carries the answer. Which one carries the question?",
            '"Upgrade"': "That one says what is wanted. Which one asks for a proof?",
            '"Sec-WebSocket-Version"': "That one says which WebSocket. It is the same for every client.",
        },
        otherwise="It is one of the request's headers that begin with Sec-WebSocket.",
        why="The server cannot know it beforehand, so only one that understands can answer.",
        hints=("It holds random bytes, and differs for each connection.",),
    ),
    Exercise(
        "switched",
        "With which status does the server switch?",
        fact=lambda seen: 101,
        right="101",
        wrong={
            "200": "That is what a page is answered with. This one means: I switch.",
            "400": "That is how a malformed request is refused.",
            "426": "That is how another version is refused: ask again with a better one.",
        },
        otherwise="It was on the first line of the response.",
        why="From there on no more HTTP is spoken.",
        hints=("It has three digits and begins with 1: something goes on after it.",),
    ),
    Guess(
        "differs",
        "Which of the first two bytes differs in the echo: byte 0 or byte 1?",
        fact=differs,
        why="They differ in one bit, MASK: clients mask, servers do not. All else is echoed.",
        wrong={"0": "That byte holds FIN and the opcode: both are text, and both end a message."},
    ),
    Guess(
        "header",
        "How many bytes has the server's header when it carries 126 bytes?",
        fact=lambda seen: headers(seen)[1],
        why=lambda seen: (
            f"One byte more of payload, and the header grows from {headers(seen)[0]} bytes: 7 bits no longer hold the length."
        ),
        wrong={
            lambda seen: headers(seen)[0]: "7 bits cannot hold it: this value is a sign for more to come.",
            lambda seen: headers(seen)[0] + 1: "A sign, and then the length: does it come in one byte?",
        },
    ),
    Guess(
        "pieces",
        "How many frames does a client send for a message in two pieces?",
        fact=pieces,
        why="While it sends a piece, the client does not know that no other will come. So it ends with an empty one.",
        wrong={
            "1": "The pieces are sent as they come: the client does not wait for the last one.",
            "2": "One for each piece; but when the second one goes, is it known to be the last?",
        },
    ),
    Exercise(
        "second",
        "Which second byte has the frame, now with a key and a masked payload?",
        check=second,
        right="0b1000_0010",
        wrong={
            "0b0000_0010": "The length is right, but MASK is not set",
            "0b1000_0000": "there is no payload",
            "0b1000_0001": "MASK is set, but the seven bits after it say 1 byte",
            "0b0000_0011": "MASK is not set, and",
        },
        hints=(
            "Eight bits: one for MASK, seven for the length.",
            "Is the payload masked now? Then the first bit is a 1.",
            "The other seven count the bytes of the payload, in binary.",
        ),
    ),
    Exercise(
        "short",
        "Write the bytes of a text frame, from a payload of at most 125 bytes and a key of four.",
        tries=tries(5, 0, 1, 125),
        anatomy=anatomy,
        right=short_frame,
        why="Up to the longest that fits in 7 bits.",
        wrong={
            no_mask_at_all: "A client's frame is masked: it has a key, and MASK says so.",
            no_masking_but_a_key: "The key is there, but the payload is not masked with it.",
            no_bit_for_mask: "There is a key, and MASK does not say so: a server takes it for payload.",
            binary: "This opcode says binary; text has another.",
            key_backwards: "The key stands there the wrong way round.",
            key_not_repeated: "The key has four bytes. For longer payloads it starts over.",
        },
        otherwise="Compare with the picture of the client's Hello.",
        hints=(
            "Four parts, one after another: first byte, second byte, key, masked payload.",
            "bytes([first, second]) makes two numbers into bytes, and + joins bytes.",
            "The masked payload is bytes(byte ^ key[i % 4] for i, byte in enumerate(payload)).",
        ),
    ),
    Exercise(
        "long",
        "Write the bytes of a text frame with a payload of any size, in the shortest form that holds its length.",
        tries=tries(125, 126, 127, 255, 256, 65_535, 65_536),
        anatomy=anatomy,
        right=any_frame,
        why="Right at every border: you have written a whole frame writer.",
        wrong={
            never_16_bits: "64 bits always hold it, but a length must be written in the shortest form (RFC 6455 section 5.2).",
            sixteen_bits_for_125: "125 still fits in the seven bits.",
            least_byte_first: "The greater byte of a number comes first.",
        },
        otherwise="What is different at this size: the sign in the seven bits, or the bytes that follow it?",
        hints=(
            "Three cases: up to 125, up to 65,535, and more. Only the part with the length differs.",
            "The second byte is 0x80 with the length, or with 126, or with 127; after it come 0, 2 or 8 bytes.",
            "bytes([0x80 | 126]) + size.to_bytes(2) is the middle one.",
        ),
    ),
]
