"""The clients: of the sample's service, and of the lessons'.

async with grpc.UserServiceClient(server.url) as users:
    ada = await users.create("Ada", "ada@example.org")
    print(await users.get(ada.id))
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, NamedTuple

from protolab.protocols.grpc.channel import Client, Metadata, Retry, failures
from protolab.protocols.grpc.errors import CallFailed
from protolab.protocols.grpc.generated import lessons_pb2 as lessons
from protolab.protocols.grpc.generated import lessons_pb2_grpc, user_service_pb2_grpc
from protolab.protocols.grpc.generated import user_service_pb2 as users
from protolab.protocols.grpc.services import NEXT

__all__ = ["CallFailed", "LessonsClient", "Page", "Retry", "UserServiceClient"]


class Page(NamedTuple):
    """Some users, and the token that gets the next ones: empty on the last page."""

    users: list[users.User]
    next_page_token: str


class UserServiceClient(Client):
    """Calls UserService; see `Client` for deadlines, metadata and retries.

    Every method takes `timeout` (seconds, for this call; `float("inf")` for none) and `metadata`, and raises CallFailed.
    """

    @property
    def stub(self) -> user_service_pb2_grpc.UserServiceStub:
        """The generated stub, for calls by hand."""
        return self.stub_of(user_service_pb2_grpc.UserServiceStub)

    async def get(self, id: str, *, timeout: float | None = None, metadata: Metadata = ()) -> users.User:
        """The user of that id. NOT_FOUND."""
        call = self.stub.GetUser(users.GetUserRequest(id=id), **self.said(timeout, metadata))
        return await self.ask(call)

    async def list(
        self,
        page_size: int = 0,
        page_token: str = "",
        filter: str = "",
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> Page:
        """One page of users, whole. `page_size` 0 leaves it to the server. INVALID_ARGUMENT: a token not from there."""
        request = users.ListUsersRequest(page_size=page_size, page_token=page_token, filter=filter)
        call = self.stub.ListUsers(request, **self.said(timeout, metadata))
        found = [user async for user in self.hear(call)]
        trailers = await call.trailing_metadata()
        return Page(found, str(trailers.get(NEXT, "")))

    async def each(
        self, filter: str = "", *, page_size: int = 0, timeout: float | None = None, metadata: Metadata = ()
    ) -> AsyncIterator[users.User]:
        """Every user, page after page, each with a deadline of its own."""
        token, metadata = "", tuple(metadata)
        while True:
            found, token = await self.list(page_size, token, filter, timeout=timeout, metadata=metadata)
            for user in found:
                yield user
            if not token:
                return

    async def create(
        self,
        name: str,
        email: str,
        age: int = 0,
        roles: Iterable[str] = (),
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> users.User:
        """A new user, with the id that the server gave. INVALID_ARGUMENT, ALREADY_EXISTS."""
        request = users.CreateUserRequest(name=name, email=email, age=age, roles=roles)
        return await self.ask(self.stub.CreateUser(request, **self.said(timeout, metadata)))

    async def update(self, user: users.User, *, timeout: float | None = None, metadata: Metadata = ()) -> users.User:
        """Replace the user of that id, whole: a field that is not set is emptied. NOT_FOUND, INVALID_ARGUMENT, ALREADY_EXISTS.

        `LessonsClient.update` changes single fields.
        """
        request = users.UpdateUserRequest(id=user.id, user=user)
        return await self.ask(self.stub.UpdateUser(request, **self.said(timeout, metadata)))

    async def delete(self, id: str, *, timeout: float | None = None, metadata: Metadata = ()) -> str:
        """Delete a user; what the server said. NOT_FOUND."""
        call = self.stub.DeleteUser(users.DeleteUserRequest(id=id), **self.said(timeout, metadata))
        answer = await self.ask(call)
        return answer.message


class LessonsClient(Client):
    """Calls the services of lessons.proto: the four kinds of call, calls that fail, the directory, the chat."""

    @property
    def calls(self) -> lessons_pb2_grpc.CallsStub:
        """The generated stub of Calls, for calls by hand."""
        return self.stub_of(lessons_pb2_grpc.CallsStub)

    @property
    def directory(self) -> lessons_pb2_grpc.DirectoryStub:
        """The generated stub of Directory."""
        return self.stub_of(lessons_pb2_grpc.DirectoryStub)

    async def echo(self, text: str, *, timeout: float | None = None, metadata: Metadata = ()) -> str:
        """Unary."""
        answer = await self.ask(self.calls.Echo(lessons.Text(text=text), **self.said(timeout, metadata)))
        return answer.text

    async def count(self, to: int, every_ms: int = 0, *, timeout: float | None = None) -> AsyncIterator[int]:
        """Server streaming: the numbers from 1. Who breaks off cancels the call (best under contextlib.aclosing)."""
        call = self.calls.Count(lessons.CountRequest(to=to, every_ms=every_ms), **self.said(timeout, ()))
        async for number in self.hear(call):
            yield number.value

    async def sum(self, values: Iterable[int] | AsyncIterable[int], *, timeout: float | None = None) -> lessons.Total:
        """Client streaming: the sum, and of how many."""
        with _Numbers(values) as numbers:
            return await self.ask(self.calls.Sum(aiter(numbers), **self.said(timeout, ())))

    async def double(
        self, values: Iterable[int] | AsyncIterable[int], *, timeout: float | None = None
    ) -> AsyncIterator[int]:
        """Bidirectional: each value doubled, as it is answered."""
        with _Numbers(values) as numbers:
            async for number in self.hear(self.calls.Double(aiter(numbers), **self.said(timeout, ()))):
                yield number.value

    async def wait(self, ms: int, *, timeout: float | None = None) -> str:
        """A call that takes so long. DEADLINE_EXCEEDED."""
        answer = await self.ask(self.calls.Wait(lessons.WaitRequest(ms=ms), **self.said(timeout, ())))
        return answer.text

    async def fail(
        self, code: int, message: str = "", *, key: str = "", times: int = 0, timeout: float | None = None
    ) -> str:
        """A call that fails with that code, or, with a key, so many times before it succeeds. 0: the handler raises."""
        request = lessons.FailRequest(code=code, message=message, key=key, times=times)
        answer = await self.ask(self.calls.Fail(request, **self.said(timeout, ())))
        return answer.text

    async def flood(self, size: int, count: int = 0, *, timeout: float | None = None) -> AsyncIterator[lessons.Chunk]:
        """Chunks of `size` bytes; with count 0, as long as they are read."""
        request = lessons.FloodRequest(size=size, count=count)
        async for chunk in self.hear(self.calls.Flood(request, **self.said(timeout, ()))):
            yield chunk

    async def types(self, message: lessons.AllTypes, *, timeout: float | None = None) -> lessons.AllTypes:
        """The message, there and back."""
        return await self.ask(self.calls.Types(message, **self.said(timeout, ())))

    async def person(self, id: str, *, timeout: float | None = None) -> lessons.Person:
        """A user with the etag of its state. NOT_FOUND."""
        call = self.directory.GetPerson(lessons.GetPersonRequest(id=id), **self.said(timeout, ()))
        return await self.ask(call)

    async def people(
        self, page_size: int = 0, page_token: str = "", filter: str = "", *, timeout: float | None = None
    ) -> lessons.ListPeopleResponse:
        """A page of users, in one message, with `next_page_token`."""
        request = lessons.ListPeopleRequest(page_size=page_size, page_token=page_token, filter=filter)
        answer = await self.ask(self.directory.ListPeople(request, **self.said(timeout, ())))
        return answer

    async def update(
        self, user: users.User, mask: Iterable[str] = (), *, etag: str = "", timeout: float | None = None
    ) -> lessons.Person:
        """Change the fields that `mask` names (none: those that are set). ABORTED: `etag` is not the newest."""
        request = lessons.UpdatePersonRequest(user=user, etag=etag)
        request.update_mask.paths.extend(mask)
        return await self.ask(self.directory.UpdatePerson(request, **self.said(timeout, ())))

    def talk(self, room: str, name: str, *, timeout: float = float("inf")) -> Talk:
        """Join a room: `async with client.talk("lobby", "Ada") as talk: await talk.say("hello")`."""
        call = self.stub_of(lessons_pb2_grpc.ChatStub).Talk(**self.said(timeout, ()))
        return Talk(call, room, name)


class Talk:
    """A stream each way with the chat: `say`, and iterate over what happens. Leaving the block leaves the room."""

    def __init__(self, call: Any, room: str, name: str) -> None:
        self.call = call
        self.room = room
        self.name = name

    async def say(self, text: str) -> None:
        """Say something to everyone in the room, oneself included. CallFailed."""
        with failures():
            await self._write(lessons.ChatRequest(say=text))

    async def __aenter__(self) -> Talk:
        with failures():
            await self._write(lessons.ChatRequest(join=lessons.Join(room=self.room, name=self.name)))
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.call.done():
            self.call.cancel()

    async def __aiter__(self) -> AsyncIterator[lessons.ChatEvent]:
        with failures():
            async for event in self.call:
                yield event

    async def done(self) -> None:
        """Say no more: the server ends its side too. Read on until then."""
        await self.call.done_writing()

    async def _write(self, request: lessons.ChatRequest) -> None:
        try:
            await self.call.write(request)
        except Exception:  # the stream has ended: its status says why
            await self.call.code()
            async for _ in self.call:
                raise
            raise


class _Numbers:
    """Values as requests. What making them raises, the library swallows and cancels the call: leaving the block raises it."""

    def __init__(self, values: Iterable[int] | AsyncIterable[int]) -> None:
        self._values = values
        self._error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[lessons.Number]:
        try:
            if isinstance(self._values, AsyncIterable):
                async for value in self._values:
                    yield lessons.Number(value=value)
            else:
                for value in self._values:
                    yield lessons.Number(value=value)
        except Exception as error:
            self._error = error
            raise

    def __enter__(self) -> _Numbers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._error is not None:
            raise self._error
