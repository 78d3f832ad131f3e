"""The server: the sample's semantics without its faults, limits, log, and a stop that leaves nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, suppress

import pytest

from protolab import lab, repeat
from protolab.errors import LabError
from protolab.protocols import grpc as protocol
from protolab.protocols.grpc.chat import QUEUE
from protolab.protocols.grpc.errors import CallFailed
from protolab.protocols.grpc.generated import lessons_pb2 as lessons
from protolab.protocols.grpc.generated import user_service_pb2 as users
from protolab.protocols.grpc.library import aio, grpc
from protolab.wire import http2

pytestmark = pytest.mark.live
Code = grpc.StatusCode


@pytest.fixture(autouse=True)
def no_lab_left() -> Iterator[None]:
    yield
    lab.stop()
    repeat.switch(None)


def with_users(talk: Callable[[protocol.UserServiceClient], Awaitable[None]], **options: object) -> protocol.UserServer:
    """Run `talk` against a fresh server; returns the server, stopped."""
    server = protocol.UserServer()
    handle = lab.start(server)

    async def main() -> None:
        async with protocol.UserServiceClient(handle.url, **options) as client:
            await talk(client)

    asyncio.run(asyncio.wait_for(main(), 30))
    handle.stop()
    return server


def with_lessons(talk: Callable[[protocol.LessonsClient], Awaitable[None]], **limits: object) -> protocol.UserServer:
    server = protocol.UserServer(**limits)
    handle = lab.start(server)

    async def main() -> None:
        async with protocol.LessonsClient(handle.url) as client:
            await talk(client)

    asyncio.run(asyncio.wait_for(main(), 30))
    handle.stop()
    return server


async def refused(call: Awaitable[object]) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await call
    return failed.value


async def until(true: Callable[[], bool]) -> None:
    """Wait for what the server does in the lab's thread, which sets no event of ours."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def test_a_refusal_sends_no_message_before_its_status() -> None:
    """The sample returned User() beside NOT_FOUND, and the empty message went out first."""

    async def main(target: str) -> None:
        async with aio.insecure_channel(target) as channel:
            call = channel.unary_stream("/user_service.UserService/GetUser")(
                users.GetUserRequest(id="7").SerializeToString()
            )
            with pytest.raises(aio.AioRpcError) as failed:
                await call.read()
            assert failed.value.code() is Code.NOT_FOUND

    asyncio.run(main(lab.start(protocol.UserServer()).url.removeprefix("http://")))


def test_one_address_belongs_to_one_user_however_many_ask_at_once() -> None:
    async def talk(client: protocol.UserServiceClient) -> None:
        asked = [client.create(f"Ada {n}", "Ada@x.org" if n % 2 else "ada@x.org") for n in range(40)]
        said = await asyncio.gather(*asked, return_exceptions=True)
        made = [each for each in said if isinstance(each, users.User)]
        assert len(made) == 1
        assert {each.code for each in said if isinstance(each, CallFailed)} == {Code.ALREADY_EXISTS}
        other = await client.create("Bob", "bob@x.org")
        taken = await refused(client.update(users.User(id=other.id, name="Bob", email="ADA@x.org")))
        assert taken.code is Code.ALREADY_EXISTS
        await client.create("José", "jose\u0301@x.org")
        assert (await refused(client.create("José", "JOS\u00c9@x.org"))).code is Code.ALREADY_EXISTS
        await client.delete(made[0].id)
        assert (await client.update(users.User(id=other.id, name="Bob", email="ADA@x.org"))).email == "ADA@x.org"
        assert (await client.create("Bob again", "bob@x.org")).id not in (
            made[0].id,
            other.id,
        )  # ids are not used twice

    with_users(talk)


def test_the_store_is_safe_from_other_threads_too() -> None:
    store = protocol.UserServer().store
    codes: Counter[str] = Counter()

    def work(number: int) -> None:
        for n in range(200):
            try:
                store.create(users.User(name=f"U {number}", email=f"u{n}@x.org"))
                codes["made"] += 1
            except Exception as error:
                codes[type(error).__name__] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {"made": 200, "Refusal": 600}
    assert len({person.user.id for person in store.page(100, "", "").people}) == 100


@pytest.mark.parametrize(
    ("user", "fields"),
    [
        ({}, ["name", "email"]),
        ({"name": " ", "email": "a@x"}, ["name"]),
        ({"name": "A", "email": "nobody"}, ["email"]),
        ({"name": "A", "email": "a b@x"}, ["email"]),
        ({"name": "A", "email": "a@b@x"}, ["email"]),
        ({"name": "A\n", "email": "a\0@x"}, ["name", "email"]),
        ({"name": "A" * 101, "email": "a@" + "x" * 300}, ["name", "email"]),
        ({"name": "A", "email": "a@x", "age": -1}, ["age"]),
        ({"name": "A", "email": "a@x", "roles": ["dev", ""]}, ["roles[1]"]),
        ({"name": "A", "email": "a@x", "roles": ["dev"] * 21}, ["roles"]),
        ({"name": "A", "email": "a@x", "roles": [""] * 1000}, ["roles", *(f"roles[{n}]" for n in range(9))]),
    ],
)
def test_bad_input_is_refused_field_by_field(user: dict, fields: list[str]) -> None:
    async def talk(client: protocol.UserServiceClient) -> None:
        error = await refused(client.create(**{"name": "", "email": ""} | user))
        assert error.code is Code.INVALID_ARGUMENT
        assert [field for field, _ in error.violations] == fields
        assert len((await client.list()).users) == 0

    with_users(talk)


def test_an_update_replaces_all_but_the_id_and_must_mean_one_user() -> None:
    async def talk(client: protocol.UserServiceClient) -> None:
        ada = await client.create("Ada", "ada@x.org", 36, ["dev"])
        new = await client.update(users.User(id=ada.id, name="Ada L.", email="ada@x.org"))
        assert (new.id, new.name, new.age, list(new.roles)) == (ada.id, "Ada L.", 0, [])
        stub = client.stub.UpdateUser
        for request in (
            users.UpdateUserRequest(id=ada.id),
            users.UpdateUserRequest(id=ada.id, user=users.User(id="99", name="x", email="x@x")),
        ):
            assert (await refused(client.ask(stub(request)))).code is Code.INVALID_ARGUMENT
        assert (await client.get(ada.id)).name == "Ada L."
        for missing in ("", "0", "01", "-1", "x", "99", "9" * 30, "１"):
            assert (await refused(client.get(missing))).code is Code.NOT_FOUND

    with_users(talk)


def test_pages_neither_repeat_nor_skip_a_user_while_others_come_and_go() -> None:
    async def talk(client: protocol.UserServiceClient) -> None:
        for number in range(1, 11):
            await client.create(f"User {number}", f"u{number}@x.org")
        seen, token = await client.list(3)
        for id in ("1", "2", "3", "5"):
            await client.delete(id)
        await client.create("User 11", "u11@x.org")
        ids = [user.id for user in seen]
        while token:
            page, token = await client.list(3, token)
            ids += [user.id for user in page]
        assert ids == ["1", "2", "3", "4", "6", "7", "8", "9", "10", "11"]

    with_users(talk)


def test_a_page_token_is_opaque_and_bound_to_its_filter() -> None:
    async def talk(client: protocol.UserServiceClient) -> None:
        for number in range(5):
            await client.create(f"{'Ada' if number % 2 else 'Bob'} {number}", f"u{number}@x.org")
        page, token = await client.list(1, filter="ADA")
        assert [user.name for user in page] == ["Ada 1"]
        assert [user.name for user in (await client.list(5, token, "ada")).users] == ["Ada 3"]
        for bad in (token[:-4], "BBBB" + token[4:], "1", "é", "A" * 1000):
            assert (await refused(client.list(1, bad, "ada"))).violations[0][0] == "page_token"
        assert (await refused(client.list(1, token, "bob"))).code is Code.INVALID_ARGUMENT
        assert (await refused(client.list(-1))).violations[0][0] == "page_size"

    with_users(talk)


def test_a_page_has_ten_users_unless_asked_and_a_hundred_at_most() -> None:
    server = protocol.UserServer()
    for number in range(120):
        server.store.create(users.User(name="U", email=f"u{number}@x.org"))
    assert [len(server.store.page(size, "", "").people) for size in (0, 1, 100, 10_000)] == [10, 1, 100, 100]


def test_update_person_changes_what_the_mask_names_and_needs_the_newest_etag() -> None:
    server = protocol.UserServer()
    server.store.create(users.User(name="Ada", email="ada@x.org", age=36, roles=["dev"]))

    async def main(url: str) -> None:
        async with protocol.LessonsClient(url) as client:
            first = await client.person("1")
            new = await client.update(users.User(id="1", name="Ada L."), ["name", "age"], etag=first.etag)
            assert (new.user.name, new.user.age, list(new.user.roles)) == ("Ada L.", 0, ["dev"])
            assert new.etag != first.etag
            assert (
                await refused(client.update(users.User(id="1", age=1), ["age"], etag=first.etag))
            ).code is Code.ABORTED
            assert (await client.update(users.User(id="1", age=5))).user.name == "Ada L."  # no mask: what is set
            assert (await refused(client.update(users.User(id="1"), ["wings"]))).violations[0][0] == "update_mask"
            assert (await refused(client.update(users.User(id="1"), ["*"]))).violations[0][0] == "name"  # all: emptied
            race = [client.update(users.User(id="1", age=n), etag=(await client.person("1")).etag) for n in (1, 2)]
            said = await asyncio.gather(*race, return_exceptions=True)
            assert sorted(type(each).__name__ for each in said) == ["CallFailed", "Person"]
            people = await client.people(1)
            assert (people.people[0].user.id, people.next_page_token) == ("1", "")

    asyncio.run(main(lab.start(server).url))


def test_an_exception_s_text_goes_to_the_log_and_not_to_the_client() -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        error = await refused(client.fail(0, "the password is swordfish"))
        assert error.code is Code.INTERNAL
        assert "swordfish" not in f"{error} {error.details} {error.metadata}"
        assert error.details[0].request_id in error.message

    server = with_lessons(talk)
    (line,) = [entry.text for entry in server.log if "swordfish" in entry.text]
    assert "request 1" in line and "INTERNAL" in line


def test_every_call_is_logged_with_its_status_and_no_more_lines_than_the_ring_holds() -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        await client.echo("x")
        assert [n async for n in client.count(2)] == [1, 2]
        await refused(client.fail(9, "no"))
        await refused(client.wait(60_000, timeout=0.05))
        await refused(client.ask(client.channel.unary_unary("/a.B/C")(b"")))
        for _ in range(20):
            await asyncio.gather(*(client.echo("x") for _ in range(60)))

    server = with_lessons(talk)
    assert len(server.log) == 1000
    assert server.log.lost > 100


def test_the_log_tells_what_came_of_each_call() -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        await client.echo("x")
        assert [n async for n in client.count(2)] == [1, 2]
        await refused(client.fail(9, "no"))
        await refused(client.wait(60_000, timeout=0.05))
        await refused(client.ask(client.channel.unary_unary("/a.B/C")(b"")))

    said = [entry.text.rpartition(" in ")[0] or entry.text for entry in with_lessons(talk).log]
    assert said[:3] == ["Calls/Echo OK", "Calls/Count OK, 2 answers", "Calls/Fail refused (no) FAILED_PRECONDITION"]
    assert sorted(said[3:]) == ["B/C: UNIMPLEMENTED, there is no such method", "Calls/Wait deadline passed"]


def test_a_cancelled_stream_stops_at_once_and_its_clean_up_runs() -> None:
    server = protocol.UserServer()
    handle = lab.start(server)

    async def main() -> None:
        async with protocol.LessonsClient(handle.url) as client:
            async with aclosing(client.count(10**6, 20, timeout=60)) as numbers:
                assert await anext(numbers) == 1
            async with aclosing(client.flood(1000, timeout=60)) as chunks:
                await anext(chunks)
            async with client.talk("room", "Ada") as talk:
                await anext(aiter(talk))
                assert server.chat.rooms
            await until(lambda: not server.chat.rooms)
            await until(lambda: len(server.log) == 3)
            # of a Talk grpcio may say first that the client says no more
            cancelled = {"Calls/Count cancelled", "Calls/Flood cancelled"}
            assert cancelled <= {entry.text.partition(",")[0] for entry in server.log}

    asyncio.run(main())


def test_a_reader_who_does_not_read_makes_a_flood_wait() -> None:
    """Back pressure: the handler goes no further than the windows let it, however long nobody reads."""

    async def talk(client: protocol.LessonsClient) -> None:
        call = client.calls.Flood(lessons.FloodRequest(size=100_000), timeout=60)
        await call.read()
        await asyncio.sleep(0.3)  # not for an event: for the absence of one
        call.cancel()

    server = with_lessons(talk)
    sent = [int(entry.text.split(", ")[1].split()[0]) for entry in server.log if "Flood" in entry.text]
    assert 0 < sent[0] < 200
    assert "cancelled" in str(server.log)  # also when that happens in the middle of writing


def test_a_deadline_ends_the_handler_and_not_only_the_waiting() -> None:
    server = protocol.UserServer()
    handle = lab.start(server)

    async def main() -> None:
        async with protocol.LessonsClient(handle.url) as client:
            # what the server hears is 1010m: the client's clock is the first to end it
            assert (await refused(client.wait(60_000, timeout=1.001))).code is Code.DEADLINE_EXCEEDED
            await until(lambda: any("deadline passed" in entry.text for entry in server.log))
            assert await client.wait(1) == "waited 1 ms"
            for wrong in (-1, 60_001):
                assert (await refused(client.wait(wrong))).violations == (("ms", f"must be 0 to 60000, not {wrong}"),)

    asyncio.run(main())


def test_a_client_with_more_calls_than_streams_has_each_of_them_answered() -> None:
    """It keeps back what the server's SETTINGS do not allow; grpcio counted streams that had ended, and refused live ones."""

    async def talk(client: protocol.LessonsClient) -> None:
        said = await asyncio.gather(*(client.wait(20, timeout=60) for _ in range(300)))
        assert said == ["waited 20 ms"] * 300

    with_lessons(talk)


def test_a_connection_that_is_silent_is_pinged_and_then_dropped_without_any_call() -> None:
    handle = lab.start(protocol.UserServer(keepalive=0.1), tap=False)
    with socket.create_connection(("127.0.0.1", int(handle.url.rpartition(":")[2])), timeout=30) as silent:
        silent.sendall(http2.PREFACE + http2.settings().encode())
        said = b""
        while data := silent.recv(4096):  # until the server has had enough
            said += data
    types, at = [], 0
    while head := http2.read_head(said, at):
        types.append(head.type)
        at += 9 + head.length
    assert types[-2:] == [http2.PING, http2.GOAWAY]


def test_what_is_too_much_is_refused() -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        assert (await refused(client.echo("x" * 5000))).code is Code.RESOURCE_EXHAUSTED
        with pytest.raises(CallFailed):
            await client.echo("x", metadata=[("x-long", "y" * 9000)])
        waiting = [asyncio.ensure_future(client.wait(5000, timeout=10)) for _ in range(3)]
        await asyncio.gather(*(asyncio.wait([each], timeout=0.05) for each in waiting))
        assert (await refused(client.echo("x"))).code is Code.RESOURCE_EXHAUSTED
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    with_lessons(talk, max_message=2000, max_metadata=4096, max_calls=3)


def test_what_the_calls_are_asked_for_is_bounded() -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        for stream in (
            client.count(-1),
            client.count(1, -1),
            client.count(1, 10**6),
            client.flood(2**21),
            client.flood(1, -1),
        ):
            with pytest.raises(CallFailed) as failed:
                await anext(stream)
            assert failed.value.code is Code.INVALID_ARGUMENT
        assert (await refused(client.sum([2**63 - 1, 1]))).code is Code.OUT_OF_RANGE
        assert (await refused(client.fail(17))).code is Code.INVALID_ARGUMENT
        with pytest.raises(CallFailed, match="OUT_OF_RANGE"):
            [value async for value in client.double([1, 2**62])]

    with_lessons(talk)


def test_a_chat_tells_everyone_in_order_and_lets_nobody_speak_for_another() -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        async with client.talk("room", "Ada") as ada, client.talk("other", "Ada") as elsewhere:
            hears = aiter(ada)
            assert list((await anext(hears)).welcome.names) == ["Ada"]
            async with client.talk("room", "Bob") as bob:
                assert list((await anext(aiter(bob))).welcome.names) == ["Ada", "Bob"]
                for number in range(50):
                    await bob.say(str(number))
                assert (await anext(hears)).joined
                said = [await anext(hears) for _ in range(50)]
                assert [(event.name, event.said) for event in said] == [("Bob", str(number)) for number in range(50)]
                async with client.talk("room", "Bob") as twin:
                    with pytest.raises(CallFailed, match="ALREADY_EXISTS"):
                        await anext(aiter(twin))
            left = await anext(hears)
            assert (left.name, left.left) == ("Bob", True)
            assert list((await anext(aiter(elsewhere))).welcome.names) == ["Ada"]
            await ada.done()
            with pytest.raises(StopAsyncIteration):
                await anext(hears)

    with_lessons(talk)


def test_a_refusal_reaches_the_client_however_much_it_could_quote() -> None:
    """Clients take 8 KiB of trailers; when there are more, they report RESOURCE_EXHAUSTED and know nothing of the refusal."""

    async def talk(client: protocol.LessonsClient) -> None:
        long = "😀" * 5000
        assert (await refused(client.person(long))).code is Code.NOT_FOUND
        assert (await refused(client.fail(5, long))).message.endswith("...")
        for mask in ([long] * 20, ["no"] * 50_000):
            error = await refused(client.update(users.User(id="1"), mask))
            assert error.code is Code.INVALID_ARGUMENT
            assert len(error.violations) == 10
        assert (await refused(client.fail(14, key="k" * 101, times=1))).violations[0][0] == "key"  # which would be kept

    with_lessons(talk)


def test_a_request_that_is_not_its_message_is_internal_and_what_reading_raised_stays_here() -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        for method, kind in (
            ("user_service.UserService/GetUser", client.channel.unary_unary),
            ("user_service.UserService/ListUsers", client.channel.unary_stream),
            ("protolab.lessons.Calls/Sum", client.channel.stream_unary),
            ("protolab.lessons.Chat/Talk", client.channel.stream_stream),
        ):
            said = b"\xff\xff"
            call = kind(f"/{method}")(iter([said]) if "stream_" in kind.__name__ else said, timeout=20)
            assert await call.code() is Code.INTERNAL
            assert await call.details() == "The request is not the message that this method takes: see its .proto."

    log = [entry.text for entry in with_lessons(talk).log]
    assert len(log) == 4
    assert all("refused (The request is not" in text for text in log)


@pytest.mark.parametrize(
    "said",
    [
        [lessons.ChatRequest(say="hello")],
        [lessons.ChatRequest()],
        [lessons.ChatRequest(join=lessons.Join(room="r", name=""))],
        [lessons.ChatRequest(join=lessons.Join(room="r" * 51, name="A"))],
        [lessons.ChatRequest(join=lessons.Join(room="r", name="A\n"))],
        [lessons.ChatRequest(join=lessons.Join(room="r", name="A"))] * 2,
        [lessons.ChatRequest(join=lessons.Join(room="r", name="A")), lessons.ChatRequest(say="x" * 2001)],
    ],
)
def test_a_chat_refuses_what_is_out_of_place(said: list[lessons.ChatRequest]) -> None:
    async def talk(client: protocol.LessonsClient) -> None:
        call = client.talk("", "").call
        for request in said:
            with suppress(Exception):
                await call.write(request)
        with pytest.raises(aio.AioRpcError) as failed:
            async for _ in call:
                pass
        assert failed.value.code() is Code.INVALID_ARGUMENT

    server = with_lessons(talk)
    assert not server.chat.rooms


def test_a_member_who_does_not_read_is_let_go_and_the_others_lose_nothing() -> None:
    text = "😀" * 2000
    url = lab.start(protocol.UserServer(), tap=False).url

    async def main() -> None:
        one, other = protocol.LessonsClient(url), protocol.LessonsClient(url)  # a connection each
        async with one, other, one.talk("room", "slow") as slow, other.talk("room", "quick") as quick:
            await anext(aiter(slow))  # and no more of it
            heard = aiter(quick)
            assert (await anext(heard)).HasField("welcome")
            said = 0
            while True:  # windows and the kernel take some first
                await quick.say(text)
                said += 1
                if (event := await anext(heard)).HasField("left"):
                    break
                assert event.said == text
            assert event.name == "slow"
            assert said > QUEUE
            with pytest.raises(CallFailed, match="RESOURCE_EXHAUSTED"):
                async for _ in slow:
                    pass

    asyncio.run(asyncio.wait_for(main(), 30))


def test_stopping_ends_live_streams_frees_the_port_and_leaves_nothing() -> None:
    async def main(url: str, stop: Callable[[], None]) -> None:
        async with protocol.LessonsClient(url, timeout=30) as client:
            waiting = asyncio.ensure_future(client.wait(60_000))
            streams = [client.count(10**6, 5), client.flood(50_000)]
            for stream in streams:
                await anext(stream)
            async with client.talk("room", "Ada") as talk:
                await anext(aiter(talk))
                await asyncio.to_thread(stop)
                assert (await refused(waiting)).code is Code.UNAVAILABLE
                for stream in (*streams, talk):
                    with pytest.raises(CallFailed, match="UNAVAILABLE"):
                        async for _ in stream:
                            pass

    counts = []
    for turn in range(8):
        server = protocol.UserServer()
        handle = lab.start(server, tap=bool(turn % 2))
        port = int(handle.url.rpartition(":")[2])
        asyncio.run(asyncio.wait_for(main(handle.url, handle.stop), 20))
        assert not server.serving
        assert not server.chat.rooms
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        counts.append((threading.active_count(), len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0))
    assert counts[1] == counts[-1]


def test_a_server_starts_again_after_it_stopped_and_keeps_its_users() -> None:
    server = protocol.UserServer()

    async def main() -> None:
        for number in range(3):
            port = await server.start()
            async with protocol.UserServiceClient(f"127.0.0.1:{port}") as client:
                await client.create("U", f"u{number}@x.org")
                assert len((await client.list()).users) == number + 1
            await asyncio.gather(server.stop(), server.stop())
            await server.stop()

    asyncio.run(main())


def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LabError, match="in use"):
        lab.start(protocol.UserServer(), tap=False, port=taken.getsockname()[1])

    async def twice() -> None:
        first, second = protocol.UserServer(), protocol.UserServer()
        port = await first.start()
        with pytest.raises(OSError, match="in use"):
            await second.start(port=port)
        await first.stop()

    asyncio.run(twice())  # grpcio alone lets two servers share a port, and calls go to either


def test_a_child_process_may_start_while_calls_run_and_nothing_is_printed() -> None:
    """`!ls` in a cell: fork and exec under live streams, which hung or wrote lines with fork support on (grpc#18075)."""
    code = """
import asyncio, os, subprocess
from protolab import grpc, lab
handle = lab.start(grpc.UserServer())
async def main():
    async with grpc.LessonsClient(handle.url) as client:
        numbers = client.count(10**6, 1, timeout=30)
        for _ in range(5):
            await anext(numbers)
            if (child := os.fork()) == 0:
                os.execvp("true", ["true"])
            os.waitpid(child, 0)
            subprocess.run(["true"], check=True)
            os.system("true")
            await client.echo("still here")
        await numbers.aclose()
asyncio.run(main())
lab.stop()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
