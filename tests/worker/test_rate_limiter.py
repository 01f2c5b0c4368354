"""The limiter: gentle after an outage, absent otherwise."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from worker.rate_limiter import RecoveryRateLimiter
from worker.recovery import RecoveryScheduler

NOW = 1_750_000_000.0
HOUR, YEAR = 3600.0, 365 * 86_400.0


def recovered(at: float = NOW) -> RecoveryScheduler:
    scheduler = RecoveryScheduler()
    scheduler.record_recovery(at)
    return scheduler


def limit(elapsed: float) -> float:
    """Jobs that the rate alone allows until then: the integral of 5 to 20 jobs/s over 300 s."""
    return 5 * elapsed + 15 * elapsed**2 / 600


@dataclass
class Greedy:
    """A worker that takes every job as soon as it may.

    Attributes:
        seconds: of each job, none by default: only the limiter holds it back.
        step: of the clock so far; `now` is what the clock says.
    """

    limiter: RecoveryRateLimiter
    elapsed: float = 0.0
    seconds: float = 0.0
    step: float = 0.0

    @property
    def now(self) -> float:
        return NOW + self.elapsed + self.step

    def run(self, until: float, *, failing: bool = False) -> list[float]:
        begun: list[float] = []
        while self.elapsed < until:
            wait = self.limiter.seconds_until_allowed(self.now)
            assert 0 <= wait <= 0.4
            if wait:
                self.elapsed += wait
                continue
            self.limiter.take(self.now)
            begun.append(self.elapsed)
            self.elapsed += self.seconds
            self.limiter.record(self.now, failed=failing)
        return begun


def greedy(scheduler: RecoveryScheduler | None = None) -> Greedy:
    return Greedy(RecoveryRateLimiter((scheduler or recovered()).ramp_elapsed))


def test_in_normal_operation_nothing_waits() -> None:
    limiter = RecoveryRateLimiter(RecoveryScheduler().ramp_elapsed)
    for _ in range(1000):
        assert limiter.seconds_until_allowed(NOW) == 0
        limiter.take(NOW)
        limiter.record(NOW, failed=True)


@pytest.mark.parametrize("fraction", [n / 7 for n in range(7)])
def test_who_waited_as_long_as_was_said_may_go(fraction: float) -> None:
    """Seconds since the epoch are coarse: a rest that no clock can show must not be waited for."""
    limiter = RecoveryRateLimiter(recovered().ramp_elapsed)
    for number in range(50):
        now = NOW + fraction + number
        limiter.take(now)
        assert limiter.seconds_until_allowed(now + limiter.seconds_until_allowed(now)) == 0


@pytest.mark.parametrize(("elapsed", "rate"), [(0, 5), (100, 10), (200, 15), (299, 19.95)])
def test_the_rate_rises_linearly(elapsed: float, rate: float) -> None:
    limiter = RecoveryRateLimiter(recovered().ramp_elapsed)
    limiter.take(NOW + elapsed)
    assert limiter.seconds_until_allowed(NOW + elapsed) == pytest.approx(1 / rate)


def test_after_300_seconds_nothing_waits() -> None:
    limiter = RecoveryRateLimiter(recovered().ramp_elapsed)
    limiter.take(NOW + 299)
    assert limiter.seconds_until_allowed(NOW + 299) > 0
    assert limiter.seconds_until_allowed(NOW + 300) == 0


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 20),
            st.sampled_from([0.0, 0.03, 0.5]),
            st.booleans(),
            st.sampled_from([0.0, 0.0, -1.0, -HOUR, -YEAR, HOUR, YEAR]),
        ),
        max_size=12,
    )
)
def test_the_rate_stays_under_its_limit(phases: list[tuple[float, float, bool, float]]) -> None:
    """Whatever fails, however long jobs take and wherever the clock jumps."""
    worker, begun = greedy(), []
    for length, seconds, failing, step in phases:
        worker.seconds = seconds
        worker.step += step
        begun += worker.run(min(worker.elapsed + length, 299.0), failing=failing)
    # With e(t) = jobs until t - limit(t), a window holds too many where e rises by more than 1.
    lowest = float("inf")
    for count, at in enumerate(begun):
        lowest = min(lowest, count - limit(at))
        assert count + 1 - limit(at) - lowest <= 1.001


def test_more_than_30_percent_failures_halve_the_rate() -> None:
    limiter = RecoveryRateLimiter(recovered().ramp_elapsed)
    for failed in [False] * 7 + [True] * 3:
        limiter.record(NOW, failed=failed)
    limiter.take(NOW)
    assert limiter.seconds_until_allowed(NOW) == pytest.approx(1 / 5)
    limiter.record(NOW, failed=True)
    assert limiter.seconds_until_allowed(NOW) == pytest.approx(1 / 2.5)


@pytest.mark.parametrize(
    ("after", "share", "slowed"),
    [(59, 0.0, True), (60, 0.0, False), (60, 0.2, True), (60, 0.09, False), (100, 0.2, True)],
)
def test_a_minute_of_few_errors_restores_it(after: float, share: float, slowed: bool) -> None:
    limiter = RecoveryRateLimiter(recovered().ramp_elapsed)
    limiter.record(NOW, failed=True)
    for number in range(100):
        limiter.record(NOW + after - 0.5, failed=number < share * 100)
    limiter.take(NOW + after)
    full = 5 + after / 20
    assert limiter.seconds_until_allowed(NOW + after) == pytest.approx(
        1 / (full / 2 if slowed else full)
    )


def test_all_jobs_failing_keeps_half_the_rate_and_no_less() -> None:
    worker = greedy()
    begun = worker.run(299.9, failing=True)
    assert limit(299.9) / 2 * 0.98 < len(begun) <= limit(299.9) / 2 + 2


def test_another_recovery_starts_at_5_jobs_a_second() -> None:
    scheduler = recovered()
    limiter = RecoveryRateLimiter(scheduler.ramp_elapsed)
    limiter.take(NOW + 200)
    limiter.record(NOW + 200, failed=True)
    scheduler.record_recovery(NOW + 250)
    assert limiter.seconds_until_allowed(NOW + 250) == 0
    limiter.take(NOW + 250)
    assert limiter.seconds_until_allowed(NOW + 250) == pytest.approx(1 / 5)


@pytest.mark.parametrize("step", [-HOUR, -YEAR, HOUR, YEAR])
def test_a_step_of_the_clock_neither_ends_nor_prolongs_the_slow_time(step: float) -> None:
    worker = greedy()
    worker.limiter.record(NOW, failed=True)
    worker.run(30)
    worker.step = step
    slow = worker.run(59.9)
    fast = worker.run(89.9)
    assert len(slow) == pytest.approx((limit(59.9) - limit(30)) / 2, abs=2)
    assert len(fast) == pytest.approx(limit(89.9) - limit(59.9), abs=4)
