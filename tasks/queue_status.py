"""View Queue Status: what waits, what failed."""

from collections.abc import Mapping
from typing import Any

from tasks.answer import Answer
from tasks.context import TaskContext
from tasks.outages import breaker_line, outage_line
from worker.outage_history import format_elapsed_since

OUTAGES_SHOWN = 3  # spec.md §1


def queue_status(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Tell the counts of the queue and of the dead letters."""
    del arguments
    stats = context.queue.stats()
    counts = context.records.stats().counts
    dead = context.queue.dead_letters.counts_by_type()
    letters = ", ".join(f"{number} {name}" for name, number in dead.items())
    if context.queue.has_unfinished():
        context.ensure_worker()
    return Answer(
        f"Queue: {stats['pending']} pending, {stats['in_progress']} in progress, "
        f"{stats['retrying']} waiting for retry; {counts['jobs_succeeded']} completed, "
        f"{counts['jobs_failed']} failed tries. Dead letters: {sum(dead.values())}"
        + (f" ({letters})" if letters else "")
        + f". Circuit breaker: {breaker_line(context)}"
        + _recoveries(context)
        + _reconciliation(context)
        + _outages(context)
    )


def _outages(context: TaskContext) -> str:
    now = context.clock()
    newest = list(reversed(context.records.outages().records))[:OUTAGES_SHOWN]
    return "".join(f". {outage_line(record, now)}" for record in newest)


def _recoveries(context: TaskContext) -> str:
    state = context.records.recovery().state
    if not state.recovery_count:
        return ""
    ago = format_elapsed_since(state.last_recovery_time, context.clock())
    return f". Recoveries: {state.recovery_count}, the last {ago}"


def _reconciliation(context: TaskContext) -> str:
    state = context.reconciler.state.read()
    running = context.reconciler.reconciliation.stored()
    under_way = (
        f". A reconciliation is under way: {running.sums.checked:,} of {running.total:,} scenes"
        if running is not None
        else ""
    )
    if not state.run_count:
        return under_way or ". Reconciliation: no run yet"
    by_type = ", ".join(
        f"{number:,} {name.replace('_', ' ')}" for name, number in state.last_gaps_by_type.items()
    )
    ago = format_elapsed_since(state.last_run_time, context.clock())
    return (
        f"{under_way}. Reconciliation: last run {ago} (scope {state.last_run_scope}"
        f"{', startup run' if state.is_startup_run else ''}), {state.last_scenes_checked:,} scenes "
        f"checked, {state.last_gaps_found:,} gaps ({by_type}), {state.last_enqueued:,} queued; "
        f"{state.run_count:,} runs"
    )
