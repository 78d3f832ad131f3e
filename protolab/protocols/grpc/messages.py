"""The generated messages, under short names: `users.User(name="Ada")`, `lessons.AllTypes(a_bool=True)`."""

from protolab.protocols.grpc.generated import lessons_pb2 as lessons
from protolab.protocols.grpc.generated import user_service_pb2 as users

__all__ = ["lessons", "users"]
