"""The circuit breaker: opens on outages only, lets jobs probe, and survives everything."""

import json
from typing import Any
from unittest import TestCase

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.validation.strategies import JSON, json_object
from worker.circuit_breaker import CircuitBreaker, CircuitState

NOW = 1_750_000_000.0
HOUR, YEAR = 3600.0, 365 * 86_400.0
CLOSED, OPEN = CircuitState.CLOSED, CircuitState.OPEN


def opened(at: float = NOW) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(5):
        breaker.record_failure(at)
    return breaker


def killed(breaker: CircuitBreaker) -> CircuitBreaker:
    return CircuitBreaker.from_state(json.loads(json.dumps(breaker.to_state())))


def test_the_fifth_failure_in_a_row_opens() -> None:
    breaker = CircuitBreaker()
    began = [breaker.record_failure(NOW + second) for second in range(5)]
    assert began == [False, False, False, False, True]
    assert (breaker.state, breaker.opened_at) == (OPEN, NOW + 4)


def test_a_bad_health_check_breaks_the_row() -> None:
    breaker = opened()
    assert not breaker.probe_succeeded()
    assert not breaker.record_failure(NOW + 10)
    assert (breaker.state, breaker.opened_at) == (OPEN, NOW + 10)
    assert not breaker.probe_succeeded()
    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.probe_succeeded()
    assert breaker.state is CLOSED


def test_an_hour_of_failed_probes_is_one_outage() -> None:
    breaker = opened()
    for minute in range(1, 61):
        now = NOW + 60 * minute
        assert breaker.allow(now)
        assert not breaker.record_failure(now)
        assert (breaker.state, breaker.opened_at) == (OPEN, now)


def test_the_file_has_exactly_these_keys() -> None:
    keys = ("state", "failure_count", "success_count", "opened_at")
    for breaker, values in (
        (opened(), ("open", 5, 0, NOW)),
        (CircuitBreaker(), ("closed", 0, 0, None)),
    ):
        assert breaker.to_state() == dict(zip(keys, values, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        *({"state": value} for value in ("ajar", None)),
        {"state": []},
        *({"failure_count": value} for value in (-1, True, "5")),
        {"success_count": 0.5},
        *({"opened_at": value} for value in (None, "2026-01-01", -1.0, 10**400)),
        *({"opened_at": float(value)} for value in ("nan", "inf")),
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

    @rule()
    def ask(self) -> None:
        self._time_is_up()
        assert self.breaker.allow(self.now) is (self.phase != "open")

    @rule()
    def succeed(self) -> None:
        self._time_is_up()
        assert self.breaker.record_success(self.now) is (self.phase == "half_open")
        if self.phase != "open":
            self._enter("closed")

    @rule()
    def fail(self) -> None:
        self._time_is_up()
        began = self.breaker.record_failure(self.now)
        if self.phase == "open":
            assert not began
            return
        self.failures += 1
        assert began is (self.phase == "closed" and self.failures == 5)
        if began or self.phase == "half_open":
            self._enter("open", self.failures)

    @rule()
    def probe(self) -> None:
        ended = self.breaker.probe_succeeded()
        assert ended is (self.phase == "half_open" and self.goods == 1)
        if self.phase == "open":
            self._enter("half_open", self.failures)
        if ended:
            self._enter("closed")
        elif self.phase != "closed":
            self.goods = 1

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
