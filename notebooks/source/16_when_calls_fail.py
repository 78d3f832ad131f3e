# %% [markdown]
# # When calls fail
#
# After this lesson you can
#
# - read the status of a call, and say which of many hands wrote it;
# - say what the client, the wire and the server see when a deadline passes or a client has heard enough;
# - read a status on the wire: its message, and its details for programs;
# - decide which calls may be made again, and let the library do it.

# %%
import asyncio
import json
from contextlib import aclosing, suppress

from google.rpc import error_details_pb2, status_pb2

from protolab import grpc, lab, scenes, show
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.protocols.grpc import lessons, metadata, status
from protolab.protocols.grpc.errors import REMEDIES
from protolab.protocols.grpc.generated import lessons_pb2_grpc
from protolab.protocols.grpc.library import aio
from protolab.protocols.grpc.library import grpc as grpcio
from protolab.serve import Server
from protolab.wire import hpack_encoder, http2

lab.repeatable()
server = lab.start(grpc.UserServer(max_message=10_000))

# %% [markdown]
# ## From lesson 15, by heart
#
# How many bytes does gRPC put before each message? And which flag says "I have said all, and I still listen"?

# %%
check("failures.prefix", ...)  # a number

# %%
check("failures.flag", ...)  # its name, in quotes

# %% [markdown]
# ## A call that fails
#
# We ask for a person who does not exist. `attempt` gives back what was raised, so that we can look at it:

# %%
HEADERS, DATA, RST_STREAM = 1, 0, 3


async def attempt(call):
    """What a call gives, or how it failed."""
    try:
        return await call
    except grpc.CallFailed as failed:
        return failed


def tell(thing, stream, number=-1):
    """The frames of one call, without those of flow control."""
    for unit in show.conversation(thing, number):
        if unit.lane == stream and unit.data[3] in (HEADERS, DATA, RST_STREAM):
            print(unit.side, "says", unit.title.partition(" within")[0])


async with grpc.LessonsClient(server.url, timeout=None) as client:
    failed = await attempt(client.person("99"))

print("code:      ", failed.code.name)
print("message:   ", failed.message)
print("what to do:", failed.remedy)

# %% [markdown]
# A **status** is a code, which programs understand, and a message, which people do. There are these codes, and no others:

# %%
for code, remedy in REMEDIES.items():
    print(f"{code.value[0]:2} {code.name:20} {remedy.partition(':')[0].partition('(')[0].strip(' .')}")

# %% [markdown]
# ### Predict
#
# When all goes well, the server says headers, a message in a DATA frame, and trailers. How many DATA frames does it send for
# the person who does not exist?

# %%
predict("failures.data", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reveal("failures.data")

# %%
tell(server, 1)

# %% [markdown]
# The server says one block of headers, and that is both the beginning and the end. It is called **Trailers-Only**: `:status:
# 200` from HTTP and `grpc-status` from gRPC in the same block. There is no message, since there is nothing to say.
#
# ## An answer that is none
#
# Many servers do it in another way, and so do many tutorials. The handler sets a code, and goes on to return something,
# because a function has to return something:


# %%
class Naive(lessons_pb2_grpc.DirectoryServicer):
    async def GetPerson(self, request, context):
        context.set_code(grpcio.StatusCode.NOT_FOUND)
        context.set_details(f"There is no user {request.id}.")
        return lessons.Person()


class NaiveServer(Server):
    name, scheme, path = "naive", "http", ""

    async def start(self, host="127.0.0.1", port=0):
        self.server = aio.server()
        lessons_pb2_grpc.add_DirectoryServicer_to_server(Naive(), self.server)
        port = self.server.add_insecure_port(f"{host}:{port}")
        await self.server.start()
        return port

    async def stop(self):
        await self.server.stop(0.2)


naive = lab.start(NaiveServer())
address = naive.url

async with grpc.LessonsClient(address, timeout=None) as client:
    failed = await attempt(client.person("99"))

print("the program is told:", failed.code.name)
tell(naive, 1)

# %% [markdown]
# The library shows the program only the error. But on the wire a person was sent first, an empty one: no id, no name. Whoever
# looks at messages as they come has seen somebody who does not exist. A proxy may have, a cache, or a client that hears a
# stream. So a handler that fails must **stop**: `await context.abort(code, message)` raises, and nothing is returned.
#
# ## Who said so?
#
# There are many hands between two programs, and most of them can make a call fail. Let us provoke four failures of one
# server. The first asks for somebody who is not there, the second makes the handler raise an exception, the third sends more
# than the server takes, and the fourth calls a method that is not there.
#
# ### Predict
#
# The exception in the handler says `the password of the database is sesame`. Which code does the client get?

# %%
predict("failures.raised", ...)  # the name of a code, in quotes

# %% [markdown]
# ### Look

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    wrong_name = client.channel.unary_unary("/protolab.lessons.Calls/Ecko")
    failures = [
        await attempt(client.person("99")),
        await attempt(client.fail(0, "the password of the database is sesame")),
        await attempt(client.echo("x" * 20_000)),
        await attempt(client.ask(wrong_name(b""))),
    ]

# %%
reveal("failures.raised")

# %%
failed = failures[1]

print(failed.code.name)
print(failed.message)

# %% [markdown]
# What an exception says is not for strangers. So this server tells the client a number, and the reason goes to its own
# log, where those who may know can look it up:

# %%
for entry in server.log:
    if "sesame" in entry.text:
        print(entry.text.rpartition(" in ")[0])

# %% [markdown]
# (grpcio itself, without such care, would send `UNKNOWN` and the text of the exception, password included.)
#
# Now for who said it. From the wire one can tell, mostly, by three questions: may a library say this code by itself? Are
# there details, which no library sends? Are the words a library's? The decoder asks them for us:

# %%
for call in grpc.calls(show.conversation(server)):
    print(f"{call.method:10}{call.outcome.name:20}{call.outcome.by:12}{call.outcome.why}")

# %% [markdown]
# Two of the four never reached a handler: the library said no at the door. This matters to whoever has to mend it. `NOT_FOUND`
# means that the server works, and someone asked for the wrong thing. `UNIMPLEMENTED` means that two programs do not have the
# same contract.
#
# ## A deadline
#
# A call without an answer is worse than one that fails: it waits, holds memory, and perhaps a lock. So a client should always
# say how long it will wait. On the wire it is the header `grpc-timeout`, a number of at most eight digits, and a unit:

# %%
for value in ("10S", "250m", "1500u", "2M", "1H"):
    print(f"{value:7}{metadata.timeout_words(value.encode())}")

# %% [markdown]
# It says how much is **left**, and not at which time it ends: for that, both would need the same clock. Mind the letters:
# `m` is a thousandth of a second, `M` is a minute.
#
# Here is a server that has hung. It takes a connection, says the least that HTTP/2 asks for, and then nothing, for ever:


# %%
class Hung(Server):
    name, scheme, path = "hung", "http", ""

    async def start(self, host="127.0.0.1", port=0):
        self.listener = await asyncio.start_server(self.listen, host, port)
        return self.listener.sockets[0].getsockname()[1]

    async def listen(self, reader, writer):
        writer.write(http2.settings().encode())
        while await reader.read(65536):
            pass
        writer.close()

    async def stop(self):
        self.listener.close()


hung = lab.start(Hung())

# %% [markdown]
# ### Predict
#
# A client calls it, and is willing to wait for half a second. Who ends the call on the wire: client, server, or nobody?

# %%
predict("failures.ends", ...)  # "client", "server" or "nobody"

# %% [markdown]
# ### Look

# %%
async with grpc.LessonsClient(hung.url) as client:
    await client.channel.channel_ready()
    failed = await attempt(client.wait(60_000, timeout=0.5))

# %%
reveal("failures.ends")

# %%
tell(hung, 1)

call = grpc.calls(show.conversation(hung)).on(1)
print()
print("the program is told:     ", failed.code.name)
print("the decoder makes of it: ", call.outcome.name, "by", call.outcome.by)

# %% [markdown]
# RST_STREAM ends a stream at once, without trailers. The status was on **no wire**: the client's own library made it,
# since nobody had to tell it that its time was up. And the wire says only `CANCEL`. That it was a deadline can be told from
# the `grpc-timeout` of the request and a clock, and the decoder has both. (We leave the value out above: it is what is left
# when the request goes out, and differs a little each time.)
#
# Our own server has not hung. It knows the deadline from the request, and has a clock too. Which of the two clocks rings first is
# chance; either way the program is told the same, and the handler is stopped where it waits:


# %%
async def logged(method):
    """Wait until the server's log has the end of a call, and give that line."""
    for _ in range(1000):
        for entry in server.log:
            if entry.text.startswith(method):
                return entry.text
        await asyncio.sleep(0.02)
    raise TimeoutError(f"the log says nothing of {method}")


async with grpc.LessonsClient(server.url) as client:
    await client.echo("are you there?")
    failed = await attempt(client.wait(60_000, timeout=1))
    line = await logged("Calls/Wait")

print("the program is told:           ", failed.code.name)
print("the handler came to its end:   ", " OK " in line)

# %% [markdown]
# Work that nobody waits for any more is not done. Yet one thing a deadline does not say: whether the work had been done before.
# A client that hears `DEADLINE_EXCEEDED` does **not know**.
#
# If the handler itself calls other servers, it should give them what is left of its own deadline, and no more.
#
# ## Enough
#
# A client may stop listening for other reasons. Here somebody counts to a million, and we break off after the second number:

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    async with aclosing(client.count(1_000_000, every_ms=20)) as numbers:
        async for number in numbers:
            if number == 2:
                break
    line = await logged("Calls/Count")

for unit in show.conversation(server):
    if unit.lane and unit.data[3] == RST_STREAM and unit.side is Side.CLIENT:
        print("the client says:     ", unit.title)
print("the server's log says:", line.partition(",")[0])

# %% [markdown]
# It is the same frame as before. The handler was stopped here too: a generator in the server ends where it stands, and its
# `finally` runs. A server that does not notice goes on counting for nobody. With a million clients, that is how servers die.
#
# Here is a recording with most of what we have seen, on two connections. Look for the frame that ends each stream, and
# for who says it. On the second connection a deadline passes and a call is cancelled, and then the next call goes well.

# %%
show.explore(scenes.recording("grpc/errors"))

# %% [markdown]
# ## Nobody there
#
# More failures have no words of the server in them. In the first one here, no server runs. In the second it is there, and in the
# middle of a call the wire is cut:

# %%
naive.stop()

async with grpc.LessonsClient(address, timeout=None) as client:
    print("no server:   ", (await attempt(client.person("1"))).code.name)

async with grpc.LessonsClient(server.url, timeout=None) as client:
    call = client.calls.Double()
    await call.write(lessons.Number(value=21))
    await call.read()
    server.cut()
    print("the wire cut:", (await call.code()).name)

for call in grpc.calls(show.conversation(server)):
    print("on the wire: ", call.outcome.why)

# %% [markdown]
# Both are `UNAVAILABLE`, and they differ in what matters. In the first, nothing was asked, so it is safe to try again. In
# the second, the server may have done all of it: only the answer is missing.
#
# And then there are proxies, which speak HTTP and may never have heard of gRPC. Here one of them answers in the server's place,
# and says 503, "not available":


# %%
class Proxy(Hung):
    name = "proxy"

    async def listen(self, reader, writer):
        writer.write(http2.settings().encode())
        with suppress(asyncio.IncompleteReadError):  # when the client goes
            await reader.readexactly(len(http2.PREFACE))
            while True:
                head = http2.read_head(await reader.readexactly(http2.HEAD_SIZE))
                await reader.readexactly(head.length)
                if head.type == http2.DATA and head.flags & http2.END_STREAM:
                    block = hpack_encoder.Encoder().encode([(b":status", b"503"), (b"content-type", b"text/html")])
                    writer.write(http2.headers(head.stream, block, end=True).encode())
        writer.close()


proxy = lab.start(Proxy())

async with grpc.LessonsClient(proxy.url, timeout=None) as client:
    failed = await attempt(client.echo("hello"))

tell(proxy, 1)

call = grpc.calls(show.conversation(proxy)).on(1)
print()
print("the program is told:     ", failed.code.name)
print("the decoder makes of it: ", call.outcome.name, "by", call.outcome.by)

# %% [markdown]
# There is no `grpc-status` at all. The client's library makes a code of the HTTP status, by this table:

# %%
for http in (400, 401, 403, 404, 429, 500, 502, 503, 504):
    print(http, status.name(status.from_http(http)))

# %% [markdown]
# ## Once more
#
# What may be tried again, the library can try by itself. It must be told in a **service config**, since it cannot know what
# a call does:

# %%
retry = grpc.Retry(attempts=4, initial=0.02)

print(json.dumps(retry.config(), indent=2))

# %% [markdown]
# The waits between are random and grow, for the reason that you know from lesson 07: so that not everybody knocks at once.
#
# ### Predict
#
# With this policy we call a method that fails with `UNAVAILABLE` twice, and would then succeed. The program makes **one** call.
# How many calls are on the wire?

# %%
predict("failures.attempts", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with grpc.LessonsClient(server.url, timeout=None, retry=retry) as client:
    print("the program is told:", await attempt(client.fail(14, "not now", key="retry", times=2)))

# %%
reveal("failures.attempts")

# %%
for unit in show.conversation(server):
    if unit.lane and unit.data[3] == HEADERS:
        said = {field.name: field.value for field in unit.field.children}
        if ":path" in said:
            print(f"stream {unit.lane}, attempts before: {said.get('grpc-previous-rpc-attempts', 'none')}")
        if "grpc-status" in said:
            print(f"    status {said['grpc-status']} {status.name(int(said['grpc-status']))}")

# %% [markdown]
# The program never hears of the failures. The server does: `grpc-previous-rpc-attempts` says that this is not the first time.
#
# What is safe to repeat?
#
# - **Reading** is, and so is setting something to a value. Twice is the same as once; this is called **idempotent**.
# - **Creating** and adding are not. If the first attempt was done and only its answer lost, the second one does it again.
#   Unless the server can tell: ours knows an e-mail address when it comes back, and says `ALREADY_EXISTS`.
# - A request that is **wrong** stays wrong: `INVALID_ARGUMENT`, `NOT_FOUND`, `PERMISSION_DENIED` and their like.
# - `ABORTED` means that somebody else was faster. The same request will not do: read again, decide again, write again.
#
# ## For people, and for programs
#
# A message is text, and a header cannot carry any text. So `grpc-message` is **percent-encoded**: letters, digits and signs of
# ASCII stand as they are, spaces too, and every other byte of the UTF-8 is written as `%` and two hex digits. And `%` itself,
# of course.

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    failed = await attempt(client.fail(9, "Only 50 % für Ada"))

for unit in show.conversation(server):
    for field in unit.field.children:
        if field.name == "grpc-message":
            print("on the wire:", field.value)
print("for people: ", failed.message)

# %% [markdown]
# Programs should not read messages: they are for people, and may be in any language. What programs need to know beyond the
# code goes into **details**, which are protobuf messages of their own.
#
# ### Predict
#
# We create a user with an empty name, the e-mail address `nowhere`, and the age 200. How many things does the server's answer
# say are wrong?

# %%
predict("failures.violations", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with grpc.UserServiceClient(server.url, timeout=None) as people:
    failed = await attempt(people.create("", "nowhere", 200))

# %%
reveal("failures.violations")

# %%
for unit in show.conversation(server):
    for field in unit.field.children:
        if field.name == "grpc-status-details-bin":
            details = status_pb2.Status.FromString(field.derived[0].data)

print("code:   ", details.code)
print("message:", details.message)
for detail in details.details:
    print("detail: ", detail.TypeName())
    request = error_details_pb2.BadRequest.FromString(detail.value)

request

# %% [markdown]
# `grpc-status-details-bin` holds a message of type `google.rpc.Status`. The code is there once more (it must be the same), and
# the text. Then come details, each with the name of its type. A `BadRequest` names each field and what is wrong with it, so a
# form can put each sentence beside its field. Our client has unpacked it already:

# %%
failed.violations

# %% [markdown]
# ## Exercises
#
# ### 1. Who said so?
#
# Four calls, as they were recorded. For each: who decided that it failed? `"application"` (the handler), `"library"` (the
# server's gRPC library), `"client"` (the client itself, or its library, with nothing about it from the server), or `"proxy"`.
#
# | call | what was seen |
# |---|---|
# | A | HEADERS with `:status: 200`, `grpc-status: 6`, `grpc-message: The address is taken.` |
# | B | HEADERS with `:status: 503` and `content-type: text/html`; DATA with `<h1>Try later` |
# | C | the request says `grpc-timeout: 2S`; two seconds later the client says RST_STREAM CANCEL |
# | D | HEADERS with `:status: 200`, `grpc-status: 12`, `grpc-message: Method not found!` |

# %%
check("failures.said", ...)  # {"A": "...", "B": "...", "C": "...", "D": "..."}

# %% [markdown]
# ### 2. Write a deadline
#
# From a number of nanoseconds, the value of `grpc-timeout`, as bytes: `b"10S"`. Use `S`, `m`, `u` or `n`, whichever is the
# first of these by which it is a whole number: a second has a thousand `m`, a million `u`, a thousand million `n`.


# %%
def timeout(nanoseconds):
    return ...


check("failures.timeout", timeout)

# %% [markdown]
# ### 3. Percent
#
# Write the encoding of `grpc-message`: from any text to the bytes that go into the header. Bytes from 0x20 to 0x7e stand as
# they are, except for `%`; every other byte of the text's UTF-8 becomes `%` and two hex digits in capitals.


# %%
def encoded(text):
    return ...


check("failures.percent", encoded)

# %% [markdown]
# ### 4. Too late, and in time
#
# `client.wait(1000, timeout=...)` asks for an answer after one second. Call it twice: first with a deadline that passes, then
# with one in which it succeeds. Both need a deadline, and the cell should come to its end: `attempt` from above helps.

# %%
client = grpc.LessonsClient(server.url, timeout=None)
await client.echo("are you there?")

...  # await attempt(client.wait(1000, timeout=...)), and once more

await client.close()
check("failures.deadline")

# %% [markdown]
# ### 5. When to come back
#
# A server was too busy, and said `UNAVAILABLE` with these details. They hold a `google.rpc.RetryInfo`, which says how long a
# client should wait before it tries again. How many seconds?

# %%
DETAILS = bytes.fromhex(
    "080e1209546f6f20627573792e1a360a28747970652e676f6f676c65617069732e63"
    "6f6d2f676f6f676c652e7270632e5265747279496e666f120a0a0808021080cab5ee01"
)

DETAILS

# %%
check("failures.later", ...)  # a number of seconds; `status_pb2.Status` and `error_details_pb2.RetryInfo` can read it

# %% [markdown]
# ## In short
#
# - A status is a code for programs and a message for people; details say more, as protobuf.
# - Ask who said it: the handler, the server's library, the client's own library, or a proxy in between.
# - Deadline and cancel are one frame, RST_STREAM with CANCEL, and the server should notice both.
# - After `UNAVAILABLE` or `DEADLINE_EXCEEDED` you do not know what was done. Repeat what may be done twice.
# - A handler that fails stops, returns nothing, and keeps its secrets.
#
# **Next:** [17 Flow control](17_flow_control.ipynb). What happens to a server that speaks faster than its client listens.
