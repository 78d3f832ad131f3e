"""What the chat says: JSON texts of the form {"type": ..., "payload": {...}}, read strictly.

A client may ask for:

| type | payload | answer |
|---|---|---|
| chat | message, room ("general" when left out) | chat to everyone in the room, the sender too |
| room | action: join or leave, room | room joined or left; to the others, system user_joined or user_left |
| system | command: ping | system pong |
| system | command: get_stats | system stats |

Any other text is answered with {"type": "error", "payload": {"code", "message"}}, and nothing else happens. The codes:
bad_json, bad_shape, unknown_type, unknown_action, unknown_command, empty_message, bad_room_name, not_in_room,
too_many_rooms (of this client), full (the room, or the house). A binary message closes the connection: 1003.

Fields that are not in the table are ignored, never passed on: who sent what, and when, is the server's word.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, NoReturn

from protolab.wire.websocket_frames import TEXT, Frame

DEFAULT_ROOM = "general"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is Python's, not JSON's")  # RFC 8259 section 6: no NaN, no Infinity


# Made once: json.loads and json.dumps, given options, make one for each call.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Refusal(Exception):
    """A request that is answered with an error: `code` for programs, `message` for people, saying what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Chat(NamedTuple):
    """Say `message` in `room`."""

    room: str
    message: str


class Join(NamedTuple):
    """Enter `room`."""

    room: str


class Leave(NamedTuple):
    """Leave `room`."""

    room: str


class Ping(NamedTuple):
    """Ask whether the server is there: an application's ping, not the protocol's."""


class GetStats(NamedTuple):
    """Ask how many clients and rooms there are."""


Request = Chat | Join | Leave | Ping | GetStats


def read(text: str, longest_name: int = 64) -> Request:
    """The request that a client's text makes. Refusal says why it makes none.

    >>> read('{"type": "chat", "payload": {"room": "tea", "message": "Hi", "sender": "the queen"}}')
    Chat(room='tea', message='Hi')
    >>> read('{"type": "dance", "payload": {}}')
    Traceback (most recent call last):
    protolab.protocols.websocket.chat_messages.Refusal: Unknown type 'dance': use chat, room or system.
    """
    try:
        data = _DECODER.decode(text)
    except (ValueError, RecursionError):  # the latter for brackets nested by the thousand
        raise Refusal("bad_json", 'Not JSON. Send {"type": ..., "payload": {...}}.') from None
    match data:
        case {"type": "chat", "payload": dict(payload)}:
            return _read_chat(payload, longest_name)
        case {"type": "room", "payload": dict(payload)}:
            return _read_room(payload, longest_name)
        case {"type": "system", "payload": dict(payload)}:
            return _read_system(payload)
        case {"type": str(other), "payload": dict()}:
            raise Refusal("unknown_type", f"Unknown type {_quote(other)}: use chat, room or system.")
        case _:
            raise Refusal("bad_shape", 'Wrong shape. Send {"type": a string, "payload": an object}.')


def _read_chat(payload: dict[str, Any], longest_name: int) -> Chat:
    message = payload.get("message")
    if not isinstance(message, str):
        raise Refusal("bad_shape", "A chat's payload needs a message, a string.")
    if not message.strip():
        raise Refusal("empty_message", "The message is empty. Say something.")
    try:
        message.encode()
    except UnicodeEncodeError:  # JSON can write half a surrogate pair, UTF-8 cannot
        raise Refusal("bad_shape", "The message holds half of a surrogate pair, which is no character.") from None
    return Chat(_room(payload.get("room", DEFAULT_ROOM), longest_name), message)


def _read_room(payload: dict[str, Any], longest_name: int) -> Join | Leave:
    match payload.get("action"):
        case "join":
            return Join(_room(payload.get("room"), longest_name))
        case "leave":
            return Leave(_room(payload.get("room"), longest_name))
        case str(other):
            raise Refusal("unknown_action", f"Unknown action {_quote(other)}: use join or leave.")
        case _:
            raise Refusal("bad_shape", "A room's payload needs an action, a string: join or leave.")


def _read_system(payload: dict[str, Any]) -> Ping | GetStats:
    match payload.get("command"):
        case "ping":
            return Ping()
        case "get_stats":
            return GetStats()
        case str(other):
            raise Refusal("unknown_command", f"Unknown command {_quote(other)}: use ping or get_stats.")
        case _:
            raise Refusal("bad_shape", "A system payload needs a command, a string: ping or get_stats.")


def _room(name: object, longest: int) -> str:
    """A room's name, if it is one: printable (so no line ends, controls or halves of surrogate pairs), not too long."""
    if not isinstance(name, str):
        raise Refusal("bad_shape", "The payload needs a room, a string.")
    if not 1 <= len(name) <= longest or not name.isprintable() or name != name.strip():
        rule = f"1 to {longest} printable characters, with no space before or after"
        raise Refusal("bad_room_name", f"A room's name has {rule}.")
    return name


def _quote(word: str) -> str:
    """A client's word in a message of ours: no more than a glimpse, in ASCII."""
    return ascii(word if len(word) <= 20 else word[:20] + "...")


def write(kind: str, **payload: object) -> bytes:
    """The JSON text of one message, in UTF-8.

    >>> write("system", command="user_joined", room="tea", user="user-2").decode()
    '{"type":"system","payload":{"command":"user_joined","room":"tea","user":"user-2"}}'
    """
    return _ENCODER.encode({"type": kind, "payload": payload}).encode()


def frame(text: bytes) -> bytes:
    """The one frame that carries a text from the server to any number of clients: final, not masked, not compressed.

    >>> frame(b"{}")
    b'\\x81\\x02{}'
    """
    return Frame(TEXT, text).encode()
