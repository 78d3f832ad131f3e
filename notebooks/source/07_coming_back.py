# %% [markdown]
# # Coming back
#
# After this lesson you can
#
# - say what a client's program sees when the wire is cut, and what happens to what it says meanwhile;
# - read a backoff, and say why its delays must be random;
# - tell the endings after which a client comes back from those after which it must not;
# - write a client that finds its place again.

# %%
import asyncio
import heapq
from collections import Counter

from protolab import lab, show, websocket
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
echo = lab.start(websocket.EchoServer())

# %% [markdown]
# ## From lessons 04 and 06, by heart
#
# With which code is a client let go that reads too slowly? And with which one, when a text that it sends is no UTF-8?

# %%
check("back.slow", ...)  # a number

# %%
check("back.text", ...)  # a number

# %% [markdown]
# ## The wire is cut
#
# Connections break: a train goes into a tunnel, a server is updated, a proxy loses patience. In lesson 03 the program was
# told 1006, and that was that. `websocket.Client` is made for this. It connects, and when the connection
# breaks it comes back by itself. Whoever wants to know can listen; we write down what it tells:

# %%
story = []
away, tunnel_ends = asyncio.Event(), asyncio.Event()

client = websocket.Client(echo.url, backoff=websocket.Backoff(base=0.02, cap=1), queue=3)

for event in ("connected", "disconnected", "dropped", "message"):
    client.on(event, lambda what, event=event: story.append((event, what)))


@client.on("reconnecting")
async def tunnel(what):
    story.append(("reconnecting", what))
    away.set()
    await tunnel_ends.wait()  # so that it stays away until we say so; else it would be back before you can blink


# %% [markdown]
# Now it connects and says something. Then the wire is cut, in both directions, without a goodbye:

# %%
await client
messages = aiter(client)

await client.send("before")
await anext(messages)

echo.cut()
await away.wait()
client

# %% [markdown]
# ### Predict
#
# While it is away, the program goes on talking: it says `one`, `two`, `three`, `four`, `five`. The client was made with
# `queue=3`: at most three messages wait. When the tunnel ends and all is well again, which one arrives first?

# %%
predict("back.first", ...)  # a word, in quotes

# %% [markdown]
# ### Look

# %%
for word in ("one", "two", "three", "four", "five"):
    written = await client.send(word)

print(f"was the last one written at once? {written}; waiting now: {client.waiting}")
tunnel_ends.set()

for _ in range(client.waiting):
    await anext(messages)
await client.close()

# %%
reveal("back.first")

# %%
for event, what in story:
    match event:
        case "reconnecting":
            print(f"{event:13} attempt {what.attempt}, in {what.delay * 1000:.3f} ms")
        case "dropped":
            print(f"{event:13} {', '.join(what.messages)}: {what.why}")
        case "connected":
            print(f"{event:13} for time number {what.number}")
        case _:
            print(f"{event:13} {what}")

# %% [markdown]
# On the wire there are two connections. The first broke off; the second has a handshake of its own, and knows nothing of
# the first:

# %%
display(show.conversation(echo, 0))

for unit in show.conversation(echo, 1):
    if unit.side is Side.CLIENT:
        print(unit.title)

# %% [markdown]
# Three things to remember.
#
# - The queue has a bound. Without one, a program that talks for a night in a tunnel fills its memory, and then the server
#   gets the whole night at once.
# - What is dropped is **said**. A program can then tell its user, or ask for a fresh copy of everything.
# - What was written just before the cut is in nobody's list. It may have arrived, or not; only an answer from the server
#   tells (here it was the echo). To send it again may say it twice, unless the server can recognise it.
#
# ## How long to wait
#
# A client that knocks at once, and again at once, hurts a server that is down already. So each failure in a row doubles the
# longest delay (**exponential backoff**), up to a cap. And the delay itself is random: anything from nothing up to
# that bound (**full jitter**). Here the bound is the line, and the delay the part that is drawn solid:

# %%
backoff = websocket.Backoff(base=1, cap=30)

for attempt in range(1, 9):
    ceiling = backoff.ceiling(attempt)
    delay = backoff.failed(now=0)
    bar = ("█" * round(2 * delay)).ljust(round(2 * ceiling), "·")
    print(f"{attempt}  up to {ceiling:4g} s, this time {delay:6.3f} s  {bar}")

# %% [markdown]
# (The delays come from the seed of `lab.repeatable()`; in earnest they are different for every client, each time.) The row
# begins anew only when a connection has lasted for a while, or a server that accepts and hangs up would be asked without
# a pause.
#
# Why random? RFC 6455 asks for it (section 7.2.3), and we can count why. A thousand clients lose the same server at
# the same moment. It is back after ten seconds, and can take fifty handshakes in each tenth of a second; who comes when it is
# down or full is refused, and tries again.

# %%
CLIENTS, BACK, TAKES = 1000, 10.0, 50


def herd(jitter):
    """All clients come back. Returns how many knocked in each tenth of a second, and when the last one was in."""
    backoffs = [websocket.Backoff(base=1, cap=30) for _ in range(CLIENTS)]

    def delay(number):
        random = backoffs[number].failed(now=0)  # which counts the failure, too
        return random if jitter else backoffs[number].ceiling(backoffs[number].attempts)

    queue = [(delay(number), number) for number in range(CLIENTS)]
    heapq.heapify(queue)
    knocks, taken = Counter(), Counter()
    while queue:
        now, number = heapq.heappop(queue)
        tenth = int(now * 10)
        knocks[tenth] += 1
        if now >= BACK and taken[tenth] < TAKES:
            taken[tenth] += 1
        else:
            heapq.heappush(queue, (now + delay(number), number))
    return knocks, now


# %% [markdown]
# ### Predict
#
# First without jitter: each waits for exactly its bound. How many knock in the busiest tenth of a second?

# %%
predict("back.herd", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
together, spread = herd(jitter=False), herd(jitter=True)

# %%
reveal("back.herd")

# %%
for name, (knocks, last) in {"no jitter": together, "full jitter": spread}.items():
    print(
        f"{name:12} busiest tenth of a second: {max(knocks.values()):4} knocks;"
        f" all of them: {knocks.total():6}; last one in after {last:.0f} s"
    )

# %% [markdown]
# This is called a **thundering herd**. Without jitter all knock together, most are refused, and then they wait for the same
# time and come back together: the server is overrun for a moment and idle for the rest. With jitter the same clients, with
# the same bounds, come one by one, and all are served much sooner.
#
# ## When not to come back
#
# Some endings would be the same again. Then coming back is no patience but a loop. A chat understands only text (lesson 06),
# and we send it bytes.
#
# ### Predict
#
# How many connections does the chat see from this client?

# %%
predict("back.fatal", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
chat = lab.start(websocket.ChatServer())

stubborn = websocket.Client(chat.url, backoff=websocket.Backoff(base=0.02, cap=1))
over = asyncio.Event()
stubborn.on("disconnected", lambda ending: over.set())

await stubborn
await stubborn.send_binary(b"\x00\x01")
async with asyncio.timeout(10):
    await over.wait()

# %%
reveal("back.fatal")

# %%
print("the rule: ", stubborn.ending.rule.value)
print("what ends:", stubborn.failure)
print("seen by the chat:", len(list(chat.capture.connections)))

# %% [markdown]
# So a client needs a table, and this is the one of ours. Each line has its reason:

# %%
from protolab.protocols.websocket.retry import CODES

for rule in websocket.Rule:
    print(f"{rule.name}: {rule.value}")
    for code, (what_follows, why) in CODES.items():
        if what_follows is rule:
            print(f"    {code}  {why}")

# %% [markdown]
# And where patience ends is not for the table to say: `max_attempts` is how many failures in a row are enough. Then the
# client stops, and its program is told, so that it can tell its user.
#
# ## Exercises
#
# ### 1. The bound
#
# Write the longest delay before an attempt (the first is 1): `base` seconds, then twice as much each time, never above
# `cap`.


# %%
def longest(attempt, base, cap):
    return ...


check("back.longest", longest)

# %% [markdown]
# ### 2. Again, or never
#
# Write the decision: from the code that the program was told, `True` if the client should come back by itself. Take those
# between 1000 and 1013 that you have met.


# %%
def again(code):
    return ...


check("back.again", again)

# %% [markdown]
# ### 3. Find your place
#
# A second connection knows nothing of the first: who was in a room is in none. Make this client say `join tea` **first
# thing on every connection**. The cell lets it connect, cuts the wire, and waits until it is back.

# %%
guest = websocket.Client(echo.url, backoff=websocket.Backoff(base=0.02, cap=1))
gone = asyncio.Event()
guest.on("disconnected", lambda ending: gone.set())

...  # guest.on(..., ...)

async with guest:
    echo.settle()  # all that was said so far has arrived
    echo.cut()
    await gone.wait()
    await guest  # until it is connected again

check("back.rejoin")

# %% [markdown]
# ## In short
#
# - A client that comes back waits longer after each failure, and for a random time: else all come back at once.
# - What is said meanwhile waits in a queue with a bound, and what is dropped is said.
# - Some codes mean that it would end the same way: after those it stays away.
# - A new connection knows nothing of the old one, so say again where you were.
#
# These were the lessons about WebSocket: from its first byte to a client that outlives a cut wire.
#
# **Next:** [08 Server-Sent Events](08_server_sent_events.ipynb). A response that does not end.
