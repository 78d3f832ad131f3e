"""sse.Client and the answers that are no stream: what ends it for good, where it is sent elsewhere, what is too much."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from protolab import sse
from protolab.errors import LabError
from protolab.protocols.sse.endings import StreamError
from protolab.serve.returning import Rule
from tests.protocols.sse.scripted import GONE, OK, Heard, Talk, quick, run, served, told
from tests.tools import need

pytestmark = pytest.mark.live


def moved(status: int, where: str) -> bytes:
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


def answer(status: str, *lines: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode()


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        (answer("404 Not Found", "Content-Type: text/event-stream"), 404, "404 Not Found"),
        (answer("500 Oops"), 500, "500 Internal Server Error"),
        (answer("503 Busy", "Retry-After: 1"), 503, "503"),
        (answer("205 Reset Content", "Content-Type: text/event-stream"), 205, "205"),
        (answer("101 Switching Protocols", "Upgrade: x"), 101, "101"),
        (answer("304 Not Modified"), 304, "304"),
        (answer("302 Found"), 302, "302"),
        (answer("200 OK"), 200, "does not say of which type"),
        (answer("200 OK", "Content-Type: text/html"), 200, "text/html"),
        (answer("200 OK", "Content-Type: text/event-streamer"), 200, "text/event-streamer"),
        (answer("200 OK", "Content-Type: text/event-stream, text/plain"), 200, "text/plain"),
        (answer("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip"), 200, "gzip"),
    ],
)
def test_an_answer_that_is_no_stream_ends_it_for_good(said: bytes, status: int, why: str) -> None:
    async def main() -> None:
        async with served(said) as server:
            client = sse.Client(server.url, **quick())
            heard = Heard(client)
            with pytest.raises(StreamError, match=why) as caught:
                await client
            assert caught.value.status == status and caught.value.remedy.startswith("To come back would not help")
            assert client.failure is caught.value and client.ready_state == 2
            with pytest.raises(StreamError):
                await told(client)
        assert len(server.requests) == 1 and [name for name, _ in heard.told] == ["error"]

    run(main())


@pytest.mark.parametrize(
    "value",
    ["text/event-stream", "Text/Event-Stream;", "text/event-stream ; charset=windows-1252", "a/b, text/event-stream"],
)
def test_the_type_is_compared_without_case_and_parameters(value: str) -> None:
    async def main() -> None:
        async with served(answer("200 OK", f"Content-Type: {value}") + b"data: \xc3\xa9\n\n", GONE) as server:
            assert await told(sse.Client(server.url, **quick())) == ["é"]

    run(main())


def test_a_client_that_is_told_204_at_once_says_so_and_is_not_at_fault() -> None:
    async def main() -> None:
        async with served(GONE) as server:
            client = sse.Client(server.url)
            with pytest.raises(LabError, match="204 No Content"):
                await client
            assert client.failure is None and await told(client) == []
        assert len(server.requests) == 1

    run(main())


def test_rules_may_say_that_a_status_passes_and_retry_after_is_waited_for() -> None:
    async def main() -> None:
        busy = answer("503 Service Unavailable", "Retry-After: 0", "Content-Length: 0")
        async with served(busy, OK + b"data: x\n\n", GONE) as server:
            client = sse.Client(server.url, **quick(rules={503: Rule.AGAIN, 204: Rule.NEVER}))
            with pytest.raises(StreamError, match="204"):
                await told(client)
            assert client.counts.received == 1
        async with served(busy.replace(b"After: 0", b"After: 99")) as server:
            client = sse.Client(server.url, **quick(rules={503: Rule.AGAIN}))
            heard = Heard(client)
            client.start()
            assert 99 <= (await heard.until("reconnecting")).delay <= 99.01
            await client.close()

    run(main())


def test_redirects_are_followed_and_only_permanent_ones_remembered() -> None:
    async def main() -> None:
        async with served(OK + b"id: 1\ndata: a\n\n", OK + b"data: b\n\n", OK + b"data: c\n\n", GONE) as there:
            first = (moved(301, "/second?x=1#part"), moved(308, "third"), moved(307, there.url), moved(303, there.url))
            async with served(*first) as here:
                client = sse.Client(here.url, **quick())
                heard = Heard(client)
                assert await told(client) == ["a", "b", "c"]
            targets = [head.start[1] for head in here.requests]
            assert targets == ["/events", "/second?x=1", "/third", "/third", "/third", "/third"]
            assert there.asked("Last-Event-ID") == [None, "1", "1", "1"]
            assert [one.url for one in heard.all("connected")] == [there.url] * 3

    run(main())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_is_meant_for_one_origin_does_not_go_to_another(status: int) -> None:
    secrets = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Other": "goes"}

    async def main() -> None:
        async with served(GONE) as there, served(moved(status, "/here"), moved(status, there.url)) as here:
            assert await told(sse.Client(here.url, headers=secrets, last_event_id="7")) == []
            assert here.asked("Authorization") == ["Bearer x"] * 2
            for name, value in {"Authorization": None, "Cookie": None, "X-Other": "goes", "Last-Event-ID": "7"}.items():
                assert there.asked(name) == [value]

    run(main())


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("/events", "more than 20 times"),
        ("ftp://example.org/", "where no client can go"),
        ("http://user:secret@127.0.0.1/", "where no client can go"),
        ("http://[", "where no client can go"),
        ("http://a..b/", "where no client can go"),
    ],
)
def test_redirects_that_lead_nowhere_end_it(where: str, why: str) -> None:
    async def main() -> None:
        async with served(moved(302, where)) as server:
            with pytest.raises(StreamError, match=why):
                await sse.Client(server.url, **quick())
            assert len(server.requests) == (21 if "more" in why else 1)

    run(main())


BODY = OK[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not how an HTTP/1.1 response begins"),
        (b"HTTP/2 what\r\n\r\n", "no status line"),
        (OK[:-2] + b"X: " + b"x" * 70_000, "more than 65,536 bytes"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "more than 65,536 bytes"),
        (OK[:-2] + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "not asked for"),
        (OK[:-2] + b"Content-Length: 5, 6\r\n\r\n", "Content-Length"),
        (OK[:-2] + b"Content-Length: -1\r\n\r\n", "Content-Length"),
        (BODY + b"5 five\r\n", "does not announce a chunk"),
        (BODY + b"-5\r\n", "does not announce a chunk"),
        (BODY + b"1\r\n::\r\n", "longer than announced"),
        (BODY + b"1;" + b"x" * 5000, "longer than 4096 bytes"),
    ],
)
def test_a_peer_that_does_not_speak_http_ends_it(said: bytes, why: str) -> None:
    async def talk(talk: Talk) -> None:
        await talk.say(said)
        await talk.hold()

    async def main() -> None:
        async with served(talk) as server:
            with pytest.raises(StreamError, match=why):
                await told(sse.Client(server.url, **quick()))

    run(main())


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 5000, b"data: x\n" * 900, b"unknown: " + b"x" * 5000])
def test_an_event_that_grows_without_end_ends_it(piece: bytes) -> None:
    async def endless(talk: Talk) -> None:
        await talk.say(OK + b"data: " + b"y" * 3000 + b"\n\n")
        while not talk.writer.is_closing():
            await talk.say(piece)

    async def main() -> None:
        async with served(endless) as server:
            client = sse.Client(server.url, **quick(max_event=4000))
            with pytest.raises(StreamError, match="4,000 bytes"):
                await told(client)
            assert client.counts.received == 1

    run(main())


@pytest.mark.parametrize(
    "url",
    [
        "http://a..b/",
        "ws://127.0.0.1/",
        "127.0.0.1:80",
        "http://",
        "http://a:b@c/",
        "http://a:99999/",
        "http://a/\r\nX: y",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(LabError):
        sse.Client(url)


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X: y": "z"}},
        {"headers": {"": "z"}},
        {"headers": {"X": "\ud800"}},
        {"headers": {"Host": "x"}},
        {"headers": {"last-event-id": "x"}},
        {"last_event_id": "1\nX: y"},
        {"last_event_id": "1\0"},
    ],
)
def test_headers_that_cannot_be_sent_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(LabError, match="cannot be made with the header"):
        sse.Client("http://127.0.0.1/", **options)


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for localhost of its own making, and a client's that trusts it."""
    openssl = need("openssl")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return theirs, ssl.create_default_context(cafile=folder / "cert.pem")


def test_https_is_taken_from_who_is_trusted_and_never_left_for_http(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path)

    async def main() -> None:
        async with served(OK + b"data: secret\n\n", GONE, tls=theirs) as server:
            assert await told(sse.Client(server.url, **quick(tls=ours))) == ["secret"]
            with pytest.raises(StreamError, match=r"self.signed"):
                await sse.Client(server.url, **quick())
        async with served(OK) as plain, served(moved(307, plain.url), tls=theirs) as server:
            with pytest.raises(StreamError, match="from https to http"):
                await sse.Client(server.url, **quick(tls=ours))
            assert not plain.requests

    run(main())
