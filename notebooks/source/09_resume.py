# %% [markdown]
# # Resume
#
# After this lesson you can
#
# - say how a client comes back to a stream, and what brings it what it missed;
# - say what a server must keep for that, for whom, and what it does when it has kept too little;
# - find the clients that lose events, and mend them;
# - tell a client to come back, to wait, or to stay away.

# %%
import asyncio
import json
from urllib.parse import urlsplit

from protolab import lab, scenes, show, sse
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
events = lab.start(sse.EventServer(retry=10, origins="*"), name="events")

# %% [markdown]
# ## From lessons 07 and 08, by heart
#
# With `base=1` and `cap=30`, what is the longest delay before the **third** attempt in a row? And what is a line of a stream
# called that begins with a colon?

# %%
check("resume.third", ...)  # seconds

# %%
check("resume.colon", ...)  # one word, in quotes

# %% [markdown]
# ## The wire is cut
#
# In lesson 07 a WebSocket was cut. The client came back, and what had been said meanwhile was gone. An event stream can do
# better, with one line in each event and one in the request.
#
# Ada listens, and hears two updates. As in lesson 07 we keep her in a tunnel for a while, so that we can look.

# %%
away, tunnel_ends = asyncio.Event(), asyncio.Event()

ada = sse.Client(f"{events.url}?client_id=ada", backoff=sse.Backoff(base=0.02, cap=1))


@ada.on("reconnecting")
async def tunnel(what):
    away.set()
    await tunnel_ends.wait()


def say(what, to=None):
    """Let the server say an update, to some or to all; returns its id."""
    return lab.run(events.server.update(what, targets=to))


stream = aiter(ada)
await anext(stream)  # the server's hello

for cups in (1, 2):
    say({"cups": cups})
    print(await anext(stream))

# %% [markdown]
# Now the wire is cut. `ready_state` is what a browser calls `readyState`: 0 is CONNECTING, which includes waiting to come
# back; 1 is OPEN; 2 is CLOSED, for good.

# %%
print(f"before: {ada.ready_state.name}")
events.cut()
await away.wait()
print(f"in the tunnel: {ada.ready_state.name}, and the last id that she saw is {ada.last_event_id!r}")

# %% [markdown]
# While she is away, the server says three things. One of them is for bob only.

# %%
for what, to in (({"cups": 3}, None), ({"secret": "bob's birthday"}, ["bob"]), ({"cups": 4}, None)):
    print(f"id {say(what, to)}: {json.dumps(what)}, for {' and '.join(to or ['everyone'])}")

# %% [markdown]
# ### Predict
#
# The tunnel ends. Which ids do the updates have that ada is told on the new connection, before anything new is said?

# %%
predict("resume.missed", ...)  # a list of numbers

# %% [markdown]
# ### Look

# %%
tunnel_ends.set()

while True:
    event = await anext(stream)
    print(event)
    if event.last_event_id == "5":
        break

await ada.close()

# %%
reveal("resume.missed")

# %%
back = show.conversation(events, 1)
back

# %% [markdown]
# The whole secret is one line in the request:

# %%
show.explain(back[0].field.find("Last-Event-ID"), back[0].data)

# %% [markdown]
# The client keeps the last `id` that came with an event, and when it comes back it names it as `Last-Event-ID`. The server
# keeps the newest events in memory, in a row with a bound (a **ring**), and begins with those that came after. No id is
# named on the very first visit, and so the first `connected` carries one: who is cut off before hearing anything
# else knows its place, too.
#
# Two details make it work:
#
# - The ids only go **up**, and there is one row of them for everybody. To ada, a number is missing, and that is no loss: it
#   was bob's. So a client cannot tell from the numbers whether something was lost. The server can.
# - What was for bob is for bob **when it is sent again** as well. A server that keeps only texts, and hands out
#   all of them to whoever names a low number, tells everybody's secrets to anyone who asks.
#
# Here is a recording of such a break, to step through. Each connection begins with CONNECTING:

# %%
show.scrub(scenes.recording("sse/resume"))

# %% [markdown]
# ## The gap
#
# A ring has a bound. This server keeps three events only, and says seven. Then somebody comes who has been away for long:

# %%
small = lab.start(sse.EventServer(limits=sse.Limits(kept=3)), name="small")

for cups in range(1, 8):
    lab.run(small.server.update({"cups": cups}))

async with sse.Client(f"{small.url}?client_id=rip", last_event_id="2") as rip:
    stream = aiter(rip)
    heard = [await anext(stream) for _ in range(5)]

for event in heard:
    print(event.last_event_id, event.type, event.data)

# %% [markdown]
# Some of what rip missed is forgotten. To begin with the oldest that is kept, and say nothing, would be a lie: rip's
# program would think that it has everything. So the server says it in an event of its own, `resync`: fetch anew what you
# show, and go on from here. The same happens with an id that the server never gave out, for example after a restart that
# began to count from 1 again.
#
# ## The page that loses events
#
# All this is built into every browser. And yet this is what many pages do:
#
# ```javascript
# function connect() {
#   const source = new EventSource("/api/events");
#   source.onmessage = show;
#   source.onerror = () => {
#     source.close();                  // tidy up
#     setTimeout(connect, 1000);       // and come back
#   };
# }
# ```
#
# It looks careful, and it works whenever somebody tries it. Here is the same in Python: at the first trouble it closes
# the client, and makes a **new** one.

# %%
calm = asyncio.Event()


async def careless(url):
    while True:
        async with sse.Client(url) as source:  # new EventSource(url)
            source.on("disconnected", lambda ending: source.close())  # onerror: source.close()
            async for event in source:
                yield event
        await calm.wait()  # setTimeout(connect, ...), as long as we like


# %% [markdown]
# Carl uses it. Cora uses the client as it is, which comes back by itself. Both hear a first update. Then both are cut off, two
# more are said, both come back, and a last one is said.

# %%
cora = sse.Client(f"{events.url}?client_id=cora", backoff=sse.Backoff(base=0.02, cap=1))
away = asyncio.Event()


@cora.on("reconnecting")
async def wait(what):
    away.set()
    await calm.wait()


await cora
streams = {"cora": aiter(cora), "carl": careless(f"{events.url}?client_id=carl")}
told = {"cora": [], "carl": []}


async def hear(name, last):
    """Note what this client is told, up to the update with that text."""
    async for event in streams[name]:
        if event.type == "update":
            told[name].append(event.data)
        if event.data == last:
            return


# %% [markdown]
# ### Predict
#
# How many of the four updates is carl told?

# %%
predict("resume.careless", ...)  # a number

# %% [markdown]
# ### Look

# %%
for stream in streams.values():
    await anext(stream)  # the server's hello
say("the first")
for name in streams:
    await hear(name, "the first")

events.cut()
await away.wait()
for text in ("the second", "the third"):
    say(text)

calm.set()
await hear("cora", "the third")
await anext(streams["carl"])  # the hello of his new connection: he is back
say("the last")
for name in streams:
    await hear(name, "the last")

await cora.close()
await streams["carl"].aclose()

# %%
reveal("resume.careless")

# %%
for name, updates in told.items():
    print(f"{name}: {', '.join(updates)}")

# %%
for talk in map(show.conversation, events.capture.connections):
    if any(f"client_id={name}" in talk[0].title for name in told):
        print(talk[0].title)

# %% [markdown]
# The id was in the client that he threw away. The new one knows of no id, so it names none, and the server takes it for
# someone who comes for the first time. Nothing failed and nothing was logged; what was said meanwhile
# is missing.
#
# **In a page, leave an `EventSource` alone when it reports an error.** It comes back by itself. There is one exception: when
# `readyState` is 2 (CLOSED), it has given up for good, and only then a new one may be made. Let it carry its place in the URL,
# since a page may not set the header: `new EventSource("/api/events?lastEventId=" + last)`. Ours understands that.
#
# ## When to come back
#
# With `retry` the server says how long to wait, in milliseconds; a client that knocks before that does harm to a server
# that has just gone down with all its clients. But if all wait for the same time, they come back together (a
# thundering herd, lesson 07). So ours waits for what was asked, and then for a random while, up to its own backoff:

# %%
busy = lab.start(sse.EventServer(retry=5000), name="busy")

for number in range(1, 4):
    waits = asyncio.Queue()
    client = sse.Client(busy.url)
    client.on("reconnecting", waits.put)
    await client
    await anext(aiter(client))  # the hello, in which the server asks for so much time
    busy.cut()
    what = await waits.get()
    await client.close()
    print(f"client {number}: asked to wait {client.retry} ms, back after {what.delay * 1000:.0f} ms")

# %% [markdown]
# And this is what the end of a connection means. It is the same in our client and in every browser:
#
# | what happens | what the client does |
# |---|---|
# | the stream ends, or the wire is cut | comes back after the `retry` time, and names its last id |
# | status 204 | stops: this is how a server says "that was all" |
# | any other status but 200, or another type than `text/event-stream` | stops, with an error |
#
# The third line is harder than it looks. While a server restarts, a proxy before it may answer 502 for a few seconds,
# and every page that knocks just then is out **for good**: `readyState` is 2. That is the exception above.
#
# ## The silent connection
#
# Sometimes a wire is cut and nobody is told: a laptop goes to sleep, a phone changes its network, a router forgets. No FIN,
# no RST. The client waits for the next event, and it never comes; to the client it looks just like a day without news.
# Only a **watchdog** helps: who has heard nothing for too long hangs up, and comes back.

# %%
ending = asyncio.Queue()
guarded = sse.Client(small.url, silence=0.2)  # seconds without a byte; 60 unless told otherwise
guarded.on("disconnected", ending.put)

await guarded
print((await ending.get()).reason)
await guarded.close()

# %% [markdown]
# This is why a server must not be silent when it has no news, and sends a comment every 15 seconds. But who sees a comment?

# %%
comment, heartbeat = b": keep-alive\n\n", b"event: heartbeat\ndata: {}\n\n"

for what in (comment, heartbeat):
    print(f"{len(what):3} bytes on the wire, {len(list(sse.parse(what)))} events for the program: {what}")

# %% [markdown]
# Our client counts bytes, so comments will do. A script in a page never sees bytes: `EventSource` drops comments before any
# script hears of them, so a watchdog in a page would bark at a stream that is fine. For pages a server must send an
# **event**, such as `heartbeat`, and the script starts its clock anew at each. Its `reconnect` closes what is silent, and makes
# a new one with its place in the URL, as above:
#
# ```javascript
# let timer;
# function alive() {
#   clearTimeout(timer);
#   timer = setTimeout(reconnect, 45000);
# }
# source.onopen = alive;
# source.addEventListener("heartbeat", alive);  // and every other event
# ```
#
# ## Your own browser
#
# Connect it, then run the cell below: the server says something, the wire is cut, and something is said while the browser is
# away. Look at its requests: the second one names the last id, and the rest follows. (It needs a running kernel.)

# %%
show.browser_client(events)

# %%
say("something for the browser")
broken_off = events.cut()
number = say("said while it was away")

# %% [markdown]
# ## Exercises
#
# ### 1. What comes back?
#
# This server keeps four events, and has said seven:

# %%
puzzle = lab.start(sse.EventServer(limits=sse.Limits(kept=4)), name="puzzle")

for to in (None, ["bob"], None, ["ada"], ["bob"], None, ["bob"]):
    number = lab.run(puzzle.server.broadcast("message", "...", targets=to))
    print(f"id {number}, for {' and '.join(to or ['everyone'])}")

# %% [markdown]
# Ada comes back with `Last-Event-ID: 2`. Which of these messages is she told? Write the list of their ids.

# %%
check("resume.back", ...)  # a list of numbers

# %% [markdown]
# ### 2. Come back by hand
#
# Ada's program crashed, and all that it remembers is that the last event that it saw had the id 2. This is the request
# of a first visit. Send one that brings all that she missed.

# %%
desk = lab.start(sse.EventServer(), name="desk")

for text, to in (("one", None), ("two", None), ("three", None), ("four", ["ada"])):
    lab.run(desk.server.broadcast("message", text, targets=to))

FIRST = """\
GET /api/events?client_id=ada HTTP/1.1
Host: lab.local
Accept: text/event-stream

"""


async def ask(text):
    """Say a request, and return the answer as far as its first events."""
    where = urlsplit(desk.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(text.replace("\n", "\r\n").encode())
    try:
        async with asyncio.timeout(3):
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " in answer:
                answer += await reader.readuntil(b"\n\n\r\n")  # an event's end, and its chunk's
    except (TimeoutError, EOFError):
        return "no answer: does the request end with a blank line?"
    finally:
        writer.close()
    return answer.decode()


# %%
...  # print(await ask(FIRST...))

check("resume.head")

# %% [markdown]
# ### 3. The ring
#
# Write the heart of such a server. `ring` is what it has kept, oldest first: pairs of an id (a number) and a text.
# `last_id` is what the client named, a text of digits. Return a list of the texts that come after it, or `None`
# when something after it is forgotten already. The ids count up by one.


# %%
def since(ring, last_id):
    return ...


check("resume.since", since)

# %% [markdown]
# ### 4. That was all
#
# Leo listens. Tell him, as the server, to stop and not to come back. `events.server` has a coroutine for it, and `lab.run`
# runs one where the server lives; `dir(events.server)` may help. (The lines below it ask whether he is still there.)

# %%
lab.run(events.server.admit("leo"))  # so that this cell can be run again
leo = sse.Client(f"{events.url}?client_id=leo", backoff=sse.Backoff(base=0.02, cap=1))
await leo

...  # lab.run(...)

say("are you still there?")
async for event in leo:
    if event.data == "are you still there?":
        break
await leo.close()

check("resume.stop")

# %% [markdown]
# ## In short
#
# - Each event has an `id`; a client that comes back names its last one as `Last-Event-ID`; the server begins after it.
# - A server keeps the newest events in a bounded ring, each with those whom it is for, and says so when it kept too little.
# - Who closes an `EventSource` at an error throws its place away.
# - 204 ends it. Silence is ended by a watchdog, and a script's watchdog needs events, not comments.
#
# **Next:** [10 GraphQL over HTTP](10_graphql_over_http.ipynb). So far the server decided what to say. Now the client does.
