# %% [markdown]
# # HTTP, and the way out of it
#
# After this lesson you can
#
# - read bytes as numbers, as hex and as text;
# - read an HTTP request and its response line by line;
# - compute the value by which a server proves that it understood;
# - say what makes a server refuse, and read its refusal.

# %%
import base64
import hashlib

from protolab import lab, show, websocket
from protolab.lesson import check, hint, predict, reveal, solution

lab.repeatable()
echo = lab.start(websocket.EchoServer())

# %% [markdown]
# ## From lesson 00, by heart
#
# Whose words does an arrow carry that points to the right? And in which protocol do the two speak first?

# %%
check("upgrade.rightwards", ...)  # "client" or "server", in place of the dots

# %%
check("upgrade.opener", ...)  # its name, in quotes

# %% [markdown]
# ## Bytes
#
# A client connects, and leaves without a word. Even so there is a conversation:

# %%
async with websocket.connect(echo.url):
    pass

talk = show.conversation(echo)
talk

# %% [markdown]
# What goes through a wire is a row of **bytes**, and a byte is a number from 0 to 255. Here are the first ones that the
# client said, as Python shows bytes, as numbers, and in hex:

# %%
request = talk[0].data
start = request[: request.index(b"\n") + 1]

print(start)
print(*start)
print(start.hex(" "))

# %% [markdown]
# It is the same thing three times. **Hex** writes each byte as two digits from `0` to `f`, so bytes stay aligned; that is
# why every tool that shows bytes uses it. The **text** comes from a table called ASCII, which gives letters, digits and
# signs a number each: look up the first byte, and you find the first letter.

# %%
for byte in start[:3]:
    print(f"{byte}   hex {byte:02x}   {chr(byte)}")

# %% [markdown]
# At the end stand two bytes that are no letters. Their names go back to typewriters: **CR** (carriage return, `\r` in
# Python) and **LF** (line feed, `\n`). Together they end a line in HTTP. On a screen you never see them.
#
# ### Predict
#
# Here is the whole request, as a screen shows it:

# %%
print(request.decode())

# %% [markdown]
# How often does CR LF occur in it? Mind what you do not see.

# %%
predict("upgrade.ends", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
reveal("upgrade.ends")

# %%
for line in request.splitlines(keepends=True):
    print(line)

# %% [markdown]
# Each line ends with it, and so does an empty line, which you do not see. It says: here the head ends.
#
# ## The request
#
# Now with everything explained. Take your time with this one: a client's first words are nearly always these.

# %%
talk[0]

# %% [markdown]
# The first line says what is wanted: the method `GET`, a path, and the version of HTTP. Then come **headers**, each a name
# and a value. To a server that knows only HTTP this is an ordinary request for a page. These headers make it more:
#
# - `Upgrade` and `Connection` say together: on this connection, I would rather speak WebSocket from here on.
# - `Sec-WebSocket-Version` says which WebSocket.
# - `Sec-WebSocket-Key` is a nonce, random bytes that are used once. It is no password and protects no secret. It is a
#   question, and the server has to answer it.
#
# `Host` names the server that is wanted. It says `lab.local` because `lab.repeatable()` is on: a real port would differ
# at each run.
#
# ## The proof
#
# The answer to the key is computed in three steps, which you can follow in Python. First, join the key and a text that
# stands in RFC 6455 and is the same for everybody:

# %%
key = talk[0].field.find("Sec-WebSocket-Key").value
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3

joined = (key + GUID).encode("ascii")
joined

# %% [markdown]
# Second, SHA-1 makes a short fingerprint of it, always of the same size. Third, base64 writes those bytes in letters that
# are allowed in a header:

# %%
digest = hashlib.sha1(joined).digest()
mine = base64.b64encode(digest).decode()

print(len(joined), "bytes become", len(digest), "bytes:", digest.hex(" "))
print("base64:", mine)
print("the server said the same:", mine == talk[1].field.find("Sec-WebSocket-Accept").value)

# %% [markdown]
# ## The response
#
# Here is what the server said, with the same three steps below its `Sec-WebSocket-Accept`, made from the recorded bytes:

# %%
talk[1]

# %% [markdown]
# The status 101 means: I switch. After the blank line no more HTTP is spoken on this connection; the next byte belongs to
# a WebSocket frame. With any other status it stays HTTP, and if `Sec-WebSocket-Accept` is wrong, the client must hang up.
#
# ## What makes a server refuse
#
# Let us leave the library out, and say things to the server that no library would. `ask` opens a plain TCP connection,
# sends a text as it is, and gives back what it hears until the server hangs up or agrees:

# %%
import asyncio
from urllib.parse import urlsplit


async def ask(text):
    where = urlsplit(echo.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(text.encode())
    answer = ""
    async for line in reader:
        answer += line.decode()
        if line == b"\r\n" and " 101 " in answer:
            break
    writer.close()
    return answer


good = request.decode()
print(await ask(good))

# %% [markdown]
# The recorded request works a second time, and gets the same answer: the same key, the same proof. Now one that asks for
# another version of WebSocket:

# %%
print(await ask(good.replace("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12")))

# %% [markdown]
# The server refuses, says why, and names the version that it does speak. A client could try again with that one.
#
# ### Predict
#
# What if the key is missing? There are three-digit numbers for what a server has to say: 200 is "here you are", 404
# "there is no such page", 101 you have met. Those from 400 to 499 mean that the client did something wrong. Which one
# does the server answer here?

# %%
predict("upgrade.refusal", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
keyless = "".join(line for line in good.splitlines(keepends=True) if "Key" not in line)

answer = await ask(keyless)

# %%
reveal("upgrade.refusal")

# %%
print(answer)

# %% [markdown]
# Without a key there is nothing that the server could prove: the request is malformed.
#
# And this is all that was said so far. An exclamation mark stands where a rule was broken. The decoder knows which:

# %%
display(echo.capture)
for connection in echo.capture:
    for unit, finding in show.conversation(connection).findings:
        print(f"connection {connection.number}, unit {unit.place.number}: {finding.message} ({finding.rule.clause})")

# %% [markdown]
# ## Your own browser
#
# The browser that shows you this page speaks WebSocket too. Connect it to the same server, say something, and look at its
# request: it has more lines than ours, and by now you can read them. (It needs a running kernel.)

# %%
show.browser_client(echo)

# %% [markdown]
# ## Why this dance?
#
# A WebSocket could have had a port and a greeting of its own. It starts as HTTP so that it can go where HTTP goes:
# through the same port, the same proxies, the same encryption, to a server that serves pages as well.
#
# That has a danger. A web server, or a cache on the way, that has never heard of WebSocket may answer *something*, and
# each side might take the other's bytes for what they are not. So the client asks a question that only WebSocket
# answers: a cache cannot know the reply to a fresh key, and a server that merely repeats what it hears gives
# the wrong one. The proof shows that the other side **understood**. It does not show **who** it is: anybody can compute
# it. You just did.
#
# ## Exercises
#
# ### 1. Where the head ends
#
# A head ends with a blank line. At which byte of the request (its offset, counted from 0) does that blank line begin?
# The table above has it; Python can find it too.

# %%
check("upgrade.blank", ...)  # a number, in place of the dots

# %% [markdown]
# ### 2. The proof as a function
#
# Write the three steps as one function, from a text to a text.


# %%
def my_accept(key):
    return ...


check("upgrade.accept", my_accept)

# %% [markdown]
# ### 3. Mend a request
#
# This request is refused. Find out why, mend it, and get a 101.

# %%
BROKEN = """\
GET / HTTP/1.1
Host: lab.local
Upgrade: websocket
Connection: keep-alive
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 31

""".replace("\n", "\r\n")

print(await ask(BROKEN))

# %%
mended = BROKEN  # for instance with .replace("this", "by that"), as often as it takes

await ask(mended)
check("upgrade.mend", mended)

# %% [markdown]
# ## In short
#
# - A byte is a number from 0 to 255; hex and text are two ways to write it.
# - HTTP is lines that end with CR LF, and an empty line ends the head.
# - `Upgrade` and `Connection` ask for WebSocket. Status 101 agrees, and the next byte is spoken in it.
# - `Sec-WebSocket-Accept` is made from the key: it proves that the server understood, and not who it is.
#
# **Next:** [02 WebSocket frames](02_websocket_frames.ipynb). Both sides have stopped speaking HTTP. What comes now is made
# of bits.
