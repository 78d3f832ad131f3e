# %% [markdown]
# # GraphQL over HTTP
#
# After this lesson you can
#
# - read a GraphQL request on the wire: the document, its variables, and what they become as JSON;
# - say which status and which media type an answer has, and which of two rules it follows;
# - count what a screen costs, by REST and by GraphQL, and say where each of them wins;
# - send a document by its hash, and say why a request from somebody else's page is refused.

# %%
import json
from urllib.parse import urlencode

from protolab import graphql, lab, show
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.protocols import http
from protolab.protocols.graphql.client_http import HttpLink
from protolab.view.chart import Chart, Column

lab.repeatable()
api = lab.start(graphql.GraphQLServer(), name="api")

# %% [markdown]
# ## From lessons 08 and 09, by heart
#
# Which header, that an event stream cannot have, says how many bytes a body has? And by which one does a reader who comes
# back say where it was?

# %%
check("graphql.length", ...)  # its name, in quotes

# %%
check("graphql.place", ...)  # its name, in quotes

# %% [markdown]
# ## Ask for a tree
#
# Our server knows users, and the posts that they wrote. In GraphQL the **client** says what it wants, in a little language.
# Such a text is called a **document**:

# %%
PROFILE = """\
query Profile($id: ID!) {
  user(id: $id) {
    name
    posts(first: 2) { title }
  }
}"""

# %% [markdown]
# Read it from the inside: the titles of the first two posts, and the name, of the user whose id is `$id`. `Profile` is
# only a name for all that; `($id: ID!)` declares a **variable**, whose value comes beside the document. Each word in braces is
# a **field** of what stands before the braces. Now we send it, and hand in the value:

# %%
async with graphql.Client(api.url) as client:
    profile = await client.query(PROFILE, {"id": "1"})

profile

# %% [markdown]
# The answer has the shape of the question. Nothing came that was not named. And this is what was said. (In a notebook that runs
# you can click on a unit here, and then on its fields and bytes.)

# %%
talk = show.conversation(api, 0)
show.explore(talk)

# %% [markdown]
# One request, one response: plain HTTP, as in lesson 01. The request is a **POST**, so that it has a body, and always goes to
# the same path. Here are its head and its body as text:

# %%
print(talk[0].data.decode() + talk[1].data.decode())

# %% [markdown]
# `Content-Type` says that the body is JSON. `Accept` names two kinds of JSON that the client would like as an answer, the
# first one more than the second; we come back to them. The document is a text inside the JSON, so each of its line ends is
# written as `\n`, two characters. Here is the body with everything explained, **each token of the document at its bytes**:

# %%
talk[1]

# %% [markdown]
# Look at `variable definition`: the note says where the variable is used, and which value it was given. And the answer:

# %%
talk[3]

# %% [markdown]
# ### Why variables?
#
# One could put the value into the document, with an f-string. Then a name with a `"` in it ends the text early, and the rest
# of it is read as GraphQL: the same **injection** as in lesson 08. And the document would be another one for each user, so that
# no server could remember that it has read it already (lesson 11). With variables a document is a constant, like the name
# of a function, and the variables are its arguments.
#
# A document may hold several such operations. Then `operationName` says which of them is meant:

# %%
TWO = "query One { user(id: 1) { name } } query Two { user(id: 2) { name } }"

async with graphql.Client(api.url) as client:
    print(await client.query(TWO, operation="Two"))

print(show.conversation(api, 1)[1].data.decode())

# %% [markdown]
# ### By GET
#
# What only reads may also be asked for with GET. Then all of it goes into the URL, where most signs must be written as `%`
# and two hex digits:

# %%
async with graphql.Client(api.url, get=True) as client:
    await client.query(PROFILE, {"id": "1"})

print(show.conversation(api, 2)[0].data.decode().splitlines()[0])

# %% [markdown]
# A **mutation**, which changes things, must not come by GET, since browsers and caches repeat a GET as they like. A server
# refuses it, and says which methods it allows. (`HttpLink` is what `Client` sends its requests with.)

# %%
link = HttpLink(api.url)
MUTATION = 'mutation { createPost(input: {title: "By mistake"}) { id } }'
head, said = await link.request("GET", {"Accept": "application/json"}, query=urlencode({"query": MUTATION}))
await link.close()

print(*head.start[1:], "- Allow:", head.get("Allow"))

# %% [markdown]
# ## When it goes wrong: which status?
#
# `ask` posts a body as it is, and tells which status came back. It does what `Client` hides: it says itself which kind of
# answer it accepts.

# %%
JSON, RESPONSE = "application/json", "application/graphql-response+json"


async def ask(server, body, accept=RESPONSE):
    link = HttpLink(server.url)
    head, said = await link.request("POST", {"Content-Type": JSON, "Accept": accept}, body)
    await link.close()
    return head.status, said.decode()


await ask(api, b'{"query":"{ user(id: 1) { name } }"}')

# %% [markdown]
# ### Predict
#
# There is no field `nam`. A client that accepts only `application/json` asks for it all the same. With which status does
# the server answer?

# %%
predict("graphql.unknown", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
answer = await ask(api, b'{"query":"{ user(id: 1) { nam } }"}', accept=JSON)

# %%
reveal("graphql.unknown")

# %%
answer

# %% [markdown]
# For years GraphQL had one media type, `application/json`, and a server said "fine" whenever it had understood the HTTP; what
# had become of the query stood in the body. Such a status says nothing: a proxy or a monitor that looks at it sees
# only success. So a second media type was made, `application/graphql-response+json`, with which the status means something.
# And in 2026 the draft of the specification went further. Servers of both rules are in use, so we start one of each:
#
# - the profile `2023` is what nearly all servers do, and what the public tests ask for;
# - the profile `draft` is the newest text of the specification.

# %%
draft = lab.start(graphql.GraphQLServer(profile="draft"), name="draft")

SITUATIONS = {
    "all is well": b'{"query":"{ hello }"}',
    "one field failed": b'{"query":"{ user(id: 4) { name phone } }"}',
    "no such field": b'{"query":"{ helo }"}',
    "a variable is missing": b'{"query":"query($id: ID!) { user(id: $id) { name } }"}',
    "the document has no end": b'{"query":"{ hello "}',
    "no member named query": b'{"qeury":"{ hello }"}',
    "the body is not JSON": b'{"query":',
}

print(f"{'':25}{'2023':>8}{'2023':>12}{'draft':>8}{'draft':>12}")
print(f"{'accepted':25}{'json':>8}{'response':>12}{'json':>8}{'response':>12}")
for situation, body in SITUATIONS.items():
    found = [(await ask(server, body, accept))[0] for server in (api, draft) for accept in (JSON, RESPONSE)]
    print(f"{situation:25}{found[0]:>8}{found[1]:>12}{found[2]:>8}{found[3]:>12}")

# %% [markdown]
# - **2023, json**: if the body is a request at all, the status is 200.
# - **2023, response**: what could not be run is 400, "bad request". What was run is 200, even if a field failed.
# - **draft**: 400 for what cannot be read, **422** for what can be read and cannot be done. And a field that failed
#   gets a status of its own, **294** "Partial Success", but only for clients that accept the new type. An error of the
#   request never comes as `application/json` here, whatever was accepted.
#
# A client that is to work with all of them looks into the body: without `data` nothing was run; with `data` and `errors`
# a part of it failed. Here is such an answer; lesson 11 tells how it comes about.

# %%
_, text = await ask(draft, SITUATIONS["one field failed"])
print(json.dumps(json.loads(text), indent=2))

# %% [markdown]
# ## What does a screen cost?
#
# The same server offers the same data by **REST**: one address for each thing. `/rest/users/1` is a user, whole;
# `/rest/users/1/posts` is what that user wrote; `/rest/posts/1` is a post, whole.
#
# Take four screens of an app. For each, a GraphQL query, and a function that gets the same by REST. `get` fetches several
# addresses that a browser could ask for at the same time; where a second `get` needs an answer of the first, it has to wait.


# %%
async def user(get):
    await get("/rest/users/1")


async def profile(get):
    await get("/rest/users/1", "/rest/users/1/posts")


async def page(get):
    (post,) = await get("/rest/posts/1")
    await get(f"/rest/users/{post['authorId']}", f"/rest/users/{post['authorId']}/posts")


async def titles(get):
    (users,) = await get("/rest/users")
    await get(*[f"/rest/users/{user['id']}/posts" for user in users])


SCREENS = {
    "a user, whole": ("{ user(id: 1) { id name email city bio } }", user),
    "a profile": ("{ user(id: 1) { name city posts { title } } }", profile),
    "a post's page": ("{ post(id: 1) { title content author { name posts { title } } } }", page),
    "all the titles": ("{ users { name posts { title } } }", titles),
}

# %% [markdown]
# ### Predict
#
# The last screen shows the names of all users, each with the titles of what they wrote. How many requests does that take by
# REST? This many users there are:

# %%
async with graphql.Client(api.url) as client:
    print(len((await client.query("{ users { name } }"))["users"]), "users")

# %%
predict("graphql.requests", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look
#
# Each screen is fetched in both ways, each on one connection. What went through it is counted from the recording:


# %%
def bytes_of(talk, side, kind=""):
    return sum(len(unit.data) for unit in talk if unit.side is side and kind in unit.kind)


def values(data):
    """How many bytes the values are that a screen shows, without their names."""
    if isinstance(data, dict | list):
        return sum(values(item) for item in (data.values() if isinstance(data, dict) else data))
    return len(json.dumps(data))


def row(talk, trips, shown):
    """What a screen cost: requests, round trips, and bytes: up, heads down, what is shown, and what is not."""
    requests = sum(unit.kind == "request head" for unit in talk)
    heads, all_down = bytes_of(talk, Side.SERVER, "head"), bytes_of(talk, Side.SERVER)
    return requests, trips, bytes_of(talk, Side.CLIENT), heads, shown, all_down - heads - shown


async def by_rest(fetch):
    """The conversation, and after how many round trips the screen is there."""
    trips = 0

    async with http.connect(api.url) as connection:

        async def get(*paths):
            nonlocal trips
            trips += 1
            return [json.loads((await connection.get(path)).body) for path in paths]

        await fetch(get)
    return show.conversation(api), trips


rows = []
for name, (document, fetch) in SCREENS.items():
    async with graphql.Client(api.url) as client:
        data = await client.query(document)
    rows.append((f"{name}, GraphQL", row(show.conversation(api), 1, values(data))))
    rows.append((f"{name}, REST", row(*await by_rest(fetch), values(data))))

# %%
reveal("graphql.requests")

# %%
parts = [Column(name, part=True) for name in ("bytes up", "heads down", "shown", "not shown")]
Chart("What four screens cost", [Column("requests"), Column("round trips"), *parts], rows, unit="bytes")

# %% [markdown]
# `shown` are the values on the screen; `not shown` is all else that the bodies held: the names of the values, braces, and
# whatever the screen does not need.
#
# Two things make REST dear here, and both have names:
#
# - **over-fetching**: an address gives all that there is of a thing, whether the screen shows it or not;
# - **under-fetching**: one address does not give enough, so that more requests follow. Where a request needs an answer of the
#   one before, the screen waits for another **round trip**: on a phone that costs far more than bytes.
#
# But look at the first screen: for one thing, whole, REST is smaller. And REST wins elsewhere too:
#
# - **Caches.** An address names a thing, so browsers and proxies can keep the answer to a GET, and not ask again. The
#   answer to a POST they do not keep.
# - **The size of the request.** An address is short; a document travels with each request, and those of real apps are long.
# - **Simplicity.** A log says `GET /rest/users/1`; here each line says `POST /graphql`.
#
# REST can also be tailored: an address that serves just this screen would cost what GraphQL costs. Somebody has to write it,
# for each screen and each change. That is what GraphQL really saves: the client says what it needs, and nobody has to ask
# the server's people.
#
# ## The document by its hash
#
# A document is a constant, so why send it each time? A client may send its **SHA-256** instead: a fingerprint, like that of
# lesson 01, but longer. This is called an automatic **persisted query**. A server that does not know the hash says so.
#
# ### Predict
#
# A client with `persisted=True` asks the same thing twice. How many requests does it send?

# %%
predict("graphql.persisted", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with graphql.Client(api.url, persisted=True) as client:
    for _ in range(2):
        await client.query(PROFILE, {"id": "1"})

# %%
reveal("graphql.persisted")

# %%
by_hash = show.conversation(api)
by_hash

# %%
for unit in by_hash:
    if unit.kind == "body":
        print(f"{unit.side!s:6}  {unit.data.decode()}")

# %% [markdown]
# The client tries the hash alone. At `PersistedQueryNotFound` it sends both, once. The server computes the hash itself and
# compares: else anybody could leave a wrong document there for everybody. From then on the hash will do.
#
# What does that save? Here it is counted, for this document and for one that is more like those of real apps. (In it, a
# **fragment** is a piece that has a name, and `...Card` puts it in.)

# %%
APP = """\
query Home($me: ID!, $newest: Int = 10) {
  me: user(id: $me) { ...Card email phone posts(first: $newest) { ...Line } }
  everybody: users(first: $newest) { ...Card posts(first: 1) { ...Line } }
  posts(first: $newest) { ...Line content author { ...Card } }
}

fragment Card on User { id name city bio }
fragment Line on Post { id title createdAt }
"""

for name, document, variables in (("Profile", PROFILE, {"id": "1"}), ("a home page", APP, {"me": "1"})):
    sizes = []
    for persisted in (False, True):
        async with graphql.Client(api.url, persisted=persisted) as client:
            for _ in range(2):
                await client.query(document, variables)
        bodies = [unit for unit in show.conversation(api) if unit.kind == "body" and unit.side is Side.CLIENT]
        sizes.append(len(bodies[-1].data))
    whole, short = sizes
    print(f"{name:12} the document in a body of {whole} bytes, its hash in one of {short}: {whole - short:+} saved")

# %% [markdown]
# A hash has always the same size, so it pays for what is longer than itself. By GET the short request becomes an address
# that is always the same, so that caches can keep the answer, if the server allows it. A server for its own apps alone can go
# further: it takes only the hashes on its list, and nobody else's documents at all.
#
# ## Somebody else's page
#
# A browser sends your cookies along with a request to a server, **whichever page** made it (but for cookies that are marked
# `SameSite`). So a page at `evil.example`
# can try to change things in your name: **cross-site request forgery**. It may send without asking only what an HTML form
# could always send: a GET, or a POST of plain text or form fields. With any other `Content-Type`, JSON for instance, the
# browser first asks the server, by an OPTIONS request that is called a **preflight**: may this page do that?
#
# Here is what such a page can make a browser say, and what our server answers:

# %%
EVIL = {"Origin": "http://evil.example"}
CHANGE = b'{"query":"mutation { createPost(input: {title: \\"Buy now\\"}) { id } }"}'

shop = lab.start(graphql.GraphQLServer(origins=["http://evil.example"]), name="shop")


async def say(server, method, headers, body=b"", query=""):
    link = HttpLink(server.url)
    head, said = await link.request(method, {**EVIL, **headers}, body, query)
    await link.close()
    allowed = head.get("Access-Control-Allow-Origin")
    print(f"{method:8}{headers.get('Content-Type', ''):18}{head.status}  may this origin? {allowed}")
    if said:
        print(" " * 26, said.decode())


await say(api, "GET", {}, query="query=%7Bhello%7D")
await say(api, "POST", {"Content-Type": "text/plain"}, CHANGE)
await say(api, "OPTIONS", {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
await say(api, "POST", {"Content-Type": JSON}, CHANGE)
print("\nAnd a server that was started with this origin among its origins:")
await say(shop, "OPTIONS", {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
await say(shop, "POST", {"Content-Type": JSON}, CHANGE)

# %% [markdown]
# A form's text is refused because it is not `application/json`: a server that would take any type, "to be nice", could
# be used by every page on the web. To the preflight this server does not say that the origin may, so a browser would
# stop there; should the request come all the same, it is refused. Programs that are no browsers have no `Origin`
# and nobody's cookies; they need not ask.
#
# ## Your own browser
#
# The server has a page for people at the same path, on which you write queries next to the schema. In a cell of your own,
# `print(api.url)` tells its address; open that in a browser. (It needs a running kernel on the same machine.)

# %% [markdown]
# ## Exercises
#
# ### 1. The smallest query
#
# A screen shows where Grace (her id is 8) lives, and the titles of her first two posts. Nothing else. Write the document. (A
# literal `id: 8` will do; no variable is needed.)

# %%
mine = """\
...
"""

check("graphql.screen", mine)

# %% [markdown]
# ### 2. Where is it?
#
# An error tells where in the **document** something is: line and column, counted from one.

# %%
TYPO = """\
query Page {
  post(id: 3) {
    title
    auther { name }
  }
}"""

async with graphql.Client(api.url) as client:
    try:
        await client.query(TYPO)
    except graphql.GraphQLError as error:
        print(error)

# %% [markdown]
# At which byte of the request's **body**, counted from 0, does that word begin? The body is the JSON in which the document
# travelled; `show.conversation(api)[1].data` has its bytes. Mind what became of the line ends.

# %%
check("graphql.token", ...)  # a number, in place of the dots

# %% [markdown]
# ### 3. Which status?
#
# The server follows the draft, and the client accepts `application/graphql-response+json`. Write the three statuses:
#
# - `{"query": "{ user(id: 4) { phone } }"}`
# - `{"query": "{ user(id: 4) { phone "}`
# - `{"query": "query A { hello } query B { hello }"}`

# %%
check("graphql.statuses", ...)  # three numbers in brackets: (..., ..., ...)

# %% [markdown]
# ### 4. The body by hand
#
# Write the bytes of the body for any document and any variables.


# %%
def my_body(document, variables):
    return ...


check("graphql.body", my_body)

# %% [markdown]
# ### 5. The fingerprint
#
# Write what goes into `sha256Hash`: the SHA-256 of the document's bytes in UTF-8, as a text of hex digits. Lesson 01 has
# nearly all that you need.

# %%
import hashlib


def fingerprint(document):
    return ...


check("graphql.digest", fingerprint)

# %% [markdown]
# ## In short
#
# - A request is one POST whose JSON holds the document, its variables, and perhaps the name of the operation.
# - `data` has the shape of the question; `errors` says what failed, and points into the document.
# - Statuses: old servers say 200 to nearly everything; with `application/graphql-response+json` a status means something.
# - One round trip, and only what was asked for. REST is smaller for one whole thing, and caches know its addresses.
# - Only JSON, and no page whose origin is not known.
#
# **Next:** [11 How a query runs](11_how_a_query_runs.ipynb). What does the server do between the request and the answer?
