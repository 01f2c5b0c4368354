import random

import pytest
from hypothesis import given, strategies as st

from plex.exceptions import PlexNotFound, PlexTemporaryError
from worker.backoff import calculate_delay

TEMPORARY, NOT_FOUND = PlexTemporaryError("status 500"), PlexNotFound("no item")


def longest(_low: float, high: float) -> float:
    return high


def shortest(low: float, _high: float) -> float:
    return low


@pytest.mark.parametrize(
    ("error", "bounds"),
    [
        (TEMPORARY, [5, 10, 20, 40, 80, 80, 80]),
        (KeyError(), [5, 10, 20, 40, 80, 80, 80]),
        (NOT_FOUND, [30, 60, 120, 240, 480, 600, 600]),
    ],
)
def test_the_wait_doubles_up_to_the_cap(error: Exception, bounds: list[float]) -> None:
    waits = [calculate_delay(error, failures, longest) for failures in range(len(bounds))]
    assert waits == bounds


@given(failures=st.integers(min_value=0, max_value=10**9), seed=st.integers())
def test_a_wait_is_in_its_bounds(failures: int, seed: int) -> None:
    uniform = random.Random(seed).uniform
    for error, base, cap in ((TEMPORARY, 5.0, 80.0), (NOT_FOUND, 30.0, 600.0)):
        delay = calculate_delay(error, failures, uniform)
        assert 1.0 <= delay <= min(cap, base * 2 ** min(failures, 40))


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    rng = random.Random(1)
    delays = [calculate_delay(TEMPORARY, 4, rng.uniform) for _ in range(200)]
    assert len(set(delays)) > 190
    assert min(delays) < 8
    assert max(delays) > 72
    assert calculate_delay(TEMPORARY, 0, shortest) == 1.0
