"""lab.start, lab.run and lab.stop: servers run, are replaced, and go; what is wrong is said with its remedy."""

from __future__ import annotations

import asyncio
import socket
import threading
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from protolab import lab, websocket
from protolab.errors import LabError
from protolab.fields import Side
from protolab.serve import Server

pytestmark = pytest.mark.live


def listens(url: str) -> bool:
    """Whether anybody listens there."""
    try:
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


async def echoed(url: str, text: str = "Hello") -> str | bytes:
    async with websocket.connect(url) as connection:
        await connection.send(text)
        return await connection.recv()


def threads() -> int:
    return sum(thread.name == "protolab lab" for thread in threading.enumerate())


def test_a_started_server_has_a_url_a_capture_and_a_log_and_none_listens_once_it_is_stopped() -> None:
    server = lab.start(websocket.EchoServer())
    url = server.url
    assert asyncio.run(echoed(url)) == "Hello"
    assert b"GET / HTTP/1.1" in server.capture[0].read(Side.CLIENT)
    assert "client 1 connected" in repr(server.log)
    assert repr(server) == f"<echo server at {url}>"
    server.stop()
    assert not listens(url)
    assert repr(server) == "<echo server, stopped>"
    assert len(server.capture) == 1
    server.stop()


def test_a_server_that_runs_is_not_started_again_under_another_name() -> None:
    """It would forget the port that it listens on, which nothing could then free."""
    server = websocket.EchoServer()
    url = lab.start(server).url
    with pytest.raises(LabError, match="runs already"):
        lab.start(server, name="another")
    assert asyncio.run(echoed(url)) == "Hello"
    assert asyncio.run(echoed(lab.start(server).url)) == "Hello"  # under its own name it is replaced
    assert not listens(url)


def test_a_client_in_ordinary_code_runs_on_the_labs_loop() -> None:
    server = lab.start(websocket.EchoServer())
    connection = lab.run(websocket.connect(server.url))
    lab.run(connection.send(b"\0\1"))
    assert lab.run(connection.recv()) == b"\0\1"
    lab.run(connection.close())
    assert len(server.capture[0].ends) == 2


def test_starting_again_stops_the_one_before_with_a_goodbye_and_uses_the_same_thread() -> None:
    class Changed(websocket.EchoServer):
        pass

    async def main() -> None:
        first = lab.start(websocket.EchoServer())
        connection = await websocket.connect(first.url)
        urls = [first.url]
        second = await asyncio.to_thread(lab.start, Changed())  # in a thread, so that this loop can answer the goodbye
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        for _ in range(3):
            urls.append(second.url)
            second = lab.start(Changed())
        assert [listens(url) for url in urls] == [False] * 4
        assert await echoed(second.url) == "Hello"
        assert lab.servers() == [second]
        assert threads() == 1

    asyncio.run(main())


def test_servers_of_different_names_run_side_by_side() -> None:
    one, two = lab.start(websocket.EchoServer(), name="one"), lab.start(websocket.EchoServer(), name="two")
    assert [asyncio.run(echoed(server.url)) for server in (one, two)] == ["Hello"] * 2
    one.stop()
    assert lab.servers() == [two] and listens(two.url)


def test_the_same_server_object_can_be_started_again() -> None:
    echo = websocket.EchoServer()
    before = lab.start(echo)
    after = lab.start(echo)
    assert asyncio.run(echoed(after.url)) == "Hello"
    assert not before.running and after.running


def test_threads_that_start_the_same_server_at_once_leave_one() -> None:
    starters = [threading.Thread(target=lab.start, args=[websocket.EchoServer()]) for _ in range(5)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(20)
    (server,) = lab.servers()
    assert asyncio.run(echoed(server.url)) == "Hello"


def test_both_kinds_of_with_stop_the_server() -> None:
    with lab.start(websocket.EchoServer()) as server:
        url = server.url
        assert listens(url)
    assert not listens(url)

    async def main() -> int | None:
        async with lab.start(websocket.EchoServer()) as server:
            connection = await websocket.connect(server.url)
        await connection.wait_closed()
        assert not listens(url)
        return connection.close_code

    assert asyncio.run(main()) == 1001


def test_a_client_that_never_answers_the_goodbye_is_cut_off() -> None:
    server = lab.start(websocket.EchoServer())
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), 10) as client:
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
        server.stop()
        assert server.capture[0].ends[-1].how == "RST"
        with pytest.raises(ConnectionResetError):
            while client.recv(4096):  # the Close that it never answered, at most
                pass
    assert lab.run(tasks()) == 1


async def tasks() -> int:
    """How many tasks there are on this loop, this one included."""
    return len(asyncio.all_tasks())


def test_cut_breaks_off_what_is_open() -> None:
    async def main() -> None:
        server = lab.start(websocket.EchoServer())
        connection = await websocket.connect(server.url)
        assert server.cut() == 1
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1006
        assert {end.how for end in server.capture[0].ends} == {"RST"}
        assert await echoed(server.url) == "Hello"

    asyncio.run(main())


def test_without_a_tap_the_server_itself_is_reached_and_nothing_is_recorded() -> None:
    server = lab.start(websocket.EchoServer(), tap=False)
    assert asyncio.run(echoed(server.url)) == "Hello"
    for wish in (lambda: server.capture, server.cut):
        with pytest.raises(LabError, match="without a tap") as error:
            wish()
        assert "tap=True" in error.value.remedy


def test_the_limit_bounds_the_recording() -> None:
    server = lab.start(websocket.EchoServer(), limit=100)
    assert asyncio.run(echoed(server.url, "x" * 1000)) == "x" * 1000
    assert server.capture.size == 100
    assert "the capture is full" in repr(server.log)


def test_stopping_the_lab_stops_everything_and_starting_makes_another() -> None:
    servers = [lab.start(websocket.EchoServer(), name=name) for name in "abc"]
    urls = [server.url for server in servers]
    lab.stop()
    assert not any(listens(url) for url in urls)
    assert threads() == 0 and lab.servers() == []
    assert asyncio.run(echoed(lab.start(websocket.EchoServer()).url)) == "Hello"


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for tap in (True, False):
            with pytest.raises(LabError, match=f"Port {port} on 127.0.0.1 is in use") as error:
                lab.start(websocket.EchoServer(), port=port, tap=tap)
            assert "port=0" in error.value.remedy
    assert lab.run(tasks()) == 1
    assert listens(lab.start(websocket.EchoServer(), port=port).url)


class Broken(Server):
    name = "broken"
    scheme = "ws"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        raise ValueError("no cable")

    async def stop(self) -> None:
        raise AssertionError("what never started is not stopped")


@pytest.mark.parametrize(
    ("server", "options", "problem", "remedy"),
    [
        (Broken(), {}, "could not start: ValueError('no cable')", "start()"),
        (websocket.EchoServer, {}, "is a class", "lab.start(EchoServer())"),
        ("echo", {}, "'echo' is not a server", "EchoServer()"),
        (websocket.EchoServer(), {"port": 99999}, "99999 is not a port", "65535"),
        (websocket.EchoServer(), {"host": "192.0.2.1"}, "no address 192.0.2.1", "127.0.0.1"),
    ],
)
def test_what_cannot_be_started_says_why_and_what_to_do(
    server: Server, options: dict[str, int], problem: str, remedy: str
) -> None:
    with pytest.raises(LabError) as error:
        lab.start(server, **options)  # type: ignore[arg-type]
    assert problem in error.value.problem and remedy in error.value.remedy
    assert lab.servers() == []


def test_the_url_of_a_server_that_stopped_or_died_is_an_error_that_says_so() -> None:
    stopped = lab.start(websocket.EchoServer(), name="stopped")
    stopped.stop()
    died = lab.start(websocket.EchoServer(), name="died")
    lab.run(died.server.stop())  # behind the lab's back
    for server in (stopped, died):
        with pytest.raises(LabError, match=f"The {server.name} server .*{server.name}") as error:
            server.url  # noqa: B018
        assert "starts it again" in error.value.remedy
    assert repr(died) == "<died server, died>"


def test_what_goes_wrong_on_the_loop_is_logged_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("on the loop")

    async def leave() -> None:
        asyncio.get_running_loop().create_task(fail())
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)

    server = lab.start(websocket.EchoServer())
    lab.run(leave())
    lab.run(tasks())
    assert "ZeroDivisionError" in repr(lab.log())
    assert listens(server.url)
    assert capfd.readouterr() == ("", "")
