"""Delays between attempts: bounded, capped, spread over all of their range, and small again after a stable time."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab import lab
from protolab.errors import LabError
from protolab.serve.backoff import Backoff


def always(share: int) -> Backoff:
    """A backoff whose chance is no chance: 0 for the least delay, 255 for the longest."""
    return Backoff(1, 30, stable=10, tokens=lambda n: bytes([share]) * n)


def test_ceilings_double_up_to_the_cap_and_stay_there() -> None:
    backoff = always(255)
    delays = [backoff.failed(now=0) for _ in range(8)]
    assert delays == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])
    assert all(delay < ceiling for delay, ceiling in zip(delays, (1, 2, 4, 8, 16, 30, 30, 30), strict=True))
    assert backoff.attempts == 8


def test_full_jitter_begins_at_nothing() -> None:
    backoff = always(0)
    assert [backoff.failed(now=0) for _ in range(8)] == [0.0] * 8


@given(
    base=st.floats(0, 1e6),
    cap=st.floats(0, 1e6),
    factor=st.floats(1, 1e300),
    failures=st.integers(1, 50),
    jump=st.integers(0, 10**6),
)
def test_no_delay_is_negative_or_above_the_cap(
    base: float, cap: float, factor: float, failures: int, jump: int
) -> None:
    backoff = Backoff(min(base, cap), cap, factor=factor)
    backoff.attempts = jump  # as after so many failures
    for _ in range(failures):
        assert 0 <= backoff.failed(now=0) <= cap


def test_delays_are_spread_evenly_over_their_whole_range() -> None:
    tenths = [0] * 10
    for _ in range(10_000):
        tenths[int(Backoff(base=10, tokens=secrets.token_bytes).failed(now=0))] += 1
    assert all(850 < many < 1150 for many in tenths), tenths  # five standard deviations: 1 in 170,000 runs fails


def test_a_connection_that_lasted_ends_the_row_and_one_that_broke_soon_does_not() -> None:
    backoff = always(255)
    backoff.failed(now=0)
    backoff.failed(now=1)
    backoff.opened(now=2)
    assert backoff.failed(now=11.9) == pytest.approx(4) and backoff.attempts == 3
    backoff.opened(now=12)
    assert backoff.failed(now=22) == pytest.approx(1) and backoff.attempts == 1
    assert backoff.failed(now=99) == pytest.approx(2), "time without a connection is no stable time"


def test_a_server_that_asks_for_time_gets_it_and_spreads_its_clients() -> None:
    assert always(0).failed(now=0, least=5, most=30) == 5
    assert always(255).failed(now=0, least=5, most=30) == pytest.approx(30)
    late = always(255)
    late.attempts = 9
    assert late.failed(now=0, least=5, most=6) == pytest.approx(35), "its own spread is wider than the one asked for"
    assert always(255).failed(now=0, least=5) == pytest.approx(6)


def test_a_repeatable_run_repeats_its_delays() -> None:
    def delays() -> list[float]:
        with lab.repeatable():
            backoff = Backoff()
            return [backoff.failed(now=0) for _ in range(10)]

    assert delays() == delays()
    free = Backoff()
    assert delays() != [free.failed(now=0) for _ in range(10)]


@pytest.mark.parametrize(
    "numbers",
    [{"base": -1}, {"base": 31}, {"cap": float("inf")}, {"factor": 0.9}, {"stable": -1}, {"base": float("nan")}],
)
def test_numbers_that_make_no_sense_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(LabError, match="There is no backoff"):
        Backoff(**numbers)  # type: ignore[arg-type]
