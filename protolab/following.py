"""Conversations as they are now: of a live capture, decoded once and taken up again at each look."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protolab import protocols
from protolab.capture import Capture, Connection
from protolab.conversation import Conversation
from protolab.errors import LabError

if TYPE_CHECKING:
    from protolab.view.states import Walk


def followed(thing: object) -> tuple[Callable[[], list[Conversation[Any, Any]]], Capture] | None:
    """The conversations of a thing, as they are at each call, and their capture; None for a thing that has none."""
    match thing:
        case Conversation():
            return lambda: [updated(thing)], thing.connection.capture
        case Connection():
            return Decoded(lambda: [thing]), thing.capture
        case Capture():
            return Decoded(lambda: thing.connections), thing
    capture = getattr(thing, "capture", None)
    return followed(capture) if isinstance(capture, Capture) else None


def walks_of(thing: object) -> Walks:
    """The conversations of a thing, each with its protocol's tables. TypeError: it has no conversations."""
    if (found := followed(thing)) is None:
        raise TypeError(f"a {type(thing).__name__} has no states; a capture, a connection or a conversation has")
    return Walks(found[0])


class Walks:
    """The walks of conversations as they are now, of the first protocol among them that has tables of states."""

    def __init__(self, conversations: Callable[[], list[Conversation[Any, Any]]]) -> None:
        self.conversations = conversations
        self.known: dict[Conversation[Any, Any], Walk] = {}

    def __call__(self) -> tuple[Walk, ...]:
        from protolab.view.states import Walk

        found = self.conversations()
        spoken = {each.protocol: tables for each in found if (tables := protocols.card(each.protocol).part("states"))}
        if not spoken:
            heard = ", ".join(dict.fromkeys(each.protocol for each in found)) or "nothing"
            raise LabError(
                f"There are no tables of states for what was said here ({heard}).", "Walk through it with explore."
            )
        protocol, tables = next(iter(spoken.items()))
        same = [each for each in found if each.protocol == protocol]
        self.known = {each: self.known.get(each) or Walk(each, tables) for each in same}
        return tuple(self.known.values())


def updated(conversation: Conversation[Any, Any]) -> Conversation[Any, Any]:
    """The same one, with the bytes that came since the last look."""
    conversation.update()
    return conversation


class Decoded:
    """The conversations of connections as they are now: one that was decoded before goes on from where it was."""

    def __init__(self, connections: Callable[[], list[Connection]]) -> None:
        self.connections = connections
        self.known: dict[Connection, Conversation[Any, Any]] = {}

    def __call__(self) -> list[Conversation[Any, Any]]:
        return [self.decoded(connection) for connection in list(self.connections())]

    def decoded(self, connection: Connection) -> Conversation[Any, Any]:
        """The conversation of one connection, by what its first bytes now tell: an answer's may be what names the protocol."""
        if (found := self.known.get(connection)) is not None:
            found.update()
        # Judged after the scan, never before it: bytes that came in between would be taken for what nobody said.
        while found is None or protocols.recognise(connection).name != found.protocol:
            found = self.known[connection] = protocols.decode(connection)
        return found
