"""What lesson 11 asks. Servers "api" (traced), "naive" (traced, asks its backend for each thing), "batched" (traced)."""

import json
from typing import Any

from protolab import graphql, lab
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong
from protolab.lesson.evidence import Missing

COUNT = "{ users(first: 3) { name posts { title author { name } } } }"
PARTIAL = "{ user(id: 4) { name phone } trouble { fine inner { fine innerRequired { required } } } }"


def trace(seen, server, wanted):
    """The oldest trace of a server that is wanted."""
    for found in seen.server(server).server.traces:
        if wanted(found):
            return found
    raise Missing("The server has not run this yet: run the cells above, in order.")


def phases(seen):
    """How many of the three phases ran for a document that was known."""
    found = trace(seen, "api", lambda each: each.cached)
    return sum(bool(found.of(phase)) for phase in ("parse", "validate", "execute"))


def first(seen):
    """Which of two fields was ready first."""
    found = trace(seen, "api", lambda each: "b: slow" in each.request.query)
    slow = [event for event in found.of("resolve") if event.field == "slow"]
    return min(slow, key=lambda event: event.end).path[-1]


def null(seen):
    """Which field on an error's path is null."""
    for unit in seen.units("api", side=Side.SERVER, kind="body"):
        answer = json.loads(unit.data)
        if [error.get("path") for error in answer.get("errors", ())] == [["trouble", "inner", "required"]]:
            value = answer["data"]
            for name in answer["errors"][0]["path"]:
                value = value[name]
                if value is None:
                    return name
    raise Missing("Nothing failed yet: run the cells above, in order.")


def calls(seen):
    return trace(seen, "naive", lambda each: "users { name posts { title author" in each.request.query).calls


def run(document: str, store: graphql.Store | None = None, *, batching: bool = True) -> Any:
    """The result of a document, on data of its own."""
    data = store or graphql.Store()
    engine = graphql.Engine(graphql.users_and_posts(), lambda trace: graphql.Context(data, trace, batching=batching))
    prepared = engine.prepare(graphql.Request(document))
    return prepared.result if isinstance(prepared, graphql.Refusal) else lab.run(engine.execute(prepared))


def counted(seen):
    """How often a naive server asks its backend for the document of the first exercise."""
    store = graphql.Store()
    run(COUNT, store, batching=False)
    return store.calls.total()


def partial(seen):
    return run(PARTIAL)["data"]


# The batch function: the first is right, the others are what people write on the way to it.


async def load_users(keys, fetch):
    found = {user["id"]: user for user in await fetch(keys)}
    return [found.get(key) for key in keys]


async def order_lost(keys, fetch):
    return await fetch(keys)


async def sorted_by_id(keys, fetch):
    found = {user["id"]: user for user in await fetch(keys)}
    return [found.get(key) for key in sorted(keys)]


async def missing_dropped(keys, fetch):
    found = {user["id"]: user for user in await fetch(keys)}
    return [found[key] for key in keys if key in found]


async def one_call_each(keys, fetch):
    return [next(iter(await fetch([key])), None) for key in keys]


async def a_mapping(keys, fetch):
    return {user["id"]: user for user in await fetch(keys)}


async def ids_only(keys, fetch):
    found = {user["id"] for user in await fetch(keys)}
    return [key if key in found else None for key in keys]


def batch(answer, seen):
    """Tried with a backend that answers in an order of its own, and does not know one of the keys."""
    if not callable(answer):
        return wrong("A function was asked for.")
    users = {str(number): {"id": str(number), "name": name} for number, name in enumerate(("Ada", "Alan", "Grace"), 1)}
    for keys in (["1", "2"], ["3", "9", "1"], ["2", "3", "1"]):
        asked = []

        async def fetch(ids, asked=asked):
            asked.append(list(ids))
            return [users[key] for key in sorted(set(ids), reverse=True) if key in users]

        made = seen.call(answer, keys, fetch)
        if made is ...:
            return untouched()
        if len(asked) != 1:
            return wrong(f"For the keys {keys} the backend was asked {len(asked)} times; once is enough.")
        if not isinstance(made, list):
            return wrong(f"This gives something of type {type(made).__name__}; the loader wants a list.")
        if len(made) != len(keys):
            return wrong(f"{len(keys)} keys, {len(made)} items: the loader cannot know whose each is.")
        for place, (key, item) in enumerate(zip(keys, made, strict=True)):
            if item is not None and not isinstance(item, dict):
                return wrong(f"Item {place} is {item!r}, which is no user.")
            if item != users.get(key):
                gets = "nobody" if item is None else item.get("name")
                who = users[key]["name"] if key in users else "nobody"
                return wrong(f"For the keys {keys}, who asked for {key!r} gets {gets}, and should get {who}.")
    return right("Each gets the one it asked for, whatever order the backend likes.")


def leaner(answer, seen):
    """Judged by what the page could show, and by the calls of a naive backend."""
    if not isinstance(answer, str):
        return wrong("A document is a text.")
    if answer.strip() in ("", "..."):
        return untouched()
    store = graphql.Store()
    result = run(answer, store, batching=False)
    if "data" not in result:
        return wrong(f"The server says: {result['errors'][0]['message']}")
    cost, most = store.calls.total(), len(lab.run(store.users())) + 1
    if (problem := lacks(result["data"], run("{ users { name posts { title } } }")["data"])) is not None:
        return wrong(problem)
    if cost > most:
        return wrong(f"The page could be shown, but the backend is asked {cost} times, and {most} should do.")
    return right(f"{cost} calls. The author of what stands below a name is known: it is that name.")


def lacks(data, wanted):
    """What the page lacks, in words."""
    users = next((value for value in data.values() if isinstance(value, list) and value), [])
    if not all(isinstance(user, dict) and "name" in user for user in users):
        return "By these data nobody knows which name a title belongs below."
    if len(users) != len(wanted["users"]):
        return f"{len(users)} users come, and the page lists {len(wanted['users'])}."
    for user, there in zip(users, wanted["users"], strict=True):
        titles = [post.get("title") for post in user.get("posts") or ()]
        if titles != [post["title"] for post in there["posts"]]:
            return f"Below {there['name']} the page shows {len(there['posts'])} titles, and {len(titles)} came."
    return None


EXERCISES = [
    Exercise(
        "status",
        "Which status do most servers answer in application/json where a field does not exist?",
        fact=lambda seen: 200,
        right="200",
        why="So the body has to be looked at: it has errors, and no data.",
        wrong={
            "400": "With application/graphql-response+json it would be that.",
            "404": "The path is there. What is not there stands in the document.",
            "422": "So says the newest draft, which few servers follow yet.",
        },
        otherwise="The HTTP was fine, they say.",
        hints=("They say that all is well, whatever stands in the body.",),
    ),
    Exercise(
        "unheard",
        "What does a server say that does not know the hash of a document?",
        fact=lambda seen: "PersistedQueryNotFound",
        right='"PersistedQueryNotFound"',
        why="Then the client sends both, once.",
        wrong={
            '"NotFound"': "That is the end of it. What was not found?",
            '"404"': "It is no status but a message in errors.",
            '"PersistedQueryNotSupported"': "That one means: never try that with me.",
        },
        otherwise="It is a message of three parts: what kind of query, and what about it.",
        hints=("It begins with Persisted.", "The rest says: a query, and that it was not there."),
    ),
    Guess(
        "phases",
        "How many phases does the server run for a document that it has seen before?",
        fact=phases,
        why="Only execute: the tree is taken from memory, and it was found valid already.",
        wrong={
            "3": "So it was the first time. But what do the first two depend on?",
            "2": "What was found valid stays so, whatever the variables are.",
            "0": "The answer itself is not remembered: it may be another one by now.",
        },
    ),
    Guess(
        "first",
        "Which of the two fields is ready first?",
        fact=first,
        why="They run side by side, and the second takes less time.",
        wrong={"'a'": "It begins first. Does the other one wait until it is done?"},
    ),
    Guess(
        "null",
        "Which field is null, because required failed?",
        fact=null,
        why="required may not be null, so the object around it is; that one may be, and there it ends.",
        wrong={
            "'required'": "The schema says that this one is never null.",
            "'trouble'": "A null goes up only as far as it must.",
            "'data'": "That is how it would be, if nothing on the way up could be null.",
            "'fine'": "That one did not fail. But is the object there, in which it stands?",
        },
    ),
    Guess(
        "calls",
        "How often does naive ask its backend?",
        fact=calls,
        why="Once for the list, then once for the posts of each user, and once for the author of each post.",
        wrong={
            lambda seen: calls(seen) - 1: "Nearly: and who asked for the list of users?",
            "3": "One for each level: that is how it should be. But each resolver asks for itself.",
            "100": "One for each post. And how did it come by the posts?",
            "101": "Each post's author, and the list. And the posts of each user?",
            "21": "The list, and the posts of each user. And their authors?",
        },
    ),
    Exercise(
        "count",
        "How often is the backend of naive asked for this document?",
        fact=counted,
        right="1 + 3 + 3 * 5",
        why="Once for the list, once for the posts of each user, once for the author of each post.",
        wrong={
            "3": "That would be with a loader, one for each level.",
            "4": "The list, and the posts of each user. And the authors?",
            "18": "And who asks for the list?",
            "7": "An author is asked for by each post, even if another one has asked for the same.",
            "16": "The list and the authors. And the posts of each user?",
        },
        otherwise="Count level by level: one list, its users, their posts.",
        hints=(
            "How many calls for the users? How many for the posts of each? How many for the author of each of those?",
            "Each of the three users wrote as many posts as the others, and each post asks for its author.",
        ),
    ),
    Exercise(
        "partial",
        "Write the data of the answer.",
        fact=partial,
        right='{"user": {"name": "Claude", "phone": None}, "trouble": {"fine": "fine", "inner": None}}',
        why="phone may be null. required and innerRequired may not, inner may.",
        wrong={
            '{"user": {"name": "Claude", "phone": None}, "trouble": {"fine": "fine", "inner": {"fine": "fine", '
            '"innerRequired": None}}}': "innerRequired has a ! too, so the null moves on.",
            '{"user": {"name": "Claude", "phone": None}, "trouble": {"fine": "fine", "inner": {"fine": "fine", '
            '"innerRequired": {"required": None}}}}': "required has a !: it is never null.",
            '{"user": {"name": "Claude", "phone": None}, "trouble": None}': "It does not go so far: inner may be null.",
            '{"user": None, "trouble": {"fine": "fine", "inner": None}}': "phone has no !, so it is null itself.",
            '{"user": {"name": "Claude"}, "trouble": {"fine": "fine"}}': "What failed is not left away: it is null.",
            "None": "Only if a null moves all the way up. Does it?",
        },
        otherwise="Follow each failure upwards until a field without a !.",
        hints=(
            "Two fields fail: phone and required. Begin with phone: may it be null?",
            "required may not be null, so innerRequired would be. May that one?",
        ),
    ),
    Exercise(
        "batch",
        "Write the function that gets many users at once.",
        check=batch,
        right=load_users,
        wrong={
            order_lost: "who asked for '1' gets Alan",
            sorted_by_id: "who asked for '3' gets Ada",
            missing_dropped: "the loader cannot know whose each is",
            one_call_each: "once is enough",
            a_mapping: "the loader wants a list",
            ids_only: "which is no user",
        },
        hints=(
            "First await fetch(keys), once. Then put what came into a dict by its id.",
            "A dict's get(key) gives None where there is nothing.",
        ),
    ),
    Exercise(
        "leaner",
        "Write a document for the same page that costs fewer calls.",
        check=leaner,
        right="'{ users { name posts { title } } }'",
        wrong={
            "'{ users { name posts { title author { name } } } }'": "The page could be shown, but",
            "'{ posts { title author { name } } }'": "nobody knows which name",
            "'{ users { name } }'": "titles, and 0 came",
            "'{ users { name posts(first: 1) { title } } }'": "titles, and 1 came",
            "'{ users(first: 10) { name posts { title } } }'": "10 users come",
            "'{ users { name posts } }'": "The server says",
        },
        hints=(
            "Which values does the page get twice?",
            "Who wrote what stands below a user's name?",
        ),
    ),
]
