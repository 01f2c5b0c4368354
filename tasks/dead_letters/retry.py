"""The tasks on dead letters: ."""

from collections.abc import Collection, Mapping, Sequence
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
from tasks.answer import Answer, Level, TaskError, counted
from tasks.arguments import flag, scene_argument, text
from tasks.context import TaskContext
from worker.outage_history import format_elapsed_since

MOST_NAMED = 10  # scenes in one line


def recover_outage_jobs_task(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Queue the dead letters of the last completed outage again that are safe to repeat."""
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


def retry_dlq(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Queue dead letters again: all, those of one `error_type`, those of one scene, or both.

    Each leaves the dead letters in the transaction that queues it. A scene that is queued already
    needs no second job; one that Stash no longer has is left alone, where Stash answers.
    """
    scene_id = scene_argument(arguments)
    error_type = _error_type(context, arguments)
    letters = _chosen(context, scene_id, error_type)
    if not letters:
        whose = "" if scene_id is None else f" of scene {scene_id}"
        return Answer(
            f"There are no dead letters{whose}: nothing to retry", data=_data(RecoveryResult(), [])
        )
    queued = context.queue.queued_scene_ids() & _scenes_of(letters)
    result = recover_outage_jobs(
        context.queue, letters, plex_healthy=True, existing_scenes=_Gate(context)
    )
    if result.recovered:
        context.ensure_worker()
    details = (
        [f"Queued already: {_named(sorted(queued))}. Their job takes the dead letter with it"]
        if queued
        else []
    )
    return Answer(
        _closing_line(result),
        details=details,
        data=_data(result, sorted(queued)),
        level=Level.WARNING if result.failed else Level.OK,
    )


def _error_type(context: TaskContext, arguments: Mapping[str, Any]) -> str | None:
    """Return the type that is asked for, as it is spelled in the dead letters; None for all."""
    given = text(arguments, "error_type")
    present = context.queue.dead_letters.counts_by_type()
    if not given or not present:
        return None
    for name in present:
        if name.casefold() == given.casefold():
            return name
    allowed = ", ".join(f"{name} ({number:,})" for name, number in present.items())
    message = f"error_type is {given!r}; there are dead letters of: {allowed}; or nothing for all"
    raise TaskError(message)


def _chosen(
    context: TaskContext, scene_id: int | None, error_type: str | None
) -> Sequence[DeadLetter]:
    dead = context.queue.dead_letters
    letters = dead.all() if scene_id is None else dead.of_scenes([scene_id]).get(scene_id, [])
    return [one for one in letters if error_type in (None, one.error_type)]


def _scenes_of(letters: Sequence[DeadLetter]) -> set[int]:
    return {one.job.scene_id for one in letters if one.job and one.job.scene_id is not None}


class _Gate:
    """Lets scenes through that Stash has; all of them where Stash does not answer.

    A job of a scene that is gone does no harm: the worker forgets the scene.
    """

    def __init__(self, context: TaskContext) -> None:
        self._context = context

    def __call__(self, scene_ids: Sequence[int]) -> Collection[int]:
        try:
            return ExistingScenes(self._context)(scene_ids)
        except StashError as error:
            self._context.log.warning(
                f"{error}. Whether Stash still has the scenes was not checked"
            )
            return scene_ids


def _closing_line(result: RecoveryResult) -> str:
    left = [
        f"{number:,} {words}"
        for number, words in (
            (result.skipped_already_queued, "already queued"),
            (result.skipped_scene_missing, "no longer in Stash ('Purge Old DLQ Entries' removes)"),
            (result.failed, "that hold no job and cannot be retried"),
        )
        if number
    ]
    rest = f"; left: {', '.join(left)}" if left else ""
    return f"{counted(result.recovered, 'dead letter')} queued again{rest}"


def _named(scene_ids: Sequence[int]) -> str:
    named = ", ".join(str(one) for one in scene_ids[:MOST_NAMED])
    more = len(scene_ids) - MOST_NAMED
    return f"scenes {named}" + (f" and {more:,} more" if more > 0 else "")


def _data(result: RecoveryResult, already_queued: Sequence[int]) -> dict[str, Any]:
    return {
        "requeued": result.recovered,
        "already_queued": result.skipped_already_queued,
        "not_in_stash": result.skipped_scene_missing,
        "unreadable": result.failed,
        "requeued_scene_ids": list(result.recovered_scene_ids),
        "already_queued_scene_ids": list(already_queued),
    }
