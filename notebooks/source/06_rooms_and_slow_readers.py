# %% [markdown]
# # Rooms and slow readers
#
# After this lesson you can
#
# - follow joining, talking and leaving on the wire of a chat;
# - say which part of a message a server must never take from a client;
# - say how one client that does not read can silence a whole room, and count where it happens;
# - choose what a server does about it: wait, keep, drop, or let go.

# %%
import asyncio
import json
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed

from protolab import lab, show, websocket
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
chat = lab.start(websocket.ChatServer())

# %% [markdown]
# ## From lessons 03 and 05, by heart
#
# With which code does a server say that it is going away? And what is it called that both sides keep, so that a compressed
# message can refer to earlier ones?

# %%
check("rooms.away", ...)  # a number

# %%
check("rooms.kept", ...)  # a word, in quotes

# %% [markdown]
# ## A room on the wire
#
# WebSocket knows two who talk, and no rooms. A room is an agreement above it: here each message is a text of JSON with a
# `type` and a `payload`. Two helpers, to ask for something and to hear the next message:


# %%
async def ask(client, type, **payload):
    await client.send(json.dumps({"type": type, "payload": payload}))


async def hear(client):
    return json.loads(await client.recv())


# %% [markdown]
# Ada and Bob come in. Each hears who they are, in this house. They join the room *tea*, Ada says something, Bob leaves.

# %%
ada = await websocket.connect(chat.url)
ada_is = (await hear(ada))["payload"]["id"]
bob = await websocket.connect(chat.url)
bob_is = (await hear(bob))["payload"]["id"]

await ask(ada, "room", action="join", room="tea")
await hear(ada)
await ask(bob, "room", action="join", room="tea")
await hear(bob)
await hear(ada)  # that Bob has joined

await ask(ada, "chat", room="tea", message="Hello, Bob")
for client in (ada, bob):
    await hear(client)

await ask(bob, "room", action="leave", room="tea")
await hear(bob)
await hear(ada)  # that Bob has left

print("Ada is", ada_is, "and Bob is", bob_is)

# %% [markdown]
# This is all that was said on Ada's connection, as a ladder and as the texts themselves:

# %%
adas = show.conversation(chat, 0)
display(adas)

for unit in adas[2:]:
    print(f"{unit.side!s:6}  {websocket.Frame.decode(unit.data).payload.decode()}")

# %% [markdown]
# Ada hears her own words too. They come back with a name, with a time, and in the order in which *everybody* hears what
# is said; so her program shows what the room heard, not what she meant to say. And this is the frame that
# carries them, on both connections:

# %%
said = [[unit.data for unit in show.conversation(chat, number) if b"Hello, Bob" in unit.data] for number in (0, 1)]
to_ada, to_bob = (frames[-1] for frames in said)

print(to_ada[:2].hex(" "), "...", len(to_ada), "bytes")
print("Bob got the very same bytes:", to_ada == to_bob)

# %% [markdown]
# A server does not mask (lesson 02), so one frame fits all. Ours makes it once, and hands it to everyone in the room. That
# is also why it agrees to no compression: with a window for each client, no two of them could be sent the same bytes.
#
# ## Whose word it is
#
# Bob comes back. Then Ada sends a message that says by itself who sent it.
#
# ### Predict
#
# She writes `"sender": "user-2"` into her payload, which is Bob's name. Whom does Bob read as the sender?

# %%
predict("rooms.sender", ...)  # a name, in quotes

# %% [markdown]
# ### Look

# %%
async def hear_chat(client):
    """The next thing that somebody says, past news of who came and went."""
    while (message := await hear(client))["type"] != "chat":
        pass
    return message


await ask(bob, "room", action="join", room="tea")
await hear(bob)

await ask(ada, "chat", room="tea", message="I owe Ada 100 crowns", sender="user-2")
heard = await hear_chat(bob)

# %%
reveal("rooms.sender")

# %%
print(json.dumps(heard, indent=2))

# %% [markdown]
# The server knows on which connection a message came; what stands in the message is only what somebody wrote. So it takes
# the text and the room, and says the rest itself. A server that passes on what it was given lets anybody be anybody.
# (It is the most common hole in sample chats.)
#
# ## One who does not read
#
# Between a server and a client lie buffers: the library's, and one of the system's at each end. A client that stops reading
# lets them fill up; then whoever writes to it has to **wait**. Mostly nobody means ill: it is a laptop whose lid was
# shut, or a tab that is busy.
#
# We count what that does. In place of a connection, a queue that has room for `HOLDS` messages; `put` waits while it is
# full, as a library's `send` does. One client reads all the time, the other never does. This is how most people write
# a room:

# %%
HOLDS, MESSAGES = 8, 100


async def naive_room(wires):
    for number in range(MESSAGES):
        await asyncio.gather(*(wire.put(number) for wire in wires))  # send to all, at the same time


async def read_all(wire, got):
    while True:
        got.append(await wire.get())


# %% [markdown]
# `gather` sends to all at the same time, and is done when all are done.
#
# ### Predict
#
# How many of the messages does the client get that reads all the time?

# %%
predict("rooms.stall", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look
#
# We let everything happen that can happen: ten thousand turns of the event loop, in which each who can go on does.

# %%
good, slow = asyncio.Queue(HOLDS), asyncio.Queue(HOLDS)
got = []
tasks = [asyncio.create_task(naive_room([good, slow])), asyncio.create_task(read_all(good, got))]

for _ in range(10_000):
    await asyncio.sleep(0)

done = tasks[0].done()
for task in tasks:
    task.cancel()

# %%
reveal("rooms.stall")

# %%
print(f"{len(got)} of {MESSAGES} messages arrived; is the room done? {done}")

# %% [markdown]
# The room stands still, for everybody, because of one. It will go on when that one reads, or never. With real buffers it
# takes longer until it shows, some megabytes instead of a few messages, and that is the trouble: it shows only when
# there is a crowd.
#
# ## Four things to do
#
# A server that does not wait has to put what it cannot write somewhere. So there are four ways, and no fifth: **wait** (you
# have seen it), **keep** everything, **drop** what is oldest, or **let go** of the slow one. Here are the last three.
# This is the same fan-out that `ChatServer` uses; only the connection is a stand-in, so that its buffer can be counted.

# %%
from protolab.serve.fanout import Fanout, WhenFull


class Line:
    """A connection as the fan-out sees it: what was written lies there until it is read."""

    def __init__(self):
        self.held = b""

    def write(self, data):
        self.held += data

    def get_write_buffer_size(self):
        return len(self.held)

    def get_extra_info(self, name):
        return None

    def abort(self):
        self.held = b""


async def room(messages, bound, when_full):
    """Say messages to one who reads and one who does not. Returns how many the good one got, and what the slow one cost."""
    fanout = Fanout(limit=bound, high_water=bound)
    good, slow = Line(), Line()
    fanout.join(good)
    member = fanout.join(slow, when_full=when_full)
    heard = most = 0
    for _ in range(messages):
        fanout.publish(b"a message of the chat\n")
        await asyncio.sleep(0)  # a turn of the loop, in which the fan-out writes
        heard += good.held.count(b"\n")
        good.held = b""
        most = max(most, len(slow.held) + member.size)
    fanout.close()
    return heard, most, fanout.counts


ENDLESS = 10**9
ways = {"keep": (ENDLESS, WhenFull.EVICT), "drop": (1000, WhenFull.DROP_OLDEST), "let go": (1000, WhenFull.EVICT)}

print("way      messages  the good one got  most bytes held  members let go")
for way, (bound, when_full) in ways.items():
    for messages in (100, 1000, 10_000):
        heard, most, counts = await room(messages, bound, when_full)
        print(f"{way:7}  {messages:8}  {heard:16}  {most:15}  {counts.evicted:14}")

# %% [markdown]
# With all three, the good one gets everything. (The bound of the last two counts twice: for what was written to the
# connection, and for what waits before it.) What differs is who pays:
#
# - **keep**: the server, and without end. Memory grows with each message, until the server is gone, and with it all its
#   rooms. A library that only says "I do not wait" does this.
# - **drop**: the slow one, by gaps. Good where only the newest counts, such as prices or positions. It has to be told
#   that something is missing.
# - **let go**: the slow one, all of it. Good where no gap is allowed, such as a chat: it comes back, and asks for what
#   it missed.
#
# ## Live
#
# Now for real: a chat server with a bound of its own, and three clients in a room. Eve's system is told to keep little for
# her, so that it shows early, and then she does not read.

# %%
from protolab.protocols.websocket.chat import Limits

crowd = lab.start(websocket.ChatServer(limits=Limits(pending=32 << 10, grace=30)), name="crowd", tap=False)

where = urlsplit(crowd.url)
narrow = socket.socket()
narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
narrow.connect((where.hostname, where.port))
narrow.setblocking(False)

reader = await websocket.connect(crowd.url)
talker = await websocket.connect(crowd.url)
eve = await websocket.connect(crowd.url, sock=narrow, max_queue=1)

for client in (reader, talker, eve):
    await ask(client, "room", action="join", room="tea")

# %% [markdown]
# (There is no tap in front of this server: a tap reads for its client, and would hide for a while that Eve does not.)
#
# ### Predict
#
# One talks, a hundred times and at length; one reads. Eve is let go, with a code that says "try again later". You have not
# met it yet; it is one of these: 1008, 1011, 1013. Which?

# %%
predict("rooms.slow", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look


# %%
heard = 0
for number in range(MESSAGES):
    await ask(talker, "chat", room="tea", message=f"{number} " + "and so on " * 1000)
    await hear_chat(talker)
    await hear_chat(reader)
    heard += 1

# %%
reveal("rooms.slow")

# %%
statistics = crowd.server.statistics()

print(f"the reader heard {heard} of {MESSAGES} messages")
print(f"let go: {statistics.counts.evicted}; in the room now: {statistics.rooms['tea']}")

# %% [markdown]
# Now Eve opens the lid again, and reads what was under way for her, up to the goodbye:

# %%
hers = 0
with suppress(ConnectionClosed):
    while True:
        await hear_chat(eve)
        hers += 1

print(f"Eve got all messages: {hers == MESSAGES}")
print(f"then: {eve.close_code}, {eve.close_reason}")

# %% [markdown]
# She was lucky: the goodbye stands *behind* everything that waits for her, and the server gives her some time before it cuts
# her off. Had she read later, her library would have told her 1006. (How many messages she got is up to the buffers
# of your system, so it is not printed here.)
#
# A client that is told this should come back, but not at once; lesson 07 is about that.
#
# ## Exercises
#
# ### 1. Not your room
#
# A request that makes no sense is answered with an error, and nothing else happens. Make this server say that you are not
# in the room.

# %%
stranger = await websocket.connect(chat.url)
await hear(stranger)  # welcome

...  # await ask(stranger, ...)

check("rooms.refused")

# %% [markdown]
# ### 2. What is passed on
#
# Write what goes out to the room: from the payload that a client sent and the name by which the server knows it, a dict with
# `room`, `message` and `sender`, and nothing else.


# %%
def passed_on(payload, name):
    return ...


check("rooms.passed", passed_on)

# %% [markdown]
# ### 3. Drop the oldest
#
# Messages wait for a client in a list, the oldest first, and a new one comes. Together they may have at most `most` bytes.
# Give back the list with the new one in it: where it is too much, the oldest go, as few as possible. The new one always
# stays, even alone.


# %%
def waiting(pending, new, most):
    return ...


check("rooms.oldest", waiting)

# %% [markdown]
# ## In short
#
# - A room is an agreement above WebSocket. A server says itself who spoke, and makes one frame for all.
# - Who waits for one slow reader lets all the others wait.
# - Wait, keep, drop, let go: there is no fifth way, and each has its price.
#
# **Next:** [07 Coming back](07_coming_back.ipynb). Somebody cuts the wire.
