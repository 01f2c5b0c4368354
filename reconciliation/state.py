"""The results of past runs, and when the next run is due."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any

from reconciliation.findings import STATE_NAMES
from reconciliation.run import Order, Run, Scope
from reconciliation.safety_limits import Question, parse_question
from shared.events import Report
from shared.state_file import KeptState, parse_count, parse_moment

HOUR = 3600.0  # seconds
INTERVALS = {"hourly": HOUR, "daily": 24 * HOUR, "weekly": 7 * 24 * HOUR}
RETRY = 600.0  # seconds after a run without a result


@dataclass(frozen=True, slots=True)
class ReconciliationState:
    """The results of past runs; times are in seconds since the epoch."""

    last_run_time: float = 0.0
    last_run_scope: str = ""
    last_gaps_found: int = 0
    last_gaps_by_type: Mapping[str, int] = field(
        default_factory=lambda: dict.fromkeys(STATE_NAMES.values(), 0)
    )
    last_enqueued: int = 0
    last_scenes_checked: int = 0
    is_startup_run: bool = False
    run_count: int = 0
    interval_run_time: float = 0.0  # the last run that restarted the interval
    tried_at: float = 0.0  # the end of the last run without a result
    question: Question | None = None  # the unanswered question of the last run
    # ended_at, ended_scope, ended_only_empty, summary: the last run, with or without a result
    ended_at: float = 0.0
    ended_scope: str = ""
    ended_only_empty: bool = False
    summary: str = ""


def parse_reconciliation_state(raw: Mapping[str, Any]) -> ReconciliationState:
    """Parse a stored state; values of a wrong type get their defaults."""
    by_type = raw.get("last_gaps_by_type")
    by_type = by_type if isinstance(by_type, Mapping) else {}
    # A state of an older version has no `interval_run_time`.
    raw = {"interval_run_time": raw.get("last_run_time"), **raw}
    simple = {
        member.name: _parsed(raw.get(member.name), member.default)
        for member in fields(ReconciliationState)
        if member.default is not MISSING
    }
    simple["question"] = parse_question(raw.get("question"))
    counts = {name: parse_count(by_type.get(name)) or 0 for name in STATE_NAMES.values()}
    return ReconciliationState(last_gaps_by_type=counts, **simple)


def _parsed(raw: Any, default: Any) -> Any:
    """Return a stored value of the default's type, or the default."""
    if isinstance(default, bool):
        return raw is True
    if isinstance(default, int):
        return parse_count(raw) or 0
    if isinstance(default, float):
        return parse_moment(raw) or 0.0
    return raw if isinstance(raw, str) else ""


class StateFile:
    """The state file; only the holder of the reconciliation lock writes it."""

    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
        self._file = KeptState(path, report)
        self._clock = clock

    def read(self) -> ReconciliationState:
        """Return the state, or the default without a file.

        An unreadable file counts as a run just now, so that no run is due.
        """
        now = self._clock()
        state = parse_reconciliation_state(self._file.read(now))
        return replace(state, tried_at=now) if self._file.is_unread else state

    def write(self, state: ReconciliationState) -> None:
        """Replace the file, unless it was unreadable; raise OSError if it is not writable."""
        self._file.write(asdict(state))


def after(state: ReconciliationState, run: Run, now: float, summary: str) -> ReconciliationState:
    """Return the state after a run with a result."""
    order, result = run.order, run.result
    # A user's run over a part of the library does not restart the interval.
    counts = not order.by_user or (order.scope is Scope.ALL and not order.only_empty)
    return ReconciliationState(
        last_run_time=now,
        last_run_scope=order.scope.value,
        last_gaps_found=result.gaps,
        last_gaps_by_type=result.gaps_by_type,
        last_enqueued=result.enqueued,
        last_scenes_checked=result.checked,
        is_startup_run=order.is_startup,
        run_count=state.run_count + 1,
        interval_run_time=now if counts and not order.is_startup else state.interval_run_time,
        question=state.question if order.is_startup else None,
        **_ended(run, now, summary),
    )


def without_result(
    state: ReconciliationState, run: Run, now: float, summary: str
) -> ReconciliationState:
    """Return the state after a run without a conclusion or a confirmation."""
    return replace(state, tried_at=now, **_ended(run, now, summary))


def _ended(run: Run, now: float, summary: str) -> dict[str, Any]:
    return {
        "ended_at": now,
        "ended_scope": run.order.scope.value,
        "ended_only_empty": run.order.only_empty,
        "summary": summary,
    }


def due(
    state: ReconciliationState,
    interval: str,
    scope: str,
    now: float,
    *,
    at_start: bool,
    rebuilt: bool = False,
) -> Order | None:
    """Return the run that is due; None without one.

    Args:
        now: seconds since the epoch. Later times are ignored, because they precede a clock change.
        at_start: whether the process has just started.
        rebuilt: whether jobs were lost with a damaged database; then a run is always due.
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
