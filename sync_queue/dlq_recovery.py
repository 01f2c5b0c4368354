"""Dead letters of an outage back into the queue, as far as that is safe (spec.md §7)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from sync_queue.dlq import DeadLetter, DeadLetterQueue
from sync_queue.manager import QueueManager

SAFE_RETRY_ERROR_TYPES = frozenset({"PlexServerDown"})
OPTIONAL_RETRY_ERROR_TYPES = frozenset({"PlexTemporaryError", "PlexNotFound"})
PERMANENT_ERROR_TYPES = frozenset({"PlexAuthError", "PlexPermanentError", "PlexPermissionError"})


@dataclass(slots=True)
class RecoveryResult:
    """What became of the dead letters; every one of them is counted once."""

    recovered: int = 0
    skipped_already_queued: int = 0
    skipped_plex_down: int = 0
    skipped_scene_missing: int = 0
    failed: int = 0
    recovered_scene_ids: list[int] = field(default_factory=list)


def get_error_types_for_recovery(include_optional: bool) -> frozenset[str]:
    """Return the types of error whose jobs may be repeated."""
    if include_optional:
        return SAFE_RETRY_ERROR_TYPES | OPTIONAL_RETRY_ERROR_TYPES
    return SAFE_RETRY_ERROR_TYPES


def get_outage_dlq_entries(
    dlq: DeadLetterQueue, start_time: float, end_time: float, error_types: Collection[str]
) -> list[DeadLetter]:
    """Return the dead letters of these types in the window, both ends inclusive, oldest first."""
    letters = dlq.between(start_time, end_time)
    return [letter for letter in letters if letter.error_type in error_types]


def recover_outage_jobs(
    queue: QueueManager,
    letters: Sequence[DeadLetter],
    *,
    plex_healthy: bool,
    existing_scenes: Callable[[Sequence[int]], Collection[int]],
) -> RecoveryResult:
    """Queue these dead letters again; each leaves in the transaction that queues it.

    Gates, in this order: Plex is healthy, the scene is not queued already, Stash still has it.
    Doing it twice changes nothing.

    Args:
        queue: the durable state.
        letters: which ones.
        plex_healthy: whether a probe succeeded just now.
        existing_scenes: returns which of these scenes Stash still has.

    Raises:
        StashError: Stash could not be asked; nothing was changed.
    """
    result = RecoveryResult()
    if not plex_healthy:
        result.skipped_plex_down = len(letters)
        return result
    queued = queue.queued_scene_ids()
    scenes = [one.job.scene_id for one in letters if one.job and one.job.scene_id is not None]
    existing = set(existing_scenes(sorted(set(scenes)))) if scenes else set()
    for letter in letters:
        job = letter.job
        if job is None or not job.job_key:
            result.failed += 1
        elif job.scene_id in queued:
            result.skipped_already_queued += 1
        elif job.scene_id is not None and job.scene_id not in existing:
            result.skipped_scene_missing += 1
        elif queue.revive(letter):
            result.recovered += 1
            if job.scene_id is not None:  # of a performer, studio or tag there is no scene
                result.recovered_scene_ids.append(job.scene_id)
                queued.add(job.scene_id)
        else:
            result.failed += 1
    return result
