"""The one worker's place: whom it makes room for, and when it takes it again."""

import os
import signal

import pytest

from shared.file_lock import FileLock
from shared.files import acquire
from simulators.rig import Rig
from simulators.tuning import Tuning
from worker import pauses


def is_free(rig: Rig) -> bool:
    lock = FileLock(str(rig.data / "worker.lock"))
    try:
        return lock.try_acquire()
    finally:
        lock.release()


FIRST_PAUSE, LONGEST_PAUSE = 0.1, 0.4  # seconds


def hurry(rig: Rig) -> None:
    rig.tune(Tuning(first_pause=FIRST_PAUSE, longest_pause=LONGEST_PAUSE, shortest_probe=0.2))


def cut_off_from_stash(rig: Rig) -> tuple[int, int]:
    hurry(rig)
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="Before")
    assert rig.happened("plex_failed")
    (worker,) = rig.worker_pids()
    return scene_id, worker


@pytest.mark.parametrize("by", ["a hook", "a task"])
def test_a_new_address_of_stash_is_used_from_the_next_edit_or_task(rig: Rig, by: str) -> None:
    scene_id, worker = cut_off_from_stash(rig)
    rig.stash.move()
    rig.plex.start()
    assert rig.happened("sync_paused", kind="stash")

    if by == "a hook":
        rig.stash.edit_scene(scene_id, title="After")
    else:
        rig.stash.update_scene(scene_id, title="After")
        rig.task("queue_status")

    assert rig.wait_until(lambda: rig.item_of(scene_id).title == "After"), rig.worker_log()
    assert rig.worker_pids() == [worker]


def _note_pauses(begun: str) -> None:
    begin = pauses.Pauses.begin

    def begins(self: pauses.Pauses, reason: str, kind: str, error: Exception) -> None:
        begin(self, reason, kind, error)
        with open(begun, "a") as file:
            file.write(f"{self.seconds_left:.1f} ")

    pauses.Pauses.begin = begins  # type: ignore[method-assign]


def test_a_stash_that_stays_away_is_awaited_by_one_process_that_says_so_once(rig: Rig) -> None:
    """Its pauses grow."""
    begun = rig.data / "pauses"
    rig.alter(pauses, _note_pauses, begun=str(begun))
    scene_id, worker = cut_off_from_stash(rig)
    rig.stash.update_scene(scene_id, title="After")
    rig.stash.stop()
    rig.plex.start()
    assert rig.happened("sync_paused", kind="stash")
    assert rig.wait_until(lambda: begun.exists() and len(begun.read_text().split()) >= 6)
    assert rig.worker_pids() == [worker]
    delays = [float(one) for one in begun.read_text().split()]
    assert delays == [
        min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**number) for number in range(len(delays))
    ]

    rig.stash.start()

    assert rig.wait_until(lambda: rig.item_of(scene_id).title == "After")
    assert len(rig.events("sync_paused")) == 1
    assert len(rig.events("worker_started")) == 1
    assert rig.worker_pids() == [worker]


def test_a_worker_that_made_room_for_nobody_goes_on_or_ends_by_signal(rig: Rig) -> None:
    scene_id, worker = cut_off_from_stash(rig)
    task = FileLock(str(rig.data / "takeover.lock"))
    acquire(task)
    assert rig.wait_until(lambda: is_free(rig))
    rig.plex.start()

    task.release()  # it gave up a moment before

    assert rig.wait_until(lambda: rig.item_of(scene_id).title == "Before" and rig.queued() == 0)
    assert rig.worker_pids() == [worker]

    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="After")
    acquire(task)
    assert rig.wait_until(lambda: is_free(rig))
    os.kill(worker, signal.SIGTERM)

    assert rig.happened("worker_ended", outcome="stopped")
    assert rig.wait_until(lambda: not rig.worker_pids())
    assert rig.wait_until(lambda: rig.queued() == 1)
    task.release()
