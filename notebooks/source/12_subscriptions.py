# %% [markdown]
# # Subscriptions
#
# After this lesson you can
#
# - read the life of a subscription on the wire, and name each message in it;
# - tell the two protocols apart whose names everybody mixes up;
# - run several subscriptions on one socket, and end one of them;
# - break the rules on purpose, say which code ends it, and whether a client should come back;
# - choose between WebSocket and event streams, with numbers.

# %%
import asyncio
import json
from contextlib import suppress

from protolab import graphql, lab, scenes, show, websocket
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
api = lab.start(graphql.GraphQLServer(), name="api")

# %% [markdown]
# ## From lessons 01 and 11, by heart
#
# With which status does a server agree to an upgrade? And in a GraphQL response, which key stands beside `data` when a field
# has failed?

# %%
check("subscriptions.upgrade", ...)  # a number

# %%
check("subscriptions.key", ...)  # one word, in quotes

# %% [markdown]
# ## Asked once, answered often
#
# A query has one answer. A **subscription** is asked once, and answered each time that something happens. This one counts
# down (with an interval of 0 seconds, so that we need not wait):

# %%
COUNTDOWN = "subscription { countdown(from: 2, interval: 0) }"

async with graphql.Client(api.url) as client:
    async for event in client.subscribe(COUNTDOWN):
        print(event)

# %% [markdown]
# Each event has the shape of a query's `data`. And this is what was said:

# %%
talk = show.conversation(api, 0)
talk

# %% [markdown]
# It is a WebSocket. HTTP allows one response to a request; here many answers follow a question, and the client must be
# able to say more in between. What travels is JSON in text frames, one object a message:

# %%
for unit in talk[2:-2]:
    print(f"{unit.side!s:6}  {websocket.Frame.decode(unit.data).payload.decode()}")

# %% [markdown]
# So this is the whole life of it:
#
# | message | who says it | what it means |
# |---|---|---|
# | `connection_init` | client | let me in; the payload may hold a token, since a page can set no headers here |
# | `connection_ack` | server | you are in |
# | `subscribe` | client | begin this operation, and call it by this **id** |
# | `next` | server | one more result of the operation with that id |
# | `complete` | server | that was all of it |
# | `complete` | client | I want no more of it |
# | `error` | server | it cannot begin, or not go on |
# | `ping`, `pong` | both | are you still there? Yes |
#
# (WebSocket has pings of its own, lesson 03. But a script in a page can neither send nor see them; these it can.)
#
# Any operation may travel so, a query too: that is one `next` and a `complete`. Here is `subscribe`, down to the tokens of the
# document, each at its bytes:

# %%
talk[4]

# %% [markdown]
# ## Two names
#
# Both sides must agree on this language. They do so in the handshake, by `Sec-WebSocket-Protocol`: the client offers names, and
# the server picks one. There are two languages for GraphQL, an older and a newer one. Our client speaks both:

# %%
async with graphql.Client(api.url, subscriptions="graphql-ws") as client:
    async for event in client.subscribe(COUNTDOWN):
        print(event)

# %%
for number in (0, 1):
    for unit in show.conversation(api, number)[:2]:
        named = unit.field.find("Sec-WebSocket-Protocol")
        print(f"{unit.side!s:6}  {unit.data[named.start : named.end].decode().strip()}")

# %% [markdown]
# Now mind the names, for they are a **trap**:
#
# | on the wire | is the language of | age |
# |---|---|---|
# | `graphql-ws` | the library *subscriptions-transport-ws* | old: no longer cared for |
# | `graphql-transport-ws` | the library *graphql-ws* | in use |
#
# The new library took the name that the old language has on the wire. So whoever uses the library *graphql-ws* and writes
# `graphql-ws` into the handshake asks for the other language. Some words of the two are the same, and some are not:

# %%
from protolab.protocols.graphql.subprotocols import CLIENT, LEGACY, SERVER, TRANSPORT

for side, types in (("client", CLIENT), ("server", SERVER)):
    new, old = types[TRANSPORT], types[LEGACY]
    print(f"{side}, both: {', '.join(type for type in new if type in old)}")
    print(f"{side}, only {TRANSPORT}: {', '.join(type for type in new if type not in old)}")
    print(f"{side}, only {LEGACY}: {', '.join(type for type in old if type not in new)}")

# %% [markdown]
# Here is somebody in the trap: offers the one name, and speaks the other language. We build it by hand, as in lesson 04.
# `say` says texts, hears what is answered, and returns the conversation.

# %%
odd = lab.start(graphql.GraphQLServer(), name="odd")

INIT = '{"type":"connection_init"}'
POSTS = "subscription { postCreated { title } }"
SUBSCRIBE = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": POSTS}})


async def say(*texts, init=True, name="graphql-transport-ws", to=odd):
    """Say texts as they are, after an init and its answer, and hear the server until it closes, or is silent for a second."""
    async with websocket.raw_connect(to.url, {"Sec-WebSocket-Protocol": name}) as peer:
        if init:
            await peer.send(websocket.Frame(1, INIT.encode()), mask=True)
            await peer.receive()
        for text in texts:
            await peer.send(websocket.Frame(1, text.encode()), mask=True)
        with suppress(TimeoutError):
            while answer := await peer.receive(patience=1):
                if answer.opcode == 8:  # a Close is answered; then the server hangs up
                    await peer.send(websocket.Frame(8, answer.payload[:2]), mask=True)
    return show.conversation(to)


# %% [markdown]
# ### Predict
#
# It offers `graphql-ws`, and says `connection_init`. Of which type is the server's answer?

# %%
predict("subscriptions.trap", ...)  # a message's type, in quotes

# %% [markdown]
# ### Look

# %%
talk = await say(SUBSCRIBE, name="graphql-ws")

# %%
reveal("subscriptions.trap")

# %%
show.ladder(talk, start=2)

# %% [markdown]
# All seems well: the handshake, the init, the ack. Only the first subscription fails, and the old language has no close
# codes for this: the server complains in a message, and the socket stays open. In a page this looks like a server that
# has no news.
#
# ## Many on one socket
#
# The ids are there so that one socket can carry many operations. Here are two: what Ada writes (she is author 1), and what
# Bob writes (author 2). This time we write the client ourselves, with a plain WebSocket:

# %%
blog = lab.start(graphql.GraphQLServer(), name="blog")


def write(author, title):
    """Let somebody write a post, and wait until all who should hear of it have been told."""
    lab.run(blog.server.store.create_post(author, title, ""))
    blog.settle()


def post_by(author):
    return f'subscription {{ postCreated(authorId: "{author}") {{ title }} }}'


async def two_subscriptions():
    """A socket with two subscriptions: Ada's posts under the id "ada", Bob's under "bob"."""
    socket = await websocket.connect("ws" + blog.url.removeprefix("http"), subprotocols=["graphql-transport-ws"])
    await socket.send(INIT)
    await socket.recv()
    for id, author in (("ada", "1"), ("bob", "2")):
        await socket.send(json.dumps({"id": id, "type": "subscribe", "payload": {"query": post_by(author)}}))
    blog.settle()
    return socket


# %% [markdown]
# And this is how people often begin: a reader for each subscription. Each takes what comes next from the socket, and keeps
# it if it bears its own id.

# %%
socket = await two_subscriptions()
turn = asyncio.Lock()  # the library refuses two who read at the same time, so they take turns


async def reader(id):
    mine = []
    for _ in range(2):
        async with turn:
            message = json.loads(await socket.recv())
        if message["id"] == id:
            mine.append(message["payload"]["data"]["postCreated"]["title"])
    return mine


# %% [markdown]
# ### Predict
#
# Ada writes two posts, then Bob writes two. Each reader takes two messages. How many of the four posts reach the reader that
# wants them?

# %%
predict("subscriptions.steal", ...)  # a number

# %% [markdown]
# ### Look

# %%
for author, title in (("1", "Ada's first"), ("1", "Ada's second"), ("2", "Bob's first"), ("2", "Bob's second")):
    write(author, title)

ada, bob = await asyncio.gather(reader("ada"), reader("bob"))
await socket.close()

# %%
reveal("subscriptions.steal")

# %%
print("on the wire:", *(unit.title for unit in show.conversation(blog, 0) if unit.title.startswith("next")), sep="\n  ")
print("Ada's reader:", ada)
print("Bob's reader:", bob)

# %% [markdown]
# All four arrived, and each reader got whatever came when it was its turn: they **steal** each other's messages. Nothing
# fails, and nothing is logged. So the rule is: **one reader for a socket**, which looks at the id and puts each message
# into the inbox of its subscription.

# %%
socket = await two_subscriptions()
inboxes = {"ada": asyncio.Queue(), "bob": asyncio.Queue()}


async def one_reader():
    async for text in socket:
        message = json.loads(text)
        inboxes[message["id"]].put_nowait(message["payload"]["data"]["postCreated"]["title"])


reading = asyncio.create_task(one_reader())
for author, title in (("1", "Ada's third"), ("1", "Ada's fourth"), ("2", "Bob's third"), ("2", "Bob's fourth")):
    write(author, title)

for id, inbox in inboxes.items():
    print(id, [await inbox.get() for _ in range(2)])

await socket.close()
await reading

# %% [markdown]
# `graphql.Client` does it so; and each inbox has a bound, of which more below.
#
# ## To leave
#
# A subscription may go on for ever. At the server, something runs for it: here a listener, who is told of each new post.
# Who leaves must say so, or the listener stays. Let us count them:


# %%
def listeners():
    blog.settle()
    return len(blog.server.store.created.listeners)


client = graphql.Client(blog.url)
adas = await client.subscribe(post_by("1")).begun()
everybodys = await client.subscribe(POSTS).begun()

print("two subscriptions:", listeners(), "listeners")

write("1", "Ada's fifth")
print(await anext(adas), await anext(everybodys))

# %% [markdown]
# ### Predict
#
# Now the first of the two is left (`aclose`; leaving an `async for` does the same). Then Ada writes another post. Write the
# types of the messages that cross the wire from now on, by either side, in their order.

# %%
predict("subscriptions.left", ...)  # a list of types, such as ["ping", "pong"]

# %% [markdown]
# ### Look

# %%
await adas.aclose()
print("after one is left:", listeners(), "listener")

write("1", "Ada's sixth")
print(await anext(everybodys))

# %%
reveal("subscriptions.left")

# %%
await client.close()
print("after all:", listeners(), "listeners")

talk = show.conversation(blog, 2)
talk

# %% [markdown]
# `complete` from the client ends one subscription, **frees its source at once**, and leaves the other as it was. The server
# does not answer it. It may happen that a `next` was on its way already; then the client ignores it, since it knows no such id
# any more. And from now on the id is free to be used again.
#
# (The `ping` after each `subscribe` is our client's: when it is answered, the subscription stands, and no post can be missed.)
#
# Here is a recording of such a life, to step through:

# %%
show.scrub(scenes.recording("graphql/subscription"))

# %% [markdown]
# ## When something fails
#
# In lesson 11 one field failed, and the rest of the answer came all the same. A subscription has two ways to fail:

# %%
troubled = scenes.recording("graphql/errors")
show.ladder(troubled, start=4, limit=9)

# %% [markdown]
# The first one counts down from two, and its field fails at one. That is a matter of this one event: it comes as a **`next`**,
# with `errors` beside the `data`, and the countdown goes on. The other two cannot even begin (a source that is broken, a
# document that asks for a field that does not exist): that is an **`error`**, and it is the end of that subscription. No
# `complete` follows it.

# %%
for unit in show.conversation(troubled):
    if " error" in unit.title and unit.title.startswith(("next", "error")):
        said = json.loads(websocket.Frame.decode(unit.data).payload)
        print(json.dumps({key: said[key] for key in ("type", "id", "payload")}, indent=2))

# %% [markdown]
# Either way the **socket** lives, and so do the other subscriptions on it. In Python both are a `GraphQLError`. After one from a
# `next`, the loop may be entered again:

# %%
async with graphql.Client(api.url) as client:
    events = client.subscribe("subscription { countdown(from: 2, interval: 0, failAt: 1) }")
    while True:
        try:
            async for event in events:
                print("event:", event)
            break
        except graphql.GraphQLError as error:
            print("failed:", error)

# %% [markdown]
# ## Break it on purpose
#
# Who breaks the rules of the language itself is not answered with a message: the server closes the **socket**, with a code of
# its own, from 4000 up (lesson 03). These are the codes that the language has:

# %%
from protolab.protocols.graphql.subprotocols import CODES

for code, (_, meaning) in CODES.items():
    print(code, meaning)

# %% [markdown]
# ### Predict
#
# A client subscribes under the id `1`, and, while that is running, once more under the id `1`. With which code is it closed?

# %%
predict("subscriptions.twice", ...)  # a number

# %% [markdown]
# ### Look

# %%
talk = await say(SUBSCRIBE, SUBSCRIBE)

# %%
reveal("subscriptions.twice")

# %%
display(show.ladder(talk, start=2), talk[5])

# %% [markdown]
# The carets stand under the id, as it was on the wire, masked. This takes down the whole socket, with all that
# ran on it: which of the two should the next `next` belong to?
#
# And now the rest of them. Beside what the server said stands what our decoder says, which has seen nothing but the bytes:

# %%
hasty = lab.start(graphql.GraphQLServer(bounds=graphql.Bounds(init=0.1)), name="hasty")
strict = lab.start(graphql.GraphQLServer(on_connect=lambda payload: payload == {"token": "tea"}), name="strict")

BREACHES = [
    ("subscribe before the ack", [SUBSCRIBE], {"init": False}),
    ("connection_init twice", [INIT], {}),
    ("an id in use", [SUBSCRIBE, SUBSCRIBE], {}),
    ("no JSON", ["{oops"], {}),
    ("no such type", ['{"type":"hello"}'], {}),
    ("an id that is a number", [SUBSCRIBE.replace('"1"', "1")], {}),
    ("a language nobody speaks", [], {"init": False, "name": "soap"}),
    ("no connection_init at all", [], {"init": False, "to": hasty}),
    ("the wrong token", [], {"to": strict}),
]

print(f"{'what was done':26}{'the decoder':22}{'owed':6}the server")
for what, texts, how in BREACHES:
    talk = await say(*texts, **how)
    found = [finding for unit, finding in talk.findings if unit.side is Side.CLIENT]
    rule, owed = (found[-1].rule.id, found[-1].rule.reaction) if found else ("-", "-")
    closed = next(unit.title for unit in talk if unit.side is Side.SERVER and unit.title.startswith("close"))
    print(f"{what:26}{rule:22}{owed:6}{closed}")

# %% [markdown]
# The last three break no rule that bytes could show: a name, a silence and a token are for the server to judge.
#
# Mind 4401: it says "Unauthorized", and many look for a wrong password then. It means only that `subscribe` came before
# `connection_ack`. A token that is not accepted is 4403.
#
# Mind 4406, too. The server first agrees to the upgrade, with the very name that it cannot speak, and then closes. Why not
# refuse at once? A browser tells a page nothing about a handshake that failed; a code it does tell.
#
# ## To come back, or not
#
# As in lesson 07, a client needs a table. After some codes all would be the same again; those are **fatal**:

# %%
from protolab.protocols.graphql.client_errors import after

for rule in websocket.Rule:
    codes = [code for code in (1000, 1001, 1006, 1012, 1013, *CODES) if after(code, "").rule is rule]
    print(f"{rule.name:6} {rule.value}")
    for code in codes:
        print(f"         {code}  {CODES[code].meaning if code in CODES else after(code, '').why}")

# %% [markdown]
# A client that comes back subscribes again, since a second socket knows nothing of the first. What happened in between is
# **lost**: GraphQL has no `Last-Event-ID` (lesson 09). So a program that must miss nothing queries once more, after it has
# subscribed again.
#
# ## One who does not read
#
# Lesson 06 said that there are four ways with one who is slow. Here are all places where results can pile up between a new
# post and the loop that reads:
#
# | where | its bound | what happens there |
# |---|---|---|
# | a source of its own (`countdown`) | none needed | it **waits**: the next number is asked for when the client has read |
# | a listener's queue | `Feed.most` posts | it is let go, and told so by an `error` |
# | what the server has for a socket | the fan-out's limit | the socket is closed with 1013 |
# | the client's inbox | `inbox=...` | it says `complete`, and its loop hears `TooSlow` |
#
# Let us see the last one. This program wants three posts at most to wait for it, and does not read:

# %%
slow = graphql.Client(blog.url, inbox=3)
posts = await slow.subscribe(POSTS).begun()

for number in range(1, 6):
    write("2", f"Bob's news, part {number}")
await slow.ping()  # all of them have come

# %%
try:
    async for event in posts:
        print(event)
except graphql.client.TooSlow as error:
    print(error)

# %%
print(listeners(), "listeners")
write("2", "Bob's last")
await slow.close()

for unit in show.conversation(blog, -1)[4:]:
    if unit.title not in ("ping", "pong"):
        print(f"{unit.side!s:6}  {unit.title}")

# %% [markdown]
# What was in time is still read; then comes the truth, in place of the rest. Nothing grew without a bound, and the server
# stopped sending.
#
# ## Without a WebSocket
#
# The same subscription can be read as an event stream (lesson 08). It is a request like that of lesson 10, which accepts
# `text/event-stream`:

# %%
async with graphql.Client(api.url, subscriptions="sse") as client:
    async for event in client.subscribe(COUNTDOWN):
        print(event)

# %%
streamed = show.conversation(api)

for unit in streamed:
    print(f"{unit.side!s:6}  {unit.title}")

# %% [markdown]
# Two kinds of events, `next` and `complete`, and no ids: each subscription is a request of its own. To leave, the client hangs
# up. There is nothing to negotiate, so there is no trap of names and there are no close codes.

# %%
streamed[4]

# %% [markdown]
# ### Predict
#
# Which costs fewer bytes in all, both directions counted: ten subscriptions with ten events each on **one** WebSocket, or on
# ten event streams?

# %%
predict("subscriptions.bytes", ...)  # "websocket" or "sse"

# %% [markdown]
# ### Look

# %%
COUNT = "subscription { countdown(from: %d, interval: 0) }"


async def cost(way, subscriptions, events):
    """How many bytes it takes, and on how many connections."""
    server = lab.start(graphql.GraphQLServer(), name=f"{way}, {subscriptions} x {events}")
    async with graphql.Client(server.url, subscriptions=way) as client:
        for _ in range(subscriptions):
            async for _ in client.subscribe(COUNT % (events - 1)):
                pass
    found = list(server.capture.connections)
    said = sum(len(connection.read(side)) for connection in found for side in Side)
    return said, len(found)


print("subscriptions  events each   websocket      event streams")
for subscriptions, events in ((1, 1), (1, 10), (1, 100), (10, 1), (10, 10), (10, 100)):
    (ours, sockets), (theirs, streams) = [
        await cost(way, subscriptions, events) for way in ("graphql-transport-ws", "sse")
    ]
    print(
        f"{subscriptions:13}  {events:11}  {ours:6} bytes   {theirs:6} bytes, {streams} connection{'s' * (streams > 1)}"
    )

# %%
reveal("subscriptions.bytes")

# %% [markdown]
# The table counts all that was said, the handshakes included. Each more event costs, on each:

# %%
for way in ("graphql-transport-ws", "sse"):
    (few, _), (many, _) = [await cost(way, 1, events) for events in (20, 30)]
    print(f"{way:20}  {(many - few) // 10} bytes")

# %% [markdown]
# So a stream that lives long costs a little less where no id has to be said, and many short ones cost much less where
# one handshake serves them all. Neither matters much; what decides is what each can do:
#
# | choose | when |
# |---|---|
# | WebSocket | many subscriptions come and go; the client has to say more than its question |
# | event streams | few of them; proxies, cookies and HTTP's own log-in should simply work |
#
# (Few, since over HTTP/1.1 a browser opens no more than six connections to a server at a time; with HTTP/2 all share one.)
#
# For the reader of the loop they are the same. That is what GraphQL is for.
#
# ## Exercises
#
# ### 1. By hand
#
# Write the text of the message that begins an operation: its id, its document, and its variables. Leave out `variables` when
# they are `None`.


# %%
def subscribe(id, query, variables=None):
    return ...


check("subscriptions.write", subscribe)

# %% [markdown]
# ### 2. End only one
#
# Here are two subscriptions on one socket. End the one for Ada's posts, and only that one.

# %%
desk = lab.start(graphql.GraphQLServer(), name="desk")
member = graphql.Client(desk.url)
of_ada = await member.subscribe(post_by("1")).begun()
of_bob = await member.subscribe(post_by("2")).begun()

...  # await ...

with suppress(Exception):
    await member.ping()

check("subscriptions.one")

# %% [markdown]
# ### 3. Fatal?
#
# Write the decision of a client, for the codes from 4000 up: `True` when it should **not** come back.


# %%
def fatal(code):
    return ...


check("subscriptions.fatal", fatal)

# %% [markdown]
# ### 4. The same id again
#
# `say(SUBSCRIBE, SUBSCRIBE, to=again)` ends with a code. Say something in between, so that both subscriptions are in order,
# with the same id.

# %%
again = lab.start(graphql.GraphQLServer(), name="again")

...  # await say(SUBSCRIBE, ..., SUBSCRIBE, to=again)

check("subscriptions.again")

# %% [markdown]
# ## In short
#
# - `connection_init`, `connection_ack`; then `subscribe`, `next` as often as it happens, and `complete` by either side.
# - On the wire `graphql-ws` is the **old** language. The library of that name speaks `graphql-transport-ws`.
# - The id tells operations apart; one reader for a socket hands each message to its own.
# - A field that fails is told in `next`, and it goes on. `error` is the end of one subscription, a code that of the socket.
# - Who leaves says `complete`, and what ran for it is freed. What happens while a client is away is lost.
#
# **Next:** [13 Protobuf by hand](13_protobuf_by_hand.ipynb). So far most of it was text. gRPC says nearly everything in bytes.
