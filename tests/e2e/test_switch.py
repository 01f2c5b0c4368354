"""From the earlier implementation to this one: its data folder in place, and nothing more to do."""

import pickle
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.rig import Rig
from tests.e2e.answers import story
from tests.e2e.steps import settle
from tests.golden import assert_golden
from tests.legacy.support import DEVICE_ID, EarlierFolder, earlier_job
from tests.soak.bench import Killer, Point
from tests.soak.seams import WORKER

HEADER = "x-plex-client-identifier"
NOWHERE = 9001  # a scene that Stash does not have: its dead letters stay


def an_hour_ago() -> str:
    return datetime.fromtimestamp(time.time() - 3600, UTC).strftime("%Y-%m-%d %H:%M:%S")


def switched(rig: Rig, waiting: int = 4) -> list[int]:
    earlier = EarlierFolder(rig.data)
    scenes = rig.add_library(waiting)
    earlier.queue(
        waiting=[earlier_job(str(one)) for one in (*scenes[1:], *scenes[1:])],
        in_progress=[earlier_job(scenes[0], path="/old/place.mp4")],
        completed=5,
    )
    earlier.letter(NOWHERE, "KeyError", "'title'", an_hour_ago())
    earlier.letter(NOWHERE, "PlexPermanentError", "Plex said no", an_hour_ago())
    earlier.write("device_id.json", {"device_id": DEVICE_ID})
    earlier.write(
        "outage_history.json",
        [{"started_at": 1.7e9, "ended_at": None, "duration": None, "jobs_affected": 0}],
    )
    earlier.write(
        "circuit_breaker.json",
        {"state": "open", "failure_count": 5, "success_count": 0, "opened_at": 1.7e9},
    )
    earlier.write(
        "stats.json", {"jobs_processed": 70, "jobs_succeeded": 64, "session_start": 1.7e9}
    )
    return scenes


def letters(rig: Rig) -> list[tuple[int, str]]:
    with rig.database() as database:
        rows = database.execute("SELECT scene_id, error_type FROM dead_letters ORDER BY 1, 2")
        return rows.fetchall()


def test_the_first_task_takes_over_what_waited_and_the_device(rig: Rig) -> None:
    switched(rig)

    status = rig.task("queue_status")

    told = [re.sub(r"\d+d \d+h", "…", line) for line in story(status)]
    assert_golden("status", "The first task after a switch", told)
    assert rig.settled()
    assert {request.headers.get(HEADER) for request in rig.plex.log.requests} == {DEVICE_ID}


def test_the_first_edit_brings_what_waited_along_and_it_comes_over_once(rig: Rig) -> None:
    scenes = switched(rig)

    rig.stash.edit_scene(scenes[0], title="Edited after the switch")

    assert rig.settled()
    assert rig.item_of(scenes[0]).title == "Edited after the switch"
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert len(rig.events("legacy_imported", "legacy_left")) == 1
    assert letters(rig) == [(NOWHERE, "KeyError"), (NOWHERE, "PlexPermanentError")]

    rig.stop_worker()
    rig.plex.log.clear()
    rig.stash.edit_scene(scenes[1], title="Edited by the next worker")
    settle(rig)

    assert len(rig.events("legacy_imported", "legacy_left")) == 1
    assert rig.plex.log.count(kind="edit") == 1
    assert "2 jobs failed permanently: " in str(rig.task("queue_status").output)
    assert (rig.data / "dlq.db.imported").exists()
    assert {request.headers.get(HEADER) for request in rig.plex.log.requests} == {DEVICE_ID}


def test_what_a_hostile_job_would_run_does_not_run(rig: Rig, tmp_path: Path) -> None:
    scenes = switched(rig)
    marker = tmp_path / "it ran"
    command = f"(S'touch {marker}'\n".encode()
    EarlierFolder(rig.data).raw_rows([b"cposix\nsystem\n" + command + b"tR."])

    rig.stash.edit_scene(scenes[0], title="T")

    assert rig.settled()
    assert not marker.exists()
    (left,) = rig.events("legacy_left")
    assert left["left"].startswith("1 row of queue/data.db: ")


KILLS = {
    "among the jobs": Point("sql:INSERT ack_queue_default:before", 1),
    "behind the jobs": Point("sql:INSERT earlier_data:before", 1),
    "before the commit": Point("sql:INSERT earlier_data:before", 2),
    "behind the commit": Point("file:rename dlq.db.imported:before", 1),
}


@pytest.mark.parametrize("point", KILLS)
def test_a_kill_during_the_switch_loses_nothing(rig: Rig, tmp_path: Path, point: str) -> None:
    scenes = switched(rig)
    killer = Killer(rig, tmp_path)
    killer.arm(WORKER, KILLS[point])

    rig.stash.edit_scene(scenes[0], title="The first worker dies")
    assert rig.wait_until(lambda: killer.has_killed and not rig.worker_pids())
    rig.stash.edit_scene(scenes[0], title="The second one does not")

    settle(rig)
    assert letters(rig) == [(NOWHERE, "KeyError"), (NOWHERE, "PlexPermanentError")]
    assert (rig.data / "dlq.db.imported").exists()


def test_a_scene_that_was_emptied_after_the_earlier_sync_is_emptied_in_plex(rig: Rig) -> None:
    """Unlike one of which nobody knows whether it was ever identified."""
    synced, item = rig.add_pair("synced", title="A")
    never, other = rig.add_pair("never", title="B")
    for one in (item, other):
        rig.plex.edit(one.rating_key, studio="An old studio")
    earlier = EarlierFolder(rig.data)
    earlier.queue(waiting=[earlier_job(synced), earlier_job(never)])
    earlier.stamps({synced: time.time() - 9000})

    rig.task("process_queue")

    assert rig.queued() == 0
    assert (item.studio, other.studio) == ("", "An old studio")


def test_a_scene_that_plex_lacked_then_and_has_now_is_synced(rig: Rig) -> None:
    scene_id, item = rig.add_pair("late", tags=["T"], title="Late")
    earlier = EarlierFolder(rig.data)
    path = rig.stash.scene(scene_id).files[0].path
    job = earlier_job(scene_id, data={"path": path})
    earlier.letter(scene_id, "PlexNotFound", "not there", an_hour_ago(), pickle.dumps(job))
    other, _ = rig.add_pair("other", tags=["T"])

    rig.stash.edit_scene(other, title="Any edit")

    assert rig.wait_until(lambda: item.title == "Late")
    assert rig.wait_until(lambda: letters(rig) == [])
