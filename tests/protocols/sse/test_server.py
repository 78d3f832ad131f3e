"""The event server's streams, told by raw sockets: what is said, to whom, and what is said again after a cut."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from protolab import lab, repeat, sse
from protolab.errors import LabError
from protolab.fields import Side
from protolab.protocols.sse.server import EventServer, Limits
from tests.protocols.sse.peers import Event, Listener, ask, send, serving, until

pytestmark = pytest.mark.live


def test_a_stream_begins_with_a_head_that_no_cache_and_no_proxy_keeps_and_an_event_with_retry_and_place() -> None:
    async def story() -> None:
        async with serving(retry=1234) as (server, port):
            await server.broadcast("message", "before")
            listener = await Listener.open(port, "ada")
            assert listener.status == 200
            assert listener.headers.pop("Date")
            assert listener.headers == {
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "Connection": "close",
                "Transfer-Encoding": "chunked",
            }
            hello = await listener.event()
            assert (hello.name, hello.id, hello.retry) == ("connected", "1", "1234")
            assert hello.json.keys() == {"client_id", "timestamp"} and hello.json["client_id"] == "ada"
            await server.broadcast("alert", "after")
            assert await listener.event() == Event("alert", "after", "2")  # and not what was before
            listener.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("plain", ["plain"]),
        ("", [""]),
        (" a\r\nb\rc\n", [" a", "b", "c", ""]),
        ("\u2028 \x0b \x0c \x85 stay", ["\u2028 \x0b \x0c \x85 stay"]),
        ({"a": [1, 2.5, None, True, "ä\n"]}, ['{"a":[1,2.5,null,true,"ä\\n"]}']),
        ([], ["[]"]),
        (None, ["null"]),
        (0, ["0"]),
        (False, ["false"]),
    ],
)
def test_data_of_any_json_type_arrives_as_it_was_said(data: Any, lines: list[str]) -> None:
    async def story() -> None:
        async with serving() as (_, port):
            listener = await Listener.open(port)
            await listener.event()
            sent = await send(port, "POST", "/api/broadcast", {"data": data})
            assert (sent.status, sent.json) == (200, {"status": "sent", "id": 1, "clients": 1})
            assert await listener.event() == Event("message", "\n".join(lines), "1")
            listener.close()

    asyncio.run(story())


def test_each_post_says_its_event_to_everyone_or_to_its_targets_both_tabs_of_them() -> None:
    async def story() -> None:
        async with serving() as (_, port):
            ada, tab, bob, old = [
                await Listener.open(port, name, version=version)
                for name, version in (("ada", "1.1"), ("ada", "1.1"), ("bob", "1.1"), ("ada", "1.0"))
            ]
            assert "Transfer-Encoding" not in old.headers  # HTTP/1.0 knows no chunks
            for each in (ada, tab, bob, old):
                assert (await each.event()).name == "connected"
            answers = [
                await send(port, "POST", f"/api/{target}", body)
                for target, body in (
                    ("broadcast", {"event": "alert", "data": "all"}),
                    ("broadcast", {"data": "ada's", "target_clients": ["ada", "nobody", "ada"]}),
                    ("broadcast", {"data": "nobody's", "target_clients": []}),
                    ("notify", {"title": "T", "message": "M", "priority": "high"}),
                    ("notify", {}),
                    ("update", {"update_data": {"n": 1}, "target_clients": ["bob"]}),
                    ("update", {"update_data": [2], "target_clients": None}),
                )
            ]
            assert [answer.json["id"] for answer in answers] == [1, 2, 3, 4, 5, 6, 7]
            assert [answer.json["clients"] for answer in answers] == [2, 1, 0, 2, 2, 1, 2]
            default = '{"title":"Notification","message":"","priority":"normal"}'
            everyone = [
                Event("alert", "all", "1"),
                Event("notification", '{"title":"T","message":"M","priority":"high"}', "4"),
                Event("notification", default, "5"),
                Event("update", "[2]", "7"),
            ]
            for each in (ada, tab, old):
                assert await each.events(5) == [everyone[0], Event("message", "ada's", "2"), *everyone[1:]]
            assert await bob.events(5) == [*everyone[:3], Event("update", '{"n":1}', "6"), everyone[3]]
            clients = await send(port, "GET", "/api/clients")
            assert clients.json == {
                "client_count": 2,
                "clients": [{"client_id": "ada", "connections": 3}, {"client_id": "bob", "connections": 1}],
            }
            for each in (ada, tab, bob, old):
                each.close()

    asyncio.run(story())


def test_who_is_cut_off_gets_what_it_missed_and_nothing_of_others_and_nothing_twice() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            first = await Listener.open(port, "bob")
            place = (await first.event()).id
            first.cut()  # before it heard anything else
            await until(lambda: not server.clients)
            await server.broadcast("message", "1, to all")
            await server.broadcast("message", "2, to ada", ["ada"])
            await server.broadcast("message", "3, to bob", ["bob"])
            await server.broadcast("message", "4, to nobody", [])
            for version in ("1.1", "1.0"):
                again = await Listener.open(port, "bob", place, version=version)
                assert (await again.event()).id is None  # its place is its own until it has what it missed
                assert await again.events(2) == [Event("message", "1, to all", "1"), Event("message", "3, to bob", "3")]
                again.close()
            late = await Listener.open(port, "bob", "3")
            await late.event()
            await server.broadcast("message", "5")
            assert await late.event() == Event("message", "5", "5")
            late.close()
            anonymous = await Listener.open(port, None, "0")
            assert (await anonymous.event()).json["client_id"].startswith("client-")
            assert [event.id for event in await anonymous.events(2)] == ["1", "5"]
            anonymous.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("last_id", "reason"),
    [
        ("1", "too old"),
        ("0", "too old"),
        ("7", "id not given out yet"),
        ("99999999999999999999999999", "unknown id"),
        ("-1", "unknown id"),
        ("03", "unknown id"),
        ("x" * 5000, "unknown id"),
        ("½", "unknown id"),
        ("٣", "unknown id"),
        ("3, 4", "unknown id"),
    ],
)
def test_an_id_that_nothing_can_be_resumed_from_is_answered_with_resync_and_all_that_is_kept(
    last_id: str, reason: str
) -> None:
    async def story() -> None:
        async with serving(limits=Limits(kept=3)) as (server, port):
            for number in range(1, 7):
                await server.broadcast("message", f"{number}", ["ada"] if number == 5 else None)
            listener = await Listener.open(port, "bob", last_id)
            hello, resync, *kept = await listener.events(4)
            assert (hello.name, hello.id, resync.name) == ("connected", None, "resync")
            assert resync.json == {"reason": reason, "last_event_id": last_id[:100], "oldest": 4}
            assert kept == [Event("message", "4", "4"), Event("message", "6", "6")]
            listener.close()
            # cut off between the two, it still gets what follows
            again = await Listener.open(port, "bob", resync.id)
            assert [event.name for event in await again.events(3)] == ["connected", "message", "message"]
            again.close()

    asyncio.run(story())


def test_a_polyfill_may_name_its_last_id_in_the_query_and_the_header_is_newer() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            for number in range(1, 4):
                await server.broadcast("message", f"{number}")
            by_query = await Listener.open(port, "ada&lastEventId=1")
            assert [event.id for event in await by_query.events(3)] == [None, "2", "3"]
            by_both = await Listener.open(port, "ada&lastEventId=1", "2")
            assert [event.id for event in await by_both.events(2)] == [None, "3"]
            by_query.close()
            by_both.close()
            for foreign in (await Listener.open(port, "ada&lastEventId=%C3%A9"), await Listener.open(port, "ada", "é")):
                _, resync = await foreign.events(2)
                assert (resync.name, resync.json["last_event_id"]) == ("resync", "é")
                foreign.close()

    asyncio.run(story())


def test_after_a_restart_with_higher_ids_those_of_the_last_run_are_too_old() -> None:
    async def story() -> None:
        async with serving(first=1000) as (server, port):
            await server.broadcast("message", "new")
            listener = await Listener.open(port, "ada", "41")
            _, resync, new = await listener.events(3)
            assert (resync.json["reason"], new) == ("too old", Event("message", "new", "1000"))
            listener.close()

    asyncio.run(story())


def test_a_heartbeat_is_an_event_that_moves_a_quiet_clients_place_on_and_is_not_kept() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            ada = await Listener.open(port, "ada")
            await ada.event()
            await server.broadcast("message", "secret", ["bob"])
            await server.heartbeat()
            beat = await ada.event()
            assert (beat.name, beat.id) == ("heartbeat", "2")
            assert beat.json.keys() == {"timestamp"}
            assert len(server.history) == 1
            assert await server.broadcast("message", "next") == 3
            back = await Listener.open(port, "ada", "2")
            assert [event.id for event in await back.events(2)] == [None, "3"]
            ada.close()
            back.close()

    asyncio.run(story())


def test_time_brings_comments_and_heartbeats_each_at_its_own_pace() -> None:
    async def story() -> None:
        async with serving(keepalive=0.01, heartbeat=0.05) as (_, port):
            listeners = [await Listener.open(port, version=version) for version in ("1.1", "1.0")]
            for listener in listeners:
                heard = [(await listener.event()).name for _ in range(20)]
                assert heard[0] == "connected" and set(heard) == {"connected", "comment", "heartbeat"}
                assert heard.count("comment") > heard.count("heartbeat")
                listener.close()

    asyncio.run(story())


def test_a_program_hears_what_it_did_wrong() -> None:
    async def story() -> None:
        async with serving() as (server, _):
            for event, data, targets in (
                ("a\nb", "x", None),
                ("", "x", None),
                ("x" * 129, "x", None),
                ("message", object(), None),
                ("message", float("nan"), None),
                ("message", "\ud800", None),
                ("message", "x" * 66_000, None),
                ("message", "x", "ada"),
                ("message", "x", [["ada"]]),
            ):
                with pytest.raises(LabError):
                    await server.broadcast(event, data, targets)
            assert server.history.last == 0
            with pytest.raises(LabError):
                EventServer(origins="*", credentials=True)

    asyncio.run(story())


def test_repeatable_runs_are_the_same_bytes() -> None:
    def run() -> list[bytes]:
        with lab.repeatable(7):
            server = sse.EventServer()
            handle = lab.start(server)

            async def talk() -> None:
                port = int(handle.url.rpartition(":")[2].partition("/")[0])
                for client_id, last_id in (("ada", None), (None, None), ("ada", "0")):
                    listener = await Listener.open(port, client_id, last_id)
                    await listener.event()
                    await server.broadcast("message", {"n": 1})
                    await server.heartbeat()
                    await listener.events(2)
                    listener.close()
                assert "Date" not in (await send(port, "GET", "/api/clients")).headers

            lab.run(talk())
            data = [bytes(connection.read(side)) for connection in handle.capture for side in Side]
            handle.stop()
            return data

    try:
        assert run() == run()
    finally:
        lab.stop()
        repeat.switch(None)


def test_the_lab_serves_records_and_stops_it() -> None:
    server = sse.EventServer()
    handle = lab.start(server)

    async def talk() -> list[Event]:
        port = int(handle.url.rpartition(":")[2].partition("/")[0])
        listener = await Listener.open(port)
        await server.notify("Tea", "is ready")
        return await listener.events(2)

    hello, notice = lab.run(talk())
    assert (hello.name, json.loads(notice.data)["title"]) == ("connected", "Tea")
    handle.stop()
    lab.stop()
    assert not server.audience.subscribers


def test_a_head_request_is_answered_without_a_stream_and_the_connection_serves_on() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            head = b"HEAD /api/events?client_id=ada HTTP/1.1\r\nHost: x\r\n\r\n"
            both = await ask(port, head + b"GET /api/clients HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert both.headers["Content-Type"] == "text/event-stream"
            assert "Content-Length" not in both.headers
            assert both.body.startswith(b"HTTP/1.1 200 OK") and both.body.endswith(b'"clients": []}')
            assert not server.audience.subscribers

    asyncio.run(story())
