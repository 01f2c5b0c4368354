"""The tasks on dead letters: clear, purge, recover."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from plex.health import check_plex_health
from sync_queue.dlq_recovery import (
    OPTIONAL_RETRY_ERROR_TYPES,
    get_error_types_for_recovery,
    get_outage_dlq_entries,
    recover_outage_jobs,
)
from tasks.answer import Answer
from tasks.arguments import days_argument, flag
from tasks.context import TaskContext
from tasks.errors import TaskError
from worker.outage_history import format_elapsed_since


def clear_dlq(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Remove all dead letters."""
    del arguments
    removed = context.queue.dead_letters.clear()
    return Answer(f"{removed} dead letters removed", data={"removed": removed})


def purge_dlq(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Remove the dead letters older than `days`.

    Raises:
        TaskError: `days` is no whole number from 1 to 365.
    """
    days = days_argument(arguments)
    before = context.clock() - datetime.timedelta(days=days).total_seconds()
    removed = context.queue.dead_letters.purge(before)
    left = context.queue.dead_letters.count()
    return Answer(
        f"{removed} dead letters older than {days} days removed, {left} left",
        data={"removed": removed, "left": left},
    )


def recover_outage_jobs_task(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Queue the dead letters of the last completed outage again that are safe to repeat.

    Raises:
        TaskError: Plex is not healthy, or `include_optional` says neither yes nor no.
        StashError: Stash could not be asked.
    """
    optional = flag(arguments, "include_optional")
    completed = [one for one in context.records.outages().records if one.ended_at is not None]
    if not completed:
        text = "No completed outage is on record, so there is nothing to recover"
        return Answer(text, data={"recovered": 0})
    outage = completed[-1]
    ended_at = outage.ended_at or outage.started_at
    dead = context.queue.dead_letters
    letters = get_outage_dlq_entries(
        dead, outage.started_at, ended_at, get_error_types_for_recovery(optional)
    )
    health = check_plex_health(context.sessions.current().client)
    if not health.healthy:
        message = f"Plex is not healthy ({health.error}); nothing was changed, run it again later"
        raise TaskError(message)
    result = recover_outage_jobs(
        context.queue, letters, plex_healthy=True, existing_scenes=ExistingScenes(context)
    )
    if result.recovered:
        context.ensure_worker()
    left = 0 if optional else _left_behind(context, outage.started_at, ended_at)
    ended = format_elapsed_since(ended_at, context.clock())
    return Answer(
        f"Outage that ended {ended}: {result.recovered} recovered, "
        f"{result.skipped_already_queued} already queued, {result.skipped_scene_missing} no longer "
        f"in Stash, {result.failed} failed"
        + (
            f". {left} temporary errors of that time were left: "
            "'Recover Outage Jobs (All Retryable)' includes them"
            if left
            else ""
        ),
        data={"recovered": result.recovered, "left": left},
    )


def _left_behind(context: TaskContext, start: float, end: float) -> int:
    dead = context.queue.dead_letters
    return len(get_outage_dlq_entries(dead, start, end, OPTIONAL_RETRY_ERROR_TYPES))


class ExistingScenes:
    """Asks Stash which scenes it still has, some at a time."""

    _AT_ONCE = 100

    def __init__(self, context: TaskContext) -> None:
        self._context = context

    def __call__(self, scene_ids: Sequence[int]) -> Collection[int]:
        """Return those of the scenes that Stash has; raises StashError."""
        found: set[int] = set()
        for start in range(0, len(scene_ids), self._AT_ONCE):
            found |= set(self._context.scenes.read(scene_ids[start : start + self._AT_ONCE]))
        return found
