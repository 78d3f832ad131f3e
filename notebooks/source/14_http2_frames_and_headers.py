# %% [markdown]
# # HTTP/2: frames and headers
#
# After this lesson you can
#
# - read the head of a frame, and say what a stream is;
# - follow a connection from its first byte: preface, SETTINGS, requests, goodbye;
# - read a header block, and say why the second request is so much shorter than the first;
# - say why a tap that comes late cannot read headers, and why a secret should never be in a table;
# - find the frame that breaks a rule, where the server says nothing.

# %%
import asyncio
from contextlib import aclosing
from urllib.parse import urlsplit

from protolab import grpc, lab, scenes, show
from protolab.capture import Capture
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.protocols.grpc import lessons
from protolab.wire import hpack, hpack_encoder, hpack_fields, http2, http2_fields

lab.repeatable()
server = lab.start(grpc.UserServer())

# %% [markdown]
# ## From lessons 02 and 13, by heart
#
# How many bytes has the shortest header of a WebSocket frame? And which number is the varint `ac 02`?

# %%
check("http2.shortest", ...)  # a number

# %%
check("http2.varint", ...)  # a number

# %% [markdown]
# ## Many calls, one connection
#
# HTTP/1.1 has one conversation at a time on a connection: a request, its response, the next request. Whoever wants more at
# once opens more connections; browsers open six for each site, and what does not fit waits.
#
# HTTP/2 cuts all that is said into **frames**. Each carries the number of the **stream** that it belongs to, and a stream
# is one request with its response. So frames of many streams can be mixed on one connection, and each side sorts them
# again. gRPC is built on it. Here a client makes three calls at the same time:

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:  # deadlines are lesson 16's
    await asyncio.gather(*(client.echo(word) for word in ("one", "two", "three")))

# %% [markdown]
# ### Predict
#
# The stream of the first call has the number 1. Which number has the stream of the third?

# %%
predict("http2.third", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look


# %%
def frames(talk, side, *types):
    """The frames of a side, of those types or of all, as units."""
    said = [unit for unit in talk if unit.side is side and unit.kind == "frame"]
    return [unit for unit in said if not types or http2.read_head(unit.data).type in types]


talk = show.conversation(server)

# %%
reveal("http2.third")

# %%
print("connections:", len(list(server.capture.connections)))

for stream in sorted({unit.lane for unit in talk if unit.lane}):
    for side in Side:
        units = frames(talk, side, http2.HEADERS, http2.DATA)
        names = [http2.read_head(unit.data).name for unit in units if unit.lane == stream]
        print(f"stream {stream}  {side!s:6}  {', '.join(names)}")

# %% [markdown]
# The client's streams have odd numbers, each higher than the one before. Even ones are the server's, for a thing called
# push that hardly anybody uses any more. Number 0 is no stream: what concerns the whole connection is said there.
#
# Headers and body come in frames of their own, HEADERS and DATA. The server has a second HEADERS after the body,
# the **trailers**. gRPC needs them to say how the call ended; that is the next lesson.
#
# ## The head of a frame
#
# We leave the library out, and say frames ourselves. `http2` builds them one by one, and `say` sends what it is given over
# a connection of its own:

# %%
message = lessons.Text(text="hi").SerializeToString()
body = b"\x00" + len(message).to_bytes(4) + message  # gRPC's prefix: the next lesson


async def say(*said, answers):
    """Say these frames, and listen until so many answers are whole, or the server hangs up."""
    where = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(http2.PREFACE + b"".join(frame.encode() for frame in said))
    try:
        async with asyncio.timeout(20):
            while answers > 0:
                head = http2.read_head(await reader.readexactly(http2.HEAD_SIZE))
                await reader.readexactly(head.length)
                answers -= head.flags & 1  # END_STREAM; in SETTINGS and PING the same bit is ACK
    except asyncio.IncompleteReadError:
        pass
    writer.close()
    return show.conversation(server)


talk = await say(http2.settings(), http2.ping(b"protolab"), answers=2)

for side in Side:
    print(side, [http2.read_head(unit.data).name for unit in frames(talk, side, http2.PING)])

# %% [markdown]
# A PING asks "are you there?", with any bytes to recognise the answer by. This is the answer:

# %%
pong = frames(talk, Side.SERVER, http2.PING)[0].data
fields = http2_fields.tree(pong, http2.read_head(pong))

show.picture(fields, pong)

# %% [markdown]
# All frames begin alike: the **length** of what follows the head, the **type**, the **flags**, one reserved bit, the
# **stream**. Unlike in WebSocket, there is one form for everything: a length takes three bytes, however small it is. And
# unlike in protobuf, the byte that weighs most comes first. The flags mean something else in each type; in a PING the last
# one is ACK:

# %%
show.explain(fields, pong)

# %% [markdown]
# ## How it begins
#
# The very first bytes are no frame. They are the **preface**, and the same on every connection:

# %%
http2.PREFACE

# %% [markdown]
# It looks like a request of HTTP/1.1 with a method that does not exist. A server that knows only the old version refuses it
# at once, before a single frame can be taken for something else. (Lesson 01 had the same worry, and another answer.)
#
# Then each side sends SETTINGS: what it can take, as pairs of a number and a value. They are no request and no agreement:
# each side tells its own, and the other answers with an empty SETTINGS that has the flag ACK, "I keep to that from now on".
# These are the server's:

# %%
for field in frames(talk, Side.SERVER, http2.SETTINGS)[0].field.children:
    if field.start >= http2.HEAD_SIZE:
        print(f"{field.name:32} {field.value}")

# %% [markdown]
# (The last one is gRPC's own. Who does not know a setting must ignore it, so that anybody can add some.)
#
# Here is a whole connection from a recording, with two calls: a user is created, and then asked for. Find the preface, the
# SETTINGS and their ACKs, and the streams. (WINDOW_UPDATE says how much more may be sent; that is lesson 17.)

# %%
show.explore(scenes.recording("grpc/unary"))

# %% [markdown]
# ## A header block
#
# A HEADERS frame carries a request's headers, packed by a format of its own, **HPACK** (RFC 7541). We build a request,
# first of all as a list. What was the first line in HTTP/1.1 are headers now, whose names begin with a colon:

# %%
REQUEST = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/protolab.lessons.Calls/Echo"),
    (b":authority", b"lab.local"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]
encoder = hpack_encoder.Encoder()
first = encoder.encode(REQUEST)
second = encoder.encode(REQUEST)  # the same headers, for a second request

await say(
    http2.settings(),
    http2.headers(1, first),
    http2.data(1, body, end=True),
    http2.headers(3, second),
    http2.data(3, body, end=True),
    answers=3,
)


def spell(block, table):
    """Print each part of a header block, and return the table as it stands after it."""
    said = hpack.read(block, table)
    for line in said.lines:
        data = block[line.start : line.end].hex(" ")
        if len(data) > 23:
            data = f"{data[:20]}..."
        print(f"{data:23} {hpack.KINDS[line.kind]:27} {line.name.decode()}: {line.value.decode()}")
    return said.after


empty = hpack.Table()
table = spell(first, empty)

# %% [markdown]
# Two of the headers are a single byte. They stand in the **static table** of RFC 7541, which everybody has: it holds what is
# said most often. A byte that begins with a 1 is an index into it. The first entries:

# %%
for index, entry in enumerate(hpack.STATIC[:8], 1):
    print(f"{index}  {entry.name.decode()}: {entry.value.decode()}")

# %% [markdown]
# The rest are **literals**. Here is one down to its bits:

# %%
show.explain(hpack_fields.tree(first, hpack.read(first)).children[3], first)

# %% [markdown]
# Its name has an index, its value is spelled. And it is spelled in a **Huffman code**: letters that are frequent in headers
# have short codes, rare ones have long codes. Nothing marks where a letter ends, since no code is the beginning of
# another one:

# %%
from protolab.wire import huffman

code = huffman.encode(b"lab.local")
bits = "".join(f"{byte:08b}" for byte in code)

for letter, start, end in huffman.symbols(code):
    print(f"{chr(letter)}  {bits[start:end]}")
print("left over:", bits[end:], " filled up with ones")

# %% [markdown]
# The first bits of each part say which kind it is:
#
# | it begins with | kind | what follows |
# |---|---|---|
# | `1` | indexed | the index of a name with its value |
# | `01` | literal, added to the table | the name (or its index), the value |
# | `0000` | literal, not added | the same |
# | `0001` | literal, never to be added | the same |
# | `001` | another size for the table | the size |
#
# ## The second time
#
# "Added to the table": that is the **dynamic table**. It is empty at first. Each header of this kind joins it at the
# front, behind the static entries, on *both* sides: who writes and who reads do the same, so they never need to send
# it. After the first request it stands so:

# %%
for index, entry in enumerate(table.entries, hpack.FIRST_DYNAMIC):
    print(f"{index}  {entry.name.decode()}: {entry.value.decode()}")

# %% [markdown]
# ### Predict
#
# Go back to the three calls of the real client. All have the same headers: there are eight of them, such as `:method`,
# `te`, `user-agent`. How many bytes is the header block of the second call?

# %%
predict("http2.second", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
calls = frames(show.conversation(server, 0), Side.CLIENT, http2.HEADERS)
block = calls[1].data[http2.HEAD_SIZE :]

# %%
reveal("http2.second")

# %%
print(block.hex(" "))
print()
after = spell(second, table)
# %% [markdown]
# Above are the bytes of the real client, below those of our own. Each header has become an index. In numbers, for the same
# request over and over:

# %%
old = """\
POST /protolab.lessons.Calls/Echo HTTP/1.1
host: lab.local
content-type: application/grpc
te: trailers

""".replace("\n", "\r\n")

print("HTTP/1.1, each time:     ", len(old), "bytes")
print("HTTP/2, the first time:  ", len(first), "bytes")
print("HTTP/2, from then on:    ", len(second), "bytes")

# %% [markdown]
# The table has a bound, which is a setting of the side that reads. What does not fit is **evicted**: it drops out at the far
# end, where the oldest stands. This is from a recording of a client that calls three methods in turn, with a table that was
# made small. These are the client's headers as they stand at its third call (each entry counts a bit more than its text):

# %%
recorded = show.conversation(scenes.recording("grpc/headers"))
asks = frames(recorded, Side.CLIENT, http2.HEADERS)
small = grpc.tables(recorded, asks[2].place.number)[Side.CLIENT]

for row in small.rows:
    print(f"{row.index or '-':>2}  {row.change:11}  {row.size:3}  {row.name}: {row.value[:40]}")
print(small.size, "of", small.limit, "are taken")

# %% [markdown]
# The path is new, so it was added. All the others were there, and moved one place further back, except for one: the path of
# the first call had to go. When the client makes that call again, it has to spell it again.
#
# ## Who comes late
#
# Somebody switches on a recorder, after the connection has been there for a while. It sees all bytes from here on. The
# second call of the real client is the first thing that it hears.
#
# ### Predict
#
# How many of the eight headers can it read?

# %%
predict("http2.late", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
late = Capture("late")
recorder = late.connect(midway=True)
recorder.add(Side.CLIENT, calls[1].data)
heard = show.conversation(late)[0]

# %%
reveal("http2.late")

# %%
for field in heard.field.children[-8:]:
    print(f"{field.name:15} {field.value or '?':5} {field.note}")

# %% [markdown]
# An index into the dynamic table means nothing to someone who does not know the table. No tool can mend that, and an honest
# one says where the holes are. It also binds those who take part: one byte of headers lost, and nobody can read
# anything more. So a broken header block ends the whole connection, not just its stream.
#
# ## Secrets
#
# A table makes what is repeated short. Who sees only how **long** things are, then learns something. Say that on a
# connection a secret is sent in a header, and somebody who cannot read it (it is encrypted) can make requests go over the
# same connection, with guesses in the same header:

# %%
SECRET = (b"x-key", b"4711")


def watch(kind):
    """The sizes of blocks with guesses, after the secret has gone by in a header of that kind."""
    encoder = hpack_encoder.Encoder()
    encoder.encode([SECRET], kind)
    for guess in (b"1234", b"4710", b"4711", b"4712"):
        block = encoder.encode([(b"x-key", guess)], hpack.PLAIN)
        print(f"  {guess.decode()}: {'#' * len(block)}")


print("the secret was added to the table:")
watch(hpack.INCREMENTAL)
print("the secret was never to be added:")
watch(hpack.NEVER)

# %% [markdown]
# The guess that is right is shorter. (All of it has to be right, not just its beginning. HPACK was made that way after an
# attack on its forerunner, where every letter that was right made a difference.) Therefore there is a fourth kind, "never to
# be added". It binds not only the two sides: a proxy that passes the header on must not add it to a table either (RFC 7541,
# section 7.1.3).
#
# ## How it ends
#
# **One stream** ends when both sides have sent a frame with the flag END_STREAM. To end it at once, either side sends
# RST_STREAM. The other streams are not disturbed; with HTTP/1.1 one would have had to cut the connection. Here a real client
# loses interest after the first of many numbers:

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    async with aclosing(client.count(1000, every_ms=20)) as numbers:
        await anext(numbers)
    await client.echo("still here")  # on the same connection

reset = frames(show.conversation(server), Side.CLIENT, http2.RST_STREAM)[0].data

show.explain(http2_fields.tree(reset, http2.read_head(reset)), reset)

# %% [markdown]
# **The connection** ends with GOAWAY. It names the last stream that will be dealt with: a client knows then which calls it
# may repeat elsewhere. A server that wants to leave in peace first says it with the highest number there is, "what you
# have begun I will finish, begin nothing new":

# %%
leaving = lab.start(grpc.UserServer(), name="leaving")

async with grpc.LessonsClient(leaving.url, timeout=None) as client:
    await client.echo("hello")
    leaving.stop()

goodbye = frames(show.conversation(leaving), Side.SERVER, http2.GOAWAY)[0].data

show.explain(http2_fields.tree(goodbye, http2.read_head(goodbye)), goodbye)

# %% [markdown]
# ## What it changes
#
# A page asks for many small things. With HTTP/1.1 they queue for six connections; with HTTP/2 all of them go out at once on
# one, with short headers. What stays is the queue below: TCP delivers in order, so where one packet is lost, all streams
# wait for it. That is why HTTP/3 does without TCP.
#
# A WebSocket, as in lessons 01 to 07, takes a connection of its own. An event stream (08 and 09) takes one of the six for as
# long as it lasts, so a few open tabs used to block a site; over HTTP/2 it is one stream of many.
#
# ## Exercises
#
# ### 1. Read a head
#
# From the bytes of a frame: length, type, flags and stream, four numbers in this order.


# %%
def read_head(data):
    return ...


check("http2.head", read_head)

# %% [markdown]
# ### 2. An integer that begins in the middle of a byte
#
# An index or a length in HPACK follows some bits that say what it is, so only the rest of the byte is left for it, the
# **prefix**. If it fits, fine. If not, all bits of the prefix are 1, and the number minus the value of that prefix follows as a
# varint. Try it with a prefix of five bits (the three bits before it are 0): up to 30 it takes one byte. RFC 7541 has examples
# in section C.1: 10 is `0a`, and 1337 is `1f 9a 0a`.


# %%
def integer(number):
    """An integer with a prefix of five bits, as bytes."""
    return ...


check("http2.integer", integer)

# %% [markdown]
# ### 3. Read by index
#
# A block in which every header is indexed, one byte each, and the dynamic table, its newest entry first. Return the list of
# headers.

# %%
STATIC = [(entry.name, entry.value) for entry in hpack.STATIC]  # index 1 is STATIC[0]
dynamic = [(entry.name, entry.value) for entry in table.entries]


def look_up(block, dynamic):
    return ...


check("http2.indexed", look_up)

# %% [markdown]
# ### 4. Silence
#
# This client makes three calls, and gets two answers. There is no error, and the server does not hang up. These are the
# heads of the client's frames. Which frame breaks a rule?

# %%
encoder = hpack_encoder.Encoder()
asked = []
for stream in (1, 3, 4):
    asked.append(http2.headers(stream, encoder.encode(REQUEST)))
    asked.append(http2.data(stream, body, end=True))

talk = await say(http2.settings(), *asked, http2.ping(b"hello???"), answers=4)

for number, unit in enumerate(frames(talk, Side.CLIENT)):
    print(number, unit.data[: http2.HEAD_SIZE].hex(" "))

# %%
check("http2.silence", ...)  # a number from the list

# %% [markdown]
# ## In short
#
# - A frame has a head of one size: length, type, flags, stream. Frames of many streams share one connection.
# - It begins with the preface and SETTINGS, and ends with GOAWAY; RST_STREAM ends one stream.
# - A header is an index, or a literal that may join the dynamic table. What is repeated becomes one byte.
# - The table grows on both sides alike. Who was not there from the beginning cannot read it.
#
# **Next:** [15 The four calls](15_the_four_calls.ipynb). Headers, messages and trailers: what gRPC makes of them.
