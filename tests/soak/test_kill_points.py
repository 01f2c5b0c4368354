"""R1: SIGKILL at named points, every commit and every HTTP boundary on a job's way.

`tests.soak.seams` passes a named point at each effect on files, the database or a server. A case
runs once and records its points, then once more for each of them that no earlier case had, and the
process is killed there. The mark that the killed process leaves proves that the point was reached.
Real hooks, real workers, the real recover task.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import pytest

from simulators.plex import Request
from simulators.plex.faults import Where
from simulators.rig import Rig
from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.operations import FORGET, METADATA, enqueue, entity_job, scene_job
from sync_queue.quarantine import REBUILT_MARKER
from sync_queue.schema import IN_PROGRESS
from tests.soak.bench import Bench, until
from tests.soak.seams import OTHER, WORKER
from tests.sync_queue.support import spool

Prepare = Callable[[Bench, int], None]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, Any]) -> Iterator[Bench]:
    with Rig(tmp_path_factory.mktemp("kill_points") / "rig", **quick) as rig:
        bench = Bench(rig)
        yield bench
        bench.close()


@pytest.fixture(autouse=True)
def _tidy(bench: Bench) -> Iterator[None]:
    yield
    bench.tidy()


# -- what a worker is killed with in front of it ----------------------------------------------


def an_edit(bench: Bench, scene_id: int) -> None:
    bench.put(scene_id)


def a_temporary_error(bench: Bench, scene_id: int) -> None:
    bench.rig.plex.faults.status(500, kind="poster_upload", times=1)
    bench.put(scene_id)


def a_refusal(bench: Bench, scene_id: int) -> None:
    # Of an edit of seven fields: together, one by one, and an edit that changes nothing.
    bench.rig.plex.faults.status(400, kind="edit", times=9)
    bench.put(scene_id)


def a_dead_workers_job(bench: Bench, scene_id: int) -> None:
    bench.put(scene_id)
    bench.database.execute(f"UPDATE ack_queue_default SET status = {IN_PROGRESS}")


def a_dead_workers_job_and_a_newer_edit(bench: Bench, scene_id: int) -> None:
    a_dead_workers_job(bench, scene_id)
    bench.put(scene_id)


def a_row_that_is_no_job(bench: Bench, scene_id: int) -> None:
    bench.put(scene_id)
    bench.database.execute(
        "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, 0, 1)", (b"{}",)
    )


def a_job_in_the_spool(bench: Bench, scene_id: int) -> None:
    spool(bench.queue_folder, f"metadata.scene_{scene_id}")


def a_renamed_tag(bench: Bench, scene_id: int) -> None:
    bench.deliver(scene_id)
    (tag,) = bench.rig.stash.scene(scene_id).tag_ids
    bench.rig.stash.library.tags.update(tag, name=f"Renamed {tag}")
    enqueue(bench.database, [entity_job("tag", tag, time.time())], time.time())


def a_removed_scene(bench: Bench, scene_id: int) -> None:
    bench.deliver(scene_id)
    bench.rig.stash.remove_scene(scene_id)
    now = time.time()
    later = scene_job(scene_id, METADATA, now, due=now + 3000)
    enqueue(bench.database, [later, scene_job(scene_id, FORGET, now)], now)


@pytest.mark.parametrize(
    ("prepare", "least", "among"),
    [
        (an_edit, 30, "http:PUT /library/metadata/#:after"),
        (a_temporary_error, 4, "sql:UPDATE ack_queue_default data,status:after"),
        (a_refusal, 4, "sql:INSERT dead_letters:after"),
        (a_dead_workers_job, 1, "sql:UPDATE ack_queue_default data,status:after"),
        (a_dead_workers_job_and_a_newer_edit, 1, "sql:DELETE ack_queue_default:after"),
        (a_row_that_is_no_job, 1, "sql:INSERT dead_letters:after"),
        (a_job_in_the_spool, 3, "file:unlink ##-#-#.metadata.scene_#:after"),
        (a_renamed_tag, 4, "sql:INSERT ack_queue_default:after"),
        (a_removed_scene, 3, "sql:DELETE scene_log:after"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_worker_killed_anywhere_loses_nothing(
    bench: Bench, prepare: Prepare, least: int, among: str, subtests: pytest.Subtests
) -> None:
    bench.put(bench.next_scene())
    # What is learned about the server once is learned now, after the job: until the step's end.
    bench.events_during(WORKER, lambda: _one_drain(bench))
    scene_id = bench.next_scene()
    prepare(bench, scene_id)
    points = bench.record(WORKER, lambda: _one_drain(bench))
    bench.recover_and_judge(scene_id)
    assert len(points) >= least
    assert among in [point.name for point in points]

    for point in points:
        with subtests.test(point=str(point)):
            scene_id = bench.next_scene()
            prepare(bench, scene_id)
            bench.killer.arm(WORKER, point)

            bench.start_worker()
            bench.await_death()

            assert bench.killer.has_killed
            bench.recover_and_judge(scene_id)
            if prepare is a_removed_scene:
                _assert_forgotten(bench, scene_id)
        bench.tidy()


def _one_drain(bench: Bench) -> None:
    bench.start_worker()
    until(lambda: not bench.due() and bench.step_ended())
    assert bench.step_ended(), bench.rig.worker_log()
    bench.end_worker()


def _assert_forgotten(bench: Bench, scene_id: int) -> None:
    for table in ("sync_log", "scene_log"):
        count = f"SELECT COUNT(*) FROM {table} WHERE scene_id = ?"
        assert bench.database.execute(count, (scene_id,)).fetchone() == (0,)


# -- requests --------------------------------------------------------------------------------------


class Boundary(TypedDict):
    where: Where
    new_index: bool


def _locks(request: Request) -> bool:
    return request.param("thumb.locked") is not None


BOUNDARIES: dict[str, Boundary] = {
    "sections": {"where": {"kind": "sections", "times": 1}, "new_index": True},
    "listing": {"where": {"kind": "listing", "times": 1}, "new_index": True},
    "metadata": {"where": {"kind": "metadata", "times": 1}, "new_index": False},
    "edit": {"where": {"kind": "edit", "times": 1}, "new_index": False},
    "poster": {"where": {"kind": "poster_upload", "times": 1}, "new_index": False},
    "art": {"where": {"kind": "art_upload", "times": 1}, "new_index": False},
    "lock images": {"where": {"kind": "edit", "times": 1, "predicate": _locks}, "new_index": False},
}


@pytest.mark.parametrize("applied", [False, True], ids=["unapplied", "applied"])
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_kill_while_plex_answers_loses_no_job(bench: Bench, boundary: str, applied: bool) -> None:
    scene_id = bench.next_scene()
    bench.put(scene_id)
    chosen = BOUNDARIES[boundary]
    if chosen["new_index"]:
        for path in bench.rig.data.glob("library*"):
            path.unlink()
    hang = bench.rig.plex.faults.hang(applied=applied, **chosen["where"])

    pid = bench.start_worker()
    assert hang.wait_for_hit(timeout=15), bench.rig.worker_log()[-600:]
    if applied and boundary not in ("sections", "listing", "metadata"):
        assert until(lambda: _is_applied(bench, scene_id, boundary))
    os.kill(pid, signal.SIGKILL)
    bench.await_death()

    bench.recover_and_judge(scene_id)


def _is_applied(bench: Bench, scene_id: int, boundary: str) -> bool:
    item = bench.rig.item_of(scene_id)
    applied = {
        "edit": item.title == bench.rig.stash.scene(scene_id).title,
        "poster": item.poster is not None,
        "art": item.art is not None,
        "lock images": "thumb" in item.locks,
    }
    return applied[boundary]


# -- hooks -----------------------------------------------------------------------------------------


def test_a_kill_of_a_hook_loses_no_edit(bench: Bench, subtests: pytest.Subtests) -> None:
    scene_id = bench.next_scene()
    points = bench.record(OTHER, lambda: _edit(bench, scene_id))
    bench.recover_and_judge(scene_id)
    assert "file:fsync spool:after" in [point.name for point in points]
    kept: list[bool] = []

    for point in points:
        with subtests.test(point=str(point)):
            scene_id = bench.next_scene()
            bench.killer.arm(OTHER, point)

            _edit(bench, scene_id)

            assert bench.killer.has_killed
            assert bench.queued() <= 1
            kept.append(bench.queued() == 1)
            if not kept[-1]:
                assert _edit(bench, scene_id) == "queued"
            bench.recover_and_judge(scene_id)
        bench.tidy()

    assert kept == sorted(kept), "an edit was queued and gone again"
    assert kept[-1]


def test_a_kill_leaves_a_database_to_complete(bench: Bench, subtests: pytest.Subtests) -> None:
    bench.forget_database()
    points = bench.record(OTHER, lambda: bench.rig.task("queue_status", format="json"))
    bench.reopen()
    assert len(points) >= 4

    for point in points:
        with subtests.test(point=str(point)):
            scene_id = bench.next_scene()
            bench.forget_database()
            bench.killer.arm(OTHER, point)
            bench.rig.task("queue_status", format="json")
            assert bench.killer.has_killed
            assert _edit(bench, scene_id) == "queued"
            (bench.queue_folder / REBUILT_MARKER).unlink(missing_ok=True)
            bench.recover_and_judge(scene_id)
        bench.tidy()


def _edit(bench: Bench, scene_id: int) -> object:
    (run,) = bench.rig.stash.edit_scene(scene_id, title=f"Edit {time.monotonic()}")
    return run.result.output


def test_a_kill_of_a_hook_blocks_no_worker(bench: Bench, subtests: pytest.Subtests) -> None:
    scene_id = bench.next_scene()
    points = bench.record(OTHER, lambda: _edit_and_sync(bench, scene_id))
    bench.judge()
    bench.tidy()
    assert "process:spawn:after" in [point.name for point in points]

    for point in points:
        with subtests.test(point=str(point)):
            scene_id = bench.next_scene()
            bench.killer.arm(OTHER, point)
            bench.lock.release()

            _edit(bench, scene_id)
            assert bench.killer.has_killed
            _edit_and_sync(bench, bench.next_scene() if bench.queued() else scene_id)
            bench.judge()
        bench.tidy()


def _edit_and_sync(bench: Bench, scene_id: int) -> None:
    # What a point before this one asked for would have the worker queue all scenes anew.
    (bench.queue_folder / REBUILT_MARKER).unlink(missing_ok=True)
    bench.lock.release()
    _edit(bench, scene_id)
    assert until(lambda: not bench.queued()), bench.rig.worker_log()[-1500:]
    bench.rig.stop_worker()
    bench.await_death()


# -- the recover task ----------------------------------------------------------------------------


def test_a_kill_of_a_recovery_loses_no_letter(bench: Bench, subtests: pytest.Subtests) -> None:
    _recover(bench)  # the first task of all shows the settings' defaults
    scene_id = bench.next_scene()
    _bury_in_an_outage(bench, scene_id)
    points = bench.record(OTHER, lambda: _recover(bench))
    bench.recover_and_judge(scene_id)
    assert "sql:DELETE dead_letters:after" in [point.name for point in points]

    for point in points:
        with subtests.test(point=str(point)):
            scene_id = bench.next_scene()
            _bury_in_an_outage(bench, scene_id)
            bench.killer.arm(OTHER, point)

            _recover(bench)

            assert bench.killer.has_killed
            assert bench.queued() + bench.dead_letters() == 1
            bench.recover_and_judge(scene_id)
            assert bench.dead_letters() == 0
        bench.tidy()


def _recover(bench: Bench) -> None:
    bench.rig.task("recover_outage_jobs")


def _bury_in_an_outage(bench: Bench, scene_id: int) -> None:
    now = time.time()
    manager = QueueManager(str(bench.queue_folder))
    bench.put(scene_id)
    (claim,) = manager.claim(1)
    manager.dead_letter(claim, Failure("PlexServerDown", "away"))
    manager.close()
    outage = {"started_at": now - 60, "ended_at": now + 60, "jobs_affected": 1}
    (bench.rig.data / "outage_history.json").write_text(json.dumps([outage]))
