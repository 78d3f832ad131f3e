"""The tap between real peers over loopback: what one side does, the other sees, and the capture has it."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import threading
from contextlib import suppress

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.capture import Capture, End
from protolab.capture.tap import Tap
from protolab.errors import LabError
from protolab.fields import Side
from tests.capture.peers import SOON, bench, echo, ends, pair, receive, reset, slow_lookup, soon, tapped, until

pytestmark = pytest.mark.live
MEGABYTE = 2**20


def test_megabytes_pass_both_ways_at_once_and_are_recorded_byte_for_byte() -> None:
    asked, answered = random.Random(1).randbytes(6 * MEGABYTE), random.Random(2).randbytes(5 * MEGABYTE + 1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
        async def say() -> None:
            writer.write(data)
            await writer.drain()
            writer.write_eof()

        heard, _ = await soon(asyncio.gather(reader.read(-1), say()))
        writer.close()
        return heard

    async def main() -> None:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await talk(reader, writer, answered))

        async with tapped(serve) as at:
            assert await talk(*await at.connect(), asked) == answered
            assert await soon(heard) == asked
            assert at.capture[0].read(Side.CLIENT) == asked
            assert at.capture[0].read(Side.SERVER) == answered
            assert at.capture[0].sizes() == (len(asked), len(answered))

    asyncio.run(main())


def test_an_answer_that_was_seen_is_in_the_capture() -> None:
    async def main() -> None:
        async with tapped(echo) as at:
            reader, writer = await at.connect()
            for number in range(50):
                writer.write(b"%02d" % number)
                assert await soon(reader.readexactly(2)) == b"%02d" % number
                assert at.capture[0].sizes() == (2 * number + 2, 2 * number + 2)
            writer.close()

    asyncio.run(main())


STEPS = st.lists(st.tuples(st.sampled_from(Side), st.sampled_from(["say", "say", "FIN", "RST"])), max_size=8)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_what_one_side_does_the_other_sees_and_the_capture_has(steps: list[tuple[Side, str]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        finished: set[Side] = set()
        done: list[tuple[str, str]] = []
        said = [b"", b""]
        async with pair() as (at, *sockets):
            for side, step in steps:
                if side in finished:
                    continue
                mine, other = sockets[side], sockets[side.other]
                if step == "say":
                    data = os.urandom(random.randrange(1, 3000))
                    await loop.sock_sendall(mine, data)
                    assert await receive(other, len(data)) == data
                    said[side] += data
                elif step == "FIN":
                    mine.shutdown(socket.SHUT_WR)
                    assert await receive(other, 1) == b""
                    finished.add(side)
                else:
                    reset(mine)
                    with pytest.raises(ConnectionResetError):
                        await receive(other, 1)
                if step != "say":
                    done.append((str(side), step))
                if step == "RST":
                    break
            assert ends(at.capture) == done
            assert [at.capture[0].read(side) for side in Side] == said

    asyncio.run(main())


def test_what_is_said_before_the_server_is_reached_waits_with_the_client_and_keeps_its_order() -> None:
    data = random.Random(3).randbytes(20 * MEGABYTE)

    def say(client: socket.socket) -> None:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)

    async def main() -> None:
        async with slow_lookup() as looked_up, tapped(echo, host="localhost") as at:
            client = socket.create_connection(("127.0.0.1", at.port))
            client.settimeout(SOON)
            saying = threading.Thread(target=say, args=(client,))
            saying.start()
            await until(lambda: at.capture.size)
            for _ in range(100):
                await asyncio.sleep(0)  # turns in which it could read more, and must not
            assert at.capture.segments == 1
            looked_up.set()
            reader, writer = await asyncio.open_connection(sock=client)
            assert await soon(reader.readexactly(len(data))) == data
            assert await soon(reader.read()) == b""
            saying.join()
            assert at.capture[0].read(Side.CLIENT) == data
            writer.close()

    asyncio.run(main())


def test_clients_that_wait_for_their_server_at_the_same_time_keep_their_own_bytes() -> None:
    async def main() -> None:
        async with slow_lookup() as looked_up, tapped(echo, host="localhost") as at:
            clients = []
            for name in (b"a", b"b", b"c"):
                reader, writer = await at.connect()
                writer.write(name * 1000)
                clients.append((name, reader, writer))
            await until(lambda: at.capture.size == 3000)
            looked_up.set()
            for name, reader, writer in clients:
                assert await soon(reader.readexactly(1000)) == name * 1000
                writer.close()

    asyncio.run(main())


def test_a_client_that_finished_before_the_server_is_reached_is_answered() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        writer.write(b"so you say nothing")

    async def main() -> None:
        async with slow_lookup() as looked_up, tapped(greet, host="localhost") as at:
            reader, writer = await at.connect()
            writer.write_eof()
            await until(lambda: len(at.capture) and ends(at.capture))
            looked_up.set()
            assert await soon(reader.read()) == b"so you say nothing"
            assert ends(at.capture) == [("client", "FIN"), ("server", "FIN")]
            writer.close()

    asyncio.run(main())


def test_a_client_that_breaks_off_before_the_server_is_reached_leaves_nothing_dialling() -> None:
    async def main() -> None:
        async with slow_lookup(), tapped(echo, host="localhost") as at:
            client = socket.create_connection(("127.0.0.1", at.port))
            await until(lambda: at.tap.live)
            reset(client)
            await until(lambda: not at.tap.live)
            assert ends(at.capture) == [("client", "RST")]

    asyncio.run(main())


def test_a_connection_is_over_when_both_sides_finished_and_all_is_passed_on() -> None:
    async def main() -> None:
        async with pair() as (at, client, server):
            client.shutdown(socket.SHUT_WR)
            assert await receive(server, 1) == b""
            assert at.tap.live == 1
            server.send(b"goodbye")
            server.shutdown(socket.SHUT_WR)
            assert await receive(client, 8) == b"goodbye"
            await until(lambda: not at.tap.live)

    asyncio.run(main())


def test_when_both_break_off_at_once_the_recording_ends_with_the_first() -> None:
    async def main() -> None:
        async with pair() as (at, client, server):
            client.send(b"one")
            server.send(b"two")
            reset(client)
            reset(server)
            await until(lambda: not at.tap.live)
            *_, last = at.capture[0].events
            assert isinstance(last, End)
            assert len(ends(at.capture)) == 1

    asyncio.run(main())


def test_what_a_side_said_before_it_broke_off_arrives_even_if_it_was_written_to_first() -> None:
    async def main() -> None:
        async with pair() as (at, client, server):
            client.send(b"more")  # first in the tap's queue of events: it writes this to a socket that is already reset
            server.send(b"answer")
            reset(server)
            assert await receive(client, 6) == b"answer"
            with pytest.raises(ConnectionResetError):
                await receive(client, 1)
            assert at.capture[0].read(Side.SERVER) == b"answer"
            assert ends(at.capture) == [("server", "RST")]

    asyncio.run(main())


def test_a_client_that_reads_nothing_slows_the_server_and_fills_no_memory() -> None:
    total = 40 * MEGABYTE

    async def main() -> None:
        blocked = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(total // MEGABYTE):
                writer.write(bytes(MEGABYTE))
                try:
                    await asyncio.wait_for(writer.drain(), 0.5)
                except TimeoutError:
                    blocked.set()
                    await writer.drain()

        async with tapped(serve, limit=MEGABYTE) as at:
            client = socket.create_connection(("127.0.0.1", at.port))
            client.setblocking(False)
            await soon(blocked.wait())
            passed = at.capture.size + at.capture.dropped
            assert 0 < at.tap.pending <= 512 * 1024  # a read of 256 kB on top of the mark of 64 kB
            assert passed < total / 2
            assert len(await receive(client, total)) == total
            assert at.tap.pending == 0
            assert at.capture.size + at.capture.dropped == total
            client.close()

    asyncio.run(main())


def test_when_no_server_is_there_the_client_is_reset_and_the_log_says_what_to_do() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        at = bench(port)
        at.port = await at.tap.start()
        reader, writer = await at.connect()
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(1))
        writer.close()
        assert ends(at.capture) == [("server", "RST")]
        assert at.log == [
            f"connection 1: no server at 127.0.0.1:{port} (connection refused), so the client is reset; "
            "start the server, or check the address"
        ]
        await at.tap.stop()

    asyncio.run(main())


def test_a_host_name_that_cannot_be_one_resets_the_client_too() -> None:
    async def main() -> None:
        log: list[str] = []
        tap = Tap("a" * 70 + ".invalid", 80, Capture(), log=log.append)
        port = await tap.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionResetError):
            await soon(reader.read(1))
        writer.close()
        assert len(log) == 1
        await tap.stop()

    asyncio.run(main())


def test_a_full_capture_is_told_of_once_and_the_relay_goes_on() -> None:
    async def main() -> None:
        data = random.Random(4).randbytes(100_000)
        async with tapped(echo, limit=1000) as at:
            for _ in range(2):
                reader, writer = await at.connect()
                writer.write(data)
                writer.write_eof()
                assert await soon(reader.read(-1)) == data
                writer.close()
            assert at.capture[0].read(Side.CLIENT) == data[:1000]
            assert (at.capture.full, at.capture.size, at.capture.dropped) == (True, 1000, 4 * len(data) - 1000)
            assert at.capture[1].dropped == [len(data), len(data)]
            assert ends(at.capture, 1) == [("client", "FIN"), ("server", "FIN")]
            assert [line.split(",")[0] for line in at.log] == ["the capture is full"]

    asyncio.run(main())


def test_cut_resets_both_sides_of_the_connection_it_names_and_no_other() -> None:
    async def main() -> None:
        resets: asyncio.Queue[bytes] = asyncio.Queue()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            name = await reader.readexactly(1)
            writer.write(name)
            try:
                await echo(reader, writer)
            except ConnectionResetError:
                resets.put_nowait(name)

        async with tapped(serve) as at:
            clients = [await at.connect() for _ in range(3)]
            for name, (reader, writer) in zip((b"1", b"2", b"3"), clients, strict=True):
                writer.write(name)
                await soon(reader.readexactly(1))
            assert at.tap.cut(2) == 1
            with pytest.raises(ConnectionResetError):
                await soon(clients[1][0].read(1))
            assert await soon(resets.get()) == b"2"
            assert ends(at.capture, 1) == [("client", "RST"), ("server", "RST")]
            assert at.tap.live == 2
            clients[0][1].write(b"!")
            assert await soon(clients[0][0].readexactly(1)) == b"!"
            assert at.tap.cut(2) == 0
            assert at.tap.cut() == 2
            assert {await soon(resets.get()), await soon(resets.get())} == {b"1", b"3"}
            for reader, writer in clients:
                with pytest.raises(ConnectionResetError):
                    await soon(reader.read(1))
                writer.close()

    asyncio.run(main())


def test_while_it_refuses_new_connections_are_reset_and_old_ones_live() -> None:
    async def main() -> None:
        async with tapped(echo) as at:
            old = await at.connect()
            old[1].write(b"1")
            await soon(old[0].readexactly(1))
            at.tap.refuse = True
            reader, writer = await at.connect()
            with pytest.raises(ConnectionResetError):
                await soon(reader.read(1))
            writer.close()
            old[1].write(b"2")
            assert await soon(old[0].readexactly(1)) == b"2"
            at.tap.refuse = False
            reader, writer = await at.connect()
            writer.write(b"3")
            assert await soon(reader.readexactly(1)) == b"3"
            assert [ends(at.capture, index) for index in range(3)] == [[], [("server", "RST")], []]
            for each in (old[1], writer):
                each.close()

    asyncio.run(main())


def test_stop_breaks_off_what_is_live_and_leaves_no_task_and_no_socket() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        listener.setblocking(False)
        at = bench(listener.getsockname()[1])
        clients = [socket.socket() for _ in range(6)]
        before = psutil.Process().num_fds()
        at.port = await at.tap.start()
        for client in clients:  # the backlog takes one or two, so the tap is still dialling for the others
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", at.port))
            client.send(b"is anybody there?")
        server, _ = await soon(loop.sock_accept(listener))
        assert await receive(server, 17) == b"is anybody there?"
        await soon(at.tap.stop())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert at.tap.live == 0
        assert psutil.Process().num_fds() == before + 1  # the test's own `server`
        for end in (*clients, server):
            with pytest.raises(ConnectionResetError):
                await receive(end, 1)
        with pytest.raises(ConnectionRefusedError):
            await at.connect()
        await at.tap.stop()
        for end in (*clients, server, listener):
            end.close()

    asyncio.run(main())


@pytest.mark.parametrize("turns", range(6))
def test_stop_leaves_nothing_of_a_client_that_is_just_coming(turns: int) -> None:
    async def main() -> None:
        before = psutil.Process().num_fds()
        async with tapped(echo) as at:
            with socket.create_connection(("127.0.0.1", at.port)) as client:
                for _ in range(turns):
                    await asyncio.sleep(0)
                await soon(at.tap.stop())
                assert at.tap.live == 0
                client.settimeout(SOON)
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
        assert psutil.Process().num_fds() == before

    asyncio.run(main())


def test_stop_leaves_nothing_of_clients_that_come_meanwhile() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        clients: list[socket.socket] = []

        def come(port: int) -> None:
            with suppress(ConnectionRefusedError):  # once it is closed
                clients.append(socket.create_connection(("127.0.0.1", port)))
                loop.call_soon(come, port)  # one more in each turn of the loop

        before = psutil.Process().num_fds()
        async with tapped(echo) as at:
            come(at.port)
            await soon(at.tap.stop())
            assert len(clients) > 1
            for client in clients:
                client.settimeout(SOON)
                with client, pytest.raises(ConnectionResetError):
                    client.recv(1)
        assert psutil.Process().num_fds() == before

    asyncio.run(main())


def test_cut_and_stop_in_one_breath_end_a_connection_once() -> None:
    async def main() -> None:
        async with pair() as (at, _, _):
            at.tap.cut()
            await soon(at.tap.stop())
            assert ends(at.capture) == [("client", "RST"), ("server", "RST")]

    asyncio.run(main())


def test_stop_does_not_wait_for_a_client_that_never_reads() -> None:
    async def main() -> None:
        said = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(20 * MEGABYTE))
            writer.write_eof()
            said.set()
            await reader.read()

        async with tapped(serve) as at:
            client = socket.create_connection(("127.0.0.1", at.port))
            client.shutdown(socket.SHUT_WR)
            await soon(said.wait())
            await soon(at.tap.stop())
            assert at.tap.live == 0
            client.close()

    asyncio.run(main())


def test_a_tap_starts_again_after_it_was_stopped_and_not_before() -> None:
    async def main() -> None:
        async with tapped(echo) as at:
            with pytest.raises(LabError, match="already started"):
                await at.tap.start()
            await at.tap.stop()
            at.port = await at.tap.start(port=at.port)
            reader, writer = await at.connect()
            writer.write(b"again")
            assert await soon(reader.readexactly(5)) == b"again"
            writer.close()

    asyncio.run(main())


def test_a_port_that_no_server_can_have_is_refused_at_once() -> None:
    with pytest.raises(LabError, match="70000 is not a port"):
        Tap("127.0.0.1", 70_000, Capture())


def test_a_tap_does_not_stand_before_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(LabError, match="before itself"):
        asyncio.run(Tap("localhost", port, Capture()).start(port=port))


def test_another_thread_reads_the_capture_while_it_grows() -> None:
    said = bytearray()
    wrong: list[str] = []
    looks = 0

    def look(capture: Capture, enough: threading.Event) -> None:
        nonlocal looks
        while looks < 100:
            if not len(capture):
                continue
            connection = capture[0]
            sizes, total = connection.sizes(), [0, 0]
            for segment in connection.segments:
                if segment.offset != total[segment.side]:
                    wrong.append(f"a hole before {segment}")
                total[segment.side] += segment.length
            if any(total[side] < sizes[side] for side in Side):
                wrong.append(f"{total} after {sizes}")
            if sizes[Side.SERVER] > sizes[Side.CLIENT]:  # an echo never leads
                wrong.append(f"an answer before its question: {sizes}")
            start, end = max(sizes[Side.SERVER] - 1000, 0), sizes[Side.SERVER]
            if connection.read(Side.SERVER, start, end) != said[start:end]:
                wrong.append("other bytes than were said")
            looks += 1
        enough.set()

    async def main() -> None:
        enough = threading.Event()
        async with tapped(echo) as at:
            reader, writer = await at.connect()
            looking = asyncio.create_task(asyncio.to_thread(look, at.capture, enough))
            while not enough.is_set():
                data = random.randbytes(1000)
                said.extend(data)
                writer.write(data)
                await soon(reader.readexactly(1000))
            await looking
            writer.close()

    asyncio.run(main())
    assert not wrong
