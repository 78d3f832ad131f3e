"""Captures saved as JSON lines and loaded again; files that are wrong are told what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolab.capture import Capture, load, save
from protolab.errors import LabError
from protolab.fields import Side

PARTS = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.text(min_size=1, max_size=20).map(lambda text: text.encode(errors="replace")),
    st.sampled_from([b"\r\n", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b'{"\\', b"\x00", b"\x7f", "żółć".encode()]),
)
TIMES = st.floats(-10, 1e6)
NAMES = st.text(max_size=10)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), NAMES, NAMES, st.booleans(), TIMES),
        st.tuples(st.just("say"), st.integers(0, 9), st.sampled_from(Side), PARTS, TIMES),
        st.tuples(st.just("end"), st.integers(0, 9), st.sampled_from(Side), st.sampled_from(["FIN", "RST"]), TIMES),
    ),
    max_size=30,
)


def record(steps: list[tuple], capture: Capture) -> Capture:  # type: ignore[type-arg]
    for what, *rest in steps:
        if what == "open":
            client, server, midway, at = rest
            capture.connect(client, server, midway=midway, at=at)
        elif len(capture):
            number, side, value, at = rest
            connection = capture[number % len(capture)]
            (connection.add if what == "say" else connection.end)(side, value, at)
    return capture


def meaning(capture: Capture) -> object:
    """All that a file keeps, times to the nanosecond."""
    return (
        capture.name,
        capture.limit,
        capture.logical,
        capture.full,
        capture.missed,
        capture.dropped,
        capture.size,
    ), [
        (
            connection.number,
            connection.client,
            connection.server,
            connection.midway,
            round(connection.at, 9),
            connection.dropped,
            [connection.read(side) for side in Side],
            [event._replace(at=round(event.at, 9)) for event in connection.events],
        )
        for connection in capture.connections
    ]


@given(STEPS, st.text(max_size=20), st.one_of(st.just(2**20), st.integers(0, 100)), st.booleans())
@settings(deadline=None)
def test_what_is_loaded_is_what_was_saved_and_saves_as_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple],
    name: str,
    limit: int,
    logical: bool,  # type: ignore[type-arg]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    capture = record(steps, Capture(name, limit))
    capture.logical = logical
    save(capture, folder / "first.jsonl")
    loaded = load(folder / "first.jsonl")
    assert meaning(loaded) == meaning(capture)
    loaded.save(folder / "second.jsonl")
    assert (folder / "second.jsonl").read_bytes() == (folder / "first.jsonl").read_bytes()


def test_times_that_are_written_alike_keep_the_order_of_connections(tmp_path: Path) -> None:
    capture = Capture()
    for at in (-1.0, -1e-12, 0.0):
        capture.connect(at=at)
    capture[0].add(Side.CLIENT, b"x", 0.0)
    for name in ("first", "second"):
        save(capture, tmp_path / name)
        capture = load(tmp_path / name)
    assert (tmp_path / "second").read_bytes() == (tmp_path / "first").read_bytes()
    assert b"-0.000000000" not in (tmp_path / "first").read_bytes()


EXAMPLE = """\
{"protolab": "capture", "version": 1, "name": "hello", "limit": 1000, "lines": 6}
{"at": 0.000100000, "connection": 1, "client": "127.0.0.1:53122", "server": "127.0.0.1:80"}
{"at": 0.000200000, "connection": 1, "side": "client", "text": "GET /å\\r\\n"}
{"at": 0.000250000, "connection": 2, "client": "", "server": "", "midway": true, "dropped": [0, 7]}
{"at": 0.000300000, "connection": 1, "side": "server", "hex": "8105ff"}
{"at": 0.000300000, "connection": 1, "side": "client", "end": "FIN"}
{"at": 0.000400000, "connection": 1, "side": "server", "end": "RST"}
"""


def example() -> Capture:
    capture = Capture("hello", limit=1000)
    first = capture.connect("127.0.0.1:53122", "127.0.0.1:80", at=0.0001)
    first.add(Side.CLIENT, "GET /å\r\n".encode(), 0.0002)
    second = capture.connect(midway=True, at=0.00025)
    second.dropped[Side.SERVER] = 7
    first.add(Side.SERVER, b"\x81\x05\xff", 0.0003)
    first.end(Side.CLIENT, "FIN", 0.0003)
    first.end(Side.SERVER, "RST", 0.0004)
    return capture


def test_the_file_reads_like_this(tmp_path: Path) -> None:
    example().save(tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8") == EXAMPLE


def test_what_is_seldom_said_is_kept_too(tmp_path: Path) -> None:
    capture = Capture("from a file name that is no text: \udcff", limit=3)
    capture.connect().add(Side.SERVER, b"12345")
    capture.missed = 2
    capture.logical = True
    capture.save(tmp_path / "a.jsonl")
    loaded = load(tmp_path / "a.jsonl")
    assert meaning(loaded) == meaning(capture)
    assert (loaded.full, loaded.missed, loaded.logical, loaded.dropped) == (True, 2, True, 2)
    assert loaded[0].add(Side.CLIENT, b"too late") is False


def test_a_file_edited_by_hand_may_leave_out_what_has_a_default(tmp_path: Path) -> None:
    lines = [line for line in EXAMPLE.splitlines() if '"connection": 2' not in line]
    lines[0] = '{"protolab": "capture", "version": 1, "name": "by hand"}'
    (tmp_path / "a.jsonl").write_text("\r\n".join(lines), encoding="utf-8")
    loaded = Capture.load(str(tmp_path / "a.jsonl"))
    assert loaded.name == "by hand"
    assert loaded[0].read(Side.SERVER) == b"\x81\x05\xff"


BROKEN = {
    "an empty file": (lambda lines: [], 1, "not JSON", "check that it is a saved capture"),
    "not JSON": (lambda lines: ["GET / HTTP/1.1"], 1, "not JSON", "check that it is a saved capture"),
    "not text": (lambda lines: [lines[0], "\udcff\udcfe", *lines[2:]], 2, "not JSON", "whole copy"),
    "nested too deep": (lambda lines: ["[" * 100_000], 1, "not JSON", "whole copy"),
    "JSON of another kind": (lambda lines: ["[1, 2]"], 1, "not an object", "save the capture again"),
    "another program's": (lambda lines: ['{"protolab": "progress"}'], 1, 'not "capture"', "the file you mean"),
    "no header": (lambda lines: lines[1:], 1, '"protolab" is missing', "save the capture again"),
    "a later version": (
        lambda lines: [edit(lines[0], version=2)],
        1,
        "version 2",
        "Install the protolab that saved it",
    ),
    "version of another type": (lambda lines: [edit(lines[0], version="1")], 1, "not a whole number", "Mend the line"),
    "cut after a line": (lambda lines: lines[:-1], 1, "6 lines should follow, but 5 do", "whole copy"),
    "cut within a line": (lambda lines: [*lines[:-1], lines[-1][:30]], 7, "not JSON", "whole copy"),
    "no time": (lambda lines: [*lines[:2], edit(lines[2], at=None), *lines[3:]], 3, '"at" is missing', "Mend the line"),
    "no finite time": (lambda lines: [*lines[:2], edit(lines[2], at=float("nan")), *lines[3:]], 3, '"at"', "Mend"),
    "an endless time": (lambda lines: [*lines[:2], edit(lines[2], at=10**400), *lines[3:]], 3, '"at"', "Mend"),
    "no bytes": (lambda lines: [*lines[:2], edit(lines[2], text=None), *lines[3:]], 3, '"hex" is missing', "Mend"),
    "half a byte": (
        lambda lines: [*lines[:4], edit(lines[4], hex="815"), *lines[5:]],
        5,
        "cannot be read",
        'pairs of "hex"',
    ),
    "half a character": (
        lambda lines: [*lines[:2], edit(lines[2], text="\ud800"), *lines[3:]],
        3,
        "cannot be read",
        "hex",
    ),
    "an unknown side": (lambda lines: [*lines[:2], edit(lines[2], side="peer"), *lines[3:]], 3, "neither", "Mend"),
    "an unknown end": (lambda lines: [*lines[:6], edit(lines[6], end="BYE")], 7, '"BYE"', "Mend"),
    "an unknown connection": (
        lambda lines: [*lines[:6], edit(lines[6], connection=3)],
        7,
        "opens connection 3",
        "before",
    ),
    "connection zero": (lambda lines: [*lines[:6], edit(lines[6], connection=0)], 7, "opens connection 0", "before"),
    "a number left out": (
        lambda lines: [lines[0], edit(lines[1], connection=2), *lines[2:]],
        2,
        "next one is 1",
        "1, 2, 3",
    ),
    "a connection twice": (lambda lines: [*lines[:3], lines[1], *lines[4:]], 4, "next one is 2", "1, 2, 3"),
    "strange drops": (lambda lines: [lines[0], edit(lines[1], dropped=[1]), *lines[2:]], 2, '"dropped"', "Mend"),
    "more than the limit": (lambda lines: [edit(lines[0], limit=9), *lines[1:]], 5, "9 bytes", 'Raise "limit"'),
}


def edit(line: str, **values: object) -> str:
    """The line with other values, None for a key left out."""
    changed = {key: value for key, value in (json.loads(line) | values).items() if value is not None}
    return json.dumps(changed)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_names_the_line_and_says_what_to_do(tmp_path: Path, name: str) -> None:
    breaking, line, problem, remedy = BROKEN[name]
    path = tmp_path / "broken.jsonl"
    path.write_bytes("".join(each + "\n" for each in breaking(EXAMPLE.splitlines())).encode(errors="surrogateescape"))
    with pytest.raises(LabError) as caught:
        load(path)
    assert caught.value.problem.startswith(f"{path}, line {line}: ")
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


@given(st.data())
@settings(deadline=None)
def test_a_file_cut_anywhere_or_changed_anywhere_loads_or_says_so(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.jsonl"
    whole = EXAMPLE.encode()
    at = data.draw(st.integers(0, len(whole) - 2))
    path.write_bytes(whole[:at])
    with pytest.raises(LabError):
        load(path)
    path.write_bytes(whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + data.draw(st.integers(0, 3)) :])
    try:
        load(path).save(path)
    except LabError as error:
        assert error.remedy


def test_what_cannot_be_read_or_written_is_a_lab_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"none\.jsonl cannot be read: No such file"):
        load(tmp_path / "none.jsonl")
    for name in ("no/folder.jsonl", "no/folder.pcapng"):
        with pytest.raises(LabError, match="cannot be written: No such file"):
            save(example(), tmp_path / name)
    save(example(), tmp_path / "a.pcapng")
    with pytest.raises(LabError, match="is a pcapng file"):
        load(tmp_path / "a.pcapng")
