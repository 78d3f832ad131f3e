"""What the services answer. Handlers say no by raising `Refusal`; the interceptor ends the call with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from protolab.protocols.grpc.errors import Refusal, invalid
from protolab.protocols.grpc.generated import lessons_pb2 as lessons
from protolab.protocols.grpc.generated import lessons_pb2_grpc, user_service_pb2_grpc
from protolab.protocols.grpc.generated import user_service_pb2 as users
from protolab.protocols.grpc.library import grpc
from protolab.protocols.grpc.store import Person, Store

NEXT = "next-page-token"  # in the trailing metadata of ListUsers
LONGEST = 60_000  # milliseconds that a call may be asked to take
LARGEST = 2**20  # bytes of a chunk that may be asked for
KEYS = 1000  # keys of Fail that are counted; beyond it the oldest is forgotten


class UserService(user_service_pb2_grpc.UserServiceServicer):
    """The sample's service, over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def GetUser(self, request: users.GetUserRequest, context: Any) -> users.User:
        return self.store.get(request.id).user

    async def ListUsers(self, request: users.ListUsersRequest, context: Any) -> AsyncIterator[users.User]:
        page = self.store.page(request.page_size, request.page_token, request.filter)
        if page.next_page_token:
            context.set_trailing_metadata(((NEXT, page.next_page_token),))
        for person in page.people:
            yield person.user

    async def CreateUser(self, request: users.CreateUserRequest, context: Any) -> users.User:
        wanted = users.User(name=request.name, email=request.email, age=request.age, roles=request.roles)
        return self.store.create(wanted).user

    async def UpdateUser(self, request: users.UpdateUserRequest, context: Any) -> users.User:
        if not request.HasField("user"):
            raise invalid([("user", "is missing")])
        if request.user.id not in ("", request.id):
            raise invalid([("user.id", f"is {request.user.id!r}, but the user to update is {request.id!r}")])
        return self.store.update(request.id, request.user).user

    async def DeleteUser(self, request: users.DeleteUserRequest, context: Any) -> users.DeleteUserResponse:
        self.store.delete(request.id)
        return users.DeleteUserResponse(success=True, message=f"User {request.id} deleted.")


class Directory(lessons_pb2_grpc.DirectoryServicer):
    """The same users, as the AIPs have it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def GetPerson(self, request: lessons.GetPersonRequest, context: Any) -> lessons.Person:
        return _said(self.store.get(request.id))

    async def ListPeople(self, request: lessons.ListPeopleRequest, context: Any) -> lessons.ListPeopleResponse:
        page = self.store.page(request.page_size, request.page_token, request.filter)
        return lessons.ListPeopleResponse(
            people=[_said(person) for person in page.people], next_page_token=page.next_page_token
        )

    async def UpdatePerson(self, request: lessons.UpdatePersonRequest, context: Any) -> lessons.Person:
        """AIP-134: without a mask the fields that are set, with "*" all; AIP-203: the id is the server's, and not changed."""
        if not request.HasField("user"):
            raise invalid([("user", "is missing")])
        paths: list[str] | None = list(request.update_mask.paths)
        if paths == ["*"]:
            paths = None
        elif not paths:
            paths = [field.name for field, _ in request.user.ListFields()]
        if paths is not None:
            paths = [path for path in paths if path != "id"]
        return _said(self.store.update(request.user.id, request.user, paths, request.etag))


def _said(person: Person) -> lessons.Person:
    return lessons.Person(user=person.user, etag=person.etag)


class Calls(lessons_pb2_grpc.CallsServicer):
    """The four kinds of call, and calls that are slow, fail or flood as they are asked to."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}

    async def Echo(self, request: lessons.Text, context: Any) -> lessons.Text:
        return request

    async def Types(self, request: lessons.AllTypes, context: Any) -> lessons.AllTypes:
        return request

    async def Count(self, request: lessons.CountRequest, context: Any) -> AsyncIterator[lessons.Number]:
        if request.to < 0:
            raise invalid([("to", "must not be negative")])
        _within("every_ms", request.every_ms, LONGEST)
        for value in range(1, request.to + 1):
            if request.every_ms and value > 1:
                await asyncio.sleep(request.every_ms / 1000)
            yield lessons.Number(value=value)

    async def Sum(self, requests: AsyncIterator[lessons.Number], context: Any) -> lessons.Total:
        total = count = 0
        async for number in requests:
            total += number.value
            count += 1
            if not -(2**63) <= total < 2**63:
                raise Refusal(grpc.StatusCode.OUT_OF_RANGE, "The sum does not fit into 64 bits.")
        return lessons.Total(sum=total, count=count)

    async def Double(self, requests: AsyncIterator[lessons.Number], context: Any) -> AsyncIterator[lessons.Number]:
        async for number in requests:
            if not -(2**62) <= number.value < 2**62:
                raise Refusal(grpc.StatusCode.OUT_OF_RANGE, f"Twice {number.value} does not fit into 64 bits.")
            yield lessons.Number(value=number.value * 2)

    async def Wait(self, request: lessons.WaitRequest, context: Any) -> lessons.Text:
        _within("ms", request.ms, LONGEST)
        await asyncio.sleep(request.ms / 1000)  # cancelled here when the deadline passes
        return lessons.Text(text=f"waited {request.ms} ms")

    async def Fail(self, request: lessons.FailRequest, context: Any) -> lessons.Text:
        _within("code", request.code, 16)
        _within("key", len(request.key), 100, " characters")
        if request.key:
            failed = self._failures.pop(request.key, 0)
            if failed >= request.times:
                return lessons.Text(text=f"succeeded after {failed} failures")
            self._failures[request.key] = failed + 1  # put in anew, at the end
            if len(self._failures) > KEYS:
                del self._failures[next(iter(self._failures))]
        if request.code == 0:
            raise RuntimeError(request.message)
        raise Refusal(_CODES[request.code], request.message)

    async def Flood(self, request: lessons.FloodRequest, context: Any) -> AsyncIterator[lessons.Chunk]:
        _within("size", request.size, LARGEST)
        if request.count < 0:
            raise invalid([("count", "must not be negative")])
        number, data = 0, bytes(request.size)
        while not request.count or number < request.count:
            number = number % (2**31 - 1) + 1
            yield lessons.Chunk(number=number, data=data)  # goes on when the window lets it


_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def _within(field: str, value: int, most: int, of: str = "") -> None:
    if not 0 <= value <= most:
        raise invalid([(field, f"must be 0 to {most}{of}, not {value}")])
