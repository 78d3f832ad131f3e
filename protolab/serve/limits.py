"""How often a client may ask: a token bucket."""

from __future__ import annotations


class Bucket:
    """A token bucket: `rate` tokens a second flow in, up to `burst`; what is asked takes one out.

    Time is handed in (seconds on any steady clock), so that a test needs no waiting.

    >>> bucket = Bucket(rate=1, burst=2)
    >>> [bucket.take(now) for now in (0, 0, 0, 0.5, 1.0, 9.0, 9.0, 9.0)]
    [True, True, False, False, True, True, True, False]
    """

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether there was a token; it is spent."""
        if self._at is not None:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
