"""What a learner sees: one result as text, HTML and JSON, with a sign beside each colour; and a table of progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from protolab.lesson.exercise import Exercise, Outcome, written
from protolab.lesson.library import Topic
from protolab.lesson.record import Entry
from protolab.plain import printable
from protolab.view import View
from protolab.view import html as draw
from protolab.view.text import aligned, carets, quoted

SIGNS = {
    Outcome.RIGHT: "\N{CHECK MARK}",
    Outcome.WRONG: "\N{BALLOT X}",
    Outcome.UNTOUCHED: "\N{MIDDLE DOT}",
    Outcome.RAISED: "!",
}
_COLOURS = {Outcome.WRONG: draw.TROUBLE, Outcome.RAISED: draw.TROUBLE, Outcome.UNTOUCHED: draw.QUIET}


class Result(View):
    """What one of predict, reveal, check, hint and solution (`about`) has to say of a question.

    `says` are lines of words, `marks` lines with a caret under a byte, `code` a solution. A front end that reads aloud
    announces it, since it is a live region. `outcome` is there to compare: `check(...).outcome == "right"`.
    """

    kind: ClassVar[str] = "result"

    def __init__(
        self,
        about: str,
        id: str,
        says: Sequence[str],
        outcome: Outcome | None = None,
        head: str = "",
        marks: Sequence[str] = (),
        code: str = "",
    ) -> None:
        self.about = about
        self.id = id
        self.says = tuple(line for line in says if line)
        self.outcome = outcome
        self.head = head or (outcome.value if outcome else about)
        self.marks = tuple(marks)
        self.code = code

    @property
    def sign(self) -> str:
        return SIGNS[self.outcome] if self.outcome else "?" if self.about == "hint" else "="

    def text(self) -> str:
        first, *more = self.says or ("",)
        shown = [f"    {line}" for line in (*self.marks, *self.code.splitlines())]
        return "\n".join(
            [printable(f"{self.sign} {self.head} ({self.id}): {first}".rstrip(": ")), *shown, *map(printable, more)]
        )

    def html(self) -> str:
        first, *more = self.says or ("",)
        colour = _COLOURS.get(self.outcome, "") if self.outcome else ""
        head = draw.toned(f"<b>{self.sign} {draw.escape(self.head)}</b>", colour)
        parts = [
            draw.paragraph(f"{head} ({draw.escape(self.id)}){': ' if first else ''}{draw.escape(first)}"),
            *(draw.pre(lines) for lines in (self.marks, self.code.splitlines()) if lines),
            *(draw.paragraph(draw.escape(line)) for line in more),
        ]
        return f'<div role="status" aria-label="{draw.escape(self.about)}">\n{"".join(parts)}</div>\n'

    def json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "kind": self.kind,
            "about": self.about,
            "id": self.id,
            "outcome": self.outcome.value if self.outcome else None,
            "says": list(self.says),
            "marks": list(self.marks),
            "code": self.code,
        }

    def __repr__(self) -> str:
        return f"<{self.about} {self.id}: {self.head}>"


def marks(data: bytes | None, start: int, end: int) -> Sequence[str]:
    """The bytes around [start, end) with carets under it; nothing where no bytes are meant, or the answer is none."""
    return carets(bytes(data), start, end) if isinstance(data, bytes | bytearray | memoryview) else ()


class Progress(View):
    """What was done, lesson by lesson: a row for each exercise."""

    kind: ClassVar[str] = "progress"

    def __init__(self, topics: Sequence[Topic], known: Mapping[str, Entry], kept: str) -> None:
        self.kept = kept
        self.rows = [
            (f"{topic.number} {topic.name}", f"{topic.name}.{name}", known.get(f"{topic.name}.{name}", Entry()))
            for topic in topics
            for name, question in topic.questions.items()
            if isinstance(question, Exercise)
        ]
        self.guessed = sum(
            bool(known.get(f"{topic.name}.{name}", Entry()).guess)
            for topic in topics
            for name, question in topic.questions.items()
            if not isinstance(question, Exercise)
        )

    def _lines(self) -> list[str]:
        solved = sum(bool(entry.right) for _, _, entry in self.rows)
        said = f"{solved} of {len(self.rows)} exercises are right"
        guesses = f", {self.guessed} prediction{'' if self.guessed == 1 else 's'} made" if self.guessed else ""
        return [f"{said}{guesses}.", self.kept]

    def text(self) -> str:
        cells: list[Sequence[Sequence[str]]] = [[[name] for name in _HEADERS]]
        cells += [[[value] for value in (lesson, *_cells(id, entry))] for lesson, id, entry in self.rows]
        return "\n".join([*self._lines(), "", *aligned(cells)])

    def html(self) -> str:
        rows = (
            draw.row(
                [
                    draw.cell(draw.escape(lesson)),
                    draw.cell(draw.escape(id), head="row"),
                    *(draw.cell(draw.escape(value)) for value in cells),
                ]
            )
            for lesson, (id, *cells) in ((lesson, _cells(id, entry)) for lesson, id, entry in self.rows)
        )
        first, kept = self._lines()
        headers = [(name, False) for name in _HEADERS]
        return draw.table(draw.escape(first), headers, rows) + draw.paragraph(draw.escape(kept))

    def json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "kind": self.kind,
            "exercises": len(self.rows),
            "right": sum(bool(entry.right) for _, _, entry in self.rows),
            "questions": [
                {
                    "lesson": lesson,
                    "id": id,
                    "outcome": _outcome(entry).value,
                    "right at": entry.right,
                    "tries": entry.tries,
                    "hints": entry.hints,
                    "solution shown": entry.solution,
                }
                for lesson, id, entry in self.rows
            ],
        }


_HEADERS = ("lesson", "exercise", "outcome", "tries", "hints")


def _outcome(entry: Entry) -> Outcome:
    """Right once is right; else what the last try came to."""
    if entry.right:
        return Outcome.RIGHT
    return Outcome(entry.outcome) if entry.outcome in set(Outcome) else Outcome.UNTOUCHED


def _cells(id: str, entry: Entry) -> tuple[str, str, str, str]:
    outcome = _outcome(entry)
    hints = f"{entry.hints or ''}{' and the solution' if entry.solution else ''}".removeprefix(" and ")
    return id, f"{SIGNS[outcome]} {outcome}", str(entry.tries or ""), hints


def shown(value: object) -> str:
    """A guess or a fact, as a learner types it; numbers too long to be read at once, in groups.

    >>> shown(4409), shown(62652)
    ('4409', '62,652')
    """
    if type(value) is int and 10_000 <= abs(value) < 10**15:
        return f"{value:,}"
    return quoted(value) if isinstance(value, str) else written(value, 200)
