"""What happens to a client that comes back, and who is told.

A handler gets one argument. These names are the client's own:

| event | argument | when |
|---|---|---|
| connected | Connected | a connection stands. What its handlers send goes out before what waited: rooms are joined again here |
| disconnected | Ending | a connection is gone; its `rule` says whether the client will come back |
| reconnecting | Reconnecting | it will try again, after a delay |
| max_attempts | MaxAttempts | it has tried often enough, and is closed |
| dropped | Dropped | messages that waited to be sent never will be. To send others from here may drop the next |
| error | Failed | no connection came about, or a handler raised |
| message | a dict for a text that is a JSON object, else str or bytes | any message, last of its handlers |

Any other name means the JSON messages of that "type", and a handler gets their "payload" (all of the message when it
has none): "chat", "system", "notification". "type:chat" says the same at length, and is the only way to say it where
the short name is the client's own: a server's errors are "type:error". So no message can pose as an event of the client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from protolab.serve.returning import OWN

EVENTS = (*OWN, "dropped", "message")


class Connected(NamedTuple):
    """The client's connection number so-and-so stands; 1 is its first."""

    number: int
    subprotocol: str | None


class Dropped(NamedTuple):
    """These messages, str or bytes as they would have been sent, never will be."""

    messages: tuple[str | bytes, ...]
    why: str


@dataclass(slots=True)
class Counts:
    """What a client did so far. `unread`: messages that nobody iterated over in time; handlers had them nevertheless."""

    connections: int = 0
    sent: int = 0
    received: int = 0
    dropped: int = 0
    unread: int = 0
