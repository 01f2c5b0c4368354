"""The worker in the world as it is: outages, kills, restarts, log-ins that end."""

import os
import signal
import time
from typing import Any

from app import services
from simulators.rig import Rig, png
from tests.conftest import MakeRig
from tests.e2e.steps import dead_scenes, hang_in_edit, settle, sync_all, sync_title, synced_pair
from tests.e2e.test_outages import quicken


def test_ten_edits_of_a_scene_while_plex_is_down_are_one_job_and_one_put(rig: Rig) -> None:
    quicken(rig)
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.plex.stop()

    for number in range(10):
        rig.stash.edit_scene(scene_id, title=f"Title {number}")

    # One that came while the worker had the others in hand joins them when it gives them back.
    assert rig.wait_until(lambda: rig.queued() == 1)
    rig.plex.start()
    assert rig.wait_until(lambda: item.title == "Title 9")
    settle(rig)
    assert rig.plex.log.count("edit", status=200) == 1


def test_the_sum_of_a_drain_does_not_wait_for_the_idle_minute(rig: Rig) -> None:
    ids = rig.add_library(8, covers=False)
    sync_all(rig)
    assert rig.happened("drain_ended")
    earlier = len(rig.events("drain_ended"))

    rig.stash.edit_scenes(ids, title="Uno")

    assert rig.happened("drain_ended", count=earlier + 1, timeout=25)
    assert rig.events("drain_ended")[-1]["seconds"] < 20


def test_an_edit_made_while_its_scene_is_being_synced_arrives_too(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    hang = hang_in_edit(rig, scene_id, title="First")

    rig.stash.edit_scene(scene_id, title="Second")
    hang.release()

    assert rig.wait_until(lambda: item.title == "Second")


def test_a_worker_killed_in_the_middle_of_a_write_loses_nothing(rig: Rig) -> None:
    ids = rig.add_library(20)
    hang = rig.plex.faults.hang(kind="edit", times=1)
    rig.task("all")
    assert hang.wait_for_hit(timeout=20)

    rig.stop_worker()
    hang.release()
    rig.stash.edit_scene(ids[-1], title="Wakes another worker")

    settle(rig)


def test_a_stopped_worker_ends_after_the_scene_in_hand_and_keeps_the_rest(rig: Rig) -> None:
    rig.add_library(10)
    hang = rig.plex.faults.hang(kind="edit", times=1)
    rig.task("all")
    assert hang.wait_for_hit(timeout=20)

    for pid in rig.worker_pids():
        os.kill(pid, signal.SIGTERM)
    hang.release()

    assert rig.happened("worker_ended", outcome="stopped")
    with rig.database() as database:
        states = dict(database.execute("SELECT status, COUNT(*) FROM ack_queue_default GROUP BY 1"))
    assert sum(states.values()) >= 5  # the signal may reach it a few scenes late
    assert 2 not in states


def _wait_before_the_drain(reached: str, held: str) -> None:
    import_legacy_data = services.import_legacy_data

    def waiting(*arguments: Any) -> None:
        with open(reached, "w"):
            pass
        while os.path.exists(held):
            time.sleep(0.01)
        import_legacy_data(*arguments)

    services.import_legacy_data = waiting  # type: ignore[assignment]


def test_a_signal_ends_a_worker_that_is_still_starting(rig: Rig) -> None:
    rig.data.mkdir(parents=True)
    reached, held = rig.data / "reached", rig.data / "held"
    rig.alter(services, _wait_before_the_drain, reached=str(reached), held=str(held))
    held.touch()
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="T")
    assert rig.wait_until(reached.exists)

    os.kill(rig.worker_pids()[0], signal.SIGTERM)
    held.unlink()

    assert rig.wait_until(lambda: not rig.worker_pids())


def test_scenes_that_vanished_from_stash_fail_nobody_else(rig: Rig) -> None:
    quicken(rig)
    ids = rig.add_library(6, covers=False)
    rig.plex.stop()
    rig.stash.edit_scenes(ids, tags=["T"])
    gone = rig.stash.remove_scene(ids[2])
    rig.plex.start()

    settle(rig)
    assert rig.events("job_done", scene=gone.id)


def test_a_cookie_that_ended_is_no_end_where_stash_has_an_api_key(make_rig: MakeRig) -> None:
    now = [1_800_000_000.0]
    rig = make_rig(stash={"username": "me", "api_key": "key-0123456789", "now": lambda: now[0]})
    scene_id, item = synced_pair(rig, cover=png(3))
    (worker,) = rig.worker_pids()

    now[0] += 7200
    rig.stash.edit_scene(scene_id, title="Two", cover=png(4))

    assert rig.wait_until(lambda: item.title == "Two" and item.poster == png(4))
    assert rig.worker_pids() == [worker]


def test_a_hook_brings_a_fresh_session_to_a_worker_whose_own_ended(make_rig: MakeRig) -> None:
    now = [1_800_000_000.0]
    rig = make_rig(stash={"username": "me", "now": lambda: now[0]})
    scene_id, item = synced_pair(rig)

    now[0] += 7200
    rig.stash.edit_scene(scene_id, title="Two")

    assert rig.wait_until(lambda: item.title == "Two")
    # Where the hook got the lock first, the refused worker ends beside the new one.
    assert rig.wait_until(lambda: len(rig.worker_pids()) == 1)


def test_a_rejected_worker_ends_if_no_hook_can_leave_a_connection(make_rig: MakeRig) -> None:
    now = [1_800_000_000.0]
    rig = make_rig(stash={"username": "me", "now": lambda: now[0]})
    scene_id, item = synced_pair(rig)
    in_the_way = rig.data / "queue" / "spool" / "connection"
    in_the_way.mkdir()
    now[0] += 7200.0

    rig.stash.edit_scene(scene_id, title="Two")

    assert rig.wait_until(lambda: not rig.worker_pids() or item.title == "Two")
    in_the_way.rmdir()
    rig.stash.edit_scene(scene_id, title="Three")
    assert rig.wait_until(lambda: item.title == "Three")
    assert len(rig.events("stash_refused")) <= 2


def test_a_disabled_plugin_sends_nothing_and_says_so(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"enabled": "false"})
    scene_id, item = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="T")

    assert rig.happened("jobs_disabled")
    assert rig.queued() == 0
    assert len(rig.plex.log) == 0
    assert item.title == "a"


def test_an_error_of_one_scene_leaves_the_others_alone(rig: Rig) -> None:
    ids = rig.add_library(5, covers=False)
    refused = str(rig.item_of(ids[0]).rating_key)
    fault = rig.plex.faults.status(400, kind="edit", predicate=lambda one: one.item_ids == refused)
    rig.task("all")
    assert fault.wait_for_hit(timeout=20)

    assert rig.wait_until(lambda: rig.queued() == 0)

    fault.clear()
    with rig.database() as database:
        dead = database.execute("SELECT scene_id, error_type, error_message FROM dead_letters")
        ((scene_id, kind, message),) = dead.fetchall()
    assert (scene_id, kind) == (ids[0], "PlexPermanentError")
    assert "400" in message
    assert "editing title, " in message
    assert str(rig.stash.scene(ids[0]).title) not in message
    assert all(text.startswith(f"scene {ids[0]},") for text in rig.verdict().differences)
    rig.stash.edit_scene(ids[0], title="Once more")
    assert rig.settled(), rig.verdict().differences
    assert rig.wait_until(lambda: dead_scenes(rig) == set())


def test_a_worker_that_starts_removes_what_is_past_its_retention(make_rig: MakeRig) -> None:
    """So are the files that killed processes left behind."""
    rig = make_rig(settings={"dlq_retention_days": "7"})
    scene_id, _ = synced_pair(rig)
    rig.stop_worker()
    with rig.database() as database:
        database.executemany(
            "INSERT INTO dead_letters (scene_id, error_type, failed_at) VALUES (?, 'X', ?)",
            [(77, "2020-01-01 00:00:00"), (78, "2999-01-01 00:00:00")],
        )
        database.commit()
    left = [
        rig.data / name
        for name in ("stats.json.tmp-4000000", "queue/rebuilt.json.tmp-4000000",
                     "queue/spool/connection.tmp-4000000")
    ]  # fmt: skip
    for path in left:
        path.write_text("{")
        os.utime(path, (1.0, 1.0))

    sync_title(rig, scene_id, "Two")

    assert rig.wait_until(lambda: dead_scenes(rig) == {78})
    assert rig.wait_until(lambda: not any(path.exists() for path in left))
