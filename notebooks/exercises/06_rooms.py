"""What lesson 06 asks. Server "chat", connection 0: Ada, 1: Bob; -1: the stranger of the first exercise. Server "crowd" has
no tap; its log says whom it let go."""

import asyncio
import json
import re
from contextlib import suppress

from protolab import lab
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong
from protolab.lesson.evidence import Missing
from protolab.wire.websocket_frames import TEXT, Frame

HOLDS, MESSAGES = 8, 100


def texts(seen, number, side):
    """The JSON texts of one side of a conversation of the chat."""
    frames = [Frame.decode(unit.data) for unit in seen.units("chat", number, side=side, kind="frame")]
    return [json.loads(frame.payload) for frame in frames if frame.opcode == TEXT]


def sender(seen):
    """Who sent the newest message that Bob heard."""
    said = [text["payload"]["sender"] for text in texts(seen, 1, Side.SERVER) if text["type"] == "chat"]
    if len(said) < 2:
        raise Missing("Ada has not said it yet: run the cells above, in order.")
    return said[-1]


def stall(seen):
    """How many messages arrive, in the lesson's experiment: it is done again here."""

    async def count():
        good, slow = asyncio.Queue(HOLDS), asyncio.Queue(HOLDS)
        got = 0

        async def talk():
            for number in range(MESSAGES):
                await asyncio.gather(good.put(number), slow.put(number))

        talking = asyncio.create_task(talk())
        for _ in range(10_000):
            await asyncio.sleep(0)
            with suppress(asyncio.QueueEmpty):
                good.get_nowait()
                got += 1
        talking.cancel()
        return got

    return lab.run(count())


def slow(seen):
    found = re.search(r"is closed with (\d+)", str(seen.server("crowd").log))
    if not found:
        raise Missing("Nobody was let go yet: run the cells above, in order.")
    return int(found[1])


def refused(seen):
    """Judged by the newest conversation: what the stranger asked for, and what the server said to it."""
    if not texts(seen, -1, Side.CLIENT):
        return untouched()
    errors = [text["payload"] for text in texts(seen, -1, Side.SERVER) if text["type"] == "error"]
    if not errors:
        return wrong("The server did what you asked for: no error came.")
    if errors[-1]["code"] == "not_in_room":
        return right("It looked who is in the room, did not find you, and nobody there has heard of it.")
    return wrong(f"That is another error, {errors[-1]['code']}: {errors[-1]['message']}")


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def passed_on(payload, name):
    return {"room": payload["room"], "message": payload["message"], "sender": name}


def everything(payload, name):
    return {**payload, "sender": name}


def believed(payload, name):
    return {"sender": name, **payload}


def nobody(payload, name):
    return {"room": payload["room"], "message": payload["message"]}


def as_it_came(payload, name):
    return payload


def waiting(pending, new, most):
    kept = [*pending, new]
    while len(kept) > 1 and sum(len(message) for message in kept) > most:
        del kept[0]
    return kept


def by_number(pending, new, most):
    return [*pending, new][-most:]


def drop_the_newest(pending, new, most):
    return [*pending, new] if sum(len(message) for message in [*pending, new]) <= most else list(pending)


def only_one(pending, new, most):
    kept = [*pending, new]
    return kept[1:] if sum(len(message) for message in kept) > most else kept


def at_the_bound(pending, new, most):
    kept = [*pending, new]
    while len(kept) > 1 and sum(len(message) for message in kept) >= most:
        del kept[0]
    return kept


def all_of_them(pending, new, most):
    kept = [*pending, new]
    return kept if sum(len(message) for message in kept) <= most else [new]


def not_even_the_new(pending, new, most):
    kept = [*pending, new]
    while sum(len(message) for message in kept) > most:
        del kept[0]
    return kept


EXERCISES = [
    Exercise(
        "away",
        "With which code does a server say that it is going away?",
        fact=lambda seen: 1001,
        right="1001",
        wrong={
            "1000": "That is a goodbye because all was said.",
            "1006": "That one is never said: a library makes it up when nothing was.",
            "1002": "That says that a rule was broken.",
        },
        otherwise="A page that is left says the same.",
        hints=("It is the one after 'normal'.",),
    ),
    Exercise(
        "kept",
        "What is it called that both sides keep, so that a compressed message can refer to earlier ones?",
        fact=lambda seen: "window",
        right='"window"',
        wrong={
            '"tail"': "Those are the last bytes of each message, which are not sent.",
            '"frame"': "That is what goes over the wire. What stays on both sides?",
            '"takeover"': "That is what is done with it from message to message. What is it that is taken over?",
        },
        otherwise="It is the end of what was said; how long it may be is counted in bits.",
        hints=("The parameter that says how long it is ends with _bits.", "max_..._bits"),
    ),
    Guess(
        "sender",
        "Whom does Bob read as the sender?",
        fact=sender,
        why="Who is speaking is the server's word: it knows the connection, and ignores what the message claims.",
        wrong={
            "'user-2'": "Then everybody could be everybody.",
            "'Ada'": "That is what we call her. The server never heard that name.",
        },
    ),
    Guess(
        "stall",
        "How many messages does the client get that reads all the time?",
        fact=stall,
        why=lambda seen: (
            f"The slow one's queue holds {HOLDS}. One more reaches the good one, and then gather waits for the other."
        ),
        wrong={
            "100": "It would, if the next message did not wait until the one before has gone to all.",
            "8": "Nearly: so many fit into the slow one's queue. But the next one is sent to both at the same time.",
            "0": "The slow one has room for some, and as long as it has, nobody waits.",
        },
    ),
    Guess(
        "slow",
        "With which code is a client let go that reads too slowly?",
        fact=slow,
        why="It says 'try again later': nothing is wrong with the client's words, but the server cannot wait for it.",
        wrong={
            "1008": "That is for a client that breaks a rule of the house. Reading slowly is a misfortune.",
            "1011": "That would be the server's own failure.",
        },
    ),
    Exercise(
        "refused",
        "Make the server say that you are not in the room.",
        deed=refused,
        right='await ask(stranger, "chat", room="coffee", message="Anybody here?")',
        wrong={
            'await ask(stranger, "room", action="join", room="coffee")': "no error came",
            'await ask(stranger, "chat", room="coffee", message="")': "empty_message",
            'await ask(stranger, "shout", room="coffee", message="Hey")': "unknown_type",
            'await ask(stranger, "room", action="enter", room="coffee")': "unknown_action",
        },
        hints=(
            "Say something where you have not joined.",
            'A chat has a room and a message: await ask(stranger, "chat", room=..., message=...)',
        ),
    ),
    Exercise(
        "passed",
        "From the payload that a client sent, and its name, make what goes out to the room.",
        tries=[
            ({"room": "tea", "message": "Hi"}, "user-1"),
            ({"room": "tea", "message": "Hi", "sender": "user-2", "timestamp": "yesterday"}, "user-1"),
        ],
        right=passed_on,
        why="What is not asked for is not passed on, so nobody can slip anything in.",
        wrong={
            everything: "The sender is right, but whatever else the client wrote goes out to the room too.",
            believed: "What comes later in a dict wins: here the client says who it is.",
            nobody: "The room will want to know who said it.",
            as_it_came: "This is what the client wrote. Who says that it is true?",
        },
        otherwise="Three things: room and message from the payload, and the name that the server knows.",
        hints=(
            "Take from the payload only what you know by name.",
            '{"room": payload["room"], ...: two more of that kind.',
        ),
    ),
    Exercise(
        "oldest",
        "Write what waits after a new message came, when together they may have at most so many bytes.",
        tries=[
            ([b"aaaa", b"bbbb"], b"c", 10),
            ([b"aaaa", b"bbbb"], b"cc", 10),
            ([b"aaaa", b"bbbb"], b"ccc", 10),
            ([b"a", b"b", b"cc"], b"dddd", 6),
            ([b"aa"], b"too long", 4),
        ],
        right=waiting,
        why="Bounded in bytes, whatever the messages are, and the newest is always there.",
        wrong={
            by_number: "This bounds how many messages wait. A few long ones can be more than many short ones.",
            drop_the_newest: "This drops the newest. Who comes back then reads what is long over.",
            only_one: "One may not be enough: a long message needs the room of several.",
            at_the_bound: "Exactly as many bytes as allowed are allowed.",
            all_of_them: "This drops all of them, where fewer would do.",
            not_even_the_new: "A new message that is too long by itself still stays, alone.",
        },
        otherwise="Add the new one; then, while it is too much, take away the first.",
        hints=(
            "Begin with [*pending, new].",
            "While they are too many bytes, and more than one message is left, take away the first.",
            "sum(len(message) for message in kept) counts the bytes.",
        ),
    ),
]
