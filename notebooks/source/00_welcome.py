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
# instead of only that something is. You cannot break anything: run any cell again, as often as you like.

# %% jupyter={"source_hidden": true}
# The questions of this lesson: run this cell; there is no need to read it.
guesses = {}


def predict(name, guess):
    guesses[name] = guess
    print("No guess yet: put one in place of the dots." if guess is ... else "Your guess is kept. Now look.")


def reveal(name):
    fact, why = FACTS[name]()
    guess = guesses.get(name, ...)
    said = "" if guess is ... else f"You guessed {guess}. "
    print(f"{said}{'Right.' if guess == fact else f'It is {fact}.'} {why}")


def check(name, answer):
    print("Not answered yet: put your answer in place of the dots." if answer is ... else CHECKS[name](answer))


def frame_of(side):
    return next(unit for unit in show.conversation(echo, 0) if unit.kind == "frame" and str(unit.side) == side)


def hello():
    size, payload = len(frame_of("client").data), frame_of("client").field.find("payload length").value
    return size, f"{payload} of them are the letters; the other {size - payload} say what kind of thing this is."


def fewer(answer):
    client, server = (frame_of(side) for side in ("client", "server"))
    right = len(client.data) - len(server.data)
    if answer == right:
        return "Right. Look at the fields: there is one that the server's frame does not have. Lesson 02 says what it is for."
    if answer == -right:
        return "The right distance, in the wrong direction: the question is by how many the server's is shorter."
    if answer in (len(client.data), len(server.data)):
        return f"{answer} bytes is one of the two frames. The question is how far they are apart."
    return f"No: count the bytes of both frames; each one's heading says them. {answer} is not the difference."


FACTS = {"hello": hello}
CHECKS = {"fewer": fewer}

# %% [markdown]
# ### Predict
#
# Each letter of `Hello` fits into one byte. How many bytes did the client send to say it?

# %%
predict("hello", ...)  # a number, in place of the dots

# %% [markdown]
# ### Look
#
# A conversation is a list of units: `talk[0]` is the first. Ask for any of them, and it opens: on the left its bytes, then
# what they mean.

# %%
talk = show.conversation(echo)

reveal("hello")
talk[2]

# %% [markdown]
# ### Exercise
#
# Open the server's `Hello` as well: it is the next unit of `talk`. (Change the cell above and run it again, or add one
# with the + button.) By how many bytes is it shorter than the client's?

# %%
check("fewer", ...)  # a number, in place of the dots

# %% [markdown]
# ## Where things are
#
# | lesson | what you will read there |
# |---|---|
# | [01 HTTP and the upgrade](01_http_and_the_upgrade.ipynb) | the handshake: two heads of plain text, and a proof |
# | [02 WebSocket frames](02_websocket_frames.ipynb) | every bit of a frame, and how to build one by hand |
#
# The same things work outside of notebooks. In a terminal:
#
# | command | what it does |
# |---|---|
# | `protolab tour` | what you saw above, in a second |
# | `protolab serve echo` | runs this server, for any client of yours |
# | `protolab tap HOST:PORT` | stands between your own client and server, and explains what they say |
# | `protolab show FILE` | explains a recording, or bytes that you paste |
# | `protolab doctor` | looks for what is missing on this machine, and says how to mend it |
#
# When you are stuck: `help(show.ladder)` says what a function takes, `print(echo.log)` what the server noticed, and
# *Kernel → Restart Kernel and Run All Cells* starts afresh. Nothing is left behind: a server ends with its kernel.
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
