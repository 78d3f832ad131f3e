# %% [markdown]
# # Flow control
#
# After this lesson you can
#
# - say why a connection with many streams needs a window for each of them, and one for itself;
# - keep the account: what takes from a window, what gives back, and what touches it not at all;
# - say who waits, for which window, and what frees it;
# - find a frame that breaks the rules of windows, also where the server says nothing;
# - choose a window that fits a link.

# %%
import asyncio
from collections import Counter
from urllib.parse import urlsplit

from protolab import grpc, lab, show
from protolab.capture import Capture
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.protocols.grpc import lessons
from protolab.protocols.grpc.generated import lessons_pb2_grpc
from protolab.protocols.grpc.library import aio
from protolab.serve import Server
from protolab.view import Series
from protolab.wire import hpack_encoder, http2

lab.repeatable()
server = lab.start(grpc.UserServer())

# %% [markdown]
# ## From lessons 06 and 14, by heart
#
# There were four things to do about a reader that is too slow: wait, keep, drop, let go. With which of them did one silent
# reader stop everybody? And on which number of a stream is said what concerns the whole connection?

# %%
check("flow.way", ...)  # a word, in quotes

# %%
check("flow.whole", ...)  # a number

# %% [markdown]
# ## A slow reader, again
#
# In lesson 06 each reader had a connection of its own. Who did not read let the buffers of *its* connection fill up, and then
# TCP made the writer wait: TCP tells with every packet how many more bytes it will take. That number is called a
# **window**.
#
# In HTTP/2 many streams share one connection. Say that a program reads one of them slowly, and another one
# eagerly. If it stopped reading the connection, both would stand still. If it went on reading, what nobody wants yet would pile
# up in its memory. So HTTP/2 has windows of its own, above TCP's: how many more bytes may be sent **on this stream**.
#
# A library keeps these accounts out of sight. To see them, we take a client that gives nothing back unless we tell it to:


# %%
class Reader:
    """A client that says its frames itself. It takes in all that comes, but gives no room back by itself."""

    @classmethod
    async def connect(cls, to, settings=()):
        self, where = cls(), urlsplit(to.url)
        self.sizes, self.encoder = Counter(), hpack_encoder.Encoder()
        self.reader, self.writer = await asyncio.open_connection(where.hostname, where.port)
        await self.until(http2.SETTINGS)  # this server speaks first
        self.writer.write(http2.PREFACE)
        self.say(http2.settings(dict(settings)))
        await self.until(http2.SETTINGS, http2.ACK)
        self.say(http2.settings(ack=True))
        return self

    def say(self, *frames):
        self.writer.write(b"".join(frame.encode() for frame in frames))

    def flood(self, stream, size, count=0):
        """Call Flood: ask for `count` chunks of `size` bytes each; with 0, for chunks without end."""
        message = lessons.FloodRequest(size=size, count=count).SerializeToString()
        headers = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", b"/protolab.lessons.Calls/Flood"),
            (b":authority", b"lab.local"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ]
        body = b"\x00" + len(message).to_bytes(4) + message
        self.say(http2.headers(stream, self.encoder.encode(headers)), http2.data(stream, body, end=True))

    async def hear(self):
        """Take in one frame."""
        head = http2.read_head(await self.reader.readexactly(http2.HEAD_SIZE))
        await self.reader.readexactly(head.length)
        if head.type == http2.DATA:
            self.sizes[head.stream] += head.length
        return head

    async def until(self, type, flags=0, stream=0):
        """Listen up to a frame of that type, with those flags, on that stream."""
        async with asyncio.timeout(20):
            while True:
                head = await self.hear()
                if (head.type, head.stream) == (type, stream) and head.flags & flags == flags:
                    return

    async def data(self, stream, size):
        """Listen until so many bytes of DATA came on a stream, counted from its beginning."""
        async with asyncio.timeout(20):
            while self.sizes[stream] < size:
                await self.hear()

    async def asked(self):
        """Ask "are you there?", and listen up to the answer: by then, what was said before has been done."""
        self.say(http2.ping(b"protolab"))
        await self.until(http2.PING, http2.ACK)

    async def gone(self):
        """Listen until the server hangs up."""
        try:
            async with asyncio.timeout(20):
                while True:
                    await self.hear()
        except asyncio.IncompleteReadError:
            pass

    def close(self):
        self.writer.close()


# %% [markdown]
# ## How much comes before it stops
#
# Each window begins with the same size, unless somebody says otherwise. It is 2 to the 16th, minus one:

# %%
http2.DEFAULT_WINDOW

# %% [markdown]
# In its SETTINGS this client does say otherwise. INITIAL_WINDOW_SIZE (number 4) is what the window of a new **stream** holds:

# %%
INITIAL_WINDOW_SIZE = 4

reader = await Reader.connect(server, {INITIAL_WINDOW_SIZE: 100_000})

# %% [markdown]
# ### Predict
#
# It asks for large chunks without end, and says nothing more. How many bytes of DATA does the server send until it stops?

# %%
predict("flow.stops", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reader.flood(1, 3000)
await reader.data(1, http2.DEFAULT_WINDOW)
await reader.asked()
reader.close()
talk = show.conversation(server)

# %%
reveal("flow.stops")


# %%
def total(talk, side, type, stream):
    """The bytes that a side's frames of a type carry on a stream; what padding there is counts."""
    heads = [http2.read_head(unit.data) for unit in talk if unit.side is side and unit.kind == "frame"]
    return sum(head.length for head in heads if (head.type, head.stream) == (type, stream))


print("DATA:", total(talk, Side.SERVER, http2.DATA, 1), "bytes")
print("are there HEADERS?", total(talk, Side.SERVER, http2.HEADERS, 1) > 0)
print("is the PING answered?", any(unit.title == "PING ACK" for unit in talk))

# %% [markdown]
# There are **two windows**, one for each stream and one for the whole connection, and each byte of DATA takes from both. It
# stops when the smaller one is used up. SETTINGS raised the stream's; the connection's can be raised only by a frame
# that we come to next.
#
# And **only DATA** counts. The server is blocked, and still answers a PING. HEADERS count neither: a request
# or a status always gets through. What would become of a window that is closed, if the frame that opens it had to wait for
# a window?
#
# ## The account
#
# This function keeps it for us: what the server may still send, after each frame that moved one of its windows. (You need not
# read it. `grpc.windows` and `grpc.blocked` do the work; the rest numbers the steps, and takes DATA in several frames for one
# step. For recordings of your own there is `show.windows`, which draws the windows of both sides.)


# %%
def account(talk, title, *streams):
    """What the server may still send on those streams; 0 is the connection."""
    notes, numbers, points = {0: "at the beginning"}, {}, {stream: [] for stream in streams}
    if 0 in points:
        points[0].append((0, http2.DEFAULT_WINDOW))
    step, last = 0, None

    def place(unit):
        return max((step for number, step in numbers.items() if number <= unit), default=0)

    for window in grpc.windows(talk):
        if window.side is not Side.SERVER or window.stream not in points:
            continue
        unit = talk[window.unit]
        if (last, window.by) != (unit.lane, "DATA") and window.unit not in numbers:
            step += 1
        numbers[window.unit] = step
        last = unit.lane if window.by == "DATA" else None
        who = "the server" if unit.side is Side.SERVER else "the reader"
        where = f"stream {unit.lane}" if unit.lane else "the connection"
        notes[step] = f"{who}: {window.by} on {where}"
        points[window.stream] = [point for point in points[window.stream] if point[0] != step]
        points[window.stream].append((step, window.after))
    notes[step + 1] = "here the recording ends"
    waits = {stream: [] for stream in points}
    for wait in grpc.blocked(talk):
        if wait.side is Side.SERVER and wait.stream in streams:
            until = step + 1 if wait.until is None else place(wait.until)
            waits[wait.stream].append((place(wait.since), until))
    names = {stream: f"stream {stream}" if stream else "the connection" for stream in points}
    series = [Series(names[stream], tuple(points[stream]), tuple(waits[stream])) for stream in points]
    return show.levels(title, series, unit="bytes", step="step", notes=notes)


account(talk, "one stream, and nothing given back", 0, 1)

# %% [markdown]
# ## A window for each stream
#
# Now a reader whose windows are small, for each stream 1,000. On stream 1 it asks for chunks without end, and reads none of
# them. Then it asks on stream 3 for three small ones. After that it makes up its mind, and gives stream 1 room for
# 500 more, with a frame of the type **WINDOW_UPDATE**:

# %%
reader = await Reader.connect(server, {INITIAL_WINDOW_SIZE: 1000})
reader.flood(1, 3000)
await reader.data(1, 1000)

reader.flood(3, 100, count=3)
await reader.until(http2.HEADERS, http2.END_STREAM, stream=3)

reader.say(http2.window_update(1, 500))
await reader.data(1, 1500)
reader.close()
talk = show.conversation(server)

account(talk, "a stream that is not read, and one beside it", 1, 3)

# %% [markdown]
# Stream 1 is blocked, by its own window. Stream 3 comes and goes meanwhile, as if nothing were the matter: that is
# what a window for each stream is for. And an update lets through exactly what it gives.
#
# Who waited, for what, and what freed them, the decoder can say by itself. (Of time it says something, too, in seconds. But
# what counts is what others did meanwhile.)

# %%
for wait in grpc.blocked(talk):
    meanwhile = total(talk[wait.since : wait.until], Side.SERVER, http2.DATA, 3)
    print(f"the {wait.side} on stream {wait.stream}, blocked by the window of the {wait.window}")
    print("  freed by:", wait.freed_by or "nobody, as long as we looked")
    print("  meanwhile on stream 3:", meanwhile, "bytes")

# %% [markdown]
# ## A window for all of them
#
# Now nobody changes any setting: all windows begin alike. Again stream 1 is asked for chunks without end and not read.
# When it stands still, the reader asks on stream 3 for three small chunks.
#
# ### Predict
#
# How many bytes of DATA arrive on stream 3?

# %%
predict("flow.third", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reader = await Reader.connect(server)
reader.flood(1, 3000)
await reader.data(1, 65_535)

reader.flood(3, 100, count=3)
await reader.until(http2.HEADERS, stream=3)
await reader.asked()  # whatever could come has come

# %%
reveal("flow.third")

# %%
talk = show.conversation(server)

for type in (http2.HEADERS, http2.DATA):
    came = total(talk, Side.SERVER, type, 3) > 0
    print(f"{http2.name(type):7} on stream 3: {'it came' if came else 'nothing'}")

# %% [markdown]
# The server accepted the call; its headers came. The messages are ready, and stream 3 has a window of its own that nobody has
# touched. But the window of the connection is used up, by a stream that nobody reads.
#
# This is the room of lesson 06: one who does not read, and all others wait. Nobody did any harm; the reader was careless.
# Once it gives the *connection* room, stream 3 goes on:

# %%
reader.say(http2.window_update(0, 65_535))
await reader.until(http2.HEADERS, http2.END_STREAM, stream=3)
reader.close()
talk = show.conversation(server)

account(talk, "one window for all", 0, 1, 3)

# %% [markdown]
# Stream 1 stays where it is: it has no room of its own. So a good reader gives back in two places:
#
# - to the **connection**, as soon as bytes arrive and lie in the memory of their stream;
# - to the **stream**, when the program has taken them from there.
#
# Then what one program does not read costs at most the window of its stream, and nobody else has to wait.
#
# ## What counts
#
# A frame of DATA may be filled up with **padding**, to hide how long its content is. It takes from the windows
# like content does, together with the byte that says how much of it there is. Otherwise one could send without end in
# frames that are nothing but padding. We say such a frame, to a recording of our own:

# %%
made = Capture("padding")
recorder = made.connect()
request = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/upload")]
block = hpack_encoder.Encoder().encode(request)
recorder.add(Side.CLIENT, http2.PREFACE + http2.settings().encode())
recorder.add(Side.SERVER, http2.settings().encode() + http2.settings(ack=True).encode())
recorder.add(Side.CLIENT, http2.settings(ack=True).encode() + http2.headers(1, block).encode())
recorder.add(Side.CLIENT, http2.data(1, b"Hello", pad=20).encode())

talk = show.conversation(made)

for window in grpc.windows(talk):
    if window.by == "DATA":
        which = f"stream {window.stream}" if window.stream else "the connection"
        print(f"{which:14}  {window.before} -> {window.after}")

# %%
show.picture(talk[-1])

# %% [markdown]
# Five bytes of content, twenty of padding, and one for the number.
#
# ## A smaller window
#
# A reader may change its mind. A new INITIAL_WINDOW_SIZE holds for the streams to come, and it also **moves the window of each
# stream that is open**, by the difference to the old one. The connection's stays.
#
# A reader begins with 1,000. The server has used them up, all of them. Then the reader says that it should have been 400.
#
# ### Predict
#
# Which number is the window of the stream after that?

# %%
predict("flow.negative", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reader = await Reader.connect(server, {INITIAL_WINDOW_SIZE: 1000})
reader.flood(1, 3000)
await reader.data(1, 1000)

reader.say(http2.settings({INITIAL_WINDOW_SIZE: 400}))
await reader.until(http2.SETTINGS, http2.ACK)

reader.say(http2.window_update(1, 300))
await reader.asked()

reader.say(http2.window_update(1, 400))
await reader.data(1, 1100)
reader.close()
talk = show.conversation(server)

# %%
reveal("flow.negative")

# %%
account(talk, "a setting that comes too late", 1)

# %% [markdown]
# A window can be **below zero**. What was sent was sent, and cannot be taken back; now the server owes. The first update pays
# for half of that, and nothing comes. Only what is above zero lets bytes through. Who computes with `max(0, ...)` here sends
# what the other has no room for.
#
# (The server moves its window when it has read the SETTINGS, and says so by the ACK. Until then it could not know. That is why
# the account has the step at the ACK.)
#
# ## Rules, and who keeps them
#
# An update gives at least one byte. And no window may hold more than 2,147,483,647, which is 2 to the 31st, minus one: then it
# always fits into four bytes with a sign. Three readers break these rules:

# %%
LARGEST = 2**31 - 1


async def break_a_rule(frame, hangs_up):
    reader = await Reader.connect(server, {INITIAL_WINDOW_SIZE: 1000})
    reader.flood(1, 3000)
    await reader.data(1, 1000)
    await reader.asked()
    reader.say(frame)
    await (reader.gone() if hangs_up else reader.asked())
    reader.close()
    talk = show.conversation(server)
    unit = next(unit for unit in talk if unit.findings and unit.side is Side.CLIENT)
    goodbye = any(unit.title.startswith("GOAWAY") for unit in talk)
    if hangs_up:
        print(f"the server hangs up, {'with' if goodbye else 'without'} a GOAWAY")
    else:
        print("the server goes on")
    return unit


nothing = await break_a_rule(http2.window_update(1, 0), hangs_up=True)

show.explain(nothing)

# %% [markdown]
# An update of nothing. RFC 9113 (section 6.9) says: an error of this stream, so RST_STREAM would do. This server is
# stricter, and ends the connection with all that is on it: every call fails with UNAVAILABLE.

# %%
too_much = await break_a_rule(http2.window_update(0, LARGEST), hangs_up=False)

show.explain(too_much)

# %% [markdown]
# The increment by itself is allowed. But the window still held something, and together it is too much. The RFC asks for a
# GOAWAY with FLOW_CONTROL_ERROR. This server says nothing and goes on: only who keeps the account sees that a rule was
# broken. Whoever tests a client against this server alone does not find out.

# %%
setting = await break_a_rule(http2.settings({INITIAL_WINDOW_SIZE: LARGEST + 1}), hangs_up=True)

show.explain(setting)

# %% [markdown]
# Here it does as the RFC says. GOAWAY names the reason.
#
# Now for yourself. In the second case, which is the largest increment that would have been allowed?

# %%
check("flow.largest", ...)  # a number, or something that computes one

# %% [markdown]
# ## What a program sees
#
# Nobody who writes a handler has ever written a WINDOW_UPDATE. What do they see of all this? Here is a server that counts how
# many of its messages are through:


# %%
class Counting(lessons_pb2_grpc.CallsServicer):
    written = 0

    async def Flood(self, request, context):
        while True:
            await context.write(lessons.Chunk(data=bytes(request.size)))
            self.written += 1


class CountingServer(Server):
    name, scheme, path = "counting", "http", ""

    async def start(self, host="127.0.0.1", port=0):
        self.calls, self.server = Counting(), aio.server()
        lessons_pb2_grpc.add_CallsServicer_to_server(self.calls, self.server)
        port = self.server.add_insecure_port(f"{host}:{port}")
        await self.server.start()
        return port

    async def stop(self):
        await self.server.stop(0.2)


counting = lab.start(CountingServer())

# %% [markdown]
# The reader's window is 1,000 again, and what it asks for are messages of 100. Each takes a little more on the wire:

# %%
chunk = lessons.Chunk(data=bytes(100)).SerializeToString()

print(len(chunk), "bytes of protobuf, and 5 before it (lesson 15):", 5 + len(chunk), "bytes of DATA")

# %% [markdown]
# ### Predict
#
# How many calls of `write` come to their end?

# %%
predict("flow.writes", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reader = await Reader.connect(counting, {INITIAL_WINDOW_SIZE: 1000})
reader.flood(1, 100)
await reader.data(1, 1000)
await reader.asked()

# %%
reveal("flow.writes")

# %%
print("written:", counting.server.calls.written, "messages")

reader.say(http2.window_update(1, 1000))
await reader.data(1, 2000)

print("written:", counting.server.calls.written, "messages, after another 1,000 bytes")
reader.close()

# %% [markdown]
# The next message is cut in two: what fits is sent, and `await context.write(...)` does not return until the rest is
# on its way. That is all a program sees: **it waits where it writes**. It is called back pressure: from a program that
# does not read, through its library, the wire and the other library, to the line that writes.
#
# It works as long as every line on the way waits. A handler that puts what it has into a list, or starts a task for each
# `write`, takes no notice. It has chosen "keep" in lesson 06, and its memory grows.
#
# ## How large?
#
# A small window is safe, and slow. What is sent has to arrive, and the update has to come back, before the same room can be used
# again. So in one **round trip** a stream carries at most its window. To keep a link busy, the window must hold all
# that is on its way meanwhile: the **bandwidth times the delay**. Put in your own numbers:

# %%
megabits, milliseconds = 100, 50  # your link: megabits in a second, and the time of a ping

window = http2.DEFAULT_WINDOW
most = window * 8 / (milliseconds / 1000) / 1e6
print(f"a window of {window:,} bytes carries at most {most:.1f} megabits a second,")
print(f"and that is {min(1, most / megabits):.0%} of the link")

print("\nround trip   the most that a window of 65,535 bytes can carry")
for ms in (1, 10, 50, 100, 250):
    print(f"{ms:7} ms   {window * 8 / (ms / 1000) / 1e6:6.1f} megabits a second")

# %% [markdown]
# Within a house the default does well. Across an ocean it makes a fast link slow, and people look everywhere but here. So many
# libraries measure both, and let their windows grow: gRPC's does, with PINGs. The price is memory: with a hundred streams that
# nobody reads, a hundred windows lie there full.
#
# ## Exercises
#
# ### 1. Keep the account
#
# From a list of frames, write what the server may still send on a stream, or with `stream` 0 on the connection. Each frame has
# four parts:
#
# | name | stream | size | padding |
# |---|---|---|---|
# | `"SETTINGS"` | 0 | the reader's new INITIAL_WINDOW_SIZE | 0 |
# | `"WINDOW_UPDATE"` | a stream, or 0 | the increment, from the reader | 0 |
# | `"HEADERS"` | a stream | bytes, from the server | 0 |
# | `"DATA"` | a stream | bytes of content, from the server | bytes of padding, with the one that counts it |
#
# All streams are open from the beginning, and all windows begin with 65,535.


# %%
def room(frames, stream):
    return ...


check("flow.account", room)

# %% [markdown]
# ### 2. Free one of two
#
# A reader asked on streams 1 and 3 for chunks without end, and neither goes on. Look at the account, then let **stream 3 go on,
# and stream 1 wait**.


# %%
async def two_that_wait():
    reader = await Reader.connect(server, {INITIAL_WINDOW_SIZE: 40_000})
    reader.flood(1, 3000)
    await reader.data(1, 40_000)
    reader.flood(3, 3000)
    await reader.data(3, http2.DEFAULT_WINDOW - 40_000)
    return reader


await two_that_wait()

account(show.conversation(server), "two that wait", 0, 1, 3)

# %%
reader = await two_that_wait()

...  # reader.say(...)

await reader.asked()
check("flow.free")

# %% [markdown]
# ### 3. A window that fits
#
# Write how many bytes a window must hold, to keep a link busy of so many megabits a second, with a round trip of so many
# milliseconds. (A megabit is a million bits.)


# %%
def fitting(megabits, milliseconds):
    return ...


check("flow.fitting", fitting)

# %% [markdown]
# ## In short
#
# - Each stream has a window, and so has the connection. DATA takes from both, padding included; nothing else takes from any.
# - WINDOW_UPDATE gives back, to a stream or, on stream 0, to the connection. SETTINGS moves streams only, and below zero too.
# - One who does not read blocks its own stream. If the connection's room is not given back, it blocks all.
# - A program sees it as a `write` that does not return. Let it wait.
# - A window holds what fits into one round trip: bandwidth times delay.
#
# These were the lessons about gRPC, from a varint to a server that waits for its reader, and this is the last lesson. What
# is still open says `progress()` from `protolab.lesson`; and in a terminal `protolab tap HOST:PORT` shows your own programs
# as you have seen these. Back to the list: [00 Welcome](00_welcome.ipynb).
