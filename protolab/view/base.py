"""What every view is, and the bounds that each of them keeps (law 8)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

ROWS = 500  # more rows than this in one static view are counted, not drawn: notebooks are read, diffed and mailed
SIZE = 200_000  # characters of HTML in one static view, for the same reason


class View(ABC):
    """Something that draws itself: as text, as static HTML, and as JSON that says the same for programs."""

    kind: ClassVar[str]

    @abstractmethod
    def text(self) -> str:
        """The text form: complete, aligned, without colour."""

    @abstractmethod
    def html(self) -> str:
        """The static HTML form: no script, no style sheet, no id; nothing is lost when inline styles are stripped."""

    @abstractmethod
    def json(self) -> dict[str, Any]:
        """What the view says, as JSON-compatible data."""

    def bundle(self) -> dict[str, Any]:
        """The three forms under their mime types."""
        return {
            "text/plain": self.text(),
            "text/html": self.html(),
            f"application/vnd.protolab.{self.kind}.v1+json": self.json(),
        }

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return self.bundle()

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<{self.kind} view>"


class Budget:
    """What is left of a static view's rows and characters; `take` says whether one more piece fits, and takes it if so.

    Pieces come in order: when one did not fit, none after it does, so that a view ends in one place.

    >>> budget = Budget(rows=2)
    >>> [budget.take("row") for _ in range(3)]
    [True, True, False]
    """

    __slots__ = ("closed", "rows", "size")

    def __init__(self, rows: int = ROWS, size: int = SIZE) -> None:
        self.rows = rows
        self.size = size
        self.closed = False

    def take(self, piece: str) -> bool:
        """Whether a row made of `piece` still fits; it is counted when it does."""
        if self.closed or self.rows < 1 or self.size < len(piece):
            self.closed = True
            return False
        self.rows -= 1
        self.size -= len(piece)
        return True
