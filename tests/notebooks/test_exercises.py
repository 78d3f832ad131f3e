"""The exercises of the lessons: a right answer passes, an untouched one is not called wrong, wrong ones are told apart."""

from __future__ import annotations

import ast
import asyncio
import base64
import hashlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import pytest

from protolab import lab
from protolab.wire.websocket_frames import Frame

SOURCES = Path(__file__).parents[2] / "notebooks" / "source"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Lesson:
    """A lesson that was run to its end, unanswered, and stays alive for answers."""

    def __init__(self, stem: str, runner: asyncio.Runner, guesses: dict[str, str] | None = None) -> None:
        self.runner = runner
        self.names: dict[str, Any] = {"display": lambda *things: None}
        self.code = [
            re.sub(r'^predict\("(.+)", \.\.\.\)', lambda found: guess(found[1], guesses or {}), cell.source, flags=re.M)
            for cell in jupytext.read(SOURCES / f"{stem}.py", fmt="py:percent").cells
            if cell.cell_type == "code"
        ]
        runner.run(self._run())

    async def _run(self) -> None:
        for source in self.code:
            compiled = compile(source, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if inspect.iscoroutine(waiting := eval(compiled, self.names)):
                await waiting

    def say(self, name: str, *arguments: object) -> None:
        """Call one of the lesson's own coroutines, as an exercise's cell does before it checks."""
        self.runner.run(self.names[name](*arguments))


def guess(name: str, guesses: dict[str, str]) -> str:
    """The line in which a learner guesses, or leaves the dots."""
    return f'predict("{name}", {guesses.get(name, "...")})'


class Exercise(NamedTuple):
    """What the tests know of one: `live` brings the answer to the server, as the exercise's cell does."""

    lesson: str
    name: str
    right: Any
    wrong: list[Any]
    untouched: Any = ...
    live: Callable[[Lesson, Any], None] = lambda lesson, answer: None


def accept(joined: Callable[[str], bytes]) -> Callable[[str], str]:
    """A function that hashes what `joined` makes of the key."""
    return lambda key: base64.b64encode(hashlib.sha1(joined(key)).digest()).decode()


def digest(key: str) -> Any:
    return hashlib.sha1((key + GUID).encode())


def second(lesson: Lesson, answer: Any) -> None:
    payload, key = b"Hi", bytes.fromhex("37fa213d")
    if answer is not ... and answer < 256:  # else the cell raises ValueError before it asks
        lesson.say("say", bytes((0x81, answer)) + Frame(1, payload, key=key).encode()[2:])


def frame(payload: bytes, key: bytes) -> bytes:
    return Frame(1, payload, key=key).encode()


def mended(**change: str) -> str:
    said = {"version": "31", "connection": "keep-alive"} | change
    return (
        "GET / HTTP/1.1\r\nHost: lab.local\r\nUpgrade: websocket\r\n"
        f"Connection: {said['connection']}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Version: {said['version']}\r\n\r\n"
    )


FIRST, UPGRADE, FRAMES = "00_welcome", "01_http_and_the_upgrade", "02_websocket_frames"
EXERCISES = [
    Exercise(FIRST, "fewer", 4, [-4, 11, 5, "four"]),
    Exercise(UPGRADE, "rightwards", "client", ["server", "left"]),
    Exercise(UPGRADE, "opener", "http", ["WebSocket", "TCP"]),
    Exercise(UPGRADE, "blank line", 168, [166, 170, 31, "the end"]),
    Exercise(
        UPGRADE,
        "accept",
        accept(lambda key: (key + GUID).encode()),
        [
            accept(str.encode),
            accept(lambda key: (GUID + key).encode()),
            accept(lambda key: (key + GUID.lower()).encode()),
            accept(lambda key: base64.b64decode(key) + GUID.encode()),
            lambda key: digest(key).hexdigest(),
            lambda key: base64.b64encode(digest(key).hexdigest().encode()).decode(),
            lambda key: base64.b64encode(digest(key).digest()),
            lambda key: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",  # the RFC's own answer, whatever the key
            lambda key: key,
        ],
        untouched=lambda key: ...,
    ),
    Exercise(
        UPGRADE,
        "mend",
        mended(version="13", connection="Upgrade"),
        [mended(version="13"), mended(connection="Upgrade"), "Hello?\r\n\r\n"],
        untouched=mended(),
        live=lambda lesson, answer: lesson.say("ask", answer),
    ),
    Exercise(FRAMES, "source", "Sec-WebSocket-Key", ["Sec-WebSocket-Accept", "Upgrade"]),
    Exercise(FRAMES, "switched", 101, [200, 404]),
    Exercise(FRAMES, "second", 0b1000_0010, [0b0000_0010, 0b1000_0000, 0b1000_0001, 0b0000_0011, 300], live=second),
    Exercise(
        FRAMES,
        "short",
        frame,
        [
            lambda payload, key: Frame(1, payload).encode(),
            lambda payload, key: Frame(2, payload, key=key).encode(),
            lambda payload, key: b"\x81" + frame(payload, key)[1:2].replace(b"\x85", b"\x05") + frame(payload, key)[2:],
            lambda payload, key: b"\x81" + bytes((0x80 | len(payload),)) + key + payload,
            lambda payload, key: b"\x81" + bytes((0x80 | len(payload),)) + key[::-1] + frame(payload, key)[6:],
            lambda payload, key: "Hello",
        ],
        untouched=lambda payload, key: ...,
    ),
    Exercise(
        FRAMES,
        "long",
        frame,
        [
            lambda payload, key: Frame(1, payload, key=key, form=7 if len(payload) < 126 else 64).encode(),
            lambda payload, key: Frame(1, payload, key=key, form=16 if len(payload) < 0x10000 else 64).encode(),
            lambda payload, key: Frame(1, payload, key=key, length=len(payload) & 0xFFF0).encode(),
        ],
        untouched=lambda payload, key: ...,
    ),
]


class Stage:
    """One lesson alive at a time, as in a kernel of its own: they all call their server "echo"."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.stem = ""
        self.lesson: Lesson

    def __call__(self, stem: str) -> Lesson:
        if stem != self.stem:
            self.stem, self.lesson = stem, Lesson(stem, self.runner)
        return self.lesson


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        yield Stage(runner)
    lab.stop()


@pytest.fixture(params=EXERCISES, ids=lambda exercise: exercise.name)
def exercise(request: pytest.FixtureRequest) -> Exercise:
    return request.param


def said(stage: Stage, exercise: Exercise, answer: Any, capsys: pytest.CaptureFixture[str]) -> str:
    """What the check prints of an answer."""
    lesson = stage(exercise.lesson)
    capsys.readouterr()
    exercise.live(lesson, answer)
    lesson.names["check"](exercise.name, answer)
    return capsys.readouterr().out.strip()


def test_a_right_answer_is_right(stage, exercise, capsys):
    assert said(stage, exercise, exercise.right, capsys).startswith("Right")


def test_an_untouched_one_is_not_called_wrong(stage, exercise, capsys):
    assert said(stage, exercise, exercise.untouched, capsys).startswith("Not answered yet")


def test_wrong_answers_are_told_what_is_wrong_each_its_own(stage, exercise, capsys):
    messages = [said(stage, exercise, wrong, capsys) for wrong in exercise.wrong]
    assert not [message for message in messages if message.startswith(("Right", "Not answered"))]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("stem", [FIRST, UPGRADE, FRAMES])
def test_these_are_all_the_exercises_of_a_lesson(stage, stem):
    lesson = stage(stem)
    known = {exercise.name for exercise in EXERCISES if exercise.lesson == stem}
    assert known == lesson.names["CHECKS"].keys()
    for name in known:
        assert any(f'check("{name}",' in source for source in lesson.code)


@pytest.mark.parametrize("stem", [FIRST, UPGRADE, FRAMES])
def test_a_guess_is_held_against_the_recording(stage, stem, capsys):
    names = list(stage(stem).names["FACTS"])
    capsys.readouterr()
    Lesson(stem, stage.runner, dict.fromkeys(names, "-1"))
    facts = dict(
        zip(names, re.findall(r"You guessed -1\. It is (\d+)\. [A-Z0-9]", capsys.readouterr().out), strict=True)
    )
    Lesson(stem, stage.runner, facts)
    right = re.findall(r"You guessed (\d+)\. Right\. [A-Z0-9]", capsys.readouterr().out)
    assert dict(zip(names, right, strict=True)) == facts
    stage.stem = ""  # those two took the server of the one on stage
