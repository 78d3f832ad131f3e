"""Hostile bytes at the live chat server: it never dies, answers only within RFC 6455, and holds no more than its bounds."""

from __future__ import annotations

import asyncio
import json
import random
from array import array
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protolab.protocols.websocket.chat import ChatServer, Limits
from protolab.protocols.websocket.close_codes import allowed
from protolab.wire.websocket_frames import CLOSE, PING, PONG, TEXT, Frame, read_head, scan
from tests.protocols.websocket.chatting import PATIENCE, guests, until

KB = 1 << 10
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

texts = st.sampled_from(
    [
        '{"type":"room","payload":{"action":"join","room":"tea"}}',
        '{"type":"room","payload":{"action":"leave","room":"tea"}}',
        '{"type":"chat","payload":{"room":"tea","message":"Hi"}}',
        '{"type":"chat","payload":{"room":"tea","message":"\\ud800"}}',
        '{"type":"system","payload":{"command":"get_stats"}}',
        '{"type":"x","payload":{}}',
        "[" * 2000,
    ]
).map(str.encode)
closes = st.builds(lambda code, reason: code.to_bytes(2) + reason, st.integers(0, 65_535), st.binary(max_size=130))
opcodes = st.sampled_from([TEXT, TEXT, TEXT, 0, 2, CLOSE, PING, PONG]) | st.integers(0, 15)
flag = st.sampled_from([False] * 9 + [True])
frames = st.builds(
    Frame,
    opcode=opcodes,
    payload=texts | closes | st.binary(max_size=200),
    fin=flag.map(lambda unlikely: not unlikely),
    rsv1=flag,
    rsv2=flag,
    rsv3=flag,
    key=st.binary(min_size=4, max_size=4) | flag.map({True: None, False: b"\1\2\3\4"}.get),
    form=st.just(64) | st.none(),
    length=st.none() | st.none() | st.sampled_from([0, 1, 125, 65_536, 2**62, 2**63, 2**64 - 1]),
)


def encode(frame: Frame) -> bytes:
    """A frame's bytes; where the length it lies about needs it, in the long form."""
    return frame._replace(form=64 if (frame.length or 0) > 125 else frame.form).encode()


def spoil(data: bytes, at: int, change: int) -> bytes:
    """One byte changed."""
    at %= len(data)
    return data[:at] + bytes((data[at] ^ change,)) + data[at + 1 :]


messages = frames.map(encode) | st.builds(spoil, frames.map(encode), st.integers(0), st.integers(1, 255))
heads = st.just(UPGRADE) | st.builds(spoil, st.just(UPGRADE), st.integers(0), st.integers(1, 255)) | st.binary(max_size=300)


class Attacker(asyncio.Protocol):
    """Takes down all that it is answered."""

    def __init__(self) -> None:
        self.answer = bytearray()
        self.cut = False  # by a reset, which may have swallowed the end of what the server said
        self.answered = asyncio.Event()
        self.over = asyncio.get_running_loop().create_future()
        self.writable = asyncio.Event()
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self.answer += data
        self.answered.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.cut = error is not None
        self.answered.set()
        self.writable.set()
        if not self.over.done():  # given up on
            self.over.set_result(None)


async def attack(port: int, data: bytes, step: int = 1 << 16, *, upgrade: bytes = b"", end: bool = True) -> Attacker:
    """Send `upgrade` and wait for an answer, send `data` in steps, and then (unless not `end`) our end of TCP.

    Come back when the server has ended its side too.
    """
    async with asyncio.timeout(PATIENCE):
        transport, attacker = await asyncio.get_running_loop().create_connection(Attacker, "127.0.0.1", port)
        if upgrade:
            transport.write(upgrade)
            await attacker.answered.wait()
        for start in range(0, len(data), step):
            transport.write(data[start : start + step])
            await attacker.writable.wait()
            await asyncio.sleep(0)  # a turn of the loop, so that the steps arrive one by one
            if transport.is_closing():
                break
        else:
            if end:
                transport.write_eof()
        await attacker.over
        transport.close()
    return attacker


def within_the_rfc(attacker: Attacker) -> list[Frame]:
    """Check every byte that the server said; the frames."""
    head, end, rest = bytes(attacker.answer).partition(b"\r\n\r\n")
    if (attacker.cut and not end) or not attacker.answer:
        return []
    assert end and head.startswith(b"HTTP/1.1 ")
    status = int(head[9:12])
    if status != 101:
        assert 400 <= status <= 505
        assert b"\r\nContent-Length: %d" % len(rest) in head or attacker.cut
        return []
    starts = array("Q")
    assert scan(rest, 0, starts) == len(rest) or attacker.cut, "a frame is cut off"
    for start in starts:
        header = read_head(rest, start)
        assert header is not None
        assert not header.masked  # section 5.1: a server must not mask
        assert header.fin and not (header.rsv1 or header.rsv2 or header.rsv3)
        assert header.form == (7 if header.length <= 125 else 16 if header.length <= 65_535 else 64)  # section 5.2
        assert header.opcode in (TEXT, CLOSE, PING, PONG)
        assert header.opcode == TEXT or header.length <= 125  # section 5.5
    said = [Frame.decode(rest[start:end]) for start, end in pairwise([*starts, len(rest)])]
    for frame in said:
        if frame.opcode == TEXT:
            assert set(json.loads(frame.payload)) == {"type", "payload"}
        if frame.opcode == CLOSE and frame.payload:
            assert allowed(int.from_bytes(frame.payload[:2])) and len(frame.payload) > 1  # section 7.4
            frame.payload[2:].decode()  # section 5.5.1
    assert all(frame.opcode != CLOSE for frame in said[:-1])  # section 5.5.1: nothing after Close
    return said


def held(server: ChatServer) -> int:
    """The most that the server holds for one connection, in bytes: to be written, and in messages not yet looked at."""
    return max(
        (
            each.transport.get_write_buffer_size()
            + (each.member.size if each.member else 0)
            + sum(len(frame.data) for frame in each.recv_messages.frames.queue)
            for each in server.connections
        ),
        default=0,
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(heads, st.lists(messages | st.binary(max_size=50), max_size=12), st.integers(1, 400))
def test_hostile_bytes(head: bytes, sent: list[bytes], step: int) -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(grace=0.5, message=4 * KB))
        async with guests(server) as (ann,):
            await ann.join("tea")
            within_the_rfc(await attack(server.port, head + b"".join(sent), step))
            await until(lambda: len(server.connections) == 1)
            await ann.say("system", command="ping")
            while (message := await ann.next())["payload"].get("command") != "pong":
                assert message["type"] in ("chat", "system")  # what a guest may hear of another
            assert server.statistics().rooms == {"tea": 1}
            assert "failed" not in repr(server.log)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (Frame(TEXT, b"", key=bytes(4), form=64, length=2**62).encode(), 1009),
        (Frame(TEXT, b"x" * 3000, fin=False, key=bytes(4)).encode() + Frame(0, b"x" * 3000, key=bytes(4)).encode(), 1009),
        (Frame(TEXT, fin=False, key=bytes(4)).encode() + Frame(0, fin=False, key=bytes(4)).encode() * 100_000, 1009),
        (Frame(TEXT, b"{}", key=bytes(4)).encode() * 100_000, 1008),
        (Frame(2, b"", key=bytes(4)).encode() * 100_000, 1003),
        (Frame(TEXT, b"\xff", key=bytes(4)).encode() * 1000, 1007),
        (Frame(PING, b"x" * 125, key=bytes(4)).encode() * 50_000, None),
        (random.Random(1).randbytes(1 << 21), 1002),
    ],
    ids=["a lie of 2**62 bytes", "fragments", "empty fragments", "texts", "binaries", "not UTF-8", "pings", "noise"],
)
def test_floods_end_with_the_right_code_and_stay_within_bounds(data: bytes, code: int | None) -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(grace=0.5, message=4 * KB))
        async with guests(server) as (ann,):
            attacking = asyncio.create_task(attack(server.port, data, upgrade=UPGRADE, end=code is None))
            most = 0
            while not attacking.done():
                most = max(most, held(server))
                await asyncio.sleep(0)
            said = within_the_rfc(attacking.result())
            assert (int.from_bytes(said[-1].payload[:2]) if said[-1].opcode == CLOSE else None) == code
            assert most <= server.fanout.most + 512 * KB  # and what one read can bring
            assert await ann.silent()
            await until(lambda: len(server.connections) == 1)

    asyncio.run(story())


@pytest.mark.parametrize(
    "data",
    [b"x" * (1 << 20), b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 50_000, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b""],
    ids=["no line end", "headers", "a long path", "nothing"],
)
def test_a_handshake_without_end_is_ended(data: bytes) -> None:
    async def story() -> None:
        server = ChatServer()
        async with guests(server) as (ann,):
            assert within_the_rfc(await attack(server.port, data)) == []
            await until(lambda: len(server.connections) == 1)
            assert await ann.silent()

    asyncio.run(story())


def test_a_hundred_attackers_at_once_cost_the_others_nothing() -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(grace=0.5))
        async with guests(server, 2) as (ann, bob):
            for guest in (ann, bob):
                await guest.join("tea")
            await ann.hears("system", command="user_joined")
            dice = random.Random(2)
            attacks = asyncio.gather(
                *(attack(server.port, UPGRADE + dice.randbytes(dice.randrange(2000))) for _ in range(100))
            )
            for number in range(50):
                await ann.say("chat", room="tea", message=str(number))
                assert (await bob.hears("chat"))["message"] == str(number)
            for attacker in await attacks:
                within_the_rfc(attacker)
            await until(lambda: len(server.connections) == 2)

    asyncio.run(story())


@pytest.mark.parametrize("step", [1, 100, 1000])
def test_frames_that_came_before_the_101_are_answered_after_it(step: int) -> None:
    async def story() -> None:
        server = ChatServer(limits=Limits(grace=0.5))
        await server.start()
        early = Frame(PING, b"early", key=bytes(4)).encode() + Frame(CLOSE, b"\x03\xe8", key=bytes(4)).encode()
        attacker = await attack(server.port, UPGRADE + early, step, end=False)
        assert attacker.answer.startswith(b"HTTP/1.1 101 ")
        said = within_the_rfc(attacker)
        assert [frame.payload for frame in said if frame.opcode != TEXT] == [b"early", b"\x03\xe8"]
        await server.stop()

    asyncio.run(story())
