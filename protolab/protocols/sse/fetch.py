"""One GET over HTTP/1.1 for a body that may never end: redirects are followed, and the body is given out as it comes.

    answer = await fetch("http://127.0.0.1:8000/events", {"Accept": "text/event-stream"})
    while data := await answer.read():
        ...
    answer.abort()

What is held in memory is bounded: a head, with those of interim responses, may have 64 KiB, a line that announces a
chunk 4 KiB, and 64 KiB of body are read at a time. At these bounds reading ends with `BadAnswer`.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from protolab import repeat
from protolab.errors import LabError
from protolab.wire import http1, http1_bodies

HEAD_LIMIT = 2**16  # bytes of a response's head, interim responses included
LINE_LIMIT = 2**12  # bytes of a chunk's first line, or of its trailers
PIECE = 2**16  # bytes of a body read at a time
REDIRECTS = 20  # as many as a browser follows: Fetch, HTTP-redirect fetch, step 7
MOVED = (301, 302, 303, 307, 308)
PERMANENT = (301, 308)  # RFC 9110 sections 15.4.2 and 15.4.9: ask there from now on
SECRETS = ("authorization", "cookie", "proxy-authorization")  # for one origin only: the same, step 13

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_UNFIT = re.compile(r"[\x00-\x1f\x7f]")


class BadAnswer(Exception):
    """What answers is no server that a client can go on talking to; asked again, it would answer the same."""


class Body:
    """Takes away what delimits a body, as its bytes come: RFC 9112 sections 6.3 and 7.1.

    >>> body = Body(http1_bodies.Framing("chunked"))
    >>> body.feed(b"5\\r\\nhel"), body.done, body.feed(b"lo\\r\\n0\\r\\n\\r\\n"), body.done
    (b'hel', False, b'lo', True)
    """

    def __init__(self, framing: http1_bodies.Framing) -> None:
        self.done = framing.kind == "none"
        self._kind = framing.kind
        self._left = framing.length  # bytes to come of the body, or of the chunk
        self._buffer = bytearray()  # of a chunked body: what cannot be understood yet
        self._part = self._size

    @property
    def cut(self) -> bool:
        """Whether the body has not come to its end, if the connection ends now."""
        return not self.done and self._kind != "close"

    def feed(self, data: bytes) -> bytes:
        """The part of the body that is in these bytes. BadAnswer: they are no chunks."""
        if self.done or self._kind == "close":
            return b"" if self.done else data
        if self._kind == "length":
            data = data[: self._left]
            self._left -= len(data)
            self.done = not self._left
            return data
        self._buffer += data
        out = bytearray()
        while not self.done and self._part(out):
            continue
        return bytes(out)

    def _size(self, out: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        match = _SIZE.fullmatch(line)
        if match is None:
            raise BadAnswer(f"{line[:20]!r} does not announce a chunk")
        self._left = int(match[1], 16)
        self._part = self._data if self._left else self._trailer
        return True

    def _data(self, out: bytearray) -> bool:
        piece = self._buffer[: self._left]
        out += piece
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        if not self._left:
            self._part = self._end
        return bool(piece)

    def _end(self, out: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        if line.strip(b"\r\n"):
            raise BadAnswer(f"a chunk is longer than announced, by {line[:20]!r}")
        self._part = self._size
        return True

    def _trailer(self, out: bytearray) -> bool:
        line = self._line()
        self.done = line in (b"\r\n", b"\n")
        return line is not None

    def _line(self) -> bytes | None:
        """The next whole line, or None when it has not come yet."""
        end = self._buffer.find(b"\n", 0, LINE_LIMIT) + 1
        if not end:
            if len(self._buffer) >= LINE_LIMIT:
                raise BadAnswer(f"a line between chunks is longer than {LINE_LIMIT} bytes")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line


class Answer:
    """A response whose body is still to come. `url` is where it came from; `home`, where to ask the next time."""

    def __init__(self, url: str, home: str, head: http1.Head, body: Body, stream: _Stream) -> None:
        self.url = url
        self.home = home
        self.head = head
        self._body = body
        self._stream = stream

    async def read(self) -> bytes:
        """The next bytes of the body; none at its end, be it the end that was announced or the connection's.

        OSError: the connection broke, or ended before the body did. BadAnswer: what came is no body.
        """
        while not self._body.done:
            data = await self._stream.read()
            if not data:
                if self._body.cut:
                    raise ConnectionError("the connection ended in the middle of the body")
                break
            if piece := self._body.feed(data):
                return piece
        return b""

    def abort(self) -> None:
        """End the connection at once. Safe to call twice, and while `read` waits, which then ends."""
        self._stream.abort()

    async def wait_closed(self) -> None:
        """Until the connection, which `abort` ended, is gone."""
        await self._stream.wait_closed()


class _Stream:
    """A TCP connection that may give back what was read too much."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.ahead = b""

    async def read(self) -> bytes:
        data, self.ahead = self.ahead, b""
        return data or await self.reader.read(PIECE)

    def abort(self) -> None:
        self.writer.transport.abort()

    async def wait_closed(self) -> None:
        try:
            await self.writer.wait_closed()
        except OSError:
            return


def split(url: str) -> SplitResult:
    """An http or https URL in parts. LabError: it is none, or one with a password in it."""
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool((parts.hostname or "").encode("idna")) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed, a name that is none
        fit = False
    if not fit or _UNFIT.search(url):
        raise LabError(f"{url!r} is no URL of an event stream.", "Write one such as http://127.0.0.1:8000/events.")
    if parts.username is not None:
        raise LabError(
            f"There is a user's name in the URL of {parts.hostname}.",
            'Leave it out, and pass headers={"Authorization": ...}.',
        )
    return parts


def origin(parts: SplitResult) -> tuple[str, str | None, int]:
    """Scheme, host and port: RFC 6454 section 4."""
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


async def fetch(url: str, headers: Mapping[str, str], tls: ssl.SSLContext | None = None) -> Answer:
    """GET `url`, following redirects, and return the response once its head is there.

    `headers` go with each request beside Host; to another origin, those that are meant for one only (`SECRETS`) do not.
    `tls` is for https, by default Python's own settings. No cross-origin rule keeps a program from reading what it gets,
    as CORS keeps a page; but a redirect from https to http is not followed, nor one with a password in it.

    OSError: nobody is there, or the connection broke. BadAnswer: what answers is no HTTP/1.1, or redirects too often.
    """
    where, home, permanent = split(url), url, True
    for _ in range(REDIRECTS + 1):
        answer = await _ask(where, headers, tls)
        location = answer.head.get("Location")
        if answer.head.status not in MOVED or location is None:
            answer.home = home
            return answer
        answer.abort()
        await answer.wait_closed()
        try:
            target = urljoin(where.geturl(), quote(location, safe="%/:?#[]@!$&'()*+,;=-._~"))
            there = split(target)
        except (LabError, ValueError):
            raise BadAnswer(f"redirected to where no client can go, {location[:200]!r}") from None
        if (where.scheme, there.scheme) == ("https", "http"):
            raise BadAnswer("redirected from https to http, where anybody can read along")
        if origin(where) != origin(there):
            headers = {name: value for name, value in headers.items() if name.lower() not in SECRETS}
        where = there
        permanent = permanent and answer.head.status in PERMANENT
        home = target if permanent else home
    raise BadAnswer(f"redirected more than {REDIRECTS} times")


async def _ask(where: SplitResult, headers: Mapping[str, str], tls: ssl.SSLContext | None) -> Answer:
    """One request, and the head of its response."""
    _, host, port = origin(where)
    secure = (tls or ssl.create_default_context()) if where.scheme == "https" else None
    stream = _Stream(*await asyncio.open_connection(host, port, limit=PIECE, ssl=secure))
    try:
        stream.writer.write(_request(where, headers))
        await stream.writer.drain()
        head = await _head(stream)
        return Answer(where.geturl(), "", head, Body(_framing(head)), stream)
    except BaseException:
        stream.abort()
        raise


def _request(where: SplitResult, headers: Mapping[str, str]) -> bytes:
    target = quote(where.path or "/", safe="/%:@!$&'()*+,;=-._~")
    if where.query:
        target += "?" + quote(where.query, safe="/?%:@!$&'()*+,;=-._~[]")
    lines = {"Host": repeat.authority(where.netloc.encode("idna").decode()), **headers}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET {target} HTTP/1.1\r\n{text}\r\n".encode()


async def _head(stream: _Stream) -> http1.Head:
    """The head of the final response, after any number of interim ones (RFC 9110 section 15.2)."""
    data, total = bytearray(), 0
    while True:
        while (end := http1.head_end(data)) < 0 and total + len(data) <= HEAD_LIMIT:
            more = await stream.read()
            if not more:
                raise ConnectionError("the connection ended before there was a response")
            data += more
            if not data.lstrip(b"\r\n").startswith(b"HTTP/"[: len(data.lstrip(b"\r\n"))]):
                raise BadAnswer(f"{bytes(data[:20])!r} is not how an HTTP/1.1 response begins")
        total += end if end >= 0 else len(data)
        if total > HEAD_LIMIT:
            raise BadAnswer(f"the head of its response has more than {HEAD_LIMIT:,} bytes")
        head = http1.response(bytes(data[:end]))
        del data[:end]
        if not head.status:
            raise BadAnswer("its response begins with a line that is no status line")
        if head.status == 101 or head.status >= 200:
            stream.ahead = bytes(data)
            return head


def _framing(head: http1.Head) -> http1_bodies.Framing:
    """How the body is delimited. BadAnswer: in no way that can be trusted (RFC 9112 sections 6.1 and 6.3)."""
    coding, length = head.get("Transfer-Encoding"), head.get("Content-Length")
    if coding is not None and [one.lower() for one in http1.elements(coding)] != ["chunked"]:
        raise BadAnswer(f"its body has the transfer coding {coding!r}, which was not asked for")
    if coding is not None:
        return http1_bodies.Framing("chunked")
    lengths = set(http1.elements(length or ""))
    if length is not None and not (len(lengths) == 1 and re.fullmatch(r"[0-9]{1,18}", lengths.pop())):
        raise BadAnswer(f"its Content-Length is {length!r}")
    return http1_bodies.framing(head, "GET")
