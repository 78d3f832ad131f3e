"""What lesson 12 asks. Server "api", connections 0 and 1: a countdown in the newer protocol and in the older one. "odd": what
breaks the rules; connection 0 is the one with the wrong name, 1 the one with an id twice. "blog": connection 0 has two readers,
2 is the one of whose two subscriptions one is left. "desk" and "again" are for the exercises."""

import json

from protolab import websocket
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong
from protolab.protocols.graphql.subprotocols import CODES


def said(seen, thing, number):
    """Each message of one conversation, as (side, JSON), and each Close as (side, its code)."""
    found = []
    for unit in seen.units(thing, number, kind="frame"):
        frame = websocket.Frame.decode(unit.data)
        if frame.opcode == 8:
            found.append((unit.side, int.from_bytes(frame.payload[:2])))
        elif frame.opcode == 1:
            try:
                found.append((unit.side, json.loads(frame.payload)))
            except ValueError:
                continue
    return found


def trap(seen):
    """The type of the first message that the server says to the one with the wrong name."""
    seen.unit("odd", 0, side=Side.SERVER, kind="frame")
    return next(message["type"] for side, message in said(seen, "odd", 0) if side is Side.SERVER)


def steal(seen):
    """Of the four posts, how many come when it is their own reader's turn: the readers take turns, Ada's first."""
    seen.unit("blog", 0, 3, side=Side.SERVER, kind="frame")
    ids = [
        message["id"]
        for side, message in said(seen, "blog", 0)
        if isinstance(message, dict) and message["type"] == "next"
    ]
    return sum(id == turn for id, turn in zip(ids, ("ada", "bob", "ada", "bob"), strict=True))


def left(seen):
    """The types of what was said from the client's complete to the next post."""
    messages = [message for _, message in said(seen, "blog", 2) if isinstance(message, dict)]
    types = [message["type"] for message in messages]
    if "complete" not in types or "next" not in types[types.index("complete") :]:
        seen.unit("blog", 2, 10**6)
    begun = types.index("complete")
    return types[begun : types.index("next", begun) + 1]


def twice(seen):
    """The code with which the one with an id twice is closed."""
    seen.unit("odd", 1, kind="frame")
    return next(code for side, code in said(seen, "odd", 1) if side is Side.SERVER and isinstance(code, int))


def total(seen, name):
    return sum(len(one.read(side)) for one in seen.capture(name).connections for side in Side)


def cheaper(seen):
    """Which of the two took fewer bytes."""
    return "websocket" if total(seen, "graphql-transport-ws, 10 x 10") < total(seen, "sse, 10 x 10") else "sse"


def why_cheaper(seen):
    ours, theirs = total(seen, "graphql-transport-ws, 10 x 10"), total(seen, "sse, 10 x 10")
    return (
        f"{ours} bytes against {theirs}: each stream needs a request and a response of its own, with all their headers."
    )


def written(function, seen):
    """Judge a message by what it says, however its JSON is laid out."""
    document = "subscription Of($id: ID) { postCreated(authorId: $id) { title } }"
    for arguments in (("a", "subscription { postCreated { title } }"), ("b", document, {"id": "2"})):
        text = seen.call(function, *arguments)
        if text is ...:
            return untouched()
        if not isinstance(text, str):
            return wrong(f"A message is a text, and this is of type {type(text).__name__}: json.dumps makes one.")
        try:
            message = json.loads(text)
        except ValueError as error:
            return wrong(f"This is not JSON: {error}.", text.encode(), getattr(error, "pos", 0))
        verdict = judged(message, *arguments)
        if verdict is not None:
            return verdict
    return right("The server takes it, and it fits the interface of the protocol.")


def judged(message, id, query, variables=None):
    """What is wrong with a message, or None."""
    if not isinstance(message, dict):
        return wrong("A message is a JSON object.")
    if message.get("type") != "subscribe":
        old = message.get("type") == "start"
        return wrong(
            "start is the older language's." if old else 'Every message says its "type"; this one\'s is subscribe.'
        )
    if message.get("id") != id:
        return wrong('The "id" stands beside the type, as the text that it is.')
    payload = message.get("payload")
    if not isinstance(payload, dict):
        return wrong('The request stands in a "payload" of its own.')
    if payload.get("query") != query:
        return wrong('The document is called "query" in the payload, whatever its operation is.')
    if variables is None and "variables" in payload:
        return wrong('There are no variables, so leave "variables" out.')
    if payload.get("variables") != variables:
        return wrong('The variables are missing: an object called "variables", in the payload.')
    return None


def one(seen):
    """Judged by the newest conversation of "desk": which of its two subscriptions were ended?"""
    seen.unit("desk", -1, 4, side=Side.CLIENT, kind="frame")
    messages = said(seen, "desk", -1)
    if any(isinstance(message, int) for _, message in messages):
        return wrong("The whole socket is closed, with all that ran on it.")
    ids = [message["id"] for side, message in messages if side is Side.CLIENT and message["type"] == "complete"]
    begun = [message["id"] for side, message in messages if side is Side.CLIENT and message["type"] == "subscribe"]
    if not ids:
        return wrong("A third one was begun, and none was ended.") if len(begun) > 2 else untouched()
    if len(set(ids)) > 1:
        return wrong("Both were ended.")
    if ids[0] not in begun[:2]:
        return wrong("What was ended is neither of the two.")
    if ids[0] == begun[1]:
        return wrong("That was the one for Bob's posts.")
    return right("One complete crossed the wire, with its id; the other subscription did not notice.")


def again(seen):
    """Judged by the newest conversation of "again"."""
    if not seen.conversations("again"):
        return untouched()
    messages = said(seen, "again", -1)
    mine = [message for side, message in messages if side is Side.CLIENT and isinstance(message, dict)]
    begun = [message.get("id") for message in mine if message.get("type") == "subscribe"]
    codes = [code for side, code in messages if side is Side.SERVER and isinstance(code, int)]
    if codes and codes[0] == 4409:
        return wrong("4409: the first one still ran when the second came under its id.")
    if codes:
        return wrong(
            f"The server closed with {codes[0]}: {CODES[codes[0]].meaning if codes[0] in CODES else 'see its reason'}."
        )
    if len(begun) < 2:
        return wrong("There is only one subscription on this socket.")
    if len(set(begun)) > 1:
        return wrong("These are two ids. That works, but here the same one is to be used again.")
    return right("After complete an id is free, whoever said it.")


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def subscribe(id, query, variables=None):
    payload = {"query": query}
    if variables is not None:
        payload["variables"] = variables
    return json.dumps({"id": id, "type": "subscribe", "payload": payload})


FATAL_CODES = [(code,) for code in CODES]


def fatal(code):
    return code not in (4403, 4408, 4499, 4504)


def never(code):
    return False


def every(code):
    return True


def all_of_44(code):
    return 4400 <= code < 4500


def only_bad_messages(code):
    return code in (4004, 4400, 4401, 4409, 4429)


def log_in(code):
    return code not in (4401, 4408, 4499, 4504)


EXERCISES = [
    Exercise(
        "upgrade",
        "With which status does a server agree to an upgrade?",
        fact=lambda seen: 101,
        right="101",
        wrong={
            "200": "That is for an answer in HTTP; after this one something else is spoken.",
            "100": "That only means: go on, send the body.",
            "301": "That sends the client to another place.",
        },
        otherwise="It is called Switching Protocols.",
        hints=("It is called Switching Protocols.", "It has three digits, the first and the last are the same."),
    ),
    Exercise(
        "key",
        "Which key stands beside data when a field has failed?",
        fact=lambda seen: "errors",
        right='"errors"',
        wrong={
            '"error"': "There may be several of them.",
            '"path"': "That stands in each of them, and says which field it was.",
            '"message"': "That stands in each of them, for people to read.",
        },
        otherwise="It holds a list, with an object for each field that failed.",
        hints=("It holds a list.", "What is the English word for several things that went wrong?"),
    ),
    Guess(
        "trap",
        "Of which type is the answer to the init of a client with the wrong name?",
        fact=trap,
        why="Up to there both languages are the same. That is what makes it a trap.",
        wrong={
            "'connection_error'": "It has done nothing wrong yet: this message is in both languages.",
            "'error'": "An error belongs to an operation, and there is none yet.",
            "'ka'": "That keeps a connection alive; first it must be let in.",
        },
    ),
    Guess(
        "steal",
        "How many of the four posts reach the reader that wants them?",
        fact=steal,
        why="They take turns, and a message goes to the one whose turn it is, whatever id it bears.",
        wrong={
            "4": "That would take somebody who looks at the id before the message is handed out.",
            "0": "Sometimes the right one is at the socket, by luck.",
            "3": "For each that one reader gets too many, the other gets one too few.",
        },
    ),
    Guess(
        "left",
        "Which messages cross the wire after one subscription is left?",
        fact=left,
        why="The server answers complete with nothing, and says the new post once: to the subscription that is left.",
        wrong={
            "['complete', 'complete', 'next']": "Whoever says complete needs no answer; the id is free at once.",
            "['complete', 'next', 'next']": "The one that was left is told nothing more.",
            "['next']": "How should the server know, if nobody says so?",
            "['complete']": "The other subscription goes on, and is told of the post.",
        },
    ),
    Guess(
        "twice",
        "With which code is one closed that uses an id twice?",
        fact=twice,
        why="Its meaning says it: the id of an operation that is still running.",
        wrong={
            "4400": "The message itself is in order; it is the moment that is wrong.",
            "4429": "That one counts connection_init, not subscribe.",
            "4401": "That is for a subscribe that comes too early.",
        },
    ),
    Guess(
        "bytes",
        "Which costs fewer bytes: ten subscriptions with ten events each on one WebSocket, or on ten event streams?",
        fact=cheaper,
        why=why_cheaper,
        wrong={"'sse'": "Each event may be small, but how often are the headers said?"},
    ),
    Exercise(
        "write",
        "Write the message that begins an operation.",
        check=written,
        right=subscribe,
        wrong={
            'lambda id, query, variables=None: json.dumps({"id": id, "type": "start", "payload": {"query": query}})': (
                "the older language's"
            ),
            'lambda id, query, variables=None: json.dumps({"id": id, "type": "subscribe", "query": query})': (
                'a "payload" of its own'
            ),
            'lambda id, query, variables=None: json.dumps({"id": id, "type": "subscribe", "payload": {"query": query}})': (
                "The variables are missing"
            ),
            'lambda id, query, variables=None: json.dumps({"id": id, "type": "subscribe", '
            '"payload": {"query": query, "variables": variables}})': 'leave "variables" out',
            'lambda id, query, variables=None: {"id": id, "type": "subscribe", "payload": {"query": query}}': "is a text",
            "lambda id, query, variables=None: \"{'id': '\" + id + \"'}\"": "not JSON",
        },
        hints=(
            "Look at the subscribe above: three members, the last of which holds the request.",
            'payload = {"query": query}, and variables only when there are some.',
            "json.dumps makes a text of it.",
        ),
    ),
    Exercise(
        "one",
        "End the subscription for Ada's posts, and only that one.",
        deed=one,
        right="await of_ada.aclose()",
        wrong={
            "await of_bob.aclose()": "for Bob's posts",
            "await member.close()": "The whole socket",
            "await of_ada.aclose(), await of_bob.aclose()": "Both were ended",
            'third = await member.subscribe(post_by("3")).begun()': "A third one",
        },
        hints=("What was said above to leave one of two?", "A subscription has a coroutine aclose."),
    ),
    Exercise(
        "fatal",
        "After which of these codes should a client not come back?",
        tries=FATAL_CODES,
        right=fatal,
        why="Four of them may end otherwise the next time: two came too late, one was given up, and a token may be renewed.",
        wrong={
            never: "A client that breaks a rule would break it again, for ever.",
            every: "A server that was slow for once may be quick the next time.",
            all_of_44: "Their numbers are in no such order: look at each line of the table.",
            only_bad_messages: "Some faults are in no message: a name that nobody speaks, something that fails inside.",
            log_in: "4401 is not about a token: that is 4403, and a token may be renewed.",
        },
        otherwise="Look at the table: which of them would end the same way?",
        hints=("Four of them may end otherwise the next time.", "They are printed under AGAIN."),
    ),
    Exercise(
        "again",
        "Use the id a second time, in order.",
        deed=again,
        right='await say(SUBSCRIBE, \'{"id":"1","type":"complete"}\', SUBSCRIBE, to=again)',
        wrong={
            "await say(SUBSCRIBE, SUBSCRIBE, to=again)": "4409",
            "await say(SUBSCRIBE, to=again)": "only one subscription",
            "await say(SUBSCRIBE, SUBSCRIBE.replace('\"1\"', '\"2\"'), to=again)": "two ids",
            'await say(SUBSCRIBE, \'{"id":"1","type":"stop"}\', SUBSCRIBE, to=again)': "4400",
        },
        hints=(
            "When is an id free again?",
            "The client can end the first one itself.",
            'The message that does it has two members: "id" and "type".',
        ),
    ),
]
