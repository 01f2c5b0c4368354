"""The state of past reconciliations, and when the next one is due."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciliation.brake import Question, parse_question
from reconciliation.findings import STATE_NAMES
from reconciliation.run import Order, Run, Scope
from shared.events import Report
from shared.state_file import KeptState, parse_count, parse_moment

HOUR = 3600.0  # seconds
INTERVALS = {"hourly": HOUR, "daily": 24 * HOUR, "weekly": 7 * 24 * HOUR}
RETRY = 600.0  # seconds from a run without a result to the next automatic one


@dataclass(frozen=True, slots=True)
class ReconciliationState:
    """What is known of past runs; times are seconds since the epoch.

    Attributes:
        interval_run_time: the last run that the interval's clock counts; startup runs do not.
        tried_at: when a run last ended without a result.
        question: what the last run asked for, until a second one has answered it.
        ended_at, ended_scope, ended_only_empty, summary: the last run that ended, with a result or
            without: when, what it looked at, and its closing line.
    """

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
    interval_run_time: float = 0.0
    tried_at: float = 0.0
    question: Question | None = None
    ended_at: float = 0.0
    ended_scope: str = ""
    ended_only_empty: bool = False
    summary: str = ""


def parse_reconciliation_state(raw: Mapping[str, Any]) -> ReconciliationState:
    """Read a stored state, whoever wrote it; what is of a wrong type has its default."""
    last = parse_moment(raw.get("last_run_time")) or 0.0
    by_type = raw.get("last_gaps_by_type")
    by_type = by_type if isinstance(by_type, Mapping) else {}
    return ReconciliationState(
        last_run_time=last,
        last_run_scope=_text(raw.get("last_run_scope")),
        last_gaps_found=parse_count(raw.get("last_gaps_found")) or 0,
        last_gaps_by_type={
            name: parse_count(by_type.get(name)) or 0 for name in STATE_NAMES.values()
        },
        last_enqueued=parse_count(raw.get("last_enqueued")) or 0,
        last_scenes_checked=parse_count(raw.get("last_scenes_checked")) or 0,
        is_startup_run=raw.get("is_startup_run") is True,
        run_count=parse_count(raw.get("run_count")) or 0,
        interval_run_time=parse_moment(raw.get("interval_run_time", last)) or 0.0,
        tried_at=parse_moment(raw.get("tried_at")) or 0.0,
        question=parse_question(raw.get("question")),
        ended_at=parse_moment(raw.get("ended_at")) or 0.0,
        ended_scope=_text(raw.get("ended_scope")),
        ended_only_empty=raw.get("ended_only_empty") is True,
        summary=_text(raw.get("summary")),
    )


class StateFile:
    """The file; written by whoever holds the reconciliation's lock, read by everyone.

    Args:
        path: the file.
        report: is told about a file that could not be read.
    """

    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
        self._file = KeptState(path, report)
        self._clock = clock

    def read(self) -> ReconciliationState:
        """Return the state; of no file, its default.

        Of one that cannot be read now, nothing is due: who knows when the last run was.
        """
        now = self._clock()
        state = parse_reconciliation_state(self._file.read(now))
        return replace(state, tried_at=now) if self._file.is_unread else state

    def write(self, state: ReconciliationState) -> None:
        """Replace the file, unless it could not be read.

        Raises:
            OSError: it could not be written.
        """
        question = state.question
        names = [name for name in ReconciliationState.__dataclass_fields__ if name != "question"]
        stored = {name: getattr(state, name) for name in names}
        stored["last_gaps_by_type"] = dict(state.last_gaps_by_type)
        self._file.write({**stored, "question": None if question is None else question.to_state()})


def after(state: ReconciliationState, run: Run, now: float, summary: str) -> ReconciliationState:
    """Return the state after a run that came to its end."""
    order, sums = run.order, run.sums
    # A person's look at a part of the library does not stand for the whole that was due.
    counts = not order.by_user or (order.scope is Scope.ALL and not order.only_empty)
    return ReconciliationState(
        last_run_time=now,
        last_run_scope=order.scope.value,
        last_gaps_found=sums.gaps,
        last_gaps_by_type=sums.gaps_by_type,
        last_enqueued=sums.enqueued,
        last_scenes_checked=sums.checked,
        is_startup_run=order.is_startup,
        run_count=state.run_count + 1,
        interval_run_time=now if counts and not order.is_startup else state.interval_run_time,
        question=state.question if order.is_startup else None,
        ended_at=now,
        ended_scope=order.scope.value,
        ended_only_empty=order.only_empty,
        summary=summary,
    )


def without_result(
    state: ReconciliationState, run: Run, now: float, summary: str
) -> ReconciliationState:
    """Return the state after a run that queued nothing, for want of proof or of a yes."""
    return replace(
        state,
        tried_at=now,
        ended_at=now,
        ended_scope=run.order.scope.value,
        ended_only_empty=run.order.only_empty,
        summary=summary,
    )


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""


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
