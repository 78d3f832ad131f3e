"""What lesson 08 asks. Server "events", connection 0: ada hears two events; later ones are found by their client_id. Server
"says": what it is told to say, on connections 0 and 2 (each client visits a second time, and is told that that was all)."""

import re

from protolab import sse
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong

PUZZLE = (
    b"retry: 500\n\n"
    b"data: sugar\ndata:  milk\n\n"
    b"event: order\ndata:tea\nDATA: coffee\n\n"
    b":data: water\nid: 9\n\n"
    b"data: cake\n"
)


def data_lines(seen):
    """How many data lines carry the two events; the hello before them has one of its own."""
    found = seen.units("events", 0, kind="event")[1:3]
    seen.unit("events", 0, 2, kind="event")
    return sum(unit.data.count(b"\ndata: ") for unit in found)


def dispatched(seen, number):
    """How many events one conversation of the server "says" dispatched."""
    seen.unit("says", number)
    return len(seen.units("says", number, kind="event"))


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def event_for(text):
    lines = re.split("\r\n|\r|\n", text)
    return "".join(f"data: {line}\n" for line in lines).encode() + b"\n"


ARRIVES = (
    "hello",
    "two\nlines",
    "one\r\ntwo\rthree",
    " a space",
    "a\u2028b\x0bc",
    "ends\n",
    "",
    "hi\n\nevent: x\ndata: y",
)


def arrives(answer, seen):
    """Judged by what a reader makes of it, whatever its lines look like."""
    for text in ARRIVES:
        made = seen.call(answer, text)
        if made is ...:
            return untouched("Put your code in place of the dots.")
        if not isinstance(made, bytes | bytearray):
            return wrong(
                f"Bytes were asked for, and for {text!r} this gives a value of type {type(made).__name__}: .encode() makes bytes."
            )
        made = bytes(made)
        events = list(sse.parse(made))
        wanted = re.sub("\r\n|\r", "\n", text)
        if not events:
            why = "without a blank line nothing is dispatched" if b"data" in made else "it has no field named data"
            return wrong(f"For {text!r} a reader gets no event: {why}.", made, len(made), len(made))
        if len(events) > 1:
            return wrong(
                f"For {text!r} a reader gets {len(events)} events: who wrote the text has injected one.", made, 0, 1
            )
        if events[0].type != "message":
            return wrong(f"For {text!r} the type is {events[0].type!r}, not 'message'.", made, 0, 1)
        if events[0].data != wanted:
            return wrong(f"{text!r} arrives as {events[0].data!r}.", made, 0, 1)
    return right("Whatever is said arrives as it was said, and nobody can make an event of their own.")


def mended(stream):
    text = stream.decode().removeprefix("\ufeff")
    found, data = [], []
    lines = re.split("\r\n|\r|\n", text)
    for line in lines[:-1]:  # what follows the last line end is no whole line
        name, _, value = line.partition(":")
        if line == "" and data:
            found.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
    return found


def no_mark(stream):
    found, data = [], []
    for line in re.split("\r\n|\r|\n", stream.decode())[:-1]:
        name, _, value = line.partition(":")
        if line == "" and data:
            found.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
    return found


def with_splitlines(stream):
    found, data = [], []
    for line in stream.decode().removeprefix("\ufeff").splitlines():
        name, _, value = line.partition(":")
        if line == "" and data:
            found.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
    return found


def strips_all(stream):
    found, data = [], []
    for line in re.split("\r\n|\r|\n", stream.decode().removeprefix("\ufeff"))[:-1]:
        name, _, value = line.partition(":")
        if line == "" and data:
            found.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.strip())
    return found


def any_name(stream):
    found, data = [], []
    for line in re.split("\r\n|\r|\n", stream.decode().removeprefix("\ufeff"))[:-1]:
        if line == "" and data:
            found.append("\n".join(data))
            data = []
        elif line.startswith("data"):
            data.append(line[5:].removeprefix(" "))
    return found


def at_the_end(stream):
    found, data = [], []
    for line in re.split("\r\n|\r|\n", stream.decode().removeprefix("\ufeff")):
        name, _, value = line.partition(":")
        if line == "" and data:
            found.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
    return found + ["\n".join(data)] * bool(data)


def only_lf(stream):
    found, data = [], []
    for line in stream.decode().removeprefix("\ufeff").split("\n")[:-1]:
        name, _, value = line.partition(":")
        if line == "" and data:
            found.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
    return found


def hasty(stream):
    found, data = [], []
    for line in stream.decode().splitlines():
        if line.startswith("data"):
            data.append(line[5:].strip())
        elif line == "" and data:
            found.append("\n".join(data))
            data = []
    if data:
        found.append("\n".join(data))
    return found


def target(seen):
    """Judged by what the newest connections of ada and bob were told after their hello."""
    told, came, asked = {}, 0, None
    for number, talk in enumerate(seen.conversations("events")):
        request = seen.unit("events", number).field
        path = str(request.find("target").value)
        for name in ("ada", "bob"):
            if path.endswith(f"client_id={name}"):
                told[name], came = [unit.field.value for unit in talk if unit.kind == "event"][1:], number
        if request.find("method").value == "POST":
            asked = number
    if len(told) < 2:
        return untouched("Run the cells above, in order.")
    if asked is None or asked < came:
        return untouched()
    status = seen.unit("events", asked, side=Side.SERVER).field.find("status").value
    if str(status) != "200":
        return wrong(f"The server refused that with {status}; its answer says why.")
    kinds = sorted({event.type for event in told["ada"]})
    if told["bob"]:
        return wrong("Bob was told as well.")
    if not told["ada"]:
        return wrong("The server said it, but ada heard nothing.")
    if kinds != ["update"]:
        return wrong(f"Ada was told, and nobody else; but it was of the type {kinds[0]}.")
    return right("Ada was told, and nobody else.")


EXERCISES = [
    Exercise(
        "head",
        "Which four bytes end a head?",
        fact=lambda seen: b"\r\n\r\n",
        right=r'b"\r\n\r\n"',
        wrong={
            r'b"\n\n"': "So a screen shows it. Which two bytes end a line in HTTP?",
            r'b"\r\n"': "That ends a line. What says that no more lines follow?",
            r'b"\n\r\n\r"': "The right ones, the wrong way round: the carriage returns first.",
        },
        otherwise="The end of the last line, and a blank line.",
        why="An event will end in a similar way.",
        hints=("A line ends with CR LF; a blank line is nothing but that.", "The same two bytes, twice."),
    ),
    Exercise(
        "cut",
        "Which code is a WebSocket's program told when the wire was cut?",
        fact=lambda seen: 1006,
        right="1006",
        why="It is on no wire: the program's own library makes it up.",
        wrong={
            "1000": "That is a goodbye in peace, and here nobody said goodbye.",
            "1001": "That is said by one who goes away, and here nothing was said.",
            "1002": "That is said to one who breaks the protocol; a cut wire breaks no rule.",
        },
        otherwise="It is the one that no Close frame ever carries.",
        hints=("No Close frame carries it.", "It is six more than a normal goodbye."),
    ),
    Guess(
        "lines",
        "How many data lines do the two events need together?",
        fact=data_lines,
        why="JSON writes a line end as two characters and stays on one line; the text as it is needs one for each of its own.",
        wrong={
            "2": "One each would do, if a line end could stand inside a line.",
            "4": "So it would be without JSON, which writes a line end in another way.",
        },
    ),
    Guess(
        "odd",
        "How many of the odd blocks does a client dispatch?",
        fact=lambda seen: dispatched(seen, 0),
        why="A block dispatches an event if it has a data field, written just so, and a blank line after it.",
        wrong={
            "10": "That would be all of them. Some have no data, as far as a reader can tell.",
            "7": "Names are exact: neither capital letters nor spaces before them are forgiven.",
            "6": "One of them is not complete when the stream ends, or one has a name that only looks right.",
            "4": "Even data without a colon is data: an empty one.",
        },
    ),
    Guess(
        "naive",
        "How many events does the client get from the naive server, which says two texts?",
        fact=lambda seen: dispatched(seen, 2),
        why="A blank line in a text ends the server's event, and what follows is an event of whoever wrote the text.",
        wrong={
            "2": "So the server meant it. But one of the texts has a blank line in it.",
            "4": "A line with no field's name makes no event, it is lost.",
        },
    ),
    Exercise(
        "puzzle",
        "Which data does a client get from this stream?",
        fact=lambda seen: [event.data for event in sse.parse(PUZZLE)],
        right=r'["sugar\n milk", "tea"]',
        wrong={
            r'["sugar\nmilk", "tea"]': "Only one space is dropped after the colon.",
            r'["sugar", " milk", "tea"]': "No blank line stands between them: they are lines of one event.",
            r'["sugar\n milk", "tea\ncoffee"]': "Names are exact: DATA is not data.",
            r'["sugar\n milk", "tea", "cake"]': "The stream ends before the last one is complete.",
            r'["sugar\n milk", "tea", "water"]': "What begins with a colon is a comment.",
            r'["sugar\n milk", "tea", ""]': "A block without data dispatches nothing, whatever else it sets.",
        },
        otherwise="Take it block by block: where are the blank lines, and which lines are named data?",
        why="Two blocks have no data at all, and the last one is cut off.",
        hints=(
            "A block without a data line gives no event, nor does one without a blank line after it.",
            "Two events are left. The first has two lines, and exactly one space is dropped in each.",
        ),
    ),
    Exercise(
        "event",
        "Write an event of the type message that carries any text.",
        check=arrives,
        right=event_for,
        wrong={
            'lambda text: f"data: {text}\\n\\n".encode()': "'two\\nlines' arrives as 'two'",
            'lambda text: ("data: " + text.replace("\\n", "\\ndata: ") + "\\n\\n").encode().replace(b"\\r", b"")': (
                "arrives as 'one\\ntwothree'"
            ),
            'lambda text: b"".join(f"data: {line}\\n".encode() for line in text.splitlines()) + b"\\n"': (
                r"'a\u2028b\x0bc' arrives as 'a\nb\nc'"
            ),
            'lambda text: b"".join(f"data: {line}\\n".encode() for line in re.split("\\r\\n|\\r|\\n", text))': (
                "without a blank line"
            ),
            'lambda text: b"".join(f"data:{line}\\n".encode() for line in re.split("\\r\\n|\\r|\\n", text)) + b"\\n"': (
                "' a space' arrives as 'a space'"
            ),
        },
        hints=(
            "Each line of the text becomes a data line of its own.",
            r're.split("\r\n|\r|\n", text) gives the lines of a text, and an empty one for an empty text.',
            'Join f"data: {line}\\n" for each of them, encode that, and do not forget what dispatches.',
        ),
    ),
    Exercise(
        "parser",
        "Write a parser that gives back the data of every event.",
        tries=[
            (b"id: 1\ndata: hello\n\nevent: update\ndata: two\ndata: lines\n\n",),
            (b"data: a\r\ndata: b\r\rdata: c\n\n",),
            ("data: a\u2028b\n\n".encode(),),
            (b"data:  two spaces \n\n",),
            (b"database: none\n\ndata\n\n",),
            (b"\xef\xbb\xbfdata: marked\n\n",),
            (b"data: whole\n\ndata: cut off\n",),
        ],
        right=mended,
        why="Few libraries get all of these right.",
        wrong={
            hasty: "That is still the one above, with its four mistakes.",
            with_splitlines: "splitlines knows more line ends than the stream has: U+2028 is data.",
            only_lf: "CR LF and CR end a line as well.",
            strips_all: "Only one space is dropped, the one after the colon.",
            any_name: "The name is all that stands before the colon; it must be data and no more.",
            at_the_end: "What has no blank line when the stream ends is dropped.",
            no_mark: "A byte order mark may begin the stream; it is dropped, or else the first name has it in front.",
        },
        otherwise="Compare with the rules above.",
        hints=(
            r're.split("\r\n|\r|\n", text) finds the lines; "\ufeff" is the byte order mark, decoded.',
            'line.partition(":") gives what is before the colon, the colon, and what is after it.',
            '.removeprefix("...") drops something once, if it is there, and nothing more.',
        ),
    ),
    Exercise(
        "target",
        "Say an update that only ada gets.",
        deed=target,
        right='print(await post("/api/update", update_data={"cups": 2}, target_clients=["ada"]))',
        wrong={
            'print(await post("/api/update", update_data={"cups": 2}))': "Bob was told as well",
            'print(await post("/api/update", update_data={"cups": 2}, target_clients="ada"))': "refused that with 400",
            'print(await post("/api/update", update_data={"cups": 2}, target_clients=["Ada"]))': "ada heard nothing",
            'print(await post("/api/broadcast", event="message", data="tea", target_clients=["ada"]))': "of the type message",
        },
        hints=(
            "The answer to the second request above names what the server knows.",
            "target_clients is a list of names.",
        ),
    ),
]
