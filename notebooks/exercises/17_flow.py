"""What lesson 17 asks. Server "users": connections 0 to 3 are readers that give no room back (one stream; windows of 1,000;
defaults; a setting that changes), 4 to 6 break rules, the last one is that of the second exercise. Server "counting": a
handler that counts its writes.
"""

from protolab import grpc
from protolab.fields import Side
from protolab.lesson import Exercise, Guess, Missing, right, untouched, wrong
from protolab.protocols.grpc import lessons
from protolab.wire import http2

LARGEST = 2**31 - 1


def heads(seen, name, number, type, stream):
    """The server's frames of a type on a stream."""
    units = [unit for unit in seen.units(name, number, side=Side.SERVER, kind="frame") if unit.place.complete]
    found = [http2.read_head(unit.data) for unit in units]
    return [head for head in found if (head.type, head.stream) == (type, stream)]


def moves(seen, number):
    """The server's windows, as frames moved them."""
    return [window for window in grpc.windows(seen.conversation("users", number)) if window.side is Side.SERVER]


def stops(seen):
    if not (found := heads(seen, "users", 0, http2.DATA, 1)):
        raise Missing("No DATA was recorded yet: run the cells above, in order.")
    return sum(head.length for head in found)


def third(seen):
    """What came on stream 3 while the connection had no room: before anything was given back."""
    talk = seen.conversation("users", 2)
    if not heads(seen, "users", 2, http2.HEADERS, 3):
        raise Missing("Stream 3 was not recorded yet: run the cells above, in order.")
    came = 0
    for unit in talk:
        if unit.kind != "frame":
            continue
        head = http2.read_head(unit.data)
        if head.type == http2.WINDOW_UPDATE and unit.side is Side.CLIENT:
            break
        came += head.length * ((head.type, head.stream, unit.side) == (http2.DATA, 3, Side.SERVER))
    return came


def negative(seen):
    for window in moves(seen, 3):
        if window.stream == 1 and window.by == "SETTINGS ACK":
            return window.after
    raise Missing("The second SETTINGS were not recorded yet: run the cells above, in order.")


def writes(seen):
    """Messages that are whole in the DATA that came before the reader gave anything back."""
    size = 5 + len(lessons.Chunk(data=bytes(100)).SerializeToString())
    if not heads(seen, "counting", 0, http2.DATA, 1):
        raise Missing("The counting server was not asked yet: run the cells above, in order.")
    return 1000 // size


def largest(seen):
    """What the connection's window still held in the second of three, up to the most."""
    before = [window.before for window in moves(seen, 5) if window.stream == 0 and window.by == "WINDOW_UPDATE"]
    if not before:
        raise Missing("The update that is too large was not recorded yet: run the cells above, in order.")
    return LARGEST - before[0]


def free(seen):
    """Which streams could go on after the reader's own frames; the account begins where both are blocked."""
    talk = seen.conversation("users", -1)
    rooms, could, given = {}, set(), set()
    for window in moves(seen, -1):
        rooms[window.stream] = window.after
        if talk[window.unit].side is Side.CLIENT and window.by == "WINDOW_UPDATE":
            given.add(window.stream)
        if {1, 3} <= rooms.keys() and (given or window.by == "SETTINGS ACK"):
            could |= {stream for stream in (1, 3) if rooms.get(0, 0) > 0 and rooms[stream] > 0}
    broken = [(unit, finding) for unit, finding in talk.findings if unit.side is Side.CLIENT]
    if broken:
        unit, finding = broken[0]
        return wrong("This breaks a rule: " + finding.message, unit.data, finding.start, finding.end)
    changed = sum(unit.side is Side.CLIENT and unit.data[3:5] == b"\x04\x00" for unit in talk if unit.kind == "frame")
    if could == {3}:
        return right("Stream 3 had room of its own; only the connection had none. Stream 1 has none of its own.")
    if could:
        return wrong(
            "Now stream 1 could go on as well." if 3 in could else "Now stream 1 could go on, and stream 3 not."
        )
    if given:
        names = " and ".join(f"stream {stream}" for stream in sorted(given))
        return wrong(f"You gave room to {names}, but neither goes on: look at the window of the connection.")
    if changed > 1:
        return wrong("A setting moves the windows of streams, and neither goes on: that is not what both wait for.")
    return untouched()


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def room(frames, stream):
    room = initial = 65_535
    for name, number, size, padding in frames:
        if name == "SETTINGS" and stream:
            room, initial = room + size - initial, size
        elif name == "WINDOW_UPDATE" and number == stream:
            room += size
        elif name == "DATA" and stream in (0, number):
            room -= size + padding
    return room


def headers_too(frames, stream):
    return room([("DATA" if name == "HEADERS" else name, *rest) for name, *rest in frames], stream)


def no_padding(frames, stream):
    return room([(name, number, size, 0) for name, number, size, _ in frames], stream)


def settings_on_the_connection(frames, stream):
    said = [size for name, _, size, _ in frames if name == "SETTINGS"]
    return room(frames, stream) + (said[-1] - 65_535 if said and not stream else 0)


def never_below_zero(frames, stream):
    left = initial = 65_535
    for name, number, size, padding in frames:
        if name == "SETTINGS" and stream:
            left, initial = left + size - initial, size
        elif name == "WINDOW_UPDATE" and number == stream:
            left += size
        elif name == "DATA" and stream in (0, number):
            left -= size + padding
        left = max(left, 0)
    return left


def settings_begin_anew(frames, stream):
    left = 65_535
    for name, number, size, padding in frames:
        if name == "SETTINGS" and stream:
            left = size
        elif name == "WINDOW_UPDATE" and number == stream:
            left += size
        elif name == "DATA" and stream in (0, number):
            left -= size + padding
    return left


def connection_apart(frames, stream):
    return room([frame for frame in frames if frame[0] != "DATA" or frame[1] == stream], stream)


def updates_everywhere(frames, stream):
    return room([(name, stream if name == "WINDOW_UPDATE" else at, *rest) for name, at, *rest in frames], stream)


SETTING = ("SETTINGS", 0, 1000, 0)
FRAMES = [
    ([("HEADERS", 1, 40, 0), ("DATA", 1, 500, 0)], 1),
    ([("DATA", 1, 500, 0), ("DATA", 3, 70, 0)], 0),
    ([("DATA", 1, 500, 21)], 1),
    ([SETTING, ("DATA", 1, 600, 0)], 0),
    ([SETTING, ("DATA", 1, 600, 0), ("WINDOW_UPDATE", 0, 100, 0), ("WINDOW_UPDATE", 1, 30, 0)], 1),
    ([SETTING, ("DATA", 1, 1000, 0), ("SETTINGS", 0, 400, 0), ("WINDOW_UPDATE", 1, 700, 0)], 1),
]


def fitting(megabits, milliseconds):
    return megabits * milliseconds * 125


def in_bits(megabits, milliseconds):
    return megabits * milliseconds * 1000


def one_way(megabits, milliseconds):
    return megabits * milliseconds * 125 / 2


def in_seconds(megabits, milliseconds):
    return megabits * 1_000_000 / 8 * milliseconds


def of_two(megabits, milliseconds):
    return megabits * 2**20 / 8 * milliseconds / 1000


def divided(megabits, milliseconds):
    return megabits * 1_000_000 / 8 / (milliseconds / 1000)


EXERCISES = [
    Exercise(
        "way",
        "Wait, keep, drop, let go: with which of them did one silent reader stop everybody?",
        fact=lambda seen: "wait",
        right="'wait'",
        wrong={
            "'keep'": "Then everybody else gets everything. It is the server's memory that suffers.",
            "'drop'": "Then only the slow one misses something.",
            "'let go'": "Then the slow one is gone, and the others go on.",
        },
        otherwise="It is one of the four words.",
        hints=("`gather` was done when all were done. What did it do until then?",),
    ),
    Exercise(
        "whole",
        "On which number of a stream is said what concerns the whole connection?",
        fact=lambda seen: 0,
        right="0",
        wrong={
            "1": "That is the client's first stream.",
            "2": "That one would be the server's, for push.",
            str(LARGEST): "GOAWAY may name it as the last stream; it is said elsewhere itself.",
        },
        otherwise="It is the number of no stream.",
        hints=("SETTINGS and PING are said there. It is less than that of the first call.",),
    ),
    Guess(
        "stops",
        "How many bytes of DATA come until the server stops, when the window of a new stream is 100,000?",
        fact=stops,
        why="The connection has a window, too. It begins with 65,535 bytes, and SETTINGS does not move it.",
        wrong={
            "100000": "So many are allowed on the stream. What else might run out?",
            "3000": "That is one chunk. It may send the next ones without being asked again.",
            "16384": "That is the largest frame. There may be several.",
        },
    ),
    Guess(
        "third",
        "How many bytes of DATA arrive on stream 3, while stream 1 is not read and all windows are the default ones?",
        fact=third,
        why="Stream 1 alone has used up the window of the connection, and each byte of DATA must fit into both.",
        wrong={
            "327": "That is all of it, with what stands before each chunk. It would, if the connection had room.",
            "300": "It was so with small windows: each stream minds only its own. Which window do they share?",
            "65535": "So much its own window allows. There are only three small chunks, and there is another window.",
        },
    ),
    Guess(
        "negative",
        "A window of 1,000 is used up. Then INITIAL_WINDOW_SIZE becomes 400. Which number is the window?",
        fact=negative,
        why="The window moves by the difference between the new setting and the old one, wherever it stands.",
        wrong={
            "0": "It stood there before. The setting moved it.",
            "400": "It would hold so much, if nothing had been sent yet.",
            "-400": "It moves by the difference between the new setting and the old one.",
        },
    ),
    Exercise(
        "largest",
        "Which is the largest increment that the connection's window would have allowed?",
        fact=largest,
        right="2**31 - 1 - (65535 - 1000)",
        wrong={
            str(LARGEST): "That is what the window may hold. Something was in it already.",
            str(LARGEST - 65_535): "That is for a window of which nothing was used. The server has sent 1,000 bytes.",
            str(LARGEST - 1000): "The 1,000 are what was sent; the window still held the rest.",
            str(LARGEST - 64_535 + 1): "One too many: 2 to the 31st itself does not fit.",
        },
        otherwise="It is the most that a window may hold, without what this one still held.",
        why="Increment and window count together. The finding names both numbers.",
        hints=(
            "The finding says what the window still held.",
            "2**31 - 1 is the most. The connection began with 65,535 and has sent 1,000.",
        ),
    ),
    Guess(
        "writes",
        "How many calls of write come to their end?",
        fact=writes,
        why="So many messages fit whole into the window. The next one is cut, and its write waits for the rest.",
        wrong={
            "10": "A hundred bytes of content take more than that on the wire.",
            "0": "The first ones fit. Which is the first that does not?",
            "1000": "The window counts bytes, not messages.",
        },
    ),
    Exercise(
        "account",
        "Write what the server may still send, on a stream or on the connection.",
        tries=FRAMES,
        right=room,
        why="This is all of flow control: a sum for each stream, and one for the connection.",
        wrong={
            headers_too: "HEADERS take from no window.",
            no_padding: "Padding counts like content.",
            settings_on_the_connection: "SETTINGS moves the windows of streams; that of the connection stays.",
            never_below_zero: "A window may be below zero: what is owed has to be paid first.",
            settings_begin_anew: "A setting does not begin anew: what was used stays used. It moves by the difference.",
            connection_apart: "Each byte of DATA takes from two windows: its stream's, and the connection's.",
            updates_everywhere: "An update is for the window that it names, and no other.",
        },
        otherwise="Go through the list: what moves this window, and by how much?",
        hints=(
            "Remember the setting before: a new one moves a stream's window by new minus old.",
            "DATA on any stream takes from the connection; on this stream from this stream. WINDOW_UPDATE: number == stream.",
        ),
    ),
    Exercise(
        "free",
        "Let stream 3 go on, and stream 1 wait.",
        deed=free,
        right="reader.say(http2.window_update(0, 500))",
        wrong={
            "reader.say(http2.window_update(3, 500))": "room to stream 3, but",
            "reader.say(http2.window_update(1, 500))": "room to stream 1, but",
            "reader.say(http2.window_update(1, 500), http2.window_update(0, 500))": "stream 1 could go on as well",
            "reader.say(http2.settings({INITIAL_WINDOW_SIZE: 80_000}))": "A setting moves the windows of streams",
            "reader.say(http2.window_update(0, 2**31 - 1), http2.window_update(0, 1))": "This breaks a rule",
        },
        hints=(
            "In the last row of the account: which window is 0, which is not?",
            "Stream 3 has room. What has none is neither stream, and its number is 0.",
        ),
    ),
    Exercise(
        "fitting",
        "Write how many bytes a window must hold, to keep a link busy.",
        tries=[(100, 50), (10, 200), (1000, 1), (1000, 100)],
        right=fitting,
        why="Bandwidth times delay: what is on its way until the first update can be back.",
        wrong={
            in_bits: "These are bits. A window counts bytes.",
            one_way: "The update has to come back, too: it is the whole round trip.",
            in_seconds: "The time is in milliseconds, and the rate is for a second.",
            of_two: "A megabit is a million bits, not 2 to the 20th.",
            divided: "The longer the way, the more is on it: multiply.",
        },
        otherwise="Bytes in a second, times the seconds of a round trip.",
        hints=(
            "How many bytes a second are so many megabits? And how many seconds are so many milliseconds?",
            "megabits * 1_000_000 / 8 is bytes in a second; milliseconds / 1000 is seconds.",
        ),
    ),
]
