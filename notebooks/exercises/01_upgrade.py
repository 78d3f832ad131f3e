"""What lesson 01 asks. Server "echo", connection 0: a client connects, and leaves without a word."""

import base64
import hashlib

from protolab.fields import Side
from protolab.lesson import Exercise, Guess, right, untouched, wrong


def request(seen):
    return seen.unit("echo", 0).data


def ends(seen):
    """Where the last header ends; its own CR LF stands there, and the blank line after it."""
    return request(seen).index(b"\r\n\r\n")


# The functions below are answers to "accept": the first is right, the others are what people write on the way to it.


def my_accept(key):
    joined = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    digest = hashlib.sha1(joined.encode()).digest()
    return base64.b64encode(digest).decode()


GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def no_guid(key):
    return base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()


def guid_first(key):
    return base64.b64encode(hashlib.sha1((GUID + key).encode()).digest()).decode()


def guid_in_small_letters(key):
    return base64.b64encode(hashlib.sha1((key + GUID.lower()).encode()).digest()).decode()


def key_decoded(key):
    return base64.b64encode(hashlib.sha1(base64.b64decode(key) + GUID.encode()).digest()).decode()


def digest_in_hex(key):
    return hashlib.sha1((key + GUID).encode()).hexdigest()


def base64_of_hex(key):
    return base64.b64encode(digest_in_hex(key).encode()).decode()


def bytes_not_text(key):
    return my_accept(key).encode()


def always_the_same(key):
    return "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


BROKEN = """\
GET / HTTP/1.1
Host: lab.local
Upgrade: websocket
Connection: keep-alive
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 31

""".replace("\n", "\r\n")


def mend(answer, seen):
    """Judged by what the newest connection shows: the request that was sent, and what the server said."""
    talk = seen.conversation("echo")
    said = talk[1].title if len(talk) > 1 else "nothing at all"
    if answer == BROKEN:
        return untouched(f"As it stands, the server says: {said}.")
    if " 101 " in said:
        return right(f"The server said: {said}. You have just spoken a protocol without any library.")
    if not talk[0].findings:
        return wrong(f"The server said: {said}. What was sent is no request that could be read.")
    broken = talk[0].findings[0]
    says = f"The server said: {said}. {broken.message} ({broken.rule.clause})."
    return wrong(says, talk[0].data, broken.start, broken.end)


EXERCISES = [
    Exercise(
        "rightwards",
        "Whose words does an arrow carry that points to the right?",
        fact=lambda seen: str(Side.CLIENT),
        right='"client"',
        wrong={
            '"server"': "Who stands on the left of the ladder sends its words to the right: is that the server?",
            '"left"': "That is where this one stands. Which of the two is it?",
            '"both"': "Each arrow is said by one side; those that point to the left are the other's.",
        },
        otherwise="Answer with 'client' or 'server'.",
        why="It stands on the left, and its words go to the right.",
        hints=("The names stand at the top of the ladder, one on the left and one on the right.",),
    ),
    Exercise(
        "opener",
        "In which protocol do the two speak first?",
        fact=lambda seen: "HTTP",
        right='"HTTP"',
        why="This lesson is about those first words.",
        wrong={
            '"WebSocket"': "Not yet: WebSocket is what they agree on. In which language do they agree?",
            '"TCP"': "TCP carries the bytes, and says nothing about their meaning. What do they mean?",
            '"ASCII"': "That is how letters become bytes. Which protocol are the letters of?",
        },
        otherwise="Look at the first line of the ladder in lesson 00: which protocol does it name?",
        hints=("It is the language of the web; pages come in it too.",),
    ),
    Guess(
        "ends",
        "How often does CR LF occur in the request?",
        fact=lambda seen: request(seen).count(b"\r\n"),
        why="There is one for each line, and one for an empty line, which says: here the head ends.",
        wrong={
            lambda seen: request(seen).count(b"\r\n") - 1: "One for each line that you see. But what ends the head?",
            lambda seen: request(seen).count(b"\r\n") * 2: "CR and LF together are one line's end.",
        },
    ),
    Guess(
        "refusal",
        "With which status does the server answer a request that has no key?",
        fact=lambda seen: int(seen.unit("echo", -1, side=Side.SERVER).field.find("status").value),
        why="Without a key there is nothing that the server could prove: the request is malformed.",
        wrong={
            "404": "That would mean that there is no such page; but there is, for those who ask rightly.",
            "101": "That would be the switch, and it cannot be proven without a key.",
            "426": "That is for another version of WebSocket, as above: ask again with a better one.",
        },
    ),
    Exercise(
        "blank",
        "At which byte of the request does the blank line begin?",
        fact=lambda seen: ends(seen) + 2,
        right=r'request.index(b"\r\n\r\n") + 2',
        why="A server needs nothing else to know that the head is complete: no length is announced.",
        wrong={
            ends: "There the last header's own line ends. The blank line is the CR LF after that one.",
            lambda seen: ends(seen) + 4: "That is the size of the head. Its last byte stands one before it.",
            lambda seen: ends(seen) + 3: "There stands the LF. The blank line begins with the CR before it.",
        },
        otherwise="The blank line is a CR LF that follows another CR LF.",
        hints=(
            "It is one of the last rows of the request's table; the offset is the column on the left.",
            "The blank line is CR LF right after the CR LF of the last header.",
            r'request.index(b"\r\n\r\n") finds where those four bytes begin. Which of them are the blank line?',
        ),
    ),
    Exercise(
        "accept",
        "Write the three steps of the proof as one function, from a text to a text.",
        tries=[("dGhlIHNhbXBsZSBub25jZQ==",), ("x3JJHMbDL1EzLkh9GBhXDw==",), ("AAAAAAAAAAAAAAAAAAAAAA==",)],
        right=my_accept,
        why="For the key that the RFC takes as its example, and for others.",
        wrong={
            no_guid: "This is made from the key alone: the GUID is missing.",
            guid_first: "The key comes first, and then the GUID: you joined them the other way round.",
            guid_in_small_letters: "The GUID is written in capital letters, and its case counts.",
            key_decoded: "You decoded the key first. It is taken as the text that it is.",
            digest_in_hex: "This is the digest in hex. The header carries it in base64.",
            base64_of_hex: "This is base64 of the digest in hex: .digest() gives its bytes.",
            bytes_not_text: "These are bytes; a text was asked for: .decode() makes one.",
            always_the_same: "The same for every key: does it use its argument?",
        },
        otherwise="Compare, step by step, with what the cells above print.",
        hints=(
            "The three cells under 'The proof' hold all that you need. Which of their names become key?",
            "Join, encode, SHA-1, base64, decode: in this order.",
            "hashlib.sha1(...).digest() gives bytes, base64.b64encode(...) takes them, .decode() makes a text.",
        ),
    ),
    Exercise(
        "mend",
        "Mend the request, so that the server agrees to switch.",
        check=mend,
        right='BROKEN.replace("keep-alive", "Upgrade").replace("31", "13")',
        wrong={
            'BROKEN.replace("31", "13")': "Connection",
            'BROKEN.replace("keep-alive", "Upgrade")': "Version",
            r'"Hello?\r\n\r\n"': "The server said",
        },
        hints=(
            "Two of the headers are not what a client says. Compare with the request that worked.",
            "What does Connection say in the request that worked, and which version is spoken?",
            'mended = BROKEN.replace("31", "13") mends one of the two.',
        ),
    ),
]
