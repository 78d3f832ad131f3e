# %% [markdown]
# # Server-Sent Events
#
# After this lesson you can
#
# - say how a response that does not end becomes a stream of events;
# - read an event line by line, and write one for any text;
# - say what a browser throws away, and why;
# - choose between an event stream and a WebSocket.

# %%
import asyncio
from urllib.parse import urlsplit

from protolab import compare, lab, show, sse
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.protocols.sse.scenarios import Says

lab.repeatable()
events = lab.start(sse.EventServer(origins="*"), name="events")

# %% [markdown]
# ## From lessons 01 and 07, by heart
#
# Which four bytes end the head of a request or a response? And which code is a WebSocket's program told when the wire was
# cut?

# %%
check("stream.head", ...)  # bytes: b"..."

# %%
check("stream.cut", ...)  # a number

# %% [markdown]
# ## A response that does not end
#
# A WebSocket speaks both ways. Very often only one side has something to tell: prices, scores, "your tea is ready". For
# that HTTP is enough. The client asks once; the server answers, and **does not stop answering**. Whenever there is news, it
# writes a few more lines. Each piece of news is an **event**, and the whole is called **Server-Sent Events**. It is part
# of the same specification as HTML, and every browser has a client for it: `EventSource`.
#
# ### Predict
#
# A client named ada listens. The server has two things to say. The first is a notification, whose data becomes JSON; its
# message is this text of two lines:

# %%
text = "It is ready.\nIn the kitchen."
print(text)

# %% [markdown]
# The second is the same text, just as it is. In the stream, what an event carries stands in lines that begin with `data: `.
# How many such lines do the two need together?

# %%
predict("stream.lines", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with sse.Client(f"{events.url}?client_id=ada") as ada:
    stream = aiter(ada)
    await anext(stream)  # the server's hello

    lab.run(events.server.notify("Tea", text))
    lab.run(events.server.broadcast("message", text))

    heard = [await anext(stream) for _ in range(2)]

# %%
reveal("stream.lines")

# %%
talk = show.conversation(events, 0)
talk

# %% [markdown]
# One request, one response, and then the events. There is no second request. Here is the first one:

# %%
print(talk[0].data.decode())

# %% [markdown]
# `Accept` says which kind of answer is wanted, and `Cache-Control: no-store` that nobody on the way may answer from memory:
# old news is no news. All else is plain HTTP. And the head of the response:

# %%
print(talk[1].data.decode())

# %% [markdown]
# A client looks at two things. The status must be 200, and the `Content-Type` must be `text/event-stream`. With any other it
# gives up for good (unless it is sent to another address, as for pages). What is *not* there is a `Content-Length`: nobody
# knows how long a response will be that does not end. Instead, `chunked` says that the body comes in pieces, each with its
# size before it. (`X-Accel-Buffering` is for nginx, a server that is often on the way: it should pass each piece on at once,
# and not wait until it has collected many.)
#
# ## An event, line by line
#
# This is the second event, the text as it is, in its chunk:

# %%
talk[4]

# %% [markdown]
# The first line is the chunk's size in hex, as plain HTTP wants it. Then the event begins. Every line of it has a name, a
# colon, one space that is dropped, and a value:
#
# | name | what it says |
# |---|---|
# | `id` | where in the stream we are; the next lesson lives on it |
# | `event` | the type of the event; without it, the type is `message` |
# | `data` | what the program gets; several are joined, with a line end between them |
# | `retry` | how many milliseconds to wait before coming back when the connection is lost (look at the hello) |
#
# The blank line at the end is not decoration. It says: this event is complete, give it to the program. That is called
# to **dispatch** it. And this is what the program was given:

# %%
for event in heard:
    print(event)

# %% [markdown]
# The notification's text was put into JSON, where a line end is written as `\n`, two characters on the same line. The text
# as it is needs a `data` line for each of its own lines, and the client puts them together again.
#
# A client must not care how the bytes are cut. TCP and chunks may cut anywhere, also inside a character. So
# here is the stream without its framing, cut in two at every possible place:

# %%
spoken = "id: 3\nevent: message\ndata: Grüße aus der Küche ☕\n\n".encode()

cuts = range(len(spoken) + 1)
outcomes = {tuple(sse.parse([spoken[:cut], spoken[cut:]])) for cut in cuts}

print(f"{len(spoken)} bytes, {len(cuts)} ways to cut them, {len(outcomes)} outcome:")
print(*outcomes)

# %% [markdown]
# ## What a browser throws away
#
# The format forgives nearly everything. No line, however odd, is an error: what is not understood is dropped without a
# word. That is friendly to streams from the future, and cruel to who has mistyped something.
#
# `Says` is a server that says whatever bytes we give it, and hangs up; who comes back is told that there is no more. `listen`
# is a client that gives back all events that it got.

# %%
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n"

says = lab.start(Says(b""), name="says")


async def listen(stream):
    says.server.said = HEAD + stream
    async with sse.Client(says.url, backoff=sse.Backoff(base=0, cap=0)) as client:
        return [event async for event in client]


# %% [markdown]
# ### Predict
#
# In this stream each block is odd in its own way:

# %%
ODD = (
    b"\xef\xbb\xbfdata: one\n\n"  # three bytes that some editors put first: the byte order mark
    b": nobody is there\n\n"
    b"event: update\n\n"
    b"Data: two\n\n"
    b" data: three\n\n"
    b"data:four\n\n"
    b"data\n\n"
    b"id: 5\0\ndata: five\n\n"  # \0 is a byte of the value 0, called NUL
    b"retry: soon\ndata: six\n\n"
    b"data: seven"
)

# %% [markdown]
# How many events does a client dispatch?

# %%
predict("stream.odd", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
odd = await listen(ODD)

# %%
reveal("stream.odd")

# %%
for event in odd:
    print(event)

# %% [markdown]
# And here is the rest. A `Discard` is not a broken rule: these bytes are thrown away because the specification says so.

# %%
for unit in show.conversation(says, 0):
    for discard in unit.discards:
        print(f"{unit.data[discard.start : discard.end]!s:26} {discard.why}")

# %% [markdown]
# Some of these have a use:
#
# - The **byte order mark** may stand at the very beginning, once, because editors put it there.
# - A line that begins with a colon is a **comment**. Servers send one every 15 seconds or so when they have nothing to say.
#   Proxies between the two cut connections on which nothing moves, and a comment is the smallest thing that moves.
# - A block **without data** dispatches nothing. It may still set the `id` or the `retry` time.
# - `data` alone, without a colon, is a field with an empty value, so there is an event, and its data is empty.
# - What has **no blank line** when the stream ends is dropped, since nobody knows whether it was complete.
#
# ## The bug that everybody writes
#
# A server that sends events looks easy to write. Most have a line like this one:


# %%
def naive(text):
    return f"data: {text}\n\n".encode()


# %% [markdown]
# It works in every test with a word or two. Then someone says something of two lines. Or this, in a chat in which only the
# server itself may raise an `alert`:

# %%
two_lines = "It is ready.\nIn the kitchen."
sneaky = "hello\n\nevent: alert\ndata: Log in again, at evil.example"

# %% [markdown]
# ### Predict
#
# The naive server says these two texts, one after the other. How many events does the client get?

# %%
predict("stream.naive", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
got = await listen(naive(two_lines) + naive(sneaky))

# %%
reveal("stream.naive")

# %%
for event in got:
    print(event)

# %%
broken = show.conversation(says, 2)  # 1 was the second visit of the client before
broken

# %% [markdown]
# Two kinds of harm. In the first text, the second line begins no field that anybody knows, so it is **lost**:

# %%
for unit, finding in broken.findings:
    print(f"{unit.data[finding.start : finding.end]}: {finding.message} ({finding.rule.clause})")
    print("How to mend it:", finding.rule.mend)

# %% [markdown]
# The second is worse, and there is no exclamation mark beside it. Whoever wrote that text ended the server's event, and
# began one of their own, of a type that only the server may send. No bytes give it away: on the wire it is a flawless
# event. This is called **injection**, and only the server can prevent it, by splitting the text into lines. Ours does:

# %%
async with sse.Client(f"{events.url}?client_id=bob") as bob:
    stream = aiter(bob)
    await anext(stream)
    lab.run(events.server.broadcast("message", sneaky))
    event = await anext(stream)

print(event)
print("as it was said:", event.data == sneaky)

# %% [markdown]
# What makes a line? Here CR LF, LF and CR, and **nothing else**. Python's own `splitlines` is of another opinion:

# %%
ends = [chr(code) for code in range(0x3000) if len(f"a{chr(code)}b".splitlines()) > 1]

for end in ends:
    events_of_it = list(sse.parse(f"data: a{end}b\n\n".encode()))
    kept = "data like any other" if events_of_it[0].data == f"a{end}b" else "ends a line"
    print(f"U+{ord(end):04X}  str.splitlines: ends a line   event stream: {kept}")

# %% [markdown]
# Text from word processors and chats is full of U+2028. A client that reads its stream with `splitlines` breaks such texts
# apart, and it is a bug of clients in wide use.
#
# ## Your own browser
#
# Here is the real `EventSource`, in the browser that shows you this page. (It needs a running kernel.) Connect it,
# then run the cell below as often as you like.

# %%
show.browser_client(events)

# %%
lab.run(events.server.notify("Hello", "from the kernel"))

# %% [markdown]
# The server was started with `origins="*"`. Without it the browser would not let this page read the stream, since the page
# comes from another **origin**, that is, another server or port. In earnest, name the origins that may.
#
# ## An event stream, or a WebSocket?
#
# The same updates to one reader, who asks for them in four ways; `bytes an update` counts everything that was said:

# %%
measured = compare.run(100)

for way in measured.ways:
    print(f"{way.name:20} {way.per_update:6.1f} bytes an update, requests: {way.requests:3}")

# %%
event, message = (way.parts.framing / way.updates for way in (measured.sse, measured.websocket))
print(f"around the text of an update: {event:.1f} bytes in an event stream, {message:.1f} in a WebSocket")

# %% [markdown]
# An event's names, line ends, id and chunk size cost more than a frame's header, but both are small beside a request for each
# update. So bytes seldom decide between the two. This does:
#
# | what counts | event stream | WebSocket |
# |---|---|---|
# | who speaks | the server; a client that has something to say sends a request | both |
# | what | text, in UTF-8 | text and bytes |
# | after a cut | the client comes back by itself, and says where it was | is all up to you (lesson 07) |
# | on the way | plain HTTP: proxies, logins, compression work as for pages | a protocol that each of them must know |
# | how many | six to one host in a browser's HTTP/1.1, over all its tabs; HTTP/2 has room for more | hundreds |
#
# A rule of thumb: if the news goes one way, take the event stream. If both talk all the time, or bytes fly, take the WebSocket.
#
# ## Exercises
#
# ### 1. What does it say?
#
# Without running it: which `data` does a client get from this stream? Write a list with a text for each event.

# %%
PUZZLE = (
    b"retry: 500\n\n"
    b"data: sugar\ndata:  milk\n\n"  # mind the spaces
    b"event: order\ndata:tea\nDATA: coffee\n\n"
    b":data: water\nid: 9\n\n"
    b"data: cake\n"
)

# %%
check("stream.puzzle", ...)  # a list of texts

# %% [markdown]
# ### 2. Any text
#
# Write an event of the type `message` that carries any text, so that it arrives as it was said (line ends as `\n`).
# `re.split` can split at more than one thing.

# %%
import re


def event_for(text):
    return ...


check("stream.event", event_for)

# %% [markdown]
# ### 3. Mend a parser
#
# This one gives back the data of every event in a stream that is all there. It works for simple streams, and has four
# mistakes, one in each line that is marked:


# %%
def hasty(stream):
    found, data = [], []
    for line in stream.decode().splitlines():  # 1: what ends a line? And what may begin the stream?
        if line.startswith("data"):  # 2: is that the whole name?
            data.append(line[5:].strip())  # 3: how much is dropped?
        elif line == "" and data:
            found.append("\n".join(data))
            data = []
    if data:  # 4: what does the end of the stream mean?
        found.append("\n".join(data))
    return found


hasty(b"id: 1\ndata: hello\n\nevent: update\ndata: two\ndata: lines\n\n")

# %% [markdown]
# Write one that is right.


# %%
def mended(stream):
    return ...


check("stream.parser", mended)

# %% [markdown]
# ### 4. For ada only
#
# Clients cannot talk through a stream, but the server takes requests. This one makes it say an `update` to all. `post`
# writes one, whose body is JSON:

# %%
import json


async def post(path, **body):
    where = urlsplit(events.url)
    said = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: lab.local\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(said)}\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(head.encode() + said)
    answer = await reader.read()
    writer.close()
    return answer.decode().partition("\r\n\r\n")[2]


print(await post("/api/update", update_data={"cups": 2}))
print(await post("/api/update", cups=2))

# %% [markdown]
# The second answer says what is wrong, and names what the server knows. Now ada and bob both listen. Say an `update` that
# only **ada** gets. What it says is up to you.

# %%
both = [sse.Client(f"{events.url}?client_id={name}") for name in ("ada", "bob")]
for client in both:
    await client

...  # print(await post("/api/update", ...))

events.settle()  # all that was said so far has arrived
for client in both:
    await client.close()

check("stream.target")

# %% [markdown]
# ## In short
#
# - An event stream is a response that does not end: status 200, `text/event-stream`, and no length.
# - An event is a few lines, `id`, `event`, `data`, `retry`, and a blank line that dispatches it.
# - Readers forgive everything, so writers must be exact: split any text at CR LF, LF and CR, and at nothing else.
# - What goes one way goes well in an event stream.
#
# **Next:** [09 Resume](09_resume.ipynb). The wire is cut in the middle of a stream, and nothing is lost. Nearly always.
