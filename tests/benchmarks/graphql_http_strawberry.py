"""The schema of users and posts as strawberry has it, for graphql_http_servers. (Strawberry reads annotations: no strings.)"""

from typing import Annotated, Any, Optional

import strawberry
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache


@strawberry.type
class Post:
    id: strawberry.ID
    title: str
    content: str
    created_at: str

    @strawberry.field
    async def author(self, info: strawberry.Info) -> Annotated["User", strawberry.lazy(__name__)]:
        return await info.context["users"].load(self.author_id)  # type: ignore[attr-defined]


@strawberry.type
class User:
    id: strawberry.ID
    name: str
    email: str

    @strawberry.field
    async def posts(self, info: strawberry.Info) -> list[Post]:
        return await info.context["posts_of"].load(self.id)


@strawberry.type
class Query:
    @strawberry.field
    async def user(self, info: strawberry.Info, id: strawberry.ID) -> Optional[User]:  # noqa: UP045
        return await info.context["users"].load(id)

    @strawberry.field
    async def users(self, info: strawberry.Info) -> list[User]:
        return await info.context["store"].users()


def application(context: Any, cached: bool) -> Any:
    """Strawberry's own ASGI application, with its ParserCache and ValidationCache or without."""

    class Application(GraphQL):
        async def get_context(self, request: Any, response: Any) -> Any:
            return context()

    return Application(strawberry.Schema(Query, extensions=[ParserCache, ValidationCache] if cached else []))
