"""The data: users and posts in memory, behind a backend whose calls are counted, as those to a database would be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from protolab import repeat
from protolab.protocols.graphql.feed import Feed

_NAMES = [
    "Ada",
    "Alan",
    "Barbara",
    "Claude",
    "Dennis",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
    "Ivan",
    "Jean",
    "Ken",
    "Leslie",
    "Margaret",
    "Niklaus",
    "Ole",
    "Peter",
    "Radia",
    "Sophie",
    "Tim",
]
_SUBJECTS = ["Bytes", "Frames", "Streams", "Queries", "Trees"]
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_CREATED = 1000  # posts that clients may add; the oldest of those is forgotten then


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who writes posts."""

    id: str
    name: str
    email: str
    city: str
    bio: str

    @property
    def json(self) -> dict[str, Any]:
        """All there is, as the REST endpoints tell it."""
        return {"id": self.id, "name": self.name, "email": self.email, "city": self.city, "bio": self.bio}


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody wrote."""

    id: str
    author_id: str
    title: str
    content: str
    created_at: str

    @property
    def json(self) -> dict[str, Any]:
        """All there is, as the REST endpoints tell it."""
        return {
            "id": self.id,
            "authorId": self.author_id,
            "title": self.title,
            "content": self.content,
            "createdAt": self.created_at,
        }


class Store:
    """`users` users who wrote `posts` posts, the same each time. Every method is one call of the backend and takes `delay`.

    `calls` counts them by name; `created` tells of new posts.
    """

    def __init__(self, users: int = 20, posts: int = 100, *, delay: float = 0) -> None:
        self.delay = delay
        self.calls: Counter[str] = Counter()
        self.created = Feed()
        self._users = {str(number): _user(number) for number in range(1, users + 1)}
        self._posts = {str(number): _post(number, (number - 1) % users + 1) for number in range(1, posts + 1)}
        self._by: dict[str, dict[str, Post]] = {user: {} for user in self._users}
        for post in self._posts.values():
            self._by[post.author_id][post.id] = post
        self._count = self._given = posts

    async def users(self, first: int | None = None) -> list[User]:
        """The users, or the first of them."""
        await self._call("users")
        return list(self._users.values())[:first]

    async def posts(self, first: int | None = None) -> list[Post]:
        """The posts, or the first of them."""
        await self._call("posts")
        return list(self._posts.values())[:first]

    async def users_by_id(self, keys: Iterable[str]) -> Mapping[str, User]:
        """The users with these ids, in one call."""
        await self._call("users_by_id")
        return {key: self._users[key] for key in keys if key in self._users}

    async def posts_by_id(self, keys: Iterable[str]) -> Mapping[str, Post]:
        """The posts with these ids, in one call."""
        await self._call("posts_by_id")
        return {key: self._posts[key] for key in keys if key in self._posts}

    async def posts_of(self, keys: Iterable[str]) -> Mapping[str, list[Post]]:
        """What the users with these ids wrote, in one call."""
        await self._call("posts_of")
        return {key: list(self._by.get(key, {}).values()) for key in keys}

    async def create_post(self, author_id: str, title: str, content: str) -> Post:
        """Add a post, and tell of it. LookupError: there is no such author."""
        await self._call("create_post")
        if author_id not in self._users:
            raise LookupError(f"There is no user {author_id}.")
        self._count += 1
        post = _post(self._count, int(author_id), title, content)
        self._posts[post.id] = self._by[author_id][post.id] = post
        if self._count - self._given > _MOST_CREATED:
            oldest = self._posts.pop(str(self._count - _MOST_CREATED))
            del self._by[oldest.author_id][oldest.id]
        self.created.publish(post)
        return post

    async def _call(self, name: str) -> None:
        self.calls[name] += 1
        if self.delay:
            await asyncio.sleep(self.delay)


def _user(number: int) -> User:
    name = _NAMES[(number - 1) % len(_NAMES)]
    bio = f"{name} reads specifications for breakfast, and has been writing about protocols ever since."
    return User(str(number), name, f"{name.lower()}{number}@lab.local", ("London", "Paris", "Oslo")[number % 3], bio)


def _post(number: int, author: int, title: str | None = None, content: str | None = None) -> Post:
    """A post; one that a client made bears today's time, unless runs are to be repeatable."""
    subject = _SUBJECTS[number % len(_SUBJECTS)]
    at = _EPOCH + timedelta(minutes=number)
    if title is not None and not repeat.on():
        at = datetime.now(UTC)
    return Post(
        str(number),
        str(author),
        title if title is not None else f"{subject}, part {number}",
        content if content is not None else f"What {subject.lower()} look like, and why.",
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
