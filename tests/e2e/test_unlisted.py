"""Files that Plex does not list as videos: the reason is told, and they are not waited for."""

import json

from simulators.rig import FOLDER, Rig
from tests.e2e.steps import dead_scenes
from tests.e2e.test_dead_letter_tasks import queue_of


def tries(rig: Rig) -> dict[int, int]:
    with queue_of(rig) as queue:
        waiting = queue.waiting_with_error("PlexNotFound")
        return {claim.job.scene_id or 0: claim.job.retry_count for claim in waiting}


def make_due(rig: Rig) -> None:
    with queue_of(rig) as queue:
        waiting = queue.waiting_with_error("PlexNotFound")
        queue.make_due_now([claim.row_id for claim in waiting])


def test_what_a_scan_of_plex_leaves_out_is_explained_and_given_up_soon(rig: Rig) -> None:
    movies = rig.plex.add_section("Movies", ["/movies"], scanner="Plex Movie")
    series = rig.plex.add_section("Series", ["/series"], type="show")
    reasons = {
        f"{FOLDER}/Studio/Scenes/x.mp4": "folder named 'Scenes'",
        f"{FOLDER}/x-trailer.mp4": "'-trailer.' in its name",
        f"{FOLDER}/x.sample.mp4": "sample",
        "/movies/girls18 2021.mp4": "'s18 2021' in the file's name looks",
        "/series/a.mp4": "library 'Series', which holds shows",
    }
    lost = {rig.stash.add_scene(title="T", tags=["t"], files=[path]).id: path for path in reasons}
    other = rig.stash.add_scene(title="Other", tags=["t"], files=[f"{FOLDER}/Scenes/other.mp4"])
    for path in (*reasons, f"{FOLDER}/Scenes/other.mp4"):
        rig.plex.disk.add(path)
    for section in (rig.section, movies, series):
        rig.plex.scanner.start(section, None)

    rig.task("all")
    for failed in (1, 2):
        wanted = dict.fromkeys(lost, failed)
        assert rig.wait_until(lambda wanted=wanted: tries(rig) == wanted)  # type: ignore[misc]
        make_due(rig)

    assert rig.wait_until(lambda: dead_scenes(rig) == lost.keys())
    assert rig.item_of(other.id).title == "Other"
    with queue_of(rig) as queue:
        letters = queue.dead_letters.of_type("PlexNotFound")
        told = {letter.job.scene_id: letter.error_message for letter in letters if letter.job}
    assert [told[scene] for scene in lost if reasons[lost[scene]] not in told[scene]] == []
    rig.stop_worker()
    item = rig.plex.add_item(movies, "/movies/girls18 2021.mp4")
    rig.stash.edit_scene(other.id, title="Another")
    assert rig.wait_until(lambda: item.title == "T")


def test_a_copy_that_plex_made_is_done_and_not_missing(rig: Rig) -> None:
    rig.add_pair("a", tags=["t"])
    copy = f"{FOLDER}/Plex Versions/Optimized for TV/a.mp4"
    rig.stash.add_scene(title="T", tags=["t"], files=[copy])

    rig.task("all")
    assert rig.wait_until(lambda: rig.data.exists() and rig.queued() == 0)
    answer = rig.task("reconcile_all")

    assert dead_scenes(rig) == set()
    assert answer.error is None
    assert json.loads((rig.data / "reconciliation_state.json").read_text())["last_gaps_found"] == 0
    assert rig.queued() == 0
