"""When to try again: capped exponential backoff with full jitter, which begins anew once a connection has proved stable.

For any client that comes back. It knows no clock and no protocol: times are handed in, delays are handed out.

Full jitter means that a delay is anything from nothing to its ceiling. A thousand clients that lost the same server at
the same moment come back spread over that whole time; with a jitter of a few per cent, or none, they would knock
together, again and again (RFC 6455 section 7.2.3 asks for a random delay for this reason).
"""

from __future__ import annotations

from collections.abc import Callable

from protolab import repeat
from protolab.errors import LabError


class Backoff:
    """Delays of at most `base` seconds, then `factor` times as much after each failure in a row, and never above `cap`.

    A connection that lasted `stable` seconds ends the row; one that broke sooner does not, or a server that accepts
    and hangs up would be asked without pause. `attempts` is how many failures the row has. `tokens` gives random
    bytes; by default those of `repeat.token_source`, so in a repeatable run the delays are the same every time.
    LabError says that the numbers make no sense. One for each client.

    >>> backoff = Backoff(base=1, cap=10)
    >>> [backoff.ceiling(attempt) for attempt in range(1, 7)]
    [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    """

    __slots__ = ("_opened", "_tokens", "attempts", "base", "cap", "factor", "stable")

    def __init__(
        self,
        base: float = 1.0,
        cap: float = 30.0,
        *,
        factor: float = 2.0,
        stable: float = 10.0,
        tokens: Callable[[int], bytes] | None = None,
    ) -> None:
        if not (0 <= base <= cap < float("inf") and factor >= 1 and stable >= 0):
            raise LabError(
                f"There is no backoff with base {base}, cap {cap}, factor {factor} and stable {stable}.",
                "Let base be no more than a finite cap, factor at least 1, and none of them negative.",
            )
        self.base = float(base)
        self.cap = float(cap)
        self.factor = float(factor)
        self.stable = float(stable)
        self.attempts = 0
        self._opened: float | None = None
        self._tokens = tokens or repeat.token_source()

    def ceiling(self, attempt: int) -> float:
        """The longest delay before an attempt; the first is 1."""
        try:
            return min(self.cap, self.base * self.factor ** (attempt - 1))
        except OverflowError:  # after a thousand failures in a row
            return self.cap

    def opened(self, now: float) -> None:
        """A connection stands since `now`."""
        self._opened = now

    def failed(self, now: float, least: float = 0.0, most: float = 0.0) -> float:
        """The connection was lost, or could not be made: how many seconds to wait before the next attempt.

        `least` and `most` are what a server asked for, if it did: the delay is no shorter than `least` then, and
        spread up to `most` where that is more than the backoff itself would spread it.
        """
        if self._opened is not None and now - self._opened >= self.stable:
            self.attempts = 0
        self._opened = None
        self.attempts += 1
        spread = max(self.ceiling(self.attempts), most - least)
        return least + spread * ((int.from_bytes(self._tokens(7)) >> 3) / 2**53)  # 53 bits: as many as a float holds

    def __repr__(self) -> str:
        return f"<backoff, {self.attempts} failures in a row, next delay up to {self.ceiling(self.attempts + 1):g} s>"
