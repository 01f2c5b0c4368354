"""When Plex is looked for during an outage, and how the ramp after it is timed."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.validation.strategies import JSON, json_object
from worker.recovery import RecoveryScheduler

NOW = 1_750_000_000.0
HOUR, YEAR = 3600.0, 365 * 86_400.0
KEYS = [
    "last_check_time",
    "consecutive_successes",
    "consecutive_failures",
    "last_recovery_time",
    "recovery_count",
    "recovery_started_at",
]


def killed(scheduler: RecoveryScheduler) -> RecoveryScheduler:
    return RecoveryScheduler.from_state(json.loads(json.dumps(scheduler.to_state())))


def after_failures(count: int) -> RecoveryScheduler:
    scheduler = RecoveryScheduler()
    for _ in range(count):
        scheduler.record_check(NOW, healthy=False)
    return scheduler


def test_probes_get_rarer_from_5_to_60_seconds() -> None:
    intervals = [after_failures(count).seconds_to_next_probe(NOW) for count in range(1, 12)]
    assert intervals[:3] == [5, 7.5, 11.25]
    assert intervals == sorted(intervals)
    assert intervals[-4:] == [60] * 4
    assert after_failures(10_000).seconds_to_next_probe(NOW) == 60


@pytest.mark.parametrize(("since", "left"), [(0, 5), (3, 2), (5, 0), (30, 0)])
def test_a_new_job_brings_the_probe_to_5_seconds(since: float, left: float) -> None:
    scheduler = after_failures(20)
    scheduler.make_due_soon()
    assert scheduler.seconds_to_next_probe(NOW + since) == left


def test_good_probes_before_failing_jobs_do_not_keep_plex_busy() -> None:
    """`/identity` answers, the database does not: each round is rarer than the one before."""
    scheduler = RecoveryScheduler()
    for _ in range(12):
        scheduler.record_check(NOW, healthy=True)
        scheduler.record_check(NOW, healthy=False)
    assert scheduler.seconds_to_next_probe(NOW) == 60


def test_a_served_job_ends_the_back_off_without_an_outage() -> None:
    """Single failures that opened no breaker must not add up to a minute's wait for the next."""
    scheduler = RecoveryScheduler()
    for _ in range(12):
        scheduler.record_check(NOW, healthy=False)
        scheduler.record_check(NOW, healthy=True)
        scheduler.record_served()
    scheduler.record_check(NOW, healthy=False)
    assert scheduler.seconds_to_next_probe(NOW) == 5


def test_a_failure_long_after_the_last_check_is_the_first_of_a_new_trouble() -> None:
    scheduler = killed(after_failures(20))
    scheduler.record_check(NOW + HOUR, healthy=False)
    assert scheduler.seconds_to_next_probe(NOW + HOUR) == 5


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=40))
def test_probes_are_5_to_60_seconds_apart(rounds: list[tuple[bool, bool, bool]]) -> None:
    scheduler, now = after_failures(1), NOW
    for healthy, hurry, kill in rounds:
        if hurry:
            scheduler.make_due_soon()
        if kill:
            scheduler = killed(scheduler)
        wait = scheduler.seconds_to_next_probe(now)
        assert 5 <= wait <= 60
        now += wait
        assert scheduler.seconds_to_next_probe(now) == pytest.approx(0, abs=1e-6)
        scheduler.record_check(now, healthy)


def test_the_ramp_lasts_300_seconds() -> None:
    scheduler = RecoveryScheduler()
    scheduler.record_recovery(NOW)
    assert [scheduler.ramp_elapsed(NOW + s) for s in (0, 100, 299)] == [0, 100, 299]
    assert scheduler.ramp_elapsed(NOW + 300) is None
    assert scheduler.state.recovery_started_at == 0
    assert scheduler.state.last_recovery_time == NOW


@pytest.mark.parametrize("step", [-1.0, -HOUR, -YEAR])
@pytest.mark.parametrize("failures", [1, 20])
def test_a_clock_set_back_costs_at_most_another_interval(failures: int, step: float) -> None:
    scheduler = after_failures(failures)
    interval = scheduler.seconds_to_next_probe(NOW)
    now = NOW + step
    assert scheduler.seconds_to_next_probe(now) == interval
    assert scheduler.seconds_to_next_probe(now + interval) == 0


@pytest.mark.parametrize("step", [-HOUR, -YEAR, HOUR, YEAR])
def test_a_step_of_the_clock_counts_nothing_towards_the_ramp(step: float) -> None:
    """A year ahead must not let a queue of thousands loose on a server that just came back."""
    scheduler = RecoveryScheduler()
    scheduler.record_recovery(NOW)
    assert scheduler.ramp_elapsed(NOW + 100) == 100
    now = NOW + 100 + step
    assert scheduler.ramp_elapsed(now) == pytest.approx(100)
    assert scheduler.ramp_elapsed(now + 50) == pytest.approx(150)
    assert killed(scheduler).ramp_elapsed(now + 60) == pytest.approx(160)
    assert scheduler.ramp_elapsed(now + 200.1) is None


def test_the_file_has_exactly_these_keys() -> None:
    assert list(RecoveryScheduler().to_state()) == KEYS
    assert killed(after_failures(3)).to_state() == after_failures(3).to_state()


@given(
    st.one_of(
        JSON,
        json_object(**{key: st.floats() | st.integers() | st.floats(0, 2 * NOW) for key in KEYS}),
    )
)
def test_whatever_a_file_holds_nothing_is_stuck(raw: Any) -> None:
    scheduler = RecoveryScheduler.from_state(raw)
    wait = scheduler.seconds_to_next_probe(NOW)
    assert 0 <= wait <= 60
    assert scheduler.seconds_to_next_probe(NOW + 60) == 0
    elapsed = scheduler.ramp_elapsed(NOW)
    assert elapsed is None or 0 <= elapsed < 300
    assert scheduler.ramp_elapsed(NOW + 300) is None
    scheduler.record_check(NOW, healthy=True)
    scheduler.record_recovery(NOW)
    assert scheduler.ramp_elapsed(NOW) == 0
    assert killed(scheduler).to_state() == scheduler.to_state()
