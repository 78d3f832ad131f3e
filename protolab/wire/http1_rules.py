"""The rules of HTTP/1.1 that captured bytes can be seen to break, and what a peer does about each, by who broke it.

A server answers a request with a status; a client has no answer to give: it hangs up (`close`), or puts up with it.
"""

from __future__ import annotations

from typing import NamedTuple

from protolab.fields import Side
from protolab.findings import Finding, Rule


class Pair(NamedTuple):
    """One rule for both sides: `of[side]` is what it is when that side breaks it."""

    of: tuple[Rule, Rule]

    def at(self, start: int, end: int, side: Side, detail: str = "") -> Finding:
        """The rule, broken by `side` at the unit's bytes [start, end)."""
        return self.of[side].at(start, end, side, detail)


def _pair(id: str, says: str, clause: str, server: str, client: str, mend: str) -> Pair:
    """A rule that a `server` answers with one thing and a `client` with another."""
    rule = Rule(id, says, clause, server, mend)
    return Pair((rule, rule._replace(reaction=client)))


START_LINE = _pair(
    "start-line", "the start line is not what the grammar asks for", "RFC 9112 section 3", "HTTP 400", "close",
    "send `METHOD target HTTP/1.1` or `HTTP/1.1 NNN reason`, with single spaces",
)  # fmt: skip
LOOSE_LINE = _pair(
    "start-line-loose", "the start line is not quite what the grammar asks for", "RFC 9112 sections 3 and 4", "", "",
    "put one space between its parts, and nothing that cannot be read into the reason",
)  # fmt: skip
TARGET = _pair(
    "request-target", "this is not a target that a request can have", "RFC 9112 section 3.2", "HTTP 400", "",
    "send a path that begins with /, percent-encoded, without a fragment",
)  # fmt: skip
STATUS = _pair(
    "status-code", "a status code is from 100 to 599", "RFC 9110 section 15", "", "read as a 5xx",
    "choose a code that is registered",
)  # fmt: skip
HEADER_LINE = _pair(
    "header-line", "this line is not `Name: value`", "RFC 9112 section 5", "HTTP 400", "",
    "write the name, a colon with no space before it, and the value",
)  # fmt: skip
COLON = _pair(
    "space-before-colon", "no space stands between a name and its colon", "RFC 9112 section 5.1", "HTTP 400", "",
    "write the colon right behind the name",
)  # fmt: skip
VALUE = _pair(
    "header-value", "a value holds no control characters", "RFC 9110 section 5.5", "HTTP 400", "",
    "leave them out, or encode them",
)  # fmt: skip
FOLDED = _pair(
    "folded-line", "a value that goes on in the next line (obs-fold) is no longer allowed", "RFC 9112 section 5.2",
    "HTTP 400", "", "put the whole value on one line",
)  # fmt: skip
BARE_LF = _pair(
    "bare-lf", "this line ends with LF alone, not with CR LF", "RFC 9112 section 2.2", "", "",
    "end every line of a head with CR LF",
)  # fmt: skip
HOST = _pair(
    "host", "a request over HTTP/1.1 has one Host header", "RFC 9112 section 3.2", "HTTP 400", "",
    "name the server once in Host",
)  # fmt: skip
LENGTH = _pair(
    "content-length", "this is not the length of a body", "RFC 9112 section 6.3", "HTTP 400", "close",
    "send one Content-Length, in decimal digits",
)  # fmt: skip
CODING = _pair(
    "transfer-encoding", "the length of the body cannot be known", "RFC 9112 section 6.3", "HTTP 400", "close",
    "let chunked be the last transfer coding, once, over HTTP/1.1",
)  # fmt: skip
BOTH = _pair(
    "length-and-coding", "Content-Length must not stand beside Transfer-Encoding", "RFC 9112 section 6.2",
    "HTTP 400, or the connection closed after the answer", "the length ignored, and the connection closed",
    "leave Content-Length out: the chunks say where the body ends",
)  # fmt: skip
BODILESS = _pair(
    "length-without-body", "a response with this status has no body, and says no length of one", "RFC 9110 section 8.6", "", "",
    "leave Content-Length and Transfer-Encoding out of 1xx and 204",
)  # fmt: skip
UNASKED = _pair(
    "switch-unasked", "101 switches to a protocol that was not asked for", "RFC 9110 section 7.8", "", "close",
    "answer 101 only to a request with Upgrade",
)  # fmt: skip
CHUNK_SIZE = _pair(
    "chunk-size", "this is not a chunk: a size in hexadecimal and CR LF must stand here", "RFC 9112 section 7.1",
    "HTTP 400", "close", "write each chunk as its size in hexadecimal, CR LF, the data, CR LF",
)  # fmt: skip
CHUNK_END = _pair(
    "chunk-end", "the chunk's data are over, and CR LF must stand here", "RFC 9112 section 7.1",
    "HTTP 400", "close", "say the data's real size in the chunk's first line, and end them with CR LF",
)  # fmt: skip
EXTENSION = _pair(
    "chunk-extension", "what stands after the size is not a chunk extension", "RFC 9112 section 7.1.1",
    "HTTP 400", "close", "write `;name` or `;name=value` after the size, or nothing",
)  # fmt: skip
TRAILER = _pair(
    "trailer", "this field cannot come after the body", "RFC 9110 section 6.5.1", "", "",
    "send it in the head",
)  # fmt: skip
CUT_OFF = _pair(
    "cut-off", "the stream ended inside this message", "RFC 9112 section 8", "", "the response counts as incomplete",
    "send the message whole before you end the stream",
)  # fmt: skip
ENCODED = _pair(
    "content-encoding", "the content is not what Content-Encoding says", "RFC 9110 section 8.4.1", "HTTP 400", "",
    "compress the whole content as it says, once for each coding",
)  # fmt: skip
