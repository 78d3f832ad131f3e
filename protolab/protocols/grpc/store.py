"""Users in memory: ids given here, one user for each e-mail address, pages by keyset, an etag for each state.

Every method is one critical section: handlers on the loop and a learner in a cell may call at the same time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from protolab import repeat
from protolab.protocols.grpc.errors import Violation, about, invalid
from protolab.protocols.grpc.generated.user_service_pb2 import User
from protolab.protocols.grpc.library import grpc

USERS = 10_000  # the most a store holds; creating one more is RESOURCE_EXHAUSTED
PAGE = 10  # users on a page when the request names no size
LARGEST_PAGE = 100  # AIP-158: a larger page_size is no error, and means this
_NAME, _EMAIL, _ROLE, _ROLES, _AGE = 100, 254, 50, 20, 150  # the longest, the most, the oldest
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class Person(NamedTuple):
    """A user with the etag of this state. The user is the store's own: read it, and copy it before changing it."""

    user: User
    etag: str


class Page(NamedTuple):
    """Some users, and the token of the next page: empty on the last."""

    people: tuple[Person, ...]
    next_page_token: str


class Store:
    """The users. Raises `Refusal`, with the status that a call is to end with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[int, Person] = {}
        self._numbers: list[int] = []  # the keys of _people, in order
        self._emails: dict[str, int] = {}  # as `_same` has them
        self._last = 0
        self._changes = 0
        self._secret = repeat.token_source()(16)  # signs page tokens, so that nobody builds one by hand

    def __len__(self) -> int:
        return len(self._people)

    def get(self, id: str) -> Person:
        """The user of that id; NOT_FOUND."""
        with self._lock:
            return self._people[self._number(id)]

    def create(self, user: User) -> Person:
        """Keep a copy of `user` under a new id. INVALID_ARGUMENT, ALREADY_EXISTS (its e-mail address), RESOURCE_EXHAUSTED."""
        _check(user)
        with self._lock:
            self._claim(user.email, None)
            if len(self._people) >= USERS:
                raise about(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"There are {USERS} users: delete some first.", "User", ""
                )
            self._last += 1
            self._numbers.append(self._last)
            return self._keep(self._last, user)

    def update(self, id: str, user: User, paths: Iterable[str] | None = None, etag: str = "") -> Person:
        """Change the fields of User that `paths` name (None: all) to what `user` has. The id stays.

        INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS; ABORTED: `etag` is given, and is not that of the newest state.
        """
        chosen = list(paths) if paths is not None else ["name", "email", "age", "roles"]
        if unknown := [path for path in chosen if path not in User.DESCRIPTOR.fields_by_name]:
            raise invalid(("update_mask", f"User has no field {path}") for path in unknown)
        with self._lock:
            number = self._number(id)
            before = self._people[number]
            if etag and etag != before.etag:
                raise about(grpc.StatusCode.ABORTED, f"The etag of user {id} is {before.etag} now.", "User", id)
            changed = User()
            changed.CopyFrom(before.user)
            for path in chosen:
                changed.ClearField(path)
                value = getattr(user, path)
                if path == "roles":
                    changed.roles.extend(value)
                else:
                    setattr(changed, path, value)
            _check(changed)
            self._claim(changed.email, number)
            del self._emails[_same(before.user.email)]
            return self._keep(number, changed)

    def delete(self, id: str) -> None:
        """Forget a user; NOT_FOUND."""
        with self._lock:
            number = self._number(id)
            del self._emails[_same(self._people.pop(number).user.email)]
            del self._numbers[bisect_right(self._numbers, number) - 1]

    def page(self, size: int, token: str, filter: str) -> Page:
        """Users whose name contains `filter`, in the order of creation, from where `token` says.

        A token names the last user that was handed out, so users that come and go meanwhile make none appear twice and
        none be skipped. It is bound to the filter. INVALID_ARGUMENT: a negative size, or a token not from here.
        """
        if size < 0:
            raise invalid([("page_size", "must not be negative")])
        size = min(size or PAGE, LARGEST_PAGE)
        wanted = filter.casefold()
        people: list[Person] = []
        with self._lock:
            start = bisect_right(self._numbers, self._read(token, wanted)) if token else 0
            for number in self._numbers[start:]:
                person = self._people[number]
                if wanted and wanted not in person.user.name.casefold():
                    continue
                if len(people) == size:  # there is one more: so there is a next page
                    return Page(tuple(people), self._token(int(people[-1].user.id), wanted))
                people.append(person)
        return Page(tuple(people), "")

    def _number(self, id: str) -> int:
        number = int(id) if id.isascii() and id.isdigit() and len(id) < 16 else 0
        if str(number) != id or number not in self._people:
            raise about(grpc.StatusCode.NOT_FOUND, f"There is no user {id!r}.", "User", id)
        return number

    def _claim(self, email: str, by: int | None) -> None:
        if self._emails.get(_same(email), by) != by:
            raise about(grpc.StatusCode.ALREADY_EXISTS, f"There is a user with the address {email}.", "User", email)

    def _keep(self, number: int, user: User) -> Person:
        kept = User()
        kept.CopyFrom(user)
        kept.id = str(number)
        self._changes += 1
        self._emails[_same(kept.email)] = number
        self._people[number] = person = Person(kept, f"v{self._changes}")
        return person

    def _token(self, number: int, wanted: str) -> str:
        said = number.to_bytes(8)
        signed = hmac.digest(self._secret, said + wanted.encode(), hashlib.sha256)[:10]
        return base64.urlsafe_b64encode(said + signed).decode()

    def _read(self, token: str, wanted: str) -> int:
        try:
            number = int.from_bytes(base64.b64decode(token, altchars=b"-_", validate=True)[:8])
        except ValueError:
            number = -1
        if number < 0 or not hmac.compare_digest(self._token(number, wanted).encode(), token.encode()):
            raise invalid([("page_token", "is not a token that this server gave for this filter")])
        return number


def _same(email: str) -> str:
    """What is equal of addresses that differ only in case, or in how their letters are composed (Unicode section 3.13)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", email).casefold())


def _check(user: User) -> None:
    """INVALID_ARGUMENT, with every field that is wrong."""
    if wrong := list(_violations(user)):
        raise invalid(wrong)


def _violations(user: User) -> Iterable[Violation]:
    if not user.name.strip():
        yield "name", "must not be empty"
    if len(user.name) > _NAME:
        yield "name", f"has {len(user.name)} characters, more than {_NAME}"
    if _CONTROL.search(user.name):
        yield "name", "must not have control characters"
    local, _, domain = user.email.partition("@")
    if not (local and domain) or "@" in domain or not user.email.isprintable() or " " in user.email:
        yield "email", "must be an address such as ada@example.org"
    if len(user.email) > _EMAIL:
        yield "email", f"has {len(user.email)} characters, more than {_EMAIL}"
    if not 0 <= user.age <= _AGE:
        yield "age", f"must be 0 to {_AGE}, not {user.age}"
    if len(user.roles) > _ROLES:
        yield "roles", f"are {len(user.roles)}, more than {_ROLES}"
    for number, role in enumerate(user.roles):
        if not 0 < len(role) <= _ROLE or _CONTROL.search(role):
            yield f"roles[{number}]", f"must have 1 to {_ROLE} characters, no control characters"
