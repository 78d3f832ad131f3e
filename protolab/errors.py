"""Errors that a user of the lab can meet. Trouble in captured bytes is never one of these: it is a Finding."""

from protolab.plain import printable


class LabError(Exception):
    """Something in the lab is wrong (a port, a file, a server that died): `problem` says what, `remedy` what to do next.

    Each is one line, and what a stranger wrote into it (a reason, a file's name) commands no terminal.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem, self.remedy = printable(problem), printable(remedy)
        super().__init__(f"{self.problem} {self.remedy}")

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows (IPython's protocol): where in protolab it was raised helps nobody who reads the remedy."""
        return [f"{type(self).__name__}: {self.problem}", self.remedy]
