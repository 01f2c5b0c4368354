"""When a reconciliation runs by itself. Pure functions.

Never from a hook: the living worker asks, and every task, which then makes sure of a worker.
"""

from reconciliation.run import Order, Scope
from reconciliation.state import ReconciliationState

HOUR = 3600.0  # seconds
INTERVALS = {"hourly": HOUR, "daily": 24 * HOUR, "weekly": 7 * 24 * HOUR}
RETRY = 600.0  # seconds from a run without a result to the next automatic one


def due(
    state: ReconciliationState,
    interval: str,
    scope: str,
    now: float,
    *,
    at_start: bool,
    rebuilt: bool = False,
) -> Order | None:
    """Return the run that is due, None when none is.

    Args:
        state: of past runs.
        interval: the setting `reconcile_interval`.
        scope: the setting `reconcile_scope`.
        now: seconds since the epoch. A time of a past run that lies ahead of it was written before
            the clock was set back, and holds nothing up.
        at_start: whether an invocation has just begun; a worker that lives on is no new one.
        rebuilt: whether the queue's database was damaged and begun afresh: what was waiting in it
            has to be found again, whatever the settings say.
    """
    if 0 <= now - state.tried_at < RETRY:
        return None
    if rebuilt:
        return Order(Scope.ALL, by_user=False)
    if interval not in INTERVALS:
        return None
    if not 0 <= now - state.interval_run_time < INTERVALS[interval]:
        return Order(Scope(scope), by_user=False)
    if at_start and not 0 <= now - state.last_run_time < HOUR:
        return Order(Scope.RECENT, by_user=False, is_startup=True)
    return None
