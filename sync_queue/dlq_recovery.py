from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from sync_queue.dlq import DeadLetter, DeadLetterQueue
from sync_queue.manager import QueueManager
from sync_queue.operations import get_queued_scene_ids

SAFE_RETRY_ERROR_TYPES = frozenset({"PlexServerDown"})
OPTIONAL_RETRY_ERROR_TYPES = frozenset({"PlexTemporaryError", "PlexNotFound"})


@dataclass(slots=True)
class RecoveryResult:
    recovered: int = 0
    skipped_already_queued: int = 0
    skipped_plex_down: int = 0
    skipped_scene_missing: int = 0
    failed: int = 0
    recovered_scene_ids: list[int] = field(default_factory=list)


def get_error_types_for_recovery(include_optional: bool) -> frozenset[str]:
    optional = OPTIONAL_RETRY_ERROR_TYPES if include_optional else frozenset[str]()
    return SAFE_RETRY_ERROR_TYPES | optional


def get_outage_dlq_entries(
    dlq: DeadLetterQueue, start_time: float, end_time: float, error_types: Collection[str]
) -> list[DeadLetter]:
    letters = dlq.between(start_time, end_time)
    return [letter for letter in letters if letter.error_type in error_types]


def recover_outage_jobs(
    queue: QueueManager,
    letters: Sequence[DeadLetter],
    *,
    plex_healthy: bool,
    existing_scenes: Callable[[Sequence[int]], Collection[int]],
) -> RecoveryResult:
    result = RecoveryResult()
    if not plex_healthy:
        result.skipped_plex_down = len(letters)
        return result
    queued = get_queued_scene_ids(queue.connection)
    jobs = [letter.job for letter in letters if letter.job is not None]
    scenes = {job.scene_id for job in jobs if job.scene_id is not None}
    existing = set(existing_scenes(sorted(scenes)) if scenes else ())
    for letter in letters:
        scene_id = letter.job.scene_id if letter.job else None
        if scene_id in queued:
            result.skipped_already_queued += 1
        elif scene_id is not None and scene_id not in existing:
            result.skipped_scene_missing += 1
        elif not queue.requeue(letter):
            result.failed += 1
        else:
            result.recovered += 1
            if scene_id is not None:
                result.recovered_scene_ids.append(scene_id)
                queued.add(scene_id)
    return result
