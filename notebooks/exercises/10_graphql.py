"""What lesson 10 asks. Server "api": conversation 0 is a query by POST, 1 one of two operations, 2 a GET; then the answers to
`ask`, the screens by GraphQL and by REST, and what was asked by hash. Server "draft" follows the draft."""

import base64
import hashlib
import json
from typing import Any

from protolab import graphql, lab
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong
from protolab.lesson.evidence import Missing
from protolab.protocols.graphql.statuses import of_refusal, of_result

RESPONSE = "application/graphql-response+json"


def requests(talk):
    return [unit for unit in talk if unit.kind == "request head"]


def by_rest(seen):
    """How many requests the dearest screen took by REST, in one conversation."""
    talks = [requests(talk) for talk in seen.conversations("api")]
    counts = [len(asked) for asked in talks if asked and asked[0].data.startswith(b"GET /rest/users HTTP")]
    if not counts:
        raise Missing("No screen was fetched by REST yet: run the cells above.")
    return counts[-1]


def by_hash(seen):
    """How many requests the first client sent that asked by hash."""
    for talk in seen.conversations("api"):
        if any(b"persistedQuery" in unit.data for unit in talk if unit.kind == "body"):
            return len(requests(talk))
    raise Missing("Nothing was asked by its hash yet: run the cells above.")


def status(seen):
    """The status of the answer to a document with a field that does not exist."""
    for talk in seen.conversations("api"):
        if any(b"{ nam }" in unit.data for unit in talk if unit.kind == "body"):
            return int(next(unit for unit in talk if unit.kind == "response head").field.find("status").value)
    raise Missing("Nobody has asked for that field yet: run the cells above.")


# The smallest query


def run(document: str) -> Any:
    """The result of a document, on data of its own."""
    engine = graphql.Engine(graphql.users_and_posts(), lambda trace: graphql.Context(graphql.Store(), trace))
    prepared = engine.prepare(graphql.Request(document))
    return prepared.result if isinstance(prepared, graphql.Refusal) else lab.run(engine.execute(prepared))


def grace() -> Any:
    """What the screen shows, from the data."""
    return run("{ user(id: 8) { city posts(first: 2) { title } } }")["data"]


def first_difference(made, wanted, path="data"):
    """What is too much or missing, in words; "" when nothing is."""
    if isinstance(wanted, dict) and isinstance(made, dict):
        for name in made:
            if name not in wanted:
                return f"{path}.{name} is not on the screen."
        for name, value in wanted.items():
            if name not in made:
                return f"{path}.{name} is missing."
            if found := first_difference(made[name], value, f"{path}.{name}"):
                return found
        return ""
    if isinstance(wanted, list) and isinstance(made, list):
        if len(made) != len(wanted):
            return f"{path} has {len(made)} items, and the screen shows {len(wanted)}."
        pairs = enumerate(zip(made, wanted, strict=True))
        return next((found for at, pair in pairs if (found := first_difference(*pair, f"{path}.{at}"))), "")
    return "" if made == wanted else f"{path} is {made!r}: is that Grace?"


def screen(answer, seen):
    if not isinstance(answer, str):
        return wrong("A document is a text.")
    if answer.strip() in ("", "..."):
        return untouched()
    result = run(answer)
    if "data" not in result:
        error = result["errors"][0]
        data = answer.encode()
        places = error.get("locations")
        if not places:
            return wrong(f"The server says: {error['message']}")
        lines = answer.splitlines(keepends=True)
        at = len("".join(lines[: places[0]["line"] - 1]).encode()) + places[0]["column"] - 1
        return wrong(f"The server says: {error['message']}", data, at, min(at + 1, len(data)))
    if found := first_difference(result["data"], grace()):
        return wrong(found)
    return right("All that the screen shows, and nothing else.")


# Where the token is


def body_of_typo(seen):
    for unit in seen.units("api", side=Side.CLIENT, kind="body"):
        if b"auther" in unit.data:
            return unit.data
    raise Missing("The document with the mistake was not sent yet: run the cell above.")


def token(seen):
    return body_of_typo(seen).index(b"auther")


def in_the_document(seen):
    return json.loads(body_of_typo(seen))["query"].index("auther")


def with_short_line_ends(seen):
    return body_of_typo(seen).replace(b"\\n", b"\n").index(b"auther")


def from_one(seen):
    return token(seen) + 1


# Which status


def statuses(seen):
    partial = of_result("draft", {"errors": [{}], "data": {"user": {"phone": None}}}, RESPONSE)
    return partial.code, of_refusal("draft", "syntax", RESPONSE).code, of_refusal("draft", "operation", RESPONSE).code


# The body by hand: the first function is right, the others are what people write on the way to it.

BODIES = [
    ("{ hello }", {}),
    ('{\n  hello(name: "Ada")\n}', {}),
    ("query Q($name: String) { hello(name: $name) }", {"name": 'Zoë "the first"'}),
]


def my_body(document, variables):
    return json.dumps({"query": document, "variables": variables}).encode()


def glued(document, variables):
    return f'{{"query": "{document}", "variables": {json.dumps(variables)}}}'.encode()


def as_python(document, variables):
    return str({"query": document, "variables": variables}).encode()


def a_text(document, variables):
    return json.dumps({"query": document, "variables": variables})


def the_document(document, variables):
    return document.encode()


def text_in_text(document, variables):
    return json.dumps({"query": document, "variables": json.dumps(variables)}).encode()


def misnamed(document, variables):
    return json.dumps({"document": document, "variables": variables}).encode()


def no_variables(document, variables):
    return json.dumps({"query": document}).encode()


def latin(document, variables):
    return json.dumps({"query": document, "variables": variables}, ensure_ascii=False).encode("latin-1")


def body(answer, seen):
    """Any JSON that says the same is right."""
    if not callable(answer):
        return wrong("A function was asked for.")
    for document, variables in BODIES:
        made = seen.call(answer, document, variables)
        if made is ...:
            return untouched()
        if isinstance(made, str):
            return wrong("This is a text; on the wire there are bytes: .encode() makes them.")
        if not isinstance(made, bytes | bytearray):
            return wrong(f"This gives {made!r}, and not bytes.")
        if (bad := differs(bytes(made), document, variables)) is not None:
            return bad
    return right("Any server understands it, whatever stands in the document.")


def differs(made, document, variables):
    try:
        said = json.loads(made.decode())
    except UnicodeDecodeError as error:
        return wrong(f"Byte {error.start} is no UTF-8.", made, error.start)
    except json.JSONDecodeError as error:
        at = len(error.doc[: error.pos].encode())
        if made == document.encode():
            return wrong("This is the document alone. It travels in a JSON object, beside its variables.", made, 0)
        if "'" in made.decode()[:3]:
            return wrong("Python writes a dict in another way than JSON: look at the quotes.", made, at)
        return wrong(f"This is no JSON: {error.msg}. What must happen to quotes and line ends?", made, at)
    if not isinstance(said, dict) or "query" not in said:
        return wrong("The object has no member called query.", made, 0)
    if said["query"] != document:
        return wrong("The document that arrives is another one.", made, 0)
    if isinstance(said.get("variables"), str):
        return wrong("The variables are an object in the JSON, not a text with JSON in it.", made, made.index(b"var"))
    if (said.get("variables") or {}) != variables:
        return wrong("The variables do not arrive.", made, 0)
    return None


# The fingerprint


def fingerprint(document):
    return hashlib.sha256(document.encode()).hexdigest()


def by_sha1(document):
    return hashlib.sha1(document.encode()).hexdigest()


def as_bytes(document):
    return hashlib.sha256(document.encode()).digest()


def in_base64(document):
    return base64.b64encode(hashlib.sha256(document.encode()).digest()).decode()


def of_the_json(document):
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def tidied(document):
    return hashlib.sha256(" ".join(document.split()).encode()).hexdigest()


EXERCISES = [
    Exercise(
        "length",
        "Which header, that an event stream cannot have, says how many bytes a body has?",
        fact=lambda seen: "Content-Length",
        right='"Content-Length"',
        why="Who answers with a stream does not know how long it will be.",
        wrong={
            '"Content-Type"': "That says what the bytes are, not how many.",
            '"Transfer-Encoding"': "That is what stands there instead: the body comes in pieces.",
            '"Cache-Control"': "That says who may keep the answer, and for how long.",
        },
        otherwise="Its name begins with Content.",
        hints=("The name has two words with a hyphen between; the first is Content.", "How long is it?"),
    ),
    Exercise(
        "place",
        "By which header does a reader of an event stream say where it was?",
        fact=lambda seen: "Last-Event-ID",
        right='"Last-Event-ID"',
        why="It holds the id of the last event that was dispatched.",
        wrong={
            '"Range"': "That asks for some bytes of a file. What does an event have?",
            '"id"': "That is the line in the stream. Which header sends it back?",
            '"Retry-After"': "That says when to come back, and servers say it.",
        },
        otherwise="It names the last event.",
        hints=("Three words: which of all events, and what of it?",),
    ),
    Guess(
        "unknown",
        "With which status does the server answer a client that accepts only application/json?",
        fact=status,
        why="In this profile the HTTP is fine as soon as the request was understood; what became of it says the body.",
        wrong={
            "400": "So it would be for a client that accepts application/graphql-response+json.",
            "404": "The page is there; it is a field in the document that is not.",
            "422": "So says the newest draft. Most servers are older than that.",
        },
    ),
    Guess(
        "requests",
        "How many requests does the last screen take by REST?",
        fact=by_rest,
        why="One for the users, and then one for the posts of each.",
        wrong={
            "2": "After two round trips it is all there. But how many addresses were asked in the second?",
            lambda seen: by_rest(seen) - 1: "One for each user's posts. And how does the client know the users?",
        },
    ),
    Guess(
        "persisted",
        "How many requests does a client send that asks the same thing by its hash, twice?",
        fact=by_hash,
        why="The hash alone, both together when the server does not know it, and then the hash alone again.",
        wrong={
            "2": "It would be so, if the server knew the document already. How should it?",
            "4": "The server learns: the second time it knows the hash.",
        },
    ),
    Exercise(
        "screen",
        "Write the smallest document: Grace's city, and the titles of her first two posts.",
        check=screen,
        right="'{ user(id: 8) { city posts(first: 2) { title } } }'",
        wrong={
            "'{ user(id: 8) { name city posts(first: 2) { title } } }'": "data.user.name is not on the screen",
            "'{ user(id: 8) { city posts { title } } }'": "and the screen shows 2",
            "'{ user(id: 8) { city posts(first: 2) } }'": "must have a selection of subfields",
            "'{ user(id: 8) { posts(first: 2) { title } } }'": "data.user.city is missing",
            "'{ users(first: 8) { city posts(first: 2) { title } } }'": "data.users is not on the screen",
            "'user(id: 8) { city }'": "Syntax Error",
            "'{ user(id: 1) { city posts(first: 2) { title } } }'": "is that Grace?",
        },
        hints=(
            "Begin with { user(id: 8) { ... } }, and put what the screen shows in place of the dots.",
            "posts takes an argument: how many of the first. Then say in braces what you want of each.",
        ),
    ),
    Exercise(
        "token",
        "At which byte of the body does the word begin that the error points at?",
        fact=token,
        right='show.conversation(api)[1].data.index(b"auther")',
        why="Each line end takes two bytes there, and what comes before the document counts as well.",
        wrong={
            in_the_document: "So it is in the document. In the body something stands before it, and line ends are longer.",
            with_short_line_ends: "You counted each line end as one byte. In JSON it is a backslash and an n.",
            from_one: "Columns count from one, bytes from 0.",
            "5": "That is the column in its line.",
        },
        otherwise="Find the word in the bytes of the body.",
        hints=(
            "print(show.conversation(api)[1].data) shows the body with its backslashes.",
            "bytes have a method index, which finds where others begin: body.index(b'...').",
        ),
    ),
    Exercise(
        "statuses",
        "Which statuses do these three have, by the draft?",
        fact=statuses,
        right="(294, 400, 422)",
        why="A field that failed; a text that cannot be read; a document that can, but does not say which operation is meant.",
        wrong={
            "(200, 400, 400)": "So says the profile of 2023. This server follows the draft.",
            "(200, 400, 422)": "The first has data and errors, and the client accepts the type with a status for that.",
            "(294, 422, 422)": "The second cannot even be read as GraphQL: a brace is missing.",
            "(294, 400, 200)": "The third has two operations, and nobody said which of them to run.",
            "(294, 400, 294)": "Of the third nothing was run: there is no data at all.",
        },
        otherwise="The table above has all three situations; `await ask(draft, b'...')` tells too.",
        hints=(
            "One of them was run, and a field failed. One is no GraphQL. One is GraphQL, but it cannot be run.",
            "Try one: await ask(draft, b'...') with the body in place of the dots.",
        ),
    ),
    Exercise(
        "body",
        "Write the bytes of the body for any document and any variables.",
        check=body,
        right=my_body,
        wrong={
            glued: "What must happen to quotes and line ends?",
            as_python: "look at the quotes",
            a_text: "on the wire there are bytes",
            the_document: "This is the document alone",
            text_in_text: "not a text with JSON in it",
            misnamed: "no member called query",
            no_variables: "The variables do not arrive",
            latin: "is no UTF-8",
        },
        hints=(
            "It is an object with two members, query and variables.",
            "json.dumps writes any Python value as JSON, and takes care of quotes and line ends.",
            "json.dumps gives a text; what makes bytes of it?",
        ),
    ),
    Exercise(
        "digest",
        "Write the SHA-256 of a document, as a text of hex digits.",
        tries=[("{ hello }",), ("query {\n  hello\n}",), ('{ hello(name: "Zoë") }',)],
        right=fingerprint,
        why="Two documents that differ in a space have different ones: it is the bytes that count.",
        wrong={
            by_sha1: "This is SHA-1, which is not safe any more: a longer one is wanted.",
            as_bytes: "These are the digest's bytes; its hex digits are wanted.",
            in_base64: "This is base64, as in lesson 01. Here it is hex.",
            of_the_json: "The document itself counts, without the quotes and backslashes that JSON puts in.",
            tidied: "You changed the spaces first. The document counts as it is.",
        },
        otherwise="hashlib.sha256 takes bytes, and has a method for hex digits.",
        hints=(
            "Lesson 01 has hashlib.sha1(...).digest(). What changes?",
            "A digest also knows .hexdigest(), which is a text already.",
        ),
    ),
]
