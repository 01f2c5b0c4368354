from collections.abc import Collection, Sequence
from typing import Any

from plex.health import check_plex_health
from stash.exceptions import StashError
from sync_queue import dlq_recovery
from sync_queue.dlq import DeadLetter, DeadLetterQueue
from sync_queue.operations import get_queued_scene_ids
from tasks.answer import Answer, Level, TaskError
from validation.values import counted, counts_text
from worker.outage_history import format_elapsed_since
from worker.services import Services

MOST_NAMED = 10
_DAY = 86_400.0


def recover_outage_jobs(services: Services, *, include_optional: bool) -> Answer:
    dead, outages = services.queue.dead_letters, services.outages()
    ended = [(o.started_at, o.ended_at) for o in outages.records if o.ended_at is not None]
    if not ended:
        text = "Nothing to recover: no completed outage is recorded"
        return Answer(text, data={"recovered": 0})
    start, end = ended[-1]
    types = dlq_recovery.get_error_types_for_recovery(include_optional)
    letters = dlq_recovery.get_outage_dlq_entries(dead, start, end, types)
    health = check_plex_health(services.sessions.current().client)
    if not health.healthy:
        text = f"Nothing was changed, because {health.error}. Run the task again once Plex works"
        raise TaskError(text)
    result = dlq_recovery.recover_outage_jobs(
        services.queue, letters, plex_healthy=True, existing_scenes=services.scenes.read
    )
    if result.recovered:
        services.ensure_worker()
    counts = counts_text(
        (
            (result.recovered, "queued again"),
            (result.skipped_already_queued, "already queued"),
            (result.skipped_scene_missing, "deleted in Stash"),
            (result.failed, "failed"),
        )
    )
    ago = format_elapsed_since(end, services.clock())
    text = f"Dead letters of the outage that ended {ago}: {counts or 'none to queue again'}"
    types = dlq_recovery.OPTIONAL_RETRY_ERROR_TYPES
    optional = dlq_recovery.get_outage_dlq_entries(dead, start, end, types)
    left = 0 if include_optional else len(optional)
    if left:
        text += f". Left out: {counted(left, 'job')} that failed with a temporary error"
        text += ". To queue such jobs again, too, run 'Recover Outage Jobs (All Retryable)'"
    return Answer(text, data={"recovered": result.recovered, "left": left})


def retry_dlq(services: Services, *, scene_id: int | None, error_type: str) -> Answer:
    queue = services.queue
    stored_type = _stored_type(queue.dead_letters, error_type)
    letters = _chosen_letters(queue.dead_letters, scene_id, stored_type)
    if not letters:
        whose = "" if scene_id is None else f" of scene {scene_id}"
        text = f"Nothing to retry: no job{whose} failed permanently"
        return Answer(text, data=_data(dlq_recovery.RecoveryResult(), []))
    scenes = {letter.job.scene_id for letter in letters if letter.job}
    queued = sorted(get_queued_scene_ids(queue.connection).intersection(scenes))

    def existing_or_all(scene_ids: Sequence[int]) -> Collection[int]:
        try:
            return services.scenes.read(scene_ids)
        except StashError as error:
            services.log.warning(f"{error}. Queued without a check that Stash still has the scenes")
            return scene_ids

    result = dlq_recovery.recover_outage_jobs(
        queue, letters, plex_healthy=True, existing_scenes=existing_or_all
    )
    if result.recovered:
        services.ensure_worker()
    details = [f"Already queued: {_named(queued)}. A successful sync removes the failed job"]
    return Answer(
        _summary(result),
        details=details if queued else [],
        data=_data(result, queued),
        level=Level.WARNING if result.failed else Level.OK,
    )


def _stored_type(dead: DeadLetterQueue, error_type: str) -> str:
    present = dead.counts_by_type()
    if not error_type or not present:
        return ""
    for name in present:
        if name.casefold() == error_type.casefold():
            return name
    allowed = ", ".join(f"{number:,} {name}" for name, number in present.items())
    raise TaskError(
        f"No job failed permanently with the error type {error_type!r}. Failed jobs: {allowed}. "
        "To choose all, leave error_type empty"
    )


def _chosen_letters(
    dead: DeadLetterQueue, scene_id: int | None, error_type: str
) -> list[DeadLetter]:
    letters = dead.all() if scene_id is None else dead.of_scene(scene_id)
    return [letter for letter in letters if error_type in ("", letter.error_type)]


def _summary(result: dlq_recovery.RecoveryResult) -> str:
    gone = "whose scene is deleted in Stash ('Purge Old DLQ Entries' removes failed jobs)"
    left = (
        (result.skipped_already_queued, "whose scene is already queued"),
        (result.skipped_scene_missing, gone),
        (result.failed, "that cannot be read"),
    )
    rest = counts_text(left)
    again = f"{counted(result.recovered, 'failed job')} queued again"
    return f"{again}. Not queued: {rest}" if rest else again


def _named(scene_ids: Sequence[int]) -> str:
    named = ", ".join(map(str, scene_ids[:MOST_NAMED]))
    more = len(scene_ids) - MOST_NAMED
    scenes = "scene" if len(scene_ids) == 1 else "scenes"
    return f"{scenes} {named}{f' and {more:,} more' if more > 0 else ''}"


def _data(result: dlq_recovery.RecoveryResult, already_queued: Sequence[int]) -> dict[str, Any]:
    return {
        "requeued": result.recovered,
        "already_queued": result.skipped_already_queued,
        "not_in_stash": result.skipped_scene_missing,
        "unreadable": result.failed,
        "requeued_scene_ids": result.recovered_scene_ids,
        "already_queued_scene_ids": already_queued,
    }


def clear_dlq(services: Services) -> Answer:
    removed = services.queue.dead_letters.clear()
    return Answer(f"Removed {counted(removed, 'failed job')}", data={"removed": removed})


def purge_dlq(services: Services, *, days: int) -> Answer:
    dead = services.queue.dead_letters
    removed, left = dead.purge(services.clock() - days * _DAY), dead.count()
    return Answer(
        f"Removed {counted(removed, 'failed job')} older than {counted(days, 'day')}; "
        f"{left:,} left",
        data={"removed": removed, "left": left},
    )


def drop_dlq(services: Services, *, scene_id: int | None, error_type: str) -> Answer:
    if scene_id is None and not error_type:
        advice = "Nothing was removed: give scene_id, error_type or both"
        raise TaskError(f"{advice}. To remove all failed jobs, use the mode clear_dlq")
    dead = services.queue.dead_letters
    with services.queue.transaction():
        letters = _chosen_letters(dead, scene_id, error_type)
        removed = sum(dead.remove(letter.id) for letter in letters)
    return Answer(f"Removed {counted(removed, 'failed job')}", data={"removed": removed})
