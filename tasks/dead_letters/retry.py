"""Retry Dead Letters and Recover Outage Jobs: queue dead letters again."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from plex.health import check_plex_health
from stash.exceptions import StashError
from sync_queue.dlq import DeadLetter
from sync_queue.dlq_recovery import (
    OPTIONAL_RETRY_ERROR_TYPES,
    RecoveryResult,
    get_error_types_for_recovery,
    get_outage_dlq_entries,
    recover_outage_jobs,
)
from tasks.answer import Answer, Level, TaskError
from tasks.arguments import flag, scene_argument, text
from validation.values import counted
from worker.outage_history import format_elapsed_since
from worker.services import Services

MOST_NAMED = 10  # scenes in a line
_AT_ONCE = 100  # scenes in a request to Stash


def recover_outage_jobs_task(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Queue dead letters of the last completed outage again, if their type is safe to retry."""
    optional = flag(arguments, "include_optional")
    outages = context.status_source.outages().records
    completed = [outage for outage in outages if outage.ended_at is not None]
    if not completed:
        text = "Nothing to recover: no completed outage is recorded"
        return Answer(text, data={"recovered": 0})
    outage = completed[-1]
    ended_at = outage.ended_at or outage.started_at
    dead = context.queue.dead_letters
    letters = get_outage_dlq_entries(
        dead, outage.started_at, ended_at, get_error_types_for_recovery(optional)
    )
    health = check_plex_health(context.sessions.current().client)
    if not health.healthy:
        message = (
            f"Plex is not healthy ({health.error}). Nothing was changed; run the task again later"
        )
        raise TaskError(message)
    result = recover_outage_jobs(
        context.queue, letters, plex_healthy=True, existing_scenes=partial(_existing, context)
    )
    if result.recovered:
        context.ensure_worker()
    left = 0 if optional else _count_optional(context, outage.started_at, ended_at)
    ended = format_elapsed_since(ended_at, context.clock())
    return Answer(
        f"Outage that ended {ended}: {result.recovered} recovered, "
        f"{result.skipped_already_queued} already queued, {result.skipped_scene_missing} no longer "
        f"in Stash, {result.failed} failed"
        + (
            f". Not included: {counted(left, 'temporary error')} of that time; run 'Recover Outage "
            "Jobs (All Retryable)' to include them"
            if left
            else ""
        ),
        data={"recovered": result.recovered, "left": left},
    )


def _count_optional(context: Services, start: float, end: float) -> int:
    dead = context.queue.dead_letters
    return len(get_outage_dlq_entries(dead, start, end, OPTIONAL_RETRY_ERROR_TYPES))


def _existing(context: Services, scene_ids: Sequence[int]) -> Collection[int]:
    """Return the scenes among these that Stash has; raise StashError if it does not answer."""
    found: set[int] = set()
    for start in range(0, len(scene_ids), _AT_ONCE):
        found |= set(context.scenes.read(scene_ids[start : start + _AT_ONCE]))
    return found


def retry_dlq(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Queue dead letters again: all, or those of a scene, of an `error_type`, or of both."""
    scene_id = scene_argument(arguments)
    error_type = _error_type(context, arguments)
    letters = _chosen(context, scene_id, error_type)
    if not letters:
        whose = "" if scene_id is None else f" of scene {scene_id}"
        return Answer(
            f"Nothing to retry: there are no dead letters{whose}", data=_data(RecoveryResult(), [])
        )
    queued = context.queue.queued_scene_ids() & _scenes_of(letters)
    result = recover_outage_jobs(
        context.queue,
        letters,
        plex_healthy=True,
        existing_scenes=partial(_existing_or_all, context),
    )
    if result.recovered:
        context.ensure_worker()
    details = (
        [f"Already queued: {_named(sorted(queued))}. A successful sync removes the dead letter"]
        if queued
        else []
    )
    return Answer(
        _closing_line(result),
        details=details,
        data=_data(result, sorted(queued)),
        level=Level.WARNING if result.failed else Level.OK,
    )


def _error_type(context: Services, arguments: Mapping[str, Any]) -> str | None:
    """Return the requested error type in its stored spelling; None for all."""
    given = text(arguments, "error_type")
    present = context.queue.dead_letters.counts_by_type()
    if not given or not present:
        return None
    for name in present:
        if name.casefold() == given.casefold():
            return name
    allowed = ", ".join(f"{name} ({number:,})" for name, number in present.items())
    message = f"error_type is {given!r}; allowed: {allowed}, or nothing for all"
    raise TaskError(message)


def _chosen(
    context: Services, scene_id: int | None, error_type: str | None
) -> Sequence[DeadLetter]:
    dead = context.queue.dead_letters
    letters = dead.all() if scene_id is None else dead.of_scene(scene_id)
    return [letter for letter in letters if error_type in (None, letter.error_type)]


def _scenes_of(letters: Sequence[DeadLetter]) -> set[int]:
    jobs = [letter.job for letter in letters if letter.job is not None]
    return {job.scene_id for job in jobs if job.scene_id is not None}


def _existing_or_all(context: Services, scene_ids: Sequence[int]) -> Collection[int]:
    """Return the scenes that Stash has; all of them if it does not answer.

    The job of a deleted scene is harmless: the worker removes the scene's records.
    """
    try:
        return _existing(context, scene_ids)
    except StashError as error:
        context.log.warning(f"{error}. Whether Stash still has the scenes was not checked")
        return scene_ids


def _closing_line(result: RecoveryResult) -> str:
    left = [
        f"{number:,} {words}"
        for number, words in (
            (result.skipped_already_queued, "already queued"),
            (
                result.skipped_scene_missing,
                "no longer in Stash ('Purge Old DLQ Entries' removes them)",
            ),
            (result.failed, "unreadable"),
        )
        if number
    ]
    rest = f"; left: {', '.join(left)}" if left else ""
    return f"{counted(result.recovered, 'dead letter')} queued again{rest}"


def _named(scene_ids: Sequence[int]) -> str:
    named = ", ".join(map(str, scene_ids[:MOST_NAMED]))
    more = len(scene_ids) - MOST_NAMED
    return f"{'scene' if len(scene_ids) == 1 else 'scenes'} {named}" + (
        f" and {more:,} more" if more > 0 else ""
    )


def _data(result: RecoveryResult, already_queued: Sequence[int]) -> dict[str, Any]:
    return {
        "requeued": result.recovered,
        "already_queued": result.skipped_already_queued,
        "not_in_stash": result.skipped_scene_missing,
        "unreadable": result.failed,
        "requeued_scene_ids": list(result.recovered_scene_ids),
        "already_queued_scene_ids": list(already_queued),
    }
