"""permessage-deflate, RFC 7692: reading the negotiation, and inflating messages one after another."""

from __future__ import annotations

import re
import zlib
from collections import deque
from typing import NamedTuple

NAME = "permessage-deflate"
TAIL = b"\x00\x00\xff\xff"  # section 7.2.1: cut off by the sender, put back by the receiver
INFLATED_LIMIT = 16 * 2**20  # bytes that one message may inflate to here; past that its text is given up, said aloud

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_ELEMENT = re.compile(r'[ \t]*((?:[^,"]|"(?:\\.|[^"\\])*"?)+)')
_PART = re.compile(r'(?:[^;"]|"(?:\\.|[^"\\])*"?)+|^(?=;)|(?<=;)(?=;|$)')  # or nothing, between semicolons
_PARAMETER = re.compile(rf'[ \t]*({_TOKEN})[ \t]*(?:=[ \t]*({_TOKEN}|"(?:\\.|[^"\\])*")[ \t]*)?')
_WORD = re.compile(_TOKEN)


class Extension(NamedTuple):
    """One element of Sec-WebSocket-Extensions: its name, its parameters in order, and its range in the head.

    One that the grammar does not allow (`broken`) has its whole text as its name.
    """

    name: str
    parameters: tuple[tuple[str, str | None], ...]
    start: int
    end: int
    broken: bool = False

    def __str__(self) -> str:
        return "; ".join(
            [self.name, *(name if value is None else f"{name}={value}" for name, value in self.parameters)]
        )


class Agreement(NamedTuple):
    """What both sides agreed on. Each pair is (client to server, server to client), indexed by the side that compresses."""

    takeover: tuple[bool, bool] = (True, True)
    bits: tuple[int, int] = (15, 15)


def extensions(value: bytes, at: int) -> list[Extension]:
    """The elements of a header's value that starts at offset `at` of its head (RFC 6455 section 9.1)."""
    found = []
    for element in _ELEMENT.finditer(value.decode("latin-1")):
        text = element[1].rstrip(" \t")
        start = at + element.start(1)
        parts = [_parameter(part[0]) for part in _PART.finditer(text)]
        named = [part for part in parts if part is not None]
        if named and named == parts and named[0][1] is None:
            found.append(Extension(named[0][0], tuple(named[1:]), start, start + len(text)))
        elif text:
            found.append(Extension(text, (), start, start + len(text), broken=True))
    return found


def _parameter(text: str) -> tuple[str, str | None] | None:
    """A parameter's name and value; None where there is none. A value in quotes must still be a token."""
    match = _PARAMETER.fullmatch(text)
    if match is None or match[2] is None or match[2][0] != '"':
        return (match[1], match[2]) if match else None
    value = re.sub(r"\\(.)", r"\1", match[2][1:-1])
    return (match[1], value) if _WORD.fullmatch(value) else None


def offer_problem(offer: Extension) -> str | None:
    """Why a server must decline this offer of permessage-deflate (section 7.1), or None."""
    return _problem(offer, valueless=("client_max_window_bits",))


def answer_problem(answer: Extension, offers: list[Extension]) -> str | None:
    """Why a client must refuse this answer to its offers (sections 7.1.1 and 7.1.2), or None: it must suit one of them."""
    if problem := _problem(answer, valueless=()):
        return problem
    answered = dict(answer.parameters)
    sound = [dict(offer.parameters) for offer in offers if offer.name == NAME and offer_problem(offer) is None]
    problems = [_unsuited(answered, offered) for offered in sound]
    return None if None in problems or not problems else problems[0]


def _unsuited(answered: dict[str, str | None], offered: dict[str, str | None]) -> str | None:
    """Why a well-formed answer does not suit one well-formed offer, or None."""
    if "server_no_context_takeover" in offered and "server_no_context_takeover" not in answered:
        return "server_no_context_takeover was asked for and is not granted"
    for side in ("server", "client"):
        name = f"{side}_max_window_bits"
        wanted, given = offered.get(name), answered.get(name)
        if side == "client" and given is not None and name not in offered:
            return f"{name} may be answered only where it was offered"
        most = int(given or (15 if side == "server" else 0))  # without an answer a client may use any window
        if wanted is not None and most > int(wanted):
            return f"{name} was to be at most {wanted}"
    return None


def _problem(extension: Extension, valueless: tuple[str, ...]) -> str | None:
    seen = set()
    for name, value in extension.parameters:
        if name in seen:
            return f"{name} stands twice"
        seen.add(name)
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if value is not None:
                return f"{name} takes no value"
        elif name in ("server_max_window_bits", "client_max_window_bits"):
            if value is None and name not in valueless:
                return f"{name} needs a value here"
            if value is not None and value not in [str(bits) for bits in range(8, 16)]:
                return f"{name} must be 8 to 15, without leading zero"
        else:
            return f"{name} is not a parameter of {NAME}"
    return None


def agreement(answer: Extension) -> Agreement:
    """What a well-formed answer settles; `server_*` governs what the server compresses."""
    found = dict(answer.parameters)
    takeover = ("client_no_context_takeover" not in found, "server_no_context_takeover" not in found)
    bits = (int(found.get("client_max_window_bits") or 15), int(found.get("server_max_window_bits") or 15))
    return Agreement(takeover, bits)


class Inflater:
    """One direction's messages, inflated one after another. With context takeover each may refer to the ones before it.

    `lost` says why nothing more can be inflated: the data were corrupt, the limit was passed, or the recording began after
    the first message that the next ones may refer to.
    """

    def __init__(self, takeover: bool, bits: int) -> None:
        self.takeover = takeover
        self.bits = bits
        self._window = 1 << bits
        self.restart()

    def restart(self) -> None:
        """Forget everything said so far: the next message starts with an empty window."""
        self.lost = ""
        self._zlib = zlib.decompressobj(-self.bits)
        self._recent: deque[bytes] = deque()  # output that a new zlib stream may still refer to: just over one window
        self._kept = 0

    def part(self, data: bytes, final: bool, room: int) -> bytes:
        """Inflate one fragment's payload; `final` ends the message. zlib.error: corrupt. OverflowError: past `room` bytes.

        Data that still have their tail get no second one, or the next message would begin inside a block.
        """
        try:
            if final and not data.endswith(TAIL):
                data += TAIL
            out = self._zlib.decompress(data, room + 1)
            if self._zlib.eof:
                out = self._go_on(out, room)
            if len(out) > room:
                raise OverflowError
        except (zlib.error, OverflowError) as error:
            why = "did not inflate" if isinstance(error, zlib.error) else "was too big"
            self.lost = f"an earlier message {why}"
            if not self.takeover:  # the next message needs nothing of this one, whose rest is not looked at
                self.restart()
            raise
        if not self.takeover:
            if final:
                self.restart()
        elif out:
            self._recent.append(out)
            self._kept += len(out)
            while self._kept - len(self._recent[0]) >= self._window:
                self._kept -= len(self._recent.popleft())
        return out

    def _go_on(self, out: bytes, room: int) -> bytes:
        """Section 7.2.3.4: a block with BFINAL ends zlib's stream, but neither the message nor the window."""
        while self._zlib.eof:
            rest = self._zlib.unused_data
            window = (b"".join(self._recent) + out)[-self._window :]
            self._zlib = zlib.decompressobj(-self.bits, zdict=window)
            if rest in (b"", TAIL) or len(out) > room:
                break
            out += self._zlib.decompress(rest, room + 1 - len(out))
        return out

    def __copy__(self) -> Inflater:
        other = object.__new__(Inflater)
        other.__dict__.update(self.__dict__)
        other._zlib, other._recent = self._zlib.copy(), self._recent.copy()
        return other
