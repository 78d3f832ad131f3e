"""What lesson 16 asks. Server "users": connection 0 asks for nobody, 1 fails in four ways, 2 has a deadline, 3 a client that had
enough, 4 is cut, 5 tries again, 6 has a message with odd letters, 7 details; the last one is the learner's own. Server "hung":
a deadline passes.
"""

import re
from urllib.parse import quote

from google.rpc import error_details_pb2, status_pb2

from protolab.fields import Side
from protolab.lesson import Exercise, Guess, Missing, right, untouched, wrong
from protolab.protocols import grpc

DATA, RST_STREAM = 0, 3


def frames(seen, number, kind):
    """The frames of a type on the streams of a connection."""
    units = seen.units("users", number, kind="frame")
    return [unit for unit in units if unit.place.complete and unit.lane and unit.data[3] == kind]


def calls(seen, number):
    found = list(grpc.calls(seen.conversation("users", number)))
    if not found:
        raise Missing("No call was recorded there yet: run the cells above, in order.")
    return found


def raised(seen):
    return next(call.outcome.name for call in calls(seen, 1) if call.method == "Fail")


def ends(seen):
    seen.unit("hung", 0, 6)
    units = seen.units("hung", 0, kind="frame")
    return next((str(unit.side) for unit in units if unit.data[3:4] == bytes([RST_STREAM])), "nobody")


def attempts(seen):
    """How many calls there are on the connection that has a second attempt."""
    for number, _ in enumerate(seen.conversations("users")):
        found = calls(seen, number)
        if any(call.attempts for call in found):
            return len(found)
    raise Missing("Nothing was tried again yet: run the cells above, in order.")


def violations(seen):
    """The fields that the server's BadRequest names."""
    for unit in seen.units("users", side=Side.SERVER):
        for field in unit.field.children:
            if field.name == "grpc-status-details-bin":
                request = error_details_pb2.BadRequest()
                status_pb2.Status.FromString(field.derived[0].data).details[0].Unpack(request)
                return len(request.field_violations)
    raise Missing("No details were recorded yet: run the cells above, in order.")


WHO = {"A": "application", "B": "proxy", "C": "client", "D": "library"}
HINTS = {
    "A": "A: no library makes ALREADY_EXISTS by itself; someone who knows addresses did.",
    "B": "B: there is no grpc-status, and a page for people. Who speaks only HTTP?",
    "C": "C: nothing came from the server. Whose time was up?",
    "D": "D: the handler cannot say that it does not exist. Who looks for it?",
}


def said(answer, seen):
    """Judged one by one: the first that is wrong gets its words."""
    if answer is ...:
        return untouched()
    if not isinstance(answer, dict) or set(answer) != set(WHO):
        return wrong('Answer with a dictionary that has "A", "B", "C" and "D".')
    for call, who in WHO.items():
        if str(answer[call]).strip().casefold() != who:
            return wrong(HINTS[call])
    return right("Each of them is mended elsewhere: in the request, at the proxy, in the deadline, in the contract.")


BUSY = bytes.fromhex(
    "080e1209546f6f20627573792e1a360a28747970652e676f6f676c65617069732e63"
    "6f6d2f676f6f676c652e7270632e5265747279496e666f120a0a0808021080cab5ee01"
)


def later(seen):
    info = error_details_pb2.RetryInfo()
    status_pb2.Status.FromString(BUSY).details[0].Unpack(info)
    return info.retry_delay.seconds + info.retry_delay.nanos / 10**9


# The functions below are answers: the first of each kind is right, the others are what people write on the way to it.


def timeout(nanoseconds):
    for unit, size in (("S", 1_000_000_000), ("m", 1_000_000), ("u", 1_000), ("n", 1)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}".encode()


def with_a_point(nanoseconds):
    return f"{nanoseconds / 1_000_000_000:g}S".encode()


def small_letters(nanoseconds):
    return timeout(nanoseconds).lower()


def always_thousandths(nanoseconds):
    return f"{nanoseconds // 1_000_000}m".encode()


def always_the_smallest(nanoseconds):
    return f"{nanoseconds}n".encode()


def thousandths_in_capitals(nanoseconds):
    return timeout(nanoseconds).replace(b"m", b"M")


def with_a_space(nanoseconds):
    found = timeout(nanoseconds)
    return found[:-1] + b" " + found[-1:]


def encoded(text):
    found = b""
    for byte in text.encode():
        found += bytes([byte]) if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte
    return found


def as_in_addresses(text):
    return quote(text).encode()


def percent_stays(text):
    return b"".join(bytes([byte]) if 0x20 <= byte <= 0x7E else b"%%%02X" % byte for byte in text.encode())


def by_letter(text):
    return "".join(each if " " <= each <= "~" and each != "%" else f"%{ord(each):02X}" for each in text).encode()


def in_small_hex(text):
    return re.sub(rb"%..", lambda found: found[0].lower(), encoded(text))


def control_stays(text):
    return encoded(text).replace(b"%0A", b"\n")


def one_digit(text):
    return encoded(text).replace(b"%0A", b"%A")


def deadline(seen):
    """Judged by the newest connection: the calls of Wait on it, in order."""
    if len(seen.conversations("users")) < 9:
        return untouched()
    waits = [call for call in calls(seen, -1) if call.method == "Wait"]
    if not waits:
        return untouched()
    if any(call.deadline is None for call in waits):
        return wrong("One of the calls has no grpc-timeout: without a deadline it would wait for ever.")
    late = [call.stream for call in waits if call.outcome.name in ("CANCELLED", "DEADLINE_EXCEEDED")]
    good = [call.stream for call in waits if call.outcome.name == "OK"]
    if not late:
        return wrong("No deadline passed: give the first call less than the answer takes.")
    if not good:
        return wrong("The deadline passed. Now once more, with enough time.")
    if good[-1] < late[-1]:
        return wrong("First the one that is too late, then the one in time.")
    return right("The same question twice. Only how long you were willing to wait was different.")


EXERCISES = [
    Exercise(
        "prefix",
        "How many bytes does gRPC put before each message?",
        fact=lambda seen: 5,
        right="5",
        wrong={
            "4": "That is the length. One byte more stands before it.",
            "9": "That is the head of an HTTP/2 frame. What comes after it, before the message?",
            "1": "That is the flag. The length comes after it.",
        },
        otherwise="A flag, and a length.",
        hints=("A flag of one byte, and a length of four.",),
    ),
    Exercise(
        "flag",
        'Which flag says "I have said all, and I still listen"?',
        fact=lambda seen: "END_STREAM",
        right='"END_STREAM"',
        wrong={
            '"END_HEADERS"': "That says that a block of headers is whole; messages may follow.",
            '"RST_STREAM"': "That is a frame, and it ends both directions at once.",
            '"FIN"': "That is TCP's word, for a whole connection. Here it is one stream.",
        },
        otherwise="It is a flag of HEADERS and DATA, and does what is called a half-close.",
        hints=("It ends one side of a stream, and is called so.",),
    ),
    Guess(
        "data",
        "How many DATA frames does the server send for a person who does not exist?",
        fact=lambda seen: sum(unit.side is Side.SERVER for unit in frames(seen, 0, DATA)),
        why="Nothing is to be said but the status, and that is in headers: Trailers-Only.",
        wrong={
            "1": "With what in it? There is no such person. (Some servers do: the next section is about them.)",
            "2": "There is not even one message to send.",
        },
    ),
    Guess(
        "raised",
        "Which code does the client get when a handler raises an exception?",
        fact=raised,
        why="Something in the server is broken, and that is all that a stranger should learn.",
        wrong={
            "'UNKNOWN'": "So says grpcio when nobody takes care, and it sends the exception's text along. This server does.",
            "'PERMISSION_DENIED'": "A password is in the text, but it is not about who may do what: something broke.",
        },
    ),
    Guess(
        "ends",
        "Who ends the call on the wire when the deadline passes?",
        fact=ends,
        why="It knows best when its time is up, and need not be told.",
        wrong={
            "'server'": "This one does nothing at all any more. Somebody else has a clock.",
            "'nobody'": "Then the stream would stay open, and the server would keep what belongs to it.",
        },
    ),
    Guess(
        "attempts",
        "How many calls are on the wire?",
        fact=attempts,
        why="Two that failed, and the one that succeeded. The policy would allow one more, which was not needed.",
        wrong={
            "1": "The program makes one. Its library makes more of it.",
            "2": "Two fail. And then?",
            "4": "So many are allowed. It stops as soon as one succeeds.",
        },
    ),
    Guess(
        "violations",
        "How many things does the server's answer say are wrong?",
        fact=violations,
        why="All at once, so that nobody has to mend one after another and send it again each time.",
        wrong={
            "1": "It could stop at the first. Then you would mend and send as often as there are faults.",
            "2": "Name, address, age: which of them would you let pass?",
        },
    ),
    Exercise(
        "said",
        "Who decided that each of the four calls failed?",
        check=said,
        right='{"A": "application", "B": "proxy", "C": "client", "D": "library"}',
        wrong={
            '{"A": "library", "B": "proxy", "C": "client", "D": "library"}': "A: no library",
            '{"A": "application", "B": "application", "C": "client", "D": "library"}': "B: there is no grpc-status",
            '{"A": "application", "B": "proxy", "C": "library", "D": "library"}': "C: nothing came",
            '{"A": "application", "B": "proxy", "C": "client", "D": "application"}': "D: the handler",
            '"application"': "a dictionary",
        },
        hints=(
            "A and D have a grpc-status: which of the two codes may a library say by itself?",
            "Where no grpc-status came, somebody else decided: who was the last to speak?",
            "A is the application's, and D the library's.",
        ),
    ),
    Exercise(
        "timeout",
        "Write the value of grpc-timeout.",
        tries=[(5_000_000_000,), (1_500_000,), (250_000_000,), (7,), (90_000_000_000,), (2_500_000_000,)],
        right=timeout,
        wrong={
            with_a_point: "Only whole numbers may stand there: 1.5 thousandths are 1500 millionths.",
            small_letters: "A second is a capital S: the small letters are for its parts.",
            always_thousandths: "By thousandths 1.5 becomes 1: the call would have less time than was meant.",
            always_the_smallest: "Five seconds in nanoseconds take ten digits, and eight are allowed.",
            thousandths_in_capitals: "M is a minute. A thousandth of a second is a small m.",
            with_a_space: "Nothing stands between the number and its unit.",
        },
        otherwise="Try the units from the largest to the smallest: the first that divides it without rest.",
        why="Beyond eight digits a client has to round. It rounds up, for nobody likes to be called too late too early.",
        hints=(
            "Take the units from the largest to the smallest, and use the first that leaves no rest.",
            "nanoseconds % size == 0 says whether it is a whole number of them.",
            'f"{nanoseconds // size}{unit}".encode() makes the bytes, for the units "S", "m", "u" and "n" in turn.',
        ),
    ),
    Exercise(
        "percent",
        "Percent-encode a grpc-message.",
        tries=[("There is no user 7.",), ("50 %",), ("für Ada",), ("one\ntwo",), ("~ / ?",), ("€",), ("",)],
        right=encoded,
        wrong={
            as_in_addresses: "That is for addresses of the web. Here a space, a ? and their like stand as they are.",
            percent_stays: "Who reads it would take a % for the beginning of a code: it is written as %25.",
            by_letter: "It is the bytes of the UTF-8 that are written, and ü has two of them.",
            in_small_hex: "The digits are capitals: %C3.",
            control_stays: "A line's end would end the header: bytes below 0x20 are encoded too.",
            one_digit: "Always two digits: %0A, not %A.",
        },
        otherwise="Go through the bytes of text.encode(): each stands as it is, or as % and two digits.",
        why="Who reads it must take anything: if what follows a % is no hex, it stays as it is.",
        hints=(
            "text.encode() gives the bytes of its UTF-8.",
            "A byte from 0x20 to 0x7e that is not 0x25 stands as it is: bytes([byte]).",
            'Every other one is b"%%%02X" % byte.',
        ),
    ),
    Exercise(
        "deadline",
        "Call Wait twice: once too late, once in time.",
        deed=deadline,
        right="await attempt(client.wait(1000, timeout=0.2))\nawait attempt(client.wait(1000, timeout=30))",
        wrong={
            "await attempt(client.wait(1000, timeout=30))": "No deadline passed",
            "await attempt(client.wait(1000, timeout=0.2))": "Now once more",
            "await attempt(client.wait(1000, timeout=0.2))\nawait attempt(client.wait(1000))": "no grpc-timeout",
            "await attempt(client.wait(1000, timeout=30))\nawait attempt(client.wait(1000, timeout=0.2))": "First the one",
        },
        hints=(
            "A deadline shorter than the second that the answer takes, and then a longer one.",
            "await attempt(client.wait(1000, timeout=0.2)) is the first of the two.",
        ),
    ),
    Exercise(
        "later",
        "How many seconds should the client wait?",
        fact=later,
        right="2.5",
        wrong={
            "2": "Those are the whole seconds. Beside them stand `nanos`, thousand-millionths of one.",
            "500000000": "Those are the nanos alone, thousand-millionths of a second.",
            "14": "That is the code, UNAVAILABLE. The details are in `details`.",
        },
        otherwise="The first of the details, unpacked, has a `retry_delay` of seconds and nanos.",
        why="A client that obeys comes back when there is room, and neither sooner nor all at once.",
        hints=(
            "status_pb2.Status.FromString(DETAILS) has a list, `details`.",
            "error_details_pb2.RetryInfo.FromString(detail.value) reads the first of them.",
            "Its retry_delay has seconds, and nanos: thousand-millionths of a second.",
        ),
    ),
]
