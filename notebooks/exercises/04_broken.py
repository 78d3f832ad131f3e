"""What lesson 04 asks. Server "echo": one connection for each thing that is said; "judged": the catalogue, tried out on it;
"cafe", connection 0: a stranger's client, whose last frame is a Close with a reason cut inside a letter."""

from protolab import websocket
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, wrong


def code(conversation):
    """The code in the server's Close; None when it said none."""
    close = websocket.ending(conversation).closes[Side.SERVER]
    return close.code if close else None


def codes(seen):
    said = {code(conversation) for conversation in seen.conversations("judged")}
    return len(said - {None})


def fault(seen):
    """The stranger's only finding, and the unit that it is in."""
    return seen.findings("cafe", 0)[0]


def at(seen):
    return fault(seen)[1].start


def size(seen):
    return len(fault(seen)[0].data)


MOST = 20  # bytes of a frame that is to be too big


def big(answer, seen):
    """Judged by the newest conversation: the frame that was said, and the server's code."""
    if not isinstance(answer, websocket.Frame):
        return wrong(f"{answer!r} is no frame. Write websocket.Frame(...), with KEY as its key.")
    said = seen.unit("echo", side=Side.CLIENT, kind="frame")
    data = answer.encode()
    if not said.data.startswith(data[: len(said.data)]):
        return wrong("This frame was not sent: run the whole cell.")
    found = next((found for found in said.findings if found.rule.id != "cut-off"), None)
    if found is not None:
        return wrong(
            f"That is another fault: {found.message} ({found.rule.clause}).", said.data, found.start, found.end
        )
    if len(data) > MOST:
        return wrong(f"These are {len(data):,} bytes. It can be done without saying so much.")
    told = code(seen.conversation("echo"))
    if told == 1009:
        return right("It believed the length, and did not wait for a single byte of what you had promised.")
    if not said.place.complete:
        return wrong("The server waits for what you promised: it would take that much. Promise more.")
    return wrong("It is what it promises to be, and the server takes a message of this size.")


# The functions below are answers to "reason": the first is right, the others are what people write on the way to it.


def reason(text):
    return text.encode()[:123].decode(errors="ignore").encode()


def cut_anywhere(text):
    return text.encode()[:123]


def by_letters(text):
    return text[:123].encode()


def forgot_the_code(text):
    return text.encode()[:125].decode(errors="ignore").encode()


def replaced(text):
    return text.encode()[:123].decode(errors="replace").encode()


def careful(text):
    return text[: 123 // 4].encode()


def no_accents(text):
    return text.encode("ascii", "ignore")[:123]


def not_cut(text):
    return text.encode()


EXERCISES = [
    Exercise(
        "piece",
        "Which opcode has the second piece of a message?",
        fact=lambda seen: 0,
        right="0",
        why="It continues; what kind of message it is was said by the first piece.",
        wrong={
            "1": "That one begins a text. The second piece begins nothing.",
            "2": "That one begins a binary message. The second piece begins nothing.",
            "8": "That is Close: a control frame, no piece of a message.",
        },
        otherwise="It has a name: continuation.",
        hints=("The ladder calls it a continuation. Its four bits are the simplest of all.",),
    ),
    Exercise(
        "cut",
        "Which code is a program told when its connection was cut?",
        fact=lambda seen: 1006,
        right="1006",
        why="No frame carries it: the library makes it up.",
        wrong={
            "1000": "That is a goodbye in peace.",
            "1001": "That is said by one who goes away, and here nothing was said.",
            "1005": "That is for a Close without a code. Here there was no Close.",
        },
        otherwise="It is the one for 'abnormal', which is never on the wire.",
        hints=("It is one more than the code for a Close without a code.",),
    ),
    Guess(
        "opcode",
        "With which code does the server end it, when a frame has a reserved opcode?",
        fact=lambda seen: code(seen.conversation("echo", 1)),
        why="What an opcode means is the protocol's to say, and this one has no meaning: the frame is against the rules.",
        wrong={
            "1003": "That is for a message whose type is legal and not wanted here, such as bytes where text is read.",
            "1007": "That would be about the payload, and nobody has looked at it.",
            "1011": "It is not the server's fault.",
        },
    ),
    Guess(
        "split",
        "What does the server say to a text whose letter is cut in two between two frames: a code, or an echo?",
        fact=lambda seen: code(seen.conversation("echo", 4)) or "echo",
        why="The rule is about messages: put together, this one is UTF-8.",
        wrong={
            "1007": "Neither piece is UTF-8 by itself. But does the rule speak of pieces?",
            "1002": "Pieces may be cut anywhere.",
        },
    ),
    Guess(
        "longer",
        "What does the server say to a frame that promises more bytes than it brings?",
        fact=lambda seen: code(seen.conversation("echo", 5)) or "nothing",
        why="It waits for the rest. There is nothing wrong yet.",
        wrong={
            "1002": "Which rule is broken? The frame is not complete, that is all.",
            "1009": "It takes messages of this size, and would take this one.",
            "1007": "The payload is looked at when it is there.",
        },
    ),
    Guess(
        "codes",
        "With how many different close codes did the server answer the broken frames?",
        fact=codes,
        why="Nearly all is a protocol error; text that is no text has its own code, and so has what is too big.",
        wrong={
            "1": "There is also text that is no text.",
            "2": "You have met two of them above. One rule is about a length that nobody could hold.",
        },
    ),
    Exercise(
        "big",
        "Make the server say that something is too big, with at most twenty bytes.",
        check=big,
        right='websocket.Frame(2, b"", key=KEY, length=2**40)',
        wrong={
            "websocket.Frame(2, bytes(2**20 + 1), key=KEY)": "without saying so much",
            'websocket.Frame(2, b"", key=KEY, length=1000)': "Promise more",
            'websocket.Frame(2, b"", length=2**40)': "must be masked",
            'websocket.Frame(9, b"", key=KEY, length=2**40)': "at most 125 bytes",
            'websocket.Frame(2, b"", key=KEY, length=2**63)': "top bit",
            'websocket.Frame(2, b"Hello", key=KEY)': "of this size",
        },
        hints=(
            "Must a server wait for a payload to see that it is too big?",
            "The length is a promise: length=... sets it, whatever the payload is.",
            "A megabyte is 2**20 bytes; promise more in a binary frame, and keep within 63 bits.",
        ),
    ),
    Exercise(
        "rule",
        "Which rule does the stranger's client break?",
        fact=lambda seen: fault(seen)[1].rule.id,
        right='"close-reason"',
        why=lambda seen: f"{fault(seen)[1].message}: it was cut to fit, in the middle of a letter.",
        wrong={
            '"text-utf8"': "Close: it is about UTF-8, but it is not a text message that is cut.",
            '"control-too-long"': "Count: it is as long as a control frame may be, and no longer.",
            '"message-inside-message"': "Between the pieces there is only a ping, and that is allowed.",
            '"continuation-alone"': "Each continuation here has a message to continue.",
            '"close-code"': "The first two bytes of its last payload are 03 e8: that is a code which may be sent.",
            '"control-fragmented"': "Every control frame here has FIN.",
        },
        otherwise="Empty frames are legal, and so is a pong that nobody asked for. Look at each payload's end.",
        hints=(
            "The folded cell says with which code the server closed. Which rules are answered with that one?",
            "It is not in a text message: those are whole. Which other frame carries text?",
            "Look at the last byte of the last payload. Which letter begins so, and where is its other half?",
        ),
    ),
    Exercise(
        "byte",
        "At which byte of that frame does what is wrong begin?",
        fact=at,
        right="len(stranger[9].data) - 1",
        why="The letter begins there, and does not end.",
        wrong={
            size: "That is how long the frame is. Its last byte stands one before that.",
            lambda seen: at(seen) - 6: "That counts in the payload. Header and key stand before it.",
            lambda seen: at(seen) - 8: "That counts in the reason. Code, key and header stand before it.",
            lambda seen: at(seen) - 4: "Does your count have the masking key in it?",
        },
        otherwise="Where is the half letter? Count header, key and code as well.",
        hints=(
            "Only the very last byte of the payload is wrong.",
            "So it is the frame's last byte. How many bytes has the frame? The ladder says it, and len(unit.data).",
        ),
    ),
    Exercise(
        "reason",
        "From a text, make the bytes of a reason: as much as fits beside the code, and never half a letter.",
        tries=[("bye",), ("",), ("x" * 200,), ("é" * 100,), ("x" + "é" * 70,), ("☕" * 60,), ("x" + "🙂" * 40,)],
        right=reason,
        why="As long as a reason may be, whatever it is written in.",
        wrong={
            cut_anywhere: "That is what the stranger does: the last letter may be cut in two.",
            by_letters: "These are so many letters, but some letters take more than one byte.",
            forgot_the_code: "Two bytes too many can be in it: the code goes into the same payload.",
            replaced: "Half a letter became a � here, which takes three bytes and was not in the text.",
            careful: "Never too long, but mostly far too short.",
            no_accents: "Letters with accents are gone. UTF-8 can carry them all.",
            not_cut: "A long text is not cut at all.",
        },
        otherwise="Cut the bytes, then take away what is left of a letter at the end.",
        hints=(
            "First make bytes of the text, then cut them. What may be left at the end?",
            "Bytes have decode(), and that can be told what to do with a letter that is not whole.",
            'data.decode(errors="ignore") leaves half a letter away; encode() makes bytes of it again.',
        ),
    ),
]
