import datetime

import pytest

from simulators.rig import Rig
from tests.e2e.steps import no_worker, settle, sync_all
from tests.e2e.test_dead_letter_tasks import queue_of
from tests.e2e.test_outages import quicken
from tests.golden import assert_golden, figures
from tests.sync_queue.support import job, spool


def test_sync_all_brings_everything_and_a_second_one_sends_nothing(rig: Rig) -> None:
    rig.add_library(60)
    first = rig.task("all")
    settle(rig)
    requests = len(rig.plex.log)
    mark = rig.plex.log.mark()

    second = rig.task("all")
    forced = rig.task("all", force="true")
    drained = rig.task("process_queue")

    answers = [answer.output for answer in (first, second, forced)]
    assert_golden("tasks", "Sync All Scenes to Plex, again, and forced", answers)
    assert drained.error is None
    assert requests <= 60 * 3.25
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert rig.plex.log.writes(mark) == []


def test_a_scene_whose_time_stamp_stash_cannot_read_is_synced_with_all_others(rig: Rig) -> None:
    ids = rig.add_library(5, covers=False)
    rig.stash.update_scene(ids[2], touch=False, created_at="")
    rig.stash.update_scene(ids[3], touch=False, updated_at="")

    answers = [rig.task("all")]
    settle(rig)
    mark = rig.plex.log.mark()
    answers += [rig.task("recent"), rig.task("reconcile_all")]

    assert [answer.error for answer in answers] == [None, None, None]
    assert figures(answers[0].output)[:2] == figures(answers[2].output)[:2] == [5, 5]
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert rig.plex.log.writes(mark) == []


def test_sync_all_sends_again_what_plex_has_lost_or_shows_otherwise(rig: Rig) -> None:
    ids = rig.add_library(4, covers=False)
    rig.add_pair("no metadata")
    sync_all(rig)
    old = rig.item_of(ids[1])
    rig.plex.remove_item(old.rating_key)
    rig.plex.add_item(rig.section, *old.files)
    rig.stop_worker()
    changed = rig.item_of(ids[2])
    rig.plex.edit(changed.rating_key, summary="Another tool's", studio="Another tool's")

    answer = rig.task("all")

    assert answer.output == (
        "5 scenes checked: 2 queued, 2 already up to date in Plex, 1 without metadata in Stash"
    )
    settle(rig)
    assert "Another tool's" not in (changed.summary, changed.studio)
    assert figures(rig.task("all").output) == [5, 4, 1]


def test_a_forced_sync_finds_an_item_that_its_scene_has_got_besides(rig: Rig) -> None:
    (scene_id,) = rig.add_library(1, covers=False)
    rig.task("all")
    assert rig.settled()
    mirror = rig.plex.add_section("Mirror", ["/media/scenes"])
    rig.plex.add_item(mirror, rig.stash.scene(scene_id).files[0].path)

    rig.task("all", force="true")

    assert rig.settled(), rig.verdict().differences
    assert rig.verdict().compared == 2


def test_sync_all_names_what_has_no_file_and_goes_on_without_plex(rig: Rig) -> None:
    quicken(rig)
    rig.add_library(2, covers=False)
    rig.stash.add_scene(title="No file", tags=["T"])
    rig.plex.stop()

    answer = rig.task("all")

    assert figures(answer.output) == [3, 2, 1]
    assert len(answer.messages("warning")) == 1
    rig.plex.start()
    assert rig.wait_until(lambda: not [d for d in rig.verdict().differences if "scene 3" not in d])


def test_sync_recent_takes_the_last_24_hours_whatever_offset_stash_writes(rig: Rig) -> None:
    now = datetime.datetime.now(datetime.UTC)
    west = datetime.timezone(datetime.timedelta(hours=-8))
    for name, age, zone in (("new", 1, west), ("edge", 23, datetime.UTC), ("old", 25, west)):
        stamp = (now - datetime.timedelta(hours=age)).astimezone(zone).isoformat(timespec="seconds")
        rig.add_pair(name, tags=[name], updated_at=stamp)

    answer = rig.task("recent")

    assert figures(answer.output)[:2] == [2, 2]
    assert rig.wait_until(lambda: all(rig.item_of(one).genres for one in (1, 2)))
    assert rig.item_of(3).genres == ()


def test_process_queue_drains_with_a_progress_bar_from_0_to_1(rig: Rig) -> None:
    ids = rig.add_library(12, covers=False)
    with no_worker(rig):
        rig.stash.edit_scenes(ids, tags=["New"])

    answer = rig.task("process_queue")

    assert_golden("tasks", "Process Queue", [answer.output])
    assert rig.verdict().agree, rig.verdict().differences[:3]
    assert answer.progress == sorted(answer.progress)
    assert 0 < answer.progress[0] <= answer.progress[-1] == 1.0
    assert any("/12 jobs, " in text for text in answer.messages("info"))


def test_process_queue_watches_the_worker_that_drains_already(rig: Rig) -> None:
    ids = rig.add_library(3, covers=False)
    hang = rig.plex.faults.hang(kind="edit", times=1)
    rig.stash.edit_scenes(ids, tags=["New"])
    assert hang.wait_for_hit(timeout=20)
    job = rig.stash.run_task("Stash2Plex", None, {"mode": "process_queue"})

    hang.release()

    rig.stash.jobs.wait(job, 30)
    run = rig.stash.host.runs[-1].result
    assert run.error is None
    assert rig.settled()


def test_process_queue_stops_with_the_cause_and_keeps_the_jobs(rig: Rig) -> None:
    quicken(rig)
    ids = rig.add_library(3, covers=False)
    rig.plex.stop()
    with no_worker(rig):
        rig.stash.edit_scenes(ids, tags=["New"])

    answer = rig.task("process_queue")

    assert figures(answer.error)[-1] == 3
    rig.plex.start()
    assert rig.settled(60)


@pytest.mark.parametrize(
    ("spooled", "fails"), [(False, True), (True, False)], ids=["in the database", "in the spool"]
)
def test_any_task_sees_to_the_jobs_of_a_killed_worker(rig: Rig, spooled: bool, fails: bool) -> None:
    scene_id, item = rig.add_pair("a", title="T", tags=["T"])
    with queue_of(rig) as queue:
        if not spooled:
            queue.enqueue([job(scene_id)])
    if spooled:
        spool(rig.data / "queue", f"metadata.scene_{scene_id}")
    if fails:
        rig.plex.stop()

    answer = rig.task("clear_match_cache")

    assert (answer.error is not None) == fails
    if fails:
        rig.plex.start()
    assert rig.wait_until(lambda: item.title == "T"), rig.worker_log()
