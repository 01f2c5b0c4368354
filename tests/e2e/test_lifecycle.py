"""How a worker ends and begins: idle, leaving while a hook commits, without what it needs."""

import os

from app import dependencies
from plex import diff
from shared import file_lock
from simulators.rig import Rig
from simulators.tuning import Tuning
from tests.e2e.changes import lack_a_module, wait_before_release
from tests.e2e.steps import synced_pair


def test_an_idle_worker_ends_and_the_next_edit_starts_another(rig: Rig) -> None:
    rig.tune(Tuning(linger=0.5))
    scene_id, item = synced_pair(rig)

    assert rig.wait_until(lambda: not rig.worker_pids())
    assert rig.events("worker_ended", outcome="idle")
    rig.stash.edit_scene(scene_id, title="Two")

    assert rig.wait_until(lambda: item.title == "Two")
    assert len(rig.events("worker_started")) == 2


def test_no_edit_is_stranded_by_a_worker_that_leaves_while_a_hook_commits(rig: Rig) -> None:
    rig.tune(Tuning(linger=0.0))
    scene_id, item = rig.add_pair("a", tags=["T"])

    for number in range(50 if os.environ.get("SOAK") else 12):
        rig.stash.edit_scene(scene_id, title=f"Title {number}")
        assert rig.wait_until(lambda title=f"Title {number}": item.title == title), number  # type: ignore[misc]


def test_a_worker_that_sees_new_work_after_it_let_go_of_the_lock_takes_it_again(rig: Rig) -> None:
    """Between the release and the second look a hook commits, and is told that a worker runs."""
    marker = rig.data / "marker"
    rig.tune(Tuning(linger=0.0))
    rig.alter(file_lock, wait_before_release, marker=str(marker), reached=str(rig.data / "reached"))
    rig.data.mkdir(mode=0o700)
    marker.touch()
    scene_id, item = synced_pair(rig)
    (worker,) = rig.worker_pids()

    rig.stash.edit_scene(scene_id, title="Two")
    marker.unlink()

    assert rig.wait_until(lambda: item.title == "Two")
    assert len(rig.events("worker_started")) == 1
    assert rig.worker_pids() in ([worker], [])


def test_a_worker_without_its_dependencies_says_so_and_keeps_the_jobs(rig: Rig) -> None:
    rig.alter(dependencies, lack_a_module)
    scene_id, _ = rig.add_pair("a", tags=["T"])

    runs = rig.stash.edit_scene(scene_id, title="T")

    assert runs[0].result.output == "queued"
    assert rig.happened("worker_unusable")
    assert rig.wait_until(lambda: rig.queued() == 1)


def _stumble_over_a_title() -> None:
    compare = diff.Comparison.edit

    def stumbles(comparison: diff.Comparison) -> diff.ItemEdit:
        assert comparison.desired.title != "Bug"
        return compare(comparison)

    diff.Comparison.edit = stumbles  # type: ignore[assignment, method-assign]


def test_a_bug_costs_neither_the_worker_nor_the_job(rig: Rig) -> None:
    rig.alter(diff, _stumble_over_a_title)
    bad, _ = rig.add_pair("a", tags=["T"])
    good, item = rig.add_pair("b", tags=["T"])
    rig.stash.edit_scene(bad, title="Bug")
    assert rig.happened("bug")

    rig.stash.edit_scene(good, title="Fine")

    assert rig.wait_until(lambda: item.title == "Fine")
    assert rig.wait_until(lambda: rig.queued() == 1)
    assert len(rig.worker_pids()) == 1


def test_a_hook_that_cannot_store_its_job_names_the_scene(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a")
    rig.data.write_text("a file where a folder should be")
    rig.stash.settings.directory = rig.data / "below a file"

    result = rig.stash.edit_scene(scene_id, title="T")[0].result

    assert result.error is not None
    assert f" scene {scene_id}: " in result.error
    assert result.messages("error") == [result.error]


def test_state_goes_beside_stashs_configuration_if_need_be(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.data.write_text("a file where a folder should be")

    rig.stash.edit_scene(scene_id, title="T")

    assert rig.wait_until(lambda: item.title == "T")
    assert (rig.stash.root / "Stash2Plex-data" / "queue" / "data.db").exists()
    rig.data.unlink()
