"""`protolab show`: a saved capture, or bytes in whatever form they were copied from, explained."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from protolab import protocols
from protolab.capture import Capture, Connection, files, pcapng
from protolab.conversation import Conversation
from protolab.errors import LabError
from protolab.fields import Side
from protolab.show import explain, picture
from protolab.terminal.screen import rail
from protolab.units import Unit
from protolab.view import Ladder, export

FEW = 12  # units of a capture that are all explained without being asked for
# Possessive (++), so that a file of a hundred megabytes leaves no trail to go back on.
_HEX = re.compile(r"(?:(?:0x|\\x)?+[0-9a-f]{2}[\s:,-]*+)++", re.IGNORECASE)
# A row of xxd ("00000010: 4865 6c6c  Hell"), or of hexdump -C and tshark -x ("0010  48 65 6c 6c   Hell").
_ROW = re.compile(
    r"(?:0x)?(?P<at>[0-9a-f]{4,})(?:: {1,2}(?P<pairs>(?:[0-9a-f]{2} ?)+)|  (?P<apart>(?:[0-9a-f]{2} {1,2})*[0-9a-f]{2}))",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]++\s*+)++(?:=\s*+){0,2}")
_URL_SAFE = str.maketrans("-_", "+/")
_PCAP = tuple(bytes.fromhex(magic) for magic in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1"))  # of tcpdump
_SURE = 10  # what a card says at least of bytes that it knows, of a hundred; less is a guess where nothing is known


def bytes_of(text: str) -> tuple[bytes, str] | None:
    r"""The bytes that a text spells, and how it spells them; None when it is neither hex, a hex dump nor base64.

    >>> bytes_of("81 05 48656c6c6f"), bytes_of(r"\x81\x00"), bytes_of("gQVIZWxsbw==")
    ((b'\x81\x05Hello', 'hex'), (b'\x81\x00', 'hex'), (b'\x81\x05Hello', 'base64'))
    >>> bytes_of("00000000: 8105 4865 6c6c 6f                        ..Hello")
    (b'\x81\x05Hello', 'a hex dump')
    """
    text = text.strip()
    if _ROW.match(text) and (dumped := _dumped(text.splitlines())):
        return dumped, "a hex dump"
    if _HEX.fullmatch(text):
        return bytes.fromhex(re.sub(r"0x|\\x|[\s:,-]", "", text, flags=re.IGNORECASE)), "hex"
    if _BASE64.fullmatch(text):
        joined = "".join(text.split())
        if len(joined) % 4 == 0 and joined != joined.lower():  # else it is rather a word
            return base64.b64decode(joined.translate(_URL_SAFE)), "base64"
    return None


def _dumped(rows: list[str]) -> bytes:
    """The bytes of a hex dump's rows, or none when they are no dump: each must begin with how many came before it."""
    data = bytearray()
    for row in rows:
        found = _ROW.match(row.strip())
        if found is None and row is rows[-1] and row.strip() == f"{len(data):08x}":
            break  # hexdump ends with the size alone
        if found is None or int(found["at"], 16) != len(data):
            return b""
        data += bytes.fromhex(found["pairs"] or found["apart"])
    return bytes(data)


def load(what: tuple[str, ...], stdin: BinaryIO, side: Side | None, protocol: str | None) -> tuple[Capture, str]:
    """The capture that the words of the command mean, and a line on how they were read ("" for a saved capture)."""
    text = " ".join(what)
    if text in ("", "-"):
        return _content(stdin.read(), "standard input", side, protocol)
    path = Path(text)
    if _is_file(path):
        return _content(path.read_bytes(), str(path), side, protocol)
    if (found := bytes_of(text)) is None:
        raise LabError(
            f"{text[:60]!r} is no file here, and neither hex nor base64.",
            "Give the name of a saved capture, bytes such as 810548656c6c6f, or - for standard input.",
        )
    return _connection(*found, side, protocol)


def _is_file(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False


def _content(data: bytes, name: str, side: Side | None, protocol: str | None) -> tuple[Capture, str]:
    """A capture from the bytes of a file: saved as one, spelled as text, or as they are."""
    if not data:
        raise LabError(f"There is nothing in {name}.", "Give a saved capture, or bytes, or hex or base64 of bytes.")
    if data.startswith((b'{"protolab"', pcapng.MAGIC)):  # what to do with pcapng, `loads` says
        return files.loads(data, name), ""
    if data.startswith(_PCAP):
        raise LabError(
            f"{name} is a pcap file: packets, not what was said.", "Open it in Wireshark, or record with tap."
        )
    try:
        found = bytes_of(data.decode("ascii"))
    except UnicodeDecodeError:
        found = None
    return _connection(*(found or (data, "they are")), side, protocol)


def _connection(data: bytes, how: str, side: Side | None, protocol: str | None) -> tuple[Capture, str]:
    """A capture in which one side says `data`, the side that fits best, from the beginning or midway; and a line on it."""
    cards = protocols.cards() if protocol is None else (protocols.card(protocol),)
    look = data[: protocols.LOOK]

    def fits(guess: tuple[bool, Side]) -> int:
        said = (look, b"") if guess[1] is Side.CLIENT else (b"", look)
        return max(card.recognise(*said, guess[0]) for card in cards)

    guesses = [(midway, who) for midway in (False, True) for who in Side if side in (None, who)]
    midway, who = max(guesses, key=fits)
    capture = Capture("bytes", limit=max(len(data), 1))
    capture.logical = True  # nobody knows when they were said, or from where
    capture.connect(midway=midway).add(who, data)
    heading = f"{len(data):,} byte{'' if len(data) == 1 else 's'}, read as {how}"
    if protocol is None and fits((midway, who)) < _SURE:
        heading += (
            "\nThey look like no protocol that is known here, so what follows is a guess: --as names the right one."
        )
    return capture, heading


def run(
    what: tuple[str, ...],
    stdin: BinaryIO,
    protocol: str | None,
    side: str | None,
    number: int | None,
    everything: bool,
    pictures: bool,
    as_json: bool,
) -> Iterator[str]:
    """What to print, piece by piece. LabError: nothing there to show, no such protocol, or no such unit."""
    if protocol is not None and protocol not in (known := [card.name for card in protocols.cards()]):
        raise LabError(f"There is no protocol called {protocol}.", f"There are: {', '.join(known)}.")
    capture, heading = load(what, stdin, None if side is None else Side[side.upper()], protocol)
    conversations = [protocols.decode(connection, protocol) for connection in capture.connections]
    chosen = list(_chosen(conversations, number))
    if as_json:
        for conversation in chosen:
            yield from _json(conversation, number)
        return
    if heading:
        yield f"{heading}\n"
    if number is None and (not heading or sum(map(len, chosen)) > 1):
        yield f"{Ladder(conversations, capture).text(rail())}\n"
    few = sum(map(len, chosen)) <= FEW
    if number is None and not few and not everything:
        yield "One unit: --unit NUMBER. All of them: --all."
        return
    for conversation in chosen:
        for unit in conversation if number is None else [conversation[number]]:
            yield f"{explain(unit)}\n"
            if pictures:
                yield f"{picture(unit)}\n"


def _chosen(conversations: list[Conversation[Any, Any]], number: int | None) -> Iterator[Conversation[Any, Any]]:
    """The conversations to explain: those that have the unit asked for, or all."""
    if number is None:
        yield from conversations
        return
    longest = max(map(len, conversations), default=0)
    if not 0 <= number < longest:
        raise LabError(
            f"There is no unit {number}.",
            f"Units are numbered from 0 to {longest - 1}." if longest else "There are none.",
        )
    yield from (conversation for conversation in conversations if number < len(conversation))


def _json(conversation: Conversation[Any, Any], number: int | None) -> Iterator[str]:
    connection: Connection = conversation.connection
    units: Iterator[Unit] = iter(conversation) if number is None else iter([conversation[number]])
    for unit in units:
        found = {"connection": connection.number, **export.unit(unit, limit=None)}
        if not connection.capture.logical:
            found["at"] = unit.place.at
        yield json.dumps(found)
