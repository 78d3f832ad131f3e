"""What lesson 00 asks. Server "echo", connections 0 and 1: the client says Hello, and then Hi!; the server echoes it."""

from protolab.fields import Side
from protolab.lesson import Exercise, Guess


def frame(seen, side, number=1):
    """The frame that carries the word in that direction."""
    return seen.unit("echo", number, side=side, kind="frame")


def size(seen, side=Side.CLIENT):
    return len(frame(seen, side).data)


def letters(seen):
    return frame(seen, Side.CLIENT).field.find("payload length").value


def hello(seen):
    return len(frame(seen, Side.CLIENT, 0).data)


def fewer(seen):
    return size(seen, Side.CLIENT) - size(seen, Side.SERVER)


EXERCISES = [
    Guess(
        "hi",
        "How many bytes does the client send to say `Hi!`?",
        fact=size,
        why=lambda seen: (
            f"{letters(seen)} of them are the letters; the other {size(seen) - letters(seen)} say what kind of thing this is,"
            " as with Hello."
        ),
        wrong={
            letters: "That is one for each letter, and nothing that says where the word begins and ends.",
            hello: "That is what Hello took, which has more letters.",
        },
    ),
    Exercise(
        "fewer",
        "By how many bytes is the server's Hi! shorter than the client's?",
        fact=fewer,
        right="len(talk[2].data) - len(talk[3].data)",
        why="Look at the fields: there is one that the server's frame does not have. Lesson 02 says what it is for.",
        wrong={
            lambda seen: -fewer(seen): "The right distance, in the wrong direction: the server's is shorter.",
            size: "That is the client's frame, whole. The question is how far the two are apart.",
            lambda seen: size(seen, Side.SERVER): "That is the server's frame, whole. How far are the two apart?",
            letters: "That is the word itself, which is equally long both times. Count whole frames.",
        },
        otherwise="Count the bytes of both frames; each one's heading says them.",
        hints=(
            "talk[2] is the client's Hi! Which number gives you the server's?",
            "The line above each table says how many bytes the frame has. Subtract.",
            "Python counts too: len(talk[2].data) is the size of the client's.",
        ),
    ),
]
