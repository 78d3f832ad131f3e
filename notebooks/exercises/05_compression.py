"""What lesson 05 asks. Server "echo", connection 0: the RFC's Hello twice; 1: its second alone; 2 and 3: a text twice, with
and without takeover; 4: several kinds of messages. No length that a compressor makes here is ever compared with a number:
it may differ between versions of zlib. The recording's do not."""

from protolab import scenes, websocket
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, wrong

MOST = 5_000  # bytes of a frame that is to be a bomb


def payloads(seen, thing, number=-1):
    """The client's payloads of one conversation, unmasked and compressed."""
    units = seen.units(thing, number, side=Side.CLIENT, kind="frame")
    return [websocket.Frame.decode(unit.data).payload for unit in units if unit.place.complete]


def recorded(seen, index):
    return len(payloads(seen, scenes.recording("websocket/compressed"))[index])


def code(conversation):
    close = websocket.ending(conversation).closes[Side.SERVER]
    return close.code if close else None


def compared(size, other):
    return "shorter" if size < other else "longer" if size > other else "same"


def afresh(seen):
    first, second = (len(payload) for payload in payloads(seen, "echo", 3)[:2])
    return compared(second, first)


def noise(seen):
    return compared(len(payloads(seen, "echo", 4)[3]), 1000)


def bomb(answer, seen):
    """Judged by the newest conversation: the payload that was said, and the server's code."""
    if payloads(seen, "echo")[:1] != [answer]:
        return wrong("This payload was not sent: run the whole cell.")
    size = len(seen.unit("echo", side=Side.CLIENT, kind="frame").data)
    if size >= MOST:
        return wrong("The server would say so, but the frame is long itself. What deflates best?")
    told = code(seen.conversation("echo"))
    if told == 1009:
        return right("It stopped inflating at its bound, and said so.")
    if told is None:
        return wrong("The server took it, and gave it back: it is not more than it takes.")
    return wrong(f"The server closed with {told}: that does not inflate to a text.")


# The functions below are answers to "stored": the first is right, the others are what people write on the way to it.


def stored(data):
    size = len(data)
    return b"\x00" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + data + b"\x00"


def greater_byte_first(data):
    size = len(data)
    return b"\x00" + size.to_bytes(2) + (size ^ 0xFFFF).to_bytes(2) + data + b"\x00"


def not_turned_round(data):
    size = len(data).to_bytes(2, "little")
    return b"\x00" + size + size + data + b"\x00"


def length_once(data):
    return b"\x00" + len(data).to_bytes(2, "little") + data + b"\x00"


def no_end(data):
    return stored(data)[:-1]


def with_the_tail(data):
    return stored(data) + b"\x00\x00\xff\xff"


def the_last_block(data):
    return b"\x01" + stored(data)[1:]


EXERCISES = [
    Exercise(
        "bit",
        "Which bit of a frame did lesson 02 leave to compression?",
        fact=lambda seen: "RSV1",
        right='"RSV1"',
        wrong={
            '"FIN"': "That one ends a message, compressed or not.",
            '"RSV2"': "It is one of the reserved ones, but not this.",
            '"MASK"': "That one says that a key follows.",
        },
        otherwise="It is one of the three that are reserved.",
        why="It means nothing unless both sides agreed on something.",
        hints=("The first byte: FIN, three reserved bits, the opcode.", "It is the first of those three."),
    ),
    Exercise(
        "code",
        "With which code is a peer closed that breaks a rule of the frames?",
        fact=lambda seen: 1002,
        right="1002",
        wrong={
            "1003": "That is for a message of a type that is not wanted.",
            "1007": "That is for what a message contains, not for how it is framed.",
            "1009": "That is for what is too big.",
        },
        otherwise="It is the one called 'protocol error'.",
        hints=("It is the one called 'protocol error', and among the lowest there are.",),
    ),
    Guess(
        "second",
        "How many bytes has the payload when the same text is said a second time?",
        fact=lambda seen: recorded(seen, 1),
        why=lambda seen: (
            f"The first time it took {recorded(seen, 0)}. Now it is a reference: all of this, from that far back."
        ),
        wrong={
            lambda seen: recorded(seen, 0): "Each message is compressed for itself, but may refer to what was said before it.",
            "0": "Something has to say what is to be repeated, and how much of it.",
        },
    ),
    Guess(
        "alone",
        "What does the server say to a message that refers to one that was never said: a code, or an echo?",
        fact=lambda seen: code(seen.conversation("echo", 1)) or "echo",
        why="There is no text to judge yet: what cannot be inflated breaks the protocol.",
        wrong={
            "1007": "That is what is said of a text that is no UTF-8. Here it never came to a text.",
            "'echo'": "Of what? It says: the same as before, and nothing was before.",
        },
    ),
    Guess(
        "afresh",
        "Without takeover, is the payload of the same text the second time shorter, of the same length, or longer?",
        fact=afresh,
        why="Each message starts with an empty window, so equal texts give equal bytes.",
        wrong={
            "'shorter'": "It was, with takeover. Now there is nothing left to refer to.",
            "'longer'": "Nothing is different between the two times.",
        },
    ),
    Guess(
        "noise",
        "Do random bytes come out shorter, the same, or longer?",
        fact=noise,
        why="Nothing repeats, so they are stored as they are, and a few bytes say so.",
        wrong={
            "'shorter'": "Shorter than by saying them? Then what is left out would have to repeat somewhere.",
            "'same'": "Nearly. But something has to say that they are not compressed.",
        },
    ),
    Exercise(
        "terms",
        "Which parameter says that a server keeps no window for what it sends?",
        fact=lambda seen: "server_no_context_takeover",
        right='"server_no_context_takeover"',
        wrong={
            '"client_no_context_takeover"': "That one is about what the client compresses.",
            '"server_max_window_bits"': "That makes its window smaller, but it is kept.",
            '"permessage-deflate"': "That is the name of the extension; its parameters come after it.",
        },
        otherwise="It is one of the four in the table above.",
        why="Each of its messages starts afresh; then one compressed frame could even be shared by many.",
        hints=("Who compresses what the server sends? The name begins with that.", "What is not taken over is the context."),
    ),
    Exercise(
        "stored",
        "Write the payload of a compressed message that holds bytes as they are.",
        tries=[(b"Hello",), (b"",), (bytes(300),)],
        right=stored,
        why="The first of these is an example of RFC 7692 (section 7.2.3.3).",
        wrong={
            greater_byte_first: "DEFLATE writes the smaller byte of a number first, unlike WebSocket.",
            not_turned_round: "The second time, each bit of the length is turned round: that is how a damaged one is found.",
            length_once: "The length stands there twice, the second time with its bits turned round.",
            no_end: "After the data comes the first byte of an empty block.",
            with_the_tail: "The last four bytes are those that a sender leaves out.",
            the_last_block: "A first byte of 01 would say that this is the last block of all; then no tail may follow.",
        },
        otherwise="Five parts: 00, the length, the length turned round, the data, 00.",
        hints=(
            "Join five parts: a byte, two bytes, two bytes, the data, a byte.",
            'The length is len(data).to_bytes(2, "little").',
            'Turned round it is (len(data) ^ 0xFFFF).to_bytes(2, "little").',
        ),
    ),
    Exercise(
        "bomb",
        "Make the server say that a message is too big, by a frame that is shorter than 5,000 bytes.",
        check=bomb,
        right="deflated(bytes(2**20 + 1))",
        wrong={
            "deflated(b'big')": "not more than it takes",
            "deflated(random.randbytes(2**20 + 1))": "long itself",
            "bytes(10) + b'?'": "does not inflate",
        },
        hints=(
            "What repeats itself deflates best, and nothing repeats itself as zeros do.",
            "How many zeros are just more than the server takes?",
        ),
    ),
]
