# %% [markdown]
# # Protobuf by hand
#
# After this lesson you can
#
# - read a protobuf message from its bytes: tags, varints, lengths;
# - write a decoder for any message, and build a message that a real server takes;
# - say what the bytes do not tell, and why a schema is needed for it;
# - say what is cheap and what is dear: negative numbers, lists, defaults;
# - say why old and new programs understand each other.

# %%
import json

from google.protobuf.json_format import MessageToDict

from protolab import grpc, lab, show
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution
from protolab.protocols.grpc import lessons, users
from protolab.wire.protobuf_tree import read
from protolab.wire.protobuf_typed import read_typed

# %% [markdown]
# ## From lesson 02, by heart
#
# A WebSocket frame says whether it carries a text. What is the opcode of a text? And when a length takes several bytes
# there, which of them comes first: the one that weighs most, or the one that weighs least?

# %%
check("protobuf.opcode", ...)  # a number

# %%
check("protobuf.order", ...)  # "most" or "least"

# %% [markdown]
# ## A user on the wire
#
# **gRPC** is a way to call functions of a program on another machine. What goes there and back are **messages** in a
# format of their own, **Protocol Buffers**, or protobuf. Let us create a user on a gRPC server:

# %%
lab.repeatable()
server = lab.start(grpc.UserServer())

async with grpc.UserServiceClient(server.url) as client:
    ada = await client.create("Ada Lovelace", "ada@example.org", 36, ["admin", "author"])


def messages(side, number=-1):
    """The messages that a side sent on a connection, as bytes."""
    units = show.conversation(server, number)
    frames = [unit.data for unit in units if unit.side is side and unit.kind == "frame"]
    return [frame[14:] for frame in frames if frame[3] == 0]  # frames of type 0 carry data


answer = messages(Side.SERVER)[0]

MessageToDict(ada)

# %% [markdown]
# (How a message travels is the matter of the next lessons. `messages` looks for frames that carry data, and leaves out what
# stands before the message in each.)
#
# ### Predict
#
# This is what the server answered: a user with an id, a name, an e-mail address, an age and two roles. How often does the
# word `email` stand in the bytes of the message?

# %%
predict("protobuf.names", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reveal("protobuf.names")

# %%
as_json = json.dumps(MessageToDict(ada), separators=(",", ":")).encode()

for what, data in {"protobuf": answer, "the same as JSON": as_json}.items():
    print(f"{what}, {len(data)} bytes:\n{data}\n")

# %% [markdown]
# No name of any field is in it. Nor are quotes, colons or braces. In their place stand single bytes such as `\n`,
# `\x12` and `\x1a`, which are numbers, not text. What they mean stands in a file that both programs have had since they were
# written, the **schema**:

# %%
schema = grpc.proto("user_service.proto")
begin = schema.index("message User {")
print(schema[begin : schema.index("}", begin) + 1])

# %% [markdown]
# Each field has a type, a name, and a number. Only the **number** goes over the wire. Here is the message beside the lines
# of its schema:

# %%
for field in read_typed(answer, grpc.schema(), "user_service.User").field.children:
    data = answer[field.start : field.end].hex(" ")
    print(f"{field.note:28}{data[:53]}{'...' if len(data) > 53 else ''}")

# %% [markdown]
# A message is nothing but such **records**, one after another. `roles` is a list, and comes as often as it has items.
#
# ## The tag
#
# A record begins with a **tag**. It holds two things: the field's number, and the **wire type**, which says how to find the
# record's end.
#
# | wire type | name | what follows the tag |
# |---|---|---|
# | 0 | VARINT | a number, as long as it needs to be |
# | 1 | I64 | eight bytes |
# | 2 | LEN | a length, and so many bytes |
# | 5 | I32 | four bytes |
#
# (3 and 4 once began and ended a group of records. New schemas do not have them.) The wire type takes the last three bits
# of the tag, the number those before:

# %%
first = answer[0]

print(f"{first:08b}: number {first >> 3}, wire type {first & 0b111}")

# %% [markdown]
# Number 1 is `id`. And because a string can have any length, its wire type is LEN.
#
# ### Predict
#
# That was the answer. In the request, the message that the client sent, there is an age as well. There it has the number 3,
# and it is an `int32`, which is written as a VARINT. Which byte is its tag?

# %%
predict("protobuf.age", ...)  # a number, such as 0x0a

# %% [markdown]
# ### Look

# %%
reveal("protobuf.age")

# %%
request = messages(Side.CLIENT)[0]
age = read(request).field.find("field 3")

show.explain(age, request)

# %% [markdown]
# That is the record of the age, down to its bits: one byte for the tag, one for the number. Each of the two has one more
# bit in front, `continues`. It is the idea behind all of protobuf.
#
# ## Varints
#
# Most numbers are small. Why should each take four bytes, or eight? A **varint** takes as many as it needs: seven bits of
# the number in each byte, and the first bit says whether another byte follows. **The least comes first**: the first byte
# has the lowest seven bits, the second the next seven, and so on.

# %%
numbers = [1, 36, 127, 128, 150, 300, 16_384, 2_147_483_647]

for number in numbers:
    data = users.User(age=number).SerializeToString()[1:]  # without its tag
    print(f"{number:13,}  {data.hex(' '):14}  {' '.join(f'{byte:08b}' for byte in data)}")

# %% [markdown]
# Take 150. Its second byte is 1, its first begins with a 1, so there is more; without that bit it is 22. And 22 + 1 · 128
# is 150.
#
# ## Your own decoder
#
# Let us write one, from the smallest part to the whole. The first function is all there: it reads a varint, and says where
# it ends. Read it, and make sure that you can say what each line does.


# %%
def varint(data, at):
    """The varint at offset `at`: its value, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value += (byte & 0b0111_1111) << shift
        if byte < 0b1000_0000:
            return value, at
        shift += 7


varint(bytes([0b1001_0110, 0b0000_0001]), 0)

# %% [markdown]
# ### 1. A tag
#
# A tag is a varint too, since field numbers may be large. When `varint` has read it, it is one number. Take it apart: field
# number and wire type, with a comma between them.


# %%
def split(key):
    """Field number and wire type of a tag."""
    return ...


check("protobuf.split", split)

# %% [markdown]
# ### 2. A value
#
# What follows a tag depends on the wire type. Write the function that reads it: for VARINT the number, for the other three
# the bytes. (Of LEN: those after the length.) `varint` helps, twice.


# %%
def value(data, at, wire):
    """The value at offset `at` of that wire type, and where it ends."""
    return ...


check("protobuf.value", value)

# %% [markdown]
# ### 3. A message
#
# Now all of it: from the bytes of a message, a list with a pair for each record, the field's number and the value. Your
# functions from above may help; whatever way you write it, it is tried on the message that has just been on the wire.


# %%
def decode(data):
    """The records of a message: a list of pairs, field number and value."""
    return ...


check("protobuf.decode", decode)

# %% [markdown]
# With that, no protobuf is closed to you: whatever the schema, this decoder finds its records. What it cannot find follows
# now.
#
# ## What the bytes do not tell
#
# LEN holds strings, bytes, lists of numbers, and messages inside of messages. They **look alike**: a length, and bytes.
# Look at this pair. One joins a room in a chat, the other is a text with odd letters in it:

# %%
joins = lessons.ChatRequest(join=lessons.Join(room="tea"))
text = lessons.Text(text="\n\x03tea")

for message in (joins, text):
    print(message.SerializeToString())

# %% [markdown]
# They mean different things, and are the same bytes. So we send a message with one field in it, and look at it without its
# schema:

# %%
async with grpc.LessonsClient(server.url) as client:
    await client.types(lessons.AllTypes(packed=[56, 48, 56, 48]))

riddle = messages(Side.CLIENT)[0]
show.explain(read(riddle).field, riddle)

# %% [markdown]
# A decoder without a schema can only guess, and say what else it may be. This one's guess comes first, the others after
# "or". All of them fit the bytes: they are letters, they are two records (`38` is the tag of a field 7), and they are
# small numbers in a row.
#
# ### 4. Which one is it?
#
# This is the line of the schema:

# %%
print(grpc.schema().messages["protolab.lessons.AllTypes"].fields[18].declared)

# %%
check("protobuf.reading", ...)  # "text", "message", "numbers" or "bytes"

# %% [markdown]
# ## What is dear
#
# ### Predict
#
# The schema says `int32`, and the value is -1. How many bytes does it take, without the tag?

# %%
predict("protobuf.negative", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
less = lessons.AllTypes(an_int32=-1, a_sint32=-1, a_sfixed32=-1)

async with grpc.LessonsClient(server.url) as client:
    await client.types(less)

# %%
reveal("protobuf.negative")

# %%
negative = messages(Side.CLIENT)[0]

for field in read_typed(negative, grpc.schema(), "protolab.lessons.AllTypes").field.children:
    print(f"{negative[field.start : field.end].hex(' '):34} {field.note}")

# %% [markdown]
# A computer writes -1 as all ones (**two's complement**). As a varint that is a huge number, and since an `int32` may be
# read by a program that expects an `int64`, it is written as if it had 64 bits: the longest varint there is.
#
# Where numbers may be negative, one declares `sint32`. It is written in **zigzag**: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
# So small ones stay small on both sides of zero. And `sfixed32` takes four bytes, whatever the number. The bytes do not
# tell which of them it was: the schema does.
#
# A list of numbers is **packed**: one tag and one length, and then the numbers, bare. Without that each has a tag of its
# own, as strings must:

# %%
lists = {"packed": lessons.AllTypes(packed=[1, 2, 3, 4]), "not": lessons.AllTypes(unpacked=[1, 2, 3, 4])}

for how, message in lists.items():
    print(f"{how:8} {message.SerializeToString().hex(' ')}")

# %% [markdown]
# A parser must understand both, however the field is declared.
#
# ## What is not sent
#
# ### Predict
#
# A user whose name is empty, whose age is 0, and who has no roles: how many bytes is the message?

# %%
predict("protobuf.empty", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
nobody = users.User(name="", age=0, roles=[])

# %%
reveal("protobuf.empty")

# %%
print("User:          ", nobody.SerializeToString())
print("an_int32 = 0:  ", lessons.AllTypes(an_int32=0).SerializeToString())
print("maybe = 0:     ", lessons.AllTypes(maybe=0).SerializeToString())

# %% [markdown]
# In proto3, the newer kind of schema, a field with its **default** (0, an empty text, false) is not sent, and a field that
# does not come has its default. So a reader cannot tell "the age is 0" from "no age was given". Where that matters, the
# schema says `optional`, as `maybe` does: then what was set is sent, even if it is 0.
#
# ## Old and new
#
# Programs are not updated all at once. An old one gets messages with fields that it has never heard of. Here is one that
# knows only of an id. It reads the user from above, and passes on what it read:

# %%
old = users.GetUserRequest.FromString(answer)  # its schema: string id = 1; and nothing else
passed_on = old.SerializeToString()

print("it understands:", MessageToDict(old))
print("it passes on all of it:", passed_on == answer)
print("and who knows more, reads more:", MessageToDict(users.User.FromString(passed_on)))

# %% [markdown]
# **Unknown fields survive.** The wire type says where a record ends, so a parser can step over it, and keep it. That is why
# numbers are never given twice: a field that is gone leaves its number behind for ever.
#
# And if a field comes twice, **the last one wins**. So to join two messages is to change the first one by the second:

# %%
change = users.User(name="Augusta Ada King").SerializeToString()

MessageToDict(users.User.FromString(answer + change))

# %% [markdown]
# A list, though, grows: its items are added up. And of a message inside a message, the fields are merged in the same way.
#
# ## Exercises
#
# ### 5. Write a varint
#
# The other way round: from a number that is not negative, its varint as bytes.


# %%
def write_varint(number):
    return ...


check("protobuf.varint", write_varint)

# %% [markdown]
# ### 6. Speak to the server
#
# `create` calls the server's `CreateUser` with whatever bytes you give it. No library writes them or looks at them on their
# way out. This is what the server expects:

# %%
begin = schema.index("message CreateUserRequest {")
print(schema[begin : schema.index("}", begin) + 1])


async def create(message):
    """Call CreateUser with these bytes, and return what the server said."""
    async with grpc.UserServiceClient(server.url) as client:
        call = client.channel.unary_unary("/user_service.UserService/CreateUser")
        try:
            return await client.ask(call(message, timeout=5))
        except grpc.CallFailed as failed:
            return failed


# %% [markdown]
# Create a user with the name `Grace`, the e-mail address `g@navy.mil` and the age 300 (she was older than most). Write the
# message byte by byte; texts may stand as they are, `b"\x0a\x05Grace"`. The server will not believe the age, and says so. What
# counts here is that it read it.

# %%
...  # await create(b"...")

check("protobuf.build")

# %% [markdown]
# ## In short
#
# - A message is a row of records, each a tag and a value. The tag is the field's number and a wire type, in one varint.
# - A varint has seven bits a byte, the least first, and a bit that says whether more follows.
# - Names, types and defaults stand in the schema only. Without it, LEN can be many things.
# - Unknown fields survive, the last one wins, and defaults are not sent.
#
# **Next:** [14 HTTP/2: frames and headers](14_http2_frames_and_headers.ipynb). How these messages travel, many at a time, on
# one connection.
