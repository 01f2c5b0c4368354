"""Another program holds the queue's database: the worker waits for it, and goes on by itself."""

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulators.rig import Rig
from simulators.tuning import Tuning
from tests.e2e.steps import hang_in_edit, synced_pair
from tests.e2e.test_outages import quicken


@contextmanager
def held(rig: Rig, *, reads_too: bool) -> Iterator[None]:
    """Hold it as a backup tool may: against writers, or against all that is not connected yet."""
    holder = sqlite3.connect(rig.data / "queue" / "data.db", isolation_level=None, timeout=10)
    try:
        if reads_too:
            holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE" if reads_too else "BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


def impatient(rig: Rig) -> None:
    quicken(rig)
    rig.tune(Tuning(busy_timeout=0.2))


@pytest.mark.parametrize("reads_too", [False, True], ids=["against writers", "against all"])
def test_a_starting_worker_waits_for_a_held_database(rig: Rig, reads_too: bool) -> None:
    impatient(rig)
    scene_id, item = synced_pair(rig)
    rig.stop_worker()

    with held(rig, reads_too=reads_too):
        run = rig.stash.edit_scene(scene_id, title="Two")[0].result
        assert run.output == "queued"
        assert rig.happened("sync_paused", kind="database")
        (waiting,) = rig.worker_pids()

    assert rig.wait_until(lambda: item.title == "Two")
    assert rig.worker_pids() == [waiting]
    assert len(rig.events("sync_paused")) == 1
    assert rig.events("worker_failed") == []


def test_a_worker_that_runs_while_the_database_is_held_goes_on_afterwards(rig: Rig) -> None:
    impatient(rig)
    scene_id, item = synced_pair(rig)
    (running,) = rig.worker_pids()
    fault = hang_in_edit(rig, scene_id, title="Two")

    with held(rig, reads_too=False):
        fault.release()
        assert rig.happened("sync_paused", kind="database")

    assert rig.wait_until(lambda: item.title == "Two" and rig.queued() == 0)
    assert rig.worker_pids() == [running]
    assert len(rig.events("sync_paused")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_worker_that_is_told_to_stop_names_this_as_its_end(rig: Rig) -> None:
    impatient(rig)
    scene_id, _ = synced_pair(rig)
    rig.stop_worker()

    with held(rig, reads_too=True):
        rig.stash.edit_scene(scene_id, title="Two")
        assert rig.happened("sync_paused", kind="database")
        os.kill(rig.worker_pids()[0], signal.SIGTERM)
        assert rig.wait_until(lambda: rig.worker_pids() == [])

    assert rig.events("worker_ended")[-1]["outcome"] == "stopped"
