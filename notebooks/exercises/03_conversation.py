"""What lesson 03 asks. Server "echo", connection 0: a message in pieces with a ping between them; others come after it."""

from functools import cache

from protolab import compare, websocket
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, wrong

PIECES = (b"one ", b"two ", b"three")


def pong(seen):
    """When the pong came: before the message that the ping stands in was given back, or after."""
    said = [unit.field.find("opcode").value for unit in seen.units("echo", 0, side=Side.SERVER, kind="frame")]
    return "before" if said.index(0xA) < said.index(0x1) else "after"


def cut(seen):
    return websocket.ending(seen.conversation("echo")).codes[Side.CLIENT]


@cache
def measured(updates, every=0.25):
    return compare.run(updates, poll_every=every)


def fewest(result, below=False):
    """The way that takes the fewest bytes, or with `below` the fewest with what TCP and IP add."""
    return min(result.ways, key=lambda way: way.total + below * way.tcp_ip).name


def turn(seen):
    return next(n for n in range(1, 100) if measured(n).websocket.total < measured(n).long_polling.total)


def header(seen, side):
    return seen.unit("echo", 0, side=side, kind="frame").field.find("payload").start


def interrupt(answer, seen):
    """Judged by the newest conversation: the client's frames, and what the server gave back."""
    if not isinstance(answer, list) or not all(isinstance(frame, websocket.Frame) for frame in answer):
        return wrong("Write a list of frames: [Frame(...), Frame(...), ...].")
    units = seen.units("echo", -1, side=Side.CLIENT, kind="frame")
    frames = [websocket.Frame.decode(unit.data) for unit in units]
    if [frame.payload for frame in frames[:-1]] != [frame.payload for frame in answer]:
        return wrong("These frames were not said: run the whole cell.")
    for unit in units:
        for found in unit.findings:
            says = f"The server hung up: {found.message} ({found.rule.clause})."
            return wrong(says, unit.data, found.start, found.end)
    data = [frame for frame in frames if frame.opcode < 8]
    if len(data) > 1 and any(frame.fin for frame in data[:-1]):
        return wrong("With FIN each piece is a message of its own, and comes back alone.")
    if tuple(frame.payload for frame in data) != PIECES:
        said = ", ".join(repr(frame.payload.decode("utf-8", "replace")) for frame in data)
        return wrong(f"The pieces that were said are {said}.")
    if not data[-1].fin:
        return wrong("The last piece has no FIN: the server still waits for more.")
    asked = [number for number, frame in enumerate(frames) if frame.opcode == 0x9]
    if not asked:
        return wrong("The message is right, but there is no ping in it.")
    if asked != [frames.index(data[-1]) - 1]:
        return wrong("The ping is not between the second piece and the third.")
    return right("The pong came first, then the whole message: the server noticed nothing odd, since nothing was.")


# The functions below are answers to "reported": the first is right, the others are what people write on the way to it.


def reported(payload):
    if payload is None:
        return 1006
    if not payload:
        return 1005
    return int.from_bytes(payload[:2])


def all_of_it(payload):
    if payload is None:
        return 1006
    return int.from_bytes(payload) if payload else 1005


def least_byte_first(payload):
    if payload is None:
        return 1006
    return int.from_bytes(payload[:2], "little") if payload else 1005


def both_the_same(payload):
    return int.from_bytes(payload[:2]) if payload else 1006


def the_wrong_way_round(payload):
    if payload is None:
        return 1005
    return int.from_bytes(payload[:2]) if payload else 1006


def never_empty(payload):
    return 1006 if payload is None else int.from_bytes(payload[:2])


def peace(payload):
    if payload is None:
        return 1006
    return int.from_bytes(payload[:2]) if payload else 1000


EXERCISES = [
    Exercise(
        "last",
        "Which bit of a frame says that a message ends with it?",
        fact=lambda seen: "FIN",
        right='"FIN"',
        wrong={
            '"MASK"': "That one says that a key follows.",
            '"RSV1"': "That one is reserved; compression uses it.",
            '"opcode"': "That is four bits, and says what kind of frame it is.",
        },
        otherwise="It is the first bit of all.",
        hints=("It is the first bit of the first byte, and short for 'final'.",),
    ),
    Exercise(
        "proven",
        "Who has to hang up when Sec-WebSocket-Accept is wrong?",
        fact=lambda seen: "client",
        right='"client"',
        wrong={
            '"server"': "The server wrote it. Who asked for the proof?",
            '"both"': "One of them is enough. Which one reads the proof?",
            '"nobody"': "Then nothing would be proven. Who asked for it?",
        },
        otherwise="It is one of the two: the one who asked for the proof.",
        hints=("The proof is in the response. Who reads that?",),
    ),
    Guess(
        "pong",
        "Does the server answer the ping before it gives the message back, or after?",
        fact=pong,
        why="A control frame may stand between the pieces of a message, and is answered at once.",
        wrong={'"after"': "Then a long message would make a living connection look dead."},
    ),
    Guess(
        "cut",
        "Which code does the client's program get when the connection is cut?",
        fact=cut,
        why="It stands for 'abnormal': nobody sent it, the library makes it up when no Close came.",
        wrong={
            "1000": "That would be a goodbye in peace, and nobody said one.",
            "1001": "That is said by one who goes away. Here nobody could say anything.",
            "1005": "That is for a Close without a code. Here there was no Close at all.",
        },
    ),
    Guess(
        "one",
        "Which way takes the fewest bytes for a single update?",
        fact=lambda seen: fewest(measured(1)),
        why=lambda seen: (
            f"WebSocket takes {measured(1).websocket.total} bytes here, of which {measured(1).websocket.parts.setup} set it up."
        ),
        wrong={
            '"WebSocket"': "Its handshake alone is a request and a response.",
            '"Server-Sent Events"': "Its heads are about as long, and an event has names, an id and a chunk around it.",
            '"polling"': "It asks before there is something to tell, and each time a head comes back.",
        },
    ),
    Guess(
        "seldom",
        "Which way takes the fewest bytes, TCP and IP included, when a poll may bring 25 updates?",
        fact=lambda seen: fewest(measured(100, 25), below=True),
        why="A packet that brings many updates pays for its headers once.",
        wrong={
            '"WebSocket"': "On the wire alone it does. But each of its frames travels in a packet of its own.",
            '"long polling"': "It brings the updates one by one, and each with two heads.",
            '"Server-Sent Events"': "Each event travels in a packet of its own, just as a frame does.",
        },
    ),
    Exercise(
        "interrupt",
        "Say 'one two three' in three pieces, with a ping that asks 'hurry' between the second and the third.",
        check=interrupt,
        right='[Frame(1, b"one ", fin=False), Frame(0, b"two ", fin=False), Frame(9, b"hurry"), Frame(0, b"three")]',
        wrong={
            '[Frame(1, b"one "), Frame(1, b"two "), Frame(9, b"hurry"), Frame(1, b"three")]': "comes back alone",
            '[Frame(1, b"one ", fin=False), Frame(1, b"two ", fin=False)]': "a new message begins",
            '[Frame(1, b"one ", fin=False), Frame(9, b"hurry", fin=False)]': "must not be fragmented",
            '[Frame(1, b"one two three"), Frame(9, b"hurry")]': "The pieces that were said are",
            '[Frame(1, b"one ", fin=False), Frame(0, b"two ", fin=False), Frame(0, b"three")]': "there is no ping in it",
            """[Frame(1, b"one ", fin=False), Frame(0, b"two ", fin=False), Frame(0, b"three"), Frame(9, b"hurry")]""": (
                "not between"
            ),
        },
        hints=(
            "Four frames. Which opcode has a piece that is not the first, and which has a ping?",
            "Opcode 0 continues, 9 is ping. FIN is missing from the first two pieces only.",
            'It begins: [Frame(1, b"one ", fin=False), Frame(0, b"two ", fin=False), ...',
        ),
    ),
    Exercise(
        "reported",
        "From the payload of the Close that was received, or None, make the code that the program is told.",
        tries=[(b"\x03\xe8",), (b"",), (None,), (b"\x0f\xa0bye",)],
        right=reported,
        why="Two of these codes are made up by the library, and never come from the wire.",
        wrong={
            all_of_it: "Only the first two bytes are the code; the rest is the reason.",
            least_byte_first: "The greater byte comes first.",
            both_the_same: "An empty Close is still a goodbye: it has a number of its own.",
            the_wrong_way_round: "These two are the wrong way round: which one means that no Close came?",
            never_empty: "The payload may be empty. Then no code was said, and 0 is none.",
            peace: "An empty payload does not say that all is well. It says nothing.",
        },
        otherwise="Compare with the stories of the four endings above.",
        hints=(
            "Three cases: None, empty, and the rest.",
            "You have seen the numbers for the first two above, where ending() says what an API reports.",
            "int.from_bytes(payload[:2]) reads a number from two bytes, the greater one first.",
        ),
    ),
    Exercise(
        "turn",
        "From how many updates on does WebSocket take fewer bytes than long polling?",
        fact=turn,
        right=("next(n for n in range(1, 100) if (made := compare.run(n)).websocket.total < made.long_polling.total)"),
        why="The price of the handshake is paid back sooner than most people think.",
        wrong={
            "1": "You have seen that run: the handshake alone cost more.",
            "100": "There it does, by far. But does it not much sooner?",
            "10": "There it does, but a smaller number does as well.",
        },
        otherwise="Measure on both sides of your number: compare.run(updates=...).",
        hints=(
            "Try compare.run(updates=10). Then halve.",
            "The handshake is about as long as the heads of one update and a half.",
        ),
    ),
    Exercise(
        "uphill",
        "How many bytes of framing would each update take if the reader told the server?",
        fact=lambda seen: header(seen, Side.CLIENT),
        right="result.websocket.parts.framing // 100 + 4",
        why="A client masks, so each of its frames carries a key.",
        wrong={
            lambda seen: header(seen, Side.SERVER): "So it is from the server. What does a client's frame have more?",
            lambda seen: header(seen, Side.CLIENT) - header(seen, Side.SERVER): "That is the key. What else is there?",
            lambda seen: header(seen, Side.CLIENT) + 2: "The length still fits in the second byte.",
        },
        otherwise="Count what stands before the payload in a client's short frame.",
        hints=(
            "A client's frame differs from a server's by what MASK announces.",
            "Two bytes, and then the key: how long is that?",
        ),
    ),
]
