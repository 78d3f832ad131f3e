# %% [markdown]
# # The WebSocket conversation
#
# After this lesson you can
#
# - say which frames may stand in the middle of a message, and which may not;
# - read off a table what a side may say next;
# - tell from the bytes who ended a conversation, and what each program was told about it;
# - say what a WebSocket saves, what it costs, and when plain HTTP does better.

# %%
from protolab import compare, lab, show, websocket
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
echo = lab.start(websocket.EchoServer())

# %% [markdown]
# ## From lessons 01 and 02, by heart
#
# Which bit of a frame says that a message ends with it? And who has to hang up when `Sec-WebSocket-Accept` is wrong?

# %%
check("conversation.last", ...)  # its name, in quotes

# %%
check("conversation.proven", ...)  # "client" or "server", in place of the dots

# %% [markdown]
# ## In the middle of a message
#
# A message may come in pieces (lesson 02), and it may take long: here the client thinks of its second word only when it
# has heard that somebody is still listening. To find out it sends a ping, in the middle of the message.
#
# ### Predict
#
# The server gives the message back when it has all of it. When does it answer the ping: "before" that, or "after"?

# %%
predict("conversation.pong", ...)  # "before" or "after", in place of the dots

# %% [markdown]
# ### Look

# %%
async with websocket.connect(echo.url) as client:

    async def typing():
        yield "Still "
        await (await client.ping("are you there?"))  # goes on when the pong is here
        yield "typing"

    await client.send(typing())
    await client.recv()

# %%
reveal("conversation.pong")

# %%
talk = show.conversation(echo)
talk

# %% [markdown]
# The ping stands between two pieces of one message, and its pong is there before the message is. That is what control
# frames are for: a connection can be asked whether it lives, or be closed, while a long message is under way. Two rules
# make it work. A control frame is short, so nobody waits long for it; and it is never in pieces itself, so it needs no
# memory.
#
# The message does not notice. Here is its last piece; below its bytes it is put together, from the places that the line
# with `=` names:

# %%
talk[6]

# %% [markdown]
# ## Who may say what
#
# What may *not* stand between the pieces is another message. Frames carry no number that says which message they belong
# to, so a continuation can only continue the one that is open. All of that is a table with a few **states**. For each
# state it says which **events** are allowed. (Three dots mark a piece that is not the last; "control" is a ping or a pong.)

# %%
from protolab.protocols.websocket.states import SENDING, sending_event

for state in ("ready", "in a text message", "in a binary message", "closed"):
    print(f"{state:20}", *SENDING.events(state), sep="  ")

# %% [markdown]
# Each side has such a state of its own: a server may begin a message while the client is in the middle of one. The
# decoder judges by this very table, and you can step through it. These are the client's frames of above:

# %%
state = SENDING.initial

for unit in talk[2:]:
    if unit.side is Side.CLIENT:
        event = sending_event(unit.data[0])  # the first byte, FIN and opcode, is enough to know
        state = SENDING.after(state, event)
        print(f"{event:16} → {state}")

# %% [markdown]
# And this is what the table says of another text while one is open: there is no next state. It is forbidden. (After
# Close no message can be said any more. A control frame can, but the other side need not read it.)

# %%
print(SENDING.after("in a text message", "text"))

# %% [markdown]
# The connection as a whole has states too, and each side sees its own: what one has sent, the other has not yet received.
# Step through the conversation, with the buttons or the arrow keys, forwards and backwards:

# %%
show.scrub(talk)

# %% [markdown]
# ## Four ways to end
#
# A side that has nothing more to say sends **Close**, the other answers with a Close of its own, and then TCP ends: the
# server hangs up first, so that the client need not remember an old connection. That is the **closing handshake**.
# `ending` reads it off the bytes.
#
# **The client says goodbye.** This is what `async with` did above:

# %%
print(websocket.ending(talk))

# %% [markdown]
# **The server says goodbye.** It has to when it is stopped; then its code says that it is going away. A page that you
# leave says the same.

# %%
async with lab.start(websocket.EchoServer(), name="shop") as shop:
    client = await websocket.connect(shop.url)
await client.wait_closed()  # the block has ended, and the server with it

talk = show.conversation(shop)
display(talk)
print(websocket.ending(talk))

# %% [markdown]
# **A goodbye without a code.** The payload of Close may be empty. Still every program wants a number from its library, and
# so there is one that means "none was said". We say it by hand:


# %%
async def say(*frames):
    """Say frames as they are, but masked; then listen until the server has hung up."""
    async with websocket.raw_connect(echo.url) as peer:
        for frame in frames:
            await peer.send(frame, mask=True)
        while await peer.receive():
            pass


await say(websocket.Frame(8))  # 8 is the opcode of Close

talk = show.conversation(echo)
display(talk)
print(websocket.ending(talk))

# %% [markdown]
# **No goodbye at all.** Somebody trips over a cable. `echo.cut()` does that: the tap breaks the connection off on both
# sides.
#
# ### Predict
#
# Which code does the client's program get? (Codes begin at 1000, and you have met the most peaceful ones.)

# %%
predict("conversation.cut", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
client = await websocket.connect(echo.url)
await client.send("Hello")
await client.recv()

echo.cut()
await client.wait_closed()

# %%
reveal("conversation.cut")

# %%
talk = show.conversation(echo)
display(talk)
print(websocket.ending(talk))

# %% [markdown]
# Look for a Close in this ladder: there is none. Nobody said this code. Each library makes it up for its own program, to
# say that the conversation broke off. It stands in no frame, ever, and neither does the one for "none was said": a peer
# that sends one of them breaks a rule (lesson 04). So when a user's log is full of this code, do not look for the one
# who sent it. Look for what cuts: a proxy that waits no longer, a laptop that was shut, a server that crashed.
#
# What the server's program noticed of all that stands in its log:

# %%
print(echo.log)

# %% [markdown]
# ## Is it worth it?
#
# Is a WebSocket better than plain HTTP? That can be measured. One reader is told the same updates in four ways:
#
# - **polling**: it asks again and again, "anything new?", and mostly there is nothing;
# - **long polling**: it asks, and the server answers only once there is something;
# - **Server-Sent Events**: it asks once, and the answer never ends (lesson 08 reads it line by line);
# - **WebSocket**: it connects, and the server talks.
#
# Each is a real conversation with a tap in between. Nothing below is typed by hand.

# %%
result = compare.run(updates=100)
result

# %% [markdown]
# Look at the column with the heads. By polling each update comes with a request and a response, and these are far longer
# than what they bring. These are the first moments of long polling, and those of WebSocket:

# %%
display(show.ladder(result.long_polling.capture, limit=6), show.ladder(result.websocket.capture, limit=6))

# %% [markdown]
# ### Predict
#
# The connection is set up once, whatever comes after. So let there be a single update. Which way takes the fewest bytes
# now: "polling", "long polling", "Server-Sent Events" or "WebSocket"?

# %%
predict("conversation.one", ...)  # its name, in quotes

# %% [markdown]
# ### Look

# %%
single = compare.run(updates=1)

# %%
reveal("conversation.one")

# %%
single.view(notes=False)

# %% [markdown]
# The handshake is two heads itself. Who asks once should just ask; a WebSocket is for what comes again and again.
#
# ### Predict
#
# And what if updates may be late? Now the reader polls seldom, once in 25 updates, and gets all of them at once. Again
# there are as many updates as at first. Which way takes the fewest bytes when those of TCP and IP are counted as well
# (the last column)?

# %%
predict("conversation.seldom", ...)  # its name, in quotes

# %% [markdown]
# ### Look

# %%
seldom = compare.run(updates=100, poll_every=25)

# %%
reveal("conversation.seldom")

# %%
display(seldom.view(notes=False))
for way in seldom.ways:
    both = way.total + way.tcp_ip
    print(f"{way.name:18}  {way.total:6,} + {way.tcp_ip:6,} = {both:6,} bytes, mean wait {way.wait:g} steps")

# %% [markdown]
# WebSocket sends each update at once, so each is a packet with headers of its own, below anything that a frame could
# save. Polling brings many at a time. What it pays with is the **wait**: here an update is old when it arrives. That
# is the choice. Ask seldom, if late is good enough; hold a connection, if it is not. (Polling often is the worst of both.)
#
# Two things this table does not hold. A browser says much longer heads than our reader:

# %%
browser = compare.run(updates=100, headers=compare.BROWSER)

for plain, dressed in zip(result.ways, browser.ways):
    print(f"{plain.name:18}  {plain.total:6,} bytes, from a browser {dressed.total:7,}")

# %% [markdown]
# And a WebSocket costs what no byte shows: a connection that stays open, at a server that has to know who is there, and
# a client that has to come back when it breaks off (lesson 07). HTTP can be cached and served by any machine of many.
#
# ## Exercises
#
# ### 1. Interrupt yourself
#
# Say `one two three` in three pieces, `one `, `two ` and `three`, and between the second and the third a ping that asks
# `hurry`. `Frame(opcode, payload, fin=False)` is a frame without FIN. Write a list of frames; the cell says them, and
# goodbye.

# %%
Frame = websocket.Frame

frames = ...  # such as [Frame(1, b"one two three")]

if isinstance(frames, list):
    await say(*frames, Frame(8, b"\x03\xe8"))
    display(show.conversation(echo))
check("conversation.interrupt", frames)

# %% [markdown]
# ### 2. What the program is told
#
# Write what a library does at the end: from the payload of the Close frame that it received, or `None` when it received
# none, make the code that its program is told.


# %%
def reported(payload):
    return ...


check("conversation.reported", reported)

# %% [markdown]
# ### 3. Where it turns
#
# From how many updates on does WebSocket take fewer bytes than long polling? (Bytes on the wire, without TCP and IP.)
# `compare.run(updates=...)` measures; its `.long_polling.total` and `.websocket.total` are the bytes.

# %%
check("conversation.turn", ...)  # a number, in place of the dots

# %% [markdown]
# ### 4. The other direction
#
# By WebSocket the framing of each update took few bytes: `framing`, divided by the updates. How many would it take for
# each if the reader told the server? (You have seen such frames since lesson 00.)

# %%
check("conversation.uphill", ...)  # a number, in place of the dots

# %% [markdown]
# ## In short
#
# - Control frames may stand between the pieces of a message; another message may not.
# - A small table of states says what each side may say next, and the decoder judges by it.
# - Close is answered with Close, and then TCP ends. The codes for "none was said" and "it broke off" are on no wire.
# - A WebSocket pays for a handshake once, and then little for each update. Who may hear late, or asks once, just asks.
#
# **Next:** [04 When it goes wrong](04_when_it_goes_wrong.ipynb). So far everybody kept to the rules.
