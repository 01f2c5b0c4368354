from typing import Any

from reconciliation.findings import STATE_NAMES
from tasks.answer import Answer, Level
from tasks.status.snapshot import StatusSnapshot, read_status
from validation.values import counted, counts_text
from worker.circuit_breaker import CircuitState
from worker.outage_history import (
    OutageHistory,
    OutageRecord,
    calculate_outage_metrics,
    format_duration,
    format_elapsed_since,
)
from worker.state_files import StatusSource

_BREAKER = {
    CircuitState.CLOSED: "closed (jobs are sent to Plex)",
    CircuitState.OPEN: "open (no job is sent to Plex)",
    CircuitState.HALF_OPEN: "half-open (the next job tests whether Plex works again)",
}
_CAUSE = "To see the cause, run the task 'Health Check'"


def queue_status(source: StatusSource) -> Answer:
    status = read_status(source)
    dead = sum(status.dead.values())
    failed = f". {counted(dead, 'job')} failed permanently: see the task 'Show Dead Letters'"
    letters = failed if dead else ""
    needs_action = dead or status.missing
    level = Level.FAULT if status.is_plex_down else Level.WARNING if needs_action else Level.OK
    return Answer(
        f"{_summary(status)}{letters}",
        details=_details(status, dead),
        data=_data(status, dead),
        level=level,
    )


def _summary(status: StatusSnapshot) -> str:
    jobs = counted(status.unfinished, "job")
    if status.is_plex_down:
        down = format_duration(status.now - (status.down_since or status.now))
        waiting = f"{jobs} will be sent once it is back" if status.unfinished else "no job waits"
        return f"Plex has been down for {down}; {waiting}. {_CAUSE}"
    if not status.unfinished:
        done = status.done["jobs_succeeded"]
        return "The queue is empty" + (f"; {counted(done, 'job')} done so far" if done else "")
    retrying = "scheduled for later"
    if status.next_try is not None:
        retrying += f", the next in {format_duration(status.next_try - status.now)}"
    shown = _queue_text(status, "waiting", retrying)
    if status.missing:
        return f"{jobs} in the queue: {shown}. {status.missing_text}"
    if status.pause.is_wanted:
        return f"{jobs} in the queue: {shown}. Sync paused {status.pause.reason}"
    return f"{jobs} on the way to Plex ({shown}). You need to do nothing"


def _queue_text(status: StatusSnapshot, pending: str, retrying: str) -> str:
    return counts_text(
        (
            (status.pending, pending),
            (status.in_progress, "in progress"),
            (status.retrying, retrying),
        )
    )


def _details(status: StatusSnapshot, dead: int) -> list[str]:
    by_type = counts_text((number, name) for name, number in status.dead.items())
    dead_letters = f"{dead:,} ({by_type})" if dead else "none"
    queue = _queue_text(status, "pending", "scheduled for later")
    succeeded, failed = status.done["jobs_succeeded"], status.done["jobs_failed"]
    tries = "1 try" if failed == 1 else f"{failed:,} tries"
    done = f"{counted(succeeded, 'job')} completed, {tries} failed"
    breaker, opened_at = _BREAKER[status.breaker.state], status.breaker.opened_at
    if status.is_plex_down and opened_at is not None:
        breaker += f", opened {format_elapsed_since(opened_at, status.now)}"
    return [
        f"Queue: {queue or 'empty'}. So far: {done}",
        f"Jobs that failed permanently (dead letters): {dead_letters}",
        f"Circuit breaker: {breaker}",
        f"Past outages of Plex: {_recoveries(status)}",
        *_reconciliation(status),
        *(_outage_line(record, status.now) for record in status.outages.records[:-4:-1]),
    ]


def _recoveries(status: StatusSnapshot) -> str:
    state, now = status.recovery.state, status.now
    text = f"{state.recovery_count:,}"
    if state.last_recovery_time:
        text += f", the last {format_elapsed_since(state.last_recovery_time, now)}"
    if state.last_check_time:
        text += f"; last check of Plex {format_elapsed_since(state.last_check_time, now)}"
    if status.next_probe_at is not None:
        text += f"; next check of Plex in {format_duration(status.next_probe_at - now)}"
    return text


def _reconciliation(status: StatusSnapshot) -> list[str]:
    state, run, lines = status.past, status.run, []
    if run is not None:
        checked = f"{run.result.checked:,} of {run.total:,} scenes checked"
        lines.append(f"A reconciliation is running: {checked}")
    if state.run_count:
        by_type = counts_text(
            (state.last_gaps_by_type.get(name, 0), outcome.value)
            for outcome, name in STATE_NAMES.items()
        )
        ago = format_elapsed_since(state.last_run_time, status.now)
        queued = f", {state.last_enqueued:,} of these newly queued" if state.last_enqueued else ""
        scope = f"scope {state.last_run_scope or 'unknown'}"
        startup = ", at the worker's start" if state.is_startup_run else ""
        lines.append(
            f"Reconciliation: last run {ago} ({scope}{startup}), "
            f"{counted(state.last_scenes_checked, 'scene')} checked, "
            f"{counted(state.last_gaps_found, 'scene')} to sync{by_type and f' ({by_type})'}"
            f"{queued}; {counted(state.run_count, 'run')} so far"
        )
    return lines or ["Reconciliation: no run yet"]


def _data(status: StatusSnapshot, dead: int) -> dict[str, Any]:
    recovery = status.recovery.state
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
        "dead_letters": {"total": dead, "by_error_type": dict(status.dead)},
        "circuit_breaker": {
            "state": status.breaker.state.value,
            "opened_at": status.breaker.opened_at if status.is_plex_down else None,
        },
        "recovery": {
            "last_probe_at": recovery.last_check_time or None,
            "next_probe_at": status.next_probe_at,
            "last_recovery_at": recovery.last_recovery_time or None,
            "recoveries": recovery.recovery_count,
        },
        "reconciliation": reconciliation_data(status),
        "outages": [_outage_data(record) for record in status.outages.records[:-4:-1]],
    }


def reconciliation_data(status: StatusSnapshot) -> dict[str, Any]:
    state, run = status.past, status.run
    return {
        "runs": state.run_count,
        "last_run_at": state.last_run_time or None,
        "scope": state.last_run_scope or None,
        "startup_run": state.is_startup_run,
        "scenes_checked": state.last_scenes_checked,
        "gaps": state.last_gaps_found,
        "gaps_by_type": dict(state.last_gaps_by_type),
        "enqueued": state.last_enqueued,
        "under_way": run
        and {
            "begun_at": run.begun_at,
            "scenes_checked": run.result.checked,
            "scenes_in_all": run.total,
        },
    }


def outage_summary(source: StatusSource) -> Answer:
    now, history = source.clock(), source.outages()
    records, ongoing = history.records, history.ongoing
    text, metrics = f"{counted(len(records), 'outage')} of Plex", calculate_outage_metrics(records)
    if metrics.outage_count:
        downtime = format_duration(metrics.total_downtime)
        text += f", {metrics.outage_count} ended after {downtime} in total"
        text += f"; mean time to recovery {format_duration(metrics.mttr)}"
    if metrics.mtbf:
        text += f", mean time between failures {format_duration(metrics.mtbf)}"
        text += f", availability {metrics.availability:.2f} %"
    if ongoing is not None:
        began = format_elapsed_since(ongoing.started_at, now)
        text += f"; the latest began {began} and has not ended. {_CAUSE}"
    return Answer(
        text if records else "No outage of Plex is recorded",
        details=[_outage_line(record, now) for record in records[:-11:-1]],
        data={"now": now, **outage_data(history)},
        level=Level.FAULT if ongoing else Level.OK,
    )


def outage_data(history: OutageHistory) -> dict[str, Any]:
    ongoing, metrics = history.ongoing, calculate_outage_metrics(history.records)
    return {
        "tracked": len(history.records),
        "completed": metrics.outage_count,
        "total_downtime_seconds": metrics.total_downtime,
        "mttr_seconds": metrics.mttr,
        "mtbf_seconds": metrics.mtbf,
        "availability_percent": round(metrics.availability, 4),
        "ongoing": None if ongoing is None else _outage_data(ongoing),
        "outages": [_outage_data(record) for record in history.records[::-1]],
    }


def _outage_line(record: OutageRecord, now: float) -> str:
    began = format_elapsed_since(record.started_at, now)
    about = "about " if record.estimated else ""
    lasted = "continues"
    if record.duration is not None:
        lasted = f"lasted {about}{format_duration(record.duration)}"
    scenes = counted(record.jobs_affected, "scene")
    waited = f"; {scenes} had to wait" if record.jobs_affected else ""
    return f"An outage of Plex began {began} and {lasted}{waited}"


def _outage_data(record: OutageRecord) -> dict[str, Any]:
    return {
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "duration_seconds": record.duration,
        "scenes_waited": record.jobs_affected,
        "estimated": record.estimated,
    }
