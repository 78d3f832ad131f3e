# %% [markdown]
# # Welcome: listen to two programs talk
#
# A server and a client are about to talk on this machine, and you will see every byte that they say. Click into the cell
# below and press **Shift + Enter**.

# %%
from protolab import lab, show, websocket

lab.repeatable()  # chance comes from a seed, so that you see exactly what is printed here
echo = lab.start(websocket.EchoServer())  # a real server, beside this notebook

async with websocket.connect(echo.url) as client:  # a real client
    await client.send("Hello")
    await client.recv()

display(echo.capture, show.conversation(echo)[:2])

# %% [markdown]
# That was live: no recording was replayed. First came the **ladder**, which says who said what when. The client stands
# on the left, the server on the right, and time runs downwards. Each arrow is one **unit**: one complete thing that
# one side said to the other.
#
# - First they speak HTTP, the language of the web: the client asks to *upgrade* to WebSocket, and the server agrees. This
#   is the **handshake**. Below the ladder it is opened, byte by byte; lesson 01 reads it with you.
# - From then on they speak in **frames**. One carries `Hello` to the server, one carries it back (lesson 02).
# - Two more frames say goodbye, and each side hangs up: `FIN`.
#
# Between the two stands a **tap**: it passes every byte on, and keeps a copy. The copies are the **capture**, and all that
# you see is made from it. No picture in these lessons is drawn by hand.
#
# ## How a lesson works
#
# **Run** the cells from top to bottom, with Shift + Enter. **Predict** before you look: a guess, right or wrong, makes you
# remember what you then see. **Look** at real bytes. Then there are **exercises**, which tell you what is wrong
# instead of only that something is. When you are stuck, `hint("...")` helps with the name that the exercise goes by, and
# after the last hint there is `solution("...")`. You cannot break anything. Run a cell again whenever you like; should one
# wait for something that has gone by already, *Kernel → Restart Kernel and Run All Cells* starts afresh.

# %%
from protolab.lesson import check, hint, predict, reveal, solution

# %% [markdown]
# ### Predict
#
# Each letter of `Hello` fits into one byte, and the last column of the ladder says how many bytes it took the client to say
# it. Now it will say `Hi!`. How many bytes will that take?

# %%
predict("welcome.hi", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look

# %%
async with websocket.connect(echo.url) as client:
    await client.send("Hi!")
    await client.recv()

# %%
reveal("welcome.hi")

# %% [markdown]
# A conversation is a list of units: `talk[0]` is the first. Ask for any of them, and it opens: on the left its bytes, then
# what they mean.

# %%
talk = show.conversation(echo)
talk[2]

# %% [markdown]
# The letters come last. What stands before them says what kind of thing this is, and how long.
#
# ### Exercise
#
# Open the server's `Hi!` as well: it is the next unit of `talk`. (Change the cell above and run it again, or add one
# with the + button.) By how many bytes is it shorter than the client's?

# %%
check("welcome.fewer", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look around
#
# All that was said so far, to walk through: click on a unit, a field or a byte, or use the arrow keys, and see what
# belongs together. (It needs a running kernel. Elsewhere you see the ladder.)

# %%
show.explore(echo)

# %% [markdown]
# ## Where things are
#
# | lesson | what you will read there |
# |---|---|
# | [01 HTTP and the upgrade](01_http_and_the_upgrade.ipynb) | the handshake: two heads of plain text, and a proof |
# | [02 WebSocket frames](02_websocket_frames.ipynb) | every bit of a frame, and how to build one by hand |
# | [03 The WebSocket conversation](03_the_websocket_conversation.ipynb) | pings, pieces, goodbyes; and is it worth it? |
# | [04 When it goes wrong](04_when_it_goes_wrong.ipynb) | broken rules, and what a real server makes of them |
# | [05 Compression](05_compression.ipynb) | the same messages in fewer bytes |
# | [06 Rooms and slow readers](06_rooms_and_slow_readers.ipynb) | a chat, and the one who does not read |
# | [07 Coming back](07_coming_back.ipynb) | a client whose connection is cut |
# | [08 Server-Sent Events](08_server_sent_events.ipynb) | a response that does not end, line by line |
# | [09 Resume](09_resume.ipynb) | what was missed comes back; and the client that loses it |
# | [10 GraphQL over HTTP](10_graphql_over_http.ipynb) | one request, each word at its bytes, and what a screen costs |
# | [11 How a query runs](11_how_a_query_runs.ipynb) | its steps, its failures, and how often it asks the database |
# | [12 Subscriptions](12_subscriptions.ipynb) | two languages with swapped names, and how to break them |
# | [13 Protobuf by hand](13_protobuf_by_hand.ipynb) | numbers in seven-bit pieces, and bytes that mean two things |
# | [14 HTTP/2: frames and headers](14_http2_frames_and_headers.ipynb) | many streams on one wire, and headers that shrink |
# | [15 The four calls](15_the_four_calls.ipynb) | one contract, four shapes of a gRPC call |
# | [16 When calls fail](16_when_calls_fail.ipynb) | deadlines, cancels, retries; and which layer said so |
# | [17 Flow control](17_flow_control.ipynb) | who waits for whom, and for how many bytes |
#
# The same things work outside of notebooks. In a terminal:
#
# | command | what it does |
# |---|---|
# | `protolab tour` | what you saw above, in a second |
# | `protolab serve echo` | runs this server, for any client of yours |
# | `protolab tap HOST:PORT` | stands between your own client and server, and explains what they say |
# | `protolab show FILE` | explains a recording, or bytes that you paste |
# | `protolab progress` | says which exercises are right so far; `progress()` from `protolab.lesson` says it here |
# | `protolab doctor` | looks for what is missing on this machine, and says how to mend it |
#
# When you are stuck: `help(show.ladder)` says what a function takes, and `print(echo.log)` what the server noticed. Nothing
# is left behind: a server ends with its kernel.
#
# ## If you know `asyncio`
#
# The cells above say `await` at top level, where a script would call `asyncio.run(...)`. A notebook runs an event loop
# already, and your cell runs inside it; asyncio lets no second loop start within the first:

# %%
import asyncio

nap = asyncio.sleep(0, "awake")
try:
    print(asyncio.run(nap))
except RuntimeError as error:
    print("asyncio.run:", error)
    print("await:", await nap)

# %% [markdown]
# So write `await`. For code from elsewhere that insists on `asyncio.run`, there is `%load_ext protolab`: it patches asyncio
# so that loops may nest. It is off until you ask for it, since a patched asyncio is no longer quite the one in the
# manual (tasks that are left over are not cancelled, and switching between them is slower), and nothing here needs it.
# The servers do not live in your cell's loop at all but in a thread of their own: a cell that computes for a minute
# does not silence them.
#
# **Next:** [01 HTTP and the upgrade](01_http_and_the_upgrade.ipynb)
