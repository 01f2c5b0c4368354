"""View Queue Status: jobs, dead letters, outages and reconciliation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tasks.answer import Answer, Level
from tasks.reports.outage_summary import outage_data, outage_line
from tasks.status.snapshot import StatusSnapshot, read_status
from validation.values import counted
from worker.outage_history import format_duration, format_elapsed_since
from worker.state import StatusSource

if TYPE_CHECKING:  # a question of a program starts faster without it
    from worker.services import Services

OUTAGES_SHOWN = 3


def queue_status(context: "Services", arguments: Mapping[str, Any]) -> Answer:
    """Return the status for users and programs."""
    del arguments
    return status_of(context.status_source)


def status_of(source: StatusSource) -> Answer:
    """Return the status for users and programs."""
    status = read_status(source)
    return Answer(
        _closing_line(status), details=_details(status), data=_data(status), level=_level(status)
    )


def _level(status: StatusSnapshot) -> Level:
    if status.is_away:
        return Level.FAULT
    return Level.WARNING if status.dead else Level.OK


# -- for users --------------------------------------------------------------------------------


def _closing_line(status: StatusSnapshot) -> str:
    dead = sum(status.dead.values())
    letters = f". {counted(dead, 'dead letter')}: see the task 'Show Dead Letters'" if dead else ""
    if status.is_away:
        began = status.down_since or status.now
        jobs = (
            f"{counted(status.unfinished, 'job')} will be sent once it is back"
            if status.unfinished
            else "no job waits"
        )
        return (
            f"Plex has been down for {format_duration(status.now - began)}; {jobs}. If Plex is "
            f"running, run the task 'Health Check' for the cause{letters}"
        )
    return f"{_work(status)}{letters}"


def _work(status: StatusSnapshot) -> str:
    if not status.unfinished:
        done = status.done["jobs_succeeded"]
        return (
            f"The queue is empty; {counted(done, 'job')} done so far"
            if done
            else "The queue is empty"
        )
    retrying = f"{status.retrying:,} waiting for a retry"
    if status.next_try is not None:
        retrying += f", the next in {format_duration(status.next_try - status.now)}"
    parts = [
        *([f"{status.pending:,} waiting"] if status.pending else []),
        *([f"{status.in_progress:,} in progress"] if status.in_progress else []),
        *([retrying] if status.retrying else []),
    ]
    jobs = counted(status.unfinished, "job")
    return f"{jobs} on the way to Plex: {', '.join(parts)}; nothing to do"


def _details(status: StatusSnapshot) -> list[str]:
    letters = ", ".join(f"{number:,} {name}" for name, number in status.dead.items())
    newest = list(reversed(status.outages.records))[:OUTAGES_SHOWN]
    return [
        f"Queue: {status.pending:,} pending, {status.in_progress:,} in progress, "
        f"{status.retrying:,} waiting for retry; {status.done['jobs_succeeded']:,} completed, "
        f"{status.done['jobs_failed']:,} failed tries",
        f"Dead letters: {sum(status.dead.values()):,}" + (f" ({letters})" if letters else ""),
        f"Circuit breaker: {_breaker(status)}",
        f"Recoveries: {_recoveries(status)}",
        *_reconciliation(status),
        *(outage_line(record, status.now) for record in newest),
    ]


def _breaker(status: StatusSnapshot) -> str:
    breaker = status.breaker
    if not status.is_away or breaker.opened_at is None:
        return breaker.state.value
    return f"{breaker.state.value}, opened {format_elapsed_since(breaker.opened_at, status.now)}"


def _recoveries(status: StatusSnapshot) -> str:
    state, now = status.recovery.state, status.now
    text = f"{state.recovery_count:,}"
    if state.last_recovery_time:
        text += f", the last {format_elapsed_since(state.last_recovery_time, now)}"
    if state.last_check_time:
        text += f"; last probe of Plex {format_elapsed_since(state.last_check_time, now)}"
    if status.next_probe_at is not None:
        text += f"; the next in {format_duration(status.next_probe_at - now)}"
    return text


def _reconciliation(status: StatusSnapshot) -> list[str]:
    state, run = status.past, status.run
    under_way = (
        [f"Reconciliation under way: {run.result.checked:,} of {run.total:,} scenes checked"]
        if run is not None
        else []
    )
    if not state.run_count:
        return under_way or ["Reconciliation: no run yet"]
    by_type = ", ".join(
        f"{number:,} {name.replace('_', ' ')}" for name, number in state.last_gaps_by_type.items()
    )
    ago = format_elapsed_since(state.last_run_time, status.now)
    return [
        *under_way,
        f"Reconciliation: last run {ago} (scope {state.last_run_scope}"
        f"{', startup run' if state.is_startup_run else ''}), {state.last_scenes_checked:,} scenes "
        f"checked, {state.last_gaps_found:,} gaps ({by_type}), {state.last_enqueued:,} queued; "
        f"{counted(state.run_count, 'run')}",
    ]


# -- for programs: names and units are documented in docs/operations.md --------------------------


def _data(status: StatusSnapshot) -> dict[str, Any]:
    recovery = status.recovery.state
    newest = list(reversed(status.outages.records))[:OUTAGES_SHOWN]
    return {
        "now": status.now,
        "queue": {
            "pending": status.pending,
            "in_progress": status.in_progress,
            "waiting_for_retry": status.retrying,
            "next_try_at": status.next_try,
        },
        "done": {
            "completed": status.done["jobs_succeeded"],
            "failed_tries": status.done["jobs_failed"],
            "dead_lettered": status.done["jobs_to_dlq"],
        },
        "dead_letters": {
            "total": sum(status.dead.values()),
            "by_error_type": dict(status.dead),
        },
        "circuit_breaker": {
            "state": status.breaker.state.value,
            "opened_at": status.breaker.opened_at if status.is_away else None,
        },
        "recovery": {
            "last_probe_at": recovery.last_check_time or None,
            "next_probe_at": status.next_probe_at,
            "last_recovery_at": recovery.last_recovery_time or None,
            "recoveries": recovery.recovery_count,
        },
        "reconciliation": _reconciliation_data(status),
        "outages": [outage_data(record) for record in newest],
    }


def _reconciliation_data(status: StatusSnapshot) -> dict[str, Any]:
    state, run = status.past, status.run
    under_way = run and {
        "begun_at": run.begun_at,
        "scenes_checked": run.result.checked,
        "scenes_in_all": run.total,
    }
    return {
        "runs": state.run_count,
        "last_run_at": state.last_run_time or None,
        "scope": state.last_run_scope or None,
        "startup_run": state.is_startup_run,
        "scenes_checked": state.last_scenes_checked,
        "gaps": state.last_gaps_found,
        "gaps_by_type": dict(state.last_gaps_by_type),
        "enqueued": state.last_enqueued,
        "under_way": under_way,
    }
