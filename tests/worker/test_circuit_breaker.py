"""The circuit breaker: opens on outages only, lets one probe through, and survives everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest import TestCase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.validation.strategies import JSON, json_object
from worker.circuit_breaker import (
    CircuitBreaker,
    CircuitState,
    Closed,
    HalfOpened,
    Opened,
    Reopened,
)

NOW = 1_750_000_000.0
HOUR, YEAR = 3600.0, 365 * 86_400.0
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def opened(at: float = NOW) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(5):
        breaker.record_failure(at)
    return breaker


def half_opened(at: float = NOW) -> CircuitBreaker:
    breaker = opened(at - 60)
    breaker.advance(at)
    return breaker


MAKE: dict[CircuitState, Callable[[float], CircuitBreaker]] = {
    CLOSED: lambda _: CircuitBreaker(),
    OPEN: opened,
    HALF_OPEN: half_opened,
}


def killed(breaker: CircuitBreaker) -> CircuitBreaker:
    """What the next process has of it."""
    return CircuitBreaker.from_state(json.loads(json.dumps(breaker.to_state())))


# closed


def test_the_fifth_failure_in_a_row_opens() -> None:
    breaker = CircuitBreaker()
    events = [breaker.record_failure(NOW + second) for second in range(5)]
    assert events == [None, None, None, None, Opened(NOW + 4)]
    assert (breaker.state, breaker.opened_at) == (OPEN, NOW + 4)


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = CircuitBreaker()
    for _ in range(10):
        assert [breaker.record_failure(NOW) for _ in range(4)] == [None] * 4
        assert breaker.record_success(NOW) is None
    assert breaker.state is CLOSED


def test_time_does_not_forgive_failures() -> None:
    breaker = CircuitBreaker()
    events = [breaker.record_failure(NOW + day * 86_400) for day in range(5)]
    assert isinstance(events[-1], Opened)


def test_closed_lets_everything_through_at_once() -> None:
    breaker = CircuitBreaker()
    assert all(breaker.allow(NOW) for _ in range(100))
    assert breaker.seconds_until_allowed(NOW) == 0.0


def test_a_good_health_check_says_nothing_to_a_closed_breaker() -> None:
    """`/identity` answers where the database is dead: it must not forgive failures of jobs."""
    breaker = CircuitBreaker()
    for _ in range(4):
        breaker.record_failure(NOW)
    assert breaker.probe_succeeded(NOW) is None
    assert isinstance(breaker.record_failure(NOW), Opened)


# open


@pytest.mark.parametrize(("after", "allowed"), [(0, False), (59.9, False), (60, True), (1e6, True)])
def test_open_lets_nothing_through_for_a_minute(after: float, allowed: bool) -> None:
    assert opened().allow(NOW + after) is allowed


def test_it_says_how_long_it_stays_shut() -> None:
    breaker = opened()
    assert [breaker.seconds_until_allowed(NOW + s) for s in (0, 25, 60, 90)] == [60, 35, 0, 0]
    assert breaker.state is OPEN


def test_half_opening_is_told_once() -> None:
    breaker = opened()
    assert breaker.advance(NOW + 59) is None
    assert breaker.advance(NOW + 60) == HalfOpened(NOW + 60)
    assert breaker.advance(NOW + 61) is None


def test_late_failures_do_not_prolong_the_wait() -> None:
    breaker = opened()
    assert [breaker.record_failure(NOW + second) for second in range(59)] == [None] * 59
    assert breaker.allow(NOW + 60)


def test_a_late_success_does_not_close() -> None:
    breaker = opened()
    assert breaker.record_success(NOW + 1) is None
    assert breaker.state is OPEN


def test_a_good_health_check_opens_half_at_once() -> None:
    breaker = opened()
    assert breaker.probe_succeeded(NOW + 5) == HalfOpened(NOW + 5)
    assert breaker.allow(NOW + 5)


# half-open


def test_half_open_gives_one_permit() -> None:
    breaker = half_opened()
    assert [breaker.allow(NOW) for _ in range(5)] == [True, False, False, False, False]
    assert breaker.seconds_until_allowed(NOW + 20) == 40


@pytest.mark.parametrize(("after", "again"), [(59.9, False), (60, True), (1e6, True)])
def test_a_permit_expires(after: float, again: bool) -> None:
    """Its holder hangs: without that no job would ever go again."""
    breaker = half_opened()
    breaker.allow(NOW)
    assert breaker.allow(NOW + after) is again
    assert not breaker.allow(NOW + after)


def test_a_permit_that_told_nothing_can_be_given_back() -> None:
    """The probe job met Stash's outage, not Plex's."""
    breaker = half_opened()
    breaker.allow(NOW)
    breaker.release()
    assert (breaker.state, breaker.allow(NOW)) == (HALF_OPEN, True)


def test_asking_how_long_takes_no_permit() -> None:
    breaker = half_opened()
    assert breaker.seconds_until_allowed(NOW) == 0
    assert breaker.allow(NOW)


def test_one_served_job_closes() -> None:
    breaker = half_opened()
    breaker.allow(NOW)
    assert breaker.record_success(NOW + 2) == Closed(NOW + 2)
    assert breaker.to_state() == CircuitBreaker().to_state()


def test_one_failure_opens_again_for_a_minute() -> None:
    breaker = half_opened()
    breaker.allow(NOW)
    assert breaker.record_failure(NOW + 2) == Reopened(NOW + 2)
    assert [breaker.allow(NOW + 2 + second) for second in (0, 59, 60)] == [False, False, True]


def test_two_good_health_checks_in_a_row_close() -> None:
    breaker = opened()
    assert breaker.probe_succeeded(NOW + 5) == HalfOpened(NOW + 5)
    assert breaker.probe_succeeded(NOW + 10) == Closed(NOW + 10)


def test_a_bad_health_check_breaks_the_row() -> None:
    breaker = opened()
    breaker.probe_succeeded(NOW + 5)
    assert breaker.record_failure(NOW + 10) == Reopened(NOW + 10)
    assert isinstance(breaker.probe_succeeded(NOW + 15), HalfOpened)
    assert isinstance(breaker.probe_succeeded(NOW + 20), Closed)


def test_half_opened_by_time_needs_two_health_checks_as_well() -> None:
    breaker = half_opened()
    assert breaker.probe_succeeded(NOW) is None
    assert breaker.probe_succeeded(NOW + 5) == Closed(NOW + 5)


def test_an_hour_of_failed_probes_is_one_outage() -> None:
    """Fault 24: each of them began a new one."""
    breaker, events = opened(), []
    for minute in range(1, 61):
        assert breaker.allow(NOW + 60 * minute)
        events.append(breaker.record_failure(NOW + 60 * minute))
    assert {type(event) for event in events} == {Reopened}


def test_a_closed_breaker_again_needs_five_failures() -> None:
    breaker = half_opened()
    breaker.record_success(NOW)
    assert [breaker.record_failure(NOW) for _ in range(4)] == [None] * 4


# killed and loaded


Step = Callable[[CircuitBreaker, float], Any]
STEPS: dict[str, Step] = {
    "allow": CircuitBreaker.allow,
    "success": CircuitBreaker.record_success,
    "failure": CircuitBreaker.record_failure,
    "probe": CircuitBreaker.probe_succeeded,
    "advance": CircuitBreaker.advance,
    "wait": CircuitBreaker.seconds_until_allowed,
}


@pytest.mark.parametrize("later", [0.0, 61.0])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", CircuitState)
def test_a_kill_in_each_state_changes_nothing_that_follows(
    state: CircuitState, step: str, later: float
) -> None:
    lived = MAKE[state](NOW)
    died = killed(lived)
    assert STEPS[step](died, NOW + later) == STEPS[step](lived, NOW + later)
    assert died.to_state() == lived.to_state()


def test_a_kill_between_failures_keeps_their_count() -> None:
    breaker = CircuitBreaker()
    for _ in range(4):
        assert breaker.record_failure(NOW) is None
        breaker = killed(breaker)
    assert isinstance(breaker.record_failure(NOW), Opened)


def test_the_permit_dies_with_its_holder() -> None:
    breaker = half_opened()
    breaker.allow(NOW)
    breaker = killed(breaker)
    assert [breaker.allow(NOW) for _ in range(2)] == [True, False]


def test_the_file_has_exactly_these_keys() -> None:
    assert opened().to_state() == {
        "state": "open",
        "failure_count": 5,
        "success_count": 0,
        "opened_at": NOW,
    }
    assert CircuitBreaker().to_state() == {
        "state": "closed",
        "failure_count": 0,
        "success_count": 0,
        "opened_at": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"state": "ajar"},
        {"state": None},
        {"state": []},
        {"failure_count": -1},
        {"failure_count": True},
        {"failure_count": "5"},
        {"success_count": 0.5},
        {"opened_at": None},
        {"opened_at": "2026-01-01"},
        {"opened_at": float("nan")},
        {"opened_at": float("inf")},
        {"opened_at": -1.0},
        {"opened_at": 10**400},
    ],
    ids=str,
)
def test_corrupt_means_closed(change: dict[str, Any]) -> None:
    breaker = CircuitBreaker.from_state({**opened().to_state(), **change})
    assert breaker.to_state() == CircuitBreaker().to_state()


@pytest.mark.parametrize("key", ["state", "failure_count", "success_count", "opened_at"])
def test_a_missing_key_means_closed(key: str) -> None:
    state = opened().to_state()
    del state[key]
    assert CircuitBreaker.from_state(state).state is CLOSED


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        JSON,
        json_object(
            state=st.sampled_from(["closed", "open", "half_open"]),
            failure_count=st.integers(0, 9),
            success_count=st.integers(0, 9),
            opened_at=st.floats(),
        ),
    )
)
def test_whatever_a_file_holds_jobs_go_within_a_minute(raw: Any) -> None:
    breaker = CircuitBreaker.from_state(raw)
    assert 0 <= breaker.seconds_until_allowed(NOW) <= 60
    assert breaker.allow(NOW + 60)
    assert killed(breaker).to_state() == breaker.to_state()


# the clock


@pytest.mark.parametrize("step", [-HOUR, -YEAR, -1.0])
def test_a_clock_set_back_while_open_costs_at_most_another_minute(step: float) -> None:
    breaker = opened()
    now = NOW + 10 + step
    assert not breaker.allow(now)
    assert 0 < breaker.seconds_until_allowed(now) <= 60
    assert breaker.allow(now + 60)


@pytest.mark.parametrize("step", [HOUR, YEAR])
def test_a_clock_that_jumps_ahead_while_open_lets_one_probe_through(step: float) -> None:
    breaker = opened()
    assert [breaker.allow(NOW + step) for _ in range(5)] == [True, False, False, False, False]
    breaker.record_failure(NOW + step)
    assert [breaker.allow(NOW + step + second) for second in (0, 59)] == [False, False]


@pytest.mark.parametrize("step", [-HOUR, -YEAR, HOUR, YEAR])
def test_a_step_of_the_clock_while_a_permit_is_out(step: float) -> None:
    breaker = half_opened()
    breaker.allow(NOW)
    now = NOW + step
    assert breaker.allow(now) is (step > 0)
    assert not breaker.allow(now)
    assert breaker.allow(now + 60)


def test_a_year_ahead_and_back_is_forgotten_within_a_minute() -> None:
    breaker = opened(NOW + YEAR)
    assert not killed(breaker).allow(NOW)
    assert not breaker.allow(NOW)
    assert breaker.allow(NOW + 60)


# against a model


class BreakerMachine(RuleBasedStateMachine):
    """The breaker beside a model that knows no moments, only how long it has waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.breaker = CircuitBreaker()
        self.phase = "closed"
        self.failures = self.goods = 0
        self.waited: float | None = None

    @rule(seconds=st.sampled_from([0.0, 1.0, 20.0, 59.0, 60.0, HOUR, YEAR]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.waited is not None:
            self.waited += seconds

    @rule(seconds=st.sampled_from([1.0, 30.0, HOUR, YEAR]))
    def clock_goes_back(self, seconds: float) -> None:
        self.now -= seconds
        if self.waited is not None:
            self.waited = max(0.0, self.waited - seconds)

    @rule()
    def kill(self) -> None:
        self.breaker = killed(self.breaker)
        if self.phase == "half_open":
            self.waited = None

    @rule()
    def ask(self) -> None:
        self._time_is_up()
        may = self.phase == "closed" or (self.phase == "half_open" and self.left == 0)
        assert self.breaker.allow(self.now) is may
        if may and self.phase == "half_open":
            self.waited = 0.0

    @rule()
    def succeed(self) -> None:
        self._time_is_up()
        event = self.breaker.record_success(self.now)
        assert event == (Closed(self.now) if self.phase == "half_open" else None)
        if self.phase != "open":
            self._enter("closed")

    @rule()
    def fail(self) -> None:
        self._time_is_up()
        event = self.breaker.record_failure(self.now)
        if self.phase == "open":
            assert event is None
            return
        self.failures += 1
        if self.phase == "half_open":
            assert event == Reopened(self.now)
            self._enter("open", self.failures)
        elif self.failures == 5:
            assert event == Opened(self.now)
            self._enter("open", self.failures)
        else:
            assert event is None

    @rule()
    def probe(self) -> None:
        event = self.breaker.probe_succeeded(self.now)
        if self.phase == "closed":
            assert event is None
        elif self.phase == "open":
            assert event == HalfOpened(self.now)
            self._enter("half_open", self.failures)
            self.goods = 1
        elif self.goods == 1:
            assert event == Closed(self.now)
            self._enter("closed")
        else:
            assert event is None
            self.goods = 1

    @rule()
    def give_back(self) -> None:
        self.breaker.release()
        if self.phase == "half_open":
            self.waited = None

    @invariant()
    def equal_to_the_model(self) -> None:
        assert self.breaker.seconds_until_allowed(self.now) == self.left
        state = self.breaker.to_state()
        assert state["state"] == self.phase
        assert state["failure_count"] == self.failures
        assert state["success_count"] == self.goods
        assert (state["opened_at"] is None) == (self.phase == "closed")

    # the model's own rules

    @property
    def left(self) -> float:
        return 0.0 if self.waited is None else max(0.0, 60 - self.waited)

    def _enter(self, phase: str, failures: int = 0) -> None:
        self.phase = phase
        self.failures = failures
        self.goods = 0
        self.waited = 0.0 if phase == "open" else None

    def _time_is_up(self) -> None:
        if self.phase == "open" and self.left == 0:
            self._enter("half_open", self.failures)


TestBreakerAgainstItsModel: type[TestCase] = BreakerMachine.TestCase
TestBreakerAgainstItsModel.settings = settings(  # type: ignore[attr-defined]
    max_examples=150, stateful_step_count=30, deadline=None
)
