# %% [markdown]
# # Compression
#
# After this lesson you can
#
# - read off a handshake whether messages will be compressed, and on which terms;
# - say why the same text costs less the second time, and what both sides keep in memory for it;
# - inflate a payload by hand, and build a compressed frame without a compressor;
# - say when compression makes a message longer, and what a server must beware of.

# %%
import random
import zlib

from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from protolab import lab, scenes, show, websocket
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
echo = lab.start(websocket.EchoServer(compression="deflate"))

# %% [markdown]
# ## From lessons 02 and 04, by heart
#
# Lesson 02 left one bit of a frame to compression. Which? And with which code is a peer closed that breaks a rule of the
# frames, say by setting that bit where nobody agreed on it?

# %%
check("compression.bit", ...)  # its name, in quotes

# %%
check("compression.code", ...)  # a number

# %% [markdown]
# ## An offer and an answer
#
# First a recording. How small a text becomes depends a little on the version of zlib, the library that most programs
# compress with, so a live run might show you other bytes than me. Inflating gives the same for everybody.

# %%
talk = show.conversation(scenes.recording("websocket/compressed"))
talk

# %% [markdown]
# Compression has to be agreed on. The client offers it in its request, and the server takes the offer, or leaves it out of
# its answer, and then there is none. These are the two lines that settle it:

# %%
for head in talk[:2]:
    display(show.explain(head.field.find("Sec-WebSocket-Extensions"), head.data))

# %% [markdown]
# `permessage-deflate` (RFC 7692) compresses **each message for itself**, by an old method called DEFLATE that zip files
# and PNG pictures use too. Its terms are these, with `server_` for what the server compresses and `client_` for what the
# client does:
#
# | parameter | what it says |
# |---|---|
# | `server_max_window_bits`, `client_max_window_bits` | how far back a message may refer, as a power of two: 15 at most |
# | `server_no_context_takeover`, `client_no_context_takeover` | each message starts afresh, and refers to none before it |
#
# In an offer, `client_max_window_bits` needs no value: it only says, "I understand this one, should you want it". This
# server did, and made both windows smaller; why, you will see below.
#
# ### Predict
#
# The client says `to be, or not to be`, and hears the echo. The payload of that first frame, compressed, is as long as the
# text itself. (It is a short text.) Then the client says the same text again. How long is the payload now?

# %%
predict("compression.second", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reveal("compression.second")

# %%
display(talk[2], talk[4])

# %% [markdown]
# DEFLATE replaces what was there before by a reference to it: so many bytes, from so far back. The first text repeats
# a little of itself. The second one repeats the first, and is hardly more than one reference. This is called **context
# takeover**: both sides keep the end of what was said, the **window**, and the next message may point into it.
#
# RSV1 is set on both frames, and says: this message is compressed. It stands on the first frame of a message only.
#
# ## By hand
#
# Python's `zlib` can do what the last line of each table did. Two things are to know. DEFLATE comes here without the
# header and the checksum that zlib adds, which a negative number of window bits asks for. And a compressor that is told to
# finish a message always ends with the same four bytes, so the sender leaves them out, and the receiver puts them
# back (RFC 7692 section 7.2.2).

# %%
TAIL = bytes.fromhex("00 00 ff ff")

first, second = (websocket.Frame.decode(talk[number].data).payload for number in (2, 4))  # unmasked
print(first.hex(" "))
print(second.hex(" "))

inflater = zlib.decompressobj(-15)
print(inflater.decompress(first + TAIL))
print(inflater.decompress(second + TAIL))

# %% [markdown]
# The same object has to inflate both: it holds the window. One that has not seen the first message cannot do it:

# %%
try:
    print(zlib.decompressobj(-15).decompress(second + TAIL))
except zlib.error:
    print("The second alone does not inflate.")

# %% [markdown]
# So order matters, and nobody can skip a message; a recording that begins in the middle of a conversation shows frames that
# cannot be read any more.
#
# ## A compressed frame of your own
#
# Section 7.2.3 of RFC 7692 gives examples, byte by byte. Here are two of them: `Hello`, and `Hello` right after it. We set
# RSV1 and send them, to the server of ours that agreed to it.

# %%
OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate"}
HELLO = bytes.fromhex("f2 48 cd c9 c9 07 00")
AGAIN = bytes.fromhex("f2 00 11 00 00")


async def say(*frames):
    """Say frames on a connection of their own, with compression agreed on; gives back what the server says to each."""
    async with websocket.raw_connect(echo.url, OFFER) as peer:
        answers = []
        for frame in frames:
            await peer.send(frame, mask=True)
            answers.append(await peer.receive())
        return answers


def compressed(payload):
    return websocket.Frame(1, payload, rsv1=True)


await say(compressed(HELLO), compressed(AGAIN))

talk = show.conversation(echo)
display(talk[2], talk[4])

# %% [markdown]
# ### Predict
#
# And if the second one is all that is ever said on a connection? It refers to something that was not said. Does the server
# answer with an "echo", or with a close code? (1002 is for what breaks the protocol, 1007 for text that is none.)

# %%
predict("compression.alone", ...)  # a number, or "echo" in quotes

# %% [markdown]
# ### Look

# %%
answers = await say(compressed(AGAIN))

# %%
reveal("compression.alone")

# %%
show.conversation(echo)[2]

# %% [markdown]
# The finding stands under the payload: as a whole it cannot be inflated, so there is no single byte to blame.
#
# ## What it costs to remember
#
# The window is memory, for each connection, in each direction, as long as the connection lasts, and the compressor needs
# more than that to search in it. For one client that is nothing; for a server with very many, it is often the
# largest thing that it keeps. So the window can be made smaller. Or it is forgotten after each message: that is
# `no_context_takeover`.

# %%
print(f"window: {2**15:,} bytes with 15 bits, {2**12:,} with 12, {2**9:,} with 9")


async def sizes(*messages, **terms):
    """Say messages on a connection of their own; gives back how long their payloads were on the wire."""
    offer = ClientPerMessageDeflateFactory(**terms)
    async with websocket.connect(echo.url, extensions=[offer]) as client:
        for message in messages:
            await client.send(message)
            await client.recv()
    frames = [unit for unit in show.conversation(echo) if unit.side is Side.CLIENT and unit.kind == "frame"]
    return [len(websocket.Frame.decode(unit.data).payload) for unit in frames[: len(messages)]]


# %% [markdown]
# ### Predict
#
# Again the same text twice, live this time, and with `client_no_context_takeover`. Compared with the first payload, is the
# second one now "shorter", of the "same" length, or "longer"?

# %%
predict("compression.afresh", ...)  # "shorter", "same" or "longer"

# %% [markdown]
# ### Look

# %%
text = "to be, or not to be"

kept = await sizes(text, text)
afresh = await sizes(text, text, client_no_context_takeover=True)

# %%
reveal("compression.afresh")

# %%
for way, (one, two) in {"with takeover": kept, "without": afresh}.items():
    print(f"{way:14} the second is shorter: {two < one}")

# %% [markdown]
# What is paid for with memory is what is saved on the wire. Long messages that repeat themselves lose little without
# takeover. Short ones that resemble each other, as most programs send them, lose nearly all.
#
# ## When it does not pay
#
# ### Predict
#
# Here are a few messages, each compressed alone. One of them is random bytes. Does it come out "shorter", "same" or
# "longer"?

# %%
predict("compression.noise", ...)  # "shorter", "same" or "longer"

# %% [markdown]
# ### Look

# %%
noise = random.Random(0).randbytes(1000)
messages = {
    "a page of text": "It was the best of times, it was the worst of times. " * 20,
    "records in JSON": '[{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}, {"id": 3, "name": "Eve"}]',
    "a word": "ok",
    "random bytes": noise,
}

wire = await sizes(*messages.values(), client_no_context_takeover=True)

# %%
reveal("compression.noise")

# %%
for (name, message), size in zip(messages.items(), wire):
    verdict = "shorter" if size < len(message) else "longer" if size > len(message) else "same"
    print(f"{name:20} {len(message):5} bytes come out {verdict}")

# %% [markdown]
# Where nothing repeats there is nothing to refer to, and DEFLATE adds a few bytes of its own. Pictures, music and zip files
# have been compressed already and look random. And a tiny message has no room for a repetition, unless
# the window holds one.
#
# So a sender may leave any message as it is: without RSV1 it is taken literally, also where compression was agreed on.

# %%
answers = await say(websocket.Frame(1, b"ok"), compressed(HELLO))
talk = show.conversation(echo)
display(talk[2], talk[4])

# %% [markdown]
# Two warnings. Compression lets a few bytes become very many at the receiver (exercise 3), so a server has to bound what
# comes *out*. And whoever can make you send a guess next to a secret, and sees how long the frame is, learns whether the
# guess repeats the secret; that is how secrets behind encryption have been read (the attacks are called CRIME and
# BREACH). Do not compress secrets together with what others choose.
#
# ## Exercises
#
# ### 1. The terms
#
# A server has very many clients, and wants to keep no window for what it **sends**. Which parameter must stand in its
# answer?

# %%
check("compression.terms", ...)  # its name, in quotes

# %% [markdown]
# ### 2. Without a compressor
#
# DEFLATE has a kind of block that holds bytes as they are. It is a byte `00`; the length in two bytes; the same two bytes
# with every bit turned round (`^ 0xFFFF`); then the data. Both numbers come with the *smaller* byte first, which in
# Python is `number.to_bytes(2, "little")`. After the block the message ends with the first byte of an empty one, `00`,
# whose other bytes are the tail that is not sent. Write the payload of a compressed message.


# %%
def stored(data):
    return ...


check("compression.stored", stored)

# %% [markdown]
# When it is right, try it: `await say(compressed(stored(b"Hello")))`. No compressor was needed, and nothing became shorter.
#
# ### 3. A bomb
#
# The server takes messages of at most a megabyte (`2**20`). Make it say that a message is too big, by a
# frame that is shorter than 5,000. `bytes(n)` is n zeros, and this deflates: `deflated(data)`.


# %%
def deflated(data):
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


bomb = ...  # a payload

if isinstance(bomb, bytes):
    print(await say(compressed(bomb)))
check("compression.bomb", bomb)

# %% [markdown]
# A server that inflates first and looks at the size afterwards has lost by then. The bound must hold while it inflates.
#
# ## In short
#
# - Compression is agreed on in the handshake; then RSV1, on the first frame of a message, says that it was used.
# - A message may refer to those before it. For that both sides keep a window, which is memory, and no message may be skipped.
# - What does not repeat itself becomes longer, so a sender may leave any message as it is.
# - Bound what comes out, while it comes out; and keep secrets away from what others choose.
#
# **Next:** [06 Rooms and slow readers](06_rooms_and_slow_readers.ipynb). So far a server had one client at a time.
