"""What lesson 09 asks. Server "events", connections 0 and 1: ada, before a cut and after it; then carl and cora, and leo, who are
found by their client_id. Servers "puzzle" and "desk": with events to come back for; on "desk" each connection is a try."""

from protolab import sse
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong


def updates(seen, thing, number):
    """The ids of what a connection was told, hello and resync aside."""
    told = [unit.field.value for unit in seen.units(thing, number, kind="event")]
    return [int(event.last_event_id) for event in told if event.type not in ("connected", "resync")]


def missed(seen):
    """What ada was told on her second connection."""
    seen.unit("events", 1, kind="event")
    return updates(seen, "events", 1)


def visits(seen, name):
    """The numbers of the connections that a client of that name made to "events"."""
    count = len(seen.conversations("events"))
    paths = [str(seen.unit("events", number).field.find("target").value) for number in range(count)]
    return [number for number, path in enumerate(paths) if path.endswith(f"client_id={name}")]


def careless(seen):
    """How many updates carl was told, on both of his connections."""
    numbers = visits(seen, "carl")
    seen.unit("events", numbers[1] if len(numbers) > 1 else 10**6)  # which is missing until he was back
    return sum(len(updates(seen, "events", number)) for number in numbers)


def back(seen):
    """What the server would tell ada."""
    found = seen.server("puzzle").server.history.since("2", "ada")
    return [int(event.last_event_id) for event in sse.parse(found.events)]


def head(seen):
    """Judged by the newest request on the wire, and by what it brought."""
    if not seen.conversations("desk"):
        return untouched()
    request = seen.unit("desk", -1, kind="request head")
    if not request.place.complete:
        return wrong("The server still waits: without a blank line the head does not end.")
    names = {field.name.lower(): field for field in request.field.children}
    status = seen.unit("desk", -1, side=Side.SERVER).field.find("status").value
    if str(status) != "200":
        return wrong(
            f"The server answered {status}: this is no request for a stream.", request.data, 0, len(request.data)
        )
    target = request.field.find("target")
    if not str(target.value).endswith("client_id=ada"):
        return wrong("Who comes back here? Not ada.", request.data, target.start, target.end)
    if "last-event-id" not in names:
        return wrong("There is no Last-Event-ID, so the server takes it for a first visit.")
    field, told = names["last-event-id"], updates(seen, "desk", -1)
    if told == [3, 4]:
        return right("The server went on where her program had stopped.")
    if 2 in told:
        return wrong("She is told again what she knows already.", request.data, field.start, field.end)
    return wrong(
        f"It names an id, but brings only {len(told)} of what she missed.", request.data, field.start, field.end
    )


def stop(seen):
    """Judged by leo's newest visit: 204 if he was told to stay away."""
    numbers = visits(seen, "leo")
    newest = numbers[-1] if numbers else 10**6
    request, answer = seen.unit("events", newest), seen.unit("events", newest, side=Side.SERVER)
    if str(answer.field.find("status").value) == "204":
        return right("His stream came to its end, he knocked once more, and 204 told him that this was all.")
    if any(field.name == "Last-Event-ID" for field in request.field.children):
        return wrong("He came back, and was let in again.")
    if all(unit.field.value.data != "are you still there?" for unit in seen.units("events", newest, kind="event")):
        return wrong("He hung up himself; the server never told him to stay away.")
    others = [name for name in seen.server("events").server.dismissed if name != "leo"]
    return wrong(f"You have dismissed {others[-1]!r}, and leo is still there.") if others else untouched()


# The functions below are answers: the first is right, the others are what people write on the way to it.


def since(ring, last_id):
    last = int(last_id)
    if ring and last < ring[0][0] - 1:
        return None
    return [text for number, text in ring if number > last]


def last_one_again(ring, last_id):
    last = int(last_id)
    if ring and last < ring[0][0] - 1:
        return None
    return [text for number, text in ring if number >= last]


def compares_texts(ring, last_id):
    if ring and int(last_id) < ring[0][0] - 1:
        return None
    return [text for number, text in ring if str(number) > last_id]


def forgets_the_gap(ring, last_id):
    return [text for number, text in ring if number > int(last_id)]


def gap_too_soon(ring, last_id):
    last = int(last_id)
    if ring and last < ring[0][0]:
        return None
    return [text for number, text in ring if number > last]


def must_be_kept(ring, last_id):
    last = int(last_id)
    if last not in [number for number, text in ring]:
        return None
    return [text for number, text in ring if number > last][:1]


RING = [(8, "h"), (9, "i"), (10, "j"), (11, "k")]

EXERCISES = [
    Exercise(
        "third",
        "With base=1 and cap=30, what is the longest delay before the third attempt?",
        fact=lambda seen: sse.Backoff(base=1, cap=30).ceiling(3),
        right="4",
        wrong={
            "3": "It does not grow by one each time.",
            "8": "That is for the fourth: before the first, nothing was doubled yet.",
            "9": "It doubles with each attempt, it is not squared.",
            "30": "That is the cap. It takes a few more failures to get there.",
        },
        otherwise="Once base, then twice as much for each attempt after it.",
        why="One second, doubled twice; and the delay itself is anything from nothing to that.",
        hints=("Doubled how often? Not at all for the first attempt.", "It is doubled twice."),
    ),
    Exercise(
        "colon",
        "What is a line of a stream called that begins with a colon?",
        fact=lambda seen: "comment",
        right='"comment"',
        wrong={
            '"data"': "That has a name before its colon.",
            '"heartbeat"': "It serves as one, but that is the name of an event too. What does a reader do with it?",
            '"event"': "No event comes of it: a reader drops it.",
        },
        otherwise="Programmers write such lines in their code, too, for those who read it.",
        why="A reader drops it. In this lesson that will matter.",
        hints=("In Python it would begin with #.", "It is a remark that no program ever sees."),
    ),
    Guess(
        "missed",
        "Which ids do the updates have that ada is told on the new connection?",
        fact=missed,
        why="Those that came after the one she named, and were for her.",
        wrong={
            "[3, 4, 5]": "One of them was for bob only. Should she be told his secrets because she was away?",
            "[2, 3, 5]": "She has seen the one whose id she names; the server begins after it.",
            "[]": "Without ids it would be so. What does she name when she comes back?",
            "[1, 2, 3, 5]": "She names the last one that she saw, so nothing has to be said twice.",
        },
    ),
    Guess(
        "careless",
        "How many of the four updates is carl told?",
        fact=careless,
        why="His new client knows of no id, so the server takes him for someone who comes for the first time.",
        wrong={
            "4": "For that somebody must name the last id. Who knew it?",
            "3": "Both of those that were said while he was away meet the same fate.",
            "1": "He does come back, and hears what is said from then on.",
        },
    ),
    Exercise(
        "back",
        "Which of the messages is ada told?",
        fact=back,
        right="[4, 6]",
        why="Before them comes a resync: one message that was for her, too, is forgotten.",
        wrong={
            "[3, 4, 6]": "One of these is forgotten: how many does this server keep?",
            "[4, 5, 6, 7]": "These are all that are kept. But some of them are not hers.",
            "[3, 4, 5, 6, 7]": "Not all of them are kept, and not all are hers.",
            "[6]": "What is for ada only is for ada, too.",
            "[]": "The server cannot give all that she missed, but it gives what it has.",
        },
        otherwise="Which are kept? Which of those are for her?",
        hints=(
            "It keeps the newest four, for whomever they are.",
            "Of the newest four, leave out what is for bob only.",
        ),
    ),
    Exercise(
        "head",
        "Send a request that brings ada all that she missed.",
        deed=head,
        right=r'print(await ask(FIRST.replace("\n\n", "\nLast-Event-ID: 2\n\n")))',
        wrong={
            "print(await ask(FIRST))": "no Last-Event-ID",
            r'print(await ask(FIRST.replace("\n\n", "\nLast-Event-ID: 3\n\n")))': "brings only 1 of",
            r'print(await ask(FIRST.replace("\n\n", "\nLast-Event-ID: 1\n\n")))': "what she knows already",
            r'print(await ask(FIRST.replace("ada", "bob").replace("\n\n", "\nLast-Event-ID: 2\n\n")))': "Not ada",
            'print(await ask(FIRST.replace("text/event-stream", "text/html")))': "answered 406",
            r'print(await ask(FIRST.strip() + "\nLast-Event-ID: 2\n"))': "without a blank line",
        },
        hints=(
            "Which line did the request of the second connection have, above?",
            "A header stands before the blank line: a name, a colon, a space, the id.",
        ),
    ),
    Exercise(
        "since",
        "Write what a server tells a client that comes back.",
        tries=[
            (RING, "9"),
            (RING, "11"),
            (RING, "7"),
            (RING, "6"),
            (RING, "10"),
            ([(1, "a"), (2, "b")], "0"),
            ([], "0"),
        ],
        right=since,
        why="That is all there is to it, and for whom each event was.",
        wrong={
            last_one_again: "The client has seen the one that it names: begin after it.",
            compares_texts: 'As texts, "10" comes before "9": compare numbers.',
            forgets_the_gap: "Something after the client's last one is forgotten, and nobody says so.",
            gap_too_soon: "Nothing is lost when the oldest one kept is the very next.",
            must_be_kept: "The client's last one need not be kept itself; and all that came after it is wanted.",
        },
        otherwise="After the last one that the client saw; None if the ring begins too late.",
        hints=(
            "int(last_id) makes a number of it.",
            "Something is lost if the oldest id in the ring is more than one above it.",
            "[text for number, text in ring if ...]",
        ),
    ),
    Exercise(
        "stop",
        "Tell leo to stop, and not to come back.",
        deed=stop,
        right='lab.run(events.server.dismiss("leo"))',
        wrong={
            "events.cut()": "was let in again",
            'lab.run(events.server.dismiss("ada"))': "You have dismissed 'ada'",
            "await leo.close()": "He hung up himself",
        },
        hints=(
            "Closing his connection is not enough: he comes back. Which status tells him not to?",
            "Among the server's coroutines is one that is the opposite of admit.",
        ),
    ),
]
