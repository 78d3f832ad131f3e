# %% [markdown]
# # WebSocket frames, bit by bit
#
# After this lesson you can
#
# - read every bit of a frame, and take bits apart in Python;
# - say how a frame writes the length of what it carries, and what that costs;
# - mask and unmask a payload by hand, and say what that is good for;
# - tell a message from a frame, and read a ping, a pong and a goodbye;
# - build a frame by hand that a real server accepts.

# %%
from protolab import lab, show, websocket
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
echo = lab.start(websocket.EchoServer())

# %% [markdown]
# ## From lesson 01, by heart
#
# From which header of the request is the server's proof made? And with which status does the server switch?

# %%
check("frames.source", ...)  # its name, in quotes

# %%
check("frames.switched", ...)  # a number

# %% [markdown]
# ## One frame
#
# The handshake is over, and HTTP with it. What follows is **frames**: a few bytes that describe, then the **payload**,
# which is what somebody wanted to say.

# %%
async with websocket.connect(echo.url) as client:
    await client.send("Hello")
    await client.recv()

talk = show.conversation(echo)
hello = talk[2]
show.picture(hello)

# %% [markdown]
# This is how RFC 6455 draws a frame (section 5.2), filled with the bits that have just gone by. Each row is four bytes
# wide. The first two bytes are crowded: several things share a byte, down to a single bit. The same frame as a table,
# with what each part means:

# %%
hello

# %% [markdown]
# - **FIN** says that a message ends with this frame. A long message may come in several frames; mostly it is one.
# - **RSV1** to **RSV3** are reserved. Compression uses the first of them.
# - The **opcode** says what kind of frame it is. There are two families, and one bit tells them apart: *data* frames carry
#   messages, *control* frames are about the connection itself.
# - **MASK** and the **masking key** come below. So does the **payload length**.
#
# To take bits out of a byte, Python has two tools: `>>` pushes bits out at the right end, and `&` keeps only those where
# both sides have a 1.

# %%
first, second_byte = hello.data[:2]

print(f"first byte   {first:08b}   FIN {first >> 7}     opcode {first & 0b0000_1111}")
print(f"second byte  {second_byte:08b}   MASK {second_byte >> 7}    length {second_byte & 0b0111_1111}")

# %% [markdown]
# ### Predict
#
# The server echoes the message with the same FIN, the same opcode, the same length. Still one of these two bytes differs.
# Byte 0 or byte 1?

# %%
predict("frames.differs", ...)  # 0 or 1, in place of the dots

# %% [markdown]
# ### Look

# %%
reveal("frames.differs")

# %%
show.picture(talk[3])

# %% [markdown]
# Compare it with the client's, above: one bit is different, MASK, and with it the key is gone. Clients mask, servers do
# not. All else is echoed.
#
# ## Three ways to write a length
#
# Seven bits count no further than 127. Yet a frame may carry megabytes. The RFC's way out: up to 125, the seven bits are
# the length. The two values that are left are signs: **126** says that the length stands in the next 16 bits, **127** that
# it stands in the next 64. Short messages, which are most, pay nothing for that.
#
# ### Predict
#
# You have seen the header of the server's `Hello`: all that stands before the payload. With 125 bytes of payload it is as
# short. How many bytes has it with 126?

# %%
predict("frames.header", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look
#
# We send payloads on both sides of each border. They are all zeros, which will be useful in a moment.

# %%
sizes = [125, 126, 65_535, 65_536]

async with websocket.connect(echo.url) as client:
    for size in sizes:
        await client.send(bytes(size))
        await client.recv()

# %%
reveal("frames.header")

# %%
talk = show.conversation(echo)

print("payload  seven bits  server's header  client's header")
for size, mine, its in zip(sizes, talk[2::2], talk[3::2]):
    seven_bits = its.field.find("payload length").value
    headers = [unit.field.find("payload").start for unit in (its, mine)]
    print(f"{size:7}  {seven_bits:10}  {headers[0]:15}  {headers[1]:15}")

# %% [markdown]
# A client's header is always longer by the masking key. Here is the first frame from the server with the long form, and
# after it the longest one from the client. Only the ends of the payload are drawn; the rest is counted.

# %%
display(show.picture(talk[5]), show.picture(talk[8]))

# %% [markdown]
# Look at the bytes of that last payload. We sent nothing but zeros (the line with `=` says so), yet on the wire there are
# none: a few bytes repeat, over and over. They are the masking key itself.
#
# ## Masking
#
# Each byte of the payload is combined with one byte of the key: the first with the first, and so on, and when the key is
# used up it starts over. They are combined by **XOR**, in Python `^`: a bit comes out as 1 where exactly one of the two
# is 1. Doing it twice gives back what was there, so one operation masks and unmasks. (And zero XOR key is the key, as you
# have seen.) Here is the client's `Hello` again, unmasked by hand:

# %%
key = hello.field.find("masking key").value
place = hello.field.find("payload")
masked = hello.data[place.start : place.end]

for i, byte in enumerate(masked):
    plain = byte ^ key[i % 4]
    print(f"{byte:08b} ^ {key[i % 4]:08b} = {plain:08b}   {chr(plain)}")

# %% [markdown]
# The key stands right before the payload, so this hides nothing from anybody; encryption is what TLS is for. What it is
# good for: a page in a browser may be hostile, and may choose what is sent. Without masking it could make the browser
# send bytes that look like an HTTP request, and a proxy on the way that does not know WebSocket might be fooled into
# storing a false answer for everybody behind it. A fresh random key for each frame, picked by the browser and not by the
# page, makes what is on the wire impossible to choose (RFC 6455 section 10.3). Servers run no strangers' code, so they do
# not mask. Both are rules: a server hangs up on a client that does not mask.
#
# (In these lessons the keys come from a seed, so that you see what is printed here. In earnest they must be random.)
#
# ## A message in pieces
#
# Who does not know yet how long a message will be (it is still being typed, or computed) can begin to send it all the
# same: the first frame carries the opcode, those after it say **continuation**, and FIN is set on the last one only.
#
# ### Predict
#
# The client is given a message in two pieces, `Hel` and `lo`. How many frames does it send for that?

# %%
predict("frames.pieces", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with websocket.connect(echo.url) as client:
    await client.send(["Hel", "lo"])
    await client.recv()

# %%
reveal("frames.pieces")

# %%
show.conversation(echo)

# %% [markdown]
# While the client sends a piece, it does not know that no other will come; so a frame without payload comes last. That is
# legal, and says just one thing: that was all. The server puts the pieces together and
# answers in one frame. **Message** is what your program sends, **frame** is what goes over the wire. How the one is cut
# into the other is up to the sender, and nobody's promise.
#
# ## Ping, pong, and goodbye
#
# Control frames carry at most 125 bytes, so that they fit in between. A **ping** asks "are you there?", and a **pong** has
# to carry the same payload back. Your program rarely sees either: the library answers. **Close** says that
# this is the last frame from this side, with a number and, if wanted, a reason; the other side answers with its own.

# %%
async with websocket.connect(echo.url) as client:
    await (await client.ping("are you there?"))
    await client.close(1000, "see you")

talk = show.conversation(echo)
display(talk, talk[4])

# %% [markdown]
# The payload of Close starts with the code: two bytes, the greater one first ("big-endian", as all numbers in WebSocket).
# The rest is text.

# %%
goodbye = websocket.Frame.decode(talk[4].data).payload

print(goodbye[:2].hex(" "), "is", goodbye[0] * 256 + goodbye[1])
print(goodbye[2:].decode())

# %% [markdown]
# ## A frame of your own
#
# You have now met every part, so let us build one: first byte, second byte, payload. `Hi` is the message.

# %%
payload = b"Hi"
frame = bytes([0b1000_0001, len(payload)]) + payload

print(frame.hex(" "))

# %% [markdown]
# Read it: FIN and opcode 1 in the first byte, the length in the second. Now to the server with it, past the library:
# `raw_connect` does the handshake, and then sends what it is told.


# %%
async def say(data):
    """Send bytes as they are, and give back the server's next frame; None if it says nothing for a second."""
    async with websocket.raw_connect(echo.url) as peer:
        await peer.send(data)
        try:
            return await peer.receive(patience=1)
        except TimeoutError:
            return None


print(await say(frame))
show.conversation(echo)[2]

# %% [markdown]
# The answer is no echo: it has the opcode of Close, and you can read the code and the reason in its payload. What we sent
# is a well-formed frame, and yet it was refused. The finding under the table says what is missing, and where.
#
# ## Hands on
#
# Here is the client's first `Hello` again, to play with. Change a byte, and see what the bytes now mean; change a field,
# and see what becomes of the bytes. Break something, and read what is said about it; then send it, and see whether the
# server agrees. (It needs a running kernel. Elsewhere you see the frame as it was.)

# %%
show.byte_lab(hello, echo)

# %% [markdown]
# ## Exercises
#
# ### 1. The missing bit
#
# Here is the frame again, now with a key and a masked payload. Fill in the second byte.

# %%
key = bytes.fromhex("37 fa 21 3d")  # the one of RFC 6455 section 5.7
masked = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))

second_byte = ...  # such as 0b0000_0000

if second_byte in range(256):
    print(await say(bytes([0b1000_0001, second_byte]) + key + masked))
check("frames.second", second_byte)

# %% [markdown]
# ### 2. A frame writer
#
# Now the whole: from a payload of at most 125 bytes and a key of four, make the bytes of a text frame.


# %%
def short_frame(payload, key):
    return ...


check("frames.short", short_frame)

# %% [markdown]
# ### 3. Any length
#
# And now for payloads of any size, in the shortest form that holds their length. `number.to_bytes(2)` writes a number in
# two bytes, the greater one first.


# %%
def any_frame(payload, key):
    return ...


check("frames.long", any_frame)

# %% [markdown]
# When the last one says *right*, you have written what stands at the heart of every WebSocket client. Send something long
# with it: `await say(any_frame(b"Hello! " * 1000, key))`.
#
# ## In short
#
# - A frame is a few bits that describe it (FIN, opcode, MASK), a length, and the payload.
# - Up to 125 the length stands in seven bits; 126 and 127 are signs that it stands in the bytes that follow.
# - A client masks with a fresh key for each frame, a server does not mask. XOR masks and unmasks, and hides nothing.
# - A message may come in several frames, and FIN is set on the last. Ping, pong and Close fit in between.
#
# **Next:** [03 The WebSocket conversation](03_the_websocket_conversation.ipynb). Who may say what, and when; and what it is
# worth.
