"""What clients that come back have in common; the life itself is tested where there are peers, in tests/protocols."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from protolab.serve.returning import LONGEST, retry_after


def test_retry_after_may_be_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=100)
    assert 98 <= retry_after(format_datetime(soon, usegmt=True)) <= 100
    assert retry_after(format_datetime(soon + timedelta(days=9), usegmt=True)) == LONGEST
    assert [
        retry_after(nonsense)
        for nonsense in ("", "-5", "1.5", "٣", "9" * 5000, "Mon, 99 Foo 2000", "6 Nov 1994 08:49:37")
    ] == [0] * 7
