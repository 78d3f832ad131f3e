"""Rooms: named sets of a fan-out's members, which begin with their first member and vanish with their last."""

from __future__ import annotations

from protolab.serve.fanout import Fanout, Member


class Full(Exception):
    """No more members fit into the room, or no more rooms into the house: the message says which."""


class Rooms:
    """At most `most` rooms of at most `members` members each.

    Joining, leaving and publishing are plain calls in one event loop: none of them waits, so none can race another.
    """

    def __init__(self, fanout: Fanout, *, most: int, members: int) -> None:
        self.fanout = fanout
        self.most = most
        self.members = members
        self._rooms: dict[str, dict[Member, None]] = {}  # dicts, because they keep the order

    def __len__(self) -> int:
        return len(self._rooms)

    def sizes(self) -> dict[str, int]:
        """How many members each room has."""
        return {name: len(members) for name, members in self._rooms.items()}

    def join(self, room: str, member: Member) -> bool:
        """Let a member in; False: it was in already. Raises Full at a bound."""
        members = self._rooms.get(room)
        if members is None:
            if len(self._rooms) >= self.most:
                raise Full(f"There are {len(self._rooms)} rooms, and no more can be opened. Join one of them.")
            members = self._rooms[room] = {}
        if member in members:
            return False
        if len(members) >= self.members:
            raise Full(f"The room {room} has {len(members)} members and is full. Try again later.")
        members[member] = None
        return True

    def leave(self, room: str, member: Member) -> bool:
        """Take a member out; False: it was not in."""
        members = self._rooms.get(room, {})
        if member not in members:
            return False
        del members[member]
        if not members:
            del self._rooms[room]
        return True

    def publish(self, room: str, data: bytes, *, exclude: Member | None = None) -> None:
        """Give `data` to everyone in the room but `exclude`. A room that does not exist has nobody to hear it."""
        if members := self._rooms.get(room):
            self.fanout.publish(data, members, exclude=exclude)
