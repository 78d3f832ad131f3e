"""What lesson 07 asks. Server "echo", connections 0 and 1: a client before a cut and after it; the last two: the guest of the
third exercise, likewise. Server "chat": a client that sends it bytes."""

from protolab import websocket
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong

CLIENTS = 1000


def texts(seen, number):
    """What a client said on one connection of the echo server."""
    units = seen.units("echo", number, side=Side.CLIENT, kind="frame")
    frames = [websocket.Frame.decode(unit.data) for unit in units if unit.place.complete]
    return [frame.payload.decode() for frame in frames if frame.opcode == 1]


def first(seen):
    """The first text on the second connection."""
    seen.unit("echo", 1, side=Side.CLIENT, kind="frame")
    return texts(seen, 1)[0]


def herd(seen):
    """How many wait for the same time after the first failure, when nothing is random."""
    bounds = [websocket.Backoff(base=1, cap=30).ceiling(1) for _ in range(CLIENTS)]
    return bounds.count(bounds[0])


def rejoin(seen):
    """Judged by the last two conversations: what was said first on each."""
    seen.unit("echo", 3)
    before, after = texts(seen, -2), texts(seen, -1)
    if not before and not after:
        return untouched()
    for said, which in ((before, "first"), (after, "second")):
        if not said:
            return wrong(f"On the {which} connection nothing was said.")
        if said[0] != "join tea":
            return wrong(f"On the {which} connection it began with {said[0]!r}.")
    return right("Whatever happens to the wire, the first thing that the server hears is where this client belongs.")


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def longest(attempt, base, cap):
    return min(cap, base * 2 ** (attempt - 1))


def one_too_far(attempt, base, cap):
    return min(cap, base * 2**attempt)


def no_cap(attempt, base, cap):
    return base * 2 ** (attempt - 1)


def by_steps(attempt, base, cap):
    return min(cap, base * attempt)


def squared(attempt, base, cap):
    return min(cap, base * attempt**2)


def never_below(attempt, base, cap):
    return max(cap, base * 2 ** (attempt - 1))


def again(code):
    return code in (1001, 1006, 1011, 1012, 1013)


def always(code):
    return True


def only_cut(code):
    return code == 1006


def not_goodbye(code):
    return code != 1000


def not_the_slow(code):
    return code in (1001, 1006, 1011, 1012)


def after_errors(code):
    return code in (1002, 1003, 1007, 1008, 1009)


EXERCISES = [
    Exercise(
        "slow",
        "With which code is a client let go that reads too slowly?",
        fact=lambda seen: 1013,
        right="1013",
        wrong={
            "1001": "That is said by one who goes away itself.",
            "1008": "That is for a client that breaks a rule of the house.",
            "1009": "That is for a message that is too big.",
        },
        otherwise="It is the one called 'try again later'.",
        hints=("It is called 'try again later', and is two more than 'internal error'.",),
    ),
    Exercise(
        "text",
        "With which code is a client closed whose text is no UTF-8?",
        fact=lambda seen: 1007,
        right="1007",
        wrong={
            "1002": "The frame is in order; it is what it carries that is not.",
            "1003": "That is for a type of message that is not wanted.",
            "1006": "That one is on no wire.",
        },
        otherwise="It is the one called 'invalid payload data'.",
        hints=("It is called 'invalid payload data', and comes right after the one that is never said.",),
    ),
    Guess(
        "first",
        "Which of the five messages arrives first when the client is back?",
        fact=first,
        why="There was room for some only, and at the bound the oldest are dropped: what is newest matters most.",
        wrong={
            "'one'": "It would, if all could wait, or if the newest were dropped.",
            "'five'": "The newest arrives, but those that still waited go before it.",
        },
    ),
    Guess(
        "herd",
        "How many knock in the busiest tenth of a second, when nobody's delay is random?",
        fact=herd,
        why="They lost the server at the same moment and all wait for the same time, so they knock together.",
        wrong={
            "50": "So many are taken in, once it is back. But how many knock?",
            "100": "That would be so if they came spread over a second. What should spread them?",
        },
    ),
    Guess(
        "fatal",
        "How many connections does the chat see from a client that sends it bytes?",
        fact=lambda seen: len(seen.conversations("chat")),
        why="It was told that this kind of data is not taken. It would be told the same again, so it does not come back.",
        wrong={
            "2": "The second would end like the first. How does the client know?",
            "11": "It might try so often after failures of the network. This was none.",
        },
    ),
    Exercise(
        "longest",
        "Write the longest delay before an attempt.",
        tries=[(1, 1, 30), (2, 1, 30), (4, 1, 30), (6, 1, 30), (3, 0.5, 10)],
        right=longest,
        why="The delay itself is then anything from nothing to this.",
        wrong={
            one_too_far: "The first attempt waits for at most base: nothing was doubled yet.",
            no_cap: "Nothing holds it: after a night without a server it would wait for years.",
            by_steps: "This adds as much each time; it should double.",
            squared: "This grows, but does not double each time.",
            never_below: "This is never below the cap; it should never be above.",
        },
        otherwise="base for the first, twice as much for each after it, and never more than cap.",
        hints=(
            "Doubled how often? Not at all for the first attempt, once for the second.",
            "Twice, n times over, is 2 ** n; and min takes the smaller of two.",
        ),
    ),
    Exercise(
        "again",
        "From the code that the program was told, should the client come back by itself?",
        tries=[(code,) for code in (1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1013)],
        right=again,
        why="What may be different next time is worth another attempt; what would be the same is not.",
        wrong={
            always: "A goodbye in peace, or a fault of one's own, would repeat for ever.",
            only_cut: "A server that restarts says goodbye first; its clients should come back as well.",
            not_goodbye: "A broken rule is broken again by the same program.",
            not_the_slow: "The code that says 'try again later' means it.",
            after_errors: "It is the other way round: these would end the same way.",
        },
        otherwise="Compare with the table above.",
        hints=(
            "What failed: the network, the server of this moment, or what the client itself says?",
            "Come back after 1001, 1006 and two more; the table says AGAIN or LATER there.",
        ),
    ),
    Exercise(
        "rejoin",
        "Make the client say 'join tea' first thing on every connection.",
        deed=rejoin,
        right='guest.on("connected", lambda what: guest.send("join tea"))',
        wrong={
            'await guest.send("join tea")': "On the second connection nothing",
            'guest.on("disconnected", lambda what: guest.send("join tea"))': "On the first connection nothing",
            'guest.on("connected", lambda what: guest.send("join"))': "it began with 'join'",
        },
        hints=(
            "Which of the client's events comes with each connection?",
            'guest.on("...", lambda what: ...) calls a function at an event. What should it send?',
        ),
    ),
]
