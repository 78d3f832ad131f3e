"""What lesson 15 asks. Server "users": connection 0 is an echo, 1 an empty one, 2 counts, 3 sums, 4 doubles, 5 has four calls,
6 metadata, 7 a user, 8 pages, 9 a field mask; the last ones are the learner's own.
"""

from protolab.fields import Side
from protolab.lesson import Exercise, Guess, Missing, right, untouched, wrong

HEADERS, DATA, END_STREAM = 1, 0, 1


def frames(seen, number, stream=None):
    """HEADERS and DATA of one call, or, without a stream, of all."""
    units = [unit for unit in seen.units("users", number, kind="frame") if unit.place.complete]
    found = [unit for unit in units if unit.lane and unit.data[3] in (HEADERS, DATA)]
    found = [unit for unit in found if stream in (None, unit.lane)]
    if not found:
        raise Missing("No call was recorded there yet: run the cells above, in order.")
    return found


def paths(seen, number):
    """Stream and method of each call on a connection."""
    return {
        unit.lane: str(field.value).rpartition("/")[2]
        for unit in frames(seen, number)
        for field in unit.field.children
        if field.name == ":path"
    }


def said(units, side):
    """The messages that a side said, as fields."""
    return [
        field
        for unit in units
        if unit.side is side
        for field in unit.field.children
        if field.name == "length-prefixed message"
    ]


def most_open(seen):
    """The most streams that were open at once; one is until both sides have ended it."""
    ended, most = {}, 0
    for unit in frames(seen, 5):
        sides = ended.setdefault(unit.lane, set())
        most = max(most, sum(len(each) < 2 for each in ended.values()))
        if unit.data[4] & END_STREAM:
            sides.add(unit.side)
    return most


def heads(seen):
    found = frames(seen, 2, 1)
    return sum(unit.side is Side.SERVER and unit.data[3] == HEADERS for unit in found)


def age(seen):
    """Ada's age in the server's answer; an age that is not there is 0."""
    (answer,) = said(frames(seen, 9, 1), Side.SERVER)
    return next((int(field.value) for depth, field in answer.walk() if field.name == "age"), 0)


# The functions below are answers to "split": the first is right, the others are what people write on the way to it.


def split(data):
    found = []
    while data:
        end = 5 + int.from_bytes(data[1:5])
        found.append(data[5:end])
        data = data[end:]
    return found


def only_one(data):
    return [data[5:]]


def least_first(data):
    found = []
    while data:
        end = 5 + int.from_bytes(data[1:5], "little")
        found.append(data[5:end])
        data = data[end:]
    return found


def no_flag(data):
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4])
        found.append(data[4:end])
        data = data[end:]
    return found


def one_byte_of_length(data):
    found = []
    while data:
        end = 5 + data[4]
        found.append(data[5:end])
        data = data[end:]
    return found


def none_that_are_empty(data):
    return [message for message in split(data) if message]


def with_what_stands_before(data):
    found = []
    while data:
        end = 5 + int.from_bytes(data[1:5])
        found.append(data[:end])
        data = data[end:]
    return found


def three(seen):
    """Judged by the newest connection: what was said in its first call of Double."""
    if seen.conversations("users")[9:] == [] or len(seen.conversations("users")) < 11:
        return untouched()
    calls = paths(seen, -1)
    stream = next((number for number, name in calls.items() if name == "Double"), None)
    if stream is None:
        name = next(iter(calls.values()))
        return untouched() if name == "UpdatePerson" else wrong(f"That was a call of {name}, which is another shape.")
    units = frames(seen, -1, stream)
    numbers = len(said(units, Side.CLIENT))
    if numbers != 3:
        return wrong(f"Your side said {numbers} message{'' if numbers == 1 else 's'}; say three.")
    if not any(unit.side is Side.CLIENT and unit.data[4] & END_STREAM for unit in units):
        return wrong("Your side never said END_STREAM: the server was still waiting when the client hung up.")
    answers = len(said(units, Side.SERVER))
    if answers != 3 or not (units[-1].side is Side.SERVER and units[-1].data[4] & END_STREAM):
        return wrong(f"You left before the server had said its status; {answers} answers had come.")
    return right("Three there, three back, and each side said when it had finished.")


ROLES = "UpdatePerson"


def roles(seen):
    """Judged by the newest connection, and by what the server has of Ada now."""
    if len(seen.conversations("users")) < 11 or ROLES not in (calls := paths(seen, -1)).values():
        return untouched()
    stream = max(number for number, name in calls.items() if name == ROLES)
    (request,) = said(frames(seen, -1, stream), Side.CLIENT)
    mask = [str(field.value) for depth, field in request.walk() if field.name == "paths"]
    ada = seen.server("users").server.store.get("1").user
    if not mask:
        return wrong("Without a mask only what is set changes, and an empty list is not set: nothing changed.")
    if "roles" not in mask:
        return wrong(f"The mask names {', '.join(mask)}. What it does not name stays.")
    if ada.roles:
        return wrong(f"Her roles are {', '.join(ada.roles)} now: a mask takes over what the message says.")
    if mask != ["roles"]:
        others = " and ".join(name for name in mask if name != "roles")
        return wrong(f"The mask names {others} as well, which is not yours to change.")
    return right("The mask names the roles, the message has none: so they are emptied, and all else stays.")


SEND = "call = client.calls.Double()\n"
TURNS = """\
for value in (1, 2, 3):
    await call.write(lessons.Number(value=value))
    await call.read()
"""

EXERCISES = [
    Exercise(
        "wire",
        "Which wire type does a text have in protobuf?",
        fact=lambda seen: 2,
        right="2",
        wrong={
            "0": "That is VARINT, for numbers. A text says its length first.",
            "1": "That is for eight bytes, always. A text may have any length.",
            "5": "That is for four bytes, always. A text may have any length.",
        },
        otherwise="It is called LEN.",
        hints=("It is the one called LEN; its number is between 1 and 5.",),
    ),
    Exercise(
        "frame",
        "Which frame carries a request's method and path?",
        fact=lambda seen: "HEADERS",
        right='"HEADERS"',
        wrong={
            '"DATA"': "That carries what comes after them: the content.",
            '"SETTINGS"': "That tells the other side what one can take; it belongs to no request.",
            '"GET"': "That is a method. Which frame is it in?",
        },
        otherwise="Method and path are pseudo-headers, `:method` and `:path`. In which frame do headers stand?",
        hints=("Its name says what it carries.",),
    ),
    Guess(
        "frames",
        "How many frames with HEADERS or DATA does a unary call take, both sides together?",
        fact=lambda seen: len(frames(seen, 0, 1)),
        why="Headers and a message from each side, and the trailers, which say how it went.",
        wrong={
            "2": "One each way would be enough for the messages. But where are the headers?",
            "4": "Headers and a message each way. What is still missing is how it went.",
            "6": "Only the server says headers twice: a client has no status to report.",
        },
    ),
    Guess(
        "empty",
        "How many bytes stand in the DATA frame of an empty message?",
        fact=lambda seen: len(frames(seen, 1, 1)[1].data) - 9,
        why="A flag and a length stand before every message, also before one of no bytes.",
        wrong={
            "0": "So it would be if HTTP/2 knew where messages begin. What does gRPC put before each?",
            "2": "A tag and a length of 0: but proto3 does not send a default at all.",
            "4": "That is the length alone. Before it stands one byte more.",
        },
    ),
    Guess(
        "heads",
        "How many HEADERS frames does the server send for three numbers?",
        fact=heads,
        why="One block before the messages and one after them, however many messages there are.",
        wrong={
            "1": "The first one says that a response comes. Where is the status?",
            "3": "Messages need no headers of their own: five bytes before each are enough.",
            "4": "Messages need no headers of their own, and the status comes after the last.",
        },
    ),
    Guess(
        "open",
        "How many streams are open at once, at most?",
        fact=most_open,
        why="Double stays open meanwhile, and each Echo is over when the next one begins.",
        wrong={
            "1": "So it would be in HTTP/1.1: Echo would wait until Double has ended, or need a connection of its own.",
            "3": "The first Echo has ended when the second one begins. A stream closes when both sides have ended.",
            "4": "So many calls are made, but not all at once.",
        },
    ),
    Guess(
        "mask",
        "What is Ada's age afterwards?",
        fact=age,
        why="The mask names the age, and the message has none: so it becomes the default.",
        wrong={
            "36": "It would stay if the mask did not name it.",
            "'36'": "It would stay if the mask did not name it.",
        },
    ),
    Exercise(
        "split",
        "Take a row of bytes apart into gRPC's messages.",
        tries=[
            (b"\x00\x00\x00\x00\x07\x0a\x05hello",),
            (b"\x00\x00\x00\x00\x02\x08\x02\x00\x00\x00\x00\x02\x08\x04\x00\x00\x00\x00\x02\x08\x06",),
            (b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x08\x02",),
            (b"\x00\x00\x00\x01\x2c" + b"x" * 300 + b"\x01\x00\x00\x00\x03zip",),
            (b"",),
        ],
        right=split,
        wrong={
            only_one: "There may be several: after the first message's end another may begin.",
            least_first: "The length's first byte weighs most here; read the other way it is huge.",
            no_flag: "The first byte is the flag. The length is in the four after it.",
            one_byte_of_length: "The length has four bytes, and messages may be longer than 255.",
            none_that_are_empty: "An empty message is one too: it is all defaults.",
            with_what_stands_before: "The five bytes belong to gRPC. The message begins after them.",
        },
        otherwise="Each message: one byte of flag, four of length, and so many bytes.",
        why="A receiver does this with bytes as they come, and keeps what is not whole for the next DATA frame.",
        hints=(
            "While something is left: read the length, take the message, go on behind it.",
            "int.from_bytes(data[1:5]) is the length; the first byte weighs most unless told otherwise.",
            "The message is data[5 : 5 + length], and the rest is data[5 + length :].",
        ),
    ),
    Exercise(
        "shape",
        "Which of the four shapes has the call?",
        fact=lambda seen: "bidirectional",
        right='"bidirectional"',
        wrong={
            '"unary"': "Each side says one message there. Count them here.",
            '"server streaming"': "The client says two messages; there it may say one.",
            '"client streaming"': "The server says two messages, and the first before the client has ended.",
        },
        otherwise="How many messages come from each side?",
        why="Several from both sides. Where only one comes, the wire does not tell: a stream may have just one message.",
        hints=("How many messages did each side say?", "More than one on a side: `stream` stands there."),
    ),
    Exercise(
        "three",
        "Make a call of Double: three numbers, an answer to each, a proper end.",
        deed=three,
        right=f"{SEND}{TURNS}await call.done_writing()\nawait call.code()",
        wrong={
            f"{SEND}await call.write(lessons.Number(value=1))\nawait call.read()": "said 1 message;",
            f"{SEND}{TURNS}": "never said END_STREAM",
            "await client.sum([1, 2, 3])": "call of Sum",
        },
        hints=(
            "`await call.write(lessons.Number(value=1))` says a number, `await call.read()` hears the answer.",
            "After the third: `await call.done_writing()`, and then `await call.code()` waits for the status.",
        ),
    ),
    Exercise(
        "roles",
        "Take all of Ada's roles away, and change nothing else.",
        deed=roles,
        right='await directory.update(users.User(id=ada.id), mask=["roles"])',
        wrong={
            "await directory.update(users.User(id=ada.id, roles=[]))": "Without a mask",
            'await directory.update(users.User(id=ada.id, name="Ada King"), mask=["name"])': "The mask names name.",
            'await directory.update(users.User(id=ada.id, roles=["guest"]), mask=["roles"])': "guest now",
            'await directory.update(users.User(id=ada.id, name="Ada King"), mask=["name", "roles"])': "name as well",
        },
        hints=(
            "Without a mask, what is not set stays: and an empty list is not set.",
            "The mask names what changes; the message says what it becomes, here nothing.",
        ),
    ),
]
