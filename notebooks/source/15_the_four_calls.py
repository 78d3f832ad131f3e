# %% [markdown]
# # The four calls
#
# After this lesson you can
#
# - read a contract, and say which of the four shapes each of its calls has;
# - find the parts of a call on the wire: headers, messages, the end of each side, the status;
# - take a row of bytes apart into gRPC's messages;
# - tell apart the calls that share one connection;
# - get a long list page by page, and change one field of a record without touching the rest.

# %%
import json

from protolab import grpc, lab, scenes, show
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.protocols.grpc import lessons, users

lab.repeatable()
server = lab.start(grpc.UserServer())

# %% [markdown]
# ## From lessons 13 and 14, by heart
#
# In protobuf, a tag says how its record's end is found. Which wire type does a text have? And in HTTP/2, which frame
# carries a request's method and path?

# %%
check("calls.wire", ...)  # a number

# %%
check("calls.frame", ...)  # its name, in quotes

# %% [markdown]
# ## One contract
#
# Two programs that call each other agree on a file first. It says which calls there are, and which message goes in and
# comes out of each. Here are four lines of the contract of our server:

# %%
contract = grpc.proto("lessons.proto")

for line in contract.splitlines():
    if any(f"rpc {name}(" in line for name in ("Echo", "Count", "Sum", "Double")):
        print(line.strip())

# %% [markdown]
# Look for the word `stream`. It may stand on either side, and so there are four shapes of call, no more and no less:
#
# | shape | the client says | the server says | good for |
# |---|---|---|---|
# | **unary** | one message | one message | a question |
# | **server streaming** | one | any number | a long answer, news |
# | **client streaming** | any number | one | an upload, a measurement |
# | **bidirectional streaming** | any number | any number | a talk |
#
# Let us make each of them, and look at it on the wire.
#
# ## Unary: one and one
#
# ### Predict
#
# `Echo` gives back the text that it gets. Each call has a stream of its own, which is a row of frames. Count those
# that carry something of the call: HEADERS and DATA, from both sides together. (There are others, about flow control.
# They are the matter of lesson 17, and we leave them out here.)

# %%
predict("calls.frames", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:  # deadlines are lesson 16's
    print(await client.echo("hello"))

HEADERS, DATA = 1, 0


def frames(stream, number=-1):
    """The frames of one call that carry something of it, on the newest connection unless told otherwise."""
    talk = show.conversation(server, number)
    return [unit for unit in talk if unit.lane == stream and unit.data[3] in (HEADERS, DATA)]


# %%
reveal("calls.frames")

# %%
for unit in frames(1):
    print("client" if unit.side is Side.CLIENT else "server", "says", unit.title)

# %% [markdown]
# Each side begins with headers. Then come the messages, in DATA. The server ends with headers once more, which are called
# **trailers** since they come last, and they say how it went: the **status**. 0 is `OK`, all others are lesson 16.
#
# These are the three blocks of headers (`user-agent` left out, which tells the client's version):

# %%
for unit in frames(1):
    if unit.data[3] == HEADERS:
        print("client" if unit.side is Side.CLIENT else "server")
        for field in unit.field.children:
            if field.start >= 9 and field.name != "user-agent":
                print(f"    {field.name}: {field.value}")

# %% [markdown]
# So a call is an HTTP request: always a `POST`, and its path is the service and the method of the contract. `:status: 200`
# only says that HTTP did its part. Whether the call went well is said in the trailers. Why so late? Because with a stream of
# answers nobody knows before the last one.
#
# `te: trailers` is the client's word that trailers will reach it. Proxies are known to drop them.
#
# ## The message in the DATA
#
# HTTP/2 sees a row of bytes there. It does not know where a message begins. So gRPC puts five bytes before each one:

# %%
request = frames(1)[1]
message = request.field.find("length-prefixed message")

show.explain(message, request.data)

# %% [markdown]
# - One byte says whether the message is compressed: 0 for no, 1 for yes.
# - Four bytes are its length, the one that weighs most first. (In protobuf, the least comes first. Two formats, two
#   orders: this is the rule rather than the exception.)
# - Then comes the message, as in lesson 13.
#
# It is this length that says where a message ends, and **not** the end of a DATA frame. A frame may carry three messages,
# or a third of one: whoever sends may cut as it likes.
#
# ### Predict
#
# We call `Echo` with an empty text. In proto3 a default is not sent, so there is no field at all. How many bytes stand in
# the DATA frame, after its head?

# %%
predict("calls.empty", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    print(repr(await client.echo("")))

# %%
reveal("calls.empty")

# %%
empty = frames(1)[1]

print("the frame's head:  ", empty.data[:9].hex(" "))
print("what it carries:   ", empty.data[9:].hex(" "))

# %% [markdown]
# A message of no bytes is still a message, and its five bytes go over the wire. Without them, the call would have none at
# all, and a unary call without a message is an error.
#
# ## Server streaming: one and many
#
# `Count` sends the numbers from 1 on, each as a message of its own.
#
# ### Predict
#
# We ask for three numbers. How many HEADERS frames does the server send?

# %%
predict("calls.heads", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look
#
# From here on we look at messages rather than at frames. `tell` goes through what was said on a stream and names what it
# finds: headers, messages, and the flag END_STREAM, by which a side says that it has finished.


# %%
def tell(stream, number=-1):
    """What was said on one stream, in order."""
    for unit in frames(stream, number):
        margin = "" if unit.side is Side.CLIENT else " " * 32
        if unit.data[3] == HEADERS:
            status = [field for field in unit.field.children if field.name == "grpc-status"]
            path = [field for field in unit.field.children if field.name == ":path"]
            more = path[0].value.rpartition("/")[2] if path else f"status {status[0].value}" if status else ""
            print(f"{margin}HEADERS {more}".rstrip())
        for field in unit.field.children:
            if field.name == "length-prefixed message":
                said = field.children[2:]  # after the flag and the length; nothing, where the message is empty
                text = ", ".join(f"{each.name}: {each.value}" for each in said[0].children) if said else ""
                print(f"{margin}message {{{text}}}")
        if unit.data[4] & 1:
            print(f"{margin}END_STREAM")


async with grpc.LessonsClient(server.url, timeout=None) as client:
    print([number async for number in client.count(3)])

# %%
reveal("calls.heads")

# %%
tell(1)

# %% [markdown]
# On the left is what the client said, on the right the server. However many messages there are, a response has one
# block of headers before them and one after: the trailers. The client can use each number as soon as it is there, and if
# it has heard enough, it can break off.
#
# ## Client streaming: many and one
#
# `Sum` adds up what it gets. How does the server know that the last number has come? Not from a number of messages, nobody
# announced one. Look at the left side:

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    total = await client.sum([1, 2, 3])
    print("the sum of", total.count, "numbers is", total.sum)

tell(1)

# %% [markdown]
# The client says END_STREAM: **I have said all, and I am still listening**. This is called a **half-close**, because one of two
# directions is closed. In the unary call the flag stood on the DATA frame with the one message. Here the client did not know
# that 3 was the last one when it sent it. So the flag comes afterwards, if need be on a DATA frame that has nothing else in
# it. There is one in this recording of such a call, which shows every frame:

# %%
four_calls = scenes.recording("grpc/four-calls")
stream = next(unit.lane for unit in show.conversation(four_calls) if "Calls/Sum" in unit.title)

show.ladder(four_calls, lane=stream)

# %% [markdown]
# ## Bidirectional: many and many
#
# `Double` answers each number with twice that number, and does not wait for the last one. This time we hold the call in our
# own hands: say a number, hear the answer, say the next.

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    call = client.calls.Double()
    for value in (1, 10, 100):
        await call.write(lessons.Number(value=value))
        answer = await call.read()
        print(f"twice {value} is {answer.value}")
    await call.done_writing()
    await call.code()  # the status, once all is said

tell(1)

# %% [markdown]
# It looks like a WebSocket: each side speaks when it likes. That they take turns is our program's doing. A chat would not,
# and the contract of this server has one (`Chat`). Two things are better than in a WebSocket, though: each message has a type
# that the contract knows, and each direction has an end of its own.
#
# Here are all four once more, in a recording of one connection. Click through it, or use the arrow keys. (The frames without
# a stream concern the connection as a whole.)

# %%
show.explore(four_calls)

# %% [markdown]
# ## Many calls on one connection
#
# A call is a stream, and a connection has room for many. So a client needs no second connection to ask something while a
# first call goes on.
#
# ### Predict
#
# On one connection a client begins with `Double`, and leaves it open. Meanwhile it calls `Echo` twice, one after the other. Then
# it goes on with `Double` and ends it, and at last it calls `Count`. How many streams are open at once, at most?

# %%
predict("calls.open", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    call = client.calls.Double()
    await call.write(lessons.Number(value=21))
    await call.read()
    await client.echo("are you there?")
    await client.echo("still there?")
    await call.write(lessons.Number(value=4))
    await call.read()
    await call.done_writing()
    await call.code()
    print([number async for number in client.count(1)])

# %%
reveal("calls.open")

# %%
for unit in show.conversation(server):
    if unit.lane and unit.data[3] in (HEADERS, DATA):
        end = "END_STREAM" if unit.data[4] & 1 else ""
        path = [field.value.rpartition("/")[2] for field in unit.field.children if field.name == ":path"]
        what = "HEADERS" if unit.data[3] == HEADERS else "DATA"
        print(f"stream {unit.lane}  {unit.side!s:6}  {what:8} {' '.join(path):7}{end}".rstrip())

# %% [markdown]
# Four calls, four numbers, each odd, and none used twice, as in lesson 14. Between the two halves of stream 1 stand two whole
# calls. Each frame says to which stream it belongs, so nothing is mixed up; and a call need not wait until another one has
# ended, as in HTTP/1.1 it must.
#
# ## Metadata
#
# Besides its message a call can carry **metadata**: names and values, as in the headers of HTTP. That is what they
# become. Who calls, on whose behalf, under which number in the logs: what concerns every call goes there, and not into
# each message. A value must be text, unless the name ends with `-bin`:

# %%
async with grpc.LessonsClient(server.url, timeout=None) as client:
    await client.echo("first")  # so that both sides have told each other what they can do
    await client.echo("hello", metadata=[("x-team", "analytical engine"), ("x-trace-bin", bytes([0, 255, 128]))])

for field in frames(3)[0].field.children:
    if field.name.startswith("x-"):
        print(f"{field.name}: {field.value!r}\n    {field.note}")

# %% [markdown]
# HTTP would not let any byte through, so a `-bin` value is base64, and a library does this without being asked. Unless both
# sides have said in their SETTINGS that they take true bytes; then a zero byte comes first, as a sign, and the bytes follow as
# they are. Names that begin with `grpc-` belong to gRPC itself.
#
# ## The same user, twice
#
# What is all this worth? We create a user, and ask for her twice. Then we write the same question and the same answer as
# JSON over HTTP/1.1, as short as they may be:

# %%
async with grpc.UserServiceClient(server.url, timeout=None) as people:
    ada = await people.create("Ada Lovelace", "ada@example.org", 36, ["admin", "author"])
    await people.get(ada.id)
    await people.get(ada.id)

body = json.dumps(
    {"id": ada.id, "name": ada.name, "email": ada.email, "age": ada.age, "roles": list(ada.roles)},
    separators=(",", ":"),
).encode()
question = f"GET /users/{ada.id} HTTP/1.1\r\nHost: lab.local\r\nAccept: application/json\r\n\r\n".encode()
answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def sizes(stream):
    """Bytes of the client's frames and of the server's."""
    found = frames(stream)
    return [sum(len(unit.data) for unit in found if unit.side is side) for side in Side]


print(f"{'':28}question  answer")
print(f"{'the message alone, protobuf':28}{users.GetUserRequest(id=ada.id).ByteSize():8}{ada.ByteSize():8}")
print(f"{'the message alone, JSON':28}{0:8}{len(body):8}")
print(f"{'JSON over HTTP/1.1':28}{len(question):8}{len(answer):8}")
for stream, when in ((3, "for the first"), (5, "a second")):
    asked, answered = sizes(stream)
    print(f"{f'gRPC, {when} time':28}{asked:8}{answered:8}")

# %% [markdown]
# The message is smaller, since no names are in it. The rest of gRPC is not small by itself: frames, five bytes, trailers.
# What saves most is that both sides remember headers (lesson 14): the first of these questions spells the path of its method,
# the second only refers to it. And the very first call on a connection, here the one that created her, spells everything.
# Ask once and hang up, and gRPC costs more; ask a thousand times, and it costs less.
#
# ## A list, page by page
#
# A list can be as long as a life. Nobody wants all of it at once, so calls that give lists give **pages**. With a page comes
# a **token**, and who sends it back gets the next page.

# %%
async with grpc.UserServiceClient(server.url, timeout=None) as people:
    for name in ("Grace", "Katherine", "Dorothy", "Mary"):
        await people.create(name, f"{name.lower()}@example.org")

    token, page = "", 0
    while page == 0 or token:
        found, token = await people.list(page_size=2, page_token=token)
        page += 1
        print(f"page {page}: {', '.join(user.name for user in found):22} next: {token or 'none'}")

# %% [markdown]
# `ListUsers` is server streaming, and each message is one user: in a `User` there is no room for a token. So this server says
# it in the trailers, as metadata of the call as a whole. Here is the end of the first page:

# %%
first_page = next(unit.lane for unit in show.conversation(server) if "ListUsers" in unit.title)

for field in frames(first_page)[-1].field.children:
    if field.start >= 9:
        print(f"{field.name}: {field.value}")

# %% [markdown]
# The token is **opaque**: it is the server's own note to itself, and a client must not look into it. A page number would
# be simpler, and wrong. While you read page 1, somebody deletes a user; everybody moves up, and the first one of page 2 is now on
# page 1, which you have left. A token that says "after this one" has no such gap.
#
# ## Change one field
#
# `UpdateUser` replaces a user as a whole. A field that the client does not send is emptied, and a client that is older than a
# field empties it without knowing. The better way is to say **what** is to change. `UpdatePerson` takes a user, and a **field
# mask**, a list of names:

# %%
begin = contract.index("message UpdatePersonRequest {")
print(contract[begin : contract.index("}", begin) + 1])

# %% [markdown]
# ### Predict
#
# Ada is 36. The client sends a user with the name `Ada King` and no age, and the mask `["name", "age"]`. What is her age
# afterwards?

# %%
predict("calls.mask", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with grpc.LessonsClient(server.url, timeout=None) as directory:
    changed = (await directory.update(users.User(id=ada.id, name="Ada King"), mask=["name", "age"])).user

# %%
reveal("calls.mask")

# %%
for field in ("name", "email", "age", "roles"):
    before, after = getattr(ada, field), getattr(changed, field)
    print(f"{field:6} {before!s:22} {'stays' if before == after else f'becomes {after!r}'}")

# %% [markdown]
# And this is what the client had sent, read from the wire by the class that is made from the contract:

# %%
print(lessons.UpdatePersonRequest.FromString(frames(1)[1].data[9 + 5 :]))

# %% [markdown]
# The mask decides, and nothing else. What it names becomes what the message says, and a field that is not in the message has its
# default. What it does not name stays, even if the message has it. So a mask can do what proto3 alone cannot: tell "leave it
# alone" from "empty it".
#
# (The third field, `etag`, stands for the state in which the client has seen the user. If somebody has changed her since, the
# server refuses the change, and nobody's work is lost.)
#
# ## Exercises
#
# ### 1. Take it apart
#
# `data` is what a side said on one stream: the contents of its DATA frames, joined. Write the function that gives the list of
# its messages, as bytes, without what stands before each.


# %%
def split(data):
    """The messages in a row of bytes."""
    return ...


check("calls.split", split)

# %% [markdown]
# ### 2. Which shape?
#
# A server was called, and somebody has blackened the name of the method:
#
#     HEADERS ████████
#     message {value: 3}
#                                     HEADERS
#                                     message {value: 6}
#     message {value: 4}
#     END_STREAM
#                                     message {value: 8}
#                                     HEADERS status 0
#                                     END_STREAM
#
# Which of the four shapes has it?

# %%
check("calls.shape", ...)  # "unary", "server streaming", "client streaming" or "bidirectional"

# %% [markdown]
# ### 3. A talk of three
#
# Make the call `Double` yourself: three numbers, an answer to each, and a proper end of your side. The status must be OK. All
# that you need stands in the section about bidirectional calls.

# %%
client = grpc.LessonsClient(server.url, timeout=None)

...  # call = client.calls.Double(), and so on

await client.close()
check("calls.three")

# %% [markdown]
# ### 4. Nobody's roles
#
# Ada shall have no roles any more, and nothing else of her shall change. One call of `directory.update` is enough.

# %%
directory = grpc.LessonsClient(server.url, timeout=None)

...  # await directory.update(users.User(id=ada.id, ...), mask=[...])

await directory.close()
check("calls.roles")

# %% [markdown]
# ## In short
#
# - A contract says what can be called. Where the word `stream` stands makes one of four shapes.
# - A call is one HTTP/2 stream: headers, messages, and at the end trailers with the status.
# - Five bytes stand before each message: a flag and a length. DATA frames may be cut anywhere.
# - END_STREAM is a half-close: I have said all, and I still listen.
# - Lists come in pages with opaque tokens; changes name their fields in a mask.
#
# **Next:** [16 When calls fail](16_when_calls_fail.ipynb). So far, the status was always OK.
