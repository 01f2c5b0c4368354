import random

import pytest
from hypothesis import given, strategies as st

from worker.backoff import RetryParams, calculate_delay, get_retry_params

TEMPORARY, NOT_FOUND = RetryParams(5.0, 80.0), RetryParams(30.0, 600.0)


def longest(_low: float, high: float) -> float:
    return high


def shortest(low: float, _high: float) -> float:
    return low


@pytest.mark.parametrize(
    ("error_type", "params"),
    [
        ("PlexTemporaryError", TEMPORARY),
        ("PlexNotFound", NOT_FOUND),
        ("KeyError", TEMPORARY),
        ("", TEMPORARY),
    ],
)
def test_a_missing_item_has_longer_waits(error_type: str, params: RetryParams) -> None:
    assert get_retry_params(error_type) == params


@pytest.mark.parametrize(
    ("params", "bounds"),
    [(TEMPORARY, [5, 10, 20, 40, 80, 80, 80]), (NOT_FOUND, [30, 60, 120, 240, 480, 600, 600])],
)
def test_the_wait_doubles_up_to_the_cap(params: RetryParams, bounds: list[float]) -> None:
    waits = [calculate_delay(attempt, params, longest) for attempt in range(len(bounds))]
    assert waits == bounds


@given(
    attempt=st.integers(min_value=0, max_value=10**9),
    params=st.sampled_from([TEMPORARY, NOT_FOUND]),
    seed=st.integers(),
)
def test_a_wait_is_in_its_bounds(attempt: int, params: RetryParams, seed: int) -> None:
    delay = calculate_delay(attempt, params, random.Random(seed).uniform)
    assert 1.0 <= delay <= min(params.cap, params.base * 2 ** min(attempt, 40))


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    rng = random.Random(1)
    delays = [calculate_delay(4, TEMPORARY, rng.uniform) for _ in range(200)]
    assert len(set(delays)) > 190
    assert min(delays) < 8
    assert max(delays) > 72
    assert calculate_delay(0, TEMPORARY, shortest) == 1.0
