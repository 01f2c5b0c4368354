"""R4: two workers at once, one that wakes late, and hooks that commit while a worker leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time

from shared.file_lock import FileLock
from shared.files import acquire
from simulators.fork_server import ForkServer
from simulators.rig import Rig
from simulators.tuning import Tuning
from sync_queue.spool import elect, store
from tests.shared.locks import close_without_unlocking
from tests.soak.bench import until

ROUNDS = 1000 if os.environ.get("SOAK") else 30


def second_worker(rig: Rig) -> int:
    """Run another worker that has to elect itself, to its end; return its exit status."""
    script = rig.manifest.directory / "Stash2Plex.py"
    done = subprocess.run(
        [sys.executable, str(script), "--worker"],
        input=json.dumps(rig.stash.server_connection()).encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == b""
    return done.returncode


def started(rig: Rig) -> int:
    return len(rig.events("worker_started"))


def edits_of(rig: Rig, key: int) -> list[str | None]:
    found = rig.plex.log.select("edit", status=200)
    return [one.param("title.value") for one in found if one.item_ids == str(key)]


def test_a_second_worker_does_not_run_beside_the_first(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    hang = rig.plex.faults.hang(kind="edit", times=1)
    rig.stash.edit_scene(scene_id, title="One")
    assert hang.wait_for_hit(timeout=20)

    assert [second_worker(rig) for _ in range(3)] == [0, 0, 0]

    assert started(rig) == 1
    hang.release()
    assert rig.settled()
    assert edits_of(rig, item.rating_key) == ["One"]


def test_nobody_works_for_a_worker_that_sleeps_and_it_goes_on_where_it_was(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    other, other_item = rig.add_pair("b", tags=["T"])
    hang = rig.plex.faults.hang(kind="edit", times=1)
    rig.stash.edit_scene(scene_id, title="One")
    assert hang.wait_for_hit(timeout=20)
    (worker,) = rig.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    try:
        rig.stash.edit_scene(scene_id, title="Two")
        rig.stash.edit_scene(other, title="Other")
        assert second_worker(rig) == 0
        hang.release()
        assert rig.plex.log.wait_until_idle()
        assert rig.worker_pids() == [worker]
        assert rig.wait_until(lambda: rig.queued() == 3)
    finally:
        os.kill(worker, signal.SIGCONT)

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert rig.verdict().agree, rig.verdict().differences
    assert started(rig) == 1
    assert edits_of(rig, item.rating_key) == ["One", "Two"]
    assert edits_of(rig, other_item.rating_key) == ["Other"]


def test_a_worker_that_was_killed_in_its_sleep_is_replaced_by_the_next_hook(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    hang = rig.plex.faults.hang(kind="edit", times=1)
    rig.stash.edit_scene(scene_id, title="One")
    assert hang.wait_for_hit(timeout=20)
    (worker,) = rig.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    lock = FileLock(str(rig.data / "worker.lock"))
    acquire(lock)
    lock.release()

    rig.stash.edit_scene(scene_id, title="Two")

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert rig.verdict().agree, rig.verdict().differences
    assert edits_of(rig, item.rating_key) == ["Two"]
    assert started(rig) == 2


def test_no_job_is_stranded_by_a_worker_that_leaves_while_a_hook_commits(rig: Rig) -> None:
    """A hook stores its job, then elects a worker, at random moments of the worker's leave."""
    rig.tune(Tuning(linger=0.0))
    scene_id, item = rig.add_pair("a", tags=["T"])
    spool = str(rig.data / "queue" / "spool")
    os.makedirs(spool, mode=0o700)
    lock_path, rng = str(rig.data / "worker.lock"), random.Random(5)
    server = ForkServer(rig.manifest.directory)
    stdin = json.dumps(rig.stash.server_connection()).encode()
    relied = 0

    for number in range(ROUNDS):
        rig.stash.update_scene(scene_id, title=f"Title {number}")
        store(spool, [f"metadata.scene_{scene_id}"])
        lock = FileLock(lock_path)
        if elect(lock, spool, stdin):
            assert lock.descriptor is not None
            server.start_worker(lock.descriptor, stdin)
            close_without_unlocking(lock)
        else:
            relied += 1
        title = f"Title {number}"
        shown = until(lambda title=title: item.title == title)  # type: ignore[misc]
        assert shown, (number, rig.worker_log()[-500:])
        time.sleep(rng.uniform(0, 0.012))  # a random moment of its leave

    assert until(lambda: rig.queued() == 0)
    assert relied > 0, "no commit met a worker that was leaving"
    server.close()
    _await_end(lock_path)


def _await_end(lock_path: str) -> None:
    lock = FileLock(lock_path)
    assert until(lock.try_acquire)
    lock.release()
