"""Captures in files: readable JSON lines, saved and loaded.

One line for the capture, then one for each connection, segment and end, in the order of time:

    {"protolab": "capture", "version": 1, "name": "echo", "limit": 67108864, "lines": 3}
    {"at": 0.000512000, "connection": 1, "client": "127.0.0.1:53122", "server": "127.0.0.1:8080"}
    {"at": 0.001034000, "connection": 1, "side": "client", "text": "GET / HTTP/1.1\\r\\nHost: lab.local\\r\\n\\r\\n"}
    {"at": 0.002216000, "connection": 1, "side": "server", "end": "FIN"}

`at` is in seconds since the capture began, to the nanosecond. Bytes that read as text are "text" (as UTF-8 they are
the bytes again), all others "hex". Left out when there is nothing to say: "midway", "dropped" (client, server) of a
connection; "logical", "full", "missed" of the capture. "lines" tells a file that was cut short; who edits a file by
hand may delete it. Equal captures make equal files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from heapq import merge
from itertools import accumulate
from pathlib import Path
from typing import Any

from protolab.capture import pcapng
from protolab.capture.model import DEFAULT_LIMIT, Capture, Connection, End, Segment
from protolab.errors import LabError
from protolab.fields import Side

VERSION = 1
_SIDES = {str(side): side for side in Side}
_JSON = json.JSONEncoder(ensure_ascii=False)


def save(capture: Capture, path: str | os.PathLike[str]) -> None:
    """Write a capture: pcapng when the file's name ends in .pcapng, else JSON lines. LabError if it cannot be."""
    path = Path(path)
    try:
        if path.suffix == ".pcapng":
            pcapng.write(capture, path)
        else:
            with path.open("wb") as file:
                file.writelines(line.encode(errors="backslashreplace") for line in _lines(capture))
    except OSError as error:
        raise LabError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Choose a folder that exists and is yours to write in.",
        ) from error


def _lines(capture: Capture) -> Iterator[str]:
    """The file, line by line."""
    entries = list(_entries(capture))  # what there is now, without the bytes: the header counts it
    header: dict[str, Any] = {"protolab": "capture", "version": VERSION, "name": capture.name, "limit": capture.limit}
    header |= {key: value for key in ("logical", "full", "missed") if (value := getattr(capture, key))}
    yield _JSON.encode(header | {"lines": len(entries)}) + "\n"
    for connection, event in entries:
        at = connection.at if event is None else event.at
        yield f'{{"at": {at:z.9f}, "connection": {connection.number}, {_JSON.encode(_content(connection, event))[1:]}\n'


def _entries(capture: Capture) -> Iterator[tuple[Connection, Segment | End | None]]:
    """Each connection's own line (None), its segments and ends, all in the order of time, as it is written."""

    def timed(connection: Connection, opened: float) -> Iterator[tuple[float, Connection, Segment | End | None]]:
        yield opened, connection, None
        for event in connection.events:
            yield event.at, connection, event

    connections = list(capture.connections)
    opened = accumulate((connection.at for connection in connections), max)  # keeps the order of their numbers
    for _, connection, event in merge(*map(timed, connections, opened), key=lambda entry: round(entry[0], 9)):
        yield connection, event


def _content(connection: Connection, event: Segment | End | None) -> dict[str, Any]:
    match event:
        case None:
            content: dict[str, Any] = {"client": connection.client, "server": connection.server}
            if connection.midway:
                content["midway"] = True
            if any(connection.dropped):
                content["dropped"] = list(connection.dropped)
            return content
        case End():
            return {"side": str(event.side), "end": event.how}
        case _:
            data = connection.read(event.side, event.offset, event.offset + event.length)
            return {"side": str(event.side)} | _spell(data)


def _spell(data: bytes) -> dict[str, str]:
    """Bytes as {"text": ...} where they read as text, else as {"hex": ...}.

    >>> _spell(b"GET /\\r\\n"), _spell(b"\\x81\\x00")
    ({'text': 'GET /\\r\\n'}, {'hex': '8100'})
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}
    readable = all(part.isprintable() for part in text.replace("\r", "").replace("\t", "").split("\n"))
    return {"text": text} if readable else {"hex": data.hex()}


def load(path: str | os.PathLike[str]) -> Capture:
    """The capture in a file of JSON lines. LabError names the line that is wrong, and says what to do."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LabError(
            f"{path} cannot be read: {error.strerror or error}.", "Check the name and the folder."
        ) from error
    return loads(data, str(path))


def loads(data: bytes, path: str) -> Capture:
    """The capture in the content of such a file; `path` is what LabError calls it."""
    if data.startswith(pcapng.MAGIC):
        raise LabError(f"{path} is a pcapng file, and protolab only writes those.", "Open it in Wireshark.")
    lines = data.removesuffix(b"\n").split(b"\n")
    number = 0
    try:
        header = _Line(lines[0])
        if header.get("protolab", str) != "capture":
            raise _Wrong(
                '"protolab" is not "capture"', "This is not a saved capture: check that it is the file you mean."
            )
        if (version := header.get("version", int)) != VERSION:
            raise _Wrong(
                f"this is version {version} of the format, and this protolab reads version {VERSION}",
                "Install the protolab that saved it, or save the capture again with this one.",
            )
        if (count := header.get("lines", int, len(lines) - 1)) != len(lines) - 1:
            raise _Wrong(
                f"{count} lines should follow, but {len(lines) - 1} do",
                'The file was cut short: take a whole copy. If you edited it by hand, delete "lines" from this line.',
            )
        capture = Capture(header.get("name", str), header.get("limit", int, DEFAULT_LIMIT))
        capture.logical = header.get("logical", bool, False)
        for line in lines[1:]:
            number += 1
            _take(capture, _Line(line))
        capture.full = header.get("full", bool, False)
        capture.missed = header.get("missed", int, 0)
        return capture
    except _Wrong as wrong:
        raise LabError(f"{path}, line {number + 1}: {wrong.problem}.", wrong.remedy) from None


class _Wrong(LabError):
    """What is wrong with a line, before it is known which one it is."""


_KINDS = {int: "a whole number", str: "text", bool: "true or false", list: "a list"}
_AGAIN = "Mend the line, or save the capture again."


class _Line:
    """A line of JSON whose keys are asked for by name and type."""

    def __init__(self, line: bytes) -> None:
        try:
            self.values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _Wrong(
                f"this is not JSON ({error})", "Take a whole copy of the file, and check that it is a saved capture."
            ) from None
        if not isinstance(self.values, dict):
            raise _Wrong("this is JSON, but not an object", _AGAIN)

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of a key; without a default the key must be there."""
        value = self.values.get(key, default)
        if value is None:
            raise _Wrong(f'"{key}" is missing', _AGAIN)
        if type(value) is not kind:
            raise _Wrong(f'"{key}" is {json.dumps(value)[:60]}, which is not {_KINDS[kind]}', _AGAIN)
        return value


def _take(capture: Capture, line: _Line) -> None:
    """Add what one line says to the capture."""
    number, at = line.get("connection", int), line.values.get("at")
    if type(at) not in (int, float) or not abs(at) < 1e9:
        raise _Wrong('"at" is missing, or not a number of seconds', _AGAIN)
    if "side" not in line.values:
        _open(capture, line, number, at)
        return
    if not 0 < number <= len(capture.connections):
        raise _Wrong(
            f"no line before this one opens connection {number}",
            "Put the line of the connection before those of its segments.",
        )
    connection = capture.connections[number - 1]
    if (side := _SIDES.get(line.get("side", str))) is None:
        raise _Wrong('"side" is neither "client" nor "server"', _AGAIN)
    if "end" in line.values:
        if (how := line.get("end", str)) not in ("FIN", "RST"):
            raise _Wrong(f'"end" is {json.dumps(how)}, neither "FIN" nor "RST"', _AGAIN)
        connection.end(side, how, at)
    elif not connection.add(side, _bytes(line), at):
        raise _Wrong(
            f"this goes past what a capture of {capture.limit} bytes keeps", 'Raise "limit" in the first line.'
        )


def _open(capture: Capture, line: _Line, number: int, at: float) -> None:
    if number != len(capture.connections) + 1:
        raise _Wrong(
            f"connection {number} is opened here, but the next one is {len(capture.connections) + 1}",
            "Number connections 1, 2, 3 in the order of their lines.",
        )
    midway = line.get("midway", bool, False)
    connection = capture.connect(line.get("client", str), line.get("server", str), midway=midway, at=at)
    dropped = line.get("dropped", list, [0, 0])
    if len(dropped) != 2 or any(type(count) is not int or count < 0 for count in dropped):
        raise _Wrong('"dropped" is not two numbers of bytes, client and server', _AGAIN)
    connection.dropped = dropped
    capture.dropped += sum(dropped)


def _bytes(line: _Line) -> bytes:
    """The bytes of a segment's line."""
    try:
        if "text" in line.values:
            return str(line.get("text", str)).encode()
        return bytes.fromhex(line.get("hex", str))
    except ValueError as error:
        raise _Wrong(
            f"the bytes cannot be read ({error})", 'Write them as "text", or as pairs of "hex" digits.'
        ) from None
