"""A chat over a bidirectional stream: each direction goes on by itself, and rooms are the server's.

An event is encoded once, however many hear it. grpc.aio shows no transport to look into, so each member has a queue of its
own, which the stream's window empties; a member whose queue is full is too slow, and is let go with RESOURCE_EXHAUSTED.
The others never wait for it; only streams on its own connection may, since they share that connection's window with it.
Before its queue fills, windows and buffers take what grpcio lets them (5 MB were seen).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from protolab.protocols.grpc.errors import Refusal, invalid
from protolab.protocols.grpc.generated.lessons_pb2 import ChatEvent, ChatRequest, Members
from protolab.protocols.grpc.library import grpc

QUEUE = 256  # events that may wait for a member
ROOMS = 100
MEMBERS = 100  # in a room
_NAME, _SAID = 50, 2000  # the longest name of a person or room, the longest thing said, in characters


class Member:
    """Somebody in a room: what waits to be sent to them."""

    __slots__ = ("ended", "name", "news", "task", "waiting", "writing")

    def __init__(self, name: str) -> None:
        self.name = name
        self.task = asyncio.current_task()  # its handler
        self.writing = False  # whether that waits for the client to read
        self.waiting: deque[bytes] = deque()
        self.news = asyncio.Event()
        self.ended: Refusal | None = None  # why the stream ends, once it must

    def tell(self, event: bytes) -> None:
        """Let an event wait for them; when too many do, they are let go."""
        if len(self.waiting) >= QUEUE:
            self.end(Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, f"More than {QUEUE} events waited to be read."))
        else:
            self.waiting.append(event)
            self.news.set()

    def end(self, why: Refusal) -> None:
        """Have the stream end with this status, also in the middle of a write: the client gets it once it reads on."""
        if self.ended is None:
            self.ended = why
            self.news.set()
            if self.writing and self.task is not None:
                self.task.cancel()

    async def write(self, context: Any, event: bytes) -> None:
        """Send an event, which waits for the client's window; the Refusal of `end`, if it comes first."""
        self.writing = True
        try:
            await context.write(event)
        except asyncio.CancelledError:
            if self.ended is None or self.task is None or self.task.uncancel():
                raise  # by the client, or the server
            raise self.ended from None
        finally:
            self.writing = False


class Chat:
    """The rooms. All of it runs on the server's loop, and nothing in it waits while it changes them."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, Member]] = {}
        self._going: Refusal | None = None

    def handler(self) -> grpc.GenericRpcHandler:
        """The service, with answers that are encoded already."""
        talk = grpc.stream_stream_rpc_method_handler(
            self.talk, request_deserializer=ChatRequest.FromString, response_serializer=bytes
        )
        return grpc.method_handlers_generic_handler("protolab.lessons.Chat", {"Talk": talk})

    def goodbye(self) -> None:
        """End every stream with UNAVAILABLE, and let nobody in any more."""
        self._going = Refusal(grpc.StatusCode.UNAVAILABLE, "The server is going away.")
        for room in self.rooms.values():
            for member in room.values():
                member.end(self._going)

    async def talk(self, requests: AsyncIterator[ChatRequest], context: Any) -> None:
        """One member's stream, from `join` until the client has ended its side or must go."""
        first = await anext(requests, None)
        if first is None:
            return
        room, member = self._join(first)
        hearing = asyncio.create_task(self._hear(requests, room, member))
        try:
            while True:
                while member.waiting and member.ended is None:
                    await member.write(context, member.waiting.popleft())
                if member.ended is not None:
                    raise member.ended
                if hearing.done():
                    hearing.result()
                    return
                member.news.clear()
                await member.news.wait()
        finally:
            self._leave(room, member)
            hearing.cancel()
            with suppress(
                asyncio.CancelledError, Exception
            ):  # what it raised has been raised above, or does not matter
                await hearing

    async def _hear(self, requests: AsyncIterator[ChatRequest], room: str, member: Member) -> None:
        """Pass on what a member says. Ends with the client's side of the stream."""
        try:
            async for request in requests:
                if request.WhichOneof("does") != "say":
                    raise invalid([("does", "must be `say` after the first message")])
                if not 0 < len(request.say) <= _SAID:
                    raise invalid([("say", f"must have 1 to {_SAID} characters, not {len(request.say)}")])
                self._publish(room, ChatEvent(name=member.name, said=request.say))
        finally:
            member.news.set()

    def _join(self, first: ChatRequest) -> tuple[str, Member]:
        if self._going is not None:
            raise self._going
        if first.WhichOneof("does") != "join":
            raise invalid([("does", "must be `join` in the first message")])
        wanted = (("join.room", first.join.room), ("join.name", first.join.name))
        if wrong := [(at, f"must have 1 to {_NAME} printable characters") for at, name in wanted if not _fit(name)]:
            raise invalid(wrong)
        name, room = first.join.name, first.join.room
        members = self.rooms.get(room, {})
        if name in members:
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"There is a {name} in {room}.")
        if len(members) >= MEMBERS or (not members and len(self.rooms) >= ROOMS):
            raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "The house is full: try another room, or later.")
        self._publish(room, ChatEvent(name=name, joined=True))
        member = Member(name)
        self.rooms.setdefault(room, {})[name] = member
        names = sorted(self.rooms[room])
        member.tell(ChatEvent(name=name, welcome=Members(names=names)).SerializeToString())
        return room, member

    def _leave(self, room: str, member: Member) -> None:
        del self.rooms[room][member.name]
        if not self.rooms[room]:
            del self.rooms[room]
        self._publish(room, ChatEvent(name=member.name, left=True))

    def _publish(self, room: str, event: ChatEvent) -> None:
        if members := self.rooms.get(room):
            data = event.SerializeToString()
            for member in members.values():
                member.tell(data)


def _fit(name: str) -> bool:
    return 0 < len(name) <= _NAME and name.isprintable()
