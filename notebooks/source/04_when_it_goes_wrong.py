# %% [markdown]
# # When it goes wrong
#
# After this lesson you can
#
# - build a frame that breaks a rule of your choice, and say what a peer must answer;
# - read a finding: which rule, at which byte, whose fault, and how to mend it;
# - say what becomes of a frame when one bit of it is wrong;
# - find the fault of somebody else's client in what it said, and mend it.

# %%
from protolab import lab, show, websocket
from protolab.fields import Side
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
echo = lab.start(websocket.EchoServer())

# %% [markdown]
# ## From lessons 02 and 03, by heart
#
# Which opcode has the second piece of a message? And which code is a program told when its connection was just cut?

# %%
check("broken.piece", ...)  # a number, in place of the dots

# %%
check("broken.cut", ...)  # a number

# %% [markdown]
# ## A frame, part by part
#
# Libraries do not let you say something wrong. So we build frames ourselves: `websocket.Frame` takes every part of a frame,
# with what is usual where you say nothing, and `encode` makes its bytes.

# %%
KEY = bytes.fromhex("21 fa 3d 37")  # any four bytes will do

hello = websocket.Frame(1, b"Hello", key=KEY)

print(hello)
print(hello.encode().hex(" "))

# %% [markdown]
# `_replace` makes a copy with one part changed. Here the opcode: 3 is one of those that the RFC reserves for later.

# %%
odd = hello._replace(opcode=3)

print(odd.encode().hex(" "))

# %% [markdown]
# And `say` brings bytes to the server as they are, on a connection of their own.

# %%
from contextlib import suppress


async def say(data):
    """Say bytes as they are, and hear the answer, or a second of silence. Gives back the conversation."""
    async with websocket.raw_connect(echo.url) as peer:
        await peer.send(data)
        with suppress(TimeoutError):
            while (answer := await peer.receive(patience=1)) and answer.opcode == 8:
                pass  # a Close: then the server also hangs up first
    return show.conversation(echo)


await say(hello.encode())

# %% [markdown]
# ### Predict
#
# Now the odd one. With which code does the server end it? These are most of those that there are:
#
# | code | what it means |
# |---|---|
# | 1000 | normal: all was said |
# | 1002 | protocol error: this is against the rules |
# | 1003 | unsupported data: I take messages, but not of this type |
# | 1007 | invalid payload: what is in the message is not what it claims to be |
# | 1009 | too big: I take such messages, but not of this length |
# | 1011 | internal error: it is my fault |

# %%
predict("broken.opcode", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
talk = await say(odd.encode())

# %%
reveal("broken.opcode")

# %%
display(talk, talk[2])

# %% [markdown]
# Below the table, after a `!`, stands a **finding**: the decoder has judged these bytes by the RFC, and says which rule they
# break, at which byte (the carets), where that is written, what a peer answers, and how to mend it. The server on the
# other end is another program, by other people. They agree:

# %%
found = talk[2].findings[0]

print("the finding:", found.rule.id, "at byte", found.start, "by the", found.side)
print("what a peer owes:", found.rule.reaction, "  what this one said:", talk[3].title)

# %% [markdown]
# A server stops at the first fault, and names it if you are lucky. Whoever has to mend the client wants to know all of
# them. So the decoder reads on:

# %%
mess = websocket.Frame(0xB, b"Hi", fin=False, rsv2=True, form=16)  # and no key at all

talk = await say(mess.encode())
print(talk[3].title)
talk[2]

# %% [markdown]
# ## The trap of UTF-8
#
# A text message has to be UTF-8. In UTF-8 the letters of English take a byte each, so a program that uses another table
# works for months, until somebody has an accent in their name. Here is a café in Latin-1, where é is the byte `e9`:

# %%
cafe = hello._replace(payload="café".encode("latin-1"))

talk = await say(cafe.encode())
print(talk[3].title)
talk[2]

# %% [markdown]
# The frame is in order; what it carries is not, so the code is another one. Mind where the caret stands: under the byte as
# it was on the wire, masked. (The line with `=` has it unmasked.)
#
# In UTF-8 é has two bytes, `c3 a9`. And a message may come in pieces, which are cut wherever the sender likes.
#
# ### Predict
#
# Here the cut goes right through the é: the first piece ends with `c3`, the second begins with `a9`. Neither piece is
# UTF-8. What does the server say: a close code, or an "echo"?

# %%
predict("broken.split", ...)  # a number, or "echo" in quotes

# %% [markdown]
# ### Look

# %%
first = hello._replace(payload=b"caf\xc3", fin=False)
second = hello._replace(payload=b"\xa9", opcode=0)

talk = await say(first.encode() + second.encode())

# %%
reveal("broken.split")

# %%
talk

# %% [markdown]
# The rule is about messages, and the message is fine. A receiver that decodes each frame for itself fails here, and only
# for some users, on some days. It has to keep the half letter until the rest comes.
#
# ## A length that lies
#
# ### Predict
#
# This frame promises more than it brings: it says that a hundred bytes follow, and then come the five of `Hello`. What
# does the server say to that: a close code, or "nothing"?

# %%
predict("broken.longer", ...)  # a number, or "nothing" in quotes

# %% [markdown]
# ### Look

# %%
talk = await say(hello._replace(length=100).encode())

# %%
reveal("broken.longer")

# %%
talk

# %% [markdown]
# For a second no rule was broken: there was only a frame that did not end, which `~` marks. Then we hung up, and that
# left it cut off. Whatever we had said next would have gone in as payload, a goodbye too. Of all mistakes this is the
# worst to find, since nobody complains: both sides wait for each other.
#
# ## One bit
#
# Wires do not flip bits (TCP would notice), but programs do. Here is each bit of the first two bytes of `hello`, flipped,
# one at a time, and what becomes of the frame:

# %%
parts = ["FIN", "RSV1", "RSV2", "RSV3", *["opcode"] * 4, "MASK", *["length"] * 7]

for bit, part in enumerate(parts):
    data = bytearray(hello.encode())
    data[bit // 8] ^= 0b1000_0000 >> bit % 8
    talk = await say(bytes(data))
    answers = [unit.title for unit in talk[2:] if unit.side is Side.SERVER]
    print(f"{data[0]:08b} {data[1]:08b}  {part:6}  {talk[2].title:30}", *answers or ["(nothing)"])

# %% [markdown]
# The reserved bits, MASK and most of the opcode are guarded: a flip there is found at once. But one makes another legal
# opcode, which nobody can notice, and without FIN the server waits for the rest of a message. The length is not guarded
# at all: too long, and the server waits; too short, and what is left of the payload is taken for the next frame, which
# begins with a masked letter.
#
# ## The whole catalogue
#
# The decoder knows many rules. Does a server react to each as the decoder says? `judge_server` tries it: it breaks them
# one after another, each on a connection of its own.

# %%
judged = lab.start(websocket.EchoServer(compression="deflate"), name="judged")  # some rules are about compression

verdicts = await websocket.judge_server(judged.url)

print(len(verdicts), "violations,", sum(verdict.agrees for verdict in verdicts), "answered as the finding says")

# %% [markdown]
# First those that are made before there is a WebSocket. They are answered in HTTP, since that is what is spoken still:

# %%
chosen = {}
for verdict in verdicts:
    chosen.setdefault(verdict.rule.id, verdict)  # one for each rule

for id, verdict in chosen.items():
    if "HTTP" in verdict.expected:
        print(f"{id:24}{verdict.name:34}{verdict.got}")

# %% [markdown]
# Each was a conversation of its own, and the tap has them all. This is the first:

# %%
refused = show.conversation(judged, 0)

print(refused[0].title, "→", refused[1].title)
print(refused[0].findings[0])

# %% [markdown]
# ### Predict
#
# And then there are the frames. With how many different close codes did the server answer all of those?

# %%
predict("broken.codes", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reveal("broken.codes")

# %%
for id, verdict in chosen.items():
    if "HTTP" not in verdict.expected and verdict.rule.clause.startswith("RFC 6455"):
        print(f"{id:24}{verdict.name:34}{verdict.expected:14}{verdict.got}")

# %% [markdown]
# Where the RFC leaves a choice, the finding names both. `websocket.RULES` has all of them; each says its clause and its
# mend: `websocket.RULES["text-utf8"]`. Try it on a server of your own: `await websocket.judge_server("ws://...")`.
#
# ## Said too late
#
# One kind of bytes is wrong and gets no answer at all: what comes after Close. Here is a goodbye with a `Hello` after it.

# %%
goodbye = websocket.Frame(8, b"\x03\xe8", key=KEY)

talk = await say(goodbye.encode() + hello.encode())
display(talk, talk[3])

# %% [markdown]
# The server may throw them away unread, and does; the decoder calls that a **discard**. The client that said them
# believes that they were sent. (So does a user who presses Enter just as the laptop goes to sleep.)
#
# ## Exercises
#
# ### 1. Too big, and yet so small
#
# Make the server say that something is too big, with at most twenty bytes. (It takes messages of a megabyte.)

# %%
big = ...  # a websocket.Frame with KEY as its key

if isinstance(big, websocket.Frame):
    display(await say(big.encode()))
check("broken.big", big)

# %% [markdown]
# ### 2. A stranger's client
#
# A chat has trouble with one client: it talks for hours, but when it leaves, the server does not take it well.
# Here it is, live; the folded cell plays it from its bytes.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
cafe = lab.start(websocket.EchoServer(), name="cafe")

RECORDED = """
018d5eedc0de0a85a5fe2a9fa1b730cdb4b17e8980a1b2c3d400800f1e2d3c808d776655443ca5e32819463c37570a3430128a8c
13579bdf7d38f9b0772ebbbe603cfebb82802468ace08182deadbeefa5d088fdc0ffee11c317b974e0978f67a5df9a7ee09c827e
b39ace65a89ace72a1992db8e0918166eedfba79a1918531b9909b31a6909c31b9909b63e0898762a98bcf319490837eb28d8166
e0888b31af8f8b7fe09e9a31f9d3ce66a98b8631a68d8b62a8df8d7ea6998b74e09e8075e09ece66a18d8331b2909dd269df9d7e
b599887d03
"""

async with websocket.raw_connect(cafe.url) as peer:
    await peer.send(bytes.fromhex(RECORDED))
    print("The server closes with", (await peer.ending()).code)
    await peer.receive()

# %% [markdown]
# These are its frames, unmasked, and nobody has judged them yet. Some look odd, but only one breaks a rule. Which rule?
# (Answer with its id; the catalogue above has it.)

# %%
stranger = show.conversation(cafe)

for unit in stranger[2:]:
    if unit.side is Side.CLIENT:
        frame = websocket.Frame.decode(unit.data)
        print(f"unit {unit.place.number:2}  FIN {frame.fin:d}  opcode {frame.opcode:X}  {frame.payload}")

# %%
check("broken.rule", ...)  # its id, in quotes

# %% [markdown]
# ### 3. The byte
#
# At which byte of that frame does what is wrong begin? Count from the frame's first byte, which is byte 0; header and key
# count.

# %%
check("broken.byte", ...)  # a number, in place of the dots

# %% [markdown]
# Now let the decoder judge: `stranger` shows the ladder, and `stranger[...]` with the number of the unit its findings.
#
# ### 4. Mend it
#
# A control frame carries at most 125 bytes, and the code takes two of them. Write the function that the stranger lacks:
# from a text, the bytes of the reason, as much of it as fits, and never half a letter.


# %%
def reason(text):
    return ...


check("broken.reason", reason)

# %% [markdown]
# The stranger's mistake is a real one: libraries that are used everywhere have made it, and it was found when somebody's
# error message was long, and not in English.
#
# ## In short
#
# - A finding says which rule, at which byte, whose fault, what a peer owes for it, and how to mend it.
# - A broken frame ends with 1002, text that is no UTF-8 with 1007. Before the upgrade a status of HTTP says it.
# - UTF-8 is a matter of the message, not of the frame: a letter may be cut in two.
# - A length that is too large breaks no rule for as long as both sides wait.
#
# **Next:** [05 Compression](05_compression.ipynb). The same messages in fewer bytes, and new ways to go wrong.
