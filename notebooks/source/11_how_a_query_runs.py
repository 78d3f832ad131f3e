# %% [markdown]
# # How a query runs
#
# After this lesson you can
#
# - name the three phases of a query, and see them beside the bytes;
# - say what a server gains when it remembers documents, and what runs at the same time;
# - predict what becomes null when a field fails, and who is told why;
# - count what a query costs the server, and make it cost less.

# %%
import json
import time
from collections import Counter

from protolab import graphql, lab, show
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.view.chart import Chart, Column

lab.repeatable()
api = lab.start(graphql.GraphQLServer(traces=20), name="api")


async def ask(server, document, variables=None):
    """What came of it: `data` and `errors`."""
    async with graphql.Client(server.url) as client:
        return await client.execute(document, variables)


# %% [markdown]
# ## From lesson 10, by heart
#
# A document names a field that does not exist, and the client accepts only `application/json`. Which status do most servers
# answer? And what does a server say that does not know the hash of a document?

# %%
check("execution.status", ...)  # a number

# %%
check("execution.unheard", ...)  # one long word, in quotes

# %% [markdown]
# ## Three phases
#
# The server was started with `traces=20`: for its newest requests, so many, it writes down what it does. Here is a request,
# and what the server did, on one axis with what was said (`▼`):

# %%
PAGE = "query Page($id: ID!) { post(id: $id) { title author { name city } } }"

print((await ask(api, PAGE, {"id": "3"})).data)

show.timeline(api.server.traces[-1], api)

# %% [markdown]
# (Under `lab.repeatable()` this clock counts steps instead of time, so that the picture is the same on every machine: which
# step comes before which is true, how long a bar is says nothing.)
#
# 1. **parse**: the text of the document becomes a tree, token by token, as you saw in lesson 10. What is no GraphQL ends here.
# 2. **validate**: the tree is held against the **schema**, in which the server says which types it has, with which fields. A
#    field that does not exist, an argument of the wrong type, a variable that nobody declared: all that ends here, and
#    nothing was run.
# 3. **execute**: the tree is walked from the root. Each field has a **resolver**, a function that gives its value.
#
# Resolvers are small. These are two of the server's, as they stand in its schema (`load` we will come to):
#
# ```python
# "Query": {"post": lambda root, info, id: info.context.posts.load(id)},
# "Post": {"author": lambda post, info: info.context.users.load(post.author_id)},
# ```
#
# A field's resolver is called with the object that the field around it gave: `author` with a post. So a post must be there
# before anybody can ask for its author, and in the picture each level begins when the level above is done. At the
# bottom are the `call`s: each is one question to the **backend**, which would be a database in earnest.
#
# ## The same again
#
# ### Predict
#
# The same document is sent a second time, with another id. How many of the three phases does the server run?

# %%
predict("execution.phases", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
await ask(api, PAGE, {"id": "4"})

first, second = list(api.server.traces)[-2:]

# %%
reveal("execution.phases")


# %%
def phases(trace):
    ran = {event.kind for event in trace.events}
    return {phase: "ran" if phase in ran else "-" for phase in ("parse", "validate", "execute")}


print("first: ", phases(first))
print("second:", phases(second))
print("documents that the server remembers:", api.server.engine.known)

# %% [markdown]
# Parsing and validating depend on the document alone, and not on its variables. A server that has seen a document before
# takes the tree from its memory. That is one more reason for variables: with the id put into the text, each id would
# make another document. (The memory has a bound, of course: `Limits.documents`. What was used least recently falls out.)
#
# For a small query it is worth a lot: to look it over is more work than to answer it. When this lesson was written, about two
# thirds of the time of `PAGE` went into validating it. Such numbers differ between machines and moments, so that none is
# printed here. Take a `#` away to measure on yours, and compare with a query that has much to run:


# %%
async def measure(document, variables, rounds=300):
    """How long each phase takes on this machine, without any memory."""
    from graphql import execute, parse, validate

    took, schema = Counter(), graphql.users_and_posts()
    for _ in range(rounds):
        times = [time.perf_counter()]
        tree = parse(document)
        times.append(time.perf_counter())
        validate(schema, tree)
        times.append(time.perf_counter())
        await execute(schema, tree, context_value=graphql.Context(graphql.Store()), variable_values=variables)
        times.append(time.perf_counter())
        for phase, begin, end in zip(("parse", "validate", "execute"), times, times[1:]):
            took[phase] += end - begin
    for phase, seconds in took.items():
        print(f"{phase:9}{seconds / rounds * 1000:8.3f} ms {seconds / took.total():6.0%}")


# await measure(PAGE, {"id": "3"})
# await measure("{ users { name posts { title author { name } } } }", None)

# %% [markdown]
# ## Side by side, or one after another
#
# Our server has a type for trouble. One of its fields, `slow`, takes as many seconds as one likes. It is asked for twice here,
# each time under another name (an **alias**: `a: slow` calls the answer `a`).
#
# ### Predict

# %%
SLOW = "{ trouble { a: slow(seconds: 0.05) b: slow(seconds: 0.01) } }"

# %% [markdown]
# Which of the two is ready first?

# %%
predict("execution.first", ...)  # a letter, in quotes

# %% [markdown]
# ### Look

# %%
slow = await ask(api, SLOW)

# %%
reveal("execution.first")

# %%
display(show.timeline(api.server.traces[-1]))
slow.data

# %% [markdown]
# Both begin before either is done: fields that only read do not disturb each other, so a server may run them **side by
# side**. While one waits, the others go on. In the answer they stand in the order of the document all the same.
#
# A **mutation** changes things, and there the order matters: first the account, then the payment. So the fields at its root
# run **one after another**:

# %%
CREATE = """\
mutation {
  a: createPost(input: {title: "First"}) { id }
  b: createPost(input: {title: "Second"}) { id }
}"""

await ask(api, CREATE)
show.timeline(api.server.traces[-1])

# %% [markdown]
# ## When a field fails
#
# This is a part of the type for trouble, as the schema has it. A `!` says: this is never null.
#
# ```graphql
# type Trouble {
#   fine: String!
#   nullable: String          # fails
#   required: String!         # fails
#   some: [String]            # one of its items fails
#   secret: String            # fails, with a password in its message
#   inner: Trouble            # once more, a level deeper
#   innerRequired: Trouble!   # once more, and it may not be null
# }
# ```
#
# ### Predict
#
# In this document `required` fails. Where it failed there is no value; but null it cannot be. So which field of the
# answer is null instead?

# %%
TROUBLE = """\
{
  hello
  trouble {
    fine
    inner { fine required }
  }
}"""

# %%
predict("execution.null", ...)  # the name of a field, in quotes

# %% [markdown]
# ### Look

# %%
trouble = await ask(api, TROUBLE)

# %%
reveal("execution.null")

# %%
print(json.dumps(trouble.data, indent=2))

# %% [markdown]
# A null that may not be moves up to the field around it, and on, until it comes to one that may be null. What stands beside
# that one is not touched: `hello` and the outer `fine` are there. This is called **partial data**. Of the schema's authors it
# takes some thought: with a `!` everywhere, one failure takes the whole answer along.
#
# And `errors` says what happened:

# %%
answer = show.conversation(api)[3]
print(json.dumps(json.loads(answer.data)["errors"], indent=2))

# %% [markdown]
# The error's `path` says **which value** is missing, its `locations` **which words** of the document asked for it. The
# decoder follows that to the bytes of the request, and draws carets below those words:

# %%
places = answer.field.find("locations")
(pointed,) = [derived for _, field in places.walk() for derived in field.derived]

for line in pointed.field.children:
    print(line.value)

# %%
show.explain(places, answer.data)

# %% [markdown]
# Three more. In the first nothing on the way up may be null, except `trouble` itself. In the second, the items of a list may be
# null one by one. In the third, a phone book does not answer for every user:

# %%
for document in (
    "{ hello trouble { fine innerRequired { fine innerRequired { required } } } }",
    "{ trouble { some } }",
    "{ users(first: 5) { name phone } }",
):
    result = await ask(api, document)
    print(document)
    print("   ", json.dumps(result.data))
    for error in result.errors:
        print("   ", ".".join(map(str, error["path"])), "-", error["message"])

# %% [markdown]
# Two kinds of errors, then. A **field error** comes with `data`: the query ran, and something is missing. A **request
# error** comes without `data`: nothing was run at all. A program that throws everything away at any error loses good data; one
# that never looks at `errors` shows gaps and does not know it.
#
# ### What must not be told
#
# The field `secret` fails, as programs do, with an exception whose text was meant for nobody:

# %%
talkative = lab.start(graphql.GraphQLServer(mask=False), name="talkative")

for server in (talkative, api):
    print(f"{server.name:10}", (await ask(server, "{ trouble { secret } }")).errors[0]["message"])

print("\nin the log of api:")
for entry in api.log:
    print("   ", entry.text)

# %% [markdown]
# Exceptions know addresses, file names and passwords. So a server tells the world only errors that were made for it, and keeps
# all else in its log. This is called **masking**, and it should be on unless you sit before the server yourself.
#
# ## What it costs: N+1
#
# Now all users, what they wrote, and who wrote that. The server `naive` is the same as ours, but its resolvers ask the
# backend for what they need, each for itself.

# %%
naive = lab.start(graphql.GraphQLServer(traces=20, batching=False), name="naive")

EVERYTHING = "{ users { name posts { title author { name } } } }"

everybody = (await ask(naive, "{ users { posts { id } } }")).data["users"]
print(len(everybody), "users, who wrote", *{len(user["posts"]) for user in everybody}, "posts each")

# %% [markdown]
# ### Predict
#
# How often does `naive` ask its backend to answer `EVERYTHING`?

# %%
predict("execution.calls", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
everything = await ask(naive, EVERYTHING)
batched = lab.start(graphql.GraphQLServer(traces=20), name="batched")
same = await ask(batched, EVERYTHING) == everything
print("the same answer:", same)

# %%
reveal("execution.calls")


# %%
def calls(server):
    """What the backend was asked for the newest request, counted by the name of the question."""
    return Counter(event.field for event in server.server.traces[-1].of("call"))


questions = ("users", "posts_of", "users_by_id")
Chart(
    "How often the backend was asked",
    [*(Column(question, part=True) for question in questions), Column("together")],
    [
        (server.name, [*(calls(server)[question] for question in questions), calls(server).total()])
        for server in (naive, batched)
    ],
    unit="calls",
)

# %% [markdown]
# This is the **N+1 problem**: one call for a list, and then one more for each of its N items. Nobody wrote that loop. A
# resolver sees only its own post, and asks for its author: quite right, and as often as there are posts. A database feels
# each of these calls, even where the client hardly does, since they run side by side.
#
# Here is how to see it happen. First `naive`, with a smaller query, then `batched`:

# %%
FEW = "{ users(first: 3) { name posts(first: 2) { author { name } } } }"

for server in (naive, batched):
    await ask(server, FEW)
    display(show.timeline(server.server.traces[-1]))

# %% [markdown]
# All resolvers of a level run before any answer comes. So instead of a call each, they leave a note: "I need user 7". When all
# of them have asked, a **loader** makes one call for all the notes, and hands each its own. One turn of that is a `batch`
# in the picture. For the large query:

# %%
await ask(batched, EVERYTHING)
for event in batched.server.traces[-1].of("batch"):
    print(f"{event.field}: {len(event.keys)} keys in one call: {' '.join(event.keys)}")

# %% [markdown]
# And look at the second one. Every post asked for its author; but each author is a key only once, as a loader remembers what it
# has. It does so **for one request** only: a loader that all share would show yesterday's data, or somebody else's.
#
# ## A small question, a huge answer
#
# A client may go round in circles: posts, their authors, their posts, their authors...


# %%
def circles(count):
    inner = "id"
    for _ in range(count):
        inner = f"author {{ posts {{ {inner} }} }}"
    return f"{{ posts {{ {inner} }} }}"


def values(data):
    """How many values an answer holds."""
    if isinstance(data, dict | list):
        return sum(values(item) for item in (data.values() if isinstance(data, dict) else data))
    return 1


for count in range(3):
    document = circles(count)
    print(f"{values((await ask(batched, document)).data):6,} values for {document}")

# %% [markdown]
# A few more letters, and the answer is a multiple. A server that is open to the world must say no **before** it runs such a
# thing. Ours has bounds, for how deep a document may go, and how many fields, aliases and tokens it may have. One that is
# strict:

# %%
strict = lab.start(graphql.GraphQLServer(traces=20, limits=graphql.Limits(depth=5)), name="strict")

for count in range(3):
    result = await ask(strict, circles(count))
    trace = strict.server.traces[-1]
    print(result.errors[0]["message"] if result.errors else f"{values(result.data):,} values")
    print("   ", phases(trace), "backend calls:", trace.calls)

# %% [markdown]
# What is too deep is refused while it is looked over: nothing was executed, and the backend was not asked.
#
# ## Exercises
#
# ### 1. Count
#
# How often is the backend of `naive` asked for this? (How many posts each user wrote was printed above.)

# %%
COUNT = "{ users(first: 3) { name posts { title author { name } } } }"

# %%
check("execution.count", ...)  # a number, in place of the dots

# %% [markdown]
# ### 2. What is left
#
# Write the `data` of the answer to this, as Python would have it (`None` for null). The user is Claude, and the phone book
# does not answer for him.

# %%
PARTIAL = """\
{
  user(id: 4) { name phone }
  trouble {
    fine
    inner { fine innerRequired { required } }
  }
}"""

# %%
check("execution.partial", ...)  # a dict: {"user": ..., "trouble": ...}

# %% [markdown]
# ### 3. Write what batches
#
# A loader needs a function that gets many users at once. `fetch(ids)` is the backend: awaited, it gives a list of those users
# that it has, each a dict with an `id`, **in whatever order it likes**, and without those that do not exist. Give back a list
# with **one item for each key, in the order of the keys**, and `None` where there is no such user. Ask the backend once.


# %%
async def load_users(keys, fetch):
    return ...


check("execution.batch", load_users)

# %% [markdown]
# ### 4. Ask for less
#
# A page lists all users, and below each name the titles of what that user wrote, each with "by" and the author's name. Its
# document is `EVERYTHING` from above, and on `naive` you know what that costs. Write one from which the page can show just the
# same, and that costs at most one call more than there are users.

# %%
leaner = """\
...
"""

check("execution.leaner", leaner)

# %% [markdown]
# ## In short
#
# - Parse, validate, execute. The first two depend on the document alone, so a server remembers them.
# - Fields of a query run side by side, the roots of a mutation one after another.
# - A null that may not be moves up to the nearest field that may be null. `errors` has path and location; secrets are masked.
# - Count calls of the backend, not milliseconds: N+1 becomes a call for each level with a loader, made anew for each request.
# - Bounds are looked at before anything runs.
#
# **Next:** [12 Subscriptions](12_subscriptions.ipynb). One request, one answer: now the answers go on.
