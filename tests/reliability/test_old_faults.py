"""Faults that the earlier implementation had, each provoked from end to end.

They are those of the queue, the worker and the errors that no other suite provokes by its nature.
"""

from collections.abc import Callable

import pytest

from simulators.plex import FakePlex, Fault, Item, Request
from simulators.rig import FOLDER, Rig
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.test_outages import jobs, quicken


def edits_of(rig: Rig, item: Item) -> list[str | None]:
    return [
        one.param("title.value")
        for one in rig.plex.log.select("edit", status=200)
        if one.item_ids == str(item.rating_key)
    ]


def breaker_is_closed(rig: Rig) -> bool:
    return not (rig.data / "outage_history.json").exists()


def test_a_scene_edited_again_and_again_under_one_worker_is_synced_each_time(rig: Rig) -> None:
    """The second edit was skipped as already synced."""
    scene_id, item = rig.add_pair("a", tags=["T"])
    for title in ("One", "Two", "Three", "One"):
        rig.stash.edit_scene(scene_id, title=title)
        assert rig.wait_until(lambda title=title: item.title == title)  # type: ignore[misc]
    assert rig.wait_until(lambda: edits_of(rig, item) == ["One", "Two", "Three", "One"])
    assert len(rig.events("worker_started")) == 1


def test_process_queue_keeps_a_scene_that_plex_does_not_have(rig: Rig) -> None:
    """It was acknowledged as a duplicate, gone without a dead letter."""
    scene = rig.stash.add_scene(files=[f"{FOLDER}/none.mp4"], tags=["T"])
    rig.stash.edit_scene(scene.id, title="First")
    rig.stash.edit_scene(scene.id, title="Second")
    assert rig.happened("job_retried", error="PlexNotFound")
    rig.stop_worker()

    assert rig.task("process_queue").error is None

    (job,) = jobs(rig)
    assert job["scene_id"] == scene.id
    assert job["last_error_type"] == "PlexNotFound"
    assert breaker_is_closed(rig)


LOOK_UPS: dict[str, Callable[[FakePlex], Fault]] = {
    "500 for the listing": lambda plex: plex.faults.status(500, kind="listing"),
    "half a listing": lambda plex: plex.faults.truncate(kind="listing"),
    "a web page for a listing": lambda plex: plex.faults.html(kind="listing"),
    "500 for the libraries": lambda plex: plex.faults.status(500, kind="sections"),
    "a reset while listing": lambda plex: plex.faults.reset(kind="listing"),
}


@pytest.mark.parametrize("begin", LOOK_UPS.values(), ids=LOOK_UPS.keys())
def test_failed_searches_drop_no_job(make_rig: MakeRig, begin: Callable[[FakePlex], Fault]) -> None:
    """An outage burned the tries, or with `skip_not_found` the job."""
    rig = make_rig(settings={"skip_not_found": True})
    quicken(rig)
    rig.tune(Tuning(back_off=1.0))
    scene_id, item = rig.add_pair("a", tags=["T"])
    fault = begin(rig.plex)
    rig.stash.edit_scene(scene_id, title="There")
    assert fault.wait_for_hit(timeout=20)
    assert rig.plex.log.wait_until_idle()

    (job,) = jobs(rig)
    assert job["last_error_type"] in (None, "PlexTemporaryError")
    fault.clear()

    assert rig.wait_until(lambda: item.title == "There" and rig.queued() == 0, 60)


def test_a_job_in_back_off_stands_in_nobodys_way(rig: Rig) -> None:
    """All jobs behind it waited with it."""
    bad, bad_item = rig.add_pair("a", tags=["T"])
    ids = rig.add_library(10, covers=False)
    key = str(bad_item.rating_key)
    fault = rig.plex.faults.status(
        500, kind="edit", predicate=lambda request: request.item_ids == key
    )
    rig.stash.edit_scene(bad, title="Bad")
    assert fault.wait_for_hit()

    rig.stash.edit_scenes(ids, tags=["Fine"])

    assert rig.wait_until(lambda: rig.queued() == 1, 60)
    (job,) = jobs(rig)
    assert job["scene_id"] == bad
    assert rig.wait_until(lambda: breaker_is_closed(rig))
    fault.clear()
    assert rig.settled(60), rig.verdict().differences[:3]


def test_a_picture_that_could_not_be_sent_is_sent_later(rig: Rig) -> None:
    """A part that failed was logged, marked as synced and never repaired."""
    rig.tune(Tuning(back_off=1.0))

    def is_upload(request: Request) -> bool:
        return request.method == "POST"

    fault = rig.plex.faults.status(500, predicate=is_upload, times=1)
    (scene_id,) = rig.add_library(1)

    rig.stash.edit_scene(scene_id, title="With a cover")

    assert fault.wait_for_hit(timeout=20)
    assert rig.settled(60), rig.verdict().differences
    assert rig.wait_until(lambda: rig.queued() == 0)


WITH_PARAMETERS: dict[str, Callable[[FakePlex], Fault]] = {
    "400": lambda plex: plex.faults.status(400, kind="edit"),
    "500": lambda plex: plex.faults.status(500, kind="edit"),
    "a reset": lambda plex: plex.faults.reset(kind="edit"),
    "a web page": lambda plex: plex.faults.html(kind="edit"),
}


@pytest.mark.parametrize("begin", WITH_PARAMETERS.values(), ids=WITH_PARAMETERS.keys())
def test_no_error_has_edited_values(make_rig: MakeRig, begin: Callable[[FakePlex], Fault]) -> None:
    """Exception texts carried whole URLs, titles and summaries, into logs and letters."""
    rig = make_rig(settings={"max_retries": 1})
    rig.tune(Tuning(back_off=1.0))
    scene_id, _ = rig.add_pair("a", tags=["Tag-nobody-may-read"])
    fault = begin(rig.plex)

    rig.stash.edit_scene(scene_id, details="Summary-nobody-may-read")

    assert fault.wait_for_hit(timeout=20)
    assert rig.happened(scene=scene_id)
    assert rig.happened("job_dead_lettered", "scene_in_step", "plex_failed", "sync_paused")
    rig.task("queue_status")
    said = "\n".join(text for run in rig.stash.host.runs for text in run.result.messages())
    with rig.database() as database:
        letters = str(database.execute("SELECT * FROM dead_letters").fetchall())
    for text in (said, rig.worker_log(), letters):
        assert "nobody-may-read" not in text
        assert "summary.value" not in text
