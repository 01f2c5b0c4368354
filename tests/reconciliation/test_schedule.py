import pytest

from reconciliation.scheduler import INTERVALS, RETRY
from reconciliation.state import Order, ReconciliationState, Run, Scope, after, without_result
from tests.reconciliation.support import due
from tests.sync_queue.support import NOW

HOUR = 3600.0
STARTUP = Order(Scope.RECENT, by_user=False, is_startup=True)
FRESH = ReconciliationState()


def regular(scope: Scope) -> Order:
    return Order(scope, by_user=False)


def ran(order: Order, at: float = NOW, before: ReconciliationState = FRESH) -> ReconciliationState:
    return after(before, Run(order, at), at, "done")


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("interval", list(INTERVALS))
def test_a_run_is_due_when_its_interval_is_over(interval: str, scope: Scope) -> None:
    state, seconds = ran(regular(scope)), INTERVALS[interval]
    assert due(FRESH, interval, scope.value, NOW, at_start=False) == regular(scope)
    assert due(state, interval, scope.value, NOW + seconds - 1, at_start=False) is None
    assert due(state, interval, scope.value, NOW + seconds, at_start=True) == regular(scope)


def test_an_invocation_after_an_hour_without_any_run_looks_at_what_is_recent() -> None:
    state = ran(regular(Scope.ALL))
    assert due(state, "weekly", "all", NOW + HOUR - 1, at_start=True) is None
    assert due(state, "weekly", "all", NOW + HOUR, at_start=True) == STARTUP
    assert due(state, "weekly", "all", NOW + HOUR, at_start=False) is None


def test_a_startup_run_does_not_move_the_intervals_own_clock() -> None:
    state = ran(regular(Scope.ALL))
    later = ran(STARTUP, NOW + 23 * HOUR, state)
    assert (later.last_run_time, later.interval_run_time) == (NOW + 23 * HOUR, NOW)
    assert later.is_startup_run
    assert due(later, "daily", "all", NOW + 24 * HOUR, at_start=False) == regular(Scope.ALL)
    assert due(later, "daily", "all", NOW + 23.5 * HOUR, at_start=True) is None


@pytest.mark.parametrize(
    ("order", "counts"),
    [
        (Order(Scope.ALL), True),
        (Order(Scope.RECENT), False),
        (Order(Scope.ALL, only_empty=True), False),
        (regular(Scope.RECENT), True),
    ],
)
def test_only_a_whole_manual_run_restarts_the_interval(order: Order, counts: bool) -> None:
    assert ran(order).interval_run_time == (NOW if counts else 0)
    assert ran(order).last_run_time == NOW


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    state = ran(regular(Scope.ALL))
    assert due(state, "weekly", "all", NOW - 1, at_start=False) == regular(Scope.ALL)
    tried = without_result(FRESH, Run(regular(Scope.ALL), NOW), NOW, "no")
    assert due(tried, "weekly", "all", NOW - 1, at_start=False) == regular(Scope.ALL)
    startup = ran(STARTUP, NOW, ran(regular(Scope.ALL), NOW - 2 * HOUR))
    assert due(startup, "weekly", "all", NOW - HOUR, at_start=True) == STARTUP


def test_a_run_without_a_result_is_tried_again_after_ten_minutes() -> None:
    state = without_result(FRESH, Run(regular(Scope.ALL), NOW), NOW, "no")
    assert due(state, "hourly", "all", NOW + RETRY - 1, at_start=True) is None
    assert due(state, "hourly", "all", NOW + RETRY, at_start=True) == regular(Scope.ALL)
    assert ran(regular(Scope.ALL), NOW + 1, state).tried_at == 0
