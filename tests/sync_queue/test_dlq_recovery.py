"""Dead letters of an outage back into the queue: which, past which gates, and never half."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import pytest

from sync_queue.dlq import DeadLetter, Failure
from sync_queue.dlq_recovery import (
    OPTIONAL_RETRY_ERROR_TYPES,
    SAFE_RETRY_ERROR_TYPES,
    RecoveryResult,
    get_error_types_for_recovery,
    get_outage_dlq_entries,
    recover_outage_jobs,
)
from sync_queue.manager import QueueManager
from sync_queue.models import MISSING_SINCE, TRY_REFUSED, SyncJob
from sync_queue.operations import entity_job, get_queued_scene_ids
from tests.sync_queue.support import NOW, Clock, job, rows

DOWN = "PlexServerDown"
Existing = Callable[[Sequence[int]], Collection[int]]


def bury(queue: QueueManager, scene_id: int, error_type: str = DOWN, at: float = NOW) -> None:
    dead = job(scene_id)
    dead = replace(dead, retry_count=5, next_retry_at=at, last_error_type=error_type)
    queue.dead_letters.add(dead, Failure(error_type, "it was away"), at)


def letters(queue: QueueManager) -> list[DeadLetter]:
    return queue.dead_letters.between(0, 2 * NOW)


def everything(scene_ids: Sequence[int]) -> Collection[int]:
    return scene_ids


def nobody_is_asked(scene_ids: Sequence[int]) -> Collection[int]:
    pytest.fail(f"Stash was asked for {scene_ids}")


def recover(
    queue: QueueManager, existing: Existing = everything, *, healthy: bool = True
) -> RecoveryResult:
    return recover_outage_jobs(
        queue, letters(queue), plex_healthy=healthy, existing_scenes=existing
    )


def test_safe_types_alone_unless_more_is_asked_for_and_permanent_ones_never() -> None:
    assert get_error_types_for_recovery(include_optional=False) == SAFE_RETRY_ERROR_TYPES
    wide = get_error_types_for_recovery(include_optional=True)
    assert wide == SAFE_RETRY_ERROR_TYPES | OPTIONAL_RETRY_ERROR_TYPES
    assert not wide & {"PlexAuthError", "PlexPermanentError", "PlexPermissionError"}


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.999])
@pytest.mark.parametrize(
    ("after", "inside"), [(-1, False), (0, True), (30, True), (60, True), (61, False)]
)
def test_the_window_holds_both_of_its_ends_also_between_two_seconds(
    queue: QueueManager, after: float, inside: bool, fraction: float
) -> None:
    start = NOW + fraction
    bury(queue, 1, at=start + after)
    found = get_outage_dlq_entries(queue.dead_letters, start, start + 60, {DOWN})
    assert bool(found) is inside


def test_the_oldest_comes_first_and_other_types_stay_out(queue: QueueManager) -> None:
    bury(queue, 3, at=NOW + 2)
    bury(queue, 1, at=NOW + 1)
    bury(queue, 2, "PlexPermanentError", at=NOW + 1)
    found = get_outage_dlq_entries(queue.dead_letters, NOW, NOW + 60, {DOWN})
    assert [one.job.scene_id for one in found if one.job] == [1, 3]


def test_with_plex_away_nobody_is_asked_and_nothing_changes(queue: QueueManager) -> None:
    bury(queue, 1)
    bury(queue, 2)
    before = letters(queue)

    result = recover(queue, nobody_is_asked, healthy=False)

    assert result == RecoveryResult(skipped_plex_down=2)
    assert letters(queue) == before
    assert rows(queue) == []


def test_being_queued_is_looked_at_before_being_in_stash(queue: QueueManager) -> None:
    queue.enqueue([job(1)])
    bury(queue, 1)
    assert recover(queue, lambda _ids: []) == RecoveryResult(skipped_already_queued=1)
    assert len(letters(queue)) == 1


def test_stash_is_asked_once_for_all_scenes_and_each_only_once(queue: QueueManager) -> None:
    for scene_id, kind in ((2, DOWN), (1, DOWN), (1, "PlexTemporaryError")):
        bury(queue, scene_id, kind)
    asked: list[list[int]] = []

    def existing(scene_ids: Sequence[int]) -> Collection[int]:
        asked.append(list(scene_ids))
        return scene_ids

    recover(queue, existing)

    assert asked == [[1, 2]]


def test_stash_being_away_changes_nothing(queue: QueueManager) -> None:
    bury(queue, 1)

    def away(_ids: Sequence[int]) -> Collection[int]:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        recover(queue, away)
    assert len(letters(queue)) == 1
    assert rows(queue) == []


def test_two_letters_of_one_scene_become_one_job(queue: QueueManager) -> None:
    bury(queue, 1, DOWN)
    bury(queue, 1, "PlexTemporaryError")
    result = recover(queue)
    assert (result.recovered, result.skipped_already_queued) == (1, 1)
    assert [one["scene_id"] for _, one, _ in rows(queue)] == [1]


def test_every_letter_is_counted_once(queue: QueueManager) -> None:
    queue.enqueue([job(1)])
    for scene_id in range(1, 6):
        bury(queue, scene_id)
    nameless = SyncJob(job_id="7", job_key="", update_type="metadata")
    queue.dead_letters.add(nameless, Failure(DOWN, "no scene"), NOW)

    result = recover(queue, lambda ids: [one for one in ids if one != 3])

    assert result == RecoveryResult(
        recovered=3,
        skipped_already_queued=1,
        skipped_scene_missing=1,
        failed=1,
        recovered_scene_ids=[2, 4, 5],
    )
    assert get_queued_scene_ids(queue.connection) == {1, 2, 4, 5}
    assert len(letters(queue)) == 3


def test_the_job_of_a_tag_is_of_no_scene_that_stash_could_lack(queue: QueueManager) -> None:
    of_a_tag = entity_job("tag", 5, NOW)
    queue.dead_letters.add(of_a_tag, Failure(DOWN, "as it was"), NOW)

    assert recover(queue, nobody_is_asked) == RecoveryResult(recovered=1)
    assert [one["job_key"] for _, one, _ in rows(queue)] == ["tag_5"]
    assert letters(queue) == []


def test_what_holds_no_job_is_a_failure_and_stays(queue: QueueManager) -> None:
    bury(queue, 1)
    with queue.transaction():
        queue.connection.execute("UPDATE dead_letters SET job_data = 'no json'")
    assert recover(queue, nobody_is_asked) == RecoveryResult(failed=1)
    assert len(letters(queue)) == 1


def test_a_letter_that_somebody_took_meanwhile_is_a_failure_and_no_job(queue: QueueManager) -> None:
    bury(queue, 1)
    known = letters(queue)
    queue.dead_letters.clear()
    result = recover_outage_jobs(queue, known, plex_healthy=True, existing_scenes=everything)
    assert result == RecoveryResult(failed=1)
    assert rows(queue) == []


def test_a_second_time_changes_nothing(queue: QueueManager) -> None:
    for scene_id in (1, 2):
        bury(queue, scene_id)
    known = letters(queue)
    assert recover(queue).recovered == 2
    before = rows(queue)

    again = recover_outage_jobs(queue, known, plex_healthy=True, existing_scenes=everything)

    assert again == RecoveryResult(skipped_already_queued=2)
    assert rows(queue) == before
    assert recover(queue) == RecoveryResult()


def test_a_recovered_job_starts_afresh(queue: QueueManager, clock: Clock) -> None:
    bury(queue, 1)
    with queue.transaction() as _:
        queue.connection.execute(
            "UPDATE dead_letters SET job_data = json_set(job_data, ?, ?, ?, json('true'))",
            (f"$.data.{MISSING_SINCE}", NOW, "$.data.cover_changed"),
        )
    recover(queue)
    ((_, fresh, _),) = rows(queue)
    assert (fresh["retry_count"], fresh["next_retry_at"], fresh["last_error_type"]) == (0, 0, None)
    assert fresh["data"] == {"cover_changed": True, TRY_REFUSED: NOW}
    assert queue.stats() == {"pending": 1, "retrying": 0, "in_progress": 0}
    assert clock() == NOW


class CrashError(Exception):
    pass


def test_a_letter_leaves_with_its_job(queue: QueueManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the job cannot be stored, the letter is still there."""
    bury(queue, 1)

    def put(*_: object) -> bool:
        assert letters(queue) == [], "it has left, inside the transaction"
        raise CrashError

    monkeypatch.setattr("sync_queue.operations.put", put)
    with pytest.raises(CrashError):
        recover(queue)
    assert len(letters(queue)) == 1
    assert rows(queue) == []


def test_nobody_else_sees_a_scene_in_both_places_or_in_none(
    queue: QueueManager, folder: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scene_id in (1, 2):
        bury(queue, scene_id)
    other = QueueManager(folder, clock)
    seen: list[tuple[int, int]] = []
    remove = queue.dead_letters.remove

    def looked_at(letter_id: int) -> bool:
        removed = remove(letter_id)
        seen.append((len(letters(other)), other.waiting()))
        return removed

    monkeypatch.setattr(queue.dead_letters, "remove", looked_at)
    recover(queue)
    assert seen == [(2, 0), (1, 1)]
    assert (len(letters(other)), other.waiting()) == (0, 2)
    other.close()
