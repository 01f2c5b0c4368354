import time
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from sync_queue.database import connect
from sync_queue.dlq import Failure
from sync_queue.manager import LARGEST_LOG_BYTES, QueueManager
from sync_queue.models import Claim
from sync_queue.operations import clear_pending_items, get_stats
from tests.sync_queue.support import NOW, Clock, job, postponed, write_row

HOUR = 3600.0


def delay(queue: QueueManager, until: float, error_type: str, *scenes: int) -> None:
    queue.enqueue([job(scene) for scene in scenes])
    for claim in queue.claim(len(scenes)):
        queue.release([postponed(claim, until, error_type)])


def scenes_due(queue: QueueManager) -> list[int | None]:
    return [claim.job.scene_id for claim in queue.claim(99)]


@pytest.mark.parametrize("before", range(1, 4), ids=["first", "second", "third"])
@pytest.mark.parametrize("taken", [False, True], ids=["given back", "taken"])
def test_a_job_that_changes_hands_while_they_are_counted_is_counted_once(
    queue: QueueManager, folder: str, taken: bool, before: int
) -> None:
    """Else somebody is told that all is in Plex, or a task that waits for the last one ends."""
    queue.enqueue([job(1)])
    claims = queue.claim(1)
    if taken:
        queue.release(claims)
    statements = count(1)

    def change_hands(_statement: str) -> None:
        if next(statements) == before:
            if taken:
                queue.claim(1)
            else:
                queue.release(claims)

    with closing(connect(str(Path(folder) / "data.db"))) as connection:
        connection.set_trace_callback(change_hands)
        counts = get_stats(connection, NOW)
        connection.set_trace_callback(None)

    assert sum(counts.values()) == 1


def test_clearing_keeps_jobs_in_progress(queue: QueueManager, clock: Clock, folder: str) -> None:
    delay(queue, clock() + HOUR, "PlexNotFound", 1)
    queue.enqueue([job(2)])
    queue.claim(1)
    queue.enqueue([job(3), job(4)])
    foreign = write_row(folder, b"\x80\x04 a pickle")
    assert clear_pending_items(queue.connection) == 3
    assert queue.stats() == {"pending": 0, "retrying": 0, "in_progress": 1}
    assert clear_pending_items(queue.connection) == 0
    found = queue.connection.execute("SELECT _id FROM ack_queue_default").fetchall()
    assert (foreign,) in found


def test_a_job_beyond_any_back_off_is_made_due(queue: QueueManager, clock: Clock) -> None:
    """As after a clock that was set back by a year."""
    delay(queue, clock() + 365 * 24 * HOUR, "PlexTemporaryError", 1)
    delay(queue, clock() + 60, "PlexTemporaryError", 2)
    assert queue.cap_waits(HOUR) == 1
    assert scenes_due(queue) == [1]
    clock.now += 60
    assert scenes_due(queue) == [2]


def test_a_job_made_due_keeps_its_other_values(queue: QueueManager, clock: Clock) -> None:
    queue.enqueue([job(1, hint="Ünï ☃", missing=True)])
    (before,) = queue.claim(1)
    late = postponed(before, clock() + 99 * HOUR, "PlexNotFound")
    queue.release([late])
    queue.cap_waits(HOUR)
    (after,) = queue.claim(1)
    assert after == Claim(before.row_id, replace(late.job, next_retry_at=0.0))


def test_jobs_of_an_error_are_made_due(queue: QueueManager, clock: Clock) -> None:
    delay(queue, clock() + HOUR, "PlexNotFound", 1, 2)
    delay(queue, clock() + HOUR, "PlexTemporaryError", 3)
    missing = queue.waiting_with_error("PlexNotFound")
    assert [claim.job.scene_id for claim in missing] == [1, 2]
    assert queue.waiting_with_error("KeyError") == []
    assert queue.stats()["retrying"] == 3
    queue.make_due_now([missing[1].row_id])
    assert scenes_due(queue) == [2]


def test_hurrying_a_job_in_progress_or_gone_changes_nothing(queue: QueueManager) -> None:
    queue.enqueue([job(1)])
    (claim,) = queue.claim(1)
    queue.make_due_now([claim.row_id, 999])
    assert queue.stats() == {"pending": 0, "retrying": 0, "in_progress": 1}


def bury(queue: QueueManager, scene: int) -> None:
    queue.enqueue([job(scene)])
    queue.dead_letter(queue.claim(1)[0], Failure("PlexServerDown", "m"))


def test_purging_removes_older_letters_only(queue: QueueManager, clock: Clock) -> None:
    for minute, scene in enumerate((1, 2, 3)):
        clock.now = NOW + 60 * minute
        bury(queue, scene)
    assert queue.dead_letters.purge(NOW + 60) == 1
    assert queue.dead_letters.count() == 2
    assert queue.dead_letters.clear() == 2
    assert queue.dead_letters.count() == 0


@pytest.mark.parametrize("switch", [1_743_296_400.0, 1_761_440_400.0], ids=["spring", "autumn"])
def test_the_hour_that_daylight_saving_skips_or_repeats_changes_no_window(
    queue: QueueManager, clock: Clock, switch: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for number, minutes in enumerate((-90, -30, 30, 90), start=1):
            clock.now = switch + 60 * minutes
            bury(queue, number)
        letters = queue.dead_letters.between(switch - 3600, switch + 3600)
        assert [letter.job and letter.job.scene_id for letter in letters] == [2, 3]
        assert queue.dead_letters.purge(switch) == 2
        queue.enqueue([job(9, at=clock.now)])
        queue.release([postponed(claim, switch + 90 * 60 + 10) for claim in queue.claim(9)])
        assert queue.claim(9) == []
        clock.now += 10
        assert scenes_due(queue) == [9]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_write_ahead_log_shrinks_after_bulk_edits(queue: QueueManager, folder: str) -> None:
    log = Path(folder) / "data.db-wal"
    queue.enqueue([job(scene, hint="x" * 9000) for scene in range(1500)])
    assert log.stat().st_size > LARGEST_LOG_BYTES
    queue.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    queue.enqueue([job(1)])
    assert log.stat().st_size <= LARGEST_LOG_BYTES
