"""A new scene makes Plex scan its folder, and its metadata follows, with nobody doing anything."""

import pytest

from simulators.rig import FOLDER, Rig
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.steps import dead_scenes
from tests.e2e.test_hook import hold_worker_lock

BURST = 12


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    rig = make_rig(settings={"trigger_plex_scan": True})
    rig.tune(Tuning(scan_delay=0.3, refresh_interval=0.3))
    return rig


def create(rig: Rig, *paths: str) -> list[int]:
    created: list[int] = []
    for path in paths:
        rig.plex.disk.add(path)
        edited = rig.stash.scan_new(files=[path])
        assert [run.result.output for run in edited.runs] == ["queued"]
        created += edited.ids
    return created


def scans(rig: Rig) -> list[tuple[str, str | None]]:
    asked = [request for request in rig.plex.log.requests if request.kind == "scan"]
    return [(request.path.split("/")[3], request.param("path")) for request in asked]


def test_a_burst_of_new_scenes_in_one_folder_is_one_scan_of_that_folder(rig: Rig) -> None:
    lock = hold_worker_lock(rig)
    paths = [f"{FOLDER}/new/{number}.mp4" for number in range(BURST)]
    created = create(rig, *paths)
    assert rig.wait_until(lambda: rig.queued() == BURST)
    lock.release()

    rig.stash.edit_scenes(created, tags=["Identified"])

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert scans(rig) == [("1", f"{FOLDER}/new")]
    assert rig.settled(), rig.verdict().differences[:3]
    assert rig.verdict().compared == BURST


def test_folders_are_scanned_by_their_own_library_and_named_as_plex_sees_them(rig: Rig) -> None:
    rig.configure(plex_unmatched_path_map=f"{FOLDER}/inner=>/data")
    other = rig.plex.add_section("Inner", locations=[f"{FOLDER}/inner"])
    rig.plex.disk.add(f"{FOLDER}/inner/x/b.mp4")

    create(rig, f"{FOLDER}/outer/a.mp4")
    rig.stash.scan_new(files=["/data/x/b.mp4"])

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert sorted(scans(rig)) == [("1", f"{FOLDER}/outer"), ("2", f"{FOLDER}/inner/x")]
    assert [item.files for item in rig.plex.items(other)] == [[f"{FOLDER}/inner/x/b.mp4"]]


def test_a_folder_that_no_library_has_is_told_once_with_the_line_to_set(rig: Rig) -> None:
    rig.stash.scan_new(files=["/elsewhere/new/a.mp4"])
    rig.stash.scan_new(files=["/elsewhere/new/b.mp4"])

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert scans(rig) == []
    (told,) = rig.events("folder_not_in_plex", folder="/elsewhere/new")
    assert told["map"] == f"{FOLDER}=>/elsewhere/new"


def test_what_was_edited_before_plex_had_the_file_arrives_with_the_scan(rig: Rig) -> None:
    rig.tune(Tuning(scan_interval=1.0, not_found_back_off=3600.0))
    rig.plex.scanner.waits = True
    (scene_id,) = create(rig, f"{FOLDER}/new/a.mp4")
    rig.stash.edit_scene(scene_id, title="Edited meanwhile", tags=["T"])
    rig.plex.disk.add(f"{FOLDER}/new/b.mp4")
    rig.stash.scan_new(files=[f"{FOLDER}/new/b.mp4"], title="Known at once", tags=["T"])
    assert rig.happened("job_retried", error="PlexNotFound")
    assert rig.wait_until(lambda: scans(rig) != [])

    rig.plex.scanner.finish()

    assert rig.wait_until(lambda: rig.plex.find(f"{FOLDER}/new/b.mp4") is not None)
    assert rig.settled(), rig.verdict().differences
    assert rig.item_of(scene_id).title == "Edited meanwhile"


def test_a_scene_that_comes_after_the_scan_waits_for_the_next_one(rig: Rig) -> None:
    rig.tune(Tuning(scan_interval=3.0))
    create(rig, f"{FOLDER}/new/a.mp4")
    assert rig.wait_until(lambda: rig.plex.find(f"{FOLDER}/new/a.mp4") is not None)

    create(rig, f"{FOLDER}/new/b.mp4")

    assert rig.wait_until(lambda: rig.plex.find(f"{FOLDER}/new/b.mp4") is not None)
    first, second = (one.at for one in rig.plex.log.requests if one.kind == "scan")
    assert second - first > 2.5  # it counts from before the first request was sent
    assert dead_scenes(rig) == set()


def test_an_outage_costs_the_scan_nothing_but_time(rig: Rig) -> None:
    rig.tune(Tuning(shortest_probe=0.3))
    rig.plex.stop()
    create(rig, f"{FOLDER}/new/a.mp4")
    assert rig.happened("plex_failed")

    rig.plex.start()

    assert rig.wait_until(lambda: scans(rig) == [("1", f"{FOLDER}/new")])


def test_a_new_scene_is_dropped_in_silence_while_no_scans_are_wanted(rig: Rig) -> None:
    rig.configure(trigger_plex_scan=False)

    create(rig, f"{FOLDER}/new/a.mp4")

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert scans(rig) == []
    assert rig.events("scan_started", "folder_not_in_plex") == []
